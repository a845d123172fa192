"""Sections and passages: nothing lost, nothing mixed between readers, sizes kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from jirakb.documents import EVERYONE, Document, Fields, Part, Readers
from jirakb.knowledge.split import Section, embedder_text, reader_texts, split
from jirakb.settings import MAX_SECTION_BYTES, MIN_SECTION_BYTES, OVERLAP_BYTES, PASSAGE_CHARS

STAFF = frozenset({"site:x/role:Staff"})
URL = "https://x/browse/ABC-1"


def document(*parts: Part, title: str = "Login hangs", readers: Readers = EVERYONE) -> Document:
    return Document(
        id="x:1",
        kind="issue",
        site="x",
        number=1,
        key="ABC-1",
        title=title,
        url=URL,
        updated=datetime(2024, 1, 1, tzinfo=UTC),
        head="---\nreporter_email: someone@example.com\n---\n",
        parts=parts,
        fields=Fields(),
        readers=readers,
    )


def comment(text: str, number: int = 1, readers: Readers = EVERYONE) -> Part:
    return Part("comment", "Comments", text, f"{URL}?focusedCommentId={number}", readers, str(number))


def whole(sections: list[Section]) -> str:
    return "".join(section.text[section.overlap :] for section in sections)


def of(sections: tuple[Section, ...], readers: Readers) -> list[Section]:
    return [section for section in sections if section.readers == readers]


words = st.text(alphabet="ab. \n\n-é漢😀\u0301", max_size=120)
long_words = st.tuples(words.filter(bool), st.integers(1, 3000)).map(lambda pair: pair[0] * pair[1])
parts = st.builds(
    lambda text, number, readers: comment(text, number, readers),
    st.one_of(words, long_words),
    st.integers(1, 9),
    st.sampled_from([EVERYONE, STAFF, frozenset({"a", "b"})]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(parts, max_size=6))
def test_sections_without_their_overlap_give_each_readers_whole_text(given_parts: list[Part]) -> None:
    made = document(*given_parts)
    sections = split(made)
    for text in reader_texts(made):
        mine = of(sections, text.readers)
        assert whole(mine) == text.text
        for part in given_parts:
            if part.readers == text.readers and part.text.strip():
                assert part.text in text.text


@settings(max_examples=60, deadline=None)
@given(st.lists(parts, max_size=6))
def test_sections_keep_their_sizes_anchors_and_passages(given_parts: list[Part]) -> None:
    sections = split(document(*given_parts))
    for section in sections:
        assert len(section.text.encode()) <= MAX_SECTION_BYTES
        assert len(section.text[: section.overlap].encode()) <= OVERLAP_BYTES
        offsets = [anchor.offset for anchor in section.anchors]
        assert offsets[0] == 0
        assert offsets == sorted(set(offsets))
        assert offsets[-1] < len(section.text)
        uncovered, position = "", section.overlap
        for start, stop in section.passages:
            assert position <= start < stop <= start + PASSAGE_CHARS
            uncovered += section.text[position:start]
            position = stop
        assert not (uncovered + section.text[position:]).strip()
    for readers in {section.readers for section in sections}:
        mine = of(sections, readers)
        if len(whole(mine).encode()) >= MIN_SECTION_BYTES:
            assert min(len(section.text.encode()) for section in mine) >= MIN_SECTION_BYTES


def test_an_issue_without_text_has_one_section_with_its_summary() -> None:
    (section,) = split(document(readers=STAFF))
    assert section.readers == STAFF
    assert section.text == "# ABC-1: Login hangs"
    assert section.passages == ((0, len(section.text)),)
    assert section.anchors[0].url == URL


def test_restricted_comments_never_meet_the_open_text() -> None:
    sections = split(document(comment("open one", 1), comment("secret", 2, STAFF), comment("open two", 3)))
    opened, secret = sections
    assert "secret" not in opened.text
    assert "open one\n\nopen two" in opened.text
    assert "open" not in secret.text
    assert secret.text == "# ABC-1: Login hangs\n\n## Comments\nsecret"


def test_a_part_never_has_fewer_readers_than_its_document() -> None:
    sections = split(document(comment("text", 1, EVERYONE), readers=STAFF))
    assert {section.readers for section in sections} == {STAFF}


def test_a_section_knows_which_comment_stands_where() -> None:
    (section,) = split(document(comment("first", 1), comment("second", 2)))
    at = {section.text[a.offset :].split("\n\n")[0]: a.url for a in section.anchors}
    assert at["## Comments\nfirst"] == f"{URL}?focusedCommentId=1"
    assert at["second"] == f"{URL}?focusedCommentId=2"


def test_short_comments_share_a_passage_and_long_ones_are_cut_at_sentences() -> None:
    (section,) = split(document(*(comment(f"short {n}", n) for n in range(5))))
    assert len(section.passages) == 1
    sentences = "This sentence has about fifty characters in all. " * 40
    (section,) = split(document(comment(sentences)))
    assert all(section.text[:stop].rstrip().endswith(".") for _, stop in section.passages)
    assert all(stop - start > PASSAGE_CHARS // 5 for start, stop in section.passages)


def test_a_comment_of_three_megabytes_is_split_in_linear_time() -> None:
    started = time.process_time()
    sections = split(document(comment("x" * 1_500_000 + "\n" + "ab c\n" * 300_000)))
    assert time.process_time() - started < 3
    assert len(sections) > 25
    assert len(whole(list(sections))) > 3_000_000


def test_the_embedder_reads_the_summary_once() -> None:
    assert embedder_text("Login hangs", "ABC-1", "# ABC-1: Login hangs\n\nbody ") == "ABC-1: Login hangs\nbody"
    assert embedder_text("Login\nhangs", "ABC-1", "") == "ABC-1: Login hangs"
