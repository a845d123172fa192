"""How do the bytes of an attachment arrive? Asks the site by the attachment's id, and follows where Cloud sends for the file.

The Authorization goes to the site's own door only. An address in an answer is followed without it, and never to this
machine or its network, unless the site itself stands there. Reads no text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from jirakb.errors import (
    ConnectorValidationError,
    InsufficientPermissionsError,
    ProtocolError,
    SiteUnreachableError,
)
from jirakb.jira.auth import Door
from jirakb.jira.client.answers import Answer
from jirakb.jira.client.sender import Call, Sender
from jirakb.jira.document.issue import Attachment
from jirakb.jira.guard import NOT_ALLOWED
from jirakb.jira.pacing import Pacer
from jirakb.jira.session import Access, Session
from jirakb.jira.site import Flavor, is_loopback

_JUDGED_HERE = frozenset(range(300, 500))
_ATTEMPTS = 3
_REDIRECTS = 3
_CONNECTIONS_AWAY = 8
_LONGEST_ADDRESS = 8192
_ODD_NUMBER = re.compile(r"(?i)0x[0-9a-f]*|[0-9]+")
"""How the last part of an address looks that only the system's resolver takes for one (127.1, 2130706433)."""
_STEPS = re.compile(r"[/\\]|^\.+$")
_LOGIN = re.compile(r"(?i)^[^?#]*/login(\.jsp)?([?#]|$)")
_TIME_OVER = frozenset({403, 404})
"""How the media host refuses an address whose time is over; the site gives a new one, once."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Why an attachment has no bytes: the class, reason and detail of its omission."""

    cls: Literal["excluded", "failed"]
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Expired:
    """The media host refused the address that the site gave, which may have become too old."""

    status: int

    @property
    def missed(self) -> Missed:
        """What it is when the new address is refused, too."""
        if self.status in (404, 410):
            return Missed("excluded", "gone")
        return Missed("failed", "download_failed", "The media host refused the address that the site gave.")


@dataclass(frozen=True, slots=True)
class Downloads:
    """The files of one site. Safe to use from several threads.

    `open_door` makes a sender for a door, with the limit on sizes. `verify` raises when the account is no longer known,
    `sign_of_life` when the site is out of reach.
    """

    flavor: Flavor
    base_url: str
    door: Door
    open_door: Callable[[Door], Sender]
    verify: Callable[[], object]
    sign_of_life: Callable[[], object]

    def get(self, file: Attachment) -> bytes | Missed:
        """The bytes of an attachment; raises what concerns more than this one file."""
        try:
            found = self._get(file)
            found = self._get(file) if isinstance(found, _Expired) else found
            return found.missed if isinstance(found, _Expired) else found
        except SiteUnreachableError as exc:
            self.sign_of_life()
            return Missed("failed", "download_failed", exc.message)
        except InsufficientPermissionsError as exc:
            self.verify()
            return Missed("failed", "login_page", exc.message)
        except ConnectorValidationError as exc:
            if exc.code != NOT_ALLOWED:
                raise
            return Missed("failed", "bad_redirect", exc.message)
        except ProtocolError:  # all statuses are judged here, so that only the size is left to refuse
            return Missed("excluded", "too_large")

    def _get(self, file: Attachment) -> bytes | Missed | _Expired:
        door, path, label = self._address(file)
        asked = f"{door.api_root}/{path}"
        for _ in range(_REDIRECTS):
            answer = self._ask(door, path, label)
            if not 300 <= answer.status < 400:
                return _judge(answer, file, is_away=not door.authorization)
            asked = _target(asked, answer.headers.get("location", ""))
            if _LOGIN.search(asked):
                return Missed("failed", "login_page")
            if not may_follow(asked, self.base_url):
                return Missed("failed", "bad_redirect")
            door, path, label = self._next_door(asked)
        return Missed("failed", "bad_redirect")

    def _ask(self, door: Door, path: str, label: str) -> Answer:
        call = Call("GET", label, path, accepted=_JUDGED_HERE, read=_as_it_is)
        return self.open_door(door).send(call, attempts=_ATTEMPTS)

    def _address(self, file: Attachment) -> tuple[Door, str, str]:
        """Built on our own door: the address in the answer may name any host."""
        identity = quote(file.id, safe="")
        if self.flavor == "cloud":
            return self.door, f"attachment/content/{identity}", "GET attachment/content/{key}"
        path = f"secure/attachment/{identity}/{_within_path(file.name)}"
        return replace(self.door, api_root=self.base_url), path, "GET secure/attachment/{key}"

    def _next_door(self, address: str) -> tuple[Door, str, str]:
        parts = urlsplit(address)
        root = f"{parts.scheme}://{parts.netloc}"
        path = parts._replace(scheme="", netloc="", fragment="").geturl().removeprefix("/")
        own = _origin(parts) == _origin(urlsplit(self.door.api_root))
        return Door(root, self.door.authorization if own else ""), path, "GET media/{key}"


def open_downloads(access: Access, session: Session, limit: int) -> Downloads:
    """The files of the site of a session, up to `limit` bytes each. The media host has a pace of its own."""
    own = replace(access, max_bytes=limit)
    away = replace(own, pacer=Pacer(_CONNECTIONS_AWAY, access.timing))

    who = access.sender(session.door).who

    def open_door(door: Door) -> Sender:
        return (own if door.authorization else away).sender(door, who)

    client, identity = session.client, session.identity
    return Downloads(identity.flavor, access.base_url, session.door, open_door, identity.verify, client.server_info)


def _within_path(name: str) -> str:
    """Jira finds a file by its id alone; a name that is steps of a path would be refused, or walked, on the way."""
    return quote(_STEPS.sub("_", name), safe="")


def _target(asked: str, location: str) -> str:
    """The address that a redirect names; "" for what is none."""
    try:
        target = urljoin(asked, location)
        _ = urlsplit(target).port  # raises on a port that is none
    except ValueError:
        return ""
    return target if target.isprintable() and len(target) <= _LONGEST_ADDRESS else ""


def may_follow(address: str, site: str) -> bool:
    """Whether a file of this site may be fetched from that address: over https, and from no host that is nearer to us than
    the site itself. Plain http leads only to the site's own host, or from this machine to this machine."""
    target, own = urlsplit(address), urlsplit(site)
    host, own_host = target.hostname or "", own.hostname or ""
    if not host or target.username is not None or target.scheme not in ("http", "https"):
        return False
    if target.scheme == "http" and not (own.scheme == "http" and (host == own_host or _nearness(host) == _HERE)):
        return False
    return _nearness(host) <= min(_nearness(own_host), _HERE)


_FAR, _NEAR, _HERE, _NOWHERE = range(4)
"""A public address, one of a private network, this machine, and what no file comes from (such as a cloud's metadata)."""


def _nearness(host: str) -> int:
    """By the name alone: where a name leads is not looked up."""
    host = host.rstrip(".")
    if is_loopback(host):
        return _HERE
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _NOWHERE if _ODD_NUMBER.fullmatch(host.rpartition(".")[2]) else _FAR
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return _NOWHERE
    return _FAR if address.is_global else _NEAR


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port


def _as_it_is(body: bytes) -> bytes:
    return body


def _judge(answer: Answer, file: Attachment, *, is_away: bool) -> bytes | Missed | _Expired:
    if is_away and answer.status in _TIME_OVER:
        return _Expired(answer.status)
    if answer.status in (404, 410):
        return Missed("excluded", "gone")
    if answer.status != 200 or not isinstance(answer.data, bytes):
        return Missed("failed", "download_failed", f"It was answered {answer.status}. {answer.words}".strip())
    if _is_login_page(answer.headers, answer.data, file):
        return Missed("failed", "login_page")
    if _is_cut_short(answer.headers, answer.data, file):
        return Missed("failed", "cut_short", f"{len(answer.data)} of {file.size} bytes came.")
    return answer.data


def _is_login_page(headers: Mapping[str, str], data: bytes, file: Attachment) -> bool:
    """A site that no longer knows the caller sends a page where another type of file was promised."""
    promised = "html" in file.mime_type or file.name.lower().endswith((".html", ".htm", ".xhtml"))
    looks = data[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))
    return not promised and looks and "html" in headers.get("content-type", "")


def _is_cut_short(headers: Mapping[str, str], data: bytes, file: Attachment) -> bool:
    """Where the answer told its own length, its end was seen; else the size that the issue tells must be reached."""
    told = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "")
    return not told and file.size is not None and len(data) < file.size
