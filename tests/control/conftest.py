"""A control database for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jirakb.control.database import open_database


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty, migrated control database."""
    url = ""
    if request.param == "postgresql":
        from tests.servers import fresh_database

        url = fresh_database(request.getfixturevalue("postgres"))
    engine = open_database(tmp_path / "home", url)
    yield engine
    engine.dispose()
