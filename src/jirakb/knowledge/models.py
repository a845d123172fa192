"""Which models are there? Those that the settings name, each made when it is first asked for and then kept; and how a
knowledge base changes from one to another. Never embeds by itself."""

from __future__ import annotations

import threading
from typing import Literal

from jirakb.errors import UsageError
from jirakb.knowledge.embed import Embedder, MiniLM
from jirakb.knowledge.embed_http import PREFIX, HttpEmbedder, model_of
from jirakb.knowledge.endpoint import WORKING, Address, ModelServer, Patience
from jirakb.knowledge.index import vectorfile
from jirakb.knowledge.search.rerank import HttpReranker
from jirakb.knowledge.store import NO_EMBEDDER, KnowledgeBase
from jirakb.settings import Settings

ModelName = Literal["minilm", "openai", "none"]

_MINILM = "minilm-"
_TAKEN_ROWS = 5_000
_TAKE = "INSERT OR IGNORE INTO vector (passage, hash, value) SELECT id, hash, ?1 FROM passage WHERE id = ?2"
_REST_SECONDS = 30.0
"""After a failure no search waits for the server for this long."""


class Models:
    """The models of one process, to be shared by its threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._minilm: MiniLM | None = None
        self._asked: dict[str, HttpEmbedder] = {}
        self._servers: dict[Patience, ModelServer] = {}
        self._reranker: HttpReranker | None = None

    @property
    def usual(self) -> ModelName:
        """The model of a sync that names none: the one that the settings name, or else the built-in one."""
        return "openai" if self._settings.embeddings_url else "minilm"

    # For a sync

    def named(self, name: ModelName | None) -> Embedder | None:
        """The model to make vectors with; none with "none". One over HTTP is asked at once, to see how it answers.

        Raises UsageError when the settings lack something or the server refuses, ModelServerError when it gives no answer.
        """
        name = name or self.usual
        if name == "none":
            return None
        return self._local() if name == "minilm" else self._probed()

    def maker_of(self, base: KnowledgeBase) -> Embedder | None:
        """The model to make further vectors of this knowledge base with; none when it has none."""
        identity = base.meta("embedder")
        if identity == NO_EMBEDDER:
            return None
        named = model_of(identity)
        return self._local() if named is None else self._over_http(*named, WORKING)

    # For a search

    def has(self, identity: str) -> bool:
        """Whether queries can be embedded by that model; loads and asks none."""
        return identity.startswith((_MINILM, PREFIX))

    def of(self, identity: str) -> Embedder | None:
        """The model to embed queries by; none where it is another version of the built-in one.

        Raises UsageError where the settings name no server for it.
        """
        named = model_of(identity)
        if named is None:
            local = self._local() if identity.startswith(_MINILM) else None
            return local if local and local.identity == identity else None
        with self._lock:
            known = self._asked.get(identity)
        if known is None:
            known = self._over_http(*named, Patience(self._settings.embeddings_seconds, rest=_REST_SECONDS))
            with self._lock:
                known = self._asked.setdefault(identity, known)
        return known

    def reranker(self) -> HttpReranker | None:
        """What reranks the first hits, where the settings name it."""
        settings = self._settings
        if not settings.rerank_url:
            return None
        with self._lock:
            if self._reranker is None:
                address = self._address(settings.rerank_url, "JIRAKB_RERANK_URL", settings.rerank_key)
                server = ModelServer(address, Patience(settings.rerank_seconds, rest=_REST_SECONDS))
                self._reranker = HttpReranker(server, settings.rerank_model, top=max(1, settings.rerank_top))
            return self._reranker

    # Making them

    def _local(self) -> MiniLM:
        with self._lock:
            self._minilm = self._minilm or MiniLM()
            return self._minilm

    def _probed(self) -> HttpEmbedder:
        settings = self._settings
        if not settings.embeddings_model:
            raise UsageError(
                "There is no name of a model to make vectors with.",
                fix="Set JIRAKB_EMBEDDINGS_MODEL, or use --embeddings minilm.",
            )
        return HttpEmbedder.probed(
            self._server(WORKING), settings.embeddings_model, asked=settings.embeddings_dimensions or None
        )

    def _over_http(self, model: str, dimensions: int, patience: Patience) -> HttpEmbedder:
        asked = dimensions if dimensions == self._settings.embeddings_dimensions else None
        return HttpEmbedder(self._server(patience), model, dimensions, asked=asked)

    def _server(self, patience: Patience) -> ModelServer:
        settings = self._settings
        if not settings.embeddings_url:
            raise UsageError(
                "The model of these vectors is asked over HTTP, and no server is named.",
                fix="Set JIRAKB_EMBEDDINGS_URL (and _MODEL, _KEY), or use --embeddings minilm.",
            )
        with self._lock:
            if patience not in self._servers:
                address = self._address(settings.embeddings_url, "JIRAKB_EMBEDDINGS_URL", settings.embeddings_key)
                self._servers[patience] = ModelServer(address, patience)
            return self._servers[patience]

    def _address(self, url: str, setting: str, key: str) -> Address:
        return Address(url, setting, key, self._settings.ca_bundle, self._settings.allowed_sites)


def use_model(base: KnowledgeBase, identity: str) -> None:
    """Say which model makes the vectors, from now on. Those of a former one are searched by until every passage has a
    vector of the new one, from the file that they are written to here. Needs the lease."""
    with base.snapshot() as reader:
        present, dimensions = vectorfile.model_named(reader), vectorfile.dimensions_of(reader)
        if present == identity:
            return
        if present != NO_EMBEDDER and dimensions:
            vectorfile.update(base.folder, reader, dimensions)
        kept = vectorfile.filed(base.folder, reader)
    base.use_embedder(identity)
    if kept is not None and kept.model == identity:
        _take_back(base, kept)


def _take_back(base: KnowledgeBase, kept: vectorfile.Filed) -> None:
    """Vectors that the file still has of the model that is used again: a passage's text never changes."""
    matrix = vectorfile.load(base.folder, kept.base, kept.dimensions)
    for block in matrix.blocks:
        for at in range(0, len(block), _TAKEN_ROWS):
            rows = slice(at, at + _TAKEN_ROWS)
            passages = block.passage[rows].tolist()
            values = [row.tobytes() for row in block.values[rows]]
            with base.transaction() as tx:
                tx.executemany(_TAKE, list(zip(values, passages, strict=True)))
                tx.executemany("DELETE FROM backlog WHERE passage = ?", [(passage,) for passage in passages])
