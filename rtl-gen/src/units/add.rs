//! `hw_add`: a sum within a station, or the station's result.

use crate::site::{Context, Nets, Site};

pub fn site(c: &Context) -> Site {
    let i = c.instance("hw_add", if c.last { "the station's result" } else { "sum" }).param("V", c.shape.lanes);
    let i = i.param("BITS", c.out()).param("LEN", c.unit.out_len).param("HOLD", u32::from(c.last)).clocked();
    let i = c.stream(c.stream(i, "a_valid", "a_data", 0), "b_valid", "b_data", 1);
    let i = i.input("next_ready", 1, if c.last { "next_ready" } else { "1'b1" });
    // Where layers share silicon, the ring asks for the room before a result goes on.
    let ring = if c.shape.layer_bits > 0 { &[("asks", "_asks", 1), ("waiting", "_waiting", 1)][..] } else { &[] };
    let further: Nets = std::iter::once(("out_last", "_last", 1)).chain(ring.iter().copied()).collect();
    c.site(vec![c.give(c.drive(i, &further))], &further)
}
