//! Energy of a token, from counted events.
//!
//! What a unit does for a token is counted in its kind's own file (`hardwire_netlist::activity`); here each event gets its cost in the chip's
//! [`Technology`].

use hardwire_netlist::{Activity, Netlist, Technology, activity};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Picojoules by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Split {
    pub rom_pj: f64,
    pub sram_pj: f64,
    pub flops_pj: f64,
    pub arithmetic_pj: f64,
    pub wires_pj: f64,
}

impl Split {
    pub fn total_pj(&self) -> f64 {
        self.rom_pj + self.sram_pj + self.flops_pj + self.arithmetic_pj + self.wires_pj
    }
}

impl AddAssign for Split {
    fn add_assign(&mut self, o: Split) {
        self.rom_pj += o.rom_pj;
        self.sram_pj += o.sram_pj;
        self.flops_pj += o.flops_pj;
        self.arithmetic_pj += o.arithmetic_pj;
        self.wires_pj += o.wires_pj;
    }
}

/// What one token at one position switches; a die's leakage meanwhile comes on top.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TokenEnergy {
    pub split: Split,
    /// By kind of unit, pJ.
    pub by_kind_pj: BTreeMap<&'static str, f64>,
    pub events: Activity,
}

impl TokenEnergy {
    fn add(&mut self, technology: &Technology, kind: &'static str, events: Activity) {
        let split = cost(technology, &events);
        *self.by_kind_pj.entry(kind).or_default() += split.total_pj();
        self.split += split;
        self.events += events;
    }
}

/// Energy of the token at `position` of a sequence.
pub fn token(netlist: &Netlist, technology: &Technology, position: u32) -> TokenEnergy {
    let mut out = TokenEnergy::default();
    for (id, unit) in netlist.units() {
        out.add(technology, unit.kind.name(), activity::unit(netlist, technology, id, position));
    }
    out
}

/// As [`token`] where the experts of a layer are alike, as those of a planned chip are: the first is counted for all of them.
pub fn token_of_alike(netlist: &Netlist, technology: &Technology, position: u32) -> TokenEnergy {
    let mut out = TokenEnergy::default();
    for (id, unit) in netlist.units().filter(|(_, u)| u.expert.is_none_or(|expert| expert == 0)) {
        let stands_for = unit.expert.and_then(|_| netlist.route(unit.station)).map_or(1, |(_, route)| route.experts);
        let events = activity::unit(netlist, technology, id, position).times(f64::from(stands_for));
        out.add(technology, unit.kind.name(), events);
    }
    out
}

/// Picojoules of counted events.
pub fn cost(t: &Technology, e: &Activity) -> Split {
    let c = &t.energy;
    Split {
        rom_pj: e.rom_bits_read * c.rom_bit_read_pj.value,
        sram_pj: e.sram_bits_read * c.sram_bit_read_pj.value + e.sram_bits_written * c.sram_bit_write_pj.value,
        flops_pj: e.flop_cycles * c.flop_cycle_pj.value,
        arithmetic_pj: e.full_adder_ops * c.full_adder_pj.value + e.mux2_ops * c.mux2_pj.value,
        wires_pj: e.wire_bit_mm * c.wire_bit_mm_pj.value,
    }
}
