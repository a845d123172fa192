"""What can a Jira text hold? A small neutral tree between ADF or wiki markup and markdown.

Frozen values only. It never knows where it came from, nor how it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Style = Literal["strong", "em", "strike", "underline", "sub", "sup"]
ItemMark = Literal["", "todo", "done", "decision"]

MAX_DEPTH = 16
"""How deep a tree may be. Parsers turn what lies deeper into plain words, so that whoever walks a tree may recurse and
markdown-it, which reads no more than 20 levels, shows all of it."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words as a reader sees them; a newline is a line break."""

    value: str


@dataclass(frozen=True, slots=True)
class Styled:
    """Inlines under one style."""

    style: Style
    content: Inlines


@dataclass(frozen=True, slots=True)
class CodeSpan:
    """Monospaced words, never interpreted."""

    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """Inlines that lead to a URL; without content the URL speaks for itself."""

    url: str
    content: Inlines = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture with a known URL."""

    url: str
    name: str


Inline: TypeAlias = Text | Styled | CodeSpan | Link | Image
Inlines: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of inlines."""

    content: Inlines


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 6."""

    level: int
    content: Inlines


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Preformatted lines, with the language where it is known."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """Blocks set apart: a quotation or a panel."""

    content: Blocks


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list; `mark` tells a task or a decision from a plain item."""

    content: Blocks
    mark: ItemMark = ""


@dataclass(frozen=True, slots=True)
class ItemList:
    """A list of items; `start` is the first number of an ordered one."""

    items: tuple[Item, ...]
    ordered: bool = False
    start: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table, and how many columns and rows it covers."""

    content: Blocks
    heading: bool = False
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells."""

    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line."""


Block: TypeAlias = Paragraph | Heading | CodeBlock | Quote | ItemList | Table | Rule
Blocks: TypeAlias = tuple[Block, ...]
