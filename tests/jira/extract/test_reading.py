"""What the bytes of files are read as."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from jirakb.documents import FileText
from jirakb.jira.extract.extractor import Extractor
from jirakb.jira.extract.kinds import kind_of
from jirakb.simulator.sample import SAMPLE

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
    assert [piece.heading for piece in found.pieces] == ["Files", "pg16-plan.pdf, Page 1", "pg16-plan.pdf, Page 2"]
    assert "house-map.png" in found.pieces[0].text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("Grüße 世界".encode(), "Grüße 世界"),
        ("Grüße 世界".encode("utf-8-sig"), "Grüße 世界"),
        ("Grüße 世界".encode("utf-16"), "Grüße 世界"),
        (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "Grüße"),
        ("Grüße aus Köln für 5 €".encode("cp1252"), "Grüße aus Köln für 5 €"),
        ("世界世界\n".encode() + b"\xe4", "世界世界\n\ufffd"),
        (b"\x1b[31mred\x1b[0m log\r\nnext", "[31mred[0m log\nnext"),
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
        sample("house-map.png"),
        b"\xff\xd8\xff\xe0" + bytes(99),
    ],
    ids=["empty", "zeros", "noise", "png", "jpeg"],
)
def test_images_and_binaries_have_no_text(read: Callable[[bytes], FileText], data: bytes) -> None:
    assert read(data) == FileText(reason="no_text")


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
