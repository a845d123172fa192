"""The version that a database is held against is the newest migration: an older one would migrate at every start."""

from __future__ import annotations

from importlib.resources import files

from jirakb.control.database import HEAD_REVISION


def test_the_newest_migration_is_the_one_that_a_database_is_held_against() -> None:
    names = [file.name for file in (files("jirakb.control") / "migrations" / "versions").iterdir()]
    assert max(name for name in names if name.endswith(".py")).startswith(f"{HEAD_REVISION}_")
