//! `hw_gated_act`, `hw_swiglu`, `hw_relu2` and `hw_sigmoid`: which one an activation is, with its table.

use crate::error::Error;
use crate::instance::Instance;
use crate::shape::Shape;
use hardwire_netlist::unit::{Activation, GatedActSpec};
use hardwire_netlist::{Chip, UnitId, UnitKind};

/// The module of an activation, and what is its own.
pub fn parameters(shape: &Shape, s: &GatedActSpec, instance: &dyn Fn(&str, String) -> Instance) -> Instance {
    let what = format!("{} of the gate{}", s.activation.title(), if s.up.is_some() { ", times up" } else { "" });
    let Some((function, argument)) = s.activation.table() else {
        return instance("hw_relu2", what).param("FRAC", s.gate.frac);
    };
    let i = match s.activation {
        Activation::SwigluClamped { gate_limit, up_limit } => {
            let i = instance("hw_swiglu", what).param("UP_FRAC", s.up.map_or(0, |f| f.frac));
            i.param("GATE_LIMIT", gate_limit).param("UP_LIMIT", up_limit)
        }
        Activation::Sigmoid => instance("hw_sigmoid", what),
        _ => instance("hw_gated_act", what),
    };
    let t = shape.table(function);
    let i = i.param("GATE_SHIFT", s.gate.frac - argument);
    i.param("VALUE_BITS", t.value_bits).param("SLOPE_BITS", t.slope_bits).file("SIGMOID", &t.file)
}

/// Gate and up must come in the same cycles: matrices of one shape on one feed.
pub fn together(chip: &Chip, id: UnitId) -> Result<(), Error> {
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
