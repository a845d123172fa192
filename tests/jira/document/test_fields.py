"""The catalog of a site's fields."""

from __future__ import annotations

import pytest

from jirakb.jira.document.fields import FieldCatalog


def test_agile_fields_are_found_by_the_type_of_their_plugin(catalog: FieldCatalog) -> None:
    assert catalog.sprint == ("customfield_10020",)
    assert catalog.epic_link == ("customfield_10014",)
    assert catalog.epic_name == ("customfield_10011",)
    assert catalog.rank == ("customfield_10019",)
    assert catalog.story_points == ("customfield_10016",)


def test_story_points_of_data_center_are_found_by_their_name() -> None:
    number = {"id": "customfield_1", "name": "Story Points", "schema": {"type": "number", "custom": "x:float"}}
    assert FieldCatalog.parse([number]).story_points == ("customfield_1",)


def test_a_catalog_survives_being_kept(catalog: FieldCatalog) -> None:
    assert FieldCatalog.from_json(catalog.to_json()) == catalog


@pytest.mark.parametrize("answer", [None, {}, "x", [None, 3, {}, {"id": None}, {"id": [], "schema": 1}]])
def test_an_answer_that_is_no_list_of_fields_is_an_empty_catalog(answer: object) -> None:
    assert FieldCatalog.parse(answer) == FieldCatalog()
