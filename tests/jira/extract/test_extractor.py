"""What happens in a worker stays in the worker."""

from __future__ import annotations

import gzip
import shutil
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from jirakb.documents import FileText, Piece
from jirakb.errors import UsageError
from jirakb.jira.extract.extractor import CRASHED, TIMED_OUT, Extractor, Limits
from jirakb.settings import Settings
from jirakb.simulator.sample import SAMPLE

FILES = Path(str(SAMPLE)).parent / "attachments"
HELLO = FileText.of([Piece("", "hello")])


def test_a_worker_that_crashes_costs_its_file_only() -> None:
    with closing(Extractor(Limits(memory=96 << 20))) as extractor:
        assert extractor.read((FILES / "pg16-plan.pdf").read_bytes()) == FileText(reason=CRASHED)
        assert extractor.read(b"hello") == HELLO


def test_a_file_that_takes_too_long_costs_its_own_text_only() -> None:
    with closing(Extractor(Limits(workers=1, cpu_seconds=0))) as extractor:
        slow = gzip.compress("a line of a log ä \x01\n".encode("cp1252") * 6_000_000, 1)
        assert extractor.read(b"hello") == HELLO
        assert extractor.read(slow).reason in {TIMED_OUT, "too_much_text"}
        assert extractor.read(b"hello") == HELLO


def test_the_clock_on_the_wall_counts_too() -> None:
    with closing(Extractor(Limits(seconds=0.001))) as extractor:
        assert extractor.read(b"hello") == FileText(reason=TIMED_OUT)


def test_workers_serve_several_threads() -> None:
    with closing(Extractor()) as extractor, ThreadPoolExecutor(6) as pool:
        texts = [str(number) * 1000 for number in range(60)]
        found = list(pool.map(lambda text: extractor.read(text.encode()), texts))
    assert [result.pieces[0].text for result in found] == texts


# ---- what native code can do in a worker; a program that is started there stands for it

PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)
HEAD = "level page_num block_num par_num line_num word_num left top width height conf text".replace(" ", "\\t")
MakeProgram = Callable[[str], str]


@pytest.fixture
def program(tmp_path: Path) -> MakeProgram:
    """Makes a program from Python lines; what it says of itself with `say` becomes the text of the image."""

    def make(lines: str) -> str:
        path = tmp_path / "program"
        say = f"def say(text): print('{HEAD}'); print('5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t99\\t' + repr(text))\n"
        path.write_text(f"#!{sys.executable} -I\n{say}{lines}\n")
        path.chmod(0o700)
        return str(path)

    return make


def said(path: str, **limits: float) -> str:
    """What the program says when an image is read by it; else the reason why it says nothing."""
    with closing(Extractor(Limits(workers=1, tesseract=path, **limits))) as extractor:  # type: ignore[arg-type]
        found = extractor.read(PNG)
    return found.pieces[0].text if found.packed else found.reason


def can_leave_the_network() -> bool:
    command = "import ctypes; libc = ctypes.CDLL(None); print(libc.unshare(0x40000000) and libc.unshare(0x50000000))"
    asked = [sys.executable, "-I", "-c", command]
    return sys.platform == "linux" and subprocess.run(asked, capture_output=True, text=True).stdout.strip() == "0"


@pytest.mark.skipif(not can_leave_the_network(), reason="this machine lets no process leave the network")
def test_no_call_leaves_the_process_that_reads_files(program: MakeProgram) -> None:
    calling = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
    say("connected")
except OSError as exc:
    say(f"refused {{type(exc).__name__}}")
"""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.2)
        path = program(calling.format(port=server.getsockname()[1]))
        assert subprocess.run([path], capture_output=True, text=True).stdout.endswith("'connected'\n")
        server.accept()[0].close()
        assert said(path).startswith("'refused")
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_process_that_reads_files_knows_nothing_of_ours(
    program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRAKB_TOKEN", "sim-secret")
    path = program("import os; say(sorted(os.environ) + [open(f'/proc/{os.getppid()}/environ').read()])")
    if not Path("/proc/self/environ").exists():
        pytest.skip("this system does not show the environment of a process")
    told = said(path)
    assert "OMP_THREAD_LIMIT" in told
    assert "sim-secret" not in told
    assert "JIRAKB" not in told


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("import time; time.sleep(60)", "image_too_hard"),
        ("while True: pass", "image_too_hard"),
        ("x = bytearray(1 << 31); say('had it all')", "broken_file"),
        ("open('big', 'wb').write(bytes(40 << 20)); say('wrote it all')", "broken_file"),
        ("import os; os.kill(os.getppid(), 9)", CRASHED),
        ("raise SystemExit(3)", "broken_file"),
    ],
    ids=["sleep", "loop", "memory", "disk", "kill", "failure"],
)
def test_a_program_that_misbehaves_costs_its_file_only(program: MakeProgram, lines: str, expected: str) -> None:
    assert said(program(lines), cpu_seconds=2) == expected


def test_a_program_that_never_stops_talking_is_ended(program: MakeProgram) -> None:
    endless = "import os, sys\nwhile True: os.write(1, b'5\\t' * 100000)"
    assert said(program(endless), cpu_seconds=2, seconds=20) in {
        "image_too_hard",
        "unpacks_too_large",
        CRASHED,
        TIMED_OUT,
    }


def test_nothing_goes_on_after_the_worker_was_ended(program: MakeProgram, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = program(f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    assert said(path, seconds=1.5) == TIMED_OUT
    ends = time.monotonic() + 5
    while is_running(int(mark.read_text())):
        assert time.monotonic() < ends
        time.sleep(0.01)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


# ---- images

GLYPHS = {
    "P": "1111110001100011111010000100001000 0", "U": "10001100011000110001100011000101110",
    "M": "10001110111010110101100011000110001", "L": "10000100001000010000100001000011111",
    "E": "11111100001000011110100001000011111", "A": "01110100011000111111100011000110001",
    "K": "10001100101010011000101001001010001", " ": "0" * 35,
}  # fmt: skip


def png_of(text: str, scale: int = 8) -> bytes:
    """Black letters of five by seven dots on white, as an image of 8-bit greys."""
    rows = [b"".join(b"\x00" * scale if bit == "1" else b"\xff" * scale for bit in _row(text, y)) for y in range(-2, 9)]
    raw = b"".join(b"\x00" + row for row in rows for _ in range(scale))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows) * scale, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def _row(text: str, y: int) -> str:
    inside = 0 <= y < 7
    return (
        "00"
        + "".join((GLYPHS[letter].replace(" ", "")[y * 5 : y * 5 + 5] if inside else "00000") + "0" for letter in text)
        + "00"
    )


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_what_is_written_in_an_image_is_read_where_tesseract_is_installed() -> None:
    limits = Limits.of(Settings.read({"JIRAKB_OCR": "auto"}))
    with closing(Extractor(limits)) as extractor:
        assert [piece.text for piece in extractor.read(png_of("PUMP LEAK")).pieces] == ["PUMP LEAK"]
        assert extractor.read((FILES / "house-map.png").read_bytes()) == FileText(reason="no_text")
        assert extractor.read(PNG) == FileText(reason="broken_file")


def test_whether_images_are_read_is_a_setting(
    program: MakeProgram, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Limits.of(Settings.read({})).tesseract == ""
    Path(program("say('read')")).rename(tmp_path / "tesseract")
    assert Limits.of(Settings.read({})).tesseract == str(tmp_path / "tesseract")
    assert Limits.of(Settings.read({"JIRAKB_OCR": "deu+eng"})).languages == "deu+eng"
    assert Limits.of(Settings.read({"JIRAKB_OCR": "off"})).tesseract == ""
    with pytest.raises(UsageError):
        Settings.read({"JIRAKB_OCR": "-l /etc/passwd"})


def test_an_image_that_nobody_looked_at_is_worth_reading_again() -> None:
    with closing(Extractor()) as blind, closing(Extractor(Limits(tesseract="/x"))) as seeing:
        assert blind.read(PNG) == FileText(reason="no_ocr")
        assert not blind.would_read_more(FileText(reason="no_ocr"))
        assert seeing.would_read_more(FileText(reason="no_ocr"))
        assert not seeing.would_read_more(FileText(reason="no_text"))
