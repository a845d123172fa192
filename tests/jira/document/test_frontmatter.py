"""The front matter is YAML that reads back as exactly the values that went in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jirakb.jira.document.frontmatter import metadata, scalar, write

TRICKY = ["yes", "No", "on", "y", "null", "~", "1.0", "0x1F", "1e3", "1:30", "2024-01-15", "2001-12-14 21:59:43.10 -5",
          ".inf", "-.INF", ".NaN", "=", "<<", "---", "...", "- a", "? a", "a: b", "a:", ": a", "a #b", "#a", " a", "a ",
          "'", '"', "''", "it's", "[a]", "{a}", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "a\nb", "\n", "a\tb", "\t",
          "a\r\nb", "\x00\x07\x1b", "\x7f\x85\xa0", "\u2028\u2029", "\ufeffa", "\ufffe", "😀 done", "日本語: ok", "a,b",
          "a\\nb", "\\", "a:b", "C:\\temp", "http://x.example/a#b", "", " ", "0", "007", "1_000", "12e03", "+1", "-1"]  # fmt: skip


@pytest.mark.parametrize("text", TRICKY)
def test_a_text_that_yaml_could_misread_reads_back_unchanged(text: str) -> None:
    assert yaml.safe_load(f"k: {scalar(text)}\nl: x\n") == {"k": text, "l": "x"}


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[]), max_size=60))
@example("\ud800")
def test_any_text_reads_back_unchanged(text: str) -> None:
    assert yaml.safe_load(f"k: {scalar(text)}\n") == {"k": text}


@settings(deadline=None)
@given(st.text("-?:,[]{}#&*!|>'\"%@` ynoest.0123456789+_eETZ~=<\n\t\\", max_size=12))
def test_any_mix_of_special_characters_reads_back_unchanged(text: str) -> None:
    assert yaml.safe_load(f"k:\n  {scalar('n' + text)}: {scalar(text)}\n") == {"k": {"n" + text: text}}


@pytest.mark.parametrize("text", ["Critical memory leak", "John Doe", "memory,performance", "C++ (x86)", "3 bugs, 1 fix",
                                  "https://jira.example.com/browse/BUG-123", "john@example.com", "Ünïcode", "a 'b' c",
                                  "日本語", "done 😀"])  # fmt: skip
def test_a_harmless_text_stands_without_quotes(text: str) -> None:
    assert scalar(text) == text


def test_a_text_of_a_hundred_kilobytes_reads_back_unchanged() -> None:
    text = "a: 'b' \"c\"\n\t#d " * 7000
    assert yaml.safe_load(f"k: {scalar(text)}\n") == {"k": text}


def test_times_are_dates_of_yaml_and_all_else_is_text() -> None:
    noon = datetime(2024, 1, 15, 12, 0, 0, 999, tzinfo=UTC)
    head = write({"key": "A-1", "created": noon, "labels": "1,2", "fields": {"Points": "3", "yes": "2024-01-15"}})
    assert head.startswith("---\nkey: A-1\ncreated: 2024-01-15T12:00:00Z\n")
    assert next(yaml.safe_load_all(head)) == {
        "key": "A-1",
        "created": noon.replace(microsecond=0),
        "labels": "1,2",
        "fields": {"Points": "3", "yes": "2024-01-15"},
    }


def test_metadata_leaves_out_addresses_and_is_json() -> None:
    noon = datetime(2024, 1, 15, 12, tzinfo=UTC)
    kept = metadata({"reporter": "Jo", "reporter_email": "jo@x.example", "created": noon, "fields": {"a": "b"}})
    assert kept == {"reporter": "Jo", "created": "2024-01-15T12:00:00Z", "fields": {"a": "b"}}
