"""Do exported documents say what a corpus says? A crude, independent reader of wiki markup against a CommonMark parser.

Shares no code with the product: what a human reads in the markup is found with regular expressions alone.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

Words = Counter[str]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_VERBATIM = re.compile(r"(?<![\\{])\{(code|noformat)(?:[:.|]([^{}\n]*))?\}(.*?)\{\1\}", re.DOTALL | re.IGNORECASE)
_MENTION = re.compile(r"\[~(?:accountid:)?([^\]\n|]+)\]")
_HTML = re.compile(r"\{html\}(.*?)\{html\}", re.DOTALL)
_BLOCK_TAG = re.compile(r"</?(?:p|div|pre|ul|ol|li|blockquote|table|tr|td|th|h\d|br|hr|img)\b[^<>]*>")
_INLINE_TAG = re.compile(r"</?(?:a|b|i|em|strong|code|span|strike|u|s|sub|sup|del|ins|tt|html|body|font)\b[^<>]*>")
_UNSEEN = (
    (re.compile(r"(?<!\\)\{(?:quote|color|anchor)(?::[^{}\n]*)?\}", re.IGNORECASE), ""),
    (re.compile(r"(?<!\\)\{panel(?::(?:title=)?([^{}|\n]*)[^{}\n]*)?\}"), r" \1 "),
    (re.compile(r"^[ \t]*(?:h[1-6]\.(?=\s|[A-Z*])|h[3-6]\.(?=\D)|bq\.\s)", re.MULTILINE), " "),
    (re.compile(r"\[([^\[\]\n|]*?)\| *(?:(?:https?|ftp)://|mailto:|/|www\.)[^\[\]\n]*\]"), r"\1"),
    (re.compile(r"\[mailto:"), "["),
    (re.compile(r"(![^!\n|]+\.\w{2,5})\|[^!\n]*!"), r"\1"),
)
_DEBRIS = re.compile(r"\{/?(?:code|color|quote|noformat|html)(?::[^}\n]*)?\}|^h[3-6]\.\s|^\|\|", re.MULTILINE)
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_OWN_TAG = re.compile(r"</?(?:u|sub|sup)>")
_COMMENT_HEAD = re.compile(r"^.* \(\d{4}-\d\d-\d\dT[^)]*\):$", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """What the site says of one issue, as a human reads it. `elsewhere` are words that may stand for others (mentions)."""

    key: str
    words: Words
    elsewhere: Words
    debris: int


@dataclass(frozen=True)
class Comparison:
    """A site against an export. `worst` are the issues that lost the most words: (key, recall, some missing words)."""

    issues: int
    exported: int
    recall: float
    precision: float
    worst: list[tuple[str, float, list[str]]]
    debris: int


def compare(truth: Iterable[Told], export: Path) -> Comparison:
    """Words of summary, description and comments of each issue against its document; precision over the two bodies."""
    documents = {row["key"]: row["markdown"] for row in rows_of(export) if row["kind"] == "issue"}
    issues = found = wanted_words = body_words = strange = debris = 0
    worst: list[tuple[str, float, list[str]]] = []
    for told in truth:
        issues += 1
        head, body = _parts(documents.get(told.key, ""))
        seen_body, left = read(body)
        missing = told.words - (words(seen_body) + words(head))
        found += told.words.total() - missing.total()
        wanted_words += told.words.total()
        own = words(_COMMENT_HEAD.sub(" ", seen_body))
        strange += (own - told.words - told.elsewhere).total()
        body_words += own.total()
        debris += max(0, left - told.debris)
        if missing.total() > told.words.total() / 100:
            worst.append((told.key, round(1 - missing.total() / told.words.total(), 3), list(missing)[:5]))
    worst.sort(key=lambda row: row[1])
    return Comparison(
        issues, len(documents), found / max(1, wanted_words), 1 - strange / max(1, body_words), worst, debris
    )


def told_by_corpus(corpus: Path) -> Iterator[Told]:
    """The issues of a site file, whose texts are wiki markup."""
    names = _display_names(corpus)
    for issue in rows_of(corpus):
        if "key" in issue:
            texts = list(bodies(issue))
            wanted = words(" ".join([str(issue["fields"].get("summary") or ""), *map(crude_text, texts)]))
            called = [login for text in texts for login in _MENTION.findall(text)]
            yield Told(issue["key"], wanted, words(" ".join(f"{login} {names.get(login, '')}" for login in called)), 0)


def told_by_cloud(issues: Iterable[dict[str, Any]]) -> Iterator[Told]:
    """Issues in the form of REST v3, whose texts are ADF."""
    for issue in issues:
        pieces, debris = [str(issue["fields"].get("summary") or "")], 0
        for body in adf_bodies(issue):
            for text, is_code in adf_text(body):
                pieces.append(text)
                debris += 0 if is_code else len(_DEBRIS.findall(text))
        yield Told(issue["key"], words("".join(pieces[:1]) + " " + "".join(pieces[1:])), Counter(), debris)


def adf_bodies(issue: dict[str, Any]) -> Iterator[Any]:
    """The description and every comment, as ADF."""
    yield issue["fields"].get("description")
    yield from (comment.get("body") for comment in (issue["fields"].get("comment") or {}).get("comments", []))


def adf_text(body: Any) -> Iterator[tuple[str, bool]]:
    """What a human reads in ADF, piece by piece, and whether it is code."""
    stack: list[tuple[Any, bool]] = [(body, False)]
    while stack:
        node, is_code = stack.pop()
        if isinstance(node, str):
            yield node, is_code
        elif isinstance(node, dict):
            attrs = node.get("attrs") or {}
            kind = node.get("type")
            is_code = kind == "codeBlock" or any(mark.get("type") == "code" for mark in node.get("marks") or [])
            shown = [node.get("text"), attrs.get("text"), attrs.get("title"), attrs.get("url"), attrs.get("alt")]
            yield from ((text, is_code) for text in shown if isinstance(text, str))
            inline = kind in ("text", "mention", "emoji")
            children = [(child, is_code) for child in node.get("content") or []]
            stack += [*([] if inline else [("\n", False)]), *reversed(children)]


def bodies(issue: dict[str, Any]) -> Iterator[str]:
    """The description and every comment, as wiki markup."""
    comments = (issue["fields"].get("comment") or {}).get("comments", [])
    for text in (issue["fields"].get("description"), *(comment.get("body") for comment in comments)):
        if isinstance(text, str):
            yield text


def crude_text(wiki: str) -> str:
    """What a human reads in wiki markup."""
    text = _CONTROL.sub(" ", re.sub(r"\r\n?", "\n", wiki))
    text = _MENTION.sub(" ", text)  # shown by another name: see `compare`
    text = _HTML.sub(lambda m: " " + html.unescape(_INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", m[1]))) + " ", text)
    verbatim: list[str] = []

    def keep(found: re.Match[str]) -> str:
        title = re.search(r"title\s*[=:]\s*([^|}]*)", found[2] or "")
        verbatim.append(f"{title[1] if title else ''} {found[3]}")
        return " "

    text = _VERBATIM.sub(keep, text)
    for unseen, instead in _UNSEEN:
        text = unseen.sub(instead, text)
    return " ".join([text, *verbatim])


def words(text: str) -> Words:
    """Words, with what a URL has percent-encoded as words of their own."""
    text = re.sub(r"%[0-9A-F]{2}", " ", text)
    return Counter(word for found in re.findall(r"\w+", text) if (word := found.strip("_")))


def read(markdown: str) -> tuple[str, int]:
    """What a reader of markdown sees, and how many marks of macros it sees outside code."""
    pieces, debris = [], 0
    for text, is_code in _seen(_PARSER.parse(markdown)):
        pieces.append(text)
        debris += 0 if is_code else len(_DEBRIS.findall(text))
    return "".join(pieces), debris


def _seen(tokens: list[Token]) -> Iterator[tuple[str, bool]]:
    for token in tokens:
        if token.type == "inline":
            yield from _seen(token.children or [])
            yield "\n", False
        elif token.type in ("text", "image"):
            yield token.content, False
        elif token.type in ("html_inline", "html_block"):
            yield "\n" if token.content == "<br>" else "" if _OWN_TAG.fullmatch(token.content) else token.content, False
        elif token.type in ("code_inline", "fence", "code_block"):
            yield token.content if token.type == "code_inline" else f"\n{token.content}\n", True
        elif not (token.nesting and token.type.startswith(("em", "strong", "s_", "link"))):
            yield "\n", False


def _parts(markdown: str) -> tuple[str, str]:
    """The front matter, and the text of description and comments."""
    head, _, rest = markdown.removeprefix("---\n").partition("\n---\n")
    blocks = re.split(
        r"^## (Description|Environment|Comments|Attachments|Links|Subtasks|Work log)$", rest, flags=re.MULTILINE
    )
    kept = [text for name, text in zip(blocks[1::2], blocks[2::2], strict=True) if name in ("Description", "Comments")]
    return head, "\n".join(kept)


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file, plain or compressed."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _display_names(corpus: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for issue in rows_of(corpus):
        fields = issue.get("fields", {})
        comments = (fields.get("comment") or {}).get("comments", [])
        people = [fields.get(role) for role in ("assignee", "reporter", "creator")]
        for person in [*people, *(comment.get("author") for comment in comments)]:
            if person and "name" in person:
                found[person["name"]] = person.get("displayName", "")
    return found
