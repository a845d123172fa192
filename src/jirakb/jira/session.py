"""How does a connector come to know its site? Finds out which Jira it is, picks the door, verifies the account, reads the fields.

Four or five calls, made once. Nothing is asked with credentials before the flavor is known: a token sent in the wrong
form counts as a failed login. A Cloud token that one door refuses is shown at the other one once, and never again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

import httpx2

from jirakb.errors import (
    ConnectorValidationError,
    InsufficientPermissionsError,
    JirakbError,
    ProtocolError,
    SiteUnreachableError,
)
from jirakb.jira.auth import Credentials, Door, door_for, explain_refusal, other_door, site_door
from jirakb.jira.client.answers import Answer, redirected
from jirakb.jira.client.endpoints import JiraClient, PublicSite
from jirakb.jira.client.refusals import Refusals
from jirakb.jira.client.retries import Budget
from jirakb.jira.client.sender import Sender, Tally
from jirakb.jira.client.wires import Wires
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.identity import Account, Identity, read_account
from jirakb.jira.pacing import Pacer, Stop, Timing
from jirakb.jira.readers.cloud import CloudReader
from jirakb.jira.readers.datacenter import DataCenterReader
from jirakb.jira.site import SiteFacts, is_jira, read_facts, zone_named
from jirakb.jira.sitefields import FieldMemory, SiteFields
from jirakb.source import SiteInfo

Reader = CloudReader | DataCenterReader


@dataclass(frozen=True, slots=True)
class Access:
    """What a connector was given to reach its site with."""

    base_url: str
    credentials: Credentials
    scoped_token: bool
    gateway_url: str
    http: httpx2.Client
    pacer: Pacer
    tally: Tally
    timing: Timing
    budget: Budget
    max_bytes: int
    stop: Stop
    wires: Wires
    refusals: Refusals = field(default_factory=Refusals)

    def sender(self, door: Door, ask_who: Callable[[], object] | None = None) -> Sender:
        """Calls through a door, in the pace and the count of this connector; `ask_who` as `Sender` takes it."""
        return Sender(
            self.http,
            door,
            self.pacer,
            self.tally,
            timing=self.timing,
            budget=self.budget,
            max_bytes=self.max_bytes,
            stop=self.stop,
            wires=self.wires,
            refusals=self.refusals,
            ask_who=ask_who,
        )

    def briefly(self) -> Access:
        """The same without patience, for a question whose answer is not needed."""
        return replace(self, budget=_BRIEF)


@dataclass(frozen=True, slots=True)
class Session:
    """A verified connector: the site, the account's time zone, the site's fields, the door and the reader of its flavor."""

    info: SiteInfo
    zone: tzinfo
    fields: SiteFields
    client: JiraClient
    identity: Identity
    reader: Reader
    door: Door


@dataclass(frozen=True, slots=True)
class Discovery:
    """Which Jira answers: the facts, the cloudId ("" on Data Center); `answer` is None where strangers are told nothing."""

    facts: SiteFacts
    cloud_id: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking, and through which door the site knows the credentials."""

    client: JiraClient
    account: Account
    door: Door


_LOGIN = re.compile(r"(?i)log_?-?[io]n|sign_?-?in|sso|saml|oauth|adfs")
_SINGLE_SIGN_ON = " If a single sign-on answers in Jira's place, it must let API calls with a token pass."
_BRIEF = Budget(attempts=1, seconds=20.0, throttles=2, patience=20.0)


def open_session(access: Access, memory: FieldMemory | None = None) -> Session:
    """Asks the site who it is and who is asking; `memory` may know its fields.

    Raises InsufficientPermissionsError on refused or unrecognised credentials, ConnectorValidationError where no Jira is.
    """
    found = discover(access)
    entered = sign_in(access, found)
    facts = found.facts if found.answer else read_facts(entered.client.server_info().data, access.base_url)
    identity = Identity(entered.client, facts.flavor, entered.account)
    zone_name, zone = zone_of(entered.account, facts)
    info = SiteInfo(found.cloud_id or access.base_url, facts.flavor, facts.browse_url, entered.account.id, zone_name)
    client, reader = entered.client, _reader(entered.client, identity, access.timing)
    fields = SiteFields(lambda: FieldCatalog.parse(client.fields()), memory, access.base_url, entered.account.id)
    return Session(info, zone, fields, client, identity, reader, entered.door)


def discover(access: Access) -> Discovery:
    """Which Jira answers at the address, by what it tells everybody; raises ConnectorValidationError where none does."""
    public = PublicSite(access.sender(site_door(access.base_url)))
    answer = _server_info(public, access)
    if answer.status in (401, 403) or _leads_to_login(answer):
        return _presume(access)
    if 300 <= answer.status < 400:
        raise redirected("GET serverInfo", access.base_url, answer.status, answer.headers)
    if answer.status != 200 or not is_jira(answer.data):
        raise _no_jira(access.base_url, answer.status)
    facts = read_facts(answer.data, access.base_url)
    return Discovery(facts, _cloud_id(public, access) if facts.flavor == "cloud" else "", answer)


def sign_in(access: Access, found: Discovery) -> SignedIn:
    """Verifies the account; raises InsufficientPermissionsError, with what is probably wrong, when the site refuses it."""
    door = door_for(
        access.credentials,
        found.facts.flavor,
        access.base_url,
        cloud_id=found.cloud_id,
        gateway_url=access.gateway_url,
        scoped_token=access.scoped_token,
    )
    try:
        return _enter(access, found, door)
    except InsufficientPermissionsError as exc:
        entered = _try_other_door(access, found, door) if exc.code == "credentials_refused" else None
        if entered:
            return entered
        now = datetime.fromtimestamp(access.timing.now(), UTC)
        raise explain_refusal(exc, door, access.credentials, site_version=found.facts.version, now=now) from exc


def _server_info(public: PublicSite, access: Access) -> Answer:
    try:
        return public.server_info()
    except SiteUnreachableError as exc:
        if (exc.code, exc.status) == ("html", 200):
            raise _no_jira(access.base_url, 200, _SINGLE_SIGN_ON) from exc
        raise


def _leads_to_login(answer: Answer) -> bool:
    """Other ways elsewhere are no sign of a Jira: whoever stands there must not get the credentials."""
    return 300 <= answer.status < 400 and bool(_LOGIN.search(answer.headers.get("location", "")))


def _no_jira(base_url: str, status: int, hint: str = "") -> ConnectorValidationError:
    return ConnectorValidationError(
        f"No Jira answers at {base_url}.",
        fix=f"Check the address; a Data Center may stand below a path, such as https://host/jira.{hint}",
        url=base_url,
        status=status,
        code="no_jira",
    )


def _presume(access: Access) -> Discovery:
    """A site that tells strangers nothing: only Cloud has a cloudId. The account may ask for the rest."""
    try:
        cloud_id = PublicSite(access.briefly().sender(site_door(access.base_url))).cloud_id()
    except JirakbError:
        cloud_id = ""
    return Discovery(read_facts({"deploymentType": "Cloud" if cloud_id else "Server"}, access.base_url), cloud_id, None)


def _enter(access: Access, found: Discovery, door: Door) -> SignedIn:
    client = JiraClient(access.sender(door))
    return SignedIn(client, read_account(client.myself().data, found.facts.flavor, access.base_url), door)


def _try_other_door(access: Access, found: Discovery, door: Door) -> SignedIn | None:
    """Raises what says that the token is known there and lacks a scope; None when it is not known there either."""
    other = other_door(door, access.base_url, cloud_id=found.cloud_id, gateway_url=access.gateway_url)
    if other is None:
        return None
    try:
        entered = _enter(access.briefly(), found, other)
    except InsufficientPermissionsError as exc:
        if exc.code in ("scope", "captcha"):
            raise
        return None
    except JirakbError:
        return None
    return SignedIn(JiraClient(access.sender(other)), entered.account, other)


def _cloud_id(public: PublicSite, access: Access) -> str:
    found = public.cloud_id()
    if not found:
        raise ProtocolError(
            f"{access.base_url} is Jira Cloud but does not tell its cloudId.",
            fix="Use the site's own address (https://NAME.atlassian.net) as the base URL.",
            url=access.base_url,
        )
    return found


def zone_of(account: Account, facts: SiteFacts) -> tuple[str, tzinfo]:
    """JQL reads times in the account's zone; where the profile names none, in the site's."""
    zone = zone_named(account.zone_name)
    if zone:
        return account.zone_name, zone
    return (facts.zone_name or str(facts.zone or UTC)), (facts.zone or UTC)


def _reader(client: JiraClient, identity: Identity, timing: Timing) -> Reader:
    def now() -> datetime:
        return datetime.fromtimestamp(timing.now(), UTC)

    return (CloudReader if identity.flavor == "cloud" else DataCenterReader)(client, identity, now)
