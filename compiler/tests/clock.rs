//! The clock that the timing model assumes is one that the synthesised modules support.

use hardwire_compiler::technology;
use std::fs;

/// Share of a period left for wires and skew: the measured paths are cells only (`docs/calibration.md`, "Clock").
const WIRES: f64 = 0.2;

#[test]
fn every_synthesised_module_supports_the_clock() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/synthesis.csv");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|l| !l.starts_with('#') && !l.starts_with("module,"));
    // A path is in ps: the period of ASAP7's clock, whose cells these are.
    let most = 1e6 / technology::node("ASAP7").unwrap().clock_mhz.value * (1.0 - WIRES);
    for row in rows {
        let path_ps: f64 = row.rsplit(',').next().unwrap().parse().unwrap_or_else(|e| panic!("{path}: {row}: path_ps: {e}"));
        assert!(path_ps <= most, "{path}: a path of {path_ps} ps where the clock leaves {most} ps: {row}");
    }
}
