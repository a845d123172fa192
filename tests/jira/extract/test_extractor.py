"""What happens in a worker stays in the worker."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from jirakb.documents import FileText, Piece
from jirakb.jira.extract.extractor import CRASHED, TIMED_OUT, Extractor, Limits
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
