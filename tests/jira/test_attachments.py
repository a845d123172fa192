"""Which attachments are read, how often, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from jirakb.documents import AttachmentText, FileText, RawIssue
from jirakb.jira.attachments import AttachmentReader, TextsInMemory, refusal
from jirakb.jira.document.issue import Attachment
from jirakb.jira.extract.extractor import Extractor, Limits
from jirakb.source import Batch


class CountingExtractor(Extractor):
    """Counts the files that it reads."""

    count = 0

    def read(self, data: bytes) -> FileText:
        self.count += 1
        return super().read(data)


def attachment(id_: str = "7", size: int | None = 5) -> Attachment:
    return Attachment(id_, f"{id_}.log", size, "", None)


def issue(number: int, *ids: str) -> RawIssue:
    files = [{"id": id_, "filename": f"{id_}.log", "size": 5} for id_ in ids]
    payload = json.dumps({"id": str(number), "key": f"ABC-{number}", "fields": {"attachment": files}}).encode()
    return RawIssue(number, f"ABC-{number}", datetime(2026, 1, 1, tzinfo=UTC), payload)


@contextmanager
def reading(extractor: Extractor, texts: TextsInMemory) -> Iterator[AttachmentReader]:
    with closing(AttachmentReader("site", 100, lambda file: b"same bytes", extractor, texts)) as reader:
        yield reader


def test_the_same_bytes_are_read_once_even_side_by_side() -> None:
    extractor = CountingExtractor(Limits(workers=1))
    with reading(extractor, TextsInMemory()) as reader:
        batch = reader.complete(Batch(tuple(issue(number, f"{number}1", f"{number}2") for number in range(1, 9))))
    assert extractor.count == 1
    assert [len(raw.attachments) for raw in batch.issues] == [2] * 8
    assert {text.content.pieces[0].text for raw in batch.issues for text in raw.attachments} == {"same bytes"}


def test_an_attachment_that_is_listed_twice_is_one() -> None:
    with reading(CountingExtractor(), TextsInMemory()) as reader:
        (raw,) = reader.complete(Batch((issue(1, "7", "7", ""),))).issues
    assert [text.id for text in raw.attachments] == ["7"]


def test_an_issue_that_cannot_be_read_is_left_to_the_renderer() -> None:
    broken = RawIssue(1, "ABC-1", datetime(2026, 1, 1, tzinfo=UTC), b'{"fields": {"attachment": ')
    with reading(CountingExtractor(), TextsInMemory()) as reader:
        assert reader.complete(Batch((broken,))).issues == (broken,)


def test_what_no_longer_hangs_on_the_issue_is_forgotten() -> None:
    texts = TextsInMemory()
    with reading(CountingExtractor(), texts) as reader:
        reader.complete(Batch((issue(1, "7", "8"),)))
        assert set(texts.known("site", 1)) == {"7", "8"}
        reader.complete(Batch((issue(1, "8"),)))
    assert set(texts.known("site", 1)) == {"8"}
    assert texts.known("elsewhere", 1) == {}


def test_a_reader_that_crashes_is_a_failure_and_nothing_is_kept() -> None:
    texts = TextsInMemory()
    with reading(Extractor(Limits(seconds=0.001)), texts) as reader:
        (raw,) = reader.complete(Batch((issue(1, "7"),))).issues
    assert [(o.kind, o.cls, o.reason, o.detail) for o in raw.omissions] == [
        ("attachment", "failed", "extractor_timeout", "7.log")
    ]
    assert (raw.attachments, texts.known("site", 1)) == ((), {})


def test_memory_holds_what_was_read_last() -> None:
    texts = TextsInMemory(most=5000)
    for number in range(1, 5):
        content = FileText(bytes(1000))
        texts.keep("site", number, AttachmentText("7", "a.log", 1000, None, str(number), content))
    assert [bool(texts.known("site", number)) for number in range(1, 5)] == [False, False, True, True]


def test_only_what_fits_the_limit_is_asked_for() -> None:
    assert refusal(attachment(size=100), 100) is None
    assert refusal(attachment(size=None), 100) is None
    found = [refusal(attachment(size=size), 100) for size in (0, 101)]
    assert [(missed.cls, missed.reason) for missed in found if missed] == [
        ("excluded", "no_text"),
        ("excluded", "too_large"),
    ]
