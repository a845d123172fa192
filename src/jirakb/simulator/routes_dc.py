"""The endpoints of Jira Data Center, v2: offset search with an exact total, attachments behind a login page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from jirakb.simulator.bodies import ALL_CHANGES
from jirakb.simulator.call import Call, Route, as_json, listed
from jirakb.simulator.fields import Json, selection
from jirakb.simulator.messages import Answer, Refusal, errors
from jirakb.simulator.permissions import my_permissions
from jirakb.simulator.routes_cloud import or_jql_errors
from jirakb.simulator.routes_shared import ROUTES as SHARED
from jirakb.simulator.routes_shared import attached, content


def server_info(call: Call) -> Answer:
    """Which Jira this is. Data Center, too, calls itself Server."""
    body: Json = {
        "baseUrl": call.site.base_url,
        "version": "10.3.19",
        "versionNumbers": [10, 3, 19],
        "deploymentType": "Server",
        "buildNumber": 10030019,
        "buildDate": "2026-04-03T00:00:00.000-0400",
        "databaseBuildNumber": 10030019,
        "serverTime": call.site.now_text(),
        "scmInfo": "0" * 40,
        "serverTitle": call.site.title,
    }
    return as_json(body)


def search_by_query(call: Call) -> Answer:
    """GET search."""
    query = call.request.query
    asked: Json = {
        "jql": call.request.first("jql"),
        "startAt": call.number("startAt", 0),
        "maxResults": call.number("maxResults", 50),
        "fields": query.get("fields"),
        "expand": list(call.expanded),
        "validateQuery": call.request.first("validateQuery", "true") not in ("false", "none"),
    }
    return _search(call, asked)


def search_by_body(call: Call) -> Answer:
    """POST search."""
    try:
        body = call.request.json()
    except ValueError:
        raise errors(400, "The request body could not be read as JSON.") from None
    if not isinstance(body, dict):
        raise errors(400, "The request body must be an object.")
    return _search(call, body)


def _search(call: Call, asked: Json) -> Answer:
    start = _whole(asked.get("startAt"), 0)
    size = min(_whole(asked.get("maxResults"), 50), call.site.switches.search_cap)
    size = call.site.switches.shortens(size) if size else size
    validate = asked.get("validateQuery") not in (False, "false", "none")
    page = call.search.offset_page(asked.get("jql") or "", call.caller, start, size, validate=validate)
    named = selection(asked.get("fields") or ()) or ("*navigable",)
    bodies = call.many_bodies
    if "changelog" in (asked.get("expand") or ()):
        bodies.changes = ALL_CHANGES
    held = [call.site.issues[number] for number in page.numbers if number in call.site.issues]
    pieces = [bodies.issue(issue, named, call.caller, api=2) for issue in held]
    head: Json = {"expand": "schema,names", "startAt": start, "maxResults": size, "total": page.total}
    tail: Json = {"warningMessages": list(page.warnings)} if page.warnings else {}
    if "names" in (asked.get("expand") or ()):
        tail["names"] = {field.id: field.name for field in call.site.customs.values()}
    answer = listed(orjson.dumps(head)[:-1] + b',"issues":[', pieces, b"]" + _rest(tail))
    if start + size < page.total and call.site.switches.between_pages:
        call.site.switches.between_pages()
    return answer


def _whole(value: Any, default: int) -> int:
    if value is None:
        return default
    if not str(value).lstrip("-").isdecimal():
        raise errors(400, f"Cannot read a whole number from '{value}'.")
    return int(value) if int(value) >= 0 else default


def _rest(tail: Json) -> bytes:
    return b"," + orjson.dumps(tail)[1:] if tail else b"}"


def projects(call: Call) -> Answer:
    """Every project that the caller may browse, as a bare list."""
    archived = call.request.first("includeArchived") == "true"
    held = [
        project
        for project in call.site.projects.values()
        if call.site.sees_project(call.caller, project.key) and (archived or not project.archived)
    ]
    full = bool(call.expanded - {""})
    return as_json([call.bodies.project(project, api=2, full=full) for project in held])


def secure_attachment(call: Call) -> Answer:
    """The bytes of an attachment; who is not signed in is sent to the login page, which is HTML."""
    blob = call.site.blobs.get(call.args["key"])
    issue = call.site.issues.get(blob.issue) if blob else None
    if call.caller.user is None and not (issue and call.site.sees(call.caller, issue)):
        back = quote(call.request.path, safe="")
        where = f"{call.site.base_url}/login.jsp?permissionViolation=true&os_destination={back}"
        raise Refusal(Answer(302, b"", headers={"Location": where}))
    _, id_ = attached(call)
    return content(call, id_)


ROUTES = (
    Route("GET", "serverInfo", server_info),
    Route("GET", "search", or_jql_errors(search_by_query)),
    Route("POST", "search", or_jql_errors(search_by_body)),
    Route("GET", "project", projects),
    Route("GET", "mypermissions", my_permissions),
    *SHARED,
)
"""In the order in which paths are tried."""
