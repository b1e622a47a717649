//! The clock that the timing model assumes is one that the synthesised modules support.

use hardwire_compiler::technology;
use std::collections::BTreeMap;
use std::fs;

/// Share of a period left for wires and skew: the measured paths are cells only (`docs/calibration.md`, "Clock").
const WIRES: f64 = 0.2;

/// Modules that leave less to wires, with their longest path in ps: said in `docs/calibration.md`, and taken off here once they are mended.
const LESS_LEFT: &[(&str, f64)] = &[("group_tile", 820.0)];

#[test]
fn every_synthesised_module_supports_the_clock() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/synthesis.csv");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|l| !l.starts_with('#') && !l.starts_with("module,"));
    // A path is in ps: the period of ASAP7's clock, whose cells these are.
    let most = 1e6 / technology::node("ASAP7").unwrap().clock_mhz.value * (1.0 - WIRES);
    let mut longest = BTreeMap::new();
    for row in rows {
        let path_ps: f64 = row.rsplit(',').next().unwrap().parse().unwrap_or_else(|e| panic!("{path}: {row}: path_ps: {e}"));
        let own = LESS_LEFT.iter().find(|(module, _)| row.starts_with(&format!("{module},"))).map_or(most, |&(_, ps)| ps);
        longest.entry(own.to_bits()).and_modify(|l: &mut f64| *l = l.max(path_ps)).or_insert(path_ps);
        assert!(path_ps <= own, "{path}: a path of {path_ps} ps where the clock leaves {own} ps: {row}");
    }
    for (module, ps) in LESS_LEFT {
        assert!(*ps > most && longest.get(&ps.to_bits()) == Some(ps), "{module}: {ps} ps is no longer its longest path");
    }
}
