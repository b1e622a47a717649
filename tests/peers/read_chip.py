#!/usr/bin/env python3
"""An independent reader of a chip folder, written from docs/chip-format.md with the standard library alone.

    read_chip.py CHIP CHECKPOINT UNIT...

prints, for each unit, how many of its weights are the checkpoint's numbers exactly; exits 1 if one is not. CHECKPOINT is a safetensors file of
F16 tensors whose matrices the chip keeps exactly.
"""

import json
import struct
import sys
from pathlib import Path

FORMAT = 5


def read_structure(chip):
    manifest = json.loads((chip / "manifest.json").read_text())
    if manifest["format"] != FORMAT:
        sys.exit(f"format {manifest['format']}, expected {FORMAT}")
    for name in manifest["files"]:
        if not (chip / name).is_file():
            sys.exit(f"{name} is in the manifest and not in the folder")
    return json.loads((chip / "chip.json").read_text())


def section(program, where):
    part = program[where["offset"] : where["offset"] + where["bytes"]]
    assert len(part) == where["bytes"] and where["offset"] % 64 == 0, where
    return part


def integers(data, width):
    return struct.unpack(f"<{len(data) // width}{ {1: 'b', 2: 'h', 4: 'i'}[width] }", data) if data else ()


def source_row(rows, n):
    if not rows:
        return n
    d, r = rows["interleave"]["head_dim"], rows["interleave"]["rotated"]
    i = n % d
    return n - i + i // 2 + i % 2 * r // 2 if i < r else n


def matrix(structure, program, path):
    """Rows of the tensor, and its name."""
    graph = structure["netlist"]["graph"]
    index, unit = next((i, u) for i, u in enumerate(graph["nodes"]) if u["path"] == path)
    m = unit["kind"]["matrix"]
    r = structure["programs"][m["program"]]
    assert r["type"] == "matrix" and (r["outputs"], r["inputs"]) == (m["outputs"], m["inputs"])
    feeds = [graph["nodes"][a]["out"]["frac"] for a, b, e in graph["edges"] if b == index and e["port"] == 0]
    base = (feeds[0] if feeds else 0) - unit["out"]["frac"]
    codes = section(program, r["codes"])
    scales = integers(section(program, r["scales"]), r["scale_bytes"])
    offsets = integers(section(program, r["offsets"]), r["offset_bytes"] or 1)
    shifts = integers(section(program, r["shifts"]), 2)
    bits, groups = m["code_bits"], r["groups"]
    assert r["stride"] == (m["inputs"] * bits + 127) // 128 * 16
    out = [None] * m["outputs"]
    for n in range(m["outputs"]):
        row = int.from_bytes(codes[n * r["stride"] : (n + 1) * r["stride"]], "little")
        unit_value = 2.0 ** (base - shifts[n])
        values = []
        for k in range(m["inputs"]):
            at = n * groups + k // m["group"]
            code = row >> (k * bits) & ((1 << bits) - 1)
            values.append((scales[at] * m["codebook"][code] + (offsets[at] if offsets else 0)) * unit_value)
        out[source_row(m.get("rows"), n)] = values
    return m["tensor"], out


def tensor(checkpoint, name):
    """Rows of an F16 matrix of a safetensors file."""
    data = checkpoint.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    entry = json.loads(data[8 : 8 + length])[name]
    assert entry["dtype"] == "F16", entry
    start, end = entry["data_offsets"]
    rows, columns = entry["shape"]
    flat = struct.unpack(f"<{rows * columns}e", data[8 + length + start : 8 + length + end])
    return [list(flat[n * columns : (n + 1) * columns]) for n in range(rows)]


def main():
    chip, checkpoint = Path(sys.argv[1]), Path(sys.argv[2])
    structure = read_structure(chip)
    program = (chip / "program.bin").read_bytes()
    wrong = 0
    for path in sys.argv[3:]:
        name, ours = matrix(structure, program, path)
        theirs = tensor(checkpoint, name)
        assert len(ours) == len(theirs) and len(ours[0]) == len(theirs[0])
        same = sum(a == b for x, y in zip(ours, theirs) for a, b in zip(x, y))
        total = len(theirs) * len(theirs[0])
        print(f"{path}: {same} of {total}")
        wrong += total - same
    sys.exit(1 if wrong else 0)


main()
