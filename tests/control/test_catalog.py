"""The list of knowledge bases, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from jirakb.control.catalog import Catalog
from jirakb.errors import NameTakenError, NotFoundError


def test_a_knowledge_base_is_entered_once_and_found_by_name_and_id(engine: Engine, tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, engine=engine)
    entry = catalog.find_or_create("Pumps")
    assert catalog.find_or_create("Pumps") == entry
    assert (catalog.find("Pumps"), catalog.get(entry.id), catalog.entries()) == (entry, entry, [entry])
    with pytest.raises(NameTakenError):
        catalog.create("Pumps")


def test_another_tenants_knowledge_base_is_not_found(engine: Engine, tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, engine=engine)
    entry = catalog.create("Pumps", tenant="one")
    assert catalog.create("Pumps", tenant="two").id != entry.id
    with pytest.raises(NotFoundError):
        catalog.get(entry.id, tenant="two")


def test_a_forgotten_knowledge_base_is_not_found(engine: Engine, tmp_path: Path) -> None:
    catalog = Catalog(tmp_path, engine=engine)
    entry = catalog.create("Pumps")
    catalog.forget(entry.id)
    with pytest.raises(NotFoundError):
        catalog.find("Pumps")
