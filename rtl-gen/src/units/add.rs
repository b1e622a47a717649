//! `hw_add`: a sum within a station, or the station's result.

use crate::instance::Instance;
use crate::shape::Shape;
use hardwire_netlist::Unit;

/// Nets it drives beside those of its stream: port, what follows the unit's identifier, width.
pub fn nets(shape: &Shape) -> Vec<(&'static str, &'static str, u32)> {
    // Where layers share silicon, the ring asks for the room before a result goes on.
    let ring = if shape.layer_bits > 0 { &[("asks", "_asks", 1), ("waiting", "_waiting", 1)][..] } else { &[] };
    std::iter::once(("out_last", "_last", 1)).chain(ring.iter().copied()).collect()
}

/// The module with its parameters. `last`: it hands the residual on.
pub fn parameters(shape: &Shape, unit: &Unit, last: bool, instance: &dyn Fn(&str, String) -> Instance) -> Instance {
    let i = instance("hw_add", if last { "the station's result".into() } else { String::from("sum") });
    i.param("V", shape.lanes).param("BITS", unit.out.bits).param("LEN", unit.out_len).param("HOLD", u32::from(last))
}
