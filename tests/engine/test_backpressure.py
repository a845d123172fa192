"""The fetch waits while many changes wait for the text index, or many passages for their vectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.house import LOGIN, made_site

from jirakb.errors import RunStoppedError
from jirakb.jira.connector import JiraConnector
from jirakb.knowledge.followers import Followers
from jirakb.knowledge.index.columns import outbox_head
from jirakb.knowledge.index.text import OPEN, RESTRICTED, open_folder, position, schema, text_folder
from jirakb.knowledge.store import KnowledgeBase
from jirakb.progress import Stages
from jirakb.settings import Settings
from jirakb.simulator.server import serve
from jirakb.sync import Wish, sync

LIMIT = 150
WINDOW = 100


def indexed_up_to(folder: Path) -> int:
    """The last change that the committed text index has."""
    made = [text_folder(folder) / name for name in (OPEN, RESTRICTED)]
    if not all((one / "meta.json").exists() for one in made):
        return 0
    return min(position(open_folder(one).searcher(), schema()).seq for one in made)


class Slow:
    """A model that takes its time."""

    identity = "slow"
    dimensions = 384

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        time.sleep(self.seconds * len(texts))
        return np.full((len(texts), 384), 1 / np.sqrt(384), dtype=np.float32)


def test_the_fetch_waits_while_the_vectors_lag_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    settings = replace(Settings.read({}), home=tmp_path, connections=1, embed_backlog=LIMIT)
    longest: list[int] = []
    with serve(made_site(900)) as running, closing(KnowledgeBase.open(tmp_path / "kb", create=True)) as base:
        source = JiraConnector(running.base_url, "*", credentials=LOGIN, settings=settings)

        def go_on() -> bool:
            longest.append(base.counts().waiting)
            return base.counts().issues < 600

        with closing(source), pytest.raises(RunStoppedError):
            sync(source, base, Wish(source.query), settings=settings, embedder=Slow(0.002), go_on=go_on)
        under_way = 2 * WINDOW  # begun before the limit was reached
        assert LIMIT < max(longest) <= LIMIT + WINDOW + under_way
        calm = replace(settings, embed_backlog=100_000)
        source = JiraConnector(running.base_url, "*", credentials=LOGIN, settings=calm)
        with closing(source):
            report = sync(source, base, Wish(source.query), settings=calm, embedder=Slow(0.0))
        assert (report.state, base.counts().issues, base.counts().waiting) == ("complete", 900, 0)


def test_the_fetch_waits_while_the_text_index_lags(tmp_path: Path) -> None:
    """Each window begins only when the index has all that was stored before it, but for what was under way."""
    settings = replace(Settings.read({}), home=tmp_path, connections=1, index_backlog=0)
    longest: list[int] = []
    with serve(made_site(900)) as running, closing(KnowledgeBase.open(tmp_path / "kb", create=True)) as base:
        source = JiraConnector(running.base_url, "*", credentials=LOGIN, settings=settings)

        def go_on() -> bool:
            reader = base.reader()
            longest.append(outbox_head(reader) - indexed_up_to(base.folder))
            return True

        with closing(source):
            report = sync(source, base, Wish(source.query), settings=settings, embedder=None, go_on=go_on)
    assert report.counts.indexed == 900
    assert 0 < max(longest) <= 3 * WINDOW


def test_who_waits_for_an_index_that_does_not_come_is_told_to_stop(tmp_path: Path) -> None:
    with serve(made_site(30)) as running, closing(KnowledgeBase.open(tmp_path / "kb", create=True)) as base:
        source = JiraConnector(running.base_url, "*", credentials=LOGIN)
        with closing(source):
            sync(source, base, Wish(source.query), settings=Settings.read({}), embedder=None)
        looks = iter([True, True, False])
        followers = Followers(base, None, Stages(time.monotonic), lambda: next(looks))
        with pytest.raises(RunStoppedError):  # nobody follows before the block begins
            followers.let_come_nearer(changes=10, passages=0)
        with Followers(base, None, Stages(time.monotonic)) as followers:
            followers.let_come_nearer(changes=10, passages=0)
