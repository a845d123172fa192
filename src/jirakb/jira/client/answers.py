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
from jirakb.jira.client.recognition import names_nobody
from jirakb.jira.document.lenient import decode, line, mapping
from jirakb.jira.document.times import parse_time

LONGEST_WAIT = 3600.0
"""Seconds. Quotas are renewed at the full hour: nothing asks for more and means it."""
_NONSENSE = 86_400.0
"""Seconds from which on a wait is taken as not said at all: blocked accounts are told 9223372036854775807."""
_LONGEST_MESSAGE = 500
_FIRST_QUESTION = "/rest/api/2/serverInfo"
_FAULT_OF_OURS = "Run jirakb doctor with the same options; if it finds nothing, this is a fault of jirakb."


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
    code: str = ""
    """"html" when a page for people came instead of JSON, "anonymous" when it was given to nobody."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """The site says "wait": so many seconds (None: it does not say how long), for everything or for this endpoint only."""

    wait: float | None
    everything: bool
    learn: bool = True
    """Whether it says something about the rate: a quota of points that is used up does not."""
    nonsense: bool = False
    """Whether the wait that the site named cannot be meant."""


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
        return read_throttle(headers, now)
    if status >= 500 or status in (408, 425):
        wait = _retry_after(headers, now)
        meant = min(wait, LONGEST_WAIT) if wait and wait < _NONSENSE else None
        return Broken(f"it answered {status} to {label}", status, meant)
    if status in accepted:
        return Answer(status, headers, _json_or_none(body))
    if status >= 300:
        raise _refusal(label, url, status, headers, _json_or_none(body))
    return _data(label, status, headers, body, read)


def read_throttle(headers: Mapping[str, str], now: float) -> Throttled:
    """What a 429 asks for. A burst concerns its endpoint only; a quota, and what Data Center says without a reason, everything."""
    reason = headers.get("ratelimit-reason", "")
    wait = _asked_wait(headers, now)
    nonsense = wait is not None and wait >= _NONSENSE
    return Throttled(
        None if nonsense or wait is None else min(wait, LONGEST_WAIT),
        everything=not ("burst" in reason or "per-issue" in reason),
        learn="quota" not in reason,
        nonsense=nonsense,
    )


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
    if names_nobody(headers):
        raise anonymous_error(url, status)


def anonymous_error(url: str, status: int | None = None) -> InsufficientPermissionsError:
    """The site answers, but as to nobody: it does not recognise the credentials."""
    return InsufficientPermissionsError(
        f"{url} does not recognise the credentials and answers as to an anonymous visitor.",
        fix="Create a new token, check that it is not expired and belongs to this site, and give it again.",
        url=url,
        status=status,
        code="credentials_refused",
    )


def locked_account(headers: Mapping[str, str], url: str, status: int) -> InsufficientPermissionsError | None:
    """The error when Jira asks this account for a CAPTCHA: a further try, even with the right password, prolongs it."""
    reason = headers.get("x-authentication-denied-reason", "")
    if "AUTHENTICATION_DENIED" not in headers.get("x-seraph-loginreason", "") and "CAPTCHA" not in reason:
        return None
    found = re.search(r"login-url=([^\s;]+)", reason)
    login = found[1] if found else url
    return InsufficientPermissionsError(
        f"{url} refuses every login of this account until a CAPTCHA is solved (too many wrong passwords).",
        fix=f"Log in once in a browser at {login}, or let an administrator reset the failed login count.",
        url=login,
        status=status,
        code="captcha",
    )


def _data(
    label: str, status: int, headers: Mapping[str, str], body: bytes, read: Callable[[bytes], object]
) -> Answer | Broken:
    if not body or body.isspace():
        return Broken(f"it answered nothing to {label}", status)
    try:
        return Answer(status, headers, read(body))
    except ValueError:
        page = _is_html(headers, body)
        what = "HTML (a login page or a proxy's?)" if page else "incomplete or broken JSON"
        return Broken(f"it answered {what} to {label}", status, code="html" if page else "")


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
        return redirected(label, url, status, headers)
    if status == 401 and "scope" in said.lower():
        return _scope_missing(label, url)
    if status in (401, 403):
        return _forbidden(label, url, status, said)
    if status == 404:
        return ConnectorValidationError(
            f"{url} has nothing at {label}" + (f": {said}" if said else "."),
            fix="Check the base URL and what the account may see; jirakb doctor looks at both.",
            url=url,
            status=status,
            code="not_found",
        )
    if status == 400:
        return _rejected(label, url, said)
    return ProtocolError(f"{url} answered {status} to {label}" + (f": {said}" if said else "."), url=url, status=status)


def _rejected(label: str, url: str, said: str) -> ConnectorValidationError:
    """A search is refused for what was asked: the query is made of the projects, the JQL and the labels that were given."""
    query = "search" in label
    return ConnectorValidationError(
        said or f"{url} rejects {label}.",
        fix=_how_to_ask(said) if query else _FAULT_OF_OURS,
        url=url,
        status=400,
        code="query_refused" if query else "rejected",
    )


def _how_to_ask(said: str) -> str:
    if "for the field 'project'" in said:
        return (
            "That project was deleted or renamed, or the account lost it: take it out of the JQL, or name the projects beside "
            "it (--project), where a lost one does not stop the others. What was indexed stays as it is."
        )
    return "Correct the project keys or the JQL: Jira names what it does not know, or does not show to this account."


def redirected(label: str, url: str, status: int, headers: Mapping[str, str]) -> JirakbError:
    """The error for a way elsewhere, which is never followed."""
    target = headers.get("location", "").split("?")[0].split("#")[0]
    if "login" in target.lower():
        return InsufficientPermissionsError(
            f"{url} sends {label} to its login page.",
            fix="Check the credentials; a single sign-on in front of Jira must let API calls with a token pass.",
            url=url,
            status=status,
            code="login_page",
        )
    return ConnectorValidationError(
        f"{url} redirects {label} to {target or 'another address'}, which is not followed.",
        fix=f"Use {_base_of(target) or 'the address at which the site finally answers'} as the base URL.",
        url=url,
        status=status,
        code="redirected",
    )


def _base_of(target: str) -> str:
    """The base URL of a site that answers the first question at another address."""
    return target.removesuffix(_FIRST_QUESTION) if target.endswith(_FIRST_QUESTION) and "://" in target else ""


def _scope_missing(label: str, url: str) -> InsufficientPermissionsError:
    scope = "read:jira-user" if label.endswith("myself") else "read:jira-work"
    return InsufficientPermissionsError(
        f"The token lacks a scope that {label} needs (Jira says: scope does not match).",
        fix=f"Create a token with the scopes read:jira-work and read:jira-user; this call needs {scope}.",
        url=url,
        status=401,
        code="scope",
    )


def _forbidden(label: str, url: str, status: int, said: str) -> InsufficientPermissionsError:
    what = "refuses the credentials for" if status == 401 else "does not let this account use"
    return InsufficientPermissionsError(
        f"{url} {what} {label} ({status})" + (f": {said}" if said else "."),
        fix="Check token, account and site." if status == 401 else "Give the account the permission to browse.",
        url=url,
        status=status,
        code="credentials_refused" if status == 401 else "forbidden",
    )


def _asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds; None when nothing usable is said (also for 0: on a 429 that cannot be meant)."""
    wait = _retry_after(headers, now)
    if wait is None:
        reset = parse_time(headers.get("x-ratelimit-reset", ""))
        wait = reset.timestamp() - now if reset else None
    return wait if wait and wait > 0 else None


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
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
