"""What is the markdown document of an attachment? Puts the text that was read from a file into a document of its own.

It has the fields and the readers of its issue. Pure: never talks to the site, never opens a file.
"""

from __future__ import annotations

from jirakb.documents import AttachmentText, Document, Part, Piece
from jirakb.jira.document.frontmatter import Entries, metadata, write
from jirakb.jira.document.issue import Attachment


def attachment_document(issue: Document, file: Attachment, text: AttachmentText, url: str) -> Document:
    """The document of one file of an issue; `url` is where the file is downloaded."""
    head = _entries(issue, file, text, url)
    return Document(
        id=f"{issue.id}/attachment/{file.id}",
        kind="attachment",
        site=issue.site,
        number=issue.number,
        key=issue.key,
        title=file.name or file.id,
        url=url,
        updated=issue.updated,
        head=write(head),
        parts=tuple(_part(issue, file, piece, url) for piece in text.content.pieces),
        fields=issue.fields,
        readers=issue.readers,
        metadata=metadata(head),
    )


def _entries(issue: Document, file: Attachment, text: AttachmentText, url: str) -> Entries:
    found: Entries = {
        "key": issue.key,
        "url": url,
        "attachment": file.name or file.id,
        "size": str(text.size),
        "issue": issue.title,
    }
    if file.author:
        found["author"] = file.author.name
    if file.created:
        found["created"] = file.created
    return found


def _part(issue: Document, file: Attachment, piece: Piece, url: str) -> Part:
    where = f"{url}#{piece.anchor}" if piece.anchor else url
    return Part("text", piece.heading, piece.text, where, issue.readers, file.id)
