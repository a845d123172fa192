"""How are texts embedded by a server that speaks OpenAI's `/embeddings`? Batches go out side by side, and every answer is
checked before one of its numbers is used. Never decides when to ask again: that is the server's part (`endpoint.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from jirakb.errors import ModelServerError, UsageError
from jirakb.knowledge.embed import Vectors
from jirakb.knowledge.endpoint import ModelServer

BATCH_TEXTS = 32
"""More in one call is refused by some servers as they are delivered."""
SIDE_BY_SIDE = 4
"""Calls at once: enough that the server computes while the network carries."""
MAX_CHARS = 2_000
"""What is sent of a text: models that read 512 tokens refuse more than about this rather than cut it."""
MAX_DIMENSIONS = 8_192
PREFIX = "openai/"
_PATH = "/embeddings"
_PROBE = "probe"


class HttpEmbedder:
    """A model behind an HTTP interface; `embed` may be called by several threads.

    `asked` is the number of dimensions that the server is told to answer with, where the model leaves a choice.
    """

    def __init__(self, server: ModelServer, model: str, dimensions: int, *, asked: int | None = None) -> None:
        self._server = server
        self._model = model
        self._asked = asked
        self.dimensions = dimensions

    @classmethod
    def probed(cls, server: ModelServer, model: str, *, asked: int | None = None) -> HttpEmbedder:
        """The model with as many dimensions as its first answer has. Raises what `embed` raises."""
        first = cls(server, model, 0, asked=asked)
        return cls(server, model, len(first._ask([_PROBE])[0]), asked=asked)

    @property
    def identity(self) -> str:
        """The model's name and how many dimensions it answers with; where it is served does not matter."""
        return f"{PREFIX}{self._model}/{self.dimensions}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of unit length for each text, in the order of the texts.

        Raises ModelServerError when no usable answer comes, UsageError when the server refuses the question.
        """
        batches = [list(batch) for batch in _batched(texts)]
        if len(batches) > 1:
            with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(batches)), thread_name_prefix="embed") as pool:
                answers = list(pool.map(self._ask, batches))
        else:
            answers = [self._ask(batch) for batch in batches]
        return np.concatenate([np.zeros((0, self.dimensions), np.float32), *answers])

    def _ask(self, texts: list[str]) -> Vectors:
        body: dict[str, object] = {
            "model": self._model,
            "input": [_sendable(text) for text in texts],
            "encoding_format": "float",
        }
        if self._asked:
            body["dimensions"] = self._asked
        return self._unit(_rows(self._server.ask(_PATH, body), len(texts), self._server.url))

    def _unit(self, rows: list[Any]) -> Vectors:
        url = self._server.url
        try:
            numbers = np.array(rows, dtype=np.float32)
        except (TypeError, ValueError) as exc:
            raise _broken(url, "vectors that are not of one length, or not of numbers") from exc
        if numbers.ndim != 2 or not 0 < numbers.shape[1] <= MAX_DIMENSIONS:
            raise _broken(url, "vectors of a shape that no model has")
        if self.dimensions and numbers.shape[1] != self.dimensions:
            raise UsageError(
                f"{self._model} at {url} answers with {numbers.shape[1]} dimensions; it had {self.dimensions}.",
                fix="Set JIRAKB_EMBEDDINGS_MODEL to the model that is served there; a sync then makes the vectors anew.",
                url=url,
            )
        lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise _broken(url, "vectors without a direction")
        unit: Vectors = numbers / lengths
        return unit


def model_of(identity: str) -> tuple[str, int] | None:
    """The model's name and dimensions that an identity of this file names; None for another's."""
    name, _, dimensions = identity.removeprefix(PREFIX).rpartition("/")
    return (name, int(dimensions)) if identity.startswith(PREFIX) and name and dimensions.isdigit() else None


def _batched(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[at : at + BATCH_TEXTS] for at in range(0, len(texts), BATCH_TEXTS)]


def _sendable(text: str) -> str:
    """The start of a text, without halves of surrogate pairs; servers refuse empty ones."""
    return text[:MAX_CHARS].encode("utf-8", "replace").decode().strip() or "."


def _rows(answer: Any, count: int, url: str) -> list[Any]:
    """The vectors in the order of the texts; each must be there once."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or len(data) != count:
        raise _broken(url, f"not one vector for each of {count} texts")
    rows: dict[object, Any] = {}
    for at, item in enumerate(data):
        if not isinstance(item, dict) or not isinstance(item.get("embedding"), list):
            raise _broken(url, "an entry without a vector")
        rows[item.get("index", at)] = item["embedding"]
    if rows.keys() != set(range(count)):
        raise _broken(url, "vectors that are not told apart by their index")
    return [rows[at] for at in range(count)]


def _broken(url: str, what: str) -> ModelServerError:
    return ModelServerError(
        f"The embeddings' server {url} answered with {what}.",
        fix="See that JIRAKB_EMBEDDINGS_URL leads to an interface like OpenAI's.", url=url,
    )  # fmt: skip
