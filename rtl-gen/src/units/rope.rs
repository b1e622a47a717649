//! `hw_rope`: its heads, and its part of the rotation vector.

use crate::error::Error;
use crate::instance::Instance;
use crate::shape::Shape;
use hardwire_netlist::Unit;
use hardwire_netlist::unit::RopeSpec;

/// The module with its parameters, clocked, and the rotations of its table.
pub fn parameters(shape: &Shape, unit: &Unit, s: &RopeSpec, instance: &dyn Fn(&str, String) -> Instance) -> Result<Instance, Error> {
    let (first, pairs) = *shape
        .rope_tables
        .get(usize::from(s.table))
        .ok_or_else(|| Error::unit(&unit.path, format!("rope table {} does not exist", s.table)))?;
    let v = shape.lanes;
    if !v.is_multiple_of(s.head_dim) && !s.head_dim.is_multiple_of(v) {
        return Err(Error::unit(&unit.path, format!("heads of {} do not fit {v} lanes; choose other lanes", s.head_dim)));
    }
    let i = instance("hw_rope", format!("{} heads of {}, {} rotated", s.heads, s.head_dim, s.rotated));
    let i = i.param("V", v).param("LEN", unit.out_len).param("HEAD_DIM", s.head_dim).param("ROTATED", s.rotated);
    let i = i.param("IB", s.input.bits).param("OB", unit.out.bits).param("PAIRS", pairs).clocked();
    Ok(i.input("rotation", pairs * 32, format!("rotation[{} +: {}]", first * 32, pairs * 32)))
}
