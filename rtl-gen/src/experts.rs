//! Experts: the router's and the mix's instances, and what keeps the experts that were not chosen quiet.

use crate::error::Error;
use crate::instance::Instance;
use crate::shape::{Shape, ceil_log, ident, index_bits};
use crate::stream::Source;
use hardwire_netlist::unit::{MixSpec, RouteSpec};
use hardwire_netlist::{Chip, Function, Unit, UnitId, UnitKind};

pub fn route(shape: &Shape, s: &RouteSpec, i: Instance) -> Instance {
    let (exp2, recip) = (shape.table(Function::Exp2), shape.table(Function::Recip));
    let i = i.param("E", s.experts).param("K", s.active).param("OF_ALL", u32::from(s.of_all)).param("IB", s.logits.bits);
    let i = i.param("IW", index_bits(s.experts)).param("LEVELS", ceil_log(s.experts, 4).max(1));
    let i = i.param("MANTISSA", s.score_mantissa).param("SHIFT", s.score_shift);
    let i = i.param("EXP2_VALUE", exp2.value_bits).param("EXP2_SLOPE", exp2.slope_bits);
    let i = i.param("RECIP_VALUE", recip.value_bits).param("RECIP_SLOPE", recip.slope_bits);
    i.file("EXP2", &exp2.file).file("RECIP", &recip.file)
}

/// A mix picks the chosen by the Route's own nets. Its experts must come in the same cycles: they are matrices of one shape.
pub fn mix(chip: &Chip, shape: &Shape, id: UnitId, s: &MixSpec, inputs: &[Source], i: Instance) -> Result<Instance, Error> {
    let netlist = chip.netlist();
    let from = netlist.inputs(id);
    let last = |p: UnitId| match &netlist.unit(p).kind {
        UnitKind::Mvm(m) => Some((m.matrix.inputs, m.matrix.outputs, m.matrix.bias, m.matrix.group, m.fabric, m.shape)),
        _ => None,
    };
    if last(from[1]).is_none() || from[1..].iter().any(|&p| last(p) != last(from[1])) {
        return Err(Error::unit(&netlist.unit(id).path, "its experts must end in matrices of one shape"));
    }
    let (v, ib, route) = (shape.lanes, u32::from(s.input.bits), ident(&netlist.unit(from[0]).path));
    let join = |part: &dyn Fn(&Source) -> String| {
        let nets: Vec<String> = inputs[1..].iter().rev().map(part).collect();
        format!("{{{}}}", nets.join(", "))
    };
    let index = index_bits(s.experts);
    let i = i.param("V", v).param("E", s.experts).param("K", s.active).param("IW", index).param("LEVELS", ceil_log(2 * s.active, 8).max(1));
    let i = i.param("IB", ib).param("OB", ib).clocked();
    let i = i.input("in_valid", s.experts, join(&|x| x.valid.clone())).input("in_data", s.experts * v * ib, join(&|x| x.data.clone()));
    Ok(i.input("sel", s.active * index, format!("{route}_sel")).input("weight", s.active * 18, format!("{route}_weight")))
}

/// The rows a matrix sees: an expert's only where it was chosen.
pub fn row_valid(chip: &Chip, unit: &Unit, feed: UnitId, from: &str) -> String {
    let netlist = chip.netlist();
    match (&netlist.unit(feed).kind, unit.expert) {
        (UnitKind::RowFeed(f), Some(expert)) if f.waits => {
            let route = ident(&netlist.unit(netlist.inputs(feed)[1]).path);
            format!("{from}_row_valid && {route}_chosen[{expert}]")
        }
        _ => format!("{from}_row_valid"),
    }
}
