"""all-MiniLM-L6-v2 as a dynamic int8 ONNX model, with its tokenizer."""
