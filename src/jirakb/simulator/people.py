"""Who may sign in and what each user may see, in the words of a test. Changes rights, never an issue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from jirakb.simulator.accounts import AGENT, Credential, CredentialKind, User, new_user
from jirakb.simulator.state import State, locked


class People(State):
    """The part of a site's verbs that concerns users."""

    @locked
    def account(
        self,
        name: str,
        *,
        email: str | None = None,
        token: str | None = None,
        scoped_token: str | None = None,
        access_token: str | None = None,
        pat: str | None = None,
        password: str | None = None,
        expires: datetime | None = None,
        scopes: Iterable[str] | None = None,
        **rights: Any,
    ) -> User:
        """A user who can sign in with these secrets; `rights` are attributes of `User` (projects, levels, groups, roles, agent)."""
        user = self.accounts.put(new_user(name, **{"display_name": name.title(), "email": email, **_frozen(rights)}))
        secrets: Mapping[CredentialKind, str | None] = {
            "api_token": token,
            "scoped_token": scoped_token,
            "access_token": access_token,
            "pat": pat,
            "password": password,
        }
        held = frozenset(scopes) if scopes is not None else None
        for kind, secret in secrets.items():
            if secret is not None:
                self.accounts.issue(Credential(kind, secret, name, expires, held))
        self.forget_bodies()
        return user

    def allow(
        self,
        user: str = AGENT,
        *,
        project: str | None = None,
        level: str | None = None,
        group: str | None = None,
        role: tuple[str, str] | None = None,
    ) -> None:
        """Give a user a project, a level, a group, or a role (project, name). No issue's `updated` moves, as in Jira."""
        self._set_rights(user, project, level, group, role, give=True)

    def lose(
        self,
        project: str | None = None,
        user: str = AGENT,
        *,
        level: str | None = None,
        group: str | None = None,
        role: tuple[str, str] | None = None,
    ) -> None:
        """Take a project, a level, a group, or a role from a user. No issue's `updated` moves, as in Jira."""
        self._set_rights(user, project, level, group, role, give=False)

    @locked
    def _set_rights(
        self,
        name: str,
        project: str | None,
        level: str | None,
        group: str | None,
        role: tuple[str, str] | None,
        *,
        give: bool,
    ) -> None:
        user = self.find_user(name)
        if user.admin and not give and (level or group or role):
            user = self._with_rights_named(user)
        change = frozenset.union if give else frozenset.difference
        if project is not None:
            user = replace(user, lost=user.lost - {project} if give else user.lost | {project})
            user = replace(user, projects=None if user.projects is None else change(user.projects, {project}))
        if level is not None:
            user = replace(user, levels=change(user.levels, {level}))
        if group is not None:
            user = replace(user, groups=change(user.groups, {group}))
        if role is not None:
            held = change(user.roles.get(role[0], frozenset()), {role[1]})
            user = replace(user, roles={**user.roles, role[0]: held})
        self.accounts.put(user)
        self.forget_bodies()

    def _with_rights_named(self, user: User) -> User:
        """An administrator as a user who holds every level, group and role by name, so that one can be taken."""
        used = [
            comment.get("visibility") or {} for i in self.issues.values() for comment in i.stored().get("comment", [])
        ]
        roles = {*self.roles, *(held["value"] for held in used if held.get("type") == "role")}
        groups = {*self.groups, *(held["value"] for held in used if held.get("type") == "group")}
        held_roles = dict.fromkeys(self.projects, frozenset(roles))
        return replace(
            user, admin=False, agent=True, levels=frozenset(self.levels), groups=frozenset(groups), roles=held_roles
        )

    @locked
    def revoke(self, secret: str) -> None:
        """Make a token or password invalid from now on."""
        self.accounts.revoke(secret)


def _frozen(rights: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as the frozen sets that `User` holds, so that JSON can say them."""
    frozen: dict[str, Any] = {name: _set_of(value) for name, value in rights.items()}
    if "roles" in rights:
        frozen["roles"] = {project: frozenset(names) for project, names in rights["roles"].items()}
    return frozen


def _set_of(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list | set) else value
