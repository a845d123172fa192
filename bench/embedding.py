"""How much of the embedder's own speed is left when a whole sync runs around it?

The embedder alone, on the passages that the sync stores, against the sync from a simulated site in a process of its own:
listing, fetching, rendering, storing, indexing and embedding. Both in turn, on the same processors.
"""

from __future__ import annotations

import gzip
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.tables import Table
from jirakb.documents import RawIssue
from jirakb.jira.connector import JiraConnector
from jirakb.knowledge.backlog import BLOCK
from jirakb.knowledge.embed import Embedder, MiniLM
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.split import embedder_text
from jirakb.knowledge.store import KnowledgeBase
from jirakb.service.demo import SimulatedSite, simulated_site
from jirakb.settings import Settings
from jirakb.sync import Wish, sync

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RawIssue"]

ISSUES = 800
"""Some 3,800 passages: most of a minute for two processors, so that starting up is a few hundredths of it."""
ROUNDS = 2
GOAL = 0.9
COLUMNS = ("what", "passages", "seconds", "passages/s", "CPU s", "of the embedder alone", "goal")
TITLE = "Embedding alone and within a sync"


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall-clock and processor seconds (of this process, all threads) for so many passages."""

    passages: int
    wall: float
    cpu: float

    @property
    def speed(self) -> float:
        """Passages per second of wall time."""
        return self.passages / self.wall
