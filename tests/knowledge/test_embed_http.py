"""A model over HTTP embeds as the one built in does, and whatever its server does, no wrong vector is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from tests.knowledge import model_server as faults
from tests.knowledge.model_server import KEY, Fault, ModelHouse, model_house

from jirakb.errors import ModelServerError, UsageError
from jirakb.knowledge.embed_http import BATCH_TEXTS, MAX_CHARS, HttpEmbedder, model_of
from jirakb.knowledge.endpoint import Address, ModelServer, Patience


@pytest.fixture
def house() -> Iterator[ModelHouse]:
    with model_house() as made:
        yield made


class Naps:
    """Sleeps that only remember for how long."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def patient(house: ModelHouse, naps: Naps, tries: int = 4, seconds: float = 5.0) -> HttpEmbedder:
    return HttpEmbedder(house.server(patience=Patience(seconds, tries), sleep=naps), "words-a", house.dimensions)


def test_rows_have_unit_length_and_stand_in_the_order_of_the_texts(house: ModelHouse) -> None:
    model = HttpEmbedder.probed(house.server(), "words-a")
    texts = [f"text {at}" for at in range(3 * BATCH_TEXTS + 5)]
    rows = model.embed(texts)
    assert rows.shape == (len(texts), house.dimensions)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for at in (0, 1, BATCH_TEXTS, len(texts) - 1):
        assert int(np.argmax(rows @ model.embed([texts[at]])[0])) == at


def test_texts_go_out_in_batches_with_the_key_and_the_models_name(house: ModelHouse) -> None:
    HttpEmbedder(house.server(), "words-a", house.dimensions).embed([str(at) for at in range(2 * BATCH_TEXTS + 1)])
    assert sorted(len(call.body["input"]) for call in house.calls) == [1, BATCH_TEXTS, BATCH_TEXTS]
    assert {call.path for call in house.calls} == {"/v1/embeddings"}
    assert {call.body["model"] for call in house.calls} == {"words-a"}
    assert {call.headers["authorization"] for call in house.calls} == {f"Bearer {KEY}"}


def test_the_identity_names_model_and_dimensions_and_not_the_place(house: ModelHouse) -> None:
    first = HttpEmbedder.probed(house.server(), "words-a")
    assert first.identity == HttpEmbedder.probed(house.server("/v1/"), "words-a").identity == "openai/words-a/48"
    assert HttpEmbedder.probed(house.server(), "words-a", asked=16).identity == "openai/words-a/16"
    assert model_of("openai/BAAI/bge-m3/1024") == ("BAAI/bge-m3", 1024)
    assert [model_of(other) for other in ("minilm-1-r1", "none", "openai/x", "openai//3")] == [None] * 4


@pytest.mark.parametrize(
    "text",
    ["", " \n", "\x00\x01", "half \ud83d", "x" * 100_000],
    ids=["empty", "blank", "control", "surrogate", "long"],
)
def test_any_text_has_a_vector(house: ModelHouse, text: str) -> None:
    rows = HttpEmbedder(house.server(), "words-a", house.dimensions).embed([text, "plain"])
    assert np.isfinite(rows).all()
    assert all(0 < len(sent) <= MAX_CHARS for sent in house.calls[0].body["input"])


def test_no_texts_are_no_rows_and_no_call(house: ModelHouse) -> None:
    assert HttpEmbedder(house.server(), "words-a", house.dimensions).embed([]).shape == (0, house.dimensions)
    assert not house.calls


@pytest.mark.parametrize(
    "fault",
    [faults.status(500), faults.status(503), faults.status(429), faults.cut_short, faults.dropped],
    ids=["500", "503", "429", "truncated", "broken off"],
)
def test_what_passes_is_asked_again_after_growing_pauses(house: ModelHouse, fault: Fault) -> None:
    naps = Naps()
    house.faults.extend([fault, fault])
    assert patient(house, naps).embed(["a"]).shape == (1, house.dimensions)
    assert len(house.calls) == 3
    assert 0.75 <= naps.taken[0] <= 1.25 < 1.5 <= naps.taken[1] <= 2.5


def test_the_pause_is_what_the_server_asks_for(house: ModelHouse) -> None:
    naps = Naps()
    house.faults.append(faults.status(429, Retry_After="17"))
    patient(house, naps).embed(["a"])
    assert naps.taken == [17.0]


def test_a_server_that_stays_down_is_named_with_what_it_said(house: ModelHouse) -> None:
    naps = Naps()
    house.always = faults.status(500)
    with pytest.raises(ModelServerError, match=r"JIRAKB_EMBEDDINGS_URL.*HTTP 500.*told 500") as caught:
        patient(house, naps, tries=3).embed(["a"])
    assert len(house.calls) == 3
    assert caught.value.exit_code == 5
    assert KEY not in f"{caught.value.message}{caught.value.fix}"


def test_nobody_listening_is_a_clear_failure() -> None:
    with model_house() as gone:
        server = gone.server()
    with pytest.raises(ModelServerError, match="gave no answer"):
        HttpEmbedder(server, "words-a", 48).embed(["a"])


def test_a_slow_server_is_waited_for_no_longer_than_told(house: ModelHouse) -> None:
    house.always = faults.slow(30)
    began = time.monotonic()
    with pytest.raises(ModelServerError):
        HttpEmbedder(house.server(patience=Patience(0.3)), "words-a", 48).embed(["a"])
    assert time.monotonic() - began < 5


def test_after_a_failure_nobody_waits_for_a_while(house: ModelHouse) -> None:
    now = [0.0]
    server = house.server(patience=Patience(5.0, rest=30.0), clock=lambda: now[0])
    model = HttpEmbedder(server, "words-a", 48)
    house.faults.append(faults.status(500))
    for _ in range(3):
        with pytest.raises(ModelServerError):
            model.embed(["a"])
    assert len(house.calls) == 1
    now[0] = 31.0
    assert len(model.embed(["a"])) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422, 301])
def test_a_refusal_is_not_asked_again_and_says_which_setting(house: ModelHouse, code: int) -> None:
    naps = Naps()
    house.always = faults.status(code, Location="http://127.0.0.1:9/elsewhere")
    with pytest.raises(UsageError, match=f"JIRAKB_EMBEDDINGS_URL.*HTTP {code}"):
        patient(house, naps).embed(["a"])
    assert len(house.calls) == 1
    assert not naps.taken


@pytest.mark.parametrize(
    "fault",
    [faults.one_too_few, faults.all_zero, faults.not_numbers],
    ids=["one too few", "zero", "not numbers"],
)
def test_a_wrong_answer_is_no_vector(house: ModelHouse, fault: Fault) -> None:
    house.always = fault
    with pytest.raises(ModelServerError, match="answered with"):
        HttpEmbedder(house.server(), "words-a", 48).embed(["a", "b"])


def test_a_model_that_changed_its_dimensions_is_refused(house: ModelHouse) -> None:
    model = HttpEmbedder.probed(house.server(), "words-a")
    house.always = faults.of_other_length
    with pytest.raises(UsageError, match="47 dimensions; it had 48"):
        model.embed(["a"])


@pytest.mark.parametrize("url", ["", "models", "ftp://x/v1", "http://models.example/v1", "http://"])
def test_an_address_that_is_none_or_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="JIRAKB_EMBEDDINGS_URL"):
        ModelServer(Address(url, "JIRAKB_EMBEDDINGS_URL"), Patience(1))


def test_a_host_that_is_allowed_may_be_asked_in_the_clear() -> None:
    address = Address("http://models.example:8080/v1", "X", allowed=("models.example:8080",))
    assert address.checked() == "http://models.example:8080/v1"
