#!/usr/bin/env python3
"""Synthesises units for each FPGA family and records what they take: fpga/data/synthesis.csv, from which estimates are made.

    python3 fpga/calibrate.py target/debug/hardwire             # every family and chip; needs PyPI pyosys 0.70
    python3 fpga/calibrate.py target/debug/hardwire --family ecp5 --chip small

The chips are Llamas of random weights whose matrices are all of one shape, so that the census of a kind is that of each of its units.
"""
import argparse
import csv
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "data", "synthesis.csv")
SCRIPT = os.path.join(HERE, "data", "scripts", "synth.py")
FIELDS = ["family", "unit", "chip", "logic", "registers", "luts", "luts_without_dsps", "flops", "dsps", "brams"]
# Yosys's command, bits of a multiplier's factors: as src/files.rs and src/board.rs have them.
FAMILIES = {"ecp5": ("synth_ecp5", 18, 18), "ice40": ("synth_ice40 -dsp", 16, 16), "gowin": ("synth_gowin", 18, 18),
            "xilinx": ("synth_xilinx -family xc7", 25, 18)}
# Hidden size, heads and options.
CHIPS = {"small": (16, 2, "--lanes 2 --group 16 --act-bits 8 --kv-bits 4 --context 64 --pos-lanes 1".split()),
         "wide": (32, 4, "--lanes 4 --group 32 --act-bits 12 --kv-bits 8 --context 128 --pos-lanes 1".split())}
MANY = 1 << 20  # multipliers
# Units of several modules, of which only the first is emitted alone.
SEVERAL = ("embed", "argmax")


def checkpoint(folder, hidden, heads):
    os.makedirs(folder)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": hidden,
              "num_hidden_layers": 1, "num_attention_heads": heads, "num_key_value_heads": heads, "head_dim": hidden // heads,
              "vocab_size": hidden, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
              "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "float32"}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)
    layer = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
    square = ["model.embed_tokens"] + ["model.layers.0." + name for name in layer]
    norms = ["model.norm", "model.layers.0.input_layernorm", "model.layers.0.post_attention_layernorm"]
    draw, header, data = random.Random(1), {}, b""
    for name, shape in [(n, [hidden, hidden]) for n in square] + [(n, [hidden]) for n in norms]:
        count = hidden * (hidden if len(shape) == 2 else 1)
        values = struct.pack("<%df" % count, *(draw.gauss(1 if len(shape) == 1 else 0, 0.3) for _ in range(count)))
        header[name + ".weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def synthesise(folder, family, kind, dsps):
    command, wide, narrow = FAMILIES[family]
    args = [sys.executable, SCRIPT, command, str(dsps), str(wide), str(narrow), "unit_" + kind]
    done = subprocess.run(args, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit("%s %s: %s" % (family, kind, done.stderr))
    with open(os.path.join(folder, "build", "synth.json")) as f:
        return json.load(f)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("hardwire")
    args.add_argument("--family", choices=FAMILIES)
    args.add_argument("--chip", choices=CHIPS)
    args.add_argument("--unit")
    a = args.parse_args()
    hardwire = os.path.abspath(a.hardwire)
    rows = []
    if os.path.exists(TABLE):
        with open(TABLE) as f:
            f.readline()
            rows = list(csv.DictReader(f))
    work = tempfile.mkdtemp(prefix="hw-fpga-")
    run = lambda *words: subprocess.run([hardwire, "-q", *words], check=True, capture_output=True, text=True).stdout
    for chip in [a.chip] if a.chip else CHIPS:
        hidden, heads, options = CHIPS[chip]
        model, folder = os.path.join(work, chip + "-model"), os.path.join(work, chip + ".chip")
        checkpoint(model, hidden, heads)
        run("compile", model, "-o", folder, *options)
        for of in json.loads(run("inspect", folder, "--json"))["units"]:
            kind, n, c = of["kind"], of["units"], of["census"]
            if a.unit not in (None, kind) or kind in SEVERAL:
                continue
            # As estimate::logic weighs it.
            logic = (c["full_adders"] + c["adder_bits"] + c["mux2"] / 2 + c["gates"] / 3) / n
            rtl = os.path.join(work, chip + "-" + kind)
            run("rtl", folder, "--unit", kind, "-o", rtl)
            for family in [a.family] if a.family else FAMILIES:
                without, of = synthesise(rtl, family, kind, 0), synthesise(rtl, family, kind, MANY)
                row = {"family": family, "unit": kind, "chip": chip, "logic": round(logic, 1), "registers": round(c["flops"] / n, 1), "luts": of["luts"],
                       "luts_without_dsps": without["luts"], "flops": of["flops"], "dsps": of["dsps"], "brams": of["brams"]}
                rows = [r for r in rows if (r["family"], r["unit"], r["chip"]) != (family, kind, chip)] + [row]
                rows.sort(key=lambda r: (list(FAMILIES).index(r["family"]), r["unit"], r["chip"]))
                print(*row.values(), file=sys.stderr, flush=True)
                out = io.StringIO()
                table = csv.DictWriter(out, FIELDS, lineterminator="\n")
                table.writeheader()
                table.writerows(rows)
                chips = "; ".join("%s: hidden %d, %d heads, %s" % (k, h, n, " ".join(o)) for k, (h, n, o) in CHIPS.items())
                with open(TABLE, "w") as f:
                    f.write("# Measured by fpga/calibrate.py with pyosys 0.70, each unit alone. Chips: %s.\n" % chips + out.getvalue())


if __name__ == "__main__":
    main()
