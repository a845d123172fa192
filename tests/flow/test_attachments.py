"""Attachments from the site to the search, and never twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.flow.world import World

from jirakb.jira.pacing import Timing
from jirakb.knowledge.attachments import StoredAttachments
from jirakb.knowledge.index.filters import NO_FILTER
from jirakb.knowledge.search import Searcher
from jirakb.report import Report
from jirakb.simulator.sample import SAMPLE
from jirakb.simulator.site import Site
from jirakb.simulator.switches import outage
from jirakb.sync import Wish, sync

DOWNLOADS = {"cloud": "GET media/{key}", "dc": "GET secure/attachment/{key}"}
HASTY = Timing(sleep=lambda seconds: None)


class Office:
    """A world whose syncs read attachments."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.site = world.site
        self.texts = StoredAttachments(world.base)

    def sync(self, options: dict[str, Any] | None = None, **wish: Any) -> Report:
        with closing(self.world.connector(include_attachments=True, timing=HASTY, **(options or {}))) as source:
            source.keep_attachments_in(self.texts)
            wanted = Wish(query=source.query, **wish)
            return sync(source, self.world.base, wanted, settings=self.world.settings, embedder=None)

    @property
    def downloads(self) -> int:
        return self.world.running.record.by_endpoint.get(DOWNLOADS[self.site.flavor], 0)

    def names(self, key: str) -> list[str]:
        """The issue's attachments that are indexed."""
        return [document.title for document in self.world.base.documents(key) if document.kind == "attachment"]

    def rows(self, table: str) -> int:
        return int(self.world.base.reader().execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def search(self, query: str) -> list[dict[str, Any]]:
        with closing(Searcher(self.world.base, None)) as searcher:
            found = searcher.search(query, filter=NO_FILTER, principals=None, mode="text", limit=3)
            hits: list[dict[str, Any]] = found.to_json()["hits"]
            return hits


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


@pytest.fixture
def sample(flavor: str, make_world: Callable[[Site], World]) -> Iterator[Office]:
    world = make_world(Site.load([SAMPLE], flavor=flavor))  # type: ignore[arg-type]
    yield Office(world)
    assert world.running.record.violations == []
    world.base.close()


def test_the_samples_files_are_found_by_what_stands_in_them(sample: Office) -> None:
    report = sample.sync()
    assert (report.state, report.counts.attachments) == ("complete", 11)
    assert [(o.kind, o.cls, o.reason, o.detail) for o in report.omissions] == [
        ("attachment", "excluded", "no_ocr", "house-map.png")
    ]
    for query, key in (
        ("promoted replica LSN", "OPS-16"),
        ("きゅうり", "GROW-94"),
        ("read after heating DP-06 93.8", "GROW-24"),
    ):
        hit = sample.search(query)[0]
        assert (hit["key"], hit["kind"]) == (key, "attachment")
    page = sample.search("promoted replica LSN")[0]["section"]
    assert page["url"].endswith("#page=1")


@pytest.mark.parametrize("name", ["a.log", "a.har", "a.md.txt", "LICENSE", "名" * 90, "..", "a/b\\c: *?.txt"])
def test_no_name_of_a_file_keeps_its_text_out(office: Office, name: str) -> None:
    office.site.attach("PUMP-1", name, "whistling")
    report = office.sync()
    assert (report.counts.attachments, report.omissions) == (1, ())
    assert [hit["key"] for hit in office.search("whistling")] == ["PUMP-1"]


def test_a_second_sync_downloads_nothing(office: Office) -> None:
    office.site.attach("PUMP-1", "a.log", "whistling")
    office.sync()
    assert office.downloads == 1
    office.site.comment("PUMP-1", "Again.")
    office.sync()
    office.sync(full=True)
    assert office.downloads == 1
    assert office.names("PUMP-1") == ["a.log"]


def test_the_same_bytes_are_kept_once(office: Office) -> None:
    office.site.attach("PUMP-1", "a.log", "whistling")
    office.site.attach("PUMP-2", "b.log", "whistling")
    office.sync()
    assert (office.rows("attachment"), office.rows("file_text")) == (2, 1)
    assert (office.names("PUMP-1"), office.names("PUMP-2")) == (["a.log"], ["b.log"])


def test_a_deleted_attachment_disappears_with_its_text(office: Office) -> None:
    kept = office.site.attach("PUMP-1", "a.log", "whistling")
    gone = office.site.attach("PUMP-1", "b.log", "squeaking")
    office.sync()
    office.site.detach("PUMP-1", gone)
    office.sync()
    assert office.names("PUMP-1") == ["a.log"]
    assert office.search("squeaking") == []
    assert (office.rows("attachment"), office.rows("file_text")) == (1, 1)
    assert kept in next(d.id for d in office.world.base.documents("PUMP-1") if d.kind == "attachment")


def test_an_issue_takes_its_attachments_with_it(office: Office) -> None:
    office.site.attach("PUMP-1", "a.log", "whistling")
    office.site.attach("PUMP-2", "b.log", "whistling")
    office.sync()
    office.site.delete("PUMP-1")
    office.sync(prune="always")
    assert (office.rows("attachment"), office.rows("file_text")) == (1, 1)
    office.site.delete("PUMP-2")
    office.sync(prune="always")
    assert (office.rows("attachment"), office.rows("file_text")) == (0, 0)
    assert office.search("whistling") == []


def test_a_failed_download_is_tried_again_by_the_next_sync(office: Office) -> None:
    office.site.attach("PUMP-1", "a.log", "whistling")
    office.site.switches.faults.append(outage(every=1, endpoints=(DOWNLOADS[office.site.flavor],)))
    report = office.sync()
    assert (report.state, report.failed) == ("incomplete", 1)
    assert [(o.key, o.cls, o.reason) for o in report.omissions] == [("PUMP-1", "failed", "download_failed")]
    assert "PUMP-1" in office.world.indexed()
    office.site.switches.faults.clear()
    report = office.sync()
    assert (report.state, report.failed, office.names("PUMP-1")) == ("complete", 0, ["a.log"])


def test_what_was_left_out_on_purpose_is_not_asked_for_again(office: Office) -> None:
    office.site.attach("PUMP-1", "a.png", b"\x89PNG\r\n\x1a\n" + bytes(64))
    office.site.attach("PUMP-2", "b.log", "x" * 500)
    office.sync({"attachment_size_limit": 100})
    report = office.sync({"attachment_size_limit": 100})
    assert (report.counts.fetched, report.state) == (0, "complete")
    assert sorted(o.reason for o in report.omissions) == ["no_ocr", "too_large"]
    assert office.downloads == 1


def test_what_failed_is_fetched_alone_by_the_next_sync(office: Office) -> None:
    for number in range(1, 12):
        office.site.attach(f"PUMP-{number}", "a.log", f"whistling {number}")
    office.sync()
    office.site.attach("PUMP-3", "b.log", "squeaking")
    office.site.switches.faults.append(outage(every=1, endpoints=(DOWNLOADS[office.site.flavor],)))
    report = office.sync(full=True)
    assert [(o.cls, o.reason) for o in report.omissions] == [("failed", "download_failed")]
    office.site.switches.faults.clear()
    before = office.downloads
    office.sync()
    assert office.downloads == before + 1
    assert office.names("PUMP-3") == ["a.log", "b.log"]


def test_a_hit_in_a_long_log_cites_the_lines(office: Office) -> None:
    lines = [f"{number} valve opened" for number in range(1, 601)]
    lines[433] = "434 gasket burst"
    office.site.attach("PUMP-1", "server.log", "\n".join(lines))
    office.sync()
    hit = next(hit for hit in office.search("gasket burst") if hit["key"] == "PUMP-1")
    first, last = hit["section"]["heading"].removeprefix("Lines ").split("-")
    assert int(first) <= 434 <= int(last)
    assert "server.log" in hit["section"]["url"] or "/content/" in hit["section"]["url"]


def test_a_log_that_is_too_long_is_kept_in_part_and_says_so(office: Office) -> None:
    log = "\n".join(f"poll {number} ok" for number in range(20_000)) + "\ngasket burst\n" + "poll 1 ok\n" * 20_000
    office.site.attach("PUMP-1", "server.log", log)
    office.world.settings = replace(office.world.settings, attachment_text=20_000)
    report = office.sync()
    (omission,) = report.omissions
    assert (report.state, omission.cls, omission.reason) == ("complete", "excluded", "sampled")
    assert omission.detail.startswith("server.log: ")
    assert "of 40001 lines" in omission.detail
    assert office.search("gasket burst")[0]["key"] == "PUMP-1"
    assert report.counts.passages < 100
    (document,) = [d for d in office.world.base.documents("PUMP-1") if d.kind == "attachment"]
    assert "of 40001 lines" in document.markdown
    office.world.settings = replace(office.world.settings, attachment_text=2_000_000)
    report = office.sync(full=True)
    assert (report.omissions, office.downloads) == ((), 2)
    office.world.settings = replace(office.world.settings, attachment_text=20_000)
    office.sync(full=True)
    assert office.downloads == 2


def test_images_are_read_once_they_can_be(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = "level page_num block_num par_num line_num word_num left top width height conf text"
    word = "5 1 1 1 1 1 0 0 9 9 96 whistling"
    program = tmp_path / "bin" / "tesseract"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\nprintf '" + "\\n".join(row.replace(" ", "\\t") for row in (columns, word)) + "\\n'\n"
    )
    program.chmod(0o700)
    office.site.attach("PUMP-1", "photo.png", b"\x89PNG\r\n\x1a\n" + bytes(64))
    assert [omission.reason for omission in office.sync().omissions] == ["no_ocr"]
    monkeypatch.setenv("PATH", str(program.parent))
    office.world.settings = replace(office.world.settings, ocr="auto")
    assert office.sync(full=True).omissions == ()
    assert office.search("whistling")[0]["kind"] == "attachment"
    office.world.settings = replace(office.world.settings, ocr="off")
    office.sync(full=True)
    assert (office.names("PUMP-1"), office.downloads) == (["photo.png"], 2)
