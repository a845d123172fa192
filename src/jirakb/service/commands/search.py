"""`jirakb search`, `similar` and `context`: which issues answer a question, or are like another, and what do they say?

Shows hits; never ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jirakb.service import console, options
from jirakb.settings import Settings

if TYPE_CHECKING:
    from jirakb.knowledge.index.filters import Filter
    from jirakb.knowledge.search import Searcher
    from jirakb.knowledge.search.result import SearchResult

Mode = Literal["hybrid", "text", "vector"]
Several = list[str] | None
AsQuery = Annotated[bool, typer.Option("--query", help="QUERY is the query language, whatever it begins with.")]
Type = Annotated[Several, typer.Option("--type", metavar="T", help="Issue type.")]
Status = Annotated[Several, typer.Option("--status", metavar="S", help="Status.")]
Priority = Annotated[Several, typer.Option("--priority", metavar="P", help="Priority.")]
Assignee = Annotated[Several, typer.Option("--assignee", metavar="A", help="Assignee's name.")]
Reporter = Annotated[Several, typer.Option("--reporter", metavar="R", help="Reporter's name.")]
Label = Annotated[Several, typer.Option("--label", metavar="L", help="Label.")]
Component = Annotated[Several, typer.Option("--component", metavar="C", help="Component.")]
_WHEN = "YYYY-MM-DD, or -30d for days back."
UpdatedSince = Annotated[str | None, typer.Option("--updated-since", metavar="WHEN", help=_WHEN)]
CreatedSince = Annotated[str | None, typer.Option("--created-since", metavar="WHEN", help=_WHEN)]
HowToSearch = Annotated[
    Mode, typer.Option(metavar="hybrid|text|vector", help="By words and meaning, words only, meaning only.")
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many issues.")]
Sections = Annotated[
    int, typer.Option("--sections", metavar="N", min=1, max=50, help="So many of the best places of each issue.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Say what each score is made of.")]


def search(
    query: Annotated[str, typer.Argument(help="What to look for: plain words, or a query such as 'status = Open'.")],
    as_query: AsQuery = False,
    project: options.Project = None,
    type_: Type = None,
    status: Status = None,
    priority: Priority = None,
    assignee: Assignee = None,
    reporter: Reporter = None,
    label: Label = None,
    component: Component = None,
    updated_since: UpdatedSince = None,
    created_since: CreatedSince = None,
    mode: HowToSearch = "hybrid",
    limit: Limit = 10,
    order: Annotated[
        str,
        typer.Option("--order", metavar="FIELD", help="relevance, created, updated, or 'created asc' and the like."),
    ] = "",
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="C", help="The page behind the one that told this cursor.")
    ] = None,
    facets: Annotated[
        bool, typer.Option("--facets", help="Count what matches by project, type, status and more.")
    ] = False,
    sections: Sections = 1,
    explain: Explain = False,
    home: options.Home = None,
    kb: options.Kb = "default",
    as_json: options.Json = False,
) -> None:
    """Find issues by words and by meaning, best first."""
    from jirakb.knowledge.index.filters import Filter

    now = datetime.now(UTC)
    wanted = Filter(
        projects=tuple(project or ()), types=tuple(type_ or ()), statuses=tuple(status or ()),
        priorities=tuple(priority or ()), assignees=tuple(assignee or ()), labels=tuple(label or ()),
        reporters=tuple(reporter or ()), components=tuple(component or ()),
        updated_since=options.since(updated_since, now) if updated_since else None,
        created_since=options.since(created_since, now, "--created-since") if created_since else None,
    )  # fmt: skip
    with _searcher(home, kb) as searcher:
        result = searcher.search(
            query, filter=wanted, principals=None, mode=mode, limit=limit, language="jql" if as_query else "auto",
            order=order, cursor=cursor, facets=facets, sections_per_issue=sections, explain=explain,
        )  # fmt: skip
    _show(result, as_json=as_json)


def similar(
    issue: Annotated[str, typer.Argument(metavar="KEY|TEXT", help="An issue's key, or the text of a new issue.")],
    project: options.Project = None,
    type_: Type = None,
    status: Status = None,
    label: Label = None,
    component: Component = None,
    mode: HowToSearch = "hybrid",
    limit: Limit = 10,
    sections: Sections = 1,
    explain: Explain = False,
    home: options.Home = None,
    kb: options.Kb = "default",
    as_json: options.Json = False,
) -> None:
    """Find the issues that are most like one, or like a text, and say why."""
    wanted = _filter(project, type_, status, label, component)
    with _searcher(home, kb) as searcher:
        result = searcher.similar(
            issue, filter=wanted, principals=None, mode=mode, limit=limit, sections_per_issue=sections, explain=explain
        )
    _show(result, as_json=as_json)


def context(
    query: Annotated[str, typer.Argument(help="The question that a language model is to answer.")],
    tokens: Annotated[
        int, typer.Option("--tokens", metavar="N", min=1, help="At most so many tokens, each counted as three bytes.")
    ] = 4000,
    as_query: AsQuery = False,
    project: options.Project = None,
    type_: Type = None,
    status: Status = None,
    label: Label = None,
    component: Component = None,
    mode: HowToSearch = "hybrid",
    limit: Limit = 20,
    sections: Sections = 3,
    home: options.Home = None,
    kb: options.Kb = "default",
    as_json: options.Json = False,
) -> None:
    """Print text for a language model: whole sections of the best issues, with their sources, within a budget."""
    wanted = _filter(project, type_, status, label, component)
    with _searcher(home, kb) as searcher:
        found = searcher.context(
            query, budget_tokens=tokens, principals=None, filter=wanted, mode=mode, limit=limit,
            language="jql" if as_query else "auto", sections_per_issue=sections,
        )  # fmt: skip
    for note in found.notes:
        console.say(note)
    if as_json:
        console.write_json(found.to_json())
        return
    console.write(found.text)
    console.say(f"{found.tokens} of {found.budget} tokens; {len(found.sources)} places of {found.total} issues.")


def _filter(projects: Several, types: Several, statuses: Several, labels: Several, components: Several) -> Filter:
    from jirakb.knowledge.index.filters import Filter

    return Filter(
        projects=tuple(projects or ()), types=tuple(types or ()), statuses=tuple(statuses or ()),
        labels=tuple(labels or ()), components=tuple(components or ()),
    )  # fmt: skip


@contextmanager
def _searcher(home: Path | None, kb: str) -> Iterator[Searcher]:
    from jirakb.knowledge.models import Models
    from jirakb.service.app import knowledge_base, searcher_of

    settings = Settings.for_home(home)
    with knowledge_base(settings, kb) as (_, base), closing(searcher_of(base, Models(settings))) as searcher:
        yield searcher


def _show(result: SearchResult, *, as_json: bool) -> None:
    found = result.to_json()
    for note in result.notes:
        console.say(note)
    if as_json:
        console.write_json(found)
        return
    console.show_hits(found)
    for line in (*_more_of_hits(found), *_facets(found)):
        console.write("".join(letter if letter.isprintable() else " " for letter in line))
    if result.next_cursor:
        console.say(f"The next page: --cursor {result.next_cursor}")


def _more_of_hits(found: dict[str, Any]) -> Iterator[str]:
    """What was asked for beside the hits themselves: further places, scores, reasons."""
    for hit in found["hits"]:
        places = hit.get("sections", [])[1:]
        lines = [f"    also {place['heading'] or 'summary'}: {place['snippet']} <{place['url']}>" for place in places]
        if "explain" in hit:
            lines.append(f"    score {hit['score']}: {_facts(hit['explain'])}")
        if "why" in hit:
            lines += [f"    {line}" for line in _why(hit["why"])]
        if lines:
            yield from (f"{hit['key']}:", *lines)


def _why(why: dict[str, Any]) -> Iterator[str]:
    if why["words"]:
        yield f"both say {', '.join(why['words'])}"
    if why["fields"]:
        yield f"same {_facts({name: ', '.join(values) for name, values in why['fields'].items()})}"
    if why["days_apart"] is not None:
        yield f"created {why['days_apart']} days apart"
    if why["passages"]:
        yield f"nearest: {why['passages']['own']} | {why['passages']['theirs']}"


def _facets(found: dict[str, Any]) -> Iterator[str]:
    for name, values in found.get("facets", {}).items():
        yield f"{name}: " + ", ".join(f"{entry['value'] or '(none)'} {entry['count']}" for entry in values)


def _facts(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in (None, False, {}))
