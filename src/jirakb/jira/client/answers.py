"""What does an answer of Jira mean: data, "wait", "try again", or a refusal? Pure: sees one answer, never sends or sleeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from jirakb.errors import (
    ConnectorValidationError,
    InsufficientPermissionsError,
    JirakbError,
    ProtocolError,
)
from jirakb.jira.document.lenient import decode, line, mapping
from jirakb.jira.document.times import parse_time

LONGEST_WAIT = 3600.0
"""Seconds. Some sites ask for 9223372036854775807: nothing asks for more than an hour and means it."""
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable answer; `data` is the JSON, None for an accepted error status whose body is no JSON."""

    status: int
    headers: Mapping[str, str]
    data: object

    @property
    def site_time(self) -> datetime | None:
        """The site's clock when it answered."""
        return _http_date(self.headers.get("date", ""))

    @property
    def words(self) -> str:
        """What Jira says is wrong, in its own words."""
        return words_of(self.data)


@dataclass(frozen=True, slots=True)
class Broken:
    """No usable answer, but the same call may succeed later. `wait` is what the site asks for, if it does (seconds)."""

    why: str
    status: int | None = None
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Throttled:
    """The site says "wait": so many seconds (None: it does not say how long), for everything or for this endpoint only."""

    wait: float | None
    everything: bool


def judge(
    label: str,
    url: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    accepted: frozenset[int],
    now: float,
    read: Callable[[bytes], object] = decode,
) -> Answer | Broken | Throttled:
    """Reads an answer to the call `label`; raises the error that a refusal means, unless its status is `accepted`.

    `headers` are found by lower-case names; `now` is the epoch time, for dates in headers. `read` makes data of the body
    of a success, and raises ValueError when it cannot.
    """
    if status == 429:
        return Throttled(_asked_wait(headers, now), everything="burst" not in headers.get("ratelimit-reason", ""))
    if status >= 500 or status in (408, 425):
        wait = _retry_after(headers, now)
        return Broken(f"it answered {status} to {label}", status, min(wait, LONGEST_WAIT) if wait else None)
    if status in accepted:
        return Answer(status, headers, _json_or_none(body))
    if status >= 300:
        raise _refusal(label, url, status, headers, _json_or_none(body))
    return _data(label, status, headers, body, read)


def words_of(data: object) -> str:
    """The messages of any of Jira's error bodies on one line; "" where there are none."""
    found = mapping(data)
    messages = found.get("errorMessages")
    texts = [line(text) for text in messages] if isinstance(messages, list) else []
    texts += [line(text) for text in mapping(found.get("errors")).values()]
    texts += [line(found.get(key)) for key in ("message", "detail", "error_description")]
    return " ".join(text for text in texts if text)[:_LONGEST_MESSAGE]


def refuse_anonymous(headers: Mapping[str, str], url: str, status: int) -> None:
    """Raises InsufficientPermissionsError when the answer to a signed call says that it was given to nobody."""
    failed = "AUTHENTICATED_FAILED" in headers.get("x-seraph-loginreason", "")
    if failed or headers.get("x-ausername", "") == "anonymous":
        raise anonymous_error(url, status)


def anonymous_error(url: str, status: int | None = None) -> InsufficientPermissionsError:
    """The site answers, but as to nobody: it does not recognise the credentials."""
    return InsufficientPermissionsError(
        f"{url} does not recognise the credentials and answers as to an anonymous visitor.",
        fix="Create a new token, check that it is not expired and belongs to this site, and give it again.",
        url=url,
        status=status,
    )


def locked_account(headers: Mapping[str, str], url: str, status: int) -> InsufficientPermissionsError | None:
    """The error when Jira asks this account for a CAPTCHA: a further try, even with the right password, prolongs it."""
    if "AUTHENTICATION_DENIED" not in headers.get("x-seraph-loginreason", ""):
        return None
    found = re.search(r"login-url=([^\s;]+)", headers.get("x-authentication-denied-reason", ""))
    login = found[1] if found else url
    return InsufficientPermissionsError(
        f"{url} refuses every login of this account until a CAPTCHA is solved (too many wrong passwords).",
        fix=f"Log in once in a browser at {login}, or let an administrator reset the failed login count.",
        url=login,
        status=status,
    )


def _data(
    label: str, status: int, headers: Mapping[str, str], body: bytes, read: Callable[[bytes], object]
) -> Answer | Broken:
    if not body or body.isspace():
        return Broken(f"it answered nothing to {label}", status)
    try:
        return Answer(status, headers, read(body))
    except ValueError:
        what = "HTML (a login page or a proxy's?)" if _is_html(headers, body) else "incomplete or broken JSON"
        return Broken(f"it answered {what} to {label}", status)


def _is_html(headers: Mapping[str, str], body: bytes) -> bool:
    return "html" in headers.get("content-type", "") or body.lstrip()[:1] == b"<"


def _json_or_none(body: bytes) -> object:
    try:
        return decode(body) if body else None
    except ValueError:
        return None


def _refusal(label: str, url: str, status: int, headers: Mapping[str, str], data: object) -> JirakbError:
    said = words_of(data)
    if 300 <= status < 400:
        return _redirected(label, url, status, headers)
    if status == 401 and "scope" in said.lower():
        return _scope_missing(label, url)
    if status in (401, 403):
        return _forbidden(label, url, status, said)
    if status == 404:
        return ConnectorValidationError(
            f"{url} has nothing at {label}" + (f": {said}" if said else "."), url=url, status=status
        )
    if status == 400:
        return ConnectorValidationError(said or f"{url} rejects {label}.", url=url, status=status)
    return ProtocolError(f"{url} answered {status} to {label}" + (f": {said}" if said else "."), url=url, status=status)


def _redirected(label: str, url: str, status: int, headers: Mapping[str, str]) -> JirakbError:
    target = headers.get("location", "").split("?")[0].split("#")[0]
    if "login" in target.lower():
        return InsufficientPermissionsError(
            f"{url} sends {label} to its login page.", fix="Check the credentials.", url=url, status=status
        )
    return ConnectorValidationError(
        f"{url} redirects {label} to {target or 'another address'}, which is not followed.",
        fix="Use the address at which the site finally answers as the base URL.",
        url=url,
        status=status,
    )


def _scope_missing(label: str, url: str) -> InsufficientPermissionsError:
    scope = "read:jira-user" if label.endswith("myself") else "read:jira-work"
    return InsufficientPermissionsError(
        f"The token lacks a scope that {label} needs (Jira says: scope does not match).",
        fix=f"Create a token with the scopes read:jira-work and read:jira-user; this call needs {scope}.",
        url=url,
        status=401,
    )


def _forbidden(label: str, url: str, status: int, said: str) -> InsufficientPermissionsError:
    what = "refuses the credentials for" if status == 401 else "does not let this account use"
    return InsufficientPermissionsError(
        f"{url} {what} {label} ({status})" + (f": {said}" if said else "."),
        fix="Check token, account and site." if status == 401 else "Give the account the permission to browse.",
        url=url,
        status=status,
    )


def _asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds, clamped; None when nothing usable is said (also for 0: on a 429 that cannot be meant)."""
    wait = _retry_after(headers, now)
    if wait is None:
        reset = parse_time(headers.get("x-ratelimit-reset", ""))
        wait = reset.timestamp() - now if reset else None
    return min(wait, LONGEST_WAIT) if wait and wait > 0 else None


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:18])
    moment = _http_date(said)
    if moment is None:
        return None
    site_now = _http_date(headers.get("date", ""))
    return max(0.0, moment.timestamp() - (site_now.timestamp() if site_now else now))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
