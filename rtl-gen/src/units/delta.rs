//! `hw_delta`: the gated delta rule over states.

use crate::site::{Context, Site};
use hardwire_netlist::unit::DeltaSpec;

pub fn site(c: &Context, s: &DeltaSpec) -> Site {
    let what = format!("{} states of {} by {}, {} users", s.value_heads, s.key_dim, s.value_dim, s.users);
    let i = c.instance("hw_delta", what).param("V", c.shape.lanes).param("KEY_HEADS", s.key_heads).param("VALUE_HEADS", s.value_heads);
    let i = i.param("DK", s.key_dim).param("DV", s.value_dim).param("USERS", c.sequences(s.users));
    let i = i.param("UW", c.shape.user_bits + c.shape.layer_bits).param("POSW", c.shape.pos_bits);
    let i = i.param("QB", s.q.bits).param("KB", s.k.bits).param("VB", s.v.bits).param("W", s.state.bits).param("OB", c.out());
    let i = i.param("KEY_FRAC", s.k.frac).param("VALUE_SHIFT", s.v.frac - s.state.frac);
    let i = i.param("PART_SHIFT", s.part_shift(c.unit.out)).param("GUARD", DeltaSpec::guard());
    let i = c.stream(c.stream(c.sequence(i), "q_valid", "q_data", 0), "k_valid", "k_data", 1);
    let i = c.stream(c.stream(i, "v_valid", "v_data", 2), "decay_valid", "decay_data", 3);
    c.alone(c.give(c.stream(i, "step_valid", "step_data", 4)))
}
