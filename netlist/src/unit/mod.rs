//! The kinds of unit a chip is built from. A file of this folder is the one owner of its kind: the parameters that fix the hardware, input
//! ports, widths, what must hold of them, counts and events ([`Kind`]). What the kinds compute is in `docs/numerics.md`; the section is named
//! in each file. A new kind is a file and its lines in [`UnitKind`].

pub(crate) mod add;
pub(crate) mod argmax;
pub(crate) mod attention;
pub(crate) mod conv;
pub(crate) mod decay;
pub(crate) mod delta;
pub(crate) mod embed;
pub(crate) mod fixed;
pub(crate) mod gated_act;
pub(crate) mod kind;
pub(crate) mod matrix;
pub(crate) mod mix;
pub(crate) mod mvm;
pub(crate) mod norm;
pub(crate) mod rope;
pub(crate) mod route;
pub(crate) mod row_feed;

pub use crate::fabric::list::Fabric;
pub use crate::permutation::RowPermutation;
pub use attention::AttentionSpec;
pub use conv::ConvSpec;
pub use decay::DecaySpec;
pub use delta::DeltaSpec;
pub use embed::EmbedSpec;
pub use fixed::Fixed;
pub use gated_act::{Activation, GatedActSpec};
pub use kind::{Around, Kind, Memory, Port, Producer, Stored, Working};
pub use matrix::{MOST_SHIFT_BITS, MatrixSpec, shift_bits};
pub use mix::MixSpec;
pub use mvm::MvmSpec;
pub use norm::{CentreSpec, NormSpec};
pub use rope::RopeSpec;
pub use route::RouteSpec;
pub use row_feed::RowFeedSpec;

use serde::{Deserialize, Serialize};

/// One unit of the chip, with the stream it gives out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// Unique, e.g. `layers.7.mlp.down_proj`.
    pub path: String,
    /// Index of the station it belongs to.
    pub station: u32,
    pub kind: UnitKind,
    /// Format of its output stream.
    pub out: Fixed,
    /// Elements of its output stream.
    pub out_len: u32,
    /// Where set, it works only on tokens for which the Route of its station chose this expert (section 10).
    pub expert: Option<u32>,
}

/// A unit's kind and parameters. Input ports, sections and modules: the kind's own file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UnitKind {
    Embed(EmbedSpec),
    RmsNorm(NormSpec),
    RowFeed(RowFeedSpec),
    Mvm(MvmSpec),
    Rope(RopeSpec),
    Attention(AttentionSpec),
    GatedAct(GatedActSpec),
    Add,
    Argmax,
    Route(RouteSpec),
    Mix(MixSpec),
    Conv(ConvSpec),
    Decay(DecaySpec),
    Delta(DeltaSpec),
}

impl UnitKind {
    /// What the kind says of itself: the one place that goes from one to the other.
    pub fn kind(&self) -> &dyn Kind {
        match self {
            UnitKind::Embed(s) => s,
            UnitKind::RmsNorm(s) => s,
            UnitKind::RowFeed(s) => s,
            UnitKind::Mvm(s) => s,
            UnitKind::Rope(s) => s,
            UnitKind::Attention(s) => s,
            UnitKind::GatedAct(s) => s,
            UnitKind::Add => &add::AddSpec,
            UnitKind::Argmax => &argmax::ArgmaxSpec,
            UnitKind::Route(s) => s,
            UnitKind::Mix(s) => s,
            UnitKind::Conv(s) => s,
            UnitKind::Decay(s) => s,
            UnitKind::Delta(s) => s,
        }
    }

    /// Name of the kind as it appears in reports and in the Verilog.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

impl Unit {
    /// What it keeps in `program.bin`.
    pub fn stored(&self) -> Vec<Stored<'_>> {
        self.kind.kind().stored(self.out)
    }

    /// What it remembers of sequences.
    pub fn memory(&self) -> Option<Memory> {
        self.kind.kind().memory()
    }

    /// Its matrices.
    pub fn matrices(&self) -> impl Iterator<Item = &MatrixSpec> {
        self.stored().into_iter().filter_map(|s| match s {
            Stored::Matrix { matrix, .. } => Some(matrix),
            Stored::Values { .. } => None,
        })
    }
}
