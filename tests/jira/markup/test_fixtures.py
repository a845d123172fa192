"""Third parties' pairs: what others expect of the same input, read back and compared."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from jirakb.jira.markup import MarkupContext, adf_to_markdown, wiki_to_markdown

Pairs = Callable[[str], list[dict[str, Any]]]

ADF_OTHERWISE = {
    "test_adf:test_status_node#1": "plain-text target: a status is bold here",
    "test_adf_nodes:test_status#1": "contradicts another pair, which has the brackets",
    "test_adf:test_document_with_paragraphs#1": "plain-text target: paragraphs are apart here",
    "test_adf:test_paragraph_with_mixed_content#1": "plain-text target: a line for each inline",
    "test_adf:test_deeply_nested_content#1": "plain-text target: no bullet",
    "test_adf_nodes:test_info_panel#1": "contradicts another pair, in which an info panel has no title",
}
WIKI_OTHERWISE = {
    "test_mixed_content:TestListContent.test_list_color_list#2": "a blank line ends a list, coloured or not",
    "test_text_effects.py::TestSuperscript::test_adjacent_tokens#1": "no space where the source has none",
    "test_text_effects.py::TestSubscript::test_adjacent_tokens#1": "no space where the source has none",
}
AGREE_OTHERWISE = {
    "test_text_breaks.py::TestRuler::test_word_connections#6": "a rule with words behind it is words",
    "test_mixed_content:TestListContent.test_broken_list_markup#1": "a rule with words behind it is words",
    "test_mixed_content:TestListContent.test_broken_list_markup#3": "a lone -- is an empty item",
    "test_mixed_content:TestRecursiveContent.test_superscript_attachment#1": "a file in a line stays in the line",
    "test_mixed_content:TestListContent.test_list_blockquote#2": "a quotation ends a list",
    "test_mixed_content:TestListContent.test_list_color_list#2": "a blank line ends a list, coloured or not",
    "test_mixed_content:TestLink.test_text_markup#2": "words in brackets that name no target are words",
    "jira2md.js:should remove color attributes": "the word before a coloured one does not run into it",
}


def test_adf_pairs_are_met(pairs: Pairs, read: Callable[[str], Any]) -> None:
    failed = {pair["id"] for pair in pairs("adf/adf_to_md.jsonl") if not _adf_pair_is_met(pair, read)}
    assert failed == set(ADF_OTHERWISE)


def _adf_pair_is_met(pair: dict[str, Any], read: Callable[[str], Any]) -> bool:
    markdown = adf_to_markdown(pair["adf"])
    if pair["match"] == "substring":
        wanted = pair["must_contain"]
        return all(piece in markdown for piece in ([wanted] if isinstance(wanted, str) else wanted))
    if pair["match"].startswith("exact"):
        return bool(read(markdown).structure == read(pair["expected_md"] or "").structure)
    return _says_all(pair["adf"], read(markdown))


def _says_all(adf: Any, reading: Any) -> bool:
    """A dialect pair: every word and every link of the document is there."""
    words = Counter(word for text in _strings(adf, "text", "title") for word in re.findall(r"[^\W_]+", text))
    links = {href for href in _strings(adf, "href", "url") if "://" in href}
    return not words - Counter(re.findall(r"[^\W_]+", reading.text)) and links <= set(reading.links)


def _strings(value: Any, *names: str) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _strings(item, *names)]
    if not isinstance(value, dict):
        return []
    if value.get("type") in ("link", "hardBreak") and "href" not in names:
        return []
    own = [value[name] for name in names if isinstance(value.get(name), str)]
    return own + [text for item in value.values() for text in _strings(item, *names)]


def test_wiki_pairs_are_met_in_words_and_links(pairs: Pairs, read: Callable[[str], Any]) -> None:
    attachments = {name: name for name in ("image.jpg", "image.png", "attachment.ext")}
    failed = set()
    for pair in pairs("wiki/wiki_to_md.jsonl"):
        users = {user: str(name).removeprefix("@") for user, name in _users(pair["args"]).items()}
        context = MarkupContext(attachments=attachments, users=users or {"uuid": "elliot"})
        ours = read(wiki_to_markdown(pair["wiki"], context))
        expected = read(re.sub(r"</?(?:font|q)\b[^>]*>|\{(?:width|height)=[^}]*\}", "", pair["expected_md"]))
        if Counter(ours.words) != Counter(expected.words) or ours.links != expected.links:
            failed.add(pair["id"])
    assert failed == set(WIKI_OTHERWISE)


def _users(args: dict[str, Any]) -> dict[str, Any]:
    found = args.get("usernames") or args.get("username_map") or {}
    return found if isinstance(found, dict) else {}


def test_both_converters_agree_on_the_official_pairs(pairs: Pairs, read: Callable[[str], Any]) -> None:
    official = pairs("wiki/official_wiki_to_adf.jsonl")
    failed = {pair["id"] for pair in official if not _agree(pair, read)}
    assert failed == set(AGREE_OTHERWISE)
    assert len(failed) < len(official) / 10


def _agree(pair: dict[str, Any], read: Callable[[str], Any]) -> bool:
    wiki, adf = read(wiki_to_markdown(pair["wiki"])), read(adf_to_markdown(json.loads(json.dumps(pair["adf"]))))
    return bool((wiki.words, wiki.links, wiki.blocks) == (adf.words, adf.links, adf.blocks))


@pytest.mark.parametrize("table", [ADF_OTHERWISE, WIKI_OTHERWISE, AGREE_OTHERWISE])
def test_every_difference_has_its_reason(table: dict[str, str]) -> None:
    assert all(table.values())
