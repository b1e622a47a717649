//! Process constants a chip was planned with, each with its source. The compiler fills them; the simulator's energy and
//! the floorplan's areas read them, so that a constant exists once.

use crate::Figure;
use crate::census::Census;
use serde::{Deserialize, Serialize};

/// A process node as cost per counted thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Technology {
    pub node: String,
    pub clock_mhz: Figure,
    pub area: AreaCosts,
    pub energy: EnergyCosts,
    /// Watts a mm² of logic, of SRAM and of ROM.
    pub leakage_logic_w_per_mm2: Figure,
    pub leakage_sram_w_per_mm2: Figure,
    pub leakage_rom_w_per_mm2: Figure,
}

/// Placed area, um², for one of each item of a census.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaCosts {
    pub rom_bit_um2: Figure,
    pub sram_bit_um2: Figure,
    pub flop_um2: Figure,
    pub full_adder_um2: Figure,
    /// A bit of a prefix adder.
    pub adder_bit_um2: Figure,
    pub mux2_um2: Figure,
    pub gate_um2: Figure,
    /// Part of the placed logic area that cells cover.
    pub utilisation: Figure,
}

/// Energy, pJ, for one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyCosts {
    pub rom_bit_read_pj: Figure,
    pub sram_bit_read_pj: Figure,
    pub sram_bit_write_pj: Figure,
    /// A flop that is clocked.
    pub flop_cycle_pj: Figure,
    /// Also a bit of any other adder.
    pub full_adder_pj: Figure,
    pub mux2_pj: Figure,
    /// A bit moved one millimetre.
    pub wire_bit_mm_pj: Figure,
}

impl Technology {
    /// Placed area of what a census counts, um².
    pub fn area_um2(&self, c: &Census) -> f64 {
        let logic: f64 = self.cells_um2(c).into_iter().fold(0.0, |sum, cells| sum + cells);
        self.rom_um2(c) + self.sram_um2(c) + logic / self.area.utilisation.value
    }

    /// The parts of [`Technology::area_um2`] by what they are for; the space between cells counts with the cells.
    pub fn area_split_um2(&self, c: &Census) -> [(&'static str, f64); 6] {
        let [flops, full_adders, adder_bits, selectors, gates] = self.cells_um2(c).map(|um2| um2 / self.area.utilisation.value);
        [
            ("ROM", self.rom_um2(c)),
            ("SRAM", self.sram_um2(c)),
            ("selectors", selectors),
            ("adders", full_adders + adder_bits),
            ("flip-flops", flops),
            ("other gates", gates),
        ]
    }

    /// Area of the cells themselves: flops, full adders, bits of prefix adders, multiplexers, gates.
    fn cells_um2(&self, c: &Census) -> [f64; 5] {
        let a = &self.area;
        [
            c.flops as f64 * a.flop_um2.value,
            c.full_adders as f64 * a.full_adder_um2.value,
            c.adder_bits as f64 * a.adder_bit_um2.value,
            c.mux2 as f64 * a.mux2_um2.value,
            c.gates as f64 * a.gate_um2.value,
        ]
    }

    pub fn rom_um2(&self, c: &Census) -> f64 {
        c.rom_bits as f64 * self.area.rom_bit_um2.value
    }

    pub fn sram_um2(&self, c: &Census) -> f64 {
        c.sram_bits as f64 * self.area.sram_bit_um2.value
    }

    /// Static power of what a census counts, W.
    pub fn leakage_w(&self, c: &Census) -> f64 {
        let (rom, sram) = (self.rom_um2(c), self.sram_um2(c));
        let logic = self.area_um2(c) - rom - sram;
        1e-6 * (rom * self.leakage_rom_w_per_mm2.value
            + sram * self.leakage_sram_w_per_mm2.value
            + logic * self.leakage_logic_w_per_mm2.value)
    }
}
