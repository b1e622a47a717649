#!/usr/bin/env python3
"""Synthesises one emitted unit for ASAP7 and prints its area, cells and critical path as one line of JSON.

    hardwire rtl CHIP -o unit --unit rope
    python3 rtl-gen/synth.py unit rope ../shared/pdk/asap7/asap7_rvt_tt_nopower.lib.gz [--ripple N]

Needs PyPI pyosys 0.70. hw_rom and hw_sram stay black boxes: a foundry macro takes their place, and the census counts their bits. Adders
of at most N bits (default 20) become chains of the library's full adder, which halves their area; wider ones are left to abc.
The Liberty has no wires: delays are cells only.
"""
import argparse
import glob
import gzip
import json
import os
import re
import shutil
import sys
import tempfile
import time

# ASAP7's full adder inverts both outputs and is self-dual: an odd bit takes inverted operands and the inverted carry.
ADDER = """
(* techmap_celltype = "$alu" *)
module ripple_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0; parameter B_SIGNED = 0; parameter A_WIDTH = 1; parameter B_WIDTH = 1; parameter Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_CI_ = 0; parameter _TECHMAP_CONSTMSK_BI_ = 0;
  input [A_WIDTH-1:0] A; input [B_WIDTH-1:0] B; input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire _TECHMAP_FAIL_ = Y_WIDTH > %d || Y_WIDTH < 3 || A_WIDTH == 0 || B_WIDTH == 0;
  wire [Y_WIDTH-1:0] AA, BB0;
  generate if (A_WIDTH > 0 && B_WIDTH > 0) begin : extend
    \\$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) ea (.A(A), .Y(AA));
    \\$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) eb (.A(B), .Y(BB0));
  end endgenerate
  wire [Y_WIDTH-1:0] BB = BI ? ~BB0 : BB0;
  assign X = AA ^ BB;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bit
    wire c, s;
    wire ci;
    if (i == 0) assign ci = CI; else assign ci = bit[i-1].c;
    if (i %% 2 == 0) begin
      FAx1_ASAP7_75t_R fa (.A(AA[i]), .B(BB[i]), .CI(ci), .CON(c), .SN(s));
      assign Y[i] = ~s;
      assign CO[i] = ~c;
    end else begin
      FAx1_ASAP7_75t_R fa (.A(~AA[i]), .B(~BB[i]), .CI(ci), .CON(c), .SN(s));
      assign Y[i] = s;
      assign CO[i] = c;
    end
  end endgenerate
endmodule
"""

FULL = """
(* techmap_celltype = "$fa" *)
module full_adders (A, B, C, X, Y);
  parameter WIDTH = 1;
  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  wire [WIDTH-1:0] c, s;
  assign X = ~c, Y = ~s;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bit
    FAx1_ASAP7_75t_R fa (.A(A[i]), .B(B[i]), .CI(C[i]), .CON(c[i]), .SN(s[i]));
  end endgenerate
endmodule
"""

BOXES = """
(* blackbox *) module hw_rom #(parameter WIDTH = 8, parameter DEPTH = 2, parameter AW = 1, parameter PORTS = 1, parameter FILE = "")
  (input clk, input en, input [PORTS*AW-1:0] addr, output [PORTS*WIDTH-1:0] data); endmodule
(* blackbox *) module hw_sram #(parameter WIDTH = 8, parameter DEPTH = 2, parameter AW = 1)
  (input clk, input we, input [AW-1:0] waddr, input [WIDTH-1:0] wdata, input re, input [AW-1:0] raddr, output [WIDTH-1:0] rdata); endmodule
"""


def main():
    args = argparse.ArgumentParser()
    args.add_argument("folder")
    args.add_argument("kind", help="unit kind, or a module name")
    args.add_argument("liberty")
    args.add_argument("--ripple", type=int, default=20)
    args.add_argument("--top", help="module to synthesise, with its default parameters or those of --set")
    args.add_argument("--set", action="append", default=[], help="NAME=VALUE")
    a = args.parse_args()
    from pyosys import libyosys as ys

    work = tempfile.mkdtemp(prefix="hw-synth-")
    lib = os.path.join(work, "cells.lib")
    opener = gzip.open if a.liberty.endswith(".gz") else open
    with opener(a.liberty, "rb") as src, open(lib, "wb") as dst:
        shutil.copyfileobj(src, dst)
    for name, text in (("adder.v", ADDER % a.ripple + FULL), ("boxes.v", BOXES)):
        with open(os.path.join(work, name), "w") as f:
            f.write(text)
    log = os.path.join(work, "log")
    design = ys.Design()
    start = time.time()
    top = a.top or "unit_" + a.kind
    files = [f for f in sorted(glob.glob(os.path.join(a.folder, "rtl", "*.v"))) if os.path.basename(f) not in ("hw_rom.v", "hw_sram.v", "hw_probe.v")]
    sets = " ".join("-chparam %s %s" % tuple(s.split("=", 1)) for s in a.set)
    script = os.path.join(work, "abc.script")
    with open(script, "w") as f:
        f.write("strash\ndch\nmap -B 0.9 -D 1000\ntopo\nbuffer -c -N 24\nupsize -D 1000\ndnsize -D 1000\nstime -p\n")
    steps = [
        "read_verilog %s/boxes.v" % work,
        "read_verilog -defer -I%s/rtl %s" % (a.folder, " ".join(files)),
        "hierarchy -check -top %s %s" % (top, sets),
        "proc", "flatten", "opt", "wreduce", "peepopt", "opt_clean",
        "booth", "alumacc", "opt", "memory -nomap", "memory_map", "opt -fast",
        "maccmap -unmap", "opt -fast", "techmap -map %s/adder.v" % work,
        "techmap", "opt -fast",
        "dfflegalize -cell $_DFF_P_ x", "opt -fast",
        "dfflibmap -liberty %s" % lib, "opt -fast",
        "tee -q -o %s/abc.log abc -liberty %s -script %s" % (work, lib, script),
        "opt_clean -purge",
        "tee -q -o %s/stat.json stat -json -liberty %s" % (work, lib),
    ]
    with open(log, "w") as sink:
        saved = os.dup(1)
        os.dup2(sink.fileno(), 1)
        try:
            for s in steps:
                ys.run_pass(s, design)
        finally:
            os.dup2(saved, 1)
    text = open(os.path.join(work, "stat.json")).read()
    stat = json.loads(text[text.index("{"):])["design"]
    delay = re.findall(r"Delay\s*=\s*([0-9.]+)\s*ps", open(os.path.join(work, "abc.log")).read())
    cells = stat["num_cells_by_type"]
    full = sum(n for c, n in cells.items() if c.startswith("FAx1"))
    flops = sum(n for c, n in cells.items() if c.startswith(("DFF", "DLL", "DHL")))
    boxes = {c: n for c, n in cells.items() if "hw_rom" in c or "hw_sram" in c}
    total = sum(cells.values()) - sum(boxes.values())
    print(json.dumps({"unit": a.kind, "um2": stat.get("area"), "cells": total, "flops": flops, "full_adders": full,
                      "delay_ps": float(delay[-1]) if delay else None, "seconds": round(time.time() - start, 1)}))
    shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
