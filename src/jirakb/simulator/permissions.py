"""What `/mypermissions` answers. Knows the permissions that a reader of Jira asks about, not all 81 of them."""

from __future__ import annotations

from jirakb.simulator.call import Call, as_json
from jirakb.simulator.fields import Json, selection
from jirakb.simulator.messages import Answer, errors, unauthenticated

_PROJECT = (
    "BROWSE_PROJECTS",
    "ADMINISTER_PROJECTS",
    "SET_ISSUE_SECURITY",
    "ADD_COMMENTS",
    "EDIT_ISSUES",
    "CREATE_ISSUES",
)
_GLOBAL = ("ADMINISTER", "SYSTEM_ADMIN", "USER_PICKER", "BULK_CHANGE")
_FREE_TO_READ = frozenset({"BROWSE_PROJECTS", "USER_PICKER"})


def my_permissions(call: Call) -> Answer:
    """The caller's permissions: on Cloud those asked for, on Data Center all of them."""
    if not call.site.cloud and call.caller.user is None:
        raise unauthenticated()
    asked = selection(call.request.query.get("permissions", ())) if call.site.cloud else (*_PROJECT, *_GLOBAL)
    if not asked:
        raise errors(400, "The 'permissions' query parameter is required.")
    unknown = [key for key in asked if key not in (*_PROJECT, *_GLOBAL)]
    if unknown:
        raise errors(400, **dict.fromkeys(unknown, "Unrecognized permission"))
    project = _project(call)
    return as_json({"permissions": {key: _permission(call, key, project) for key in asked}})


def _project(call: Call) -> str | None:
    """The project that the query means, directly or by an issue."""
    asked = call.request.first("projectKey") or call.request.first("projectId")
    if asked:
        known = (project.key for project in call.site.projects.values() if asked in (project.key, project.id))
        key = next((key for key in known if call.site.sees_project(call.caller, key)), None)
        if key is None:
            raise errors(404, "Could not find project with provided key.")
        return key
    issue = call.request.first("issueKey") or call.request.first("issueId")
    return call.issue(issue).project if issue else None


def _permission(call: Call, key: str, project: str | None) -> Json:
    place = (*_PROJECT, *_GLOBAL).index(key)
    kind = "PROJECT" if key in _PROJECT else "GLOBAL"
    name = key.replace("_", " ").title()
    body: Json = {"id": str(10 + place), "key": key, "name": name, "type": kind, "description": name}
    return body | {"havePermission": _has(call, key, project)}


def _has(call: Call, key: str, project: str | None) -> bool:
    user = call.caller.user
    if key == "BROWSE_PROJECTS":
        projects = [project] if project else list(call.site.projects)
        return any(call.site.sees_project(call.caller, held) for held in projects)
    return user is not None and (user.admin or key in _FREE_TO_READ)
