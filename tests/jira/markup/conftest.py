"""Reads markdown back with an independent CommonMark parser, and finds the shared fixtures."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_WORD = re.compile(r"\w+")
_OWN_TAG = re.compile(r"</?(?:u|sub|sup)>")


class Reading:
    """What a reader of the markdown sees: its text, words, links and blocks."""

    def __init__(self, markdown: str) -> None:
        self.tokens = _PARSER.parse(markdown)
        self.links: list[str] = []
        self.text = "".join(self._text(self.tokens))

    def _text(self, tokens: list[Token]) -> Iterator[str]:
        for token in tokens:
            if token.type == "inline":
                yield from self._text(token.children or [])
                yield "\n"
            elif token.type == "link_open":
                self.links.append(str(token.attrs["href"]))
            elif token.type == "image":
                self.links.append(str(token.attrs["src"]))
                yield token.content
            elif token.type in ("html_inline", "html_block"):
                yield "\n" if token.content == "<br>" else "" if _OWN_TAG.fullmatch(token.content) else token.content
            elif token.type in ("text", "code_inline"):
                yield token.content
            elif token.type in ("fence", "code_block"):
                yield f"\n{token.content}\n"
            else:
                yield "" if token.nesting and token.type.startswith(("em", "strong", "s_", "link")) else "\n"

    @property
    def words(self) -> list[str]:
        return [word for found in _WORD.findall(self.text) if (word := found.strip("_"))]

    @property
    def blocks(self) -> list[str]:
        return [
            token.type + (token.tag if token.type == "heading_open" else "")
            for token in self.tokens
            if token.type != "inline" and not token.type.endswith("_close")
        ]

    @property
    def structure(self) -> list[Any]:
        return [
            self._inlines(token) if token.type == "inline" else (token.type, token.tag, token.content)
            for token in self.tokens
        ]

    @staticmethod
    def _inlines(token: Token) -> list[Any]:
        found: list[Any] = []
        for child in token.children or []:
            if child.type == "text" and found and found[-1][0] == "text":
                found[-1] = ("text", found[-1][1] + child.content)
            elif child.type != "text" or child.content:
                found.append((child.type, child.content, str(child.attrs.get("href") or child.attrs.get("src") or "")))
                found[-1] = found[-1][:2] if child.type == "text" else found[-1]
        return found


@pytest.fixture(scope="session")
def read() -> Callable[[str], Reading]:
    return Reading


@pytest.fixture(scope="session")
def shared() -> Path:
    checkout = Path(__file__).parents[3]
    folder = Path(os.environ.get("JIRAKB_SHARED", checkout / ".." / "shared")).resolve()
    if not folder.is_dir():
        pytest.skip("the shared fixtures are not here")
    return folder


@pytest.fixture(scope="session")
def pairs(shared: Path) -> Callable[[str], list[dict[str, Any]]]:
    def load(name: str) -> list[dict[str, Any]]:
        path = shared / "fixtures" / name
        if not path.is_file():
            pytest.skip(f"{name} is not here")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return load
