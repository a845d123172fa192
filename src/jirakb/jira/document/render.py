"""What is the markdown document of an issue? Turns one raw issue into its document, part by part.

Each part carries its own readers. Pure: never talks to the site, and a value it cannot read never fails an issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from jirakb.documents import Document, Fields, Omission, Part, PartKind, RawIssue
from jirakb.jira.document.attachment_document import attachment_document
from jirakb.jira.document.customfields import has_words, is_rich, readable
from jirakb.jira.document.fieldchoice import EVERYTHING, FieldChoice
from jirakb.jira.document.fields import Field, FieldCatalog
from jirakb.jira.document.frontmatter import entries, metadata, write
from jirakb.jira.document.issue import Body, Change, Entry, Issue, parse_issue
from jirakb.jira.document.lenient import clean, number
from jirakb.jira.document.restrictions import principals
from jirakb.jira.document.times import time_text
from jirakb.jira.document.urls import attachment_url, browse_url, comment_url, worklog_url
from jirakb.jira.markup import MarkupContext, adf_to_markdown, wiki_to_markdown
from jirakb.source import Rendered

NOBODY = "Anonymous"
"""Who wrote what has no author, in Jira's own word."""

_HEADING_SHIFT = 2
"""The headings of a text stand below the document's own "## Description"."""
_UNITS = ((1 << 20, "MB"), (1 << 10, "KB"))
_LONGEST_IN_HEAD = 1000
"""Characters of a field's value that the front matter holds; a longer text stands below its own heading only."""
_LONGEST_CHANGE = 120
"""Characters of a former or new value that the history shows."""
_LONG_TEXTS = frozenset({"description", "environment", "comment"})
_CHANGES_UNSAID = frozenset({"rank", "ranked", "worklogid", "timespent", "timeestimate"})
"""Changes that say nothing to a reader, or what the work log says."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_LINE_WITH_TEXT = re.compile(r"\n(?=[^\n])")


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What of a site and its connector a document depends on.

    `comment_blacklist` holds e-mail addresses, account ids, user names or display names, in any case, whose comments
    are left out. `flavor` is "cloud" or "dc". `chosen` says which fields without a place of their own are shown.
    """

    site: str
    base_url: str
    flavor: str
    fields: FieldCatalog
    include_comments: bool = True
    comment_blacklist: frozenset[str] = frozenset()
    chosen: FieldChoice = EVERYTHING
    include_history: bool = False


@dataclass(frozen=True, slots=True)
class _Shown:
    """A field without a place of its own: what the document calls it, and its value as a text."""

    field: Field
    label: str
    text: str
    rich: bool


@dataclass(frozen=True, slots=True)
class _Page:
    """One issue on its way to its parts: where it stands, who may read it, how its texts are converted."""

    context: RenderContext
    issue: Issue
    url: str
    markup: MarkupContext

    def part(self, kind: PartKind, heading: str, text: str, entry: Entry | None = None, url: str = "") -> Part:
        restrictions = entry.restrictions if entry else frozenset()
        readers = principals(self.context.site, self.issue.restrictions, restrictions)
        return Part(kind, heading, text, url or self.url, readers, entry.id if entry else "")

    def markdown(self, body: Body) -> str:
        """A rich text of the issue as markdown without outer blank lines; "" where there is none."""
        if isinstance(body, str):
            return wiki_to_markdown(clean(body), self.markup).strip("\n").rstrip()
        if isinstance(body, dict | list):
            return clean(adf_to_markdown(body, self.markup)).strip("\n").rstrip()
        return "" if body is None else str(body)


def render(raw: RawIssue, context: RenderContext) -> Rendered:
    """The documents of one issue and its attachments; raises SkippedIssueError where its JSON has no id, key or fields."""
    issue = parse_issue(raw.payload, context.fields)
    page = _Page(context, issue, browse_url(context.base_url, issue.key), _markup(issue, context))
    comments, left_out = _wanted(issue.comments, context)
    shown = tuple(_shown_fields(page))
    document = _document(page, raw, tuple(_parts(page, comments, shown)), shown)
    omissions = tuple(_omission(issue, comment) for comment in left_out)
    return Rendered((document, *_attached(page, document, raw)), omissions + raw.omissions, issue.former_keys)


def _attached(page: _Page, document: Document, raw: RawIssue) -> Iterator[Document]:
    """The documents of the attachments that were read, in the issue's order."""
    texts = {text.id: text for text in raw.attachments}
    for file in page.issue.attachments:
        text = texts.pop(file.id, None)
        if text:
            url = attachment_url(page.context.base_url, page.context.flavor, file)
            yield attachment_document(document, file, text, url)


def _markup(issue: Issue, context: RenderContext) -> MarkupContext:
    """What the converters may look up. Of several files of one name the newest is meant, as in Jira itself."""
    by_age = sorted(issue.attachments, key=lambda file: (file.created or _LONG_AGO, number(file.id) or 0))
    return MarkupContext(
        users={handle: person.name for person in issue.people() for handle in person.handles},
        attachments={file.name: attachment_url(context.base_url, context.flavor, file) for file in by_age},
        base_url=context.base_url,
        heading_shift=_HEADING_SHIFT,
    )


def _wanted(comments: tuple[Entry, ...], context: RenderContext) -> tuple[list[Entry], list[Entry]]:
    """The comments to show, newest first, and those that the blacklist leaves out."""
    if not context.include_comments:
        return [], []
    listed = frozenset(text.strip().casefold() for text in context.comment_blacklist)
    shown = [comment for comment in comments if not _is_listed(comment, listed)]
    return _newest_first(shown), [comment for comment in comments if _is_listed(comment, listed)]


def _is_listed(comment: Entry, listed: frozenset[str]) -> bool:
    return bool(listed) and comment.author is not None and comment.author.is_among(listed)


def _newest_first(written: Iterable[Entry]) -> list[Entry]:
    return sorted(written, key=lambda entry: (entry.at or _LONG_AGO, number(entry.id) or 0), reverse=True)


def _omission(issue: Issue, comment: Entry) -> Omission:
    return Omission(issue.key, "comment", "excluded", "comment_blacklist", comment.id)


def _parts(page: _Page, comments: list[Entry], shown: tuple[_Shown, ...]) -> Iterator[Part]:
    """The parts in the document's order; what is empty is no part, but a comment without text is one."""
    yield from _text_part(page, "description", "Description", page.issue.description)
    yield from _text_part(page, "environment", "Environment", page.issue.environment)
    yield from (page.part("field", field.label, field.text) for field in shown if _is_long(field))
    yield from _list_part(page, "field", "Fields", _field_lines(shown))
    yield from (_comment_part(page, comment) for comment in comments)
    yield from _list_part(page, "attachments", "Attachments", _attachment_lines(page))
    yield from _list_part(page, "links", "Links", _link_lines(page))
    yield from _list_part(page, "subtasks", "Subtasks", _subtask_lines(page))
    yield from (_work_part(page, work) for work in _newest_first(page.issue.worklog))
    if page.context.include_history:
        yield from _list_part(page, "history", "History", _history_lines(page))


def _text_part(page: _Page, kind: PartKind, heading: str, body: Body) -> Iterator[Part]:
    text = page.markdown(body)
    if text:
        yield page.part(kind, heading, text)


def _list_part(page: _Page, kind: PartKind, heading: str, lines: Iterator[str]) -> Iterator[Part]:
    text = "\n".join(lines)
    if text:
        yield page.part(kind, heading, text)


def _comment_part(page: _Page, comment: Entry) -> Part:
    url = comment_url(page.url, page.context.flavor, comment.id) if comment.id else page.url
    text = f"- {_byline(comment)}:" + _indented(page.markdown(comment.body))
    return page.part("comment", "Comments", text, comment, url)


def _work_part(page: _Page, work: Entry) -> Part:
    url = worklog_url(page.url, page.context.flavor, work.id) if work.id else page.url
    spent = f" {work.spent}" if work.spent else ""
    text = f"- {_byline(work)}:{spent}" + _indented(page.markdown(work.body))
    return page.part("worklog", "Work log", text, work, url)


def _byline(entry: Entry) -> str:
    name = entry.author.name if entry.author else NOBODY
    return f"{name} ({time_text(entry.at)})" if entry.at else name


def _indented(text: str) -> str:
    """The text on lines of its own, indented by two; lines without text stay empty."""
    return _LINE_WITH_TEXT.sub("\n  ", "\n" + text) if text else ""


def _attachment_lines(page: _Page) -> Iterator[str]:
    for file in page.issue.attachments:
        size = f" ({size_text(file.size)})" if file.size is not None else ""
        yield f"- {file.name or file.id}{size} -> {attachment_url(page.context.base_url, page.context.flavor, file)}"


def _history_lines(page: _Page) -> Iterator[str]:
    """What changed, newest first; of a long text only that it did, since the text itself stands above."""
    for change in page.issue.history:
        if change.field.casefold() in _CHANGES_UNSAID:
            continue
        name = change.author.name if change.author else NOBODY
        when = f" ({time_text(change.at)})" if change.at else ""
        yield f"- {change.field}: {_changed(change)}, {name}{when}"


def _changed(change: Change) -> str:
    values = (change.before, change.after)
    if change.field.casefold() in _LONG_TEXTS or any("\n" in v or len(v) > _LONGEST_CHANGE for v in values):
        return "changed"
    return " -> ".join(value or "none" for value in values)


def size_text(size: int) -> str:
    """A size in bytes as whole MB (2^20), KB or B."""
    return next((f"{size // unit}{name}" for unit, name in _UNITS if size >= unit), f"{size}B")


def _link_lines(page: _Page) -> Iterator[str]:
    """Links by key alone: the other issue may be one that readers of this one may not see, and its JSON does not say."""
    for link in page.issue.links:
        yield f"- {link.label} {link.key} -> {browse_url(page.context.base_url, link.key)}"


def _subtask_lines(page: _Page) -> Iterator[str]:
    """Sub-tasks with their summaries: they always have their parent's security level."""
    for task in page.issue.subtasks:
        status = f" ({task.status})" if task.status else ""
        yield f"- {task.key} {task.summary}{status} -> {browse_url(page.context.base_url, task.key)}"


def _document(page: _Page, raw: RawIssue, parts: tuple[Part, ...], shown: tuple[_Shown, ...]) -> Document:
    issue, updated = page.issue, page.issue.updated or raw.updated
    head = entries(issue, page.url, updated, {f.label: f.text for f in shown if len(f.text) <= _LONGEST_IN_HEAD})
    return Document(
        id=f"{page.context.site}:{raw.number}",
        kind="issue",
        site=page.context.site,
        number=raw.number,
        key=issue.key,
        title=issue.summary or issue.key,
        url=page.url,
        updated=updated,
        head=write(head),
        parts=parts,
        fields=_fields(issue, updated),
        readers=principals(page.context.site, issue.restrictions),
        metadata=metadata(head),
    )


def _fields(issue: Issue, updated: datetime) -> Fields:
    return Fields(
        project=issue.project,
        project_name=issue.project_name,
        type=issue.type,
        status=issue.status,
        status_category=issue.status_category,
        priority=issue.priority,
        assignee=issue.assignee.name if issue.assignee else "",
        reporter=issue.reporter.name if issue.reporter else "",
        labels=issue.labels,
        components=issue.components,
        versions=issue.fix_versions,
        resolution=issue.resolution,
        created=issue.created,
        updated=updated,
    )


def _shown_fields(page: _Page) -> Iterator[_Shown]:
    """The fields that were chosen, or are no noise, and can be read; in the order of their names."""
    catalog, chosen = page.context.fields, page.context.chosen
    for field, value in sorted(page.issue.further, key=lambda pair: (pair[0].name, pair[0].id)):
        if chosen.shows(field, catalog):
            text = readable(field, value, page.markdown, machine=chosen.named(field, catalog))
            if text:
                yield _Shown(field, catalog.label(field), text, is_rich(field, value))


def _is_long(shown: _Shown) -> bool:
    """Whether a value reads like a description, and stands below its own heading."""
    return (shown.rich and "\n" in shown.text) or len(shown.text) > _LONGEST_IN_HEAD


def _field_lines(shown: tuple[_Shown, ...]) -> Iterator[str]:
    """The short values that somebody could look for: the front matter is not searched."""
    for field in shown:
        if not _is_long(field) and has_words(field.field, field.text):
            yield f"- {field.label}: " + field.text.replace("\n", "\n  ")
