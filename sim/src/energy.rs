//! Energy of a token, from counted events.
//!
//! What a unit does for a token is counted in its kind's own file (`hardwire_netlist::activity`); here each event gets its cost in the chip's
//! [`Technology`], and the whole die its leakage.

use hardwire_netlist::{Activity, Chip, Technology, activity, census};
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

/// Energy of one token at one position.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenEnergy {
    /// Switching energy by cause.
    pub split: Split,
    /// Switching energy by kind of unit, pJ.
    pub by_kind_pj: BTreeMap<&'static str, f64>,
    /// Static power of the whole die, W: what a token costs beyond switching is this times the time it takes.
    pub leakage_w: f64,
    pub events: Activity,
}

impl TokenEnergy {
    /// Joules of a token that keeps the die for `seconds`.
    pub fn joules(&self, seconds: f64) -> f64 {
        self.split.total_pj() * 1e-12 + self.leakage_w * seconds
    }
}

/// Energy of the token at `position` of a sequence.
pub fn token(chip: &Chip, position: u32) -> TokenEnergy {
    let (netlist, technology) = (chip.netlist(), &chip.structure.technology);
    let mut out = TokenEnergy {
        split: Split::default(),
        by_kind_pj: BTreeMap::new(),
        leakage_w: technology.leakage_w(&census::total(netlist)),
        events: Activity::default(),
    };
    for (id, unit) in netlist.units() {
        let events = activity::unit(netlist, technology, id, position);
        let split = cost(technology, &events);
        *out.by_kind_pj.entry(unit.kind.name()).or_default() += split.total_pj();
        out.split += split;
        out.events += events;
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
