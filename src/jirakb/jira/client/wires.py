"""How is a call ended that the site does not answer? Knows the connections that are open, and cuts them all at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

_CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})


class Wires:
    """The sockets of a pool of connections; the pool tells of each new one (`see` is its trace)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()

    def see(self, event: str, info: Mapping[str, Any]) -> None:
        """Takes note of a connection that was made; other events pass."""
        if event in _CONNECTED:
            with self._lock:
                self._open.add(info["return_value"].get_extra_info("socket"))

    def cut(self) -> None:
        """Ends all connections: whoever reads from one of them gets an error at once."""
        with self._lock:
            for wire in list(self._open):
                with suppress(OSError):
                    # Not the method of the encrypted socket, which would take its state away from the thread that reads.
                    socket.socket.shutdown(wire, socket.SHUT_RDWR)
