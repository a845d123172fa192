"""How is a model asked that another server runs? One JSON body is posted, again where that can help, and never for longer
than the asker has patience. Never says what an answer means, and never sends the key to another address."""

from __future__ import annotations

import ipaddress
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from jirakb.errors import ModelServerError, UsageError

MOST_BYTES = 64 * 1024 * 1024
"""More is no answer: a batch of vectors takes a hundredth of it."""
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_SAID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a try may take in seconds, how many there are, and for how long nobody is asked after a failure."""

    seconds: float
    tries: int = 1
    rest: float = 0.0


WORKING = Patience(60.0, tries=6)
"""While vectors are made nobody waits: about a minute of pauses gets over a restart of the server."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is served, and what has to be shown there. `setting` is what a person set it by."""

    url: str
    setting: str
    key: str = field(default="", repr=False)
    ca_bundle: str = ""
    allowed: tuple[str, ...] = ()
    """Hosts that may be called over plain http besides loopback."""

    def checked(self) -> str:
        """The URL; raises UsageError for what is none, or would carry texts in the clear where nobody has allowed it."""
        url = self.url.rstrip("/")
        try:
            parts = httpx2.URL(url)
        except httpx2.InvalidURL as exc:
            raise UsageError(f"{self.setting} is no URL: {exc}.", fix=_LIKE) from exc
        if parts.scheme not in ("http", "https") or not parts.host:
            raise UsageError(f"{self.setting} is no URL of a server.", fix=_LIKE)
        if parts.scheme == "http" and not _is_loopback(parts.host) and not self._is_allowed(parts):
            raise UsageError(
                f"{self.setting} would send texts to {parts.host} in the clear.",
                fix="Use https, or name the host in JIRAKB_ALLOWED_SITES.",
            )
        return url

    def _is_allowed(self, url: httpx2.URL) -> bool:
        names = {site.lower().split("://")[-1].rstrip("/") for site in self.allowed}
        return bool(names & {url.host, url.netloc.decode()})

    def trust(self) -> ssl.SSLContext:
        """The system's authorities and those of the bundle; raises UsageError when its file holds none."""
        context = httpx2.create_ssl_context()
        if self.ca_bundle:
            try:
                context.load_verify_locations(self.ca_bundle)
            except (OSError, ssl.SSLError) as exc:
                raise UsageError(f"JIRAKB_CA_BUNDLE names {self.ca_bundle}, which cannot be read: {exc}.") from exc
        return context


class ModelServer:
    """One server of a model; several threads may ask it. Its connections close with the process, or by `close`."""

    def __init__(
        self,
        address: Address,
        patience: Patience,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = address.checked()
        self._setting = address.setting
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if address.key:
            headers["Authorization"] = f"Bearer {address.key}"
        self._client = httpx2.Client(
            headers=headers, verify=address.trust(), timeout=patience.seconds, follow_redirects=False
        )
        self._lock = threading.Lock()
        self._resting_until = 0.0

    @property
    def url(self) -> str:
        """Where it is."""
        return self._url

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def ask(self, path: str, body: object) -> Any:
        """The answer's JSON. Raises ModelServerError when there is none, UsageError when the server refuses the question."""
        if self._clock() < self._resting_until:
            raise self._failed("it failed just now", path)
        url = self._url if self._url.endswith(path) else f"{self._url}{path}"
        content = orjson.dumps(body)
        said = ""
        for pause in self._pauses():
            answer = self._try(url, content)
            if not isinstance(answer, _Failure):
                return answer.value
            said = answer.said
            if pause is not None:
                self._sleep(max(pause, min(answer.wait, _LONGEST_PAUSE)))
        with self._lock:
            self._resting_until = self._clock() + self._patience.rest
        raise self._failed(said, path)

    def _pauses(self) -> Iterator[float | None]:
        """The pause behind each try; none behind the last."""
        for at in range(self._patience.tries - 1):
            # Several processes that lost the same server do not come back at the same moment.
            yield min(_FIRST_PAUSE * 2**at, _LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311
        yield None

    def _try(self, url: str, content: bytes) -> _Answer | _Failure:
        until = self._clock() + self._patience.seconds
        try:
            with self._client.stream("POST", url, content=content) as response:
                body = self._read(response, until)
        except _TooLongError as exc:
            return _Failure(str(exc))
        except httpx2.TransportError as exc:
            return _Failure(str(exc) or type(exc).__name__)
        if response.status_code in _PASSING:
            return _Failure(f"HTTP {response.status_code}{_told(body)}", _seconds(response.headers.get("Retry-After")))
        if response.status_code != 200:
            raise self._refused(response.status_code, body)
        try:
            return _Answer(orjson.loads(body))
        except orjson.JSONDecodeError:
            return _Failure("its answer is no JSON, or broken off")

    def _read(self, response: httpx2.Response, until: float) -> bytes:
        """The body; what comes in drops is not waited for any longer than what does not come."""
        pieces, size = [], 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise _TooLongError(f"its answer is longer than {MOST_BYTES >> 20} MB")
            if self._clock() > until:
                raise _TooLongError(f"its answer took longer than {self._patience.seconds:g} s")
        return b"".join(pieces)

    def _refused(self, status: int, body: bytes) -> UsageError:
        fixes = {
            401: "Check the key.",
            403: "Check the key, and what it may use.",
            404: "Check the URL (it ends before the name of the call) and the model's name.",
        }
        return UsageError(
            f"The model server of {self._setting} ({self._url}) refused the call: HTTP {status}{_told(body)}.",
            fix=fixes.get(status, f"Check {self._setting} and the model's name."), url=self._url, status=status,
        )  # fmt: skip

    def _failed(self, said: str, path: str) -> ModelServerError:
        return ModelServerError(
            f"The model server of {self._setting} ({self._url}) gave no answer to {path}: {said}.",
            fix="See that it runs and can be reached from here, and run again: what was stored stays.", url=self._url,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Answer:
    value: Any


@dataclass(frozen=True, slots=True)
class _Failure:
    said: str
    wait: float = 0.0


class _TooLongError(Exception):
    """An answer that takes too long, or too much room."""


_LIKE = "Give it like https://models.example.com/v1."


def _told(body: bytes) -> str:
    """The beginning of what a server says about its failure, in one line."""
    text = " ".join(body[: 4 * _SAID_CHARS].decode("utf-8", "replace").split())
    shown = "".join(letter for letter in text if letter.isprintable())[:_SAID_CHARS]
    return f" ({shown})" if shown else ""


def _seconds(text: str | None) -> float:
    """What Retry-After says, where it is a number of seconds."""
    return float(text) if text and text.isascii() and text.isdigit() else 0.0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
