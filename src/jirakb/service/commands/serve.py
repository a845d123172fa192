"""`jirakb serve`: answers over HTTP, and does the work too, until it is told to stop. The app itself stands in service/web."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from contextlib import closing
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from jirakb.control.catalog import OWN_TENANT
from jirakb.errors import SettingsError
from jirakb.service import console, options
from jirakb.settings import Settings

if TYPE_CHECKING:
    from jirakb.engine.open import Service

_PATIENCE = 10.0


def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Address to listen on; others than loopback need a key first.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8080,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only answer; `jirakb worker` does the work.")] = False,
    home: options.Home = None,
) -> None:
    """Serve the HTTP interface and the web page, and do the work of this home, until stopped."""
    from jirakb.service import logs
    from jirakb.service.commands.waiting import open_when_there

    end_on_signals()
    settings = Settings.for_home(home)
    logs.configure(settings)
    if not serve_until_stopped(open_when_there(settings), host, port, works=not no_worker):
        sys.stderr.flush()
        os._exit(0)  # a run that does not stop must not keep the process: it is taken over


def end_on_signals() -> None:
    """What comes before and after the server's own handling."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def serve_until_stopped(service: Service, host: str, port: int, *, works: bool) -> bool:
    """Answer, and work, until a signal comes; whether the work stopped in time. The service is done with afterwards."""
    try:
        is_first = not service.keys.has_admin()
        if is_first and not _is_loopback(host):
            raise SettingsError(
                f"{host} can be reached from elsewhere, and there is no key yet.",
                fix="Make one first: jirakb keys create --scope admin",
            )
        with closing(_listen(host, port)) as listener:
            if works:
                service.worker.start()
            _answer(service, listener, is_first=is_first, works=works)
    finally:
        in_time = service.worker.stop(_PATIENCE)
        service.let_go()
    return in_time


def _answer(service: Service, listener: socket.socket, *, is_first: bool, works: bool) -> None:
    import uvicorn

    from jirakb.service.sampling import Sampler
    from jirakb.service.web.app import create_app

    app = create_app(service)

    class Server(uvicorn.Server):
        """Ends the live streams first: they would keep it waiting."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.context.feed.close()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(service.settings.trusted_proxies),
        ws="none",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(_PATIENCE),
    )
    address = _address(listener)
    console.say(f"jirakb answers at {address} for {service.settings.home}. Ctrl-C stops it.")
    if is_first:
        _show_first_key(service, address)
    with Sampler(service, app.state.context.searches, works=works):
        Server(config).run(sockets=[listener])


def _show_first_key(service: Service, address: str) -> None:
    from jirakb.control.sessions import Sessions

    key, text = service.keys.create(OWN_TENANT, "admin", name="first key", principals=("*",))
    code = Sessions(service.engine_db).code(key, datetime.now(UTC))
    console.say(f"The first key, which is shown only now: {text}")
    console.say(f"Sign in once, within ten minutes: {address}/signin#{code}")


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((host, port), family=found[0])
    except OSError as exc:
        raise SettingsError(
            f"{host}:{port} cannot be listened on: {exc.strerror or exc}.", fix="Choose another --host or --port."
        ) from exc


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _stop(number: int, frame: FrameType | None) -> None:
    """The server handles it; at other times the command ends."""
    raise SystemExit(0)
