"""The endpoints of Jira Cloud, v3 and v2: token search, bulk fetch, redirected attachments. Never decides who calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from jirakb.simulator import jql
from jirakb.simulator.accounts import User
from jirakb.simulator.call import NO_ISSUE, Call, Handler, Route, as_json, listed, slice_of
from jirakb.simulator.fields import MULTI_VALUED, Json, Selection, only_ids, selection
from jirakb.simulator.gzip_pieces import Piece
from jirakb.simulator.issues import Issue, Project
from jirakb.simulator.media import media_location
from jirakb.simulator.messages import Answer, Refusal, errors, problem
from jirakb.simulator.permissions import my_permissions
from jirakb.simulator.routes_shared import ROUTES as SHARED
from jirakb.simulator.routes_shared import attached, content
from jirakb.simulator.search import UNBOUNDED, BadTokenError

_RETIRED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is "
    "available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
_BAD_PAYLOAD = "Invalid request payload. Refer to the REST API documentation and try again."
_ORDERS = ("name", "key", "owner", "category", "issueCount", "lastIssueUpdatedTime", "archivedDate", "deletedDate")
_LARGEST_PAGE = 5000
_BODIES_PAGE = 100
_BULK, _LIGHT_BULK = 100, 1000
_SEARCH_SCHEMA: dict[str, type] = {
    "expand": str,
    "fields": list,
    "fieldsByKeys": bool,
    "jql": str,
    "maxResults": int,
    "nextPageToken": str,
    "properties": list,
    "reconcileIssues": list,
    "includeArchivedProjects": bool,
}
_LARGEST_LOG_PAGE = 10_000
_LOG_SCHEMA: dict[str, type] = {"issueIdsOrKeys": list, "fieldIds": list, "maxResults": int, "nextPageToken": str}
_BULK_SCHEMA: dict[str, type] = {
    "issueIdsOrKeys": list,
    "fields": list,
    "expand": list,
    "fieldsByKeys": bool,
    "properties": list,
}


def server_info(call: Call) -> Answer:
    """Which Jira this is; anybody may know."""
    site = call.site
    body: Json = {
        "baseUrl": site.base_url,
        "displayUrl": site.base_url,
        "displayUrlServicedeskHelpCenter": site.base_url,
        "displayUrlConfluence": site.base_url,
        "version": "1001.0.0-SNAPSHOT",
        "versionNumbers": [1001, 0, 0],
        "deploymentType": "Cloud",
        "buildNumber": 100290,
        "buildDate": "2026-09-30T00:00:00.000-0400",
        "serverTime": site.now_text(),
        "scmInfo": "0" * 40,
        "serverTitle": site.title,
        "defaultLocale": {"locale": "en_US"},
        "serverTimeZone": str(site.zone),
    }
    return as_json(body)


def retired_search(call: Call) -> Answer:
    """The old search is gone, whatever is asked of it."""
    raise errors(410, _RETIRED)


def checked_body(call: Call, schema: dict[str, type]) -> Json:
    """The body of a POST whose schema is closed: other properties and types are refused."""
    try:
        body = call.request.json()
    except ValueError:
        raise _bad_payload() from None
    if not isinstance(body, dict) or not all(_fits(value, schema.get(name)) for name, value in body.items()):
        raise _bad_payload()
    return body


def _fits(value: Any, wanted: type | None) -> bool:
    if wanted is None:
        return False
    return value is None or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool)))


def _bad_payload() -> Refusal:
    return Refusal(as_json({"errorMessages": [_BAD_PAYLOAD]}, 400))


def search_by_query(call: Call) -> Answer:
    """GET search/jql."""
    query = call.request.query
    asked: Json = {
        "jql": call.request.first("jql"),
        "maxResults": call.number("maxResults", 50),
        "nextPageToken": call.request.first("nextPageToken"),
        "fields": query.get("fields"),
        "reconcileIssues": selection(query.get("reconcileIssues", ())),
        "expand": call.request.first("expand"),
    }
    return _search(call, asked)


def search_by_body(call: Call) -> Answer:
    """POST search/jql."""
    return _search(call, checked_body(call, _SEARCH_SCHEMA))


def _search(call: Call, asked: Json) -> Answer:
    text = asked.get("jql") or ""
    size = 50 if asked.get("maxResults") is None else asked["maxResults"]
    named = selection(asked.get("fields") or ("id",))
    _check_bounded(call, text)
    if not 1 <= size <= _LARGEST_PAGE:
        raise errors(400, "The max results parameter has to be between 1 and 5,000.")
    reconcile = tuple(int(number) for number in asked.get("reconcileIssues") or () if str(number).isdecimal())
    try:
        page = call.search.token_page(
            text,
            call.caller,
            _page_size(call, size, named),
            asked.get("nextPageToken"),
            bound_to=named,
            reconcile=reconcile,
        )
    except BadTokenError:
        raise errors(400, "The provided next page token is invalid or expired.") from None
    tail: Json = {"isLast": page.token is None} | ({"nextPageToken": page.token} if page.token else {})
    answer = listed(b'{"issues":[', _rows(call, page.numbers, named), b"]," + _tail(call, tail, asked))
    if page.token and call.site.switches.between_pages:
        call.site.switches.between_pages()
    return answer


def _page_size(call: Call, size: int, named: Selection) -> int:
    if not only_ids(named):
        size = min(size, _BODIES_PAGE)
    limit = call.site.switches.page_limit
    return call.site.switches.shortens(size if limit is None else min(size, limit))


def _tail(call: Call, tail: Json, asked: Json) -> bytes:
    expanded = selection((asked.get("expand") or "",))
    known = {**{f.id: f for f in call.site.customs.values()}}
    if "names" in expanded:
        tail["names"] = {id_: known[id_].name if id_ in known else id_ for id_ in call.site.field_ids()}
    if "schema" in expanded:
        tail["schema"] = {id_: dict(field.schema) for id_, field in known.items()}
    return orjson.dumps(tail)[1:]


def _rows(call: Call, numbers: tuple[int, ...], named: Selection) -> list[Piece]:
    if only_ids(named):
        return [Piece(b",".join(_short(call, number, named) for number in numbers))] if numbers else []
    found = [call.site.issues[number] for number in numbers if number in call.site.issues]
    return _pieces(call, found, named)


def _short(call: Call, number: int, named: Selection) -> bytes:
    if named == ("id",):
        return b'{"id":"%d"}' % number
    row = call.site.index[number]
    return orjson.dumps({"id": str(number), "self": call.bodies.url(call.api, f"issue/{number}"), "key": row.key})


def _pieces(call: Call, issues: list[Issue], named: Selection, expand: Sequence[str] = ()) -> list[Piece]:
    bodies = call.many_bodies
    if "changelog" in expand:
        bodies.changes = call.site.switches.inline_changelog_cap
    return [bodies.issue(issue, named, call.caller, api=call.api) for issue in issues]


def _check_bounded(call: Call, text: str) -> None:
    if not call.search.parse(text).bounded:
        raise errors(400, UNBOUNDED)


def approximate_count(call: Call) -> Answer:
    """POST search/approximate-count: how many issues a bounded query finds, more or less."""
    text = checked_body(call, {"jql": str}).get("jql") or ""
    _check_bounded(call, text)
    return as_json({"count": call.search.offset_page(text, call.caller, 0, 0).total})


def count_by_get(call: Call) -> Answer:
    """Counting is a POST."""
    detail = "Method 'GET' is not supported."
    raise problem(405, "Method Not Allowed", detail, call.request.path, {"Allow": "POST"})


def bulk_fetch(call: Call) -> Answer:
    """POST issue/bulkfetch: bodies by id or key, in ascending order of id."""
    asked = checked_body(call, _BULK_SCHEMA)
    named = selection(asked.get("fields") or ()) or ("*navigable",)
    wanted = [str(key) for key in asked.get("issueIdsOrKeys") or ()]
    _check_bulk(wanted, named)
    found = {key: call.site.visible(call.caller, key) for key in wanted}
    issues = {issue.number: issue for issue in found.values() if issue is not None}
    missing = [key for key, issue in found.items() if issue is None]
    if call.site.switches.bulk_missing == "omitted":
        missing = []
    tail = orjson.dumps([{"id": key, "errorMessage": NO_ISSUE} for key in missing])
    pieces = _pieces(call, [issues[number] for number in sorted(issues)], named, asked.get("expand") or ())
    return listed(b'{"issues":[', pieces, b'],"issueErrors":' + tail + b"}")


def add_comment(call: Call) -> Answer:
    """POST issue/{key}/comment: what is wrong with it, for who may not comment; else the new comment."""
    issue = call.issue(call.args["key"])
    body = checked_body(call, {"body": object, "visibility": dict, "properties": list}).get("body")
    wrong = {} if isinstance(body, dict) and body.get("type") == "doc" else {"comment": "Comment body is not valid!"}
    if call.caller.user is None:
        raise errors(400, "You do not have the permission to comment on this issue.", **wrong)
    if wrong:
        raise errors(400, **wrong)
    id_ = call.site.comment(issue.number, {"adf": body}, author=call.caller.id)
    held = call.bodies.comments(call.issue(str(issue.number)), call.caller, api=call.api)
    return as_json(next(comment for comment in held if comment["id"] == id_), 201)


def changelog(call: Call) -> Answer:
    """A page of an issue's changes, oldest first."""
    start, size = slice_of(call, 100, 100)
    issue = call.issue(call.args["key"])
    held = call.bodies.histories(issue, api=call.api)
    page = held[start : start + size]
    body: Json = {"self": call.bodies.url(call.api, f"issue/{issue.number}/changelog"), "maxResults": size}
    body |= {"startAt": start, "total": len(held), "isLast": start + len(page) >= len(held), "values": page}
    return as_json(body)


def bulk_changelogs(call: Call) -> Answer:
    """POST changelog/bulkfetch: the changes of up to a thousand issues, page after page."""
    asked = checked_body(call, _LOG_SCHEMA)
    wanted = [str(key) for key in asked.get("issueIdsOrKeys") or ()]
    size = 1000 if asked.get("maxResults") is None else asked["maxResults"]
    token = str(asked.get("nextPageToken") or "0")
    if not 1 <= len(wanted) <= _LIGHT_BULK or not 1 <= size <= _LARGEST_LOG_PAGE or not token.isdecimal():
        raise _bad_payload()
    found = {issue.number: issue for key in wanted if (issue := call.site.visible(call.caller, key))}
    rows = [(n, entry) for n in sorted(found) for entry in call.bodies.histories(found[n], api=call.api)]
    page = rows[int(token) : int(token) + size]
    logs: dict[int, list[Json]] = {}
    for number, entry in page:
        logs.setdefault(number, []).append(entry)
    body: Json = {"issueChangeLogs": [{"issueId": str(n), "changeHistories": held} for n, held in logs.items()]}
    more = int(token) + len(page) < len(rows)
    return as_json(body | ({"nextPageToken": str(int(token) + len(page))} if more else {}))


def _check_bulk(wanted: list[str], named: Selection) -> None:
    if not wanted:
        raise errors(400, "The issueIdsOrKeys property is required.")
    light = len(named) <= _BULK and not any(name in MULTI_VALUED for name in named)
    limit = _LIGHT_BULK if light else _BULK
    if len(wanted) > limit:
        raise errors(400, f"The maximum number of issues that can be fetched is {limit}.")


def project_search(call: Call) -> Answer:
    """A page of the projects that the caller may browse."""
    order = call.request.first("orderBy", "key")
    if order.lstrip("+-") not in _ORDERS:
        listed_orders = ", ".join(_ORDERS)
        raise errors(400, f"The field to order by should be one of [{listed_orders}]. Instead, it was: {order}.")
    start, size = slice_of(call, 50, 100)
    held = _projects(call)
    held.sort(key=lambda project: _order_value(project, order.lstrip("+-")), reverse=order.startswith("-"))
    page = held[start : start + size]
    values = [call.bodies.project(project, api=call.api, full=bool(call.expanded - {""})) for project in page]
    body: Json = {"self": call.bodies.url(call.api, f"project/search?startAt={start}&maxResults={size}")}
    if start + len(page) < len(held):
        body["nextPage"] = call.bodies.url(call.api, f"project/search?startAt={start + size}&maxResults={size}")
    body |= {"maxResults": size, "startAt": start, "total": len(held), "isLast": start + len(page) >= len(held)}
    return as_json(body | {"values": values})


def _order_value(project: Project, order: str) -> str:
    return project.name.lower() if order == "name" else project.key


def _projects(call: Call) -> list[Project]:
    keys, ids = call.request.query.get("keys"), call.request.query.get("id")
    states = selection(call.request.query.get("status", ("live",)))
    word = call.request.first("query").lower()
    return [
        project
        for project in call.site.projects.values()
        if call.site.sees_project(call.caller, project.key)
        and ("archived" if project.archived else "live") in states
        and (not keys or project.key in selection(keys))
        and (not ids or project.id in selection(ids))
        and word in f"{project.key} {project.name}".lower()
    ]


def projects(call: Call) -> Answer:
    """The old bare list of projects, which Cloud still has."""
    return as_json([call.bodies.project(project, api=call.api) for project in _projects(call)])


def attachment_content(call: Call) -> Answer:
    """303 to the media host, or the bytes with `redirect=false`."""
    _, id_ = attached(call)
    if call.request.first("redirect") == "false":
        return content(call, id_)
    return Answer(303, b"", headers={"Location": media_location(call.site, id_)})


def user_search(call: Call) -> Answer:
    """People by words of their name."""
    query, account = call.request.first("query"), call.request.first("accountId")
    if query and account:
        raise errors(400, "The query parameters 'query' and 'accountId' are mutually exclusive.")
    if not query and not account:
        raise errors(400, "The username or property query parameter must be provided")
    people = call.site.accounts.users.values() if call.caller.user else ()
    found = [user for user in people if user.account_id == account or (query and _is_found(user, query.lower()))]
    return as_json([call.bodies.user(user, api=call.api) for user in found[:50]])


def _is_found(user: User, words: str) -> bool:
    """By a part of the name, or by the whole address, even one that answers do not show (nobody has measured that)."""
    return words in user.display_name.lower() or words == (user.email or "").lower()


def or_jql_errors(handler: Handler) -> Handler:
    """Answer a query that Jira refuses with its messages."""

    def guarded(call: Call) -> Answer:
        try:
            return handler(call)
        except jql.JqlError as exc:
            raise errors(400, *exc.messages) from None

    return guarded


ROUTES = (
    Route("GET", "serverInfo", server_info),
    Route("GET", "search", retired_search),
    Route("POST", "search", retired_search),
    Route("GET", "search/jql", or_jql_errors(search_by_query)),
    Route("POST", "search/jql", or_jql_errors(search_by_body)),
    Route("POST", "search/approximate-count", or_jql_errors(approximate_count)),
    Route("GET", "search/approximate-count", count_by_get),
    Route("POST", "issue/bulkfetch", bulk_fetch),
    Route("POST", "changelog/bulkfetch", bulk_changelogs),
    Route("POST", "issue/{key}/comment", add_comment),
    Route("GET", "issue/{key}/changelog", changelog),
    Route("GET", "project", projects),
    Route("GET", "project/search", project_search),
    Route("GET", "mypermissions", my_permissions),
    Route("GET", "user/search", user_search),
    Route("GET", "attachment/content/{key}", attachment_content),
    *SHARED,
)
"""In the order in which paths are tried."""
