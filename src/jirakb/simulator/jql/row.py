"""What does JQL see of an issue and of the world around it? Plain values; never computes or looks anything up."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Literal, Protocol, TypeVar

K = TypeVar("K", contravariant=True)
V = TypeVar("V", covariant=True)
Flavor = Literal["cloud", "dc"]


def _no_text() -> str:
    return ""


@dataclass(slots=True)
class Row:
    """One issue. Times are epoch milliseconds; people are user ids (accountId on Cloud, username on DC)."""

    number: int
    key: str
    project: str
    project_id: str = ""
    project_name: str = ""
    type: str = ""
    status: str = ""
    status_category: str = ""
    priority: str | None = None
    resolution: str | None = None
    assignee: str | None = None
    reporter: str | None = None
    creator: str | None = None
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    created: int = 0
    updated: int = 0
    resolved: int | None = None
    due: str | None = None  # yyyy-MM-dd
    parent: str | None = None
    security: str | None = None
    sprints: tuple[str, ...] = ()
    epic: str | None = None
    summary: str = ""
    description: Callable[[], str] = _no_text  # these four are made when asked; "" counts as EMPTY
    environment: Callable[[], str] = _no_text
    comments: Callable[[], str] = _no_text
    text: Callable[[], str] = _no_text  # summary, description, environment, comments and custom texts
    archived: bool = False
    custom: Mapping[str, object] = field(default_factory=dict)  # field id -> str | number | tuple of them


@dataclass(frozen=True, slots=True)
class Project:
    """A project that the caller can see."""

    id: str
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """A user of the site, as JQL finds one: by id, display name or e-mail address."""

    id: str
    display_name: str = ""
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Sprint:
    """A sprint; the state is future, active or closed."""

    id: str
    name: str
    state: str


class Lookup(Protocol[K, V]):
    """Anything with get: a dict, or a site that answers one key at a time."""

    def get(self, key: K, /) -> V | None:
        """Return the value, or None when there is none or the caller may not see it."""


@dataclass(frozen=True)
class Context:
    """Who asks, when, and which names exist.

    A collection that is None is not checked: any name is taken as existing. `user` is None for anonymous callers.
    """

    flavor: Flavor
    now: datetime  # aware
    zone: tzinfo  # the calling user's
    site_zone: tzinfo
    user: str | None = None
    projects: Mapping[str, Project] = field(default_factory=dict)  # by upper-case key
    statuses: Mapping[str, str] | None = None  # id -> name
    types: Mapping[str, str] | None = None  # id -> name
    priorities: Mapping[str, str] | None = None  # id -> name, most urgent first
    resolutions: Mapping[str, str] | None = None  # id -> name
    users: Mapping[str, User] | None = None  # by id
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)  # group name -> user ids
    custom_fields: Mapping[str, str] = field(default_factory=dict)  # name -> field id (customfield_10010)
    sprints: tuple[Sprint, ...] = ()
    components: Collection[str] | None = None
    versions: Collection[str] | None = None
    issue_numbers_by_key: Lookup[str, int] | None = None  # upper-case key, old ones too, of what the caller sees
    issue_keys_by_number: Lookup[int, str] | None = None
    include_archived: bool = False
    # Data Center takes `id > N` for "in the project of issue N, with a higher number in the key", and sorts by id as by
    # key (its IssueIdClauseQueryFactory). False compares the numeric ids, as one would think.
    id_follows_key: bool = True
