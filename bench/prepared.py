"""The real issues as a knowledge base, kept between runs: what a search benchmark asks.

Made without HTTP from the issues that `Duplicates` gives, in a folder outside of the checkout. When the code that makes
passages has changed it is made anew, but a passage whose text is the same keeps its vector. Never measures.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import apsw

from bench.duplicates import CORPUS, PAIRS, QUERIES, Duplicates, Json
from jirakb.documents import RawIssue
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.document.render import RenderContext, render
from jirakb.knowledge import backlog
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.index.text import TextIndex
from jirakb.knowledge.prepare import PreparedIssue, prepare
from jirakb.knowledge.runs import Runs
from jirakb.knowledge.store import KnowledgeBase, query

SITE = "https://corpus.example"
CONTEXT = RenderContext(SITE, SITE, "dc", FieldCatalog())
SHAPING = ("jira/markup", "jira/document", "knowledge/split.py", "knowledge/prepare.py", "knowledge/schema.sql")
"""The code that decides what stands in a knowledge base."""
BLOCK = 200  # issues per transaction
SHOWN = 20_480  # passages between two lines that say how far it is

Say = Callable[[str], None]


def duplicates_beside(corpus: Path | None) -> Duplicates | None:
    """The issues with their queries and pairs, which lie in files beside them; None where they do not."""
    if corpus is None or corpus.name != CORPUS:
        return None
    found = all((corpus.parent / name).is_file() for name in (CORPUS, PAIRS, QUERIES))
    return Duplicates(corpus.parent) if found else None


def cache_folder() -> Path:
    """Where prepared knowledge bases are kept: $JIRAKB_BENCH_CACHE, or a folder of the machine's temporary ones."""
    return Path(os.environ.get("JIRAKB_BENCH_CACHE") or Path(tempfile.gettempdir()) / "jirakb-bench")


def prepared(duplicates: Duplicates, embedder: Embedder, folder: Path, say: Say) -> KnowledgeBase:
    """The knowledge base of these issues, with its text index and all vectors; the caller closes it."""
    present = folder / f"duplicates-{fingerprint(embedder)}"
    earlier = sorted(path for path in folder.glob("duplicates-*") if path != present)
    base = KnowledgeBase.open(present, create=True)
    with base.lease():
        if not (present / "stored").exists():
            base.use_embedder(embedder.identity)
            say(f"storing the issues of {duplicates.folder} in {present}")
            store(base, duplicates.issues())
            for path in earlier:
                take_over(base, path, embedder)
            (present / "stored").touch()
        with closing(TextIndex(base.folder)) as index:
            index.follow(base.reader())
        embed(base, embedder, say)
    for path in earlier:
        shutil.rmtree(path)
    return base


def fingerprint(embedder: Embedder) -> str:
    """Names the code that decides what stands in a knowledge base, and the model."""
    import jirakb

    root = Path(jirakb.__file__).parent
    files = sorted(
        itertools.chain(*((root / name).rglob("*.py") if (root / name).is_dir() else [root / name] for name in SHAPING))
    )
    digest = hashlib.blake2b(embedder.identity.encode(), digest_size=6)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def store(base: KnowledgeBase, issues: Iterable[Json]) -> None:
    """Render and store issues, some at a time."""
    connector = Runs(base).connector(site=SITE, flavor="dc", base_url=SITE, query="all").id
    for block in _blocks(map(ready, issues)):
        with base.transaction() as tx:
            for issue in block:
                base.put(tx, connector, SITE, issue)


def ready(issue: Json) -> PreparedIssue:
    """One issue as the product stores it."""
    raw = RawIssue(
        int(issue["id"]), issue["key"], datetime.fromisoformat(issue["fields"]["updated"]), json.dumps(issue).encode()
    )
    return prepare(raw, render(raw, CONTEXT))


def embed(base: KnowledgeBase, embedder: Embedder, say: Say) -> None:
    """Give every waiting passage its vector."""
    waiting, done, started = base.counts().waiting, 0, time.monotonic()
    while count := backlog.embed_block(base, embedder):
        done += count
        if done % SHOWN < backlog.BLOCK:
            say(f"embedded {done} of {waiting} passages in {time.monotonic() - started:.0f} s")


def take_over(base: KnowledgeBase, earlier: Path, embedder: Embedder) -> None:
    """Give waiting passages the vectors that an earlier knowledge base has for the same text."""
    if not (earlier / "kb.sqlite").exists():
        return
    with closing(apsw.Connection(str(earlier / "kb.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)) as other:
        if query(other, "SELECT value FROM meta WHERE name = 'embedder'") != [(embedder.identity,)]:
            return
        values = dict(query(other, "SELECT hash, value FROM vector"))
    with base.transaction() as tx:
        waiting = query(tx, "SELECT p.id, p.hash FROM backlog b JOIN passage p ON p.id = b.passage")
        known = [(passage, digest, values[digest]) for passage, digest in waiting if digest in values]
        tx.executemany("INSERT INTO vector (passage, hash, value) VALUES (?, ?, ?)", known)
        tx.executemany("DELETE FROM backlog WHERE passage = ?", [(passage,) for passage, _, _ in known])


def _blocks(issues: Iterator[PreparedIssue]) -> Iterator[list[PreparedIssue]]:
    while block := list(itertools.islice(issues, BLOCK)):
        yield block
