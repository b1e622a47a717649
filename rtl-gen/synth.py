#!/usr/bin/env python3
"""Synthesises library modules for ASAP7 and records area, cells and critical path: compiler/data/synthesis.csv.

    python3 rtl-gen/synth.py ../shared/pdk/asap7/asap7_rvt_tt_nopower.lib.gz            # what is out of date, then constants and docs
    python3 rtl-gen/synth.py LIBERTY --row rope V=2 LEN=16 HEAD_DIM=8 ROTATED=8 IB=24 OB=24 PAIRS=4     # one module, printed
    python3 rtl-gen/synth.py LIBERTY --only rope --figures-only                         # some rows measured, nothing else written
    python3 rtl-gen/synth.py LIBERTY --all --jobs 1                                     # every row again, one at a time
    python3 rtl-gen/synth.py --check                                                    # fails if a row is out of date; needs no tools

Needs PyPI pyosys 0.70 and OpenSTA (Debian: opensta). The rows are what rtl-gen emits for the units of rtl-gen/tests/calibration, which also
fits the cost model's constants to a part of them and writes the tables of docs/calibration.md. A row keeps its figures as long as its
parameters, the Verilog of its module and how it is mapped are the same. Each row is mapped in a process of its own: the mapper breaks ties by
names, which count up through a process. Registers with a common enable share a clock gate. ROM and SRAM
are outside (rtl-gen/synth/boxes.v): their data come 250 ps after the clock, their addresses are taken like a flop's data. The wires of metal
embedding are random codes. Delays are cells only: the Liberty has no wires, typical corner.
"""
import argparse
import concurrent.futures
import csv
import glob
import gzip
import hashlib
import inspect
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "synth"))

import carry_save

TABLE = os.path.join(HERE, "..", "compiler", "data", "synthesis.csv")
TEMPLATES = os.path.join(HERE, "templates", "lib")
KEYS = ["module", "row", "use", "parameters"]
FIGURES = ["verilog", "um2", "cells", "flops", "full_adders", "path_ps"]
# The mapper does not see through full adders, so each stretch of logic between them is asked to be fast.
STRETCH_PS = 200
SCRIPT = "strash\ndch\nmap -B 0.9 -D {0}\ntopo\nbuffer -c -N 12\nupsize -D {0}\ndnsize -D {0}\n".format(STRETCH_PS)
# Which weight a wire has is known before sums are formed.
WIRED = ["memory -nomap", "memory_map", "opt", "simplemap t:$and t:$or t:$not t:$mux", "opt", "wreduce"]
# Macros of a foundry: outside, so a row does not depend on their text, but on the ports in boxes.v.
MACROS = ("hw_rom.v", "hw_sram.v")
SLOW = "-dont_use *xp33* -dont_use HB* -dont_use INVxp67* -dont_use *DC_*"


def steps(work, module, parameters, chain):
    lib = os.path.join(work, "cells.lib")
    maps = os.path.join(HERE, "synth")
    skipped = (*MACROS, "hw_probe.v")
    files = [f for f in sorted(glob.glob(os.path.join(TEMPLATES, "*.v"))) if os.path.basename(f) not in skipped]
    if module == "hw_metal":
        files = [wired(work, f, parameters) if os.path.basename(f) == "hw_metal.v" else f for f in files]
    # Yosys takes no negative numbers here, but their bits.
    constant = lambda value: "32'b{:032b}".format(int(value) & 0xffffffff) if value.startswith("-") else value
    sets = " ".join("-chparam %s %s" % (name, constant(value)) for name, value in (p.split("=", 1) for p in parameters))
    adders = "techmap -D CHAIN=%d -map %s/adders.v" % (chain, maps)
    return [
        "read_verilog -lib %s/boxes.v" % maps,
        "read_verilog -defer -I%s %s" % (TEMPLATES, " ".join(files)),
        "hierarchy -check -top %s %s" % (module, sets), "rename -top %s" % module,
        "proc", "flatten", "opt -mux_undef", "wreduce", "peepopt", "opt_clean", *(WIRED if module == "hw_metal" else []),
        "techmap -autoproc -map %s/booth.v" % maps, "opt", "wreduce", "alumacc", "opt", "memory -nomap", "memory_map", "opt",
        "maccmap", "opt -fast", adders, "opt -fast", adders,
        "read_verilog -icells -defer %s/prefix.v" % maps, "hierarchy -top %s" % module, "proc", "techmap", "opt",
        "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x", "opt_clean",
        "clockgate -min_net_size 4 -pos ICGx1_ASAP7_75t_R ENA:CLK:GCLK -tie_lo SE",
        "dfflegalize -cell $_DFF_P_ x", "opt -fast",
        "dfflibmap -dont_use DFFHQx4* -dont_use DFFLQ* -dont_use *SDF* -liberty %s" % lib, "opt -fast",
        "abc -liberty %s %s -script %s/abc.script" % (lib, SLOW, work),
        "flatten", "opt_clean -purge",
        "read_liberty -lib -ignore_miss_func %s" % lib,
        "write_json %s/mapped.json" % work,
    ], [
        "design -reset",
        "read_json %s/buffered.json" % work,
        "tee -q -o %s/stat.json stat -json -liberty %s" % (work, lib),
        "expose -evert t:hw_rom t:hw_sram",
        "write_verilog -noattr -noexpr %s/net.v" % work,
    ]


def with_trees(mapping, work, module):
    """The steps of a module that has trees of hw_compress: those, and all its other sums, become cells in carry_save.py."""
    maps = os.path.join(HERE, "synth")
    box, plain = os.path.join(work, "box.v"), os.path.join(work, "adders.v")
    with open(box, "w") as f:
        f.write(carry_save.BOX)
    with open(plain, "w") as f:
        f.write(carry_save.without_bits(open("%s/adders.v" % maps).read()))
    mapping = [step.replace(os.path.join(TEMPLATES, "hw_compress.v"), "") for step in mapping]
    at = next(i for i, step in enumerate(mapping) if "adders.v" in step)
    before, after = os.path.join(work, "sums.json"), os.path.join(work, "placed.json")
    return ["read_verilog -lib %s" % box, *mapping[:at], mapping[at].replace("%s/adders.v" % maps, plain), "opt -fast", "opt_clean",
            "write_json %s" % before, lambda: carry_save.place(before, after, module), "design -reset", "read_json %s" % after,
            *mapping[at + 2:]]


def wired(work, file, parameters):
    """hw_metal.v with an image of random codes in place of the emitted one."""
    of = {name: int(value) for name, value in (p.split("=", 1) for p in parameters) if value.isdigit()}
    bits = of["INPUTS"] * of["CODE_BITS"]
    draw = random.Random(1)
    image = os.path.join(work, "wires.hex")
    with open(image, "w") as f:
        for _ in range(of["OUTPUTS"]):
            f.write("%0*x\n" % ((bits + 3) // 4, draw.getrandbits(bits)))
    copy = os.path.join(work, "hw_metal.v")
    with open(copy, "w") as f:
        f.write(open(file).read().replace('parameter WIRES = ""', 'parameter WIRES = "%s"' % image))
    return copy


def sources(module):
    """Texts of a module and all it instantiates or includes, by file; comments, checks (hw_check.vh), macros and what only chips have whose
    layers share silicon (hw_layers.vh) left out."""
    found, left = {}, [module + ".v"]
    while left:
        name = left.pop()
        path = os.path.join(TEMPLATES, name)
        if name in found or name in MACROS or not os.path.exists(path):
            continue
        text = re.sub(r"`ifdef HW_LAYERS\n(?:(?!`else|`endif).*\n)*(?:`else\n((?:(?!`endif).*\n)*))?`endif\n", r"\1", open(path).read())
        found[name] = re.sub(r'\s*(//|`include "hw_(check|layers).vh"|`HW_REQUIRE\().*', "", text)
        found[name] = re.sub(r"`HW_IMAGE\((.*)\)", r"initial $readmemh(\1);", found[name])
        left += [m + ".v" for m in re.findall(r"\bhw_\w+", found[name])] + re.findall(r'`include "(\w+\.vh)"', found[name])
    return found


def verilog(module):
    """Digest of a module, all it instantiates, the macros it uses, and how it is mapped."""
    found = sources(module)
    modules = [found[name] for name in sorted(found) if not name.endswith(".vh")]
    macros = {m[1]: m[0] for name in sorted(found) if name.endswith(".vh") for m in re.finditer(r"^`define (\w+)(?:.*\\\n)*.*\n", found[name], re.M)}
    used, open_texts = set(), list(modules)
    while open_texts:
        for name in set(re.findall(r"`(\w+)", open_texts.pop())) & macros.keys() - used:
            used.add(name)
            open_texts.append(macros[name])
    texts = modules + [macros[name] for name in sorted(used)] + [open(f).read() for f in sorted(glob.glob(os.path.join(HERE, "synth", "*.v")))]
    texts += [inspect.getsource(part) for part in (steps, buffers)] + [STA, SCRIPT, SLOW, *(WIRED if module == "hw_metal" else [])]
    if "hw_compress.v" in found:
        texts += [inspect.getsource(with_trees), inspect.getsource(carry_save)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def buffers(source, sink, module):
    """A tree of buffers on every net of more than 16 inputs but the clocks, a full adder's counted as three, and of more than 3 where a full
    adder drives it: the mapper sees no load on flops and full adders."""
    design = json.load(open(source))
    top = design["modules"][module]
    fresh = max(b for n in top["netnames"].values() for b in n["bits"] if isinstance(b, int)) + 1
    inputs = {}
    for name, cell in top["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input" and port not in ("CLK", "clk"):
                for i, bit in enumerate(bits):
                    inputs.setdefault(bit, []).append((name, port, i))
    load = {name: 3 if cell["type"].startswith("FAx1") else 1 for name, cell in top["cells"].items()}
    weak = {cell["connections"][port][0] for cell in top["cells"].values() if cell["type"].startswith("FAx1")
            for port in ("CON", "SN") if port in cell["connections"]}
    for net, sinks in inputs.items():
        if not isinstance(net, int) or sum(load[name] for name, _, _ in sinks) <= (3 if net in weak else 16):
            continue
        kind, share = "BUFx4_ASAP7_75t_R", 12
        while len(sinks) > 6 or kind == "BUFx4_ASAP7_75t_R":
            above, left = [], 0
            for name, port, i in sinks:
                if left < load.get(name, 1):
                    buffer = "fanout_%d" % fresh
                    top["cells"][buffer] = {"hide_name": 0, "type": kind, "parameters": {}, "attributes": {},
                                            "port_directions": {"A": "input", "Y": "output"}, "connections": {"A": [net], "Y": [fresh]}}
                    above.append((buffer, "A", 0))
                    fresh, left = fresh + 1, share
                top["cells"][name]["connections"][port][i] = fresh - 1
                left -= load.get(name, 1)
            sinks, kind, share = above, "BUFx8_ASAP7_75t_R", 8
    json.dump(design, open(sink, "w"))


STA = """read_liberty {work}/cells.lib
read_verilog {work}/net.v
link_design {module}
create_clock -name clk -period 1000 [get_ports clk]
set_input_delay 40 -clock clk [all_inputs]
foreach p [get_ports *data*] {{
  if {{[get_property $p direction] == "input" && [string match *.* [get_property $p full_name]]}} {{ set_input_delay 250 -clock clk $p }}
}}
set_output_delay 0 -clock clk [all_outputs]
report_checks -path_delay max -digits 1
exit
"""


def synthesise(liberty, module, parameters):
    """Figures of one module. CHAIN=n among the parameters: sums of n bits, like those of up to 4, are carry chains of full adders."""
    from pyosys import libyosys as ys

    chain = next((int(p.split("=")[1]) for p in parameters if p.startswith("CHAIN=")), 0)
    parameters = [p for p in parameters if not p.startswith("CHAIN=")]
    work = tempfile.mkdtemp(prefix="hw-synth-")
    opener = gzip.open if liberty.endswith(".gz") else open
    with opener(liberty, "rb") as source, open(os.path.join(work, "cells.lib"), "wb") as sink:
        shutil.copyfileobj(source, sink)
    with open(os.path.join(work, "abc.script"), "w") as f:
        f.write(SCRIPT)
    design = ys.Design()
    log = open(os.path.join(work, "log"), "w")
    saved = os.dup(1)
    os.dup2(log.fileno(), 1)
    try:
        mapping, measuring = steps(work, module, parameters, chain)
        if "hw_compress.v" in sources(module):
            mapping = with_trees(mapping, work, module)
        for step in mapping:
            step() if callable(step) else ys.run_pass(step, design)
        buffers(os.path.join(work, "mapped.json"), os.path.join(work, "buffered.json"), module)
        for step in measuring:
            ys.run_pass(step, design)
    finally:
        os.dup2(saved, 1)
    text = open(os.path.join(work, "stat.json")).read()
    stat = json.loads(text[text.index("{"):])["design"]
    cells = stat["num_cells_by_type"]
    count = lambda *starts: sum(n for c, n in cells.items() if c.startswith(starts))
    with open(os.path.join(work, "sta.tcl"), "w") as f:
        f.write(STA.format(work=work, module=module))
    report = subprocess.run(["sta", "-no_splash", "-exit", os.path.join(work, "sta.tcl")], capture_output=True, text=True).stdout
    slack = re.search(r"\n\s+(-?[0-9.]+)\s+slack", report)
    if slack is None:
        raise SystemExit("%s: no path in the report of sta:\n%s" % (module, report))
    shutil.rmtree(work)
    boxes = count("hw_rom", "hw_sram", "$paramod")
    return {"verilog": verilog(module), "um2": round(stat["area"], 2), "cells": sum(cells.values()) - boxes, "flops": count("DFF"),
            "full_adders": count("FAx1"), "path_ps": round(1000 - float(slack.group(1)))}


def calibrate():
    """Rows of the table, constants and pages, from the samples and what is measured (rtl-gen/tests/calibration)."""
    command = ["cargo", "test", "-q", "-p", "hardwire-rtl-gen", "--test", "calibration", "table"]
    subprocess.run(command, cwd=os.path.join(HERE, ".."), env={**os.environ, "HARDWIRE_CALIBRATION": "write"}, check=True, stdout=subprocess.DEVNULL)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("liberty", nargs="?")
    args.add_argument("--row", nargs="+", metavar=("MODULE", "NAME=VALUE"), help="only this module, printed")
    args.add_argument("--only", default="", help="only rows whose module and name hold this")
    args.add_argument("--all", action="store_true", help="also rows that are not out of date")
    args.add_argument("--check", action="store_true", help="only say what is out of date")
    args.add_argument("--jobs", type=int, default=os.cpu_count(), help="rows measured at the same time")
    args.add_argument("--figures-only", action="store_true", help="leave rows, constants and pages as they are")
    a = args.parse_args()
    if not (a.liberty or a.check):
        args.error("the Liberty file of ASAP7, such as ../shared/pdk/asap7/asap7_rvt_tt_nopower.lib.gz")
    if a.row:
        print(json.dumps(synthesise(a.liberty, "hw_" + a.row[0], a.row[1:])))
        return
    if not (a.figures_only or a.check):
        calibrate()
    with open(TABLE) as f:
        comment, rows = f.readline(), list(csv.DictReader(f))
    stale = lambda row: a.all or not row["um2"] or row["verilog"] != verilog("hw_" + row["module"])
    wanted = [row for row in rows if a.only in "hw_" + row["module"] + " " + row["row"] and stale(row)]
    if a.check:
        raise SystemExit("\n".join("compiler/data/synthesis.csv: %s, %s: measured on other Verilog or another mapping than today's; run "
                                   "rtl-gen/synth.py LIBERTY" % (row["module"], row["row"]) for row in wanted) or None)

    def measure(row):
        command = [sys.executable, __file__, a.liberty, "--row", row["module"], *row["parameters"].split()]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit("%s %s:\n%s" % (row["module"], row["row"], done.stderr))
        return json.loads(done.stdout.splitlines()[-1])

    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        measured = {pool.submit(measure, row): row for row in wanted}
        for job in concurrent.futures.as_completed(measured):
            row = measured[job]
            row.update(job.result())
            print(row["module"], row["row"], *("%s=%s" % (name, row[name]) for name in FIGURES[1:]), file=sys.stderr)
            out = io.StringIO()
            table = csv.DictWriter(out, [*KEYS, *FIGURES], lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
            with open(TABLE, "w") as f:
                f.write(comment + out.getvalue())
    if not a.figures_only:
        calibrate()


if __name__ == "__main__":
    main()
