"""Makes model.gguf of golden folders with llama.cpp's own writer and tensor names, and shows what llama.cpp computes from it.

Usage: python gguf_files.py [NAME ...] (needs numpy, torch, safetensors, gguf; llama-cpp-python to compare). What
convert_hf_to_gguf.py does to tensors is done here too: rows of queries and keys in pairs, GPT-2's matrices transposed, MXFP4 blocks in
ggml's order. llama.cpp multiplies bfloat16 by bfloat16, so its logits are near, not equal; of phi3 it takes the long factors and no
window. Gemma 3, Qwen2 with windows and the mixed layers of Qwen3-MoE are not here: GGUF cannot say these tiny ones' layers.
"""
import json, math, re, sys
from pathlib import Path
import gguf, numpy as np, torch
from gguf import GGMLQuantizationType as Q, MODEL_ARCH as A
from safetensors.torch import load_file

HERE = Path(__file__).parent
ARCHS = {
    "arcee": A.ARCEE, "ernie4_5": A.ERNIE4_5, "seed_oss": A.SEED_OSS,
    "gpt2": A.GPT2, "gpt_oss_mxfp4": A.GPT_OSS, "granite": A.GRANITE, "olmo2": A.OLMO2, "phi3": A.PHI3, "phi3_long": A.PHI3, "phi3_partial": A.PHI3,
    "qwen2_full": A.QWEN2, "qwen3": A.QWEN3, "qwen3_5": A.QWEN35, "qwen3_5_moe": A.QWEN35MOE,
    "qwen3_moe_all": A.QWEN3MOE, "qwen3_next": A.QWEN3NEXT, "smollm3": A.SMOLLM3,
}


def metadata(w, name, c):
    heads, hidden = c.get("num_attention_heads", c.get("n_head")), c.get("hidden_size", c.get("n_embd"))
    head = c.get("head_dim") or hidden // heads
    rope = c.get("rope_parameters") or {}
    w.add_vocab_size(c["vocab_size"])
    w.add_context_length(c.get("max_position_embeddings", c.get("n_positions")))
    w.add_embedding_length(hidden)
    w.add_block_count(c.get("num_hidden_layers", c.get("n_layer")))
    w.add_feed_forward_length(c.get("intermediate_size", 4 * hidden))
    w.add_head_count(heads)
    w.add_head_count_kv(c.get("num_key_value_heads", heads))
    w.add_tokenizer_model("none")
    if name == "gpt2":
        return w.add_layer_norm_eps(c["layer_norm_epsilon"])
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_key_length(head)
    w.add_value_length(head)
    w.add_rope_dimension_count(int(head * rope.get("partial_rotary_factor", 1.0)))
    w.add_rope_freq_base(rope["rope_theta"])
    if name in ("phi3", "phi3_long", "gpt_oss_mxfp4"):
        w.add_sliding_window(c["sliding_window"])
    if name == "granite":
        w.add_embedding_scale(c["embedding_multiplier"])
        w.add_residual_scale(c["residual_multiplier"])
        w.add_attention_scale(c["attention_multiplier"])
        w.add_logit_scale(c["logits_scaling"])
    if experts := c.get("num_local_experts", c.get("num_experts")):
        w.add_expert_count(experts)
        w.add_expert_used_count(c["num_experts_per_tok"])
        w.add_expert_feed_forward_length(c.get("moe_intermediate_size", c["intermediate_size"]))
    if "linear_num_key_heads" in c:
        w.add_ssm_conv_kernel(c["linear_conv_kernel_dim"])
        w.add_ssm_state_size(c["linear_key_head_dim"])
        w.add_ssm_group_count(c["linear_num_key_heads"])
        w.add_ssm_time_step_rank(c["linear_num_value_heads"])
        w.add_ssm_inner_size(c["linear_value_head_dim"] * c["linear_num_value_heads"])
        w.add_full_attention_interval(len(c["layer_types"]) if "full_attention" in c["layer_types"] else 0)
        if "shared_expert_intermediate_size" in c:
            w.add_expert_shared_feed_forward_length(c["shared_expert_intermediate_size"])
        if name.startswith("qwen3_5"):
            w.add_rope_dimension_sections([1, 1, 0, 0])
    if rope.get("rope_type") == "yarn":
        w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        w.add_rope_scaling_factor(rope["factor"])
        w.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope.get("rope_type") == "longrope":
        original = rope["original_max_position_embeddings"]
        factor = c["max_position_embeddings"] / original
        w.add_rope_scaling_orig_ctx_len(original)
        w.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(factor) / math.log(original)))
        for kind in ("long", "short"):
            w.add_tensor(f"rope_factors_{kind}.weight", np.array(rope[f"{kind}_factor"], dtype=np.float32))


def pairs(weight, heads):
    """Rows of each head from halves to neighbours (`LlamaModel.permute`)."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def tiled(x, axis, c):
    """Value heads that share a key head, one after another, to the first of each key head, the second of each and so on
    (`_LinearAttentionVReorderBase`)."""
    keys, share = c["linear_num_key_heads"], c["linear_num_value_heads"] // c["linear_num_key_heads"]
    split = x.reshape(*x.shape[:axis], keys, share, -1, *x.shape[axis + 1 :])
    return split.swapaxes(axis, axis + 1).reshape(x.shape)


def hybrid(path, x, c):
    """Tensors of gated linear attention (`Qwen3NextModel` and `_LinearAttentionVReorderBase` of the converter)."""
    at, part = path.rsplit("linear_attn.", 1)
    keys, values = c["linear_num_key_heads"] * c["linear_key_head_dim"], c["linear_num_value_heads"] * c["linear_value_head_dim"]
    tile = (lambda x, axis: tiled(x, axis, c)) if c["model_type"].startswith("qwen3_5") else lambda x, axis: x
    if part == "in_proj_qkvz.weight":
        share = values // c["linear_num_key_heads"]
        cuts = np.cumsum([c["linear_key_head_dim"], c["linear_key_head_dim"], share])
        q, k, v, z = np.split(x.reshape(c["linear_num_key_heads"], -1, x.shape[1]), cuts, axis=1)
        yield at + "linear_attn.in_proj_qkv.weight", np.concatenate([part.reshape(-1, x.shape[1]) for part in (q, k, v)]), None
        yield at + "linear_attn.in_proj_z.weight", z.reshape(-1, x.shape[1]), None
    elif part == "in_proj_qkv.weight":
        yield path, np.concatenate([x[: 2 * keys], tile(x[2 * keys :], 0)]), None
    elif part == "conv1d.weight":
        yield path, np.concatenate([x[: 2 * keys, 0], tile(x[2 * keys :, 0], 0)]), Q.F32
    elif part in ("in_proj_z.weight", "in_proj_a.weight", "in_proj_b.weight"):
        yield path, tile(x, 0), None
    elif part == "out_proj.weight":
        yield path, tile(x, 1), None
    elif part == "A_log":
        yield path, -np.exp(tile(x, 0)), None
    elif part == "dt_bias":
        yield at + "linear_attn.dt_proj.bias", tile(x, 0), None
    else:
        yield path, x, None


def blocks(codes, scales):
    """Neighbours in a byte to halves of 16 in a byte, the scale in front."""
    flat = np.stack([codes & 15, codes >> 4], axis=-1).reshape(*codes.shape[:-1], 32)
    packed = np.concatenate([scales[..., None], flat[..., :16] | flat[..., 16:] << 4], axis=-1)
    return packed.reshape(*packed.shape[:-2], -1)


def tensors(name, c, stored):
    """Hugging Face names as llama.cpp's map knows them, arrays, and types where they are not plain."""
    for path, t in sorted(stored.items()):
        if t.dtype == torch.uint8:
            if path.endswith("_scales"):
                continue
            packed = blocks(t.numpy(), stored[path.replace("_blocks", "_scales")].numpy())
            at = path.removesuffix("_blocks")
            if "gate_up" in at:
                yield at.replace("gate_up_proj", "gate_proj") + ".weight", packed[:, 0::2], Q.MXFP4
                yield at.replace("gate_up_proj", "up_proj") + ".weight", packed[:, 1::2], Q.MXFP4
            else:
                yield at + ".weight", packed, Q.MXFP4
            continue
        if found := re.fullmatch(r"(.*\.experts)\.0\.(\w+)\.weight", path):
            matrices = [stored[f"{found[1]}.{e}.{found[2]}.weight"] for e in range(c.get("num_experts", c.get("num_local_experts")))]
            yield f"{found[1]}.{found[2]}.weight", torch.stack(matrices).float().numpy(), None
            continue
        if re.search(r"\.experts\.\d+\.", path):
            continue
        x = t.float().numpy()
        if "linear_num_key_heads" in c and path.endswith("norm.weight") and "linear_attn" not in path:
            x = x + 1
        if "linear_attn." in path:
            yield from hybrid(path, x, c)
            continue
        if path.endswith("shared_expert_gate.weight"):
            x = x[0]
        if name in ("arcee", "smollm3", "granite") and ("q_proj" in path or "k_proj" in path):
            x = pairs(x, c["num_attention_heads" if "q_proj" in path else "num_key_value_heads"])
        if name == "gpt2" and path.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
            x = x.T
        if path.endswith("gate_up_proj_bias"):
            yield path.replace("gate_up_proj_bias", "gate_proj.bias"), x[:, 0::2], None
            yield path.replace("gate_up_proj_bias", "up_proj.bias"), x[:, 1::2], None
        elif path.endswith("down_proj_bias"):
            yield path.replace("_bias", ".bias"), x, None
        elif path.endswith(".sinks"):
            yield path + ".weight", x, None
        else:
            yield path, x, None


def make(name):
    folder, arch = HERE / name, ARCHS[name]
    c = json.loads((folder / "config.json").read_text())
    target = folder / "model.gguf"
    w = gguf.GGUFWriter(target, gguf.MODEL_ARCH_NAMES[arch])
    metadata(w, name, c)
    names = gguf.get_tensor_name_map(arch, c.get("num_hidden_layers", c.get("n_layer")))
    for path, x, kind in tensors(name, c, load_file(folder / "model.safetensors")):
        new = names.get_name(path, try_suffixes=(".weight", ".bias"))
        assert new, path
        if kind is None and x.ndim > 1 and path.endswith(".weight"):
            # What was bfloat16 stays so, exactly.
            x, kind = gguf.quants.quantize(np.ascontiguousarray(x), Q.BF16), Q.BF16
        w.add_tensor(new, np.ascontiguousarray(x), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return target


def llama_cpp(name, target):
    from llama_cpp import Llama
    golden = json.loads((HERE / name / "golden.json").read_text())
    model = Llama(str(target), n_ctx=64, logits_all=True, verbose=False, type_k=0, type_v=0, flash_attn=False)
    model.eval(golden["prompt"] + golden["greedy"][:-1])
    far = max(np.abs(model.scores[int(p)] - np.array(row)).max() / np.abs(row).max() for p, row in golden["logits"].items())
    return f"llama.cpp's logits differ from transformers' by {far:.1e}"


for name in sys.argv[1:] or ARCHS:
    target = make(name)
    try:
        print(name, target.stat().st_size, "bytes;", llama_cpp(name, target), flush=True)
    except Exception as e:
        print(name, target.stat().st_size, "bytes; llama.cpp:", e, flush=True)
