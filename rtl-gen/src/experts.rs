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
    let routed = &from[1..=s.experts as usize];
    if last(from[1]).is_none() || routed.iter().any(|&p| last(p) != last(from[1])) {
        return Err(Error::unit(&netlist.unit(id).path, "its experts must end in matrices of one shape"));
    }
    if let (true, Some(own), Some(shared)) = (s.shared, last(from[1]), from.last().map(|&p| last(p))) {
        // It is not kept waiting for the choice, so that a narrower one comes first.
        if !shared.is_some_and(|shared| (shared.1, shared.4) == (own.1, own.4) && shared.0 <= own.0) {
            return Err(Error::unit(&netlist.unit(id).path, "its shared expert must end in a matrix no wider than the others'"));
        }
    }
    let (v, ib, route) = (shape.lanes, u32::from(s.input.bits), ident(&netlist.unit(from[0]).path));
    let join = |part: &dyn Fn(&Source) -> String| {
        let nets: Vec<String> = inputs[1..=s.experts as usize].iter().rev().map(part).collect();
        format!("{{{}}}", nets.join(", "))
    };
    let (index, name) = (index_bits(s.experts), ident(&netlist.unit(id).path));
    let (experts, active) = (s.experts + u32::from(s.shared), s.weighed());
    let wide = index_bits(experts);
    let (mut sel, mut weight) = (format!("{route}_sel"), format!("{route}_weight"));
    let i = i.param("V", v).param("E", experts).param("K", active).param("IW", wide).param("LEVELS", ceil_log(2 * active, 8).max(1));
    let i = i.param("IB", ib).param("OB", ib).clocked();
    let (mut valid, mut data) = (join(&|x| x.valid.clone()), join(&|x| x.data.clone()));
    if s.shared {
        // The shared expert is one more that is always chosen, and comes with the others.
        let numbers = (0..s.active).rev().map(|k| format!("{}{route}_sel[{} +: {index}]", padding(wide - index), k * index));
        let numbers: Vec<String> = std::iter::once(format!("{wide}'d{}", s.experts)).chain(numbers).collect();
        sel = format!("{{{}}}", numbers.join(", "));
        weight = format!("{{{}[17:0], {weight}}}", inputs[1 + s.experts as usize].data);
        valid = format!("{{1'b0, {valid}}}");
        data = format!("{{{name}_shared, {data}}}");
    }
    let i = i.input("in_valid", experts, valid).input("in_data", experts * v * ib, data);
    Ok(i.input("sel", active * wide, sel).input("weight", active * 18, weight))
}

/// Zeros before a narrower number in a concatenation.
fn padding(bits: u32) -> String {
    if bits == 0 { String::new() } else { format!("{bits}'d0, ") }
}

/// Where the shared expert's output waits for the others.
pub fn shared(chip: &Chip, shape: &Shape, id: UnitId, inputs: &[Source]) -> Instance {
    let unit = chip.netlist().unit(id);
    let (name, bits) = (ident(&unit.path), u32::from(unit.out.bits));
    let last = &inputs[inputs.len() - 1];
    let routed: Vec<&str> = inputs[1..inputs.len() - 2].iter().map(|x| x.valid.as_str()).collect();
    let i = Instance::new("hw_hold", format!("{name}_shared_i"), vec![format!("{}: the shared expert waits for the others", unit.path)]);
    let i = i.param("V", shape.lanes).param("B", bits).param("LEN", unit.out_len).clocked();
    let i = i.input("in_valid", 1, &last.valid).input("in_data", shape.lanes * bits, &last.data);
    i.input("take", 1, routed.join(" || ")).output("out_data", shape.lanes * bits, format!("{name}_shared"))
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
