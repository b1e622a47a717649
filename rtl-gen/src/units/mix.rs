//! `hw_mix`: the chosen experts' outputs, weighed and summed; and the memory in which a shared expert's waits for them.

use crate::error::Error;
use crate::instance::Instance;
use crate::shape::{ceil_log, ident, index_bits};
use crate::site::{Context, Site};
use crate::stream::Source;
use hardwire_netlist::unit::MixSpec;
use hardwire_netlist::{UnitId, UnitKind};

/// A mix picks the chosen by the Route's own nets. Its experts must come in the same cycles: they are matrices of one shape.
pub fn site(c: &Context, s: &MixSpec) -> Result<Site, Error> {
    let (netlist, inputs) = (c.netlist(), c.inputs);
    let from = netlist.inputs(c.id);
    let last = |p: UnitId| match &netlist.unit(p).kind {
        UnitKind::Mvm(m) => Some((m.matrix.inputs, m.matrix.outputs, m.matrix.bias, m.matrix.group, m.fabric, m.shape)),
        _ => None,
    };
    let routed = &from[1..=s.experts as usize];
    if last(from[1]).is_none() || routed.iter().any(|&p| last(p) != last(from[1])) {
        return Err(Error::unit(&c.unit.path, "its experts must end in matrices of one shape"));
    }
    if let (true, Some(own), Some(shared)) = (s.shared, last(from[1]), from.last().map(|&p| last(p))) {
        // It is not kept waiting for the choice, so that a narrower one comes first.
        if !shared.is_some_and(|shared| (shared.1, shared.4) == (own.1, own.4) && shared.0 <= own.0) {
            return Err(Error::unit(&c.unit.path, "its shared expert must end in a matrix no wider than the others'"));
        }
    }
    let (v, ib, route) = (c.shape.lanes, u32::from(s.input.bits), ident(&netlist.unit(from[0]).path));
    let join = |part: &dyn Fn(&Source) -> String| {
        let nets: Vec<String> = inputs[1..=s.experts as usize].iter().rev().map(part).collect();
        format!("{{{}}}", nets.join(", "))
    };
    let index = index_bits(s.experts);
    let (experts, active) = (s.experts + u32::from(s.shared), s.weighed());
    let wide = index_bits(experts);
    let (mut sel, mut weight) = (format!("{route}_sel"), format!("{route}_weight"));
    let i = c.instance("hw_mix", format!("{} experts", s.experts));
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
        data = format!("{{{}, {data}}}", c.net("_shared"));
    }
    let i = i.input("in_valid", experts, valid).input("in_data", experts * v * ib, data);
    let mix = c.give(i.input("sel", active * wide, sel).input("weight", active * 18, weight));
    if s.shared { Ok(c.site(vec![shared(c), mix], &vec![("", "_shared", v * c.out())])) } else { Ok(c.alone(mix)) }
}

/// Zeros before a narrower number in a concatenation.
fn padding(bits: u32) -> String {
    if bits == 0 { String::new() } else { format!("{bits}'d0, ") }
}

/// Where the shared expert's output waits for the others.
fn shared(c: &Context) -> Instance {
    let bits = c.out();
    let last = &c.inputs[c.inputs.len() - 1];
    let routed: Vec<&str> = c.inputs[1..c.inputs.len() - 2].iter().map(|x| x.valid.as_str()).collect();
    let i = Instance::new("hw_hold", c.net("_shared_i"), vec![format!("{}: the shared expert waits for the others", c.unit.path)]);
    let i = i.param("V", c.shape.lanes).param("B", bits).param("LEN", c.unit.out_len).clocked();
    let i = i.input("in_valid", 1, &last.valid).input("in_data", c.shape.lanes * bits, &last.data);
    i.input("take", 1, routed.join(" || ")).output("out_data", c.shape.lanes * bits, c.net("_shared"))
}
