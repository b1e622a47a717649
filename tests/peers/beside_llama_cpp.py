"""llama.cpp's quantizer on the float source the chip is compiled from, judged on the tokens that `hardwire evaluate` judges.

    python -m venv VENV && VENV/bin/pip install gguf llama-cpp-python     # the second is built from source: a C++ compiler, minutes
    VENV/bin/python tests/peers/beside_llama_cpp.py MODEL.gguf --text FILE [--tokens 2048,15872] [--recipes Q4_0,Q4_K_M,Q3_K_M] [--plain]

MODEL.gguf is taken as the source: its tensors are written out in float32, that file is quantized by llama_model_quantize under each
recipe as llama.cpp does it by default (its own choice of a type for each tensor; no importance matrix), and float32 and all recipes
predict every token of the text's beginning, in windows of 512 that start from nothing, no begin token added: what `hardwire evaluate
--window 512` does. The files are put into --work and used again if they are there.

Printed, a Markdown row a recipe and number of tokens: bits a weight over all matrices, with a tied embedding counted once (as the file
has it) and twice (as a chip has it: an embedding and a head); perplexity, and over float32's; KL(float32 || recipe) in nats; share of
positions with the same greedy token. llama.cpp computes with 8-bit activations; a row "weights only" has the recipe's weights in float32
(with --plain), and a row "pure" has every matrix in the recipe's base type, embedding and head included (with --pure). The types that
each recipe gave to how many weights are on stderr.
"""
import argparse, ctypes, sys
from collections import Counter
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
from gguf.quants import dequantize

WINDOW = 512


def rewrite(source, target):
    """A copy of a GGUF file with every tensor in float32."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type", "general.quantization_version"):
            continue
        sub_type = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type)
    for t in reader.tensors:
        writer.add_tensor(t.name, np.asarray(dequantize(t.data, t.tensor_type), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantize(source, target, recipe, pure):
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{recipe}")
    params.pure = pure
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)) != 0:
        sys.exit(f"{target}: llama_model_quantize failed")


def bits(path):
    """Bits a weight of all matrices, the embedding counted once, and counted again as the head where the file has no head."""
    matrices = [t for t in gguf.GGUFReader(path).tensors if len(t.shape) > 1]
    size = lambda ts: (sum(int(t.n_bytes) * 8 for t in ts), sum(int(t.n_elements) for t in ts))
    types = Counter()
    for t in matrices:
        types[t.tensor_type.name] += int(t.n_elements)
    print(f"{path.name}: {', '.join(f'{n} {count / 1e6:.1f} M' for n, count in types.most_common())}", file=sys.stderr)
    tied = all(t.name != "output.weight" for t in matrices)
    (b, n), (again_b, again_n) = size(matrices), size([t for t in matrices if tied and t.name == "token_embd.weight"])
    return b / n, (b + again_b) / (n + again_n)


class Model:
    def __init__(self, path, threads):
        self.bits = bits(path)
        self.llama = llama_cpp.Llama(
            str(path), n_ctx=WINDOW, n_batch=WINDOW, n_threads=threads, n_threads_batch=threads, logits_all=True, verbose=False
        )

    def tokens(self, text):
        return self.llama.tokenize(text, add_bos=False, special=False)

    def log_probabilities(self, window):
        """[position][token], natural logarithms."""
        self.llama.reset()
        self.llama.eval(window)
        x = self.llama.scores[: len(window)].astype(np.float64)
        x -= x.max(axis=1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("model", type=Path)
    p.add_argument("--text", type=Path, required=True)
    p.add_argument("--tokens", default="2048", help="numbers of predictions to judge, ascending, by commas")
    p.add_argument("--recipes", default="Q4_0,Q4_K_M,Q3_K_M")
    p.add_argument("--plain", action="store_true", help="also with the weights in float32")
    p.add_argument("--pure", action="store_true", help="also with every matrix in the base type")
    p.add_argument("--threads", type=int, default=1, help="more only on an idle machine: llama.cpp's wait for each other awake")
    p.add_argument("--work", type=Path, default=Path("target/llama_cpp"))
    args = p.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    def made(name, make):
        path = args.work / name
        if not path.exists():
            make(path.with_suffix(".partial"))
            path.with_suffix(".partial").rename(path)
        return path

    source = made(f"{args.model.stem}-f32.gguf", lambda to: rewrite(args.model, to))
    files = {"float32": source}
    for recipe in args.recipes.split(","):
        for pure in (False, True)[: 1 + args.pure]:
            name = recipe + " pure" * pure
            stem = f"{args.model.stem}-{name.replace(' ', '-')}"
            files[name] = made(f"{stem}.gguf", lambda to: quantize(source, to, recipe, pure))
            if args.plain:
                files[f"{name}, weights only"] = made(f"{stem}-f32.gguf", lambda to: rewrite(files[name], to))
    models = {name: Model(path, args.threads) for name, path in files.items()}
    for name in models:
        # A file of float32 weights has the bits of the one it was made of.
        models[name].bits = models[name.removesuffix(", weights only")].bits

    counts = [int(n) for n in args.tokens.split(",")]
    if any(n % WINDOW for n in counts):
        sys.exit(f"--tokens: multiples of {WINDOW}, the window")
    ids = models["float32"].tokens(args.text.read_bytes())[: counts[-1] + 1]
    if len(ids) != counts[-1] + 1:
        sys.exit(f"{args.text}: {len(ids)} tokens, expected one more than {counts[-1]}")
    print(f"first tokens: {ids[:12]}", file=sys.stderr)
    print("| llama.cpp | bits a weight: in the file, head counted | tokens | perplexity | over float32 | KL, nats | same greedy token |")
    print("|---|---|---|---|---|---|---|")
    sums = {name: np.zeros(3) for name in models}
    for first in range(0, counts[-1], WINDOW):
        window, following = ids[first : first + WINDOW], np.array(ids[first + 1 : first + WINDOW + 1])
        window = window[: len(following)]
        at = np.arange(len(window))
        exact = models["float32"].log_probabilities(window)
        for name, model in models.items():
            found = exact if name == "float32" else model.log_probabilities(window)
            loss = -found[at, following].sum()
            divergence = (np.exp(exact) * (exact - found)).sum()
            sums[name] += (loss, divergence, (exact.argmax(axis=1) == found.argmax(axis=1)).sum())
        done = first + len(window)
        print(f"{done} tokens", file=sys.stderr)
        if done in counts:
            float_loss = sums["float32"][0] / done
            for name, model in models.items():
                loss, divergence, same = sums[name] / done
                print(
                    f"| {name} | {model.bits[0]:.3f}, {model.bits[1]:.3f} | {done} | {np.exp(loss):.3f} | "
                    f"{np.exp(loss - float_loss):.4f} | {divergence:.4f} | {100 * same:.1f} % |",
                    flush=True,
                )


main()
