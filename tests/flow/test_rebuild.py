"""A knowledge base made anew from what it keeps: without a call, without losing anything, from wherever it was broken off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.flow.history import HashVectors, assert_sound
from tests.flow.world import World

from jirakb.documents import Document, RawIssue
from jirakb.engine.sources import kept_site
from jirakb.errors import ConnectorValidationError, KnowledgeBaseBusyError, SkippedIssueError
from jirakb.jira.kept import KeptSite
from jirakb.jira.pacing import Timing
from jirakb.knowledge.attachments import StoredAttachments
from jirakb.knowledge.kept import Kept
from jirakb.knowledge.runs import Connector
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase
from jirakb.rebuild import Renderer, ask_for_full_runs, rebuild
from jirakb.report import Report
from jirakb.source import Rendered
from jirakb.sync import Wish, sync

BOTH = pytest.mark.parametrize("flavor", ["cloud", "dc"])
HASTY = Timing(sleep=lambda seconds: None)
Change = Callable[[Document], Document]


@pytest.fixture
def flavor() -> str:
    """One flavor for most tests: what is kept has the same form."""
    return "cloud"


class Counting(HashVectors):
    """Counts the texts that it was given."""

    def __init__(self) -> None:
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        return super().embed(texts)


class Changed:
    """A renderer whose program was changed; `until` issues it renders, then `happens`."""

    def __init__(
        self, site: KeptSite, change: Change, until: int = 1_000_000, happens: Callable[[], None] | None = None
    ) -> None:
        self._site = site
        self._change = change
        self._left = until
        self._happens = happens
        self.reads_attachments = site.reads_attachments

    def render(self, raw: RawIssue) -> Rendered:
        if not self._left and self._happens:
            self._happens()
        self._left -= 1
        rendered = self._site.render(raw)
        return replace(rendered, documents=tuple(map(self._change, rendered.documents)))


def unchanged(document: Document) -> Document:
    return document


def titled_anew(document: Document) -> Document:
    return replace(document, title=f"Anew: {document.title}")


def rebuilt(base: KnowledgeBase, change: Change = unchanged, embedder: HashVectors | None = None, **how: Any) -> Report:
    def of(connector: Connector, reading: str, facts: str) -> Renderer:
        return Changed(kept_site(base)(connector, reading, facts), change, **how)

    return rebuild(base, of, embedder=embedder)


def documents(base: KnowledgeBase) -> dict[str, str]:
    return {document.id: document.markdown for document in base.each_document()}


def found(base: KnowledgeBase, word: str) -> set[str]:
    with closing(Searcher(base, None)) as searcher:
        return {hit.key for hit in searcher.search(word, principals=None, mode="text").hits}


@BOTH
def test_a_rebuild_asks_a_site_that_is_gone_for_nothing_and_yields_the_same_documents(world: World) -> None:
    world.sync()
    before, asked = documents(world.base), world.running.record.total
    report = rebuild(world.base, kept_site(world.base), embedder=None)
    assert (report.kind, report.state, report.counts.indexed, report.counts.comments) == ("rebuild", "complete", 12, 12)
    assert documents(world.base) == before
    assert world.running.record.total == asked
    assert report.requests.total == 0
    assert_sound(world.base)


def test_what_a_changed_renderer_writes_is_stored_and_found(world: World) -> None:
    world.sync()
    rebuilt(world.base, titled_anew)
    assert all(document.title.startswith("Anew: ") for document in world.base.each_document())
    assert len(found(world.base, "anew")) == 10  # as many as a search shows
    assert found(world.base, "hall 7") >= {"PUMP-7"}


def test_what_only_the_splitter_makes_is_made_anew_too(world: World) -> None:
    world.sync()
    before = world.base.counts()
    with world.base.transaction() as tx:
        tx.execute("DELETE FROM passage")
        tx.execute("UPDATE section SET text_zstd = x''")
    rebuilt(world.base)
    assert world.base.counts() == before
    assert_sound(world.base)


def test_unchanged_passages_keep_their_vectors(world: World) -> None:
    model = Counting()
    world.sync(embedder=model)
    made, counts = model.texts, world.base.counts()
    report = rebuilt(world.base, embedder=model)
    assert (model.texts, world.base.counts()) == (made, counts)
    assert report.counts.embedded == report.counts.passages == counts.passages
    rebuilt(world.base, titled_anew, model)
    assert model.texts == 2 * made
    assert world.base.counts().waiting == 0


def test_another_model_makes_all_vectors_anew(world: World) -> None:
    world.sync(embedder=HashVectors())
    other = Counting()
    other.identity = "hash-2"
    report = rebuilt(world.base, embedder=other)
    assert other.texts == report.counts.passages
    assert (world.base.meta("embedder"), world.base.counts().waiting) == ("hash-2", 0)


@BOTH
def test_attachments_keep_the_text_that_was_read_of_them(world: World) -> None:
    world.site.attach("PUMP-1", "a.log", "the bearing whistles")
    world.site.attach("PUMP-2", "b.png", b"\x89PNG\r\n\x1a\n" + bytes(64))
    with closing(world.connector(include_attachments=True, timing=HASTY)) as source:
        source.keep_attachments_in(StoredAttachments(world.base))
        wish = Wish(query=source.query, reading=source.reading)
        told = sync(source, world.base, wish, settings=world.settings, embedder=None).omissions
    before = documents(world.base)
    report = rebuilt(world.base)
    assert documents(world.base) == before
    assert found(world.base, "whistles") == {"PUMP-1"}
    assert report.counts.attachments == 1
    assert [(o.key, o.kind) for o in told] == [("PUMP-2", "attachment")]
    assert report.omissions == told


def test_what_a_sync_left_out_is_left_out_and_told_again(world: World) -> None:
    world.site.comment("PUMP-3", "I am a robot.", author="robot")
    report = world.sync(connector={"comment_email_blacklist": ["Robot"]})
    assert [(o.key, o.kind, o.reason) for o in report.omissions] == [("PUMP-3", "comment", "comment_blacklist")]
    again = rebuilt(world.base)
    assert again.omissions == report.omissions
    assert "robot." not in world.text("PUMP-3")


def test_comments_of_a_hidden_address_stay_out_without_asking_again(world: World) -> None:
    world.site.account("robot", email="robot@example.com", hide_email=True)
    world.site.comment("PUMP-3", "I am a robot.", author="robot")
    world.sync(connector={"comment_email_blacklist": ["robot@example.com"]})
    asked = world.running.record.total
    report = rebuilt(world.base)
    assert "robot." not in world.text("PUMP-3")
    assert (len(report.omissions), world.running.record.total) == (1, asked)


def test_comments_that_are_no_longer_wanted_stay_out(world: World) -> None:
    world.sync()
    world.sync(connector={"include_comments": False})
    rebuilt(world.base)
    assert all("Seen again" not in text for text in documents(world.base).values())


def test_an_issue_that_cannot_be_rendered_stays_as_it_was_and_is_told(world: World) -> None:
    world.sync()

    def refuse(document: Document) -> Document:
        if document.key == "PUMP-4":
            raise SkippedIssueError("It cannot be read.", reason="bad_body", key="PUMP-4")
        return titled_anew(document)

    report = rebuilt(world.base, refuse)
    assert (report.state, report.failed, report.counts.omitted) == ("incomplete", 1, 1)
    assert [(o.key, o.cls, o.reason) for o in report.omissions] == [("PUMP-4", "failed", "bad_body")]
    assert world.base.documents("PUMP-4")[0].title == "Pump 4 stops"


def test_the_next_sync_finds_nothing_to_do(world: World) -> None:
    world.sync()
    rebuilt(world.base)
    report = world.sync(prune="always")
    assert (report.counts.fetched, report.counts.indexed, report.counts.deleted) == (0, 0, 0)


def test_two_connectors_issues_are_rebuilt_once(world: World) -> None:
    world.site.create("HALL", "Lamps flicker")
    world.sync(connector={"projects": ("PUMP",)})
    world.sync(connector={"projects": ("*",)})
    assert rebuilt(world.base).counts.listed == 13
    only = next(c.id for c in connectors(world.base) if "PUMP" in c.query)
    report = rebuild(world.base, kept_site(world.base), embedder=None, only=[only])
    assert report.counts.listed == 12


def connectors(base: KnowledgeBase) -> list[Connector]:
    from jirakb.knowledge.runs import Runs

    return Runs(base).connectors()


def test_without_the_names_of_fields_a_rebuild_is_refused_and_changes_nothing(world: World) -> None:
    world.sync()
    before = documents(world.base)
    with world.base.transaction() as tx:
        tx.execute("DELETE FROM meta WHERE name LIKE 'rendering:%'")
    with pytest.raises(ConnectorValidationError, match="fields"):
        rebuild(world.base, kept_site(world.base), embedder=None)
    assert documents(world.base) == before


def test_a_rebuild_and_a_sync_do_not_meet(world: World) -> None:
    world.sync()
    with world.base.lease(), pytest.raises(KnowledgeBaseBusyError):
        rebuilt(world.base)


def test_after_a_rebuild_from_jira_was_asked_for_the_next_sync_reads_everything(world: World) -> None:
    world.sync()
    due = ask_for_full_runs(world.base)
    assert [connector.base_url for connector in due] == [world.running.base_url]
    report = world.sync()
    assert (report.kind, report.counts.fetched, report.counts.unchanged) == ("full", 12, 12)
    assert world.sync().kind == "incremental"


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.flow.test_rebuild import rebuilt, titled_anew
from jirakb.knowledge.store import KnowledgeBase
base = KnowledgeBase.open(Path(sys.argv[1]))
rebuilt(base, titled_anew, until=int(sys.argv[2]), happens=lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_killed_it_goes_on_behind_the_last_window_that_was_stored(world: World) -> None:
    for number in range(238):
        world.site.create("PUMP", f"More {number}")
    world.sync()
    for until, stored in ((150, 100), (120, 200)):
        ended = killed(world.base.folder, until)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        anew = [document.title.startswith("Anew: ") for document in world.base.each_document()]
        assert (sum(anew), len(anew)) == (stored, 250)
    assert (progress := Kept(world.base).progress())
    assert progress.indexed == 200
    report = rebuilt(world.base, titled_anew, until=50, happens=lambda: pytest.fail("rendered what was stored"))
    assert report.run == progress.run
    assert (report.counts.indexed, report.counts.comments) == (250, 12)
    assert len({d.id for d in world.base.each_document() if d.title.startswith("Anew: ")}) == 250
    assert Kept(world.base).progress() is None
    assert_sound(world.base)


def killed(folder: Path, until: int) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", KILLED, str(folder), str(until)]
    return subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, timeout=60, check=False)


def test_a_rebuild_for_other_parts_of_issues_begins_at_the_first(world: World) -> None:
    for number in range(100):
        world.site.create("PUMP", f"More {number}")
    world.sync()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuilt(world.base, until=105, happens=stop)
    assert (progress := Kept(world.base).progress())
    assert progress.indexed == 100
    world.sync(connector={"include_comments": False})
    report = rebuilt(world.base, titled_anew)
    assert report.run != progress.run
    assert all(document.title.startswith("Anew: ") for document in world.base.each_document())
