//! Process nodes, read from `data/technology.toml`: one table of constants with their sources, scaled by node.

use crate::error::Error;
use hardwire_netlist::technology::{AreaCosts, EnergyCosts};
use hardwire_netlist::{Figure, Provenance, Technology};
use serde::Deserialize;
use std::collections::BTreeMap;

const DATA: &str = include_str!("../data/technology.toml");

#[derive(Clone, Deserialize)]
struct Constant {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
    source: String,
    provenance: Provenance,
}

#[derive(Deserialize)]
struct File {
    base: BTreeMap<String, Constant>,
    node: BTreeMap<String, BTreeMap<String, Constant>>,
}

/// Names of the nodes there are constants for.
pub fn nodes() -> Vec<String> {
    file().node.into_keys().collect()
}

/// Constants of a node by name.
///
/// # Errors
/// An unknown name; the message lists the known ones.
pub fn node(name: &str) -> Result<Technology, Error> {
    let file = file();
    let own = file.node.get(name).ok_or_else(|| unknown(name))?;
    let get = |key: &str, unit: &str| constant(&file, own, key, unit);
    let scaled = |key: &str, unit: &str, by: &str| {
        let f = get(key, unit);
        if own.contains_key(key) { f } else { times(f, &own[by], name) }
    };
    let logic = |key: &str| scaled(key, "um2", "logic_scale");
    let energy = |key: &str| scaled(key, "pJ", "energy_scale");
    Ok(Technology {
        node: name.into(),
        clock_mhz: get("clock_mhz", "MHz"),
        area: AreaCosts {
            rom_bit_um2: logic("rom_bit_um2"),
            sram_bit_um2: get("sram_bit_um2", "um2"),
            flop_um2: logic("flop_um2"),
            full_adder_um2: logic("full_adder_um2"),
            adder_bit_um2: logic("adder_bit_um2"),
            mux2_um2: logic("mux2_um2"),
            gate_um2: logic("gate_um2"),
            utilisation: get("utilisation", "1"),
        },
        energy: EnergyCosts {
            rom_bit_read_pj: energy("rom_bit_read_pj"),
            sram_bit_read_pj: energy("sram_bit_read_pj"),
            sram_bit_write_pj: energy("sram_bit_write_pj"),
            flop_cycle_pj: energy("flop_cycle_pj"),
            full_adder_pj: energy("full_adder_pj"),
            mux2_pj: energy("mux2_pj"),
            wire_bit_mm_pj: energy("wire_bit_mm_pj"),
        },
        leakage_logic_w_per_mm2: get("leakage_logic_w_per_mm2", "W/mm2"),
        leakage_sram_w_per_mm2: get("leakage_sram_w_per_mm2", "W/mm2"),
        leakage_rom_w_per_mm2: get("leakage_rom_w_per_mm2", "W/mm2"),
    })
}

/// What limits a die and what joins several; [`Technology`] says what is on them. What one costs is no fact of the compiler's.
#[derive(Clone, Debug)]
pub struct Silicon {
    pub power_limit_w_per_mm2: Figure,
    pub link_bit_pj: Figure,
    pub link_gb_per_s: Figure,
    pub link_latency_ns: Figure,
}

/// Silicon constants of a node by name.
///
/// # Errors
/// As [`node`].
pub fn silicon(name: &str) -> Result<Silicon, Error> {
    let file = file();
    let own = file.node.get(name).ok_or_else(|| unknown(name))?;
    let get = |key: &str, unit: &str| constant(&file, own, key, unit);
    Ok(Silicon {
        power_limit_w_per_mm2: get("power_limit_w_per_mm2", "W/mm2"),
        link_bit_pj: get("link_bit_pj", "pJ"),
        link_gb_per_s: get("link_gb_per_s", "GB/s"),
        link_latency_ns: get("link_latency_ns", "ns"),
    })
}

/// Which end of every constant's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corner {
    Low,
    Middle,
    High,
}

/// A technology with every cost at one end of its range: the cheapest, smallest and fastest at `Low`. All ends at once is wider than
/// any real uncertainty.
pub fn corner(t: &Technology, corner: Corner) -> Technology {
    let cost = |f: &Figure| at(f, corner, true);
    let gain = |f: &Figure| at(f, corner, false);
    let (a, e) = (&t.area, &t.energy);
    Technology {
        node: t.node.clone(),
        clock_mhz: gain(&t.clock_mhz),
        area: AreaCosts {
            rom_bit_um2: cost(&a.rom_bit_um2),
            sram_bit_um2: cost(&a.sram_bit_um2),
            flop_um2: cost(&a.flop_um2),
            full_adder_um2: cost(&a.full_adder_um2),
            adder_bit_um2: cost(&a.adder_bit_um2),
            mux2_um2: cost(&a.mux2_um2),
            gate_um2: cost(&a.gate_um2),
            utilisation: gain(&a.utilisation),
        },
        energy: EnergyCosts {
            rom_bit_read_pj: cost(&e.rom_bit_read_pj),
            sram_bit_read_pj: cost(&e.sram_bit_read_pj),
            sram_bit_write_pj: cost(&e.sram_bit_write_pj),
            flop_cycle_pj: cost(&e.flop_cycle_pj),
            full_adder_pj: cost(&e.full_adder_pj),
            mux2_pj: cost(&e.mux2_pj),
            wire_bit_mm_pj: cost(&e.wire_bit_mm_pj),
        },
        leakage_logic_w_per_mm2: cost(&t.leakage_logic_w_per_mm2),
        leakage_sram_w_per_mm2: cost(&t.leakage_sram_w_per_mm2),
        leakage_rom_w_per_mm2: cost(&t.leakage_rom_w_per_mm2),
    }
}

/// As [`corner`], for silicon: fast links at `Low`.
pub fn silicon_corner(s: &Silicon, corner: Corner) -> Silicon {
    let cost = |f: &Figure| at(f, corner, true);
    let gain = |f: &Figure| at(f, corner, false);
    Silicon {
        power_limit_w_per_mm2: gain(&s.power_limit_w_per_mm2),
        link_bit_pj: cost(&s.link_bit_pj),
        link_gb_per_s: gain(&s.link_gb_per_s),
        link_latency_ns: cost(&s.link_latency_ns),
    }
}

/// A figure at one end of its range.
fn at(f: &Figure, corner: Corner, less_is_low: bool) -> Figure {
    let (low, high) = (f.low.unwrap_or(f.value), f.high.unwrap_or(f.value));
    let value = match (corner, less_is_low) {
        (Corner::Middle, _) => f.value,
        (Corner::Low, true) | (Corner::High, false) => low,
        (Corner::High, true) | (Corner::Low, false) => high,
    };
    Figure { value, ..f.clone() }
}

fn unknown(name: &str) -> Error {
    Error::option("node", format!("{name} is unknown; known: {}", nodes().join(", ")))
}

/// The node's own constant, or the common one.
fn constant(file: &File, own: &BTreeMap<String, Constant>, key: &str, unit: &str) -> Figure {
    figure(own.get(key).unwrap_or_else(|| &file.base[key]), unit)
}

fn times(f: Figure, scale: &Constant, name: &str) -> Figure {
    Figure {
        value: f.value * scale.value,
        low: Some(f.low.unwrap_or(f.value) * scale.low.unwrap_or(scale.value)),
        high: Some(f.high.unwrap_or(f.value) * scale.high.unwrap_or(scale.value)),
        source: format!("{}; x{} for {name}: {}", f.source, scale.value, scale.source),
        ..f
    }
}

fn file() -> File {
    toml::from_str(DATA).expect("the bundled constants are tested to parse")
}

fn figure(c: &Constant, unit: &str) -> Figure {
    Figure { value: c.value, unit: unit.into(), provenance: c.provenance, source: c.source.clone(), low: c.low, high: c.high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_whole_and_ordered() {
        for name in nodes() {
            let (t, s) = (node(&name).unwrap(), silicon(&name).unwrap());
            let all = [
                &t.area.rom_bit_um2,
                &t.area.sram_bit_um2,
                &t.area.flop_um2,
                &t.area.full_adder_um2,
                &t.area.adder_bit_um2,
                &t.area.mux2_um2,
                &t.area.gate_um2,
                &t.energy.rom_bit_read_pj,
                &t.energy.full_adder_pj,
                &t.clock_mhz,
                &s.link_bit_pj,
                &s.link_gb_per_s,
                &s.link_latency_ns,
                &s.power_limit_w_per_mm2,
            ];
            for f in all {
                assert!(!f.source.is_empty() && f.value > 0.0);
                assert!(f.low.is_none_or(|l| l <= f.value) && f.high.is_none_or(|h| h >= f.value), "{name} {f:?}");
            }
            let c = hardwire_netlist::Census {
                rom_bits: 10,
                sram_bits: 10,
                flops: 5,
                full_adders: 5,
                adder_bits: 5,
                mux2: 5,
                gates: 5,
                weights: 0,
            };
            let area = |k| corner(&t, k).area_um2(&c);
            assert!(area(Corner::Low) <= area(Corner::Middle) && area(Corner::Middle) <= area(Corner::High));
        }
        assert!(matches!(node("N3"), Err(Error::Option { option: "node", .. })));
        assert!(matches!(silicon("N3"), Err(Error::Option { option: "node", .. })));
    }
}
