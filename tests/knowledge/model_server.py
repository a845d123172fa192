"""A server that speaks the interfaces of embedding and reranking models, on a free port, with faults on demand."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import orjson

from jirakb.knowledge.endpoint import Address, ModelServer, Patience

Fault = Callable[["Call"], None]
KEY = "model-key-1"


@dataclass
class Call:
    """One request with the answer it is about to get."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    status: int = 200
    answer: Any = None
    raw: bytes | None = None
    more: dict[str, str] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def content(self) -> bytes:
        return orjson.dumps(self.answer) if self.raw is None else self.raw


def slow(seconds: float) -> Fault:
    return lambda call: void(call.stopped.wait(seconds))


def status(code: int, **headers: str) -> Fault:
    def strike(call: Call) -> None:
        call.status, call.answer = code, {"error": {"message": f"told {code}"}}
        call.more = {name.replace("_", "-"): value for name, value in headers.items()}

    return strike


def cut_short(call: Call) -> None:
    call.raw = call.content[: len(call.content) // 2]


def dropped(call: Call) -> None:
    call.more["Content-Length"] = str(len(call.content) + 100)


def of_other_length(call: Call) -> None:
    for entry in call.answer["data"]:
        entry["embedding"] = entry["embedding"][:-1]


def one_too_few(call: Call) -> None:
    (call.answer if isinstance(call.answer, list) else call.answer.get("data", call.answer.get("results"))).pop()


def all_zero(call: Call) -> None:
    for entry in call.answer["data"]:
        entry["embedding"] = [0.0] * len(entry["embedding"])


def not_numbers(call: Call) -> None:
    call.answer["data"][0]["embedding"][0] = "NaN"


def void(_: object) -> None:
    """For a fault that is an expression."""


class ModelHouse:
    """What stands behind the server: texts that share words are near; a reranker likes texts that hold `liked`."""

    def __init__(self) -> None:
        self.dimensions = 48
        self.lengths = {"words-b": 20}
        self.liked = "zebra"
        self.logits = False
        self.calls: list[Call] = []
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.models = {"words-a", "words-b", "judge"}
        self.stopped = threading.Event()
        self.url = ""

    def answer(self, call: Call) -> None:
        self.calls.append(call)
        model = call.body.get("model")
        if call.headers.get("authorization") != f"Bearer {KEY}":
            return status(401)(call)
        if model is not None and model not in self.models:
            return status(404)(call)
        call.answer = self._vectors(call.body) if call.path.endswith("/embeddings") else self._scores(call.body)
        fault = self.faults.popleft() if self.faults else self.always
        if fault is not None:
            fault(call)
        return None

    def asked(self) -> int:
        """How many texts were embedded."""
        return sum(len(call.body.get("input", ())) for call in self.calls)

    def _vectors(self, body: dict[str, Any]) -> dict[str, Any]:
        length = body.get("dimensions", self.lengths.get(body["model"], self.dimensions))
        rows = [self._vector(text, body["model"], length) for text in body["input"]]
        data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
        return {"object": "list", "data": data[::-1], "model": body["model"]}  # in no order, as the interface allows

    def _vector(self, text: str, model: str, length: int) -> list[float]:
        assert text, "servers refuse empty texts"
        words = text.lower().split() or [""]
        seeds = [hashlib.blake2b(f"{model} {word}".encode(), digest_size=8).digest() for word in words]
        rows = [np.random.default_rng(int.from_bytes(seed, "big")).normal(size=length) for seed in seeds]
        return [float(number) for number in 3.0 * np.sum(rows, axis=0)]  # not of unit length

    def _scores(self, body: dict[str, Any]) -> Any:
        texts = body["documents"] if "model" in body else body["texts"]
        scores = [(0.9 if self.liked in text else 0.1) + 0.001 * at for at, text in enumerate(texts)]
        if self.logits:
            scores = [10 * score - 5 for score in scores]
        order = sorted(range(len(texts)), key=lambda at: -scores[at])
        if "model" in body:
            return {"results": [{"index": at, "relevance_score": scores[at]} for at in order]}
        return [{"index": at, "score": scores[at]} for at in order]

    def server(self, path: str = "/v1", patience: Patience | None = None, **more: Any) -> ModelServer:
        """What the product asks by, without real pauses where `sleep` is given."""
        address = Address(self.url + path, "JIRAKB_EMBEDDINGS_URL", KEY)
        return ModelServer(address, patience or Patience(5.0), **more)


@contextmanager
def model_house() -> Iterator[ModelHouse]:
    """The server, for the block."""
    house = ModelHouse()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.path, body, headers, stopped=house.stopped)
            house.answer(call)
            content = call.content
            self.send_response(call.status)
            for name, value in {"Content-Length": str(len(content)), **call.more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Clients that lost their patience are no news."""

    server = Server(("127.0.0.1", 0), Door)
    house.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield house
    finally:
        house.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
