"""The fetch waits while many passages wait for their vectors."""

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
from jirakb.knowledge.store import KnowledgeBase
from jirakb.settings import Settings
from jirakb.simulator.server import serve
from jirakb.sync import Wish, sync

LIMIT = 150
WINDOW = 100


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
