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
    let own = file.node.get(name).ok_or_else(|| Error::option("node", format!("{name} is unknown; known: {}", nodes().join(", "))))?;
    let scale = &own["logic_scale"];
    let get = |key: &str, unit: &str| figure(own.get(key).unwrap_or_else(|| &file.base[key]), unit);
    let logic = |key: &str| {
        let f = get(key, "um2");
        Figure {
            value: f.value * scale.value,
            low: Some(f.low.unwrap_or(f.value) * scale.low.unwrap_or(scale.value)),
            high: Some(f.high.unwrap_or(f.value) * scale.high.unwrap_or(scale.value)),
            source: format!("{}; x{} for {name}: {}", f.source, scale.value, scale.source),
            ..f
        }
    };
    Ok(Technology {
        node: name.into(),
        clock_mhz: get("clock_mhz", "MHz"),
        area: AreaCosts {
            rom_bit_um2: logic("rom_bit_um2"),
            sram_bit_um2: get("sram_bit_um2", "um2"),
            flop_um2: logic("flop_um2"),
            full_adder_um2: logic("full_adder_um2"),
            mux2_um2: logic("mux2_um2"),
            gate_um2: logic("gate_um2"),
            utilisation: get("utilisation", "1"),
        },
        energy: EnergyCosts {
            rom_bit_read_pj: get("rom_bit_read_pj", "pJ"),
            sram_bit_read_pj: get("sram_bit_read_pj", "pJ"),
            sram_bit_write_pj: get("sram_bit_write_pj", "pJ"),
            flop_cycle_pj: get("flop_cycle_pj", "pJ"),
            full_adder_pj: get("full_adder_pj", "pJ"),
            mux2_pj: get("mux2_pj", "pJ"),
            wire_bit_mm_pj: get("wire_bit_mm_pj", "pJ"),
        },
        leakage_logic_w_per_mm2: get("leakage_logic_w_per_mm2", "W/mm2"),
        leakage_sram_w_per_mm2: get("leakage_sram_w_per_mm2", "W/mm2"),
        leakage_rom_w_per_mm2: get("leakage_rom_w_per_mm2", "W/mm2"),
    })
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
            let t = node(&name).unwrap();
            for f in [&t.area.rom_bit_um2, &t.area.sram_bit_um2, &t.area.flop_um2, &t.energy.rom_bit_read_pj, &t.clock_mhz] {
                assert!(!f.source.is_empty() && f.value > 0.0);
                assert!(f.low.is_none_or(|l| l <= f.value) && f.high.is_none_or(|h| h >= f.value), "{name} {f:?}");
            }
        }
        assert!(matches!(node("N3"), Err(Error::Option { option: "node", .. })));
    }
}
