"""KLayout's view of two masks folders of one base: XOR by layer, GDSII against OASIS, LEF and DEF.

Arguments: A B PROGRAM_LAYER CHANGED. Exit 77: PyPI klayout is not there.
"""
import glob
import json
import os
import sys

try:
    import klayout.db as db
except ImportError:
    print("PyPI klayout is not installed")
    sys.exit(77)

a, b, program, changed = sys.argv[1:]


# Regions look into their layouts, which must stay.
kept = []


def read(path):
    layout = db.Layout()
    kept.append(layout)
    layout.read(path)
    assert [c.name for c in layout.top_cells()] == ["chip"], path
    return layout


def regions(layout):
    top = layout.cell("chip")
    return {i.to_s(): db.Region(top.begin_shapes_rec(layout.layer(i))) for i in layout.layer_infos()}


ra, rb, ro = regions(read(f"{a}/chip.gds")), regions(read(f"{b}/chip.gds")), regions(read(f"{a}/chip.oas"))
assert ra.keys() == rb.keys() == ro.keys() and len(ra) > 10, ra.keys()
for layer, shapes in ra.items():
    differ = (shapes ^ rb[layer]).merged().count()
    assert differ == (int(changed) if layer == program else 0), f"{layer}: {differ} shapes differ, {changed} bits"
    assert shapes.count() == ro[layer].count() and (shapes ^ ro[layer]).is_empty(), f"{layer}: GDSII is not OASIS"
alone = regions(read(f"{b}/program.oas"))
assert set(alone) == {program}, alone.keys()
assert alone[program].count() > 0 and (alone[program] - rb[program]).is_empty()
# As many vias of the program as the map has ones.
ones = sum(byte.bit_count() for byte in open(f"{b}/vias.bin", "rb").read()[8:])
assert alone[program].count() == ones, (alone[program].count(), ones)

placed = db.Layout()
options = db.LoadLayoutOptions()
options.lefdef_config.lef_files = [f"{a}/technology.lef"] + sorted(glob.glob(f"{a}/macros/*.lef"))
options.lefdef_config.read_lef_with_def = False
placed.read(f"{a}/chip.def", options)
top = placed.top_cells()[0]
instances = sum(len(r["bank_slice_x_y"]) for r in json.load(open(f"{a}/roms.json")))
found = sum(1 for i in top.each_inst() if placed.cell(i.cell_index).name.startswith("rom_"))
assert found == instances, (found, instances)
