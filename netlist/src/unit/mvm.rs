//! Mvm: a matrix in silicon times a vector (`docs/numerics.md`, section 6), and the fabric that realises it.

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Stored, Working};
use super::matrix::MatrixSpec;
use crate::activity::events::{Activity, TOGGLE};
use crate::census::counts::{Census, Module};
use crate::census::matrix::{output_rom, scale_record};
use crate::census::{metal, tile};
use crate::check::{ACT_BITS, equal, within, wrong};
use crate::error::Error;
use crate::metal::MetalShape;
use crate::tile::TileShape;
use serde::{Deserialize, Serialize};

/// Widest sums: the simulators add in 64 bits and round with one more.
const MOST_SUM_BITS: u8 = 62;
/// Multiplexer stages between an accumulator's shadow and its multiplier, and of an output's shift: as many as number 32 and 64 ways.
const PICK_STAGES: f64 = 5.0;
const SHIFT_STAGES: f64 = 6.0;
/// Sums that a product bank forms for each value it holds, and at most: the others are shifts of those.
const BANK_SUMS: f64 = 0.25;
const MOST_BANK_SUMS: f64 = 8.0;
/// Length of an average metal-embedding net, mm: HNLPU's 7.8 fF (arXiv 2508.16151) at 0.2 pF a millimetre.
const METAL_NET_MM: f64 = 0.039;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MvmSpec {
    pub matrix: MatrixSpec,
    #[serde(flatten)]
    pub fabric: Fabric,
    pub act_bits: u8,
    /// Width proven for any group's inner sum.
    pub acc_bits: u8,
    /// Width proven for any partial sum of the scaled groups.
    pub tot_bits: u8,
}

/// How a matrix is realised. A new fabric is a new variant with its own file in `sim` and `rtl-gen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fabric", rename_all = "snake_case")]
pub enum Fabric {
    /// Multiply-select-add tiles.
    Tile(TileShape),
    /// Metal embedding: every weight a wire into an adder tree, activations a bit a cycle.
    Metal(MetalShape),
}

impl Fabric {
    pub fn name(&self) -> &'static str {
        match self {
            Fabric::Tile(_) => "tiles",
            Fabric::Metal(_) => "metal",
        }
    }
}

impl MvmSpec {
    /// Shape of its tiles, if it has any.
    pub fn tile(&self) -> Option<TileShape> {
        match self.fabric {
            Fabric::Tile(t) => Some(t),
            Fabric::Metal(_) => None,
        }
    }
}

impl Kind for MvmSpec {
    fn name(&self) -> &'static str {
        "mvm"
    }

    /// Its feed is checked beside it.
    fn port(&self, _: usize, _: &dyn Around) -> Port {
        Port { name: "input", len: Some(self.matrix.inputs), format: None }
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.matrix.outputs
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let (path, lanes, m) = (around.path(), around.lanes(), &self.matrix);
        m.check(path)?;
        within(path, "act_bits", self.act_bits, ACT_BITS)?;
        within(path, "acc_bits", self.acc_bits, 1..=MOST_SUM_BITS)?;
        within(path, "tot_bits", self.tot_bits, 1..=MOST_SUM_BITS)?;
        match self.fabric {
            Fabric::Tile(t) => check_tile(path, &t, m, lanes),
            Fabric::Metal(t) => {
                equal(path, "lanes", t.lanes, lanes)?;
                // Wires have no place for an offset: its sum of activations would be one more matrix.
                equal(path, "matrix.offset_bits", m.offset_bits, 0)
            }
        }
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let out = u64::from(around.out().bits);
        match self.fabric {
            Fabric::Tile(t) => tile::modules(self, t, out),
            Fabric::Metal(t) => metal::modules(self, t, out),
        }
    }

    fn own(&self, around: &dyn Around) -> Census {
        let all: Census = self.modules(around).iter().map(|m| m.census.times(m.count)).sum();
        Census { weights: all.weights, rom_bits: all.rom_bits, ..Census::default() }
    }

    fn activity(&self, _: &dyn Around, working: &Working) -> Activity {
        match self.fabric {
            Fabric::Tile(t) => tile_activity(self, t, working.area_um2),
            Fabric::Metal(_) => metal_activity(self, &working.census),
        }
    }

    fn stored(&self, _: Fixed) -> Vec<Stored<'_>> {
        vec![Stored::Matrix { matrix: &self.matrix, act_bits: Some(self.act_bits) }]
    }
}

fn check_tile(path: &str, t: &TileShape, m: &MatrixSpec, lanes: u32) -> Result<(), Error> {
    equal(path, "lanes", t.lanes, lanes)?;
    within(path, "rows", t.rows, 1..=1 << 16)?;
    within(path, "cols", t.cols, 1..=1 << 16)?;
    if t.deal == 0 || !t.lanes.is_multiple_of(t.deal) {
        return wrong(path, "deal", t.deal, format!("a divisor of {} lanes", t.lanes));
    }
    if !t.cols.is_multiple_of(t.tile_lanes()) {
        return wrong(path, "cols", t.cols, format!("a multiple of {}, the lanes of a tile", t.tile_lanes()));
    }
    let group = m.group.min(t.rows);
    if !t.rows.is_multiple_of(group) || (m.group < m.inputs && m.group > t.rows && !m.group.is_multiple_of(t.rows)) {
        return wrong(path, "matrix.group", m.group, format!("whole groups in {} rows, or whole tiles in a group", t.rows));
    }
    if t.steps() > group {
        let most = group * t.tile_lanes();
        return wrong(path, "cols", t.cols, format!("at most {most}: a scan must fit a group of {group} rows"));
    }
    Ok(())
}

/// Every code is read once; every column adds once a row played.
fn tile_activity(s: &MvmSpec, t: TileShape, area_um2: f64) -> Activity {
    let m = &s.matrix;
    let group = m.group.min(t.rows);
    let played = f64::from(m.inputs.min(t.rows).div_ceil(group) * group);
    let k_tiles = f64::from(t.k_tiles(m.inputs));
    let n_tiles = f64::from(t.n_tiles(m.outputs));
    let n = f64::from(m.outputs);
    let (acc, tot, act) = (f64::from(s.column_bits()), f64::from(s.tot_bits), f64::from(s.act_bits));
    // What a column selects from, and in how many levels: magnitudes of a folded codebook or of two digits, whose sign then inverts.
    let (values, digits) = (m.bank(), m.digits().is_some());
    let (signed, picks) = (digits || m.fold().is_some(), if digits { 2.0 } else { 1.0 });
    let value_bits = f64::from(33 - values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0).leading_zeros());
    let product = act + value_bits;
    let adds = n * played * k_tiles;
    let captures = n * k_tiles * played / f64::from(group);
    let bank = values.len() as f64;
    let levels = bank.log2() + if signed { 1.0 } else { 0.0 };
    // Rows that the banks of all tiles form products of.
    let rows = played * k_tiles * n_tiles;
    let tile_mm = (area_um2 / (k_tiles * n_tiles)).sqrt() * 1e-3;
    let scales = scale_record(m) as f64;
    let totals = if m.offset_bits > 0 { 2.0 } else { 1.0 };
    Activity {
        rom_bits_read: m.weights() as f64 * f64::from(m.code_bits) + n * f64::from(m.groups()) * scales + output_rom(m) as f64,
        flop_cycles: adds * (acc + picks * product) + captures * acc + rows * product * bank,
        full_adder_ops: adds * (acc + (picks - 1.0) * product)
            + captures * (acc * scales + tot * totals)
            + rows * product * (bank * BANK_SUMS).min(MOST_BANK_SUMS)
            + n * (k_tiles - 1.0) * tot,
        mux2_ops: adds * picks * product * levels + captures * acc * PICK_STAGES + n * tot * SHIFT_STAGES,
        wire_bit_mm: rows * bank * product * tile_mm * TOGGLE,
        ..Activity::buffered(captures * tot)
    }
}

/// Every bit of the activations passes every weight's adder; half of them are ones.
fn metal_activity(s: &MvmSpec, c: &Census) -> Activity {
    let bits = f64::from(s.act_bits);
    Activity {
        rom_bits_read: c.rom_bits as f64,
        full_adder_ops: (c.full_adders + c.adder_bits) as f64 * bits * TOGGLE,
        mux2_ops: c.mux2 as f64,
        flop_cycles: c.flops as f64 * bits,
        wire_bit_mm: c.weights as f64 * bits * TOGGLE * METAL_NET_MM,
        ..Activity::default()
    }
}
