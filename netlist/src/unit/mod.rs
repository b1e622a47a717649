//! The kinds of unit a chip is built from, with the parameters that fix each one's hardware. What they compute is in
//! `docs/numerics.md`; the section is named at each kind.

mod attention;
mod embed;
mod gated_act;
mod matrix;
mod mix;
mod mvm;
mod norm;
mod rope;
mod route;
mod row_feed;

pub use crate::permutation::RowPermutation;
pub use attention::AttentionSpec;
pub use embed::EmbedSpec;
pub use gated_act::{Activation, GatedActSpec};
pub use matrix::MatrixSpec;
pub use mix::MixSpec;
pub use mvm::{Fabric, MvmSpec};
pub use norm::{CentreSpec, NormSpec};
pub use rope::RopeSpec;
pub use route::RouteSpec;
pub use row_feed::{Play, RowFeedSpec};
use serde::{Deserialize, Serialize};

/// A signed fixed-point format: an integer of `bits` bits standing for `x * 2^-frac`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    pub bits: u8,
    pub frac: i16,
}

impl Fixed {
    pub fn new(bits: u8, frac: i16) -> Self {
        Fixed { bits, frac }
    }

    /// Greatest magnitude: formats are symmetric.
    pub fn max(self) -> i64 {
        (1i64 << (self.bits - 1)) - 1
    }

    /// The real number `x` stands for.
    pub fn value(self, x: i64) -> f64 {
        x as f64 * (-f64::from(self.frac)).exp2()
    }
}

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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UnitKind {
    /// Token in, residual out (section 3). First station only.
    Embed(EmbedSpec),
    /// Section 4.
    RmsNorm(NormSpec),
    /// Section 5. Output: a row stream, or a bit stream, to the matrices it feeds. Port 1, where it waits: the Route (section 10).
    RowFeed(RowFeedSpec),
    /// Section 6.
    Mvm(MvmSpec),
    /// Section 7.
    Rope(RopeSpec),
    /// Section 7. Input ports: 0 q, 1 k, 2 v.
    Attention(AttentionSpec),
    /// Section 8. Input ports: 0 gate, 1 up, where it has one.
    GatedAct(GatedActSpec),
    /// Section 8. Input ports: 0 the residual (early, buffered), 1 the branch.
    Add,
    /// Section 8. Last station only.
    Argmax,
    /// Section 10. Input: the router's logits. Output: a weight an expert.
    Route(RouteSpec),
    /// Section 10. Input ports: 0 the Route's weights, 1 and up the experts' outputs.
    Mix(MixSpec),
}

impl UnitKind {
    /// Name of the kind as it appears in reports and in the Verilog.
    pub fn name(&self) -> &'static str {
        match self {
            UnitKind::Embed(_) => "embed",
            UnitKind::RmsNorm(s) if s.centre.is_some() => "layer_norm",
            UnitKind::RmsNorm(_) => "rms_norm",
            UnitKind::RowFeed(_) => "row_feed",
            UnitKind::Mvm(_) => "mvm",
            UnitKind::Rope(_) => "rope",
            UnitKind::Attention(_) => "attention",
            UnitKind::GatedAct(_) => "gated_act",
            UnitKind::Add => "add",
            UnitKind::Argmax => "argmax",
            UnitKind::Route(_) => "route",
            UnitKind::Mix(_) => "mix",
        }
    }
}
