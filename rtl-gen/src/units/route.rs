//! `hw_route`: the router's choice and its weights.

use crate::shape::{ceil_log, index_bits};
use crate::site::{Context, Nets, Site};
use hardwire_netlist::Function;
use hardwire_netlist::unit::RouteSpec;

pub fn site(c: &Context, s: &RouteSpec) -> Site {
    let (exp2, recip) = (c.shape.table(Function::Exp2), c.shape.table(Function::Recip));
    let i = c.instance("hw_route", format!("{} of {} experts", s.active, s.experts)).param("V", c.shape.lanes);
    let i = i.param("E", s.experts).param("K", s.active).param("OF_ALL", u32::from(s.of_all)).param("IB", s.logits.bits);
    let i = i.param("IW", index_bits(s.experts)).param("LEVELS", ceil_log(s.experts, 4).max(1));
    let i = i.param("MANTISSA", s.score_mantissa).param("SHIFT", s.score_shift);
    let i = i.param("EXP2_VALUE", exp2.value_bits).param("EXP2_SLOPE", exp2.slope_bits);
    let i = i.param("RECIP_VALUE", recip.value_bits).param("RECIP_SLOPE", recip.slope_bits);
    let i = c.stream(i.file("EXP2", &exp2.file).file("RECIP", &recip.file).clocked(), "in_valid", "in_data", 0);
    let choice: Nets =
        vec![("chosen", "_chosen", s.experts), ("sel", "_sel", s.active * index_bits(s.experts)), ("weight", "_weight", s.active * 18)];
    let i = c.drive(c.give(i), &vec![("out_last", "_last", 1)]);
    let further = std::iter::once(("out_last", "_last", 1)).chain(choice.iter().copied()).collect();
    c.site(vec![c.drive(i, &choice)], &further)
}
