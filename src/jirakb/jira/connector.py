"""How is a Jira site read as documents? `JiraConnector` is the source of a sync, and usable without one.

    connector = JiraConnector("https://example.atlassian.net", "ABC", credentials={...})
    for item in (load := connector.load_from_checkpoint(start, end)):
        ...                                  # a Document, or an Omission that says what is missing and why
    keep(load.checkpoint.to_json())

Stores nothing. The calls themselves stand in client/, the order of reading in readers/.
"""

# ruff: noqa: PT028 (the specification's `test_jira` is no test of ours)

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

import httpx2

from jirakb.documents import Document, IssueRef, Omission, RawIssue
from jirakb.errors import ConnectorValidationError, UsageError
from jirakb.jira.attachments import AttachmentReader, AttachmentTexts, TextsInMemory
from jirakb.jira.auth import Credentials
from jirakb.jira.blacklist import account_ids
from jirakb.jira.checkpoint import Checkpoint, Load
from jirakb.jira.client.network import Network
from jirakb.jira.client.refusals import Refusals
from jirakb.jira.client.retries import Budget
from jirakb.jira.client.sender import MAX_RESPONSE_BYTES, Tally, open_http
from jirakb.jira.client.wires import Wires
from jirakb.jira.document.fieldchoice import FieldChoice
from jirakb.jira.document.render import RenderContext, render
from jirakb.jira.downloads import open_downloads
from jirakb.jira.extract.extractor import Extractor, Limits
from jirakb.jira.guard import Guard
from jirakb.jira.jql import Query, windows
from jirakb.jira.pacing import Pacers, Stop, Timing
from jirakb.jira.parts import Parts, SiteFacts
from jirakb.jira.projects import Projects, no_project, read_project
from jirakb.jira.readers.histories import Histories
from jirakb.jira.session import Access, Session, open_session
from jirakb.jira.site import fixed_zone, normalise_url
from jirakb.jira.sitefields import FieldMemory, SiteFields
from jirakb.settings import Settings
from jirakb.source import Batch, HiddenProject, Listing, Rendered, RequestCounts, SiteInfo

T = TypeVar("T")
_LARGEST_BATCH = 500
_NAMED_IDS = 1000
_PROOF_SECONDS = 5.0
"""So long a verified account is taken to be still known."""
_log = logging.getLogger(__name__)


class JiraConnector:
    """One Jira site read by one query. Implements `jirakb.source.Source`; safe to use from several threads."""

    def __init__(
        self,
        jira_base_url: str,
        project_key: str | None = None,
        jql_query: str | None = None,
        batch_size: int = 50,
        include_comments: bool = True,
        include_attachments: bool = False,
        labels_to_skip: Sequence[str] | None = None,
        comment_email_blacklist: Sequence[str] | None = None,
        scoped_token: bool = False,
        attachment_size_limit: int = 10_485_760,
        timezone_offset: float | None = None,
        *,
        fields: Mapping[str, object] | FieldChoice | None = None,
        include_history: bool = False,
        credentials: Mapping[str, object] | Credentials | None = None,
        projects: Sequence[str] = (),
        settings: Settings | None = None,
        connections: int | None = None,
        pacers: Pacers | None = None,
        timing: Timing | None = None,
        budget: Budget | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        transport: httpx2.BaseTransport | None = None,
        guard: Guard | None = None,
        field_memory: FieldMemory | None = None,
    ) -> None:
        """Takes the specification's options; sends nothing yet. Raises UsageError for a value that cannot be used.

        `fields` is `{"include": [names or ids], "exclude": [...]}` for the fields without a place of their own in a
        document; `include_history` adds what changed. `projects` are alternatives beside `project_key`. `pacers` are shared by the connectors of a process;
        `transport` stands for the network in tests. `guard` says which addresses may be called (None: all). `field_memory`
        remembers the site's list of fields (None: each session asks for it).
        """
        self._settings = settings or Settings.read()
        self._base_url = normalise_url(jira_base_url, self._settings.allowed_sites)
        self._gateway_url = normalise_url(self._settings.gateway_url, self._settings.allowed_sites)
        self._query = Query.of([project_key or "", *projects], jql_query, labels_to_skip or ())
        self._projects = Projects(self._query, self._base_url)
        self.batch_size = _within("batch_size", batch_size, 1, _LARGEST_BATCH)
        self.include_attachments = include_attachments
        self.attachment_size_limit = _within("attachment_size_limit", attachment_size_limit, 0)
        self._parts = Parts(
            comments=include_comments,
            blacklist=frozenset(comment_email_blacklist or ()),
            attachments=self.attachment_size_limit if include_attachments else None,
            fields=FieldChoice.of(fields),
            history=include_history,
        )
        self._scoped_token = scoped_token
        self._zone = None if timezone_offset is None else fixed_zone(timezone_offset)
        self._stop = Stop()
        self._wires = Wires()
        self._timing = timing or Timing(sleep=self._stop.sleep)
        self._budget = budget or Budget()
        self._max_bytes = max_response_bytes
        connections = _within("connections", connections or self._settings.connections, 1)
        paces = pacers or Pacers.kept_in(self._settings.home, connections, self._timing)
        self._own_pacers = None if pacers else paces
        self._pacer = paces.of(self._base_url)
        self._tally = Tally()
        network = Network.of(self._settings)
        self._http = open_http((self._base_url, self._gateway_url), connections, transport, network, guard)
        self._refusals = Refusals()
        self._lock = threading.Lock()
        self._field_memory = field_memory
        self._opened: Session | None = None
        self._verified = 0.0
        self._blacklisted: frozenset[str] | None = None
        self._credentials = _as_credentials(credentials)
        self._attachment_texts: AttachmentTexts = TextsInMemory()
        self._attachments: AttachmentReader | None = None

    def load_credentials(self, credentials: Mapping[str, object] | Credentials) -> None:
        """Takes `jira_user_email` + `jira_api_token`, `jira_api_token` alone, or `jira_username` + `jira_password`.

        Raises UsageError when they cannot be credentials; whether the site accepts them, `identify` tells.
        """
        with self._lock:
            self._credentials = _as_credentials(credentials)
            self._refusals = Refusals()
            self._opened = None
            self._close_attachments()

    def keep_attachments_in(self, texts: AttachmentTexts) -> None:
        """Says where what is read of attachments is kept (else in memory); to be called before the first `fetch`."""
        self._attachment_texts = texts

    def validate_connector_settings(self) -> None:
        """Raises InsufficientPermissionsError or ConnectorValidationError when this connector cannot work as configured."""
        session = self._session()
        for key in self._query.keys:
            if not read_project(session.client.project(key)).key:
                raise no_project([key], self._base_url)
        self._asking(lambda query: session.reader.check(query.all()))

    @property
    def query(self) -> str:
        """What names this connector at its site: the same text for the same set of issues, however it was written."""
        return self._query.name

    @property
    def reading(self) -> str:
        """Which parts of an issue are read, the same text for the same parts: when it changes, all must be read again."""
        return self._parts.to_json()

    def identify(self) -> SiteInfo:
        """Which site this is and who is asking; asked again later, verifies that the site still knows the account."""
        opened = self._opened
        if opened and self._timing.monotonic() - self._verified > _PROOF_SECONDS:
            opened.identity.verify()
            self._verified = self._timing.monotonic()
        return self._session().info

    def list_all(self) -> Iterator[Listing]:
        """Every issue of the query. Raises at the end when the site no longer knew the account: then it proves nothing."""
        self._session().fields.renew()
        yield from self._pages(lambda query: query.all(), times=False)

    def list_updated(self, since: datetime, until: datetime | None = None) -> Iterator[Listing]:
        """The issues updated at or after the minute of `since`, and before `until`; a few earlier ones may come along."""
        session = self._session()
        zone = self._zone or session.zone
        for window in windows(since, until, zone):
            for listing in self._pages(partial(Query.within, window=window, zone=zone), times=window.ragged):
                yield _cut(listing, until)

    def still_listed(self, numbers: Sequence[int]) -> set[int]:
        """Those of these issues that the query admits now.

        A walk over pages can miss an issue while others are deleted: ask this before an issue counts as gone.
        """
        reader = self._session().reader
        blocks = [numbers[first : first + _NAMED_IDS] for first in range(0, len(numbers), _NAMED_IDS)]
        found = [self._asking(lambda query, block=block: reader.numbers_of(query.among(block))) for block in blocks]  # type: ignore[misc]
        return set().union(*found)

    def updated_times(self, numbers: Sequence[int]) -> dict[int, datetime]:
        """When these issues were updated; those that the site does not show are missing."""
        return self._session().reader.updated_times(numbers)

    def hidden_projects(self, keys: Collection[str]) -> tuple[HiddenProject, ...]:
        """Those of these projects, and of those that a listing had to leave out, that are archived or not shown."""
        return self._projects.hidden(keys, self._session().client.project)

    def fetch(self, numbers: Sequence[int]) -> Batch:
        """The complete bodies of at most `batch_limit` issues, with their attachments' texts where these are wanted."""
        if len(numbers) > self.batch_limit:
            raise UsageError(f"At most {self.batch_limit} issues are fetched at once, not {len(numbers)}.")
        session = self._session()
        batch = session.reader.fetch(numbers)
        if self._parts.history:
            batch = Histories(session.client, session.info.flavor).complete(batch)
        return self._attachment_reader().complete(batch) if self.include_attachments else batch

    def render(self, raw: RawIssue) -> Rendered:
        """The documents of one raw issue."""
        self._session().fields.meet(raw.payload)
        return render(raw, self.render_context())

    def render_context(self) -> RenderContext:
        """What rendering depends on besides the issue: can be handed to another process."""
        session = self._session()
        info = session.info
        return self._parts.context(site=info.id, base_url=info.base_url, flavor=info.flavor, facts=self._facts(session))

    def rendering_facts(self) -> str:
        """What rendering depends on besides the issue and its parts, as a text to keep."""
        return self._facts(self._session()).to_json()

    def _facts(self, session: Session) -> SiteFacts:
        """The site's fields, and whom the blacklist's addresses mean; asked for once, before anything is rendered."""
        with self._lock:
            if self._blacklisted is None:
                hides = session.info.flavor == "cloud"
                self._blacklisted = account_ids(session.client, self._parts.blacklist) if hides else frozenset()
            return SiteFacts(session.fields.catalog, self._blacklisted)

    def requests(self) -> RequestCounts:
        """The requests made so far."""
        return self._tally.read()

    def waited(self) -> float:
        """The seconds for which the site has held calls back so far."""
        return self._tally.waited()

    @property
    def batch_limit(self) -> int:
        """How many bodies one call fetches."""
        return 100 if self._opened is None else self._opened.reader.batch_limit

    def load_from_checkpoint(
        self, start: float | None = None, end: float | None = None, checkpoint: Checkpoint | None = None
    ) -> Load:
        """The documents and failures of the issues updated from `start` (epoch seconds) and before `end`.

        An unfinished checkpoint goes on with its own window; a finished one without `start` goes on after it. Iterating
        yields each Document and each Omission; `.checkpoint` of what is returned moves only after a page was consumed.
        """
        overlap = timedelta(minutes=self._settings.overlap_minutes)
        begun = (checkpoint or Checkpoint()).resumed(start, end, overlap)
        return Load(self, begun, self.batch_size, self._timing.now)

    def stop(self) -> None:
        """Gives up what is under way, waits and unanswered calls alike: all calls raise SiteError from now on."""
        self._stop.set()
        self._wires.cut()

    def close(self) -> None:
        """Closes the connections."""
        self._close_attachments()
        self._http.close()
        if self._own_pacers:
            self._own_pacers.close()

    def _asking(self, ask: Callable[[Query], T]) -> T:
        """What is asked with the query; where the site refuses it since a project is hidden, with what is left of it."""
        try:
            return ask(self._projects.query)
        except ConnectorValidationError as exc:
            if exc.status != 400 or not self._projects.look(self._session().client.project):
                raise
        return ask(self._projects.query)

    def _pages(self, jql: Callable[[Query], str], *, times: bool) -> Iterator[Listing]:
        def begin(query: Query) -> tuple[list[Listing], Iterator[Listing]]:
            pages = self._session().reader.list(jql(query), times=times)
            return list(islice(pages, 1)), pages

        first, rest = self._asking(begin)
        yield from first
        yield from rest

    def _close_attachments(self) -> None:
        if self._attachments:
            self._attachments.close()
            self._attachments = None

    def _attachment_reader(self) -> AttachmentReader:
        session = self._session()
        with self._lock:
            if self._attachments is None:
                downloads = open_downloads(self._access(), session, self.attachment_size_limit)
                extractor = Extractor(Limits.of(self._settings))
                self._attachments = AttachmentReader(
                    session.info.id, self.attachment_size_limit, downloads.get, extractor, self._attachment_texts
                )
            return self._attachments

    def _session(self) -> Session:
        if self._opened:
            return self._opened
        with self._lock:
            if self._opened is None:
                opened = open_session(self._access(), self._field_memory)
                self._check_choice(opened.fields)
                self._opened = opened
                self._verified = self._timing.monotonic()
            return self._opened

    def _check_choice(self, fields: SiteFields) -> None:
        """A field that is wanted may be newer than a list that was remembered."""
        try:
            self._parts.fields.check(fields.catalog)
        except UsageError:
            if not fields.renew():
                raise
            self._parts.fields.check(fields.catalog)

    def _access(self) -> Access:
        if self._credentials is None:
            raise UsageError("No credentials are given.", fix="Give a token, or a user name and password.")
        return Access(
            base_url=self._base_url,
            credentials=self._credentials,
            scoped_token=self._scoped_token,
            gateway_url=self._gateway_url,
            http=self._http,
            pacer=self._pacer,
            tally=self._tally,
            timing=self._timing,
            budget=self._budget,
            max_bytes=self._max_bytes,
            stop=self._stop,
            wires=self._wires,
            refusals=self._refusals,
        )


def test_jira(
    base_url: str,
    project_key: str | None = None,
    jql_query: str | None = None,
    credentials: Mapping[str, object] | Credentials | None = None,
    batch_size: int = 50,
    start_ts: float | None = None,
    end_ts: float | None = None,
) -> list[Document]:
    """The documents of a site, read once: for a look at what a connector would bring.

    Raises the errors of `jirakb.errors`; an issue that cannot be read is logged and left out.
    """
    connector = JiraConnector(base_url, project_key, jql_query, batch_size, credentials=credentials)
    try:
        connector.validate_connector_settings()
        return list(_documents(connector.load_from_checkpoint(start_ts, end_ts)))
    finally:
        connector.close()


# The name is the specification's; without this, pytest would take it for a test.
test_jira.__test__ = False  # type: ignore[attr-defined]


def _documents(load: Load) -> Iterator[Document]:
    for item in load:
        if isinstance(item, Omission):
            _log.warning("left out: %s %s, %s", item.kind, item.key, item.reason)
        else:
            yield item


def _as_credentials(given: Mapping[str, object] | Credentials | None) -> Credentials | None:
    if given is None:
        return None
    if isinstance(given, Credentials):
        given.check()
        return given
    return Credentials.from_dict(given)


def _within(name: str, value: int, least: int, most: int | None = None) -> int:
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise UsageError(f"{name} must be {bounds}, not {value}.")
    return value


def _cut(listing: Listing, until: datetime | None) -> Listing:
    """A ragged window holds more than was asked for; where times are known, what is too late is left out."""
    if until is None:
        return listing
    return replace(listing, refs=tuple(ref for ref in listing.refs if not _is_late(ref, until)))


def _is_late(ref: IssueRef, until: datetime) -> bool:
    return ref.updated is not None and ref.updated >= until


if __name__ == "__main__":
    from jirakb.jira.command import main

    raise SystemExit(main())
