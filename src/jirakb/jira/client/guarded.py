"""How does a service reach a site without being led elsewhere? Connects only to addresses that the guard has checked.

Connections are opened here, by address; names and certificates are still checked against the host that was asked for. A
proxy is told the checked address, too: it would ask for the name's address anew.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from jirakb.errors import UsageError
from jirakb.jira.guard import Guard

_LONGEST_ANSWER = 64 * 1024
"""Bytes of a proxy's answer to CONNECT."""
_TRANSLATED = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)


class GuardedTransport(httpx2.BaseTransport):
    """A pool of connections to checked addresses, through a proxy where one is named.

    `trust_env`: the environment's proxies hold where none is named. Raises UsageError for a proxy that cannot be used.
    """

    def __init__(
        self, guard: Guard, trust: ssl.SSLContext, limits: httpx2.Limits, proxy: httpx2.Proxy | None, *, trust_env: bool
    ) -> None:
        def pool(proxy: httpx2.Proxy | None) -> httpcore2.ConnectionPool:
            return httpcore2.ConnectionPool(
                ssl_context=trust,
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive_connections,
                keepalive_expiry=limits.keepalive_expiry,
                network_backend=GuardedNetwork(guard, proxy, trust),
            )

        self._direct = pool(proxy)
        environment = _proxies() if trust_env and proxy is None else {}
        self._by_scheme = {scheme: pool(found) for scheme, found in environment.items()}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, and hand on what comes back."""
        assert isinstance(request.stream, httpx2.SyncByteStream)
        url = request.url
        sent = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = self._pool_for(url).handle_request(sent)
        assert isinstance(answer.stream, Iterable)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Stream(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        for pool in (self._direct, *self._by_scheme.values()):
            pool.close()

    def _pool_for(self, url: httpx2.URL) -> httpcore2.ConnectionPool:
        found = self._by_scheme.get(url.scheme)
        return self._direct if found is None or proxy_bypass(url.host) else found


class GuardedNetwork(httpcore2.NetworkBackend):
    """Opens the connections of one pool."""

    def __init__(self, guard: Guard, proxy: httpx2.Proxy | None, trust: ssl.SSLContext) -> None:
        self._guard = guard
        self._proxy = proxy
        self._trust = trust
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address of the host that answers; raises ConnectorValidationError for a forbidden one."""
        if self._proxy is not None:
            return self._tunnel(self._proxy, self._target(host, port), port, timeout)
        error: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                return self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
                error = exc
        raise error

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Never."""
        raise httpcore2.ConnectError("A site is not reached through a socket of this machine.")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return self._guard.addresses(host, port)
        except OSError as exc:
            raise httpcore2.ConnectError(str(exc)) from exc

    def _target(self, host: str, port: int) -> str:
        """What the proxy is asked for; a host that the operator has named may be known to the proxy alone."""
        try:
            return self._guard.addresses(host, port)[0]
        except OSError as exc:
            if self._guard.names(host, port):
                return host
            raise httpcore2.ConnectError(str(exc)) from exc

    def _tunnel(self, proxy: httpx2.Proxy, target: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
        """The proxy itself is the operator's word, wherever it stands."""
        url = proxy.url
        stream = self._network.connect_tcp(url.host, url.port or (443 if url.scheme == "https" else 80), timeout)
        try:
            if url.scheme == "https":
                stream = stream.start_tls(proxy.ssl_context or self._trust, url.host, timeout)
            stream.write(_connect(target, port, proxy), timeout)
            _admitted(stream, timeout)
        except BaseException:
            stream.close()
            raise
        return stream


class _Stream(httpx2.SyncByteStream):
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._pieces

    def close(self) -> None:
        with suppress(AttributeError):
            self._pieces.close()  # type: ignore[attr-defined]


@contextmanager
def _as_httpx() -> Iterator[None]:
    """The error of the connections as the error of the same name that callers know."""
    try:
        yield
    except _TRANSLATED as exc:
        raise getattr(httpx2, type(exc).__name__)(str(exc)) from exc


def _connect(target: str, port: int, proxy: httpx2.Proxy) -> bytes:
    place = f"[{target}]:{port}" if ":" in target else f"{target}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.raw_auth is not None:
        lines.append("Proxy-Authorization: Basic " + b64encode(b":".join(proxy.raw_auth)).decode())
    return "\r\n".join([*lines, "", ""]).encode()


def _admitted(stream: httpcore2.NetworkStream, timeout: float | None) -> None:
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = stream.read(4096, timeout)
        answer += more
        if not more or len(answer) > _LONGEST_ANSWER:
            raise httpcore2.ProxyError("The proxy gave no answer.")
    first = answer.partition(b"\r\n")[0].decode("latin-1")
    status = first.partition(" ")[2]
    if not status.startswith("2"):
        raise httpcore2.ProxyError(status)
    if not answer.endswith(b"\r\n\r\n"):
        raise httpcore2.ProxyError("The proxy said more than it was asked.")


def _proxies() -> Mapping[str, httpx2.Proxy]:
    """The environment's proxies by the scheme of what is asked."""
    known = getproxies()
    named = {scheme: known.get(scheme) or known.get("all") for scheme in ("http", "https")}
    return {scheme: _proxy(address) for scheme, address in named.items() if address}


def _proxy(address: str) -> httpx2.Proxy:
    try:
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx2.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        raise UsageError("The environment's proxy is none.", fix="Set HTTPS_PROXY like http://proxy.example.com:3128.")
    return proxy
