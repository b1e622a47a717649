"""Carry-save sums as synth.py maps them: full adders placed by polarity, on the netlist between two passes of Yosys (its JSON).

A full adder of ASAP7 inverts both of its outputs and is self-dual: of three operands that are inverted it makes two that are not. Where all three
of a cell's operands have one polarity no inverter is needed between two cells, and what a selector's cell gives inverted is taken as it is.
"""
import json
import re

# Arrival in ps at the outputs of a full adder, half adder and inverter after that of their operands: what OpenSTA says of them in such trees.
SUM, CARRY, HALF, INVERTER = 66, 42, 30, 12
FULL_ADDER = "FAx1_ASAP7_75t_R"
# Stays a box until its cells are placed here.
BOX = """(* blackbox *) module hw_compress #(parameter N = 32, parameter W = 20)
  (input used, input [N*W-1:0] terms, output [W-1:0] sum, output [W-1:0] carry); endmodule
"""


def without_bits(adders):
    """adders.v without the step that makes cells of hw_chain_bit."""
    start = adders.index('(* techmap_celltype = "hw_chain_bit" *)')
    return adders[:start] + adders[re.compile(r"^endmodule\n", re.M).search(adders, start).end():]


class Cells:
    """Cells of a module, to which others are added on nets of their own."""

    def __init__(self, top):
        self.cells = top["cells"]
        self.last = max(b for c in self.cells.values() for bits in c["connections"].values() for b in bits if isinstance(b, int))

    def net(self):
        self.last += 1
        return self.last

    def add(self, kind, **ports):
        outputs = ("Y", "SN", "CON")
        self.cells["carry_save_%d" % self.net()] = {
            "hide_name": 0, "type": kind, "parameters": {}, "attributes": {}, "connections": {p: [b] for p, b in ports.items()},
            "port_directions": {p: "output" if p in outputs else "input" for p in ports}}


def place(source, sink, module):
    design = json.load(open(source))
    top = design["modules"][module]
    cells = Cells(top)
    trees(cells)
    chains(cells, [p["bits"] for p in top["ports"].values() if p["direction"] == "output"])
    json.dump(design, open(sink, "w"))


def trees(cells):
    """Every hw_compress place by place, the earliest operands first. A bit is its arrival, whether it is inverted, and its net."""
    net, add = cells.net, cells.add

    def inverse(bit):
        time, inverted, b = bit
        y = net()
        add("$_NOT_", A=b, Y=y)
        return time + INVERTER, not inverted, y

    def full(bits):
        time, inverted = max(b[0] for b in bits), bits[0][1]
        s, c = net(), net()
        add(FULL_ADDER, A=bits[0][2], B=bits[1][2], CI=bits[2][2], SN=s, CON=c)
        return (time + SUM, not inverted, s), (time + CARRY, not inverted, c)

    def half(bits):
        x, y = ((inverse(b) if b[1] else b)[2] for b in bits)
        s, c = net(), net()
        add("$_XOR_", A=x, B=y, Y=s)
        add("$_AND_", A=x, B=y, Y=c)
        time = max(b[0] for b in bits) + HALF
        return (time, False, s), (time, False, c)

    for name in [n for n, c in cells.cells.items() if c["type"] == "hw_compress"]:
        ports = cells.cells.pop(name)["connections"]
        wide, carries = len(ports["sum"]), []
        for at in range(wide):
            column = [b for b in ports["terms"][at::wide] if b not in ("0", "x")]
            assert all(isinstance(b, int) for b in column), "%s: an operand that is always 1" % name
            # A selector's cell inverts what it selects.
            bits, carries = carries + [inverse((0, False, b)) for b in column], []
            if len(bits) > 2 and len(bits) % 2:
                # Two of an odd number are half added at the start: else the last full adder waits for a carry from each place below.
                bits.sort()
                s, c = half(bits[:2])
                bits, carries = bits[2:] + [s], [c]
            while len(bits) > 2:
                bits.sort()
                alike = [three for three in ([b for b in bits if b[1] == p][:3] for p in (False, True)) if len(three) == 3]
                if not alike:
                    # Two of each polarity.
                    other = inverse(bits.pop(0))
                    alike = [[*(b for b in bits if b[1] == other[1]), other]]
                    bits.append(other)
                three = min(alike, key=lambda three: three[2][0])
                s, c = full(three)
                bits = [b for b in bits if b not in three] + [s]
                carries.append(c)
            for port in ("sum", "carry"):
                _, inverted, b = bits.pop() if bits else (0, False, "0")
                add("$_NOT_" if inverted else "$_BUF_", A=b, Y=ports[port][at])


def chains(cells, outputs):
    """Every hw_chain_bit. Each takes the polarity that costs fewest inverters; what no full adder drives comes either way from the logic
    before it. Where an operand is known less than a full adder is left."""
    net, add = cells.net, cells.add
    adders = {n: c["connections"] for n, c in cells.cells.items() if c["type"] == "hw_chain_bit"}
    driver = {c[p][0]: n for n, c in adders.items() for p in ("co", "s") if c.get(p)}

    # Operands first.
    order, seen = [], set()
    for root in adders:
        stack = [(root, False)]
        while stack:
            name, ready = stack.pop()
            if ready:
                order.append(name)
            elif name not in seen:
                seen.add(name)
                stack.append((name, True))
                stack += [(driver[c[0]], False) for p, c in adders[name].items() if p in "abc" and c[0] in driver]

    same = {}    # net of an adder that is another net, or known
    driven = {}  # net of an adder: the net that its cell drives, and whether that is its inverse
    inverses = {}

    def negated(b):
        if b not in inverses:
            inverses[b] = net()
            add("$_NOT_", A=b, Y=inverses[b])
        return inverses[b]

    def true(b):
        """A net as it is."""
        cell, inverted = driven.get(b, (b, False))
        if inverted and b not in inverses:
            inverses[b] = cell
            add("$_NOT_", A=cell, Y=b)
        return b

    def false(b):
        """Its inverse."""
        cell, inverted = driven.get(b, (b, False))
        return cell if inverted else negated(b)

    for name in order:
        c = adders[name]
        del cells.cells[name]
        operands = [same.get(c[p][0], c[p][0]) for p in "abc"]
        known = sum(b == "1" for b in operands)
        free = [b for b in operands if isinstance(b, int)]
        s, co = (c[p][0] if c.get(p) else None for p in ("s", "co"))
        if len(free) == 3:
            away = [driven[b][1] for b in free if b in driven]
            inverted = 2 * sum(away) > len(away)
            operand = false if inverted else true
            given = {}
            for port, b in (("SN", s), ("CON", co)):
                if b is not None:
                    given[port] = b if inverted else net()
                    driven[b] = (given[port], not inverted)
            add(FULL_ADDER, A=operand(free[0]), B=operand(free[1]), CI=operand(free[2]), **given)
        elif len(free) == 2:
            x, y = map(true, free)
            if s is not None:
                add("$_XNOR_" if known else "$_XOR_", A=x, B=y, Y=s)
            if co is not None:
                add("$_OR_" if known else "$_AND_", A=x, B=y, Y=co)
        elif len(free) == 1:
            same[s] = negated(true(free[0])) if known == 1 else free[0]
            same[co] = free[0] if known == 1 else "01"[known // 2]
        else:
            same[s], same[co] = "01"[known % 2], "01"[known // 2]

    # What anything else reads of them.
    read = lambda c: [bits for p, bits in c["connections"].items() if c.get("port_directions", {}).get(p) != "output"]
    ends = [bits for c in cells.cells.values() for bits in read(c)] + outputs
    for bits in ends:
        bits[:] = [same.get(b, b) for b in bits]
        for b in bits:
            if b in driven:
                true(b)
