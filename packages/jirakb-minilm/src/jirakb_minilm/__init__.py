"""all-MiniLM-L6-v2 as a dynamic int8 ONNX model, with its tokenizer: two files and what they must hash to.

The model takes `input_ids` and `attention_mask` (int64, batch x tokens, at most 256 tokens) and gives `embedding`
(float32, batch x 384, rows of unit length).
"""

from __future__ import annotations

from importlib.resources import files

MODEL = files(__name__) / "model.onnx"
MODEL_SHA256 = "a5ce43c6959f838b48ea537257a820005a1344fc9e9459fe6e2182b0e478297e"
TOKENIZER = files(__name__) / "tokenizer.json"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
