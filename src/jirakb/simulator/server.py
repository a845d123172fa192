"""Puts a simulated site on the network: three HTTP servers of this machine (site, gateway, media host). Knows no Jira.

with serve(Site.load(files)) as running:
    httpx.get(running.base_url + "/rest/api/3/serverInfo")
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast

from jirakb.simulator.app import App, Host, Reply
from jirakb.simulator.messages import Answer, Request, read_target
from jirakb.simulator.record import Record
from jirakb.simulator.site import Site

_LOOPBACK = "127.0.0.1"
_ZIP_ABOVE = 500


@dataclass(frozen=True, slots=True)
class Running:
    """A site that answers: where its hosts are, and what was asked of it."""

    site: Site
    base_url: str
    gateway_url: str
    media_url: str

    @property
    def auth_url(self) -> str:
        """Where `/oauth/token` is: the gateway answers for it, too."""
        return self.gateway_url

    @property
    def record(self) -> Record:
        """What was asked so far."""
        return self.site.record


@contextmanager
def serve(site: Site, *, port: int = 0, app: App | None = None) -> Iterator[Running]:
    """Answer for a site on this machine until the block ends; port 0 takes a free one. `app` may answer in its stead."""
    app = app or App(site)
    with ExitStack() as stack:
        servers = {host: stack.enter_context(_started(app, host, port if host == "site" else 0)) for host in _HOSTS}
        urls = {host: f"http://{_LOOPBACK}:{server.server_address[1]}" for host, server in servers.items()}
        site.use_urls(urls["site"] + site.base_path, urls["media"])
        yield Running(site, site.base_url, urls["gateway"], urls["media"])


_HOSTS: tuple[Host, ...] = ("site", "gateway", "media")


@contextmanager
def _started(app: App, host: Host, port: int) -> Iterator[_Server]:
    server = _Server(app, host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()


class _Server(ThreadingMixIn, TCPServer):
    """One host: a thread for each connection, which may carry many requests."""

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, app: App, host: Host, port: int) -> None:
        self.app = app
        self.host: Host = host
        self._open: dict[int, tuple[socket.socket, threading.Thread | None]] = {}
        super().__init__((_LOOPBACK, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._open[id(request)] = (request, thread)
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        super().shutdown_request(request)
        self._open.pop(id(request), None)

    def hang_up(self) -> None:
        """End all connections, also those that clients keep open, and wait for their threads."""
        for request, thread in list(self._open.values()):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
            if thread is not None:
                thread.join(timeout=5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away in the middle of an answer; anything else is told on stderr."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests from a connection and writes the app's replies to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        server = cast(_Server, self.server)
        path, query = read_target(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, query, headers, self._read(headers), self.client_address[0])
        self._write(server.app.reply(request, server.host), "gzip" in headers.get("accept-encoding", ""))

    def _read(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(iter(self._read_chunk, b""))
        return self.rfile.read(int(headers.get("content-length") or 0))

    def _read_chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _write(self, reply: Reply, zips: bool) -> None:
        if reply.fate == "reset":
            self._reset()
            return
        body, headers = _encoded(reply.answer, zips)
        lines = [f"HTTP/1.1 {reply.answer.status} {_phrase(reply.answer.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        if reply.fate == "truncate":
            self.wfile.write(head + body[: len(body) // 2])
            self.close_connection = True
            return
        if reply.fate == "break":
            self.wfile.write(head + body[: len(body) // 2])
            self.wfile.flush()
            self._reset()
            return
        if reply.fate == "stall":
            self.wfile.write(head + body[:1])
            self.wfile.flush()
            time.sleep(reply.seconds)
            self.wfile.write(body[1:])
            return
        self.wfile.write(head)
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        """Say nothing: the record holds what was asked."""


def _encoded(answer: Answer, zips: bool) -> tuple[bytes, dict[str, str]]:
    headers = {"Content-Type": answer.type, "Vary": "Accept-Encoding", **answer.headers}
    body = b"" if zips and not isinstance(answer.body, bytes) else answer.plain()
    is_text = "json" in answer.type or "html" in answer.type
    if zips and is_text and (not isinstance(answer.body, bytes) or len(body) > _ZIP_ABOVE):
        body = answer.zipped()
        headers["Content-Encoding"] = "gzip"
    return body, headers | {"Content-Length": str(len(body))}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"
