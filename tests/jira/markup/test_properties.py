"""Any input: no error, no word lost, no more time than its length deserves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jirakb.jira.markup import adf_to_markdown, wiki_to_markdown

MARKUP = st.sampled_from(
    (
        *("*", "_", "-", "+", "^", "~", "??", "!", "[", "]", "|", "||", "{", "}", "{{", "}}", "\\", "\\\\", "#", "##"),
        *("**", "*#", "*_", ":", "(", ")", "<", ">", "&", "`", "```", ";", "=", "1.", "h1.", "bq.", "----", "{code}"),
        *("{code:java}", "{quote}", "{panel:title=x}", "{color:red}", "{color}", "{noformat}", "{note}", "{expand}"),
        *("{html}", "{anchor:x}", "{x}", "${", "{*}", "(/)", "&amp;", "<b>", "</b>", " ", "  ", "\n", "\n\n", "\r\n"),
        *("\t", "\n* ", "\n# ", "\n|", "\n||", "\nh2. ", "\n- ", "\n> "),
    )
)
SPECIAL = st.text(st.sampled_from("ab1é文 \n*_~`[]()<>&;!|\\#+-=.:{}\"'/€🎉\u00a0\u2028"), max_size=40)
MARKS = st.lists(st.sampled_from(("strong", "em", "strike", "underline", "code", "link", "sub")), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | SPECIAL,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(st.sampled_from(("type", "content", "attrs", "marks", "text", "url", "x")), below, max_size=5)
        | st.builds(
            lambda kind, content, attrs: {"type": kind, "content": content, "attrs": attrs},
            st.sampled_from(
                ("paragraph", "table", "tableRow", "tableCell", "listItem", "taskList", "media", "panel", "date", "y")
            ),
            below,
            below,
        )
    ),
    max_leaves=25,
)


def joined(text: str) -> str:
    """A text without white space: how it is broken into lines does not count."""
    return re.sub(r"\s+", "", text)


def mark(name: str) -> dict[str, Any]:
    if name == "link":
        return {"type": "link", "attrs": {"href": "https://h.test/(x) y"}}
    return {"type": "subsup", "attrs": {"type": "sub"}} if name == "sub" else {"type": name}


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_is_converted(value: Any) -> None:
    assert isinstance(adf_to_markdown(value), str)


@given(st.text() | SPECIAL)
@settings(max_examples=300, deadline=None)
def test_any_text_is_converted(text: str) -> None:
    assert isinstance(wiki_to_markdown(text), str)


@given(SPECIAL)
@settings(max_examples=500, deadline=None)
def test_a_paragraph_of_any_characters_reads_back_as_itself(read: Callable[[str], Any], text: str) -> None:
    markdown = adf_to_markdown({"type": "paragraph", "content": [{"type": "text", "text": text}]})
    assert joined(read(markdown).text) == joined(text)


@given(
    st.lists(st.tuples(SPECIAL, MARKS), max_size=6), st.sampled_from(("paragraph", "heading", "tableCell", "taskItem"))
)
@settings(max_examples=500, deadline=None)
def test_styled_words_read_back_as_themselves(
    read: Callable[[str], Any], pieces: list[tuple[str, list[str]]], kind: str
) -> None:
    content = [{"type": "text", "text": words, "marks": [mark(name) for name in names]} for words, names in pieces]
    node = {"type": kind, "content": content}
    if kind == "tableCell":
        node = {"type": "table", "content": [{"type": "tableRow", "content": [node]}]}
    words = joined("".join(words for words, _ in pieces))
    box = "[]" if kind == "taskItem" and words else ""
    assert joined(read(adf_to_markdown(node)).text) == box + words


@given(st.lists(MARKUP, max_size=30))
@settings(max_examples=500, deadline=None)
def test_no_word_between_any_markup_is_lost(read: Callable[[str], Any], pieces: list[str]) -> None:
    words = [f"w{number}w" for number in range(len(pieces) + 1)]
    text = words[0] + "".join(piece + word for piece, word in zip(pieces, words[1:], strict=True))
    assume(not re.search(r"\|\s*[~#]|<[/]?b", text))
    shown = read(wiki_to_markdown(text)).text
    assert [word for word in words if word not in shown] == []


NASTY = (
    *("{{", "[", "*", "|", "||", "!", "{code}", "{quote}", "{panel:title=x}", "{color:red}", ">", "_", "-", "~", "??"),
    *("`", "\\", "](", "[a|", "!a.b|", "*a_", "{{a", "{*}a", "<a", "&#", "{html}<", "<!--", "\n******* a"),
    *("\n* a\n** b", "\n|a|b|", "\n> ", "a\n\n", " ", "\n", "____a", "a*b ", "[a]: ", "~a ^b +c -d _e *f "),
)


@pytest.mark.parametrize("unit", NASTY)
def test_twice_the_text_takes_about_twice_the_time(unit: str) -> None:
    once, twice = (unit * (size // len(unit)) for size in (30_000, 60_000))
    # A busy machine's caches make more of it than twice; four times the text would be known from a quadratic one by far.
    assert min(_seconds(twice * 2) for _ in range(2)) < 10 * _seconds(once) + 0.2


def _seconds(text: str) -> float:
    began = time.process_time()
    wiki_to_markdown(text)
    return time.process_time() - began


def test_a_megabyte_of_prose_and_of_log_takes_less_than_a_second() -> None:
    prose = "The *quick* brown fox_jumps over {{the}} lazy dog, see http://h.test/a_b for more.\n\n" * 6_000
    log = "[INFO]  2011-05-06 10:00:00 at com.example.Foo$Bar.run(Foo.java:12) -- x=1\n" * 7_000
    assert _seconds(prose + log) < 4


def test_deep_and_wide_adf_takes_time_in_proportion() -> None:
    row = {"type": "tableRow", "content": [{"type": "tableCell", "attrs": {"colspan": 10**9, "rowspan": 10**9}}]}
    began = time.process_time()
    adf_to_markdown({"type": "table", "content": [row] * 2_000})
    assert time.process_time() - began < 4


TEN_MEGABYTES = 10_000_000
PATHOLOGICAL = {
    "braces": "{",
    "brackets": "[",
    "pipes": "||",
    "styles": "_*",
    "macros": "{code}{quote}{noformat}a{panel:title=x}{color:red}",
    "items": "\n* a\n#** b",
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_ten_megabytes_of_nothing_but_markup_take_less_than_five_seconds(name: str) -> None:
    unit = PATHOLOGICAL[name]
    assert _seconds(unit * (TEN_MEGABYTES // len(unit))) < 5


def test_lists_ten_thousand_deep_take_little_time() -> None:
    assert _seconds("".join("*" * depth + f" item {depth}\n" for depth in range(1, 10_000, 100))) < 5
    doc: dict[str, Any] = {"type": "paragraph", "content": [{"type": "text", "text": "bottom"}]}
    for _ in range(10_000):
        doc = {"type": "bulletList", "content": [{"type": "listItem", "content": [doc]}]}
    began = time.process_time()
    assert "bottom" in adf_to_markdown(doc)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("unit", ["\n* {}", "\n|{}|", "{{quote}}{}", "*{}* "])
def test_no_word_is_lost_where_markup_has_no_end(unit: str) -> None:
    count = 90_000
    shown = wiki_to_markdown("".join(unit.format(f"w{number}w") for number in range(count)))
    assert len(set(re.findall(r"w\d+w", shown))) == count


def test_code_stays_code_behind_more_markup_than_is_read() -> None:
    shown = wiki_to_markdown("* a\n" * 80_000 + "{code:java}\nint i;\n{code}\nlast *word*")
    assert "```java\nint i;\n```" in shown
    assert "last *word*" in shown
