//! `hw_gated_act`, `hw_swiglu`, `hw_relu2` and `hw_sigmoid`: which one an activation is, with its table.

use crate::error::Error;
use crate::instance::Instance;
use crate::site::{Context, Site};
use hardwire_netlist::unit::{Activation, GatedActSpec};
use hardwire_netlist::{Chip, UnitId, UnitKind};

pub fn site(c: &Context, s: &GatedActSpec) -> Result<Site, Error> {
    let (v, gate) = (c.shape.lanes, u32::from(s.gate.bits));
    let i = parameters(c, s).param("V", v).param("GB", gate).param("OB", c.out()).param("SHIFT", s.shift);
    match s.up {
        Some(up) if s.holds => {
            let hold = Instance::new("hw_hold", c.net("_hold_i"), vec![format!("{}: the gate waits for up", c.unit.path)]);
            let hold = hold.param("V", v).param("B", gate).param("LEN", c.unit.out_len).clocked();
            let hold = c.stream(hold, "in_valid", "in_data", 0).input("take", 1, &c.inputs[1].valid);
            let hold = hold.output("out_data", v * gate, c.net("_gate"));
            let i = i.param("UB", up.bits).clocked().input("in_valid", 1, &c.inputs[1].valid);
            let i = i.input("gate", v * gate, c.net("_gate")).input("up", v * c.inputs[1].bits, &c.inputs[1].data);
            Ok(c.site(vec![hold, c.give(i)], &vec![("", "_gate", v * gate)]))
        }
        Some(up) => {
            together(c.chip, c.id)?;
            let i = c.stream(i.param("UB", up.bits).clocked(), "in_valid", "gate", 0);
            Ok(c.alone(c.give(i.input("up", v * c.inputs[1].bits, &c.inputs[1].data))))
        }
        // Without a gate: times one.
        None => {
            let i = c.stream(i.param("UB", 2).clocked(), "in_valid", "gate", 0);
            Ok(c.alone(c.give(i.input("up", v * 2, format!("{{{v}{{2'b01}}}}")))))
        }
    }
}

/// The module of an activation, and what is its own.
fn parameters(c: &Context, s: &GatedActSpec) -> Instance {
    let what = format!("{} of the gate{}", s.activation.title(), if s.up.is_some() { ", times up" } else { "" });
    let Some((function, argument)) = s.activation.table() else {
        return c.instance("hw_relu2", what).param("FRAC", s.gate.frac);
    };
    let i = match s.activation {
        Activation::SwigluClamped { gate_limit, up_limit } => {
            let i = c.instance("hw_swiglu", what).param("UP_FRAC", s.up.map_or(0, |f| f.frac));
            i.param("GATE_LIMIT", gate_limit).param("UP_LIMIT", up_limit)
        }
        Activation::Sigmoid => c.instance("hw_sigmoid", what),
        _ => c.instance("hw_gated_act", what),
    };
    let t = c.shape.table(function);
    let i = i.param("GATE_SHIFT", s.gate.frac - argument);
    i.param("VALUE_BITS", t.value_bits).param("SLOPE_BITS", t.slope_bits).file("SIGMOID", &t.file)
}

/// Gate and up must come in the same cycles: matrices of one shape on one feed.
fn together(chip: &Chip, id: UnitId) -> Result<(), Error> {
    let netlist = chip.netlist();
    let inputs = netlist.inputs(id);
    let shape = |p: UnitId| match &netlist.unit(p).kind {
        UnitKind::Mvm(m) => Some((netlist.inputs(p), m.matrix.bias)),
        _ => None,
    };
    match (shape(inputs[0]), shape(inputs[1])) {
        (Some(a), Some(b)) if a == b => Ok(()),
        _ => Err(Error::unit(&netlist.unit(id).path, "gate and up must be matrices on the same row feed, both with bias or neither")),
    }
}
