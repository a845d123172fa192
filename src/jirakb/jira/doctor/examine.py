"""What does a site answer when a connector is tried out? Asks a dozen questions at most and has findings.py say what they mean.

Trouble with the site becomes a finding; nothing is raised for it, nothing is stored, and a refused secret is not sent twice
to the same door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

import httpx2

from jirakb.errors import ConnectorValidationError, JirakbError, UsageError
from jirakb.jira import jql
from jirakb.jira.auth import Credentials, door_for, site_door
from jirakb.jira.client.endpoints import JiraClient, PublicSite
from jirakb.jira.client.network import Network
from jirakb.jira.client.retries import Budget
from jirakb.jira.client.sender import MAX_RESPONSE_BYTES, Tally, open_http
from jirakb.jira.client.wires import Wires
from jirakb.jira.doctor import findings
from jirakb.jira.doctor.cost import check, measure
from jirakb.jira.doctor.findings import Diagnosis, Estimate, Finding
from jirakb.jira.document.fieldchoice import FieldChoice
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.document.lenient import line, mapping, number, objects
from jirakb.jira.guard import Guard
from jirakb.jira.identity import Identity
from jirakb.jira.pacing import Pacer, Stop, Timing
from jirakb.jira.projects import Seen, read_project
from jirakb.jira.session import Access, Discovery, SignedIn, discover, sign_in, zone_of
from jirakb.jira.site import fixed_zone, is_jira, normalise_url
from jirakb.settings import Settings

T = TypeVar("T")
_BUDGET = Budget(attempts=2, seconds=15.0, throttles=2, patience=15.0)
_SILENCE = httpx2.Timeout(20.0, connect=10.0, pool=None)
_DEADLINE = 40.0
"""Seconds after which no further question is begun, so that all is said within a minute."""
_PATHS = 3
_PROJECTS = 3
_ANYTHING = 'created >= "1970-01-01"'
_OUT_OF_REACH = 5
_DEADLY = frozenset({"captcha", "credentials_refused", "token_expired"})


@dataclass(frozen=True, slots=True)
class Subject:
    """What a connector would be made of, unchecked."""

    base_url: str
    credentials: Mapping[str, object] | Credentials | None = field(default=None, repr=False)
    projects: tuple[str, ...] = ()
    jql: str | None = None
    labels_to_skip: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)
    scoped_token: bool = False
    timezone_offset: float | None = None
    since: datetime | None = None
    until: datetime | None = None


def diagnose(
    subject: Subject,
    settings: Settings,
    *,
    timing: Timing | None = None,
    transport: httpx2.BaseTransport | None = None,
    guard: Guard | None = None,
) -> Diagnosis:
    """What is wrong with a connector of this kind, and what a full read would cost; raises nothing for trouble.

    `transport` stands for the network in tests. `guard` says which addresses may be called (None: all).
    """
    return _Examination(subject, settings, timing or Timing(), transport, guard).diagnosis()


class _Examination:
    """One patient, question by question. What is learned is kept until the diagnosis."""

    def __init__(
        self,
        subject: Subject,
        settings: Settings,
        timing: Timing,
        transport: httpx2.BaseTransport | None,
        guard: Guard | None,
    ) -> None:
        self._subject = subject
        self._settings = settings
        self._timing = timing
        self._transport = transport
        self._guard = guard
        self._begun = timing.monotonic()
        self._ended = False
        self._findings: list[Finding] = []
        self._known = Diagnosis(None, None, None, (), (), None)

    def diagnosis(self) -> Diagnosis:
        query = self._try(self._read_query)
        credentials = self._try(self._read_credentials)
        if self._subject.timezone_offset is not None:
            self._try(lambda: fixed_zone(self._subject.timezone_offset or 0.0))
        access = self._try(lambda: self._access(credentials))
        if access:
            with closing(access.http):
                self._examine(access, query, knows_key=credentials is not None)
        return replace(self._known, findings=tuple(self._findings))

    # ---- what was typed

    def _read_query(self) -> jql.Query:
        try:
            self._note(findings.order_by(jql.split_order_by(self._subject.jql or "")[1]))
            return jql.Query.of(self._subject.projects, self._subject.jql, self._subject.labels_to_skip)
        except JirakbError as exc:
            exc.code = exc.code or ("unrestricted" if isinstance(exc, UsageError) else "query_refused")
            raise

    def _read_credentials(self) -> Credentials:
        given = self._subject.credentials
        try:
            if isinstance(given, Credentials):
                given.check()
                return given
            return Credentials.from_dict(given or {})
        except UsageError as exc:
            exc.code = "credentials"
            raise

    def _access(self, credentials: Credentials | None) -> Access:
        try:
            site = normalise_url(self._subject.base_url, self._settings.allowed_sites)
        except UsageError as exc:
            exc.code = "address"
            raise
        gateway = normalise_url(self._settings.gateway_url, self._settings.allowed_sites)
        network = Network.of(self._settings)
        http = open_http((site, gateway), 2, self._transport, network, self._guard)
        self._note(findings.way(network))
        http.timeout = _SILENCE
        return Access(
            base_url=site,
            credentials=credentials or Credentials(),
            scoped_token=self._subject.scoped_token,
            gateway_url=gateway,
            http=http,
            pacer=Pacer(2, self._timing),
            tally=Tally(),
            timing=self._timing,
            budget=_BUDGET,
            max_bytes=MAX_RESPONSE_BYTES,
            stop=Stop(),
            wires=Wires(),
        )

    # ---- which Jira, and who asks

    def _examine(self, access: Access, query: jql.Query | None, *, knows_key: bool) -> None:
        found = self._discover(access)
        if found is None:
            return
        self._known = replace(self._known, flavor=found.facts.flavor)
        self._note([findings.site(found.facts, found.cloud_id)])
        if found.answer:
            self._note(findings.clock(found.answer.site_time, self._now()))
        if knows_key:
            self._sign_in(access, found, query)

    def _discover(self, access: Access) -> Discovery | None:
        try:
            return discover(access)
        except JirakbError as exc:
            better = self._better_address(access) if exc.code == "no_jira" else None
            self._note([better or findings.trouble(exc)])
            return None

    def _better_address(self, access: Access) -> Finding | None:
        """Jira may stand above or below the path that was given; asked without credentials."""
        for address in _addresses(access.base_url)[:_PATHS]:
            try:
                answer = PublicSite(access.briefly().sender(site_door(address))).server_info()
            except JirakbError:
                continue
            if answer.status == 200 and is_jira(answer.data):
                message = f"No Jira answers at {access.base_url}, but one does at {address}."
                return Finding("context_path", "error", message, f"Use {address} as the base URL.", 2)
        return None

    def _sign_in(self, access: Access, found: Discovery, query: jql.Query | None) -> None:
        try:
            entered = sign_in(access, found)
        except JirakbError as exc:
            self._note([findings.trouble(exc)])
            if exc.code == "scope":  # the same token may also lack the scope to read issues
                self._try(lambda: self._gateway_client(access, found).search_jql(_ANYTHING, "id", 1))
            return
        self._meet(access, found, entered)
        self._look_around(access, found, entered, query)

    def _gateway_client(self, access: Access, found: Discovery) -> JiraClient:
        places = {"base_url": access.base_url, "cloud_id": found.cloud_id, "gateway_url": access.gateway_url}
        door = door_for(access.credentials, found.facts.flavor, scoped_token=True, **places)
        return JiraClient(access.sender(door))

    def _meet(self, access: Access, found: Discovery, entered: SignedIn) -> None:
        name, _ = zone_of(entered.account, found.facts)
        self._known = replace(self._known, account=entered.account.id, time_zone=name)
        self._note(
            findings.credentials(
                entered.account,
                entered.door,
                access.credentials,
                wanted_gateway=self._subject.scoped_token,
                now=self._now(),
            )
        )
        offset = self._subject.timezone_offset
        self._note(findings.time_zones(entered.account, found.facts, name, offset, self._now()))

    # ---- what the account sees, and what reading it costs

    def _look_around(self, access: Access, found: Discovery, entered: SignedIn, query: jql.Query | None) -> None:
        client, flavor = entered.client, found.facts.flavor
        listed = self._ask(lambda: client.project_page() if flavor == "cloud" else client.projects())
        keys = _keys(listed.data) if listed else ()
        if listed:
            self._known = replace(self._known, projects=keys)
            self._note([findings.visible(keys, _total(listed.data, len(keys)))])
        if query is None:
            return
        left = self._find_projects(client, query, keys, access.base_url)
        self._ask(lambda: FieldChoice.of(self._subject.fields).check(FieldCatalog.parse(client.fields())))
        if left.projects or left.jql:
            identity, question = Identity(client, flavor, entered.account), self._question(left, entered, found)
            cost = self._ask(lambda: self._cost(client, identity, question, left.jql))
            self._tell_cost(cost if left.projects or not query.projects else None)

    def _cost(self, client: JiraClient, identity: Identity, question: str, own: str) -> Estimate:
        """A query that Jira refuses is asked again as the user wrote it, so that its words fit what was typed."""
        connections, timing = self._settings.connections, self._timing
        try:
            return measure(client, identity, question, connections=connections, timing=timing)
        except ConnectorValidationError as exc:
            if exc.code == "query_refused" and own:
                check(client, identity, own)
            raise

    def _tell_cost(self, cost: Estimate | None) -> None:
        if cost:
            self._known = replace(self._known, estimate=cost)
            self._note([findings.size(cost)])

    def _find_projects(self, client: JiraClient, query: jql.Query, known: tuple[str, ...], site: str) -> jql.Query:
        """The query without the projects that are not shown: Jira would refuse it as a whole."""
        upper = {key.upper() for key in known}
        asked = [key for key in query.keys if key.upper() not in upper][:_PROJECTS]
        answers = {key: self._ask(lambda key=key: client.project(key)) for key in asked}  # type: ignore[misc]
        seen = {key: read_project(answer) for key, answer in answers.items() if answer}
        found = {key: seen.get(key, Seen(key, archived=False)) for key in query.keys}
        self._note(findings.projects(found, site))
        lost = {key for key, project in found.items() if not project.key}
        left = tuple(key for key in query.projects if key not in lost)
        return replace(query, projects=left) if lost else query

    def _question(self, query: jql.Query, entered: SignedIn, found: Discovery) -> str:
        since, until = self._subject.since, self._subject.until
        if since is None and until is None:
            return query.all()
        zone = zone_of(entered.account, found.facts)[1]
        if self._subject.timezone_offset is not None:
            zone = fixed_zone(self._subject.timezone_offset)
        return query.within(jql.Window(since or datetime(1970, 1, 2, tzinfo=UTC), until), zone)

    # ---- how anything is asked

    def _ask(self, question: Callable[[], T]) -> T | None:
        """The answer; None when there is none, when no further question makes sense, or when time is up."""
        if self._ended:
            return None
        if self._timing.monotonic() - self._begun > _DEADLINE:
            self._ended = True
            self._note([findings.slow(_DEADLINE)])
            return None
        return self._try(question)

    def _try(self, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except JirakbError as exc:
            self._ended = self._ended or exc.code in _DEADLY or exc.exit_code == _OUT_OF_REACH
            self._note([findings.trouble(exc)])
            return None

    def _note(self, noticed: Iterable[Finding]) -> None:
        self._findings += [finding for finding in noticed if finding not in self._findings]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._timing.now(), UTC)


def _addresses(base_url: str) -> list[str]:
    """Where a Jira may be when it is not where it was said to be: above that path, or at the usual one below."""
    parts = urlsplit(base_url)
    steps = [step for step in parts.path.split("/") if step]
    above = ["/".join(["", *steps[:count]]) for count in range(len(steps) - 1, -1, -1)]
    paths = dict.fromkeys([*above, "/jira"])
    return [parts._replace(path=path).geturl() for path in paths if path != parts.path]


def _keys(data: object) -> tuple[str, ...]:
    """The keys of a list of projects, or of a page of them."""
    rows = data if isinstance(data, list) else mapping(data).get("values")
    return tuple(key for project in objects(rows) if (key := line(project.get("key"))))


def _total(data: object, least: int) -> int:
    return max(number(mapping(data).get("total")) or 0, least)
