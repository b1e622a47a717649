"""Writes stored.gguf, a tiny random Llama whose matrices are one of each block type, and stored.json, where each lies and every 61st weight
as PyPI gguf decodes it.

Usage: python stored.py (needs numpy and gguf; made with gguf 0.19.0). Types that gguf can quantise hold rounded normal numbers. The
others hold random blocks whose f16 scales are spread as trained ones are, over a few binades; in the head those of codes or
those of offsets are the least there is beside large ones, more than a chip keeps exactly.
"""
import json
from pathlib import Path
import gguf, numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

HERE = Path(__file__).parent
HIDDEN, FFN, KV, VOCAB = 256, 32, 16, 64
# Byte offsets of the f16 fields in a block.
HALVES = {"Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
MATRICES = {
    "token_embd": ("Q6_K", VOCAB, HIDDEN),
    "blk.0.attn_q": ("Q4_K", 32, HIDDEN), "blk.0.attn_k": ("Q6_K", KV, HIDDEN), "blk.0.attn_v": ("Q5_K", KV, HIDDEN),
    "blk.0.attn_output": ("Q4_0", HIDDEN, 32), "blk.0.ffn_gate": ("Q3_K", FFN, HIDDEN), "blk.0.ffn_up": ("Q2_K", FFN, HIDDEN),
    "blk.0.ffn_down": ("Q4_1", HIDDEN, FFN),
    "blk.1.attn_q": ("TQ2_0", 32, HIDDEN), "blk.1.attn_k": ("TQ1_0", KV, HIDDEN), "blk.1.attn_v": ("Q8_0", KV, HIDDEN),
    "blk.1.attn_output": ("Q5_0", HIDDEN, 32), "blk.1.ffn_gate": ("MXFP4", FFN, HIDDEN), "blk.1.ffn_up": ("MXFP4", FFN, HIDDEN),
    "blk.1.ffn_down": ("Q5_1", HIDDEN, FFN),
    "output": ("Q4_K", VOCAB, HIDDEN),
}
random = np.random.default_rng(4)


def blocks(name, kind, rows, columns):
    """Rows of blocks; weights of an output have about unit length."""
    if kind not in HALVES and kind != "MXFP4":
        return quantize(random.normal(0, columns**-0.5, (rows, columns)).astype(np.float32), T[kind])
    values, size = GGML_QUANT_SIZES[T[kind]]
    made = random.integers(0, 256, (rows * columns // values, size), dtype=np.uint8)
    if kind == "MXFP4":  # 2^-5 to 2^-2, of values up to 6
        made[:, 0] = random.integers(119, 123, len(made))
        return made.reshape(rows, -1)
    for at in HALVES[kind]:
        made[:, at : at + 2] = np.exp(random.normal(0, 0.5, len(made))).astype(np.float16).view(np.uint8).reshape(-1, 2)
    spread = dequantize(made.reshape(rows, -1), T[kind]).std()
    for at in HALVES[kind]:
        scale = made[:, at : at + 2].copy().view(np.float16).astype(np.float32).ravel() * (columns**-0.5 / spread)
        if name == "output":
            least = at // 2
            scale[least::2], scale[1 - least :: 2] = 2.0**-24, scale[1 - least :: 2] * 1024
        made[:, at : at + 2] = scale.astype(np.float16).view(np.uint8).reshape(-1, 2)
    return made.reshape(rows, -1)


w = gguf.GGUFWriter(HERE / "stored.gguf", "llama")
w.add_vocab_size(VOCAB)
w.add_context_length(32)
w.add_embedding_length(HIDDEN)
w.add_block_count(2)
w.add_feed_forward_length(FFN)
w.add_head_count(2)
w.add_head_count_kv(1)
w.add_rope_dimension_count(16)
w.add_key_length(16)
w.add_value_length(16)
w.add_layer_norm_rms_eps(1e-5)
w.add_tokenizer_model("none")
golden = {}
for name in ["output_norm", *(f"blk.{i}.{part}" for i in range(2) for part in ("attn_norm", "ffn_norm"))]:
    w.add_tensor(f"{name}.weight", random.normal(1, 0.2, HIDDEN).astype(np.float32))
for name, (kind, rows, columns) in MATRICES.items():
    packed = blocks(name, kind, rows, columns)
    w.add_tensor(f"{name}.weight", packed, raw_dtype=T[kind])
    golden[name] = {"type": kind, "every_61st": [float(f"{x:.9g}") for x in dequantize(packed, T[kind]).ravel()[::61]]}
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
for t in gguf.GGUFReader(HERE / "stored.gguf").tensors:
    if entry := golden.get(t.name.removesuffix(".weight")):
        entry["at"] = int(t.data_offset)
(HERE / "stored.json").write_text(json.dumps(golden) + "\n")
