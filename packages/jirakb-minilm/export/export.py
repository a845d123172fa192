"""How model.onnx was made: the published float32 weights become one ONNX graph with int8 weights.

For maintainers; nothing imports it and nothing runs it at install time. The graph is written out node by node from
operators of the ONNX standard only, so that reading `Graph.encoder` is reading the model, and so that the same weights
give the same bytes. It uses no framework beyond numpy, safetensors and onnx.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, save_model
from safetensors.numpy import load_file

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS = 6
HEADS = 12
WIDTH = 384
TOKENS = 256
EPSILON = 1e-12
NEVER = 1e4
# Seven bits for what is multiplied: processors without VNNI add pairs of u8*s8 products in 16 bits, which saturate at eight.
DENSE_LIMIT = 63
TABLE_LIMIT = 127

Floats = npt.NDArray[np.float32]


@dataclass
class Graph:
    """An ONNX graph under construction: every method adds nodes and returns the name of what they compute."""

    weights: dict[str, Floats]
    quantised: bool = True
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        """A value that is stored in the file."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        """One operator with one output."""
        return self.split_node(operator, *inputs, outputs=1, **attributes)[0]

    def split_node(self, operator: str, *inputs: str, outputs: int, **attributes: object) -> list[str]:
        """One operator with several outputs."""
        number = len(self.nodes)
        names = [f"n{number}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=f"{operator}_{number}", **attributes))
        return names

    def shape(self, *sizes: int) -> str:
        """Sizes or axes as a stored value."""
        return self.constant(np.array(sizes, np.int64))

    def dense(self, x: str, weight: Floats, bias: Floats) -> str:
        """x @ weight + bias; int8 weights have one scale per column, the activations one per call."""
        if not self.quantised:
            return self.node("Add", self.node("MatMul", x, self.constant(weight)), self.constant(bias))
        rows, scale = quantise(weight, axis=0, limit=DENSE_LIMIT)
        codes, code_scale, zero = self.split_node("DynamicQuantizeLinear", x, outputs=3)
        zeros = self.constant(np.zeros(len(bias), np.int8))
        product = self.node("MatMulInteger", codes, self.constant(rows), zero, zeros)
        scales = self.node("Mul", code_scale, self.constant(scale.reshape(-1)))
        real = self.node("Mul", self.node("Cast", product, to=TensorProto.FLOAT), scales)
        return self.node("Add", real, self.constant(bias))

    def linear(self, x: str, *names: str) -> str:
        """One or several dense layers side by side, by the names of their weights."""
        weight = np.concatenate([self.weights[f"{name}.weight"].T for name in names], axis=1)
        bias = np.concatenate([self.weights[f"{name}.bias"] for name in names])
        return self.dense(x, weight, bias)

    def norm(self, x: str, name: str) -> str:
        """Layer normalisation."""
        gain, bias = (self.constant(self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.node("LayerNormalization", x, gain, bias, axis=-1, epsilon=EPSILON)

    def words(self) -> str:
        """The words' vectors; the int8 table has one scale per word, because a few rare words are very long vectors."""
        table = self.weights["embeddings.word_embeddings.weight"]
        if not self.quantised:
            return self.node("Gather", self.constant(table), "input_ids")
        rows, scale = quantise(table, axis=1, limit=TABLE_LIMIT)
        codes = self.node("Gather", self.constant(rows), "input_ids")
        real = self.node("Cast", codes, to=TensorProto.FLOAT)
        return self.node("Mul", real, self.node("Gather", self.constant(scale), "input_ids"))

    def positions(self) -> str:
        """The positions' vectors; the vector of the only token type that is used is added to them once, here."""
        table = self.weights["embeddings.position_embeddings.weight"][:TOKENS]
        kind = self.weights["embeddings.token_type_embeddings.weight"][0]
        length = self.node("Shape", "input_ids", start=1, end=2)
        return self.node("Slice", self.constant(table + kind), self.shape(0), length, self.shape(0))

    def blocked(self) -> str:
        """0 where a token is, a large negative number where there is padding; broadcasts over heads and queries."""
        there = self.node("Cast", self.node("Unsqueeze", "attention_mask", self.shape(1, 2)), to=TensorProto.FLOAT)
        ones = self.constant(np.array(1, np.float32))
        return self.node("Mul", self.node("Sub", there, ones), self.constant(np.array(NEVER, np.float32)))

    def heads(self, x: str, order: tuple[int, ...]) -> str:
        """(batch, tokens, width) as (batch, tokens, head, part), in another order."""
        return self.node("Transpose", self.node("Reshape", x, self.shape(0, 0, HEADS, WIDTH // HEADS)), perm=order)

    def attention(self, x: str, name: str, blocked: str) -> str:
        """Every token looks at every token that is not padding."""
        parts = (f"{name}.{part}" for part in ("query", "key", "value"))
        query, key, value = self.split_node(
            "Split", self.linear(x, *parts), self.shape(WIDTH, WIDTH, WIDTH), outputs=3, axis=2
        )
        scores = self.node("MatMul", self.heads(query, (0, 2, 1, 3)), self.heads(key, (0, 2, 3, 1)))
        scale = self.constant(np.array((WIDTH // HEADS) ** -0.5, np.float32))
        shares = self.node("Softmax", self.node("Add", self.node("Mul", scores, scale), blocked), axis=-1)
        seen = self.node("MatMul", shares, self.heads(value, (0, 2, 1, 3)))
        return self.node("Reshape", self.node("Transpose", seen, perm=(0, 2, 1, 3)), self.shape(0, 0, WIDTH))

    def layer(self, x: str, name: str, blocked: str) -> str:
        """One layer: attention, then two dense layers, each with its way around and a normalisation."""
        seen = self.linear(self.attention(x, f"{name}.attention.self", blocked), f"{name}.attention.output.dense")
        x = self.norm(self.node("Add", seen, x), f"{name}.attention.output.LayerNorm")
        inner = self.node("Gelu", self.linear(x, f"{name}.intermediate.dense"))
        outer = self.linear(inner, f"{name}.output.dense")
        return self.norm(self.node("Add", outer, x), f"{name}.output.LayerNorm")

    def encoder(self) -> str:
        """The tokens' vectors after the last layer."""
        x = self.norm(self.node("Add", self.words(), self.positions()), "embeddings.LayerNorm")
        blocked = self.blocked()
        for number in range(LAYERS):
            x = self.layer(x, f"encoder.layer.{number}", blocked)
        return x

    def pooled(self, x: str) -> str:
        """The unit vector along the mean of the tokens; the mean's divisor falls away with the length."""
        there = self.node("Cast", self.node("Unsqueeze", "attention_mask", self.shape(1)), to=TensorProto.FLOAT)
        total = self.node("Squeeze", self.node("MatMul", there, x), self.shape(1))
        return self.node("LpNormalization", total, axis=1, p=2)

    def model(self) -> ModelProto:
        """The whole file."""
        embedding = self.pooled(self.encoder())
        self.nodes.append(helper.make_node("Identity", [embedding], ["embedding"], name="embedding"))
        tokens = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        vectors = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])]
        graph = helper.make_graph(self.nodes, "all-MiniLM-L6-v2", tokens, vectors, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def quantise(weight: Floats, axis: int, limit: int) -> tuple[npt.NDArray[np.int8], Floats]:
    """Codes in -limit..limit and their scale, one for each slice along the other axis."""
    scale = np.maximum(np.abs(weight).max(axis=axis, keepdims=True), np.float32(1e-12)) / np.float32(limit)
    return np.rint(weight / scale).astype(np.int8), scale.astype(np.float32)


def read(path: Path) -> dict[str, Floats]:
    """The published weights; refuses any other file."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise SystemExit(f"{path} is not the published file: its sha256 differs.")
    return load_file(path)


def main() -> None:
    """Writes the model and prints its sha256, which belongs into the package's __init__.py."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="model.safetensors of all-MiniLM-L6-v2")
    parser.add_argument("out", type=Path, help="where to write the ONNX file")
    parser.add_argument("--float32", action="store_true", help="do not quantise (to compare with)")
    options = parser.parse_args()
    save_model(Graph(read(options.weights), quantised=not options.float32).model(), options.out)
    print(hashlib.sha256(options.out.read_bytes()).hexdigest(), options.out.stat().st_size)  # noqa: T201


if __name__ == "__main__":
    main()
