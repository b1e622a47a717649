"""KLayout's view of a macro: GDS and OASIS hold the same, and its transistors are those of the schematic.

Arguments: GDS OASIS SPICE TOP LAYERS.json same|different. Exit 77: PyPI klayout is not there.
"""
import json
import sys

try:
    import klayout.db as db
except ImportError:
    print("PyPI klayout is not installed")
    sys.exit(77)

gds, oasis, spice, top, layers, expected = sys.argv[1:]
layers = json.load(open(layers))


def read(path):
    layout = db.Layout()
    layout.read(path)
    return layout


a, b = read(gds), read(oasis)
assert a.dbu == b.dbu == 0.001, (a.dbu, b.dbu)
assert {i.to_s() for i in a.layer_infos()} == {i.to_s() for i in b.layer_infos()}
for info in a.layer_infos():
    ra = db.Region(a.cell(top).begin_shapes_rec(a.layer(info)))
    rb = db.Region(b.cell(top).begin_shapes_rec(b.layer(info)))
    assert ra.count() == rb.count(), info
    assert (ra ^ rb).is_empty(), f"{info} differs between GDS and OASIS"

layout = db.LayoutToNetlist(db.RecursiveShapeIterator(a, a.cell(top), []))


def layer(name, labels=False):
    entry = layers[name]
    number = entry["label"] if labels else entry["gds"]
    index = a.layer(*number)
    return layout.make_text_layer(index, name + "_text") if labels else layout.make_polygon_layer(index, name)


names = ["nwell", "diff", "tap", "poly", "nplus", "pplus", "contact", "local", "cut1", "metal1", "cut2", "metal2"]
at = {n: layer(n) for n in names}
text1, text2 = layer("metal1", True), layer("metal2", True)
gate = at["diff"] & at["poly"]
ngate, pgate = gate - at["nwell"], gate & at["nwell"]
nsd, psd = (at["diff"] - at["nwell"]) - at["poly"], (at["diff"] & at["nwell"]) - at["poly"]
ptap, ntap = at["tap"] - at["nwell"], at["tap"] & at["nwell"]
bulk = layout.make_layer("bulk")
for region, name in [(gate, "gate"), (ngate, "ngate"), (pgate, "pgate"), (nsd, "nsd"), (psd, "psd"), (ptap, "ptap"), (ntap, "ntap")]:
    layout.register(region, name)
nfet = db.DeviceExtractorMOS4Transistor("nfet")
pfet = db.DeviceExtractorMOS4Transistor("pfet")
layout.extract_devices(nfet, {"SD": nsd, "G": ngate, "tS": nsd, "tD": nsd, "P": at["poly"], "W": bulk})
layout.extract_devices(pfet, {"SD": psd, "G": pgate, "tS": psd, "tD": psd, "P": at["poly"], "W": at["nwell"]})
for region in [nsd, psd, ptap, ntap, at["poly"], at["nwell"], at["contact"], at["local"], at["cut1"], at["metal1"], at["cut2"], at["metal2"]]:
    layout.connect(region)
for region in [nsd, psd, ptap, ntap, at["poly"], at["local"]]:
    layout.connect(region, at["contact"])
for lower, upper in [("local", "cut1"), ("cut1", "metal1"), ("metal1", "cut2"), ("cut2", "metal2")]:
    layout.connect(at[lower], at[upper])
layout.connect(ntap, at["nwell"])
layout.connect(at["metal1"], text1)
layout.connect(at["metal2"], text2)
layout.connect_global(bulk, "VSS")
layout.connect_global(ptap, "VSS")
layout.extract_netlist()
drawn = layout.netlist()
drawn.flatten()
drawn.make_top_level_pins()
schematic = db.Netlist()
schematic.read(spice, db.NetlistSpiceReader())
for netlist in (drawn, schematic):
    netlist.combine_devices()
    # A label's name may come in quotes or upper case.
    assert netlist.circuit_by_name(top.upper()) or netlist.circuit_by_name(top), [c.name for c in netlist.each_circuit()]
count = [sum(1 for c in n.each_circuit() for _ in c.each_device()) for n in (drawn, schematic)]
compare = db.NetlistComparer()
compare.dont_consider_net_names = True


class Log(db.GenericNetlistCompareLogger):
    def __init__(self):
        super().__init__()
        self.bad = []

    def device_mismatch(self, x, y, msg):
        self.bad.append(f"device {x.expanded_name() if x else None} {y.expanded_name() if y else None} {msg}")

    def match_devices_with_different_parameters(self, x, y):
        self.bad.append(f"size {x.expanded_name()} {y.expanded_name()}")

    def net_mismatch(self, x, y, msg):
        self.bad.append(f"net {x.expanded_name() if x else None} {y.expanded_name() if y else None} {msg}")


drawn.circuit_by_name(top).name = top.upper()
ours, theirs = drawn.circuit_by_name(top.upper()), schematic.circuit_by_name(top.upper())
# Named nets are the pins, and what they are called is part of what is compared.
named = {n.name.split(".")[-1].upper(): n for n in ours.each_net() if n.name}
for pin in theirs.each_pin():
    compare.same_nets(named[pin.name().upper()], theirs.net_for_pin(pin.id()))
log = Log()
same = compare.compare(drawn, schematic, log)
print("transistors", count, "same" if same else "\n".join(log.bad[:8]))
assert count[0] == count[1] and count[0] > 0
assert same == (expected == "same")
