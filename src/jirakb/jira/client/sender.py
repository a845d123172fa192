"""How does one call become one usable answer? Sends, paces, retries and counts; knows no endpoint.

The Authorization goes to the door's own address only: paths are joined to it, redirects and links are never followed.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx2
import orjson

import jirakb
from jirakb.errors import ProtocolError, RateLimitedError, SiteUnreachableError
from jirakb.jira.auth import Door
from jirakb.jira.client.answers import (
    Answer,
    Broken,
    Throttled,
    judge,
    locked_account,
    read_throttle,
    refuse_anonymous,
)
from jirakb.jira.client.encoding import ACCEPTED, unpack
from jirakb.jira.client.guarded import GuardedTransport
from jirakb.jira.client.limits import allowance
from jirakb.jira.client.network import Network, cause_of, unreachable
from jirakb.jira.client.refusals import Refusals
from jirakb.jira.client.retries import Budget, Trouble
from jirakb.jira.client.wires import Wires
from jirakb.jira.document.lenient import decode
from jirakb.jira.guard import Guard
from jirakb.jira.pacing import Pacer, Stop, Timing, Turn
from jirakb.jira.site import is_loopback
from jirakb.source import RequestCounts

_log = logging.getLogger(__name__)
_LONG_WAIT = 10.0  # seconds

MAX_RESPONSE_BYTES = 256 * 1024 * 1024
"""Longer answers (unpacked) are refused: a batch of a hundred issues with megabytes of comments fits well."""
_SECONDS_OF_SILENCE = 90.0
"""A hundred long issues can take Jira half a minute to gather."""
_SECONDS_OF_AN_ANSWER = 600.0
"""The longest answer that is taken comes through a slow line in this time; one that only trickles is given up."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `path` below the door's root, and the label it is counted and paced under."""

    method: str
    label: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    accepted: frozenset[int] = frozenset()
    """Error statuses that the caller judges itself."""
    read: Callable[[bytes], object] = decode
    """What makes data of the body."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """The head of an answer that began to arrive, and its body as it was sent or what broke it off."""

    status: int
    headers: httpx2.Headers
    packed: bytes | httpx2.TransportError


class Tally:
    """The requests of a connector so far; shared by its senders."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_endpoint: Counter[str] = Counter()
        self._throttled = 0
        self._waited = 0.0

    def count(self, label: str) -> None:
        """One request is sent."""
        with self._lock:
            self._by_endpoint[label] += 1

    def count_throttle(self) -> None:
        """One request was answered 429."""
        with self._lock:
            self._throttled += 1

    def count_wait(self, seconds: float) -> None:
        """The site asked for a wait of so long."""
        with self._lock:
            self._waited += seconds

    def waited(self) -> float:
        """The seconds for which the site has held calls back so far; those of several connections add up."""
        with self._lock:
            return self._waited

    def read(self) -> RequestCounts:
        """All requests so far."""
        with self._lock:
            return RequestCounts(self._by_endpoint.total(), self._throttled, dict(self._by_endpoint))


def open_http(
    addresses: Sequence[str],
    connections: int,
    transport: httpx2.BaseTransport | None = None,
    network: Network | None = None,
    guard: Guard | None = None,
) -> httpx2.Client:
    """A pool of connections that follows no redirect and keeps no cookie (a session cookie would outlive the token).

    The first address is the site's own. `guard`: only addresses that it admits are connected to. Raises UsageError when a
    file that `network` names cannot be used.
    """
    network = network or Network()
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    local = all(is_loopback(urlsplit(address).hostname or "") for address in addresses)
    trust, proxy = network.trust(), network.via()
    if guard is not None and transport is None:
        transport = GuardedTransport(guard, trust, limits, proxy, trust_env=not local)
    http = httpx2.Client(
        headers={
            "User-Agent": f"jirakb/{jirakb.__version__}",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED,
            "X-Atlassian-Token": "no-check",
        },
        follow_redirects=False,
        timeout=httpx2.Timeout(_SECONDS_OF_SILENCE, connect=20.0, pool=None),
        limits=limits,
        transport=transport,
        verify=trust,
        proxy=proxy if guard is None else None,  # else a transport would be made that asks no guard
        mounts=network.mounts(addresses[0], limits, guard),
        trust_env=not local,
    )
    http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


class Sender:
    """Sends calls through one door. Safe to use from several threads."""

    def __init__(
        self,
        http: httpx2.Client,
        door: Door,
        pacer: Pacer,
        tally: Tally,
        *,
        timing: Timing,
        budget: Budget,
        max_bytes: int,
        stop: Stop,
        wires: Wires,
        refusals: Refusals | None = None,
        ask_who: Callable[[], object] | None = None,
    ) -> None:
        """`ask_who` asks for the account where this door leads to files only (None: the door leads to the API itself)."""
        self._http = http
        self._door = door
        self._pacer = pacer
        self._tally = tally
        self._timing = timing
        self._budget = budget
        self._max_bytes = max_bytes
        self._stop = stop
        self._extensions = {"trace": wires.see}
        self._refusals = refusals or Refusals()
        self._recognition = self._refusals.recognition
        self._ask_who = ask_who or self.who
        self.site = urlsplit(door.api_root)._replace(path="", query="", fragment="").geturl()

    def send(self, call: Call, *, attempts: int | None = None) -> Answer:
        """The answer to a call, after as many tries as its budget allows.

        Raises SiteUnreachableError or RateLimitedError when the budget is spent, and what a refusal means.
        """
        budget = self._budget if attempts is None else _with_attempts(self._budget, attempts)
        trouble = Trouble(budget, self._timing.monotonic())
        while True:
            self._make_sure(call)
            outcome = self._try(call, trouble)
            if isinstance(outcome, Answer):
                return outcome
            if outcome is None or isinstance(outcome, Throttled):
                continue
            if outcome.code == _ANONYMOUS:
                trouble.doubted += 1
                self._make_sure(call)
            self._recover(call, outcome, trouble)

    def who(self) -> Answer:
        """Who is asking; raises InsufficientPermissionsError when the site does not know the account any more."""
        return self.send(_WHO)

    def _make_sure(self, call: Call) -> None:
        """Returns when there is no doubt about the account; one thread asks for all, and meanwhile no other sends its secret."""
        if call is _WHO or not self._recognition.is_doubted(self._door):
            return
        with self._recognition.turn:
            if self._recognition.is_doubted(self._door):
                self._ask_who()
                self._recognition.assure(self._door)

    def _try(self, call: Call, trouble: Trouble) -> Answer | Broken | Throttled | None:
        with self._refusals.turn(self._door):
            self._refusals.check(self._door)  # no reason to wait for a turn
            with self._pacer.turn(call.label, self._timing.sleep) as turn, self._refusals.noting(self._door):
                outcome = self._try_now(call, turn, trouble)
            # The turn is over: while this thread unpacks and reads, another one uses the connection.
            return self._judge_body(call, outcome) if isinstance(outcome, _Heard) else outcome

    def _try_now(self, call: Call, turn: Turn, trouble: Trouble) -> _Heard | Answer | Broken | Throttled | None:
        """What came; judged already where it says something against the secret: calls that wait for their turn must know it.

        None: nothing was sent, since the account is doubted.
        """
        self._stop.check()
        self._refusals.check(self._door)
        if call is not _WHO and self._recognition.is_doubted(self._door):
            return None
        assurances = self._recognition.assurances(self._door)
        self._tally.count(call.label)
        try:
            heard = self._exchange(call)
        except httpx2.TransportError as exc:
            return self._no_answer(call, exc)
        # Before anything else is done with the answer: meanwhile other threads send.
        self._pacer.tell(turn, allowance(heard.headers))
        if heard.status == _TOO_MANY:
            return self._throttle(turn, heard.headers, trouble)
        doubt = self._judge_head(call, heard, trouble)
        if doubt:
            self._recognition.doubt(self._door, assurances)
            return doubt
        return self._judge_body(call, heard) if heard.status in _REFUSED else heard

    def _exchange(self, call: Call) -> _Heard:
        with self._http.stream(
            call.method,
            f"{self._door.api_root}/{call.path}",
            params=dict(call.params) or None,
            content=None if call.body is None else orjson.dumps(call.body),
            headers=self._headers(call),
            extensions=self._extensions,
        ) as response:
            try:
                return _Heard(response.status_code, response.headers, self._read(call, response))
            except httpx2.TransportError as exc:
                return _Heard(response.status_code, response.headers, exc)

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {"Authorization": self._door.authorization} if self._door.authorization else {}
        return headers | ({"Content-Type": "application/json"} if call.body is not None else {})

    def _read(self, call: Call, response: httpx2.Response) -> bytes:
        pieces, size, end = list[bytes](), 0, self._timing.monotonic() + _SECONDS_OF_AN_ANSWER
        for piece in response.iter_raw():
            pieces.append(piece)
            size += len(piece)
            self._check_size(call, response.status_code, size)
            if self._timing.monotonic() > end:
                raise httpx2.ReadTimeout(f"the answer had no end after {_SECONDS_OF_AN_ANSWER:.0f} s")
        return b"".join(pieces)

    def _unpack(self, call: Call, heard: _Heard) -> bytes | Broken:
        if isinstance(heard.packed, httpx2.TransportError):
            return self._no_answer(call, heard.packed)
        try:
            body = unpack(heard.packed, heard.headers.get("content-encoding", ""), self._max_bytes)
        except ValueError as exc:
            return Broken(f"{call.label} ended with {exc}", heard.status)
        self._check_size(call, heard.status, len(body))
        return body

    def _check_size(self, call: Call, status: int, size: int) -> None:
        if size > self._max_bytes:
            raise ProtocolError(
                f"{self.site} answered more than {self._max_bytes} bytes to {call.label}.", url=self.site, status=status
            )

    def _judge_head(self, call: Call, heard: _Heard, trouble: Trouble) -> Broken | None:
        """What the headers say against the account, also where no whole body follows; raises what a refusal means."""
        status, headers = heard.status, heard.headers
        locked = locked_account(headers, self.site, status)
        if locked:
            raise locked
        if self._door.authorization and status < _TOO_MANY:
            # The gateway refuses strangers and missing scopes alike by 401 and never says for whom that is.
            refused = status == 401 and self._door.kind in ("scoped_token", "access_token")
            # A refusal that stays the same though the account stands is meant.
            refused = refused or (status >= 400 and trouble.doubted >= _ASKED_AGAIN)
            if call is not _WHO and not refused and self._recognition.is_doubtful(self._door, call.label, headers):
                return Broken(f"it answered {call.label} as to an anonymous visitor", status, code=_ANONYMOUS)
            refuse_anonymous(headers, self.site, status)
        return None

    def _judge_body(self, call: Call, heard: _Heard) -> Answer | Broken | Throttled:
        body = self._unpack(call, heard)
        if isinstance(body, Broken):
            if heard.status not in _REFUSED:
                return body
            body = b""  # to ask again for the words would be to send a refused secret again
        status, headers, now = heard.status, heard.headers, self._timing.now()
        return judge(call.label, self.site, status, headers, body, call.accepted, now, call.read)

    def _no_answer(self, call: Call, exc: httpx2.TransportError) -> Broken:
        hopeless = unreachable(self.site, exc)
        if hopeless:
            raise hopeless from exc
        why = f"{call.label} ended with {type(exc).__name__}" + (f" ({exc})" if str(exc) else "")
        return Broken(why, code=cause_of(exc))

    def _throttle(self, turn: Turn, headers: httpx2.Headers, trouble: Trouble) -> Throttled:
        """Holds back what the site wants held back; raises RateLimitedError when it has said so too often."""
        self._tally.count_throttle()
        outcome = read_throttle(headers, self._timing.now())
        pause = trouble.pause_after_throttle(outcome.wait, self._timing.chance(), nonsense=outcome.nonsense)
        if pause is None:
            raise RateLimitedError(
                f'{self.site} keeps answering "wait" to {turn.endpoint}.',
                fix="Run again later; what was committed stays.",
                url=self.site,
                status=429,
            )
        if outcome.wait is None and outcome.learn:
            pause = min(pause, self._pacer.fitting_pause(turn.endpoint) or pause)
        self._say(turn.endpoint, pause)
        self._tally.count_wait(pause)
        self._pacer.refuse(turn, pause, everything=outcome.everything, learn=outcome.learn)
        return outcome

    def _recover(self, call: Call, outcome: Broken, trouble: Trouble) -> None:
        now = self._timing.monotonic()
        pause = trouble.pause_after_broken(outcome.wait, now, self._timing.chance())
        if pause is None:
            raise SiteUnreachableError(
                f"{self.site} gave no usable answer in {trouble.broken} tries: {outcome.why}.",
                fix="Check that the site is up and can be reached from here, then run again.",
                url=self.site,
                status=outcome.status,
                code=outcome.code,
            )
        self._say(call.label, pause)
        if outcome.wait is not None:
            self._pacer.hold(pause)
        else:
            self._timing.sleep(pause)

    def _say(self, label: str, pause: float) -> None:
        """A wait that somebody at a terminal would wonder about is no secret."""
        if pause >= _LONG_WAIT:
            _log.warning("Waiting %.0f s for %s before the next %s.", pause, self.site, label)


_TOO_MANY = 429
_REFUSED = frozenset({401, 403})
_ANONYMOUS = "anonymous"
_ASKED_AGAIN = 2
_WHO = Call("GET", "GET myself", "myself")
"""The one question that is never answered to nobody with a success."""


def _with_attempts(budget: Budget, attempts: int) -> Budget:
    return Budget(attempts, budget.seconds, budget.throttles, budget.patience)
