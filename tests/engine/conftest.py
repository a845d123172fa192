from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.house import House, house


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[House]:
    """A home on SQLite that nobody works for."""
    with house(tmp_path / "home") as made:
        yield made


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A home on SQLite whose worker is this process, for the tests of one file; each makes connectors of its own.

    No test of such a file may start another worker in this process: DBOS keeps its state in the module.
    """
    with house(tmp_path_factory.mktemp("working") / "home") as made:
        made.service.worker.start()
        yield made
