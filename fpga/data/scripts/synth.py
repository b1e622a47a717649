#!/usr/bin/env python3
"""Synthesises the board's top: build/board.json, and what it takes in build/synth.json. Needs Yosys as a Python module (PyPI: pyosys).

The widest products get the part's multipliers, as many as it has; the others become look-up tables. Run in this folder; same inputs, same netlist.
"""
import collections
import json
import os
import sys

from pyosys import libyosys as ys

COMMAND, DSPS, WIDE, NARROW = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
TOP = sys.argv[5] if len(sys.argv) > 5 else "hardwire_board"
PREPARE = "proc; flatten; opt_expr; opt_clean; opt -nodffe -nosdff; fsm; opt; wreduce; peepopt; opt_clean"

os.makedirs("build", exist_ok=True)
saved = os.dup(1)
os.dup2(os.open("build/synth.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
design = ys.Design()


def run(step):
    ys.run_pass(step, design)


run("script files.ys")
run("hierarchy -check -top " + TOP)
for step in PREPARE.split(";"):
    run(step.strip())

# Multipliers that each product would take.
products = []
for name, cell in design.top_module().cells_.items():
    if cell.type.str() == "$mul":
        a, b = sorted((cell.getParam(ys.IdString("\\" + p)).as_int() for p in ("A_WIDTH", "B_WIDTH")), reverse=True)
        products.append((a * b, a, b, name.str(), -(-a // WIDE) * -(-b // NARROW)))
products.sort(key=lambda p: (-p[0], p[3]))
left, soft = DSPS, []
for _, a, b, name, takes in products:
    if takes <= left and b > 2:
        left -= takes
    else:
        soft.append(name)
if soft:
    run("select -none")
    for name in soft:
        run("select -add %s/%s" % (TOP, name[1:] if name.startswith("\\") else name))
    run("select -set soft %")
    run("select -clear")
    run("booth @soft")
    run("opt_clean")
run("%s -top %s" % (COMMAND, TOP))
# Notes on where cells came from, which older place and route takes for cells.
run("delete t:$scopeinfo")
run("write_json build/board.json")
run("write_verilog -noattr build/board.v")
run("tee -q -o build/stat.json stat -json")
os.dup2(saved, 1)
text = open("build/stat.json").read()
cells = json.loads(text[text.index("{"):])["design"]["num_cells_by_type"]
count = lambda *names: sum(n for c, n in cells.items() if c.startswith(names))
used = {
    # A carry cell is two look-up tables of an ECP5 and stands beside one of the others; a distributed RAM is four of a Lattice part and a third more for its port.
    "luts": count("LUT", "SB_LUT4") + 2 * count("CCU2C") + count("ALU") + 6 * count("TRELLIS_DPR16X4", "TRELLIS_RAMW") + 4 * count("RAM16SDP4") + 4 * count("RAM32M", "RAM64M"),
    "flops": count("TRELLIS_FF", "SB_DFF", "DFF", "FD"),
    "dsps": count("MULT18X18", "SB_MAC16", "DSP48E1") + 2 * count("MULT36X36") + count("MULT9X9"),
    "brams": count("DP16KD", "PDPW16KD", "SB_RAM40", "SDP", "DPB", "DPX9B", "SP", "pROM", "RAMB36") + 0.5 * count("RAMB18"),
    "products": len(products), "products_in_luts": len(soft), "cells": dict(sorted(cells.items())),
}
json.dump(used, open("build/synth.json", "w"), indent=1)
