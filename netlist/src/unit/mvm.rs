//! Mvm: a matrix in silicon times a vector (`docs/numerics.md`, section 6).

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Stored, Working};
use super::matrix::{MOST, MatrixSpec};
use crate::activity::events::Activity;
use crate::census::counts::{Census, Module};
use crate::check::{ACT_BITS, equal, within, wrong};
use crate::error::Error;
use crate::fabric::design::Array;
use crate::fabric::list::Fabric;
use crate::fabric::shape::TileShape;
use crate::fabric::tile::column_bits;
use serde::{Deserialize, Serialize};

/// Widest sums: the simulators add in 64 bits and round with one more.
const MOST_SUM_BITS: u8 = 62;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MvmSpec {
    pub matrix: MatrixSpec,
    /// How it is realised (`fabric/`),
    pub fabric: Fabric,
    /// and in an array of what shape.
    #[serde(flatten)]
    pub shape: TileShape,
    pub act_bits: u8,
    /// Width proven for any group's inner sum.
    pub acc_bits: u8,
    /// Width proven for any partial sum of the scaled groups.
    pub tot_bits: u8,
}

impl MvmSpec {
    /// As its fabric sees it.
    fn held(&self) -> Array<'_> {
        let MvmSpec { matrix, shape, act_bits, acc_bits, tot_bits, .. } = self;
        Array { matrix, shape: *shape, act_bits: *act_bits, acc_bits: *acc_bits, tot_bits: *tot_bits }
    }

    /// Tiles along the outputs and along the inputs; `None` where weights are wires.
    pub fn array(&self) -> Option<(u32, u32)> {
        let (t, m) = (self.shape, &self.matrix);
        (!self.fabric.wired()).then(|| (t.n_tiles(m.outputs), t.k_tiles(m.inputs)))
    }

    /// Scaled sums of an output that its output stage adds: bands of inputs, or groups.
    pub fn parts(&self) -> u32 {
        self.fabric.design().parts(&self.held())
    }

    /// Whether it needs the sums of each group's activations from its feed.
    pub fn group_sums(&self) -> bool {
        self.fabric.design().group_sums(&self.matrix)
    }

    /// Bits of the accumulator of a column of tiles.
    pub fn column_bits(&self) -> u32 {
        column_bits(&self.held())
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
        let t = self.shape;
        equal(path, "lanes", t.lanes, lanes)?;
        within(path, "rows", t.rows, 1..=MOST)?;
        within(path, "cols", t.cols, 1..=MOST)?;
        if t.deal == 0 || !t.lanes.is_multiple_of(t.deal) {
            return wrong(path, "deal", t.deal, format!("a divisor of {} lanes", t.lanes));
        }
        if !t.cols.is_multiple_of(t.tile_lanes()) {
            return wrong(path, "cols", t.cols, format!("a multiple of {}, the lanes of a tile", t.tile_lanes()));
        }
        self.fabric.design().validate(path, &self.held())
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        self.fabric.design().modules(&self.held(), u64::from(around.out().bits))
    }

    fn own(&self, around: &dyn Around) -> Census {
        let all: Census = self.modules(around).iter().map(|m| m.census.times(m.count)).sum();
        Census { weights: all.weights, rom_bits: all.rom_bits, ..Census::default() }
    }

    fn activity(&self, _: &dyn Around, working: &Working) -> Activity {
        self.fabric.design().activity(&self.held(), &working.census, working.area_um2)
    }

    fn stored(&self, _: Fixed) -> Vec<Stored<'_>> {
        vec![Stored::Matrix { matrix: &self.matrix, act_bits: Some(self.act_bits) }]
    }
}
