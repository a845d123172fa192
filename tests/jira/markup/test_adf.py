"""ADF, node by node: golden/NAME.json becomes golden/NAME.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jirakb.jira.markup import MarkupContext, adf_to_markdown

GOLDEN = Path(__file__).parent / "golden"
CONTEXT = MarkupContext(
    users={"557058:ab-1": "Ada Byron"},
    attachments={"shot.png": "https://x.test/a/1/shot.png", "trace.log": "https://x.test/a/2/trace.log"},
    base_url="https://x.test",
)


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_each_kind_of_node_has_its_markdown(name: str) -> None:
    doc = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert adf_to_markdown(doc, CONTEXT) + "\n" == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


def test_every_node_and_mark_of_the_schema_is_in_a_golden_document(shared: Path) -> None:
    schema = shared / "fixtures" / "adf" / "adf-schema-full.json"
    if not schema.is_file():
        pytest.skip("the schema is not here")
    definitions = json.loads(schema.read_text(encoding="utf-8"))["definitions"].values()
    types = (definition.get("properties", {}).get("type", {}).get("enum", []) for definition in definitions)
    known = {name for names in types for name in names}
    assert known - {kind for path in GOLDEN.glob("*.json") for kind in _types(json.loads(path.read_text()))} == set()


def _types(value: Any) -> set[str]:
    if isinstance(value, list):
        return {kind for item in value for kind in _types(item)}
    if isinstance(value, dict):
        own = {value["type"]} if isinstance(value.get("type"), str) else set()
        return own | {kind for item in value.values() for kind in _types(item)}
    return set()


def text(words: str, *marks: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "marks": [{"type": mark} for mark in marks]}


def paragraph(*content: Any) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def test_neighbours_under_one_mark_are_marked_once() -> None:
    doc = paragraph(text("a ", "strong"), text("b", "strong", "em"), text(" c", "em"), text(" d"))
    assert adf_to_markdown(doc) == "**a *b*** *c* d"


def test_a_style_that_commonmark_would_not_see_gives_way_to_the_words() -> None:
    assert adf_to_markdown(paragraph(text("foo"), text("(bar)", "strong"), text("baz"))) == "foo(bar)baz"


def test_white_space_stays_outside_of_a_style() -> None:
    assert adf_to_markdown(paragraph(text("a"), text(" b ", "strong"), text("c"))) == "a **b** c"


@pytest.mark.parametrize(
    "doc", [None, "", 3, 1.5, True, [], {}, {"type": 3}, {"content": 5}, {"type": "doc"}, object(), {1: 2}]
)
def test_what_says_nothing_becomes_nothing(doc: object) -> None:
    assert adf_to_markdown(doc) == ""


def test_a_plain_string_is_words() -> None:
    assert adf_to_markdown("a <b>\n\n# c") == "a \\<b>\n\n\\# c"


def test_a_node_that_jiras_editor_does_not_know_keeps_its_own_words() -> None:
    unknown = {"type": "unsupportedBlock", "attrs": {"text": "words"}}
    assert adf_to_markdown({"type": "doc", "content": [unknown]}) == "words"


@pytest.mark.parametrize("place", ["mediaSingle", "media"])
def test_a_picture_that_is_a_link_is_one_wherever_the_link_stands(place: str) -> None:
    marks = {"marks": [{"type": "link", "attrs": {"href": "https://x.test/to"}}]}
    media = {"type": "media", "attrs": {"type": "external", "url": "https://x.test/i.png", "alt": "a"}}
    single = {"type": "mediaSingle", "content": [media | (marks if place == "media" else {})]}
    doc = single | (marks if place == "mediaSingle" else {})
    assert adf_to_markdown(doc) == "[![a](https://x.test/i.png)](https://x.test/to)"


def test_wrong_types_are_read_over() -> None:
    doc = {
        "type": "doc",
        "content": [
            None, 7, "loose", ["x"],
            {"type": "heading", "attrs": {"level": "many"}, "content": [text("head")]},
            {"type": "paragraph", "content": {"type": "text", "text": "no list"}},
            {"type": "paragraph", "content": [{"type": "text", "text": 12}, {"type": "date", "attrs": {"timestamp": 1e300}}]},
            {"type": "table", "content": [{"type": "tableRow", "content": [{"type": "tableCell", "attrs": {"colspan": -3}}, 4]}]},
            {"type": "paragraph", "content": [{"type": "text", "text": "m", "marks": [None, 3, {"type": "link"}, {"type": []}]}]},
        ],
    }  # fmt: skip
    assert adf_to_markdown(doc) == "loose\n\n# head\n\n12\n\n|  |  |\n| --- | --- |\n|  |  |\n\nm"


def test_a_hundred_thousand_levels_keep_their_words() -> None:
    doc: dict[str, Any] = paragraph(text("bottom"))
    for level in range(100_000):
        doc = {"type": ("bulletList", "listItem", "blockquote", "mystery")[level % 4], "content": [doc]}
    assert "bottom" in adf_to_markdown({"type": "doc", "content": [doc]})


def test_a_document_that_contains_itself_ends() -> None:
    doc: dict[str, Any] = {"type": "bulletList", "content": [paragraph(text("once"))]}
    doc["content"] += [{"type": "listItem", "content": [doc]}]
    assert "once" in adf_to_markdown(doc)


def test_stars_that_fill_a_line_of_a_cell_do_not_close_a_style_of_the_next() -> None:
    cell = {"type": "tableCell", "content": [text("***\n"), text(":", "strong")]}
    table = {"type": "table", "content": [{"type": "tableRow", "content": [cell]}]}
    assert adf_to_markdown(table).splitlines()[-1] == "| \\*\\*\\*<br>**:** |"


def test_atlassians_own_emoji_are_signs_and_an_unknown_one_its_name() -> None:
    def emoji(name: str, sign: str) -> dict[str, Any]:
        return {"type": "emoji", "attrs": {"shortName": name, "id": "x", "text": sign}}

    doc = paragraph(
        emoji(":check_mark:", ":check_mark:"), text(" "), emoji(":warning:", ""), text(" "), emoji(":own:", "")
    )
    assert adf_to_markdown(doc) == "✅ ⚠️ :own:"
