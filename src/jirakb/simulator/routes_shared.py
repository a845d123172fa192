"""The endpoints that Cloud and Data Center have in common, told apart by what each writes. Never searches."""

from __future__ import annotations

import re

from jirakb.simulator.call import Call, Route, as_json, issue_answer, slice_of
from jirakb.simulator.fields import SYSTEM, Json, describe, selection
from jirakb.simulator.issues import Issue
from jirakb.simulator.messages import Answer, errors

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def myself(call: Call) -> Answer:
    """Who the caller is."""
    call.signed_in()
    user = call.caller.user
    assert user is not None
    body = call.bodies.user(user, api=call.api, own=True)
    body |= {"locale": "en_US", "groups": {"size": len(user.groups), "items": []}}
    body |= {"applicationRoles": {"size": 1, "items": []}, "expand": "groups,applicationRoles"}
    if "groups" in call.expanded:
        body["groups"]["items"] = [{"name": name} for name in sorted(user.groups)]
    return as_json(body if call.site.cloud else body | {"deleted": False})


def fields(call: Call) -> Answer:
    """Every field of the site, as a bare list."""
    known = [*SYSTEM, *call.site.customs.values()]
    return as_json([describe(field, cloud=call.site.cloud) for field in known])


def project(call: Call) -> Answer:
    """One project by key or id."""
    asked = call.site.present_project(call.args["key"])
    for held in call.site.projects.values():
        if asked.upper() in (held.key.upper(), held.id) and call.site.sees_project(call.caller, held.key):
            return as_json(call.bodies.project(held, api=call.api, full=True))
    raise errors(404, f"No project could be found with {'id' if asked.isdecimal() else 'key'} '{asked}'.")


def statuses(call: Call) -> Answer:
    """The statuses of each type of a project (here: all of both)."""
    project(call)
    bodies = call.bodies
    held = bodies.catalog("status", api=call.api)
    kinds = bodies.catalog("issuetype", api=call.api)
    kept = ("self", "id", "name", "subtask")
    return as_json([{**{name: kind.get(name, False) for name in kept}, "statuses": held} for kind in kinds])


def issue(call: Call) -> Answer:
    """One issue by id, key or former key."""
    return issue_answer(call, selection(call.request.query.get("fields", ())))


def comments(call: Call) -> Answer:
    """A page of an issue's comments; Data Center sends all when no size is asked."""
    order = call.request.first("orderBy", "created")
    if order.lstrip("+-") != "created":
        raise errors(400, f"The field to order by should be one of [created]. Instead, it was: {order}.")
    start, size = slice_of(call, *((100, 100) if call.site.cloud else (1_048_576, None)))
    held = call.bodies.comments(call.issue(call.args["key"]), call.caller, api=call.api)
    held = held[::-1] if order.startswith("-") else held
    page: Json = {"startAt": start, "maxResults": size, "total": len(held)}
    return as_json(page | {"comments": held[start : start + size]})


def comment(call: Call) -> Answer:
    """One comment."""
    held = call.bodies.comments(call.issue(call.args["key"]), call.caller, api=call.api)
    found = next((body for body in held if body["id"] == call.args["comment"]), None)
    if found is None:
        raise errors(404, f"Can not find a comment for the id: {call.args['comment']}.")
    return as_json(found)


def worklogs(call: Call) -> Answer:
    """A page of an issue's worklogs."""
    start, size = slice_of(call, 5000, 5000)
    held = call.bodies.worklogs(call.issue(call.args["key"]), call.caller, api=call.api)
    page: Json = {"startAt": start, "maxResults": size, "total": len(held)}
    return as_json(page | {"worklogs": held[start : start + size]})


def remote_links(call: Call) -> Answer:
    """Links to other systems; the simulated site has none."""
    call.issue(call.args["key"])
    return as_json([])


def attached(call: Call) -> tuple[Issue, str]:
    """The issue of the attachment in the path, when the caller may see it."""
    id_ = call.args["key"]
    blob = call.site.blobs.get(id_)
    found = call.site.issues.get(blob.issue) if blob else None
    if found is None or not call.site.sees(call.caller, found):
        raise errors(404, f"The attachment with id '{id_}' does not exist")
    return found, id_


def attachment(call: Call) -> Answer:
    """What is known of an attachment; Cloud writes its id as a number here."""
    found, id_ = attached(call)
    body = call.bodies.attachment(found, id_, call.caller, api=call.api)
    return as_json(body | {"id": int(id_)} if call.site.cloud else body)


def content(call: Call, id_: str) -> Answer:
    """The bytes of an attachment, or the range of them that was asked for."""
    blob = call.site.blobs[id_]
    if blob.data is None and blob.path is None and call.site.switches.unknown_bytes == "missing":
        raise errors(404, f"The attachment with id '{id_}' does not exist")
    return ranged(blob.read(id_=id_), blob.mime, call.request.headers.get("range"))


def ranged(data: bytes, mime: str, asked: str | None) -> Answer:
    """Bytes whole (200), in part (206), or refused (400 unreadable, 416 beyond the end)."""
    if asked is None:
        return Answer(200, data, mime, {"Accept-Ranges": "bytes"})
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not any(match.groups()):
        raise errors(400, "The Range header is malformed.")
    first = int(match[1]) if match[1] else max(len(data) - int(match[2]), 0)
    last = min(int(match[2]), len(data) - 1) if match[1] and match[2] else len(data) - 1
    if first > last:
        return Answer(416, b"", mime, {"Content-Range": f"bytes */{len(data)}"})
    return Answer(206, data[first : last + 1], mime, {"Content-Range": f"bytes {first}-{last}/{len(data)}"})


def catalog(field: str) -> Route:
    """The route that lists the types, statuses, priorities or resolutions."""
    return Route("GET", field, lambda call: as_json(call.bodies.catalog(field, api=call.api)))


ROUTES = (
    Route("GET", "myself", myself),
    Route("GET", "field", fields),
    Route("GET", "project/{key}", project),
    Route("GET", "project/{key}/statuses", statuses),
    Route("GET", "issue/{key}", issue),
    Route("GET", "issue/{key}/comment", comments),
    Route("GET", "issue/{key}/comment/{comment}", comment),
    Route("GET", "issue/{key}/worklog", worklogs),
    Route("GET", "issue/{key}/remotelink", remote_links),
    Route("GET", "attachment/{key}", attachment),
    *(catalog(field) for field in ("issuetype", "status", "priority", "resolution")),
)
