//! Where the figures of a chip come from, and those that follow from its structure alone.

use hardwire_netlist::{Figure, Floorplan, Provenance, Structure};

pub const TIMING: &str = "timing model over the unit graph (docs/microarchitecture.md)";
pub const ENERGY: &str = "counted events times the process constants (docs/process.md)";

pub fn simulated(value: f64, unit: &str, source: &str) -> Figure {
    Figure::new(value, unit, Provenance::Simulated, source)
}

/// Area of the die as placed.
pub fn die_area_mm2(chip: &Structure) -> Figure {
    die_area_mm2_of(&chip.floorplan)
}

/// Of a placed die.
pub fn die_area_mm2_of(placed: &Floorplan) -> Figure {
    let area = placed.die.area_um2() * 1e-6;
    Figure::new(area, "mm2", Provenance::Estimated, "floorplan: census times cell areas (docs/process.md)")
}
