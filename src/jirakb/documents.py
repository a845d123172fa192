"""The words every folder shares: what a site yields and a knowledge base keeps. Frozen values, no behaviour beyond reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import orjson
import zstandard

Readers = frozenset[str]
"""Principals of which a reader must hold every one: each restriction (a security level, a comment's role or group, an
internal note) adds one, and all of them must admit. The empty set is the connector's unrestricted text."""

EVERYONE: Readers = frozenset()

DocumentKind = Literal["issue", "attachment"]
PartKind = Literal[
    "description", "environment", "field", "comment", "attachments", "links", "subtasks", "worklog", "history", "text"
]


@dataclass(frozen=True, slots=True)
class IssueRef:
    """One row of a listing: an issue's numeric id and, where the listing says so, when it was last updated (aware UTC)
    and its key ("" where it does not)."""

    number: int
    updated: datetime | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A page, sheet or archive member of a file: its heading ("Page 3", "" for a file in one piece) and its text.

    `anchor` is what leads to it behind the "#" of the file's address, "" where nothing does.
    """

    heading: str
    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class FileText:
    """What reading the bytes of a file brought: its text, or a short code that says why there is none.

    Beside a text, `reason` says what of the file is missing in it; a detail may follow the code behind a colon.
    The text is kept packed (zstd, of a JSON array of [heading, text, anchor]): many files wait for their issue's turn.
    """

    packed: bytes = b""
    reason: str = ""

    @classmethod
    def of(cls, pieces: Sequence[Piece], reason: str = "") -> FileText:
        """The text in these pieces, of which there is at least one."""
        rows = [[piece.heading, piece.text, piece.anchor] for piece in pieces]
        return cls(zstandard.compress(orjson.dumps(rows)), reason)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The text, unpacked; empty where there is none."""
        if not self.packed:
            return ()
        rows: list[tuple[str, str, str]] = orjson.loads(zstandard.decompress(self.packed))
        return tuple(Piece(heading, text, anchor) for heading, text, anchor in rows)


@dataclass(frozen=True, slots=True)
class AttachmentText:
    """An attachment that was read. `size` is the count of its bytes, `sha256` their hash in hexadecimal digits."""

    id: str
    name: str
    size: int
    created: datetime | None
    sha256: str
    content: FileText


@dataclass(frozen=True, slots=True)
class Omission:
    """Something that was not indexed, and why. `key` is the issue's key, or its number where no key is known."""

    key: str
    kind: Literal["issue", "comment", "attachment"]
    cls: Literal["excluded", "failed"]
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RawIssue:
    """One issue as the site sent it, completed (all comments), not yet rendered. `payload` is the JSON in bytes.

    `attachments` are those that have text, and `omissions` say which of the others were to be read but could not be;
    both are empty where attachments are not wanted.
    """

    number: int
    key: str
    updated: datetime
    payload: bytes
    attachments: tuple[AttachmentText, ...] = ()
    omissions: tuple[Omission, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document with one set of readers: the description, one comment, the list of attachments.

    `text` is the markdown as it stands in the document below its heading (a comment's includes its "- author (time):"
    line and the indentation). `url` is where a citation of this part leads. `id` is Jira's id of the comment or worklog.
    """

    kind: PartKind
    heading: str
    text: str
    url: str
    readers: Readers = EVERYONE
    id: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """What hits show and filters ask, plus what ranking uses. Absent values are "" or (); times are aware UTC."""

    project: str = ""
    project_name: str = ""
    type: str = ""
    status: str = ""
    status_category: str = ""
    priority: str = ""
    assignee: str = ""
    reporter: str = ""
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    resolution: str = ""
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The markdown of one issue or one attachment, in parts.

    `id` is stable: "SITE:10001" for an issue, "SITE:10001/attachment/7" for an attachment. `head` is the front matter
    with its two "---" lines (the only place of e-mail addresses); it is neither embedded nor searched. `readers` is what
    the whole issue needs (its security level); each part's readers include it. `title` is the summary or file name.
    """

    id: str
    kind: DocumentKind
    site: str
    number: int
    key: str
    title: str
    url: str
    updated: datetime
    head: str
    parts: tuple[Part, ...]
    fields: Fields
    readers: Readers = EVERYONE
    metadata: dict[str, object] = field(default_factory=dict)

    @property
    def markdown(self) -> str:
        """The whole document, as docs/reference/document.md describes it: front matter, then each heading once with its parts."""
        return join_parts(self.head, self.parts)


def join_parts(head: str, parts: tuple[Part, ...]) -> str:
    """Front matter and parts as one text; consecutive parts of one heading share it. Ends with one newline."""
    blocks = [head.rstrip("\n")]
    heading = ""
    for part in parts:
        if part.heading != heading:
            heading = part.heading
            blocks.append(f"## {heading}\n{part.text}")
        else:
            blocks.append(part.text)
    return "\n\n".join(block for block in blocks if block) + "\n"
