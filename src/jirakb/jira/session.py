"""How does a connector come to know its site? Finds out which Jira it is, picks the door, verifies the account, reads the fields.

Four or five calls, made once. Nothing is asked with credentials before the flavor is known: a token sent in the wrong
form counts as a failed login.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import httpx2

from jirakb.errors import ConnectorValidationError, ProtocolError
from jirakb.jira.auth import Credentials, Door, door_for, site_door
from jirakb.jira.client.endpoints import JiraClient, PublicSite
from jirakb.jira.client.retries import Budget
from jirakb.jira.client.sender import Sender, Tally
from jirakb.jira.client.wires import Wires
from jirakb.jira.cloud import CloudReader
from jirakb.jira.datacenter import DataCenterReader
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.identity import Account, Identity, read_account
from jirakb.jira.pacing import Pacer, Stop, Timing
from jirakb.jira.site import SiteFacts, read_facts, zone_named
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

    def sender(self, door: Door) -> Sender:
        """Calls through a door, in the pace and the count of this connector."""
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
        )


@dataclass(frozen=True, slots=True)
class Session:
    """A verified connector: the site, the account's time zone, the site's fields, the door and the reader of its flavor."""

    info: SiteInfo
    zone: tzinfo
    fields: FieldCatalog
    client: JiraClient
    identity: Identity
    reader: Reader
    door: Door


def open_session(access: Access) -> Session:
    """Asks the site who it is and who is asking.

    Raises InsufficientPermissionsError on refused or unrecognised credentials, ConnectorValidationError where no Jira is.
    """
    public = PublicSite(access.sender(site_door(access.base_url)))
    facts, cloud_id = _discover(public, access)
    door = _door(access, facts, cloud_id)
    client = JiraClient(access.sender(door))
    account = read_account(client.myself().data, facts.flavor, access.base_url)
    identity = Identity(client, facts.flavor, account)
    zone_name, zone = _zone(account, facts)
    info = SiteInfo(cloud_id or access.base_url, facts.flavor, facts.browse_url, account.id, zone_name)
    fields, reader = FieldCatalog.parse(client.fields()), _reader(client, identity, access.timing)
    return Session(info, zone, fields, client, identity, reader, door)


def _discover(public: PublicSite, access: Access) -> tuple[SiteFacts, str]:
    """The facts and the cloudId ("" on Data Center)."""
    answer = public.server_info()
    if answer.status == 404:
        raise ConnectorValidationError(
            f"No Jira answers at {access.base_url}.",
            fix="Check the address; a Data Center may stand below a path, such as https://host/jira.",
            url=access.base_url,
            status=404,
        )
    if answer.status != 200:
        return _discover_locked_down(public, access)
    facts = read_facts(answer.data, access.base_url)
    return facts, _cloud_id(public, access) if facts.flavor == "cloud" else ""


def _discover_locked_down(public: PublicSite, access: Access) -> tuple[SiteFacts, str]:
    """A site that tells strangers nothing: only Cloud has a cloudId, and serverInfo is asked for with credentials."""
    cloud_id = public.cloud_id()
    presumed = read_facts({"deploymentType": "Cloud" if cloud_id else "Server"}, access.base_url)
    client = JiraClient(access.sender(_door(access, presumed, cloud_id)))
    return read_facts(client.server_info().data, access.base_url), cloud_id


def _cloud_id(public: PublicSite, access: Access) -> str:
    found = public.cloud_id()
    if not found:
        raise ProtocolError(f"{access.base_url} is Jira Cloud but does not tell its cloudId.", url=access.base_url)
    return found


def _door(access: Access, facts: SiteFacts, cloud_id: str) -> Door:
    return door_for(
        access.credentials,
        facts.flavor,
        access.base_url,
        cloud_id=cloud_id,
        gateway_url=access.gateway_url,
        scoped_token=access.scoped_token,
    )


def _zone(account: Account, facts: SiteFacts) -> tuple[str, tzinfo]:
    """JQL reads times in the account's zone; where the profile names none, in the site's."""
    zone = zone_named(account.zone_name)
    if zone:
        return account.zone_name, zone
    return (facts.zone_name or str(facts.zone or UTC)), (facts.zone or UTC)


def _reader(client: JiraClient, identity: Identity, timing: Timing) -> Reader:
    def now() -> datetime:
        return datetime.fromtimestamp(timing.now(), UTC)

    return (CloudReader if identity.flavor == "cloud" else DataCenterReader)(client, identity, now)
