"""Turns texts into unit vectors. Never reads or writes a knowledge base, and loads no model before one is asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

import jirakb_minilm
from jirakb.errors import CorruptStoreError

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

Vectors = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]

MAX_TOKENS = 256
"""What the model was trained to read, its two marker tokens included."""
MAX_CHARS = 4096
"""Characters the tokenizer is given: 256 tokens took at most 1,410 in 422 long real texts; it would read 100 KB to the end."""
BATCH_ROWS = 16
"""More texts to a batch gain nothing (measured on texts of 12 to 256 tokens)."""
BATCH_TOKENS = 1024
"""Padding included: what is computed between two layers stays in a core's cache, which is worth 15 % on long texts."""
GROUP_TEXTS = 2048
"""Texts sorted by length together: enough that batches hardly need padding, few enough that their tokens take 10 MB."""
REVISION = 1
"""Raised when the same model would give other vectors for the same text (truncation, pooling, what is cut off)."""

_FIX = "Install the package jirakb-minilm again."


class Embedder(Protocol):
    """What a knowledge base asks of a model."""

    @property
    def identity(self) -> str:
        """Stored with the vectors: those of another identity cannot be compared with them."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of unit length for each text, in the order of the texts; an empty text has one too."""
        ...


class MiniLM:
    """all-MiniLM-L6-v2 on this machine's processor; `embed` may be called by several threads.

    `threads` batches are computed side by side, by default one for each processor this process may use: one session
    that each thread runs alone is faster than sharing out the parts of one batch. Raises CorruptStoreError when a file
    is not the published one.
    """

    dimensions = 384

    def __init__(
        self,
        threads: int | None = None,
        *,
        model: Traversable = jirakb_minilm.MODEL,
        tokenizer: Traversable = jirakb_minilm.TOKENIZER,
    ) -> None:
        self._threads = threads or _processors()
        self._tokenizer = _tokenizer(_verified(tokenizer, jirakb_minilm.TOKENIZER_SHA256))
        self._session = _session(_verified(model, jirakb_minilm.MODEL_SHA256))

    @property
    def identity(self) -> str:
        """The model's hash and the revision of how texts are prepared for it."""
        return f"minilm-{jirakb_minilm.MODEL_SHA256[:16]}-r{REVISION}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of unit length for each text, in the order of the texts; an empty text has one too."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), GROUP_TEXTS):
            stop = start + GROUP_TEXTS
            self._embed_group(texts[start:stop], vectors[start:stop])
        return vectors

    def _embed_group(self, texts: Sequence[str], vectors: Vectors) -> None:
        tokens = self._tokens(texts)
        batches = list(_batches([len(row) for row in tokens]))

        def fill(batch: list[int]) -> None:
            vectors[batch] = self._run([tokens[i] for i in batch])

        if len(batches) == 1 or self._threads == 1:
            for batch in batches:
                fill(batch)
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="embed") as pool:
            list(pool.map(fill, batches))

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast([_readable(text) for text in texts])]

    def _run(self, rows: Sequence[Sequence[int]]) -> Vectors:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        (vectors,) = self._session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, np.float32)


def quantize(vectors: Vectors) -> Codes:
    """Unit vectors as int8, the form they are stored and compared in: 1.0 is 127."""
    codes: Codes = np.rint(vectors * np.float32(127)).astype(np.int8)
    return codes


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions of texts of like length, the longest first so that no thread is left with a long batch at the end."""
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        longest = lengths[batch[0]] if batch else 0
        if len(batch) == BATCH_ROWS or (len(batch) + 1) * longest > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def _readable(text: str) -> str:
    """The start of a text; halves of surrogate pairs, which Jira texts hold and UTF-8 cannot, become question marks."""
    return text[:MAX_CHARS].encode("utf-8", "replace").decode("utf-8")


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _verified(file: Traversable, sha256: str) -> bytes:
    """The bytes of a file that is what the package says it is; the caller uses these bytes, not the file again."""
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise CorruptStoreError(f"{file} cannot be read: {exc}.", fix=_FIX) from exc
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CorruptStoreError(f"{file} is not the published file: its sha256 differs.", fix=_FIX)
    return content


def _tokenizer(content: bytes) -> tokenizers.Tokenizer:
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_buffer(content)
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _session(content: bytes) -> onnxruntime.InferenceSession:
    # It reports the machine to its makers, and keeps a device's id in the home folder, unless it is told not to before it loads.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # A remembered layout for each shape of batch would grow with the number of shapes.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
