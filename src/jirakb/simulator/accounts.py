"""Who may call the site, with which secret, and what each caller sees. Holds no issue and answers no request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

CredentialKind = Literal["api_token", "scoped_token", "access_token", "pat", "password"]
Door = Literal["site", "gateway"]

AGENT = "agent"
AGENT_EMAIL = "agent@example.com"
AGENT_ZONE, OTHER_AGENT_ZONE = "Europe/Berlin", "Australia/Adelaide"
"""The agent lives in the second when the site lives in the first or its like: times read in a wrong zone must show."""
AGENT_TOKEN = "sim-token"  # noqa: S105 - a simulated site's secrets are public
AGENT_SCOPED_TOKEN = "sim-scoped"  # noqa: S105
AGENT_ACCESS_TOKEN = "sim-access"  # noqa: S105
AGENT_PAT = "sim-pat"
AGENT_PASSWORD = "sim-password"  # noqa: S105


@dataclass(frozen=True, slots=True)
class User:
    """A person or app of the site and its rights. `projects` None: all; `admin` sees every level, role, group and note."""

    name: str
    display_name: str
    account_id: str
    key: str
    email: str | None = None
    time_zone: str = "Europe/Berlin"
    active: bool = True
    account_type: str = "atlassian"
    hide_email: bool | None = None
    groups: frozenset[str] = frozenset()
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    levels: frozenset[str] = frozenset()
    projects: frozenset[str] | None = None
    lost: frozenset[str] = frozenset()
    agent: bool = False
    admin: bool = False

    def browses(self, project: str) -> bool:
        """Whether the user has Browse Projects on it."""
        return project not in self.lost and (self.projects is None or project in self.projects)


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret of one user. `expires` None: never; `scopes` None: all."""

    kind: CredentialKind
    secret: str
    user: str
    expires: datetime | None = None
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request turned out to be from. `refused` when a secret was sent but did not count: then the caller is anonymous."""

    user: User | None = None
    refused: bool = False
    scopes: frozenset[str] | None = None

    @property
    def id(self) -> str:
        """The login, or nothing for anonymous callers."""
        return self.user.name if self.user else ""

    def browses(self, project: str, *, public: bool) -> bool:
        """Whether the project is visible to this caller."""
        return public if self.user is None else self.user.browses(project) or public

    def sees_level(self, level: str | None) -> bool:
        """Whether issues of this security level (its name) are visible; None is no level."""
        if level is None:
            return True
        return self.user is not None and (self.user.admin or level in self.user.levels)

    def sees_comment(self, project: str, comment: Mapping[str, object]) -> bool:
        """Whether a comment's visibility and its internal mark admit this caller."""
        if comment.get("jsdPublic") is False and not self._is_agent():
            return False
        visibility = comment.get("visibility")
        if not isinstance(visibility, Mapping):
            return True
        return self._belongs(project, str(visibility.get("type")), str(visibility.get("value")))

    def _is_agent(self) -> bool:
        return self.user is not None and (self.user.admin or self.user.agent)

    def _belongs(self, project: str, kind: str, value: str) -> bool:
        if self.user is None:
            return False
        if self.user.admin:
            return True
        names = self.user.groups if kind == "group" else self.user.roles.get(project, frozenset())
        return value in names


@dataclass(frozen=True, slots=True)
class Presented:
    """What an Authorization header holds: a scheme, a name (Basic only) and a secret."""

    scheme: Literal["basic", "bearer"]
    name: str
    secret: str


def read_authorization(header: str | None) -> Presented | None:
    """The header's content, or None when there is none or nobody can read it (which makes the caller anonymous)."""
    scheme, _, value = (header or "").strip().partition(" ")
    if scheme.lower() == "bearer" and value:
        return Presented("bearer", "", value.strip())
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Presented("basic", name, secret) if colon else None


def account_id(name: str) -> str:
    """A Cloud account id for a login: opaque, stable, with the colon that real ones have."""
    return f"712020:{uuid.uuid5(uuid.NAMESPACE_DNS, name)}"


def user_key(name: str) -> str:
    """A Data Center user key for a login; unlike the login it never changes."""
    return f"JIRAUSER{10000 + int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 80000}"


def new_user(name: str, display_name: str = "", **rights: object) -> User:
    """A user with derived ids; other attributes of `User` by keyword."""
    given: dict[str, object] = {"account_id": account_id(name), "key": user_key(name), **rights}
    return User(name=name, display_name=display_name or name, **given)  # type: ignore[arg-type]


class Accounts:
    """The site's users and secrets, and how often each name failed to sign in."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.generation = 0
        self._credentials: dict[tuple[CredentialKind, str], Credential] = {}
        self._failures: dict[str, int] = {}
        self._by_id: dict[str, str] = {}

    def put(self, user: User) -> User:
        """Add a user, or replace the one of that name."""
        self.users[user.name] = user
        self._by_id[user.account_id] = user.name
        self._by_id.setdefault(user.key, user.name)
        self.generation += 1
        return user

    def find(self, identity: str) -> User | None:
        """A user by login, account id, key or e-mail address."""
        name = identity if identity in self.users else self._by_id.get(identity)
        if name is not None:
            return self.users[name]
        return next((user for user in self.users.values() if user.email == identity), None)

    def issue(self, credential: Credential) -> Credential:
        """Make a secret valid."""
        self._credentials[(credential.kind, credential.secret)] = credential
        return credential

    def revoke(self, secret: str) -> None:
        """Make a secret invalid, whatever its kind."""
        for key in [key for key in self._credentials if key[1] == secret]:
            del self._credentials[key]

    def check(self, kinds: tuple[CredentialKind, ...], shown: Presented, now: datetime) -> Credential | None:
        """The credential that was presented, when it is valid now and belongs to the name sent with it."""
        for kind in kinds:
            found = self._credentials.get((kind, shown.secret))
            if found and self._is_valid(found, shown, now):
                return found
        return None

    def _is_valid(self, found: Credential, shown: Presented, now: datetime) -> bool:
        user = self.users.get(found.user)
        if user is None or not user.active or (found.expires is not None and now >= found.expires):
            return False
        return shown.scheme == "bearer" or shown.name.lower() in {user.name.lower(), (user.email or "").lower()}

    def caller(self, credential: Credential) -> Caller:
        """The caller whom a valid credential stands for."""
        return Caller(self.users[credential.user], scopes=credential.scopes)

    def failed(self, name: str) -> int:
        """Note a wrong secret for a name; how many there are now."""
        self._failures[name] = self._failures.get(name, 0) + 1
        return self._failures[name]

    def failures(self, name: str) -> int:
        """Wrong secrets for a name since the last good one or `forgive`."""
        return self._failures.get(name, 0)

    def forgive(self, name: str) -> None:
        """Forget wrong secrets, as a good sign-in or an administrator does."""
        self._failures.pop(name, None)


def agent_credentials() -> tuple[Credential, ...]:
    """The ready-made secrets of the default reader."""
    return (
        Credential("api_token", AGENT_TOKEN, AGENT),
        Credential("scoped_token", AGENT_SCOPED_TOKEN, AGENT),
        Credential("access_token", AGENT_ACCESS_TOKEN, AGENT),
        Credential("pat", AGENT_PAT, AGENT),
        Credential("password", AGENT_PASSWORD, AGENT),
    )
