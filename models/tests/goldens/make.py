"""Makes a tiny random checkpoint of every architecture, and what Hugging Face transformers computes with it.

Usage: python make.py [NAME ...] (needs torch, transformers, safetensors; made with transformers 5.23.0 and torch 2.15.0)

Each folder gets config.json, model.safetensors (bfloat16) and golden.json: prompt tokens, greedy tokens, and the float32 logits at
some positions. Weights are spread so that greedy text varies; a seed whose choices are close calls is passed over. Prompts are
longer than every sliding window.
"""
import json, sys
from pathlib import Path
import torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

HERE = Path(__file__).parent
VOCAB, PROMPT, GREEDY, WINDOW = 96, 24, 16, 8
# Logits are kept at these positions.
POSITIONS = [0, 9, PROMPT - 1, PROMPT + 7, PROMPT + GREEDY - 2]
# Greedy choices must be clear by this much, so that no rounding changes them.
MARGIN = 2e-3

COMMON = dict(
    vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
LLAMA3 = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
YARN = dict(rope_type="yarn", rope_theta=150000.0, factor=4.0, beta_fast=32.0, beta_slow=1.0, truncate=False, original_max_position_embeddings=32)
LONG = dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=64, short_factor=[1.0, 1.1, 1.3, 2.0], long_factor=[1.0, 2.0, 4.0, 8.0])
MODELS = {
    "llama": ("llama", dict(rope_parameters=LLAMA3, tie_word_embeddings=True)),
    "mistral": ("mistral", dict(sliding_window=WINDOW)),
    "qwen2": ("qwen2", dict(use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1)),
    "qwen2_full": ("qwen2", dict(tie_word_embeddings=True)),
    "qwen3": ("qwen3", dict(head_dim=16, tie_word_embeddings=True)),
    "smollm3": ("smollm3", dict(num_hidden_layers=4)),
    "olmo2": ("olmo2", {}),
    "phi3": ("phi3", dict(rope_parameters=LONG, max_position_embeddings=128, original_max_position_embeddings=64, sliding_window=WINDOW)),
    # Its prompt is past the original context: long factors at all positions.
    "phi3_long": ("phi3", dict(
        rope_parameters={**LONG, "original_max_position_embeddings": 16}, max_position_embeddings=64, original_max_position_embeddings=16,
        sliding_window=WINDOW,
    )),
    "phi3_partial": ("phi3", dict(rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5), tie_word_embeddings=True)),
    "gemma3": ("gemma3_text", dict(
        num_hidden_layers=3, head_dim=16, query_pre_attn_scalar=24, sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    )),
    "bitnet": ("bitnet", {}),
    "granite": ("granite", dict(
        embedding_multiplier=1.5, residual_multiplier=0.6, attention_multiplier=0.3, logits_scaling=6.0,
    )),
    "gpt2": ("gpt2", dict(n_embd=32, n_head=4, n_layer=2, n_positions=64)),
    "gpt2_erf": ("gpt2", dict(n_embd=32, n_head=4, n_layer=2, n_positions=64, activation_function="gelu")),
    "qwen3_moe_all": ("qwen3_moe", dict(head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, norm_topk_prob=True)),
    "qwen3_moe": ("qwen3_moe", dict(head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, norm_topk_prob=True, mlp_only_layers=[1])),
    "gpt_oss": ("gpt_oss", dict(
        head_dim=8, num_local_experts=4, num_experts_per_tok=2, intermediate_size=32, sliding_window=WINDOW, rope_parameters=YARN,
        layer_types=["sliding_attention", "full_attention"],
    )),
}
# Three layers with a state for one of attention, keys narrower than values, decays from fast to slow.
HYBRID = dict(
    head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=8, linear_value_head_dim=16, linear_conv_kernel_dim=4,
    max_position_embeddings=256, rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.25),
)
TWO = dict(num_hidden_layers=2, layer_types=["linear_attention", "full_attention"])
MIXED = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=32)
SIGHT = dict(depth=1, hidden_size=16, intermediate_size=16, num_heads=2, patch_size=2, out_hidden_size=32, num_position_embeddings=4)
MODELS["qwen3_5"] = ("qwen3_5_text", dict(HYBRID, num_hidden_layers=4, tie_word_embeddings=True))
MODELS["qwen3_5_whole"] = ("qwen3_5", dict(text_config=dict(COMMON, **HYBRID, **TWO), vision_config=SIGHT))
MODELS["qwen3_5_moe"] = ("qwen3_5_moe_text", dict(HYBRID, **TWO, **MIXED))
MODELS["qwen3_next"] = ("qwen3_next", dict(HYBRID, **TWO, **MIXED, norm_topk_prob=True))
MODELS["ernie4_5"] = ("ernie4_5", dict(head_dim=16, use_bias=True))
MODELS["arcee"] = ("arcee", {})
MODELS["seed_oss"] = ("seed_oss", dict(head_dim=16))
MODELS["olmo3"] = ("olmo3", dict(
    num_hidden_layers=4, sliding_window=WINDOW,
    rope_parameters=dict(full_attention={k: v for k, v in YARN.items() if k != "truncate"}, sliding_attention=dict(rope_type="default", rope_theta=500000.0)),
))
# Text parts of models that also see.
EYE = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4)
AXES = dict(rope_type="default", rope_theta=10000.0, mrope_section=[1, 1, 2])
MODELS["qwen2_5_vl"] = ("qwen2_5_vl", dict(
    text_config=dict(COMMON, rope_parameters=AXES), vision_config=dict(SIGHT, fullatt_block_indexes=[0], window_size=4),
))
MODELS["qwen3_vl"] = ("qwen3_vl", dict(
    text_config=dict(COMMON, head_dim=16, rope_parameters=dict(AXES, mrope_section=[4, 2, 2])), vision_config=dict(SIGHT, deepstack_visual_indexes=[0]),
))
MODELS["mistral3"] = ("mistral3", dict(
    text_config=dict(COMMON, model_type="mistral", head_dim=16, sliding_window=None), vision_config=dict(EYE, model_type="pixtral", head_dim=8), tie_word_embeddings=False,
))
# Texts long enough for a state to gather errors.
LONG_GREEDY = {"qwen3_5": 208, "qwen3_next": 208, "qwen3_5_whole": 104}
MODELS["gpt_oss_alpha"] = ("gpt_oss", {**MODELS["gpt_oss"][1], "swiglu_alpha": 1.25})
MODELS["gpt_oss_mxfp4"] = MODELS["gpt_oss"]
MODELS["bitnet_packed"] = MODELS["bitnet"]


def hybrid(name):
    return name.startswith(("qwen3_5", "qwen3_next"))


def randomise(model, name):
    """Weights whose outputs have about unit variance, gains around their neutral value, biases that matter."""
    for path, weight in model.named_parameters():
        with torch.no_grad():
            if "norm" in path or "ln_" in path:
                centred = name.startswith("gemma3") or (hybrid(name) and "linear_attn" not in path)
                neutral = 0.0 if centred or path.endswith("bias") else 1.0
                weight.normal_(neutral, 0.2)
            elif path.endswith("A_log"):
                weight.uniform_(-4, 1)
            elif weight.ndim == 1 or "bias" in path or "sinks" in path:
                weight.normal_(0, 0.3)
            elif "embed" in path or "wte" in path or "wpe" in path:
                weight.normal_(0, 0.2 if name.startswith("gemma3") else 1.0)
            elif "proj" in path and name.startswith("bitnet"):
                # Ternary, with one scale a matrix.
                weight.copy_(torch.randint(-1, 2, weight.shape) * (2.0 / weight.shape[1] ** 0.5))
            else:
                transposed = name.startswith("gpt2") or ("experts" in path and not hybrid(name))
                weight.normal_(0, 1.5 / weight.shape[-2 if transposed else -1] ** 0.5)


def to_mxfp4(folder):
    """The same model with its experts as blocks of 32 4-bit codes and a scale; also writes the bfloat16 weights they stand for."""
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors
    tensors = load_file(folder / "model.safetensors")
    plain = dict(tensors)
    for path in [p for p in tensors if p.endswith("experts.gate_up_proj") or p.endswith("experts.down_proj")]:
        experts, inputs, outputs = tensors.pop(path).shape
        blocks = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), dtype=torch.uint8)
        scales = torch.randint(122, 126, (experts, outputs, inputs // 32), dtype=torch.uint8)
        tensors[path + "_blocks"], tensors[path + "_scales"] = blocks, scales
        plain[path] = convert_moe_packed_tensors(blocks.clone(), scales.clone(), dtype=torch.bfloat16).contiguous()
    save_file(plain, folder / "model.safetensors", {"format": "pt"})
    return tensors


def to_ternary(folder):
    """The same model with its ternary matrices as codes, four rows in a byte, and a scale (`unpack_weights` of transformers)."""
    tensors = load_file(folder / "model.safetensors")
    for path in [p for p in tensors if "_proj.weight" in p]:
        weight = tensors[path].float()
        scale = weight.abs().max()
        codes = (weight / scale).round().to(torch.int32) + 1
        quarter = codes.shape[0] // 4
        tensors[path] = sum(codes[i * quarter : (i + 1) * quarter] << (2 * i) for i in range(4)).to(torch.uint8)
        tensors[path + "_scale"] = scale.to(torch.bfloat16).reshape(1)
    return tensors


def make(name, seed):
    kind, options = MODELS[name]
    torch.manual_seed(seed)
    own = ("num_", "hidden", "inter", "max_") if kind == "gpt2" else ("",) if "text_config" in options else ()
    common = {k: v for k, v in COMMON.items() if not k.startswith(own)}
    config = AutoConfig.for_model(kind, **{**common, **options})
    auto = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    model = auto.from_config(config)
    randomise(model, name)
    folder = HERE / name
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    packed = to_mxfp4(folder) if name.endswith("mxfp4") else to_ternary(folder) if name.endswith("packed") else None
    model = auto.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    if packed:
        save_file(packed, folder / "model.safetensors", {"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        ternary = {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}
        config["quantization_config"] = ternary if name.startswith("bitnet") else {"quant_method": "mxfp4", "modules_to_not_convert": []}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    prompt = torch.randint(3, VOCAB, (PROMPT,)).tolist()
    tokens, margins = list(prompt), []
    greedy_tokens = LONG_GREEDY.get(name, GREEDY)
    # Many tokens have closer calls among them.
    least = MARGIN if greedy_tokens == GREEDY else MARGIN / 4
    with torch.no_grad():
        for _ in range(greedy_tokens):
            # The whole text each time: no cache to differ by.
            logits = model(torch.tensor([tokens]), use_cache=False).logits[0]
            top = logits[-1].topk(2).values
            margins.append((top[0] - top[1]).item())
            if margins[-1] < least:
                return None
            tokens.append(logits[-1].argmax().item())
    greedy = tokens[PROMPT:]
    if len(set(greedy)) < 5:
        return None
    rows = {str(p): [float(f"{x:.7g}") for x in logits[p].tolist()] for p in [*POSITIONS, PROMPT + greedy_tokens - 2]}
    golden = {"transformers": transformers.__version__, "seed": seed, "prompt": prompt, "greedy": greedy, "logits": rows}
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    return min(margins), len(set(greedy))


for name in sys.argv[1:] or MODELS:
    found = next((seed, made) for seed in range(1, 100) if (made := make(name, seed)))
    size = sum(f.stat().st_size for f in (HERE / name).iterdir())
    print(f"{name}: seed {found[0]}, least margin {found[1][0]:.4f}, {found[1][1]} different tokens, {size} bytes")
