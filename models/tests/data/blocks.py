"""Writes blocks.safetensors: random ggml blocks and what PyPI gguf's numpy decoder makes of them.

Usage: python blocks.py (needs numpy and gguf; made with gguf 0.19.0). For each type, NAME.blocks holds two rows of whole
blocks as bytes and NAME.values the decoded float32. Scales are any finite f16: both signs, zeros, subnormals.
"""
import json, struct
from pathlib import Path
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

ROWS, COLUMNS = 2, 512
# Byte offsets of the f16 fields in a block.
HALVES = {"Q2_K": [80, 82], "Q3_K": [108], "MXFP4": [], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "TQ1_0": [52], "TQ2_0": [64]}

random = np.random.default_rng(2)
tensors = {}
for name, halves in HALVES.items():
    kind = T[name]
    values, size = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * COLUMNS // values, size), dtype=np.uint8)
    for at in halves:
        scale = random.normal(0, 0.02, len(blocks)).astype(np.float16)
        scale[0], scale[-1] = np.float16(-0.0), np.float16(6e-8)
        blocks[:, at : at + 2] = scale.view(np.uint8).reshape(-1, 2)
    if name == "MXFP4":  # scales whose products stay below infinity
        blocks[:, 0] %= 250
    blocks = blocks.reshape(ROWS, -1)
    tensors[f"{name}.blocks"] = ("U8", blocks)
    tensors[f"{name}.values"] = ("F32", dequantize(blocks, kind).astype("<f4"))

header, data = {}, b""
for name, (dtype, array) in tensors.items():
    raw = array.tobytes()
    header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
Path(__file__).with_suffix(".safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
