"""What the embedder promises about its vectors, whatever it is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jirakb.errors import CorruptStoreError
from jirakb.knowledge.embed import BATCH_ROWS, BATCH_TOKENS, GROUP_TEXTS, MiniLM, _batches, quantize
from jirakb_minilm import MODEL, TOKENIZER

SENTENCES = [
    "The application crashes when it opens a large picture.",
    "login fails",
    "Uploading a file larger than two gigabytes ends with a timeout of the proxy. " * 5,
    "Dark mode",
    "The export to PDF forgets the page breaks of tables that are longer than one page.",
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(threads=2)


def cosine(minilm: MiniLM, one: str, other: str) -> float:
    a, b = minilm.embed([one, other])
    return float(a @ b)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("The app crashes on startup", "Application terminates at launch", "Add a French translation"),
        ("Cannot log in with a valid password", "Authentication rejects correct credentials", "Chart colours"),
        ("memory leak in the image cache", "heap grows when pictures are kept", "typo on the billing page"),
    ],
)
def test_like_meanings_are_nearer_than_unlike_ones(minilm: MiniLM, text: str, near: str, far: str) -> None:
    assert cosine(minilm, text, near) > cosine(minilm, text, far) + 0.2


def test_the_model_tells_nobody_and_keeps_nothing_outside(tmp_path: Path) -> None:
    told = "from jirakb.knowledge.embed import MiniLM; MiniLM(threads=1).embed(['x'])"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-B", "-c", told], env=home, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_every_row_has_unit_length(minilm: MiniLM) -> None:
    vectors = minilm.embed(SENTENCES)
    assert vectors.shape == (len(SENTENCES), minilm.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_rows_stand_in_the_order_of_the_texts(minilm: MiniLM) -> None:
    texts = [f"{sentence} {number}" for number in range(16) for sentence in SENTENCES]
    together = minilm.embed(texts)
    for position in (0, 1, 2, 37, 79):
        alone = minilm.embed([texts[position]])[0]
        assert int(np.argmax(together @ alone)) == position


def test_a_text_has_nearly_the_same_vector_alone_and_among_others(minilm: MiniLM) -> None:
    together = minilm.embed(SENTENCES)
    alone = np.concatenate([minilm.embed([text]) for text in SENTENCES])
    assert float((together * alone).sum(axis=1).min()) > 0.98


def test_the_same_texts_have_the_same_vectors_whatever_the_number_of_threads(minilm: MiniLM) -> None:
    texts = SENTENCES * 8
    assert np.array_equal(minilm.embed(texts), MiniLM(threads=1).embed(texts))


def test_no_texts_are_no_rows(minilm: MiniLM) -> None:
    assert minilm.embed([]).shape == (0, 384)


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "\x00\x01\x1b[31m", "half a pair \ud83d", "word " * 20_000, "x" * 100_000, "🎉" * 500, "漢字" * 500],
    ids=["empty", "blank", "control", "surrogate", "100 KB of words", "one long word", "emoji", "han"],
)
def test_any_text_has_a_vector(minilm: MiniLM, text: str) -> None:
    (vector,) = minilm.embed([text])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_broken_text_does_not_spoil_its_neighbours(minilm: MiniLM) -> None:
    vectors = minilm.embed(["\x00\ud83d", *SENTENCES, ""])
    assert float((vectors[1:-1] * minilm.embed(SENTENCES)).sum(axis=1).min()) > 0.98


def test_words_beyond_the_models_reach_change_nothing(minilm: MiniLM) -> None:
    text = "the build breaks " * 200
    assert np.array_equal(minilm.embed([text]), minilm.embed([text + "and then something else"]))


def test_more_texts_than_one_group_are_all_embedded(minilm: MiniLM) -> None:
    vectors = minilm.embed(["crash"] * GROUP_TEXTS + ["dark mode"])
    assert float(vectors[0] @ vectors[GROUP_TEXTS - 1]) == pytest.approx(1, abs=1e-3)
    assert float(vectors[0] @ vectors[GROUP_TEXTS]) < 0.5


def test_batches_hold_every_text_once_and_stay_small() -> None:
    lengths = [(7 * i) % 255 + 2 for i in range(1000)]
    batches = list(_batches(lengths))
    assert sorted(i for batch in batches for i in batch) == list(range(1000))
    for batch in batches:
        assert len(batch) <= BATCH_ROWS
        assert len(batch) * max(lengths[i] for i in batch) <= BATCH_TOKENS


def test_stored_codes_keep_the_similarity(minilm: MiniLM) -> None:
    vectors = minilm.embed(SENTENCES)
    codes = quantize(vectors)
    assert codes.dtype == np.int8
    assert np.abs(codes.astype(np.float32) @ codes.T.astype(np.float32) / 127**2 - vectors @ vectors.T).max() < 0.02


def test_the_extremes_of_a_vector_fit_the_codes() -> None:
    assert quantize(np.array([[-1.0, 1.0, 0.0]], np.float32)).tolist() == [[-127, 127, 0]]


def test_the_identity_is_the_same_for_every_instance_and_names_the_model(minilm: MiniLM) -> None:
    assert MiniLM(threads=1).identity == minilm.identity
    assert minilm.identity == "minilm-a5ce43c6959f838b-r1"


@pytest.mark.parametrize("name", ["model", "tokenizer"])
def test_a_file_with_one_changed_byte_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content = bytearray((MODEL if name == "model" else TOKENIZER).read_bytes())
    content[len(content) // 2] ^= 1
    changed = tmp_path / f"{name}.changed"
    changed.write_bytes(content)
    with pytest.raises(CorruptStoreError, match=rf"{name}\.changed"):
        MiniLM(model=changed) if name == "model" else MiniLM(tokenizer=changed)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CorruptStoreError, match="absent"):
        MiniLM(model=tmp_path / "absent")


def test_no_model_library_is_loaded_before_a_model_is_asked_for() -> None:
    program = "import sys, jirakb.knowledge.embed; print({'onnxruntime', 'tokenizers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
