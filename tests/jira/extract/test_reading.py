"""What the bytes of files are read as."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path

import pytest

from jirakb.documents import FileText
from jirakb.jira.extract.extractor import Extractor, Limits
from jirakb.jira.extract.kinds import kind_of
from jirakb.simulator.sample import SAMPLE

KANJI = "ポンプが夜に止まります。バルブを交換してください"
HANZI = "水泵在夜间停止运行，请更换阀门并检查压力传感器"
HANGUL = "펌프가 밤에 멈춥니다. 밸브를 교체하고 압력 센서를 확인하십시오"
BIG5 = "水泵在夜間停止運行，請更換閥門並檢查壓力感測器的讀數"
RUSSIAN = "Насос останавливается ночью, замените клапан и проверьте датчик"
FRENCH = "À l’été, la pompe s’arrête déjà: « 5 µm » relevés, 20 °C près du hêtre, où ça gèle. Œuvre générée à Zürich"
FILES = Path(str(SAMPLE)).parent / "attachments"


@pytest.fixture(scope="module")
def read() -> Iterator[Callable[[bytes], FileText]]:
    extractor = Extractor()
    yield extractor.read
    extractor.close()


def sample(name: str) -> bytes:
    return (FILES / name).read_bytes()


def zipped(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


def rebuilt(name: str, edit: Callable[[str, bytes], bytes]) -> bytes:
    with zipfile.ZipFile(FILES / name) as archive:
        return zipped({member: edit(member, archive.read(member)) for member in archive.namelist()})


def text(found: FileText) -> str:
    return "\n".join(piece.text for piece in found.pieces)


def test_a_pdf_is_read_page_by_page(read: Callable[[bytes], FileText]) -> None:
    found = read(sample("pg16-plan.pdf"))
    assert [(piece.heading, piece.anchor) for piece in found.pieces] == [("Page 1", "page=1"), ("Page 2", "page=2")]
    assert "PostgreSQL 14 to 16" in found.pieces[0].text
    assert "promoted replica" in found.pieces[1].text


def test_a_workbook_is_read_sheet_by_sheet(read: Callable[[bytes], FileText]) -> None:
    found = read(sample("dew-probe-calibration.xlsx"))
    assert [piece.heading for piece in found.pieces] == ["Sheet Nights", "Sheet Summary"]
    assert "| DP-01 | 1 | 86.2 |" in found.pieces[0].text
    assert "Heater pulse" in found.pieces[1].text
    assert "Heater pulse" not in found.pieces[0].text


def test_a_word_document_a_web_page_a_mail_and_rich_text_are_read(read: Callable[[bytes], FileText]) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", "Grüße"
    mail.set_content("The pump whistles äöü.")
    page = b"<!DOCTYPE html><html><body><h1>Hi</h1><p>a &lt; b</p><script>bad()</script></body></html>"
    assert "Penetration test, spring 2026" in text(read(sample("pen-test-summary.docx")))
    assert "whistles äöü" in text(read(bytes(mail)))
    assert "a < b" in text(read(page))
    assert "bad()" not in text(read(page))
    assert "bold" in text(read(b"{\\rtf1\\ansi Hello {\\b bold} world\\par Next}"))


def test_an_archive_is_listed_and_its_texts_are_read(read: Callable[[bytes], FileText]) -> None:
    found = read(sample("service-cable.zip"))
    assert [piece.heading for piece in found.pieces] == ["Files", "README.txt", "frond_rescue.py", "pinout.csv"]
    assert found.pieces[0].text.startswith("- README.txt (95 B)")


def test_an_archive_may_hold_pdfs_and_images_and_other_archives(read: Callable[[bytes], FileText]) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name in ("pg16-plan.pdf", "house-map.png", "service-cable.zip"):
            archive.add(FILES / name, arcname=name)
    found = read(held.getvalue())
    names = [
        "pg16-plan.pdf, Page 1",
        "pg16-plan.pdf, Page 2",
        "service-cable.zip, Files",
        "service-cable.zip, README.txt",
    ]
    assert [piece.heading for piece in found.pieces][:5] == ["Files", *names]
    assert {piece.anchor for piece in found.pieces} == {""}
    assert found.pieces[0].text.splitlines()[1].startswith("- house-map.png (")
    assert found.pieces[0].text.splitlines()[1].endswith(" B): an image")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("Grüße 世界".encode(), "Grüße 世界"),
        ("Grüße 世界".encode("utf-8-sig"), "Grüße 世界"),
        ("Grüße 世界".encode("utf-16"), "Grüße 世界"),
        (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "Grüße"),
        ("Grüße aus Köln für 5 €".encode("cp1252"), "Grüße aus Köln für 5 €"),
        ("世界世界\n".encode() + b"\xe4", "世界世界\n\ufffd"),
        (b"\x1b[31mred\x1b[0m log\r\nnext\x1b]0;title\x07", "red log\nnext"),
        ("Grüße, valve 7".encode("utf-16-le"), "Grüße, valve 7"),
        ("Grüße, valve 7".encode("utf-16-be"), "Grüße, valve 7"),
        ("<?xml encoding='Shift_JIS'?>弁".encode("cp932"), "<?xml encoding='Shift_JIS'?>弁"),
        ("# coding: gb2312\n阀".encode("gb2312"), "# coding: gb2312\n阀"),
        ("# coding: rot13\nvalve ü".encode("cp1252"), "# coding: rot13\nvalve ü"),
        (
            f"{KANJI} 2026-01-02 ERROR\n".encode("cp932") * 3,
            f"{KANJI} 2026-01-02 ERROR\n" * 2 + f"{KANJI} 2026-01-02 ERROR",
        ),
        (KANJI.encode("euc_jp"), KANJI),
        (KANJI.encode("iso2022_jp"), KANJI),
        (HANZI.encode("gb18030"), HANZI),
        (HANZI.encode("gb18030")[:-1], HANZI[:-1]),
        (HANGUL.encode("cp949"), HANGUL),
        (BIG5.encode("big5"), BIG5),
        (RUSSIAN.encode("cp1251"), RUSSIAN),
        (RUSSIAN.encode("koi8-r"), RUSSIAN),
        (FRENCH.encode("cp1252"), FRENCH),
        (b"before the crash\n" + bytes(4096) + b"after it", "before the crash\nafter it"),
        (b"see %PDF-1.7 for more", "see %PDF-1.7 for more"),
        (b"BM is a unit", "BM is a unit"),
        (gzip.compress(b"a packed log", mtime=0), "a packed log"),
    ],
)
def test_texts_are_read_in_their_encoding(read: Callable[[bytes], FileText], data: bytes, expected: str) -> None:
    assert text(read(data)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01" * 500,
        random.Random(1).randbytes(4000),
        b"\x7fELF" + bytes(60) + b"printf" + bytes(9) + b"libc.so" + bytes(200),
    ],
    ids=["empty", "zeros", "noise", "program"],
)
def test_binaries_have_no_text(read: Callable[[bytes], FileText], data: bytes) -> None:
    assert read(data) == FileText(reason="no_text")


@pytest.mark.parametrize("data", [sample("house-map.png"), b"\xff\xd8\xff\xe0" + bytes(99)], ids=["png", "jpeg"])
def test_images_say_that_nobody_looked_at_them(read: Callable[[bytes], FileText], data: bytes) -> None:
    assert read(data) == FileText(reason="no_ocr")


def test_the_kind_is_seen_in_the_bytes() -> None:
    kinds = [kind_of(sample(name)) for name in ("invoice-2026-0317.pdf", "service-cable.zip", "frond-crash.log")]
    assert kinds == ["pdf", "zip", "text"]
    assert kind_of(sample("dew-probe-calibration.xlsx")) == "xlsx"


def test_a_zip_bomb_costs_its_own_text_only(read: Callable[[bytes], FileText]) -> None:
    bomb = zipped({f"{number}.txt": bytes([48]) * 1_000_000 for number in range(6)})
    assert read(bomb) == FileText(reason="unpacks_too_large")
    assert read(gzip.compress(bytes(6_000_000))) == FileText(reason="unpacks_too_large")
    assert read(b"after it") != FileText(reason="unpacks_too_large")


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(read: Callable[[bytes], FileText]) -> None:
    def inflate(member: str, data: bytes) -> bytes:
        return data.replace(b"</sheetData>", b" " * 6_000_000 + b"</sheetData>") if "sheet1" in member else data

    assert read(rebuilt("dew-probe-calibration.xlsx", inflate)) == FileText(reason="unpacks_too_large")


def test_a_workbook_that_claims_all_cells_is_read_as_far_as_it_has_some(read: Callable[[bytes], FileText]) -> None:
    def claim(member: str, data: bytes) -> bytes:
        rows = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
        start = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/>'
        return start + b"<sheetData>" + rows + b"</sheetData></worksheet>" if "sheet1" in member else data

    found = read(rebuilt("dew-probe-calibration.xlsx", claim))
    assert found.reason or len(text(found)) < 1_000_000


@pytest.mark.parametrize("name", ["pg16-plan.pdf", "dew-probe-calibration.xlsx", "pen-test-summary.docx"])
def test_a_file_cut_short_is_broken(read: Callable[[bytes], FileText], name: str) -> None:
    data = sample(name)
    assert read(data[: len(data) // 2]) == FileText(reason="broken_file")


def test_noise_behind_a_mark_ends_no_worker(read: Callable[[bytes], FileText]) -> None:
    noise = random.Random(7).randbytes(5000)
    for mark in (b"%PDF-1.4\n", b"PK\x03\x04", b"\x1f\x8b", b"{\\rtf1", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        assert read(mark + noise).reason in {"broken_file", "no_text"} or mark == b"{\\rtf1"


def test_files_leave_nothing_behind() -> None:
    extractor = Extractor()
    extractor.read(sample("pg16-plan.pdf"))
    folder = extractor._folder
    assert folder
    assert [held.name for held in Path(folder.name).iterdir()] == ["kreuzberg-pdfium"]
    extractor.close()
    assert not Path(folder.name).exists()


# ---- archives in archives


def test_archives_in_archives_are_read_three_deep_and_then_named(read: Callable[[bytes], FileText]) -> None:
    data = b"the pump whistles"
    for _ in range(5):
        data = zipped({"in.zip": data, "note.txt": b"valve 7"})
    found = read(data)
    assert [piece.heading for piece in found.pieces] == [
        "Files", "in.zip, Files", "in.zip, in.zip, Files", "in.zip, in.zip, note.txt", "in.zip, note.txt", "note.txt",
    ]  # fmt: skip
    assert "in.zip (" in found.pieces[2].text
    assert found.pieces[2].text.splitlines()[0].endswith("too far in")
    assert "whistles" not in text(found)


def test_an_archive_says_of_each_file_why_it_has_no_text(read: Callable[[bytes], FileText]) -> None:
    broken = sample("pg16-plan.pdf")
    broken = broken[: len(broken) // 2]
    found = read(
        zipped({"a.txt": b"valve", "b.bin": b"\x00\x01" * 50, "c.pdf": broken, "d.png": sample("house-map.png")})
    )
    told = [line.partition(" B)")[2] for line in found.pieces[0].text.splitlines()]
    assert told == ["", ": no text", ": broken", ": an image"]


def test_members_are_counted_over_all_archives_of_a_file(read: Callable[[bytes], FileText]) -> None:
    many = zipped({f"{number}.txt": b"x" for number in range(1500)})
    found = read(zipped({"a.zip": many, "b.zip": many}))
    assert sum(piece.text == "x" for piece in found.pieces) == 2000 - 2
    assert "not all files" in found.pieces[0].text or any("not all files" in piece.text for piece in found.pieces)


def test_a_nested_bomb_costs_its_own_text_only(read: Callable[[bytes], FileText]) -> None:
    inner = zipped({f"{number}.txt": bytes([48]) * 3_000_000 for number in range(40)})
    assert read(zipped({f"{number}.zip": inner for number in range(40)})) == FileText(reason="unpacks_too_large")


@pytest.mark.parametrize("press", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_a_packed_log_is_read_stream_after_stream(
    read: Callable[[bytes], FileText], press: Callable[[bytes], bytes]
) -> None:
    assert text(read(press(b"monday\n") + press(b"tuesday\n"))) == "monday\ntuesday"
    assert read(press(bytes(8_000_000))) == FileText(reason="unpacks_too_large")


# ---- long texts


def test_a_long_text_is_cited_by_its_lines(read: Callable[[bytes], FileText]) -> None:
    lines = [f"{number:05} valve opened" for number in range(1, 501)]
    found = read("\n".join(lines).encode())
    assert found.reason == ""
    assert [piece.heading for piece in found.pieces][:2] == ["Lines 1-210", "Lines 211-420"]
    for piece in found.pieces:
        first, last = (int(part) for part in piece.heading.removeprefix("Lines ").split("-"))
        assert piece.text.splitlines() == lines[first - 1 : last]
    member = read(zipped({"server.log": "\n".join(lines).encode()}))
    assert member.pieces[1].heading == "server.log, lines 1-210"


def test_a_line_without_end_is_cut_and_still_cited(read: Callable[[bytes], FileText]) -> None:
    found = read(b'{"a":"' + b"x" * 9000 + b'"}')
    assert [piece.heading for piece in found.pieces] == ["Line 1", "Line 1", "Line 1"]
    assert len("".join(piece.text for piece in found.pieces)) == 9008


def test_of_a_log_that_is_too_long_those_lines_stay_that_say_most() -> None:
    lines = [f"2026-01-02 03:04:{number % 60:02} INFO poll {number} ok in {number % 7} ms" for number in range(90_000)]
    lines[40_000] = "2026-01-02 03:04:05 ERROR gasket of pump 7 burst\n\tat Valve.open(Valve.java:17)"
    lines[70_000] = "2026-01-02 03:04:05 INFO operator wrote: whistling since noon"
    with closing(Extractor(Limits(text=50_000))) as extractor:
        found = extractor.read("\n".join(lines).encode())
        assert extractor.would_read_more(found) is False
    with closing(Extractor(Limits(text=100_000))) as extractor:
        assert extractor.would_read_more(found) is True
    assert 40_000 < len(text(found)) <= 51_000
    assert "gasket of pump 7" in text(found)
    assert "whistling since noon" in text(found)
    assert lines[0] in found.pieces[1].text
    assert lines[-1] in found.pieces[-1].text
    kept = sum(len(piece.text.splitlines()) for piece in found.pieces[1:])
    assert found.reason.startswith(f"sampled: {kept} lines (")
    assert " of 90001 lines (" in found.reason
    assert found.reason.endswith("were read, limit 50000")
    assert found.pieces[0].text.startswith(f"Here stand {kept} lines")


def test_of_a_long_report_the_beginning_and_the_end_stay() -> None:
    words = random.Random(3)
    pages = [" ".join("".join(words.choices("abcdefgh", k=6)) for _ in range(400)) for _ in range(60)]
    with closing(Extractor(Limits(text=30_000))) as extractor:
        found = extractor.read("\n\n".join(pages).encode())
    assert found.pieces[1].heading.startswith("Lines 1-")
    assert pages[0][:500] in text(found)
    assert pages[-1][-500:] in text(found)
    assert found.reason.startswith("sampled: ")
