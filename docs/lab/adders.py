"""Adder graphs beside da4ml: adders, depth and CPU seconds of both on the same matrices, as the table of docs/lab/adders.md.

    python -m venv venv && venv/bin/pip install 'da4ml==0.6.*'
    OMP_NUM_THREADS=2 venv/bin/python docs/lab/adders.py target/release/hardwire [SIDES]

SIDES: such as 16,32,64. Both use two threads; seconds are the least of three calls, wall clock, da4ml's around `solve`, ours as printed.
"""
import json, os, subprocess, sys, tempfile, time
import numpy as np
from da4ml.cmvm import solve

KINDS = {"8-bit": (-128, 128), "4-bit": (-8, 8), "ternary": (-1, 2), "sparse": None}


def matrix(kind, rows, columns, seed):
    r = np.random.default_rng(seed)
    return r.choice([-1, 0, 0, 1], (rows, columns)) if kind == "sparse" else r.integers(*KINDS[kind], (rows, columns))


def theirs(m, dc):
    best = 1e9
    for _ in range(3 if m.size <= 1024 else 1):
        start = time.perf_counter()
        s = solve(m.astype(np.float32), hard_dc=dc)
        best = min(best, time.perf_counter() - start)
    return sum(op.opcode in (0, 1) for stage in s.solutions for op in stage.ops), int(s.latency[1]), best


def ours(hardwire, m, dc):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.npy")
        np.save(path, m)
        args = [hardwire, "adders", path, "--json"] + ([] if dc < 0 else ["--depth-above", str(dc)])
        runs = [json.loads(subprocess.check_output(args)) for _ in range(3)]
    return runs[0]["adders"], runs[0]["depth"], min(r["wall_s"] for r in runs)


def main():
    hardwire = sys.argv[1]
    sides = [int(s) for s in (sys.argv[2] if len(sys.argv) > 2 else "16,32,64").split(",")]
    print("| kind | side | hard_dc | da4ml | ours | depths | da4ml ms | ours ms |\n|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        for side in sides:
            for dc in (-1, 0, 1, 2):
                a, b = [], []
                for seed in range(3 if side <= 64 else 1):
                    m = matrix(kind, side, side, seed)
                    a.append(theirs(m, dc))
                    b.append(ours(hardwire, m, dc))
                mean = lambda v, i: sum(x[i] for x in v) / len(v)
                print(f"| {kind} | {side} | {dc} | {mean(a, 0):.1f} | {mean(b, 0):.1f} | {mean(a, 1):.0f}/{mean(b, 1):.0f} | "
                      f"{1e3 * mean(a, 2):.1f} | {1e3 * mean(b, 2):.1f} |", flush=True)


if __name__ == "__main__":
    main()
