"""What is asked for to the letter comes first: phrases in quotes, identifiers, stack frames, versions, codes and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jirakb.knowledge.search.exact import asked_exactly

if TYPE_CHECKING:
    from conftest import Shelf

HOLDING = {
    "TiUIWindowProxy": "It fails in TiUIWindowProxy, I think.",
    "java.lang.NullPointerException": "java.lang.NullPointerException was thrown",
    "at org.app.Main.run(Main.java:42)": "Trace:\n  at org.app.Main.run(Main.java:42)\n  at org.app.Main.main(Main.java:7)",
    "version 2.1.3": "Seen with 2.1.3 on two machines.",
    "0x80070005": "Setup ends with 0x80070005.",
    "error ERR_CONN_42": "The log says ERR_CONN_42 again and again.",
    "/usr/lib/app/core.so": "cannot open /usr/lib/app/core.so: no such file",
    r"C:\Users\app\run.exe": r"Start C:\Users\app\run.exe twice.",
    '"login times out"': "On Mondays the login  times\nout after a minute.",
    '"log-in" crash': "A crash on log-in of new users.",
}
DECOYS = (
    "Ti UI window proxy window proxy TiUI TiUIWindowProxyFactory",
    "Null pointer exception java lang null pointer exception java.lang.Null",
    "org app main run main java 42 at org.app.Main.runs(Main.java:421)",
    "2.1.30 and 12.1.3 and 2 1 3 version version 3.1.2",
    "0x80070006 0x8007 0005 80070005",
    "ERR CONN 42 ERR_CONN 42 error error CONN_42 ERR_CONN_421",
    "usr lib app core so /usr/lib/app core.so app/usr/lib/core.so.app",
    "C Users app run exe Users/app/run.exe users app run",
    "times login out login times time out the login out times login",
    "crash log in login crash crash of the log in the crash",
)


@pytest.mark.parametrize("query", HOLDING, ids=lambda query: query.replace("/", " "))
@pytest.mark.parametrize("mode", ["hybrid", "text"])
def test_what_is_asked_for_to_the_letter_comes_first(shelf: Shelf, query: str, mode: str) -> None:
    for number, text in enumerate(HOLDING.values()):
        shelf.put(f"ABC-{number + 1}", "Report", "Later: something else", description=text)
    for number, text in enumerate(DECOYS):
        shelf.put(f"XYZ-{number + 100}", text, text, description=text)
    shelf.embed()
    hits = shelf.searcher().search(query, principals=None, mode=mode).hits  # type: ignore[arg-type]
    assert hits[0].key == f"ABC-{[*HOLDING].index(query) + 1}"
    assert hits[0].score > 0.5
    assert all(hit.score <= 0.5 for hit in hits[1:])


def test_text_of_other_readers_does_not_count(shelf: Shelf) -> None:
    shelf.put("ABC-1", "red and fox", ("a red fox", frozenset({"group:a"})), description="other words " * 20)
    shelf.put("ABC-2", "fox and red, fox or red")
    for held, first in ((frozenset({"group:a"}), "ABC-1"), (frozenset(), "ABC-2")):
        hits = shelf.searcher().search('"red fox"', principals=held, mode="text").hits
        assert hits[0].key == first
        assert len(hits) == 2


def test_of_two_phrases_both_go_before_one(shelf: Shelf) -> None:
    shelf.put("ABC-1", "red fox red fox red fox blue sky hen")
    shelf.put("ABC-2", "a much longer text about a red fox, and in it there is a blue hen", description="word " * 50)
    shelf.put("ABC-3", "fox red hen blue")
    hits = shelf.searcher().search('"red fox" "blue hen"', principals=None, mode="text").hits
    assert [hit.key for hit in hits] == ["ABC-2", "ABC-1", "ABC-3"]


def test_a_match_to_the_letter_is_found_behind_many_better_ones(shelf: Shelf) -> None:
    for number in range(1, 260):
        shelf.put(f"ABC-{number}", "times out login times out login")
    shelf.put("ABC-300", "", description="the login times out " + "and other words " * 80)
    hits = shelf.searcher().search('"the login times out and other"', principals=None, mode="text").hits
    assert hits[0].key == "ABC-300"


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("login times out", ()),
        ("TiUIWindowProxy crashes on rotation", ()),
        ("TiUIWindowProxy", ("TiUIWindowProxy",)),
        ("Caused by: java.io.IOException", ("java.io.IOException",)),
        ('say "hello there" now', ("hello there",)),
        ("“hello there”", ("hello there",)),
        ('an open " quote', ()),
        ('""', ()),
        ("A report\nwith a.b.C and 1.2.3", ()),
        ("x1 " * 200, ()),
        ("", ()),
    ],
    ids=range(11),
)
def test_only_quotes_and_queries_of_nothing_but_names_are_taken_to_the_letter(
    query: str, asked: tuple[str, ...]
) -> None:
    assert asked_exactly(query) == asked
