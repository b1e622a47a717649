//! What a netlist takes of an FPGA, before anything is synthesised. Logic follows the census, the one count of what is emitted: look-up tables,
//! flip-flops and multipliers of a kind of unit are as many for each piece of its logic as those of the units that were synthesised
//! (`data/synthesis.csv`). Block RAM follows the words and bits of each memory.

use crate::board::{Board, Family};
use crate::error::Error;
use hardwire_netlist::census::{self, Census};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::{Fabric, Netlist, UnitId, UnitKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

const ROWS: &str = "data/synthesis.csv";
const TEXT: &str = include_str!("../data/synthesis.csv");

/// Words that a ROM, and a memory that is written, must have to become block RAM: Yosys makes look-up tables of those with fewer (the rows of
/// `data/synthesis.csv`: its caches of 64 words are block RAM, its codes of 16 are not).
const FEWEST_ROM_WORDS: u64 = 65;
const FEWEST_RAM_WORDS: u64 = 33;
/// Words and bits of the tables of powers, reciprocals, roots and sigmoids (`docs/numerics.md`, sections 7 to 9), value and slope together.
const POWERS: (u64, u64) = (128, 36);
const RECIPROCALS: (u64, u64) = (256, 28);
const ROOTS: (u64, u64) = (192, 32);
const SIGMOIDS: (u64, u64) = (256, 32);

/// What of an FPGA is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Used {
    pub luts: f64,
    pub flops: f64,
    pub dsps: f64,
    pub brams: f64,
}

impl AddAssign for Used {
    fn add_assign(&mut self, o: Used) {
        self.luts += o.luts;
        self.flops += o.flops;
        self.dsps += o.dsps;
        self.brams += o.brams;
    }
}

/// A unit's share.
#[derive(Clone, Debug, Serialize)]
pub struct UnitUse {
    pub path: String,
    pub kind: &'static str,
    /// Pieces of logic, by the census.
    pub logic: f64,
    #[serde(flatten)]
    pub used: Used,
}

/// A unit as it was synthesised.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    family: Family,
    unit: String,
    /// Of the census, flip-flops too.
    logic: f64,
    registers: f64,
    luts: f64,
    /// With every product in look-up tables.
    luts_without_dsps: f64,
    flops: f64,
    dsps: f64,
}

/// For each piece of logic of a kind of unit; flip-flops for each of the census.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    luts: f64,
    flops: f64,
    dsps: f64,
    /// Look-up tables of a product that finds no multiplier.
    luts_a_product: f64,
}

/// The model of one family.
pub struct Model {
    family: Family,
    /// The family whose rows stand for this one's.
    pub stands_for: Option<Family>,
    kinds: BTreeMap<String, Rates>,
    /// Of all kinds together, for one that was not synthesised.
    all: Rates,
}

/// One piece of logic is a bit of an adder; a multiplexer bit counts half, a gate a third: about their look-up tables.
pub fn logic(c: &Census) -> f64 {
    (c.full_adders + c.adder_bits) as f64 + c.mux2 as f64 / 2.0 + c.gates as f64 / 3.0
}

impl Rates {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Rates {
        let (mut logic, mut registers, mut luts, mut without, mut flops, mut dsps) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for r in rows {
            logic += r.logic;
            registers += r.registers;
            luts += r.luts;
            without += r.luts_without_dsps;
            flops += r.flops;
            dsps += r.dsps;
        }
        let (logic, registers) = (f64::max(logic, 1.0), f64::max(registers, 1.0));
        let luts_a_product = if dsps > 0.0 { (without - luts) / dsps } else { 0.0 };
        Rates { luts: luts / logic, flops: flops / registers, dsps: dsps / logic, luts_a_product }
    }
}

impl Model {
    /// # Errors
    /// Rows that are no rows.
    pub fn of(family: Family) -> Result<Model, Error> {
        let fail = |what: String| Error::Data { path: ROWS, what };
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(TEXT.as_bytes());
        let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().map_err(|e| fail(e.to_string()))?;
        // Where a family was not synthesised, an ECP5's look-up tables of four inputs stand for its own.
        let of = |family| rows.iter().filter(|r| r.family == family).cloned().collect::<Vec<Row>>();
        let (mine, stands_for) = match of(family) {
            mine if mine.is_empty() => (of(Family::Ecp5), Some(Family::Ecp5)),
            mine => (mine, None),
        };
        let names: Vec<String> = mine.iter().map(|r| r.unit.clone()).collect();
        let kinds = names.into_iter().map(|n| (n.clone(), Rates::of(mine.iter().filter(|r| r.unit == n)))).collect();
        Ok(Model { family, stands_for, kinds, all: Rates::of(mine.iter()) })
    }

    fn rates(&self, kind: &str) -> Rates {
        self.kinds.get(kind).copied().unwrap_or(self.all)
    }

    /// What one unit takes where every product finds a multiplier.
    pub fn unit(&self, netlist: &Netlist, id: UnitId) -> UnitUse {
        let unit = netlist.unit(id);
        let kind = unit.kind.name();
        let (counts, rates) = (census::unit(netlist, id), self.rates(kind));
        let logic = logic(&counts);
        let used = Used {
            luts: logic * rates.luts,
            flops: counts.flops as f64 * rates.flops,
            dsps: logic * rates.dsps,
            brams: memory(self.family, netlist, id) as f64,
        };
        UnitUse { path: unit.path.clone(), kind, logic, used }
    }

    /// What each unit that is built takes, and all together on a board of `dsps` multipliers: products past those are look-up tables.
    pub fn estimate(&self, netlist: &Netlist, dsps: u64) -> (Vec<UnitUse>, Used) {
        let mut units = Vec::new();
        let (mut total, mut products) = (Used::default(), Vec::new());
        for (id, unit) in netlist.built_units() {
            let share = self.unit(netlist, id);
            products.push((self.rates(unit.kind.name()).luts_a_product, share.used.dsps));
            total += share.used;
            units.push(share);
        }
        // The cheapest products become look-up tables first.
        products.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut past = (total.dsps - dsps as f64).max(0.0);
        for (luts, n) in products {
            let moved = n.min(past);
            total.luts += moved * luts;
            total.dsps -= moved;
            past -= moved;
        }
        (units, total)
    }
}

/// Block RAMs of a unit; its shallow memories are look-up tables, and in the rates.
fn memory(family: Family, netlist: &Netlist, id: UnitId) -> u64 {
    let unit = netlist.unit(id);
    let layers = u64::from(netlist.rounds(unit.station));
    let (v, n) = (u64::from(netlist.lanes), u64::from);
    // A layer's words begin at a power of two.
    let rom = |words: u64, bits: u64| {
        let words = if layers > 1 { layers * words.next_power_of_two() } else { words };
        hold(family, words, bits, FEWEST_ROM_WORDS)
    };
    let table = |(words, bits): (u64, u64)| hold(family, words, bits, FEWEST_ROM_WORDS);
    let mut used = 0;
    match &unit.kind {
        UnitKind::Embed(s) => {
            let m = &s.matrix;
            used += table((n(m.outputs) * n(m.inputs).div_ceil(v), v * n(m.code_bits.into())));
            used += table((n(m.outputs), 8 + n(m.groups()) * record(m)));
        }
        UnitKind::Mvm(s) => {
            let (m, t) = (&s.matrix, s.shape);
            for k_tile in 0..t.k_tiles(m.inputs) {
                for n_tile in 0..t.n_tiles(m.outputs) {
                    let (rows, cols) = (t.tile_rows(k_tile, m.inputs), t.tile_cols(n_tile, m.outputs));
                    let groups = rows.div_ceil(m.group.min(rows));
                    match s.fabric {
                        Fabric::Tile => {
                            used += rom(n(rows), n(cols) * n(m.code_bits.into()));
                            used += rom(n(groups) * n(t.steps()), n(t.tile_lanes()) * record(m));
                        }
                        _ if s.fabric.wired() => {}
                        _ => used += rom(n(groups), n(cols) * (n(m.group.min(m.inputs)) * n(m.code_bits.into()) + record(m))),
                    }
                }
            }
        }
        UnitKind::Attention(s) => {
            let words = n(s.context).div_ceil(n(s.pos_lanes)) * n(s.users) * layers;
            let row = n(s.kv_heads) * (n(s.head_dim) * n(s.kv_bits.into()) + 5);
            for _ in 0..2 * s.pos_lanes {
                used += hold(family, words, row, FEWEST_RAM_WORDS);
            }
            used += hold(family, n(s.context).div_ceil(n(s.pos_lanes)), n(s.heads) * n(s.pos_lanes) * 32, FEWEST_RAM_WORDS);
            // A table is read for every head and position of a cycle, and its ROM copied as often.
            used += n(s.heads) * n(s.pos_lanes) * table(POWERS) + table(RECIPROCALS);
        }
        UnitKind::RmsNorm(_) => used += table(ROOTS),
        UnitKind::GatedAct(_) => used += v * table(SIGMOIDS),
        _ => {}
    }
    used
}

/// Bits of a scale and its offset.
fn record(m: &MatrixSpec) -> u64 {
    u64::from(m.scale_bits) + u64::from(m.offset_bits)
}

/// Block RAMs of a memory of `words` of `bits`, where it has `fewest` words or more.
fn hold(family: Family, words: u64, bits: u64, fewest: u64) -> u64 {
    if words < fewest {
        return 0;
    }
    let blocks = family.block_ram().iter().map(|(deep, wide)| words.div_ceil(*deep) * bits.div_ceil(*wide));
    blocks.min().unwrap_or(0)
}

/// What a board has of each resource beside what is used of it: name, used, there.
pub fn against(used: &Used, board: &Board) -> [(&'static str, f64, u64); 4] {
    [
        ("look-up tables", used.luts, board.luts),
        ("flip-flops", used.flops, board.flops),
        ("multipliers", used.dsps, board.dsps),
        ("block RAM", used.brams, board.brams),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_ram_takes_the_shape_that_needs_fewest() {
        assert_eq!(hold(Family::Ecp5, 512, 36, 65), 1);
        assert_eq!(hold(Family::Ecp5, 513, 36, 65), 2);
        assert_eq!(hold(Family::Ecp5, 8192, 2, 65), 1);
        assert_eq!(hold(Family::Ice40, 512, 16, 65), 2);
        assert_eq!(hold(Family::Ecp5, 64, 10, 65), 0);
    }

    #[test]
    fn every_family_has_a_model() {
        for family in Family::ALL {
            let model = Model::of(family).unwrap();
            assert!(model.all.luts > 0.0 && model.all.flops > 0.0, "{}", family.name());
        }
    }
}
