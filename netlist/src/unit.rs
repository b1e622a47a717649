//! The kinds of unit a chip is built from, with the parameters that fix each one's hardware. What they compute is in
//! `docs/numerics.md`; the section is named at each kind.

use crate::metal::MetalShape;
pub use crate::permutation::RowPermutation;
use crate::program::ProgramId;
use crate::tile::TileShape;
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

/// The number system of one matrix in ROM: codes, codebook, scales (section 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixSpec {
    /// Checkpoint tensor it holds.
    pub tensor: String,
    /// K.
    pub inputs: u32,
    /// N.
    pub outputs: u32,
    /// 2, 3, 4, 6 or 8.
    pub code_bits: u8,
    /// `2^code_bits` values.
    pub codebook: Vec<i32>,
    /// Inputs that share a scale; `>= inputs` means one scale an output.
    pub group: u32,
    /// Width of the signed scale mantissa.
    pub scale_bits: u8,
    /// Width of the signed offset mantissa; 0 = no offsets.
    pub offset_bits: u8,
    pub bias: bool,
    /// Which row of the tensor each output is.
    #[serde(default, skip_serializing_if = "RowPermutation::is_identity")]
    pub rows: RowPermutation,
    pub program: ProgramId,
}

impl MatrixSpec {
    /// Scale groups along the inputs.
    pub fn groups(&self) -> u32 {
        self.inputs.div_ceil(self.group)
    }

    pub fn weights(&self) -> u64 {
        u64::from(self.inputs) * u64::from(self.outputs)
    }

    /// Bits a weight costs in ROM, scales and offsets included.
    pub fn bits_per_weight(&self) -> f64 {
        let per_group = f64::from(self.scale_bits) + f64::from(self.offset_bits);
        f64::from(self.code_bits) + per_group * f64::from(self.groups()) / f64::from(self.inputs)
    }

    /// Greatest magnitude in the codebook.
    pub fn max_value(&self) -> i32 {
        self.codebook.iter().map(|v| v.abs()).max().unwrap_or(0)
    }
}

/// Token embedding ROM and the generator of the rotation phases that travel with each token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedSpec {
    /// `outputs` = vocabulary, `inputs` = hidden size.
    pub matrix: MatrixSpec,
    /// Learned positions: `outputs` = positions, `inputs` = hidden size. Then there are no rope tables.
    pub positions: Option<MatrixSpec>,
    /// Per rope table, per pair: turns a position in units of 2^-32.
    pub omega: Vec<Vec<u32>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormSpec {
    pub len: u32,
    /// Independent groups of `len / groups` elements.
    pub groups: u32,
    /// `E` of section 4, decimal in JSON.
    pub epsilon: u64,
    /// `len / groups` gain mantissas of 20 bits.
    pub gain: ProgramId,
    /// Input format.
    pub input: Fixed,
    /// `shift` of section 4: takes the product with the gain to the output's format.
    pub shift: u8,
    /// What makes it a LayerNorm.
    pub centre: Option<CentreSpec>,
}

/// The mean to subtract, and the bias to add (section 4, LayerNorm).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CentreSpec {
    /// `cm` and `cs`.
    pub mantissa: u32,
    pub shift: u8,
    /// `len` integers in the output's format.
    pub bias: Option<ProgramId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowFeedSpec {
    pub len: u32,
    pub input: Fixed,
    pub act_bits: u8,
    /// R of the matrices it feeds; the whole vector where bits are played.
    pub rows: u32,
    /// Rows between scale captures: `min(group, rows)` of the matrices it feeds.
    pub group: u32,
    #[serde(default)]
    pub play: Play,
    /// Keeps its rows until the Route on port 1 has chosen the experts that take them.
    pub waits: bool,
}

/// How a vector enters its matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Play {
    /// A row of every K-tile band a cycle: for tiles.
    #[default]
    Rows,
    /// A bit of every element a cycle, the sign first: for metal embedding.
    Bits,
}

impl RowFeedSpec {
    pub fn k_tiles(&self) -> u32 {
        self.len.div_ceil(self.rows)
    }

    /// Rows played: whole groups of the longest band.
    pub fn played_rows(&self) -> u32 {
        self.len.min(self.rows).div_ceil(self.group) * self.group
    }

    /// Cycles its output lasts.
    pub fn played_cycles(&self) -> u32 {
        match self.play {
            Play::Rows => self.played_rows(),
            Play::Bits => u32::from(self.act_bits),
        }
    }
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

impl MvmSpec {
    /// Shape of its tiles, if it has any.
    pub fn tile(&self) -> Option<TileShape> {
        match self.fabric {
            Fabric::Tile(t) => Some(t),
            Fabric::Metal(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeSpec {
    pub heads: u32,
    pub head_dim: u32,
    /// Elements of a head that are rotated (the first ones); `head_dim` unless partial.
    pub rotated: u32,
    /// Which list of phases.
    pub table: u8,
    pub input: Fixed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionSpec {
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    /// Most positions a sequence may hold.
    pub context: u32,
    /// Sequences the cache holds.
    pub users: u32,
    pub window: Option<u32>,
    pub act_bits: u8,
    pub kv_bits: u8,
    /// Cached positions read a cycle.
    pub pos_lanes: u32,
    pub q: Fixed,
    pub k: Fixed,
    pub v: Fixed,
    /// `c` and `kc` of section 7.
    pub score_mantissa: u32,
    pub score_shift: i32,
    /// `heads` scores of the sinks, where the model has them.
    pub sinks: Option<ProgramId>,
}

impl AttentionSpec {
    /// KV cache bits: codes, and a 5-bit shift per key and per value vector.
    pub fn kv_cache_bits(&self) -> u64 {
        let per_vector = u64::from(self.head_dim) * u64::from(self.kv_bits) + 5;
        2 * per_vector * u64::from(self.kv_heads) * u64::from(self.context) * u64::from(self.users)
    }
}

/// Section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Silu,
    /// GELU in its tanh form.
    GeluTanh,
    /// GELU by the error function.
    Gelu,
    /// The positive part, squared.
    Relu2,
    /// gpt-oss: gate and up limited, `(up + 1) * gate * sigmoid(alpha gate)`, alpha that of the tables.
    SwigluClamped {
        gate_limit: i32,
        up_limit: i32,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatedActSpec {
    pub activation: Activation,
    pub gate: Fixed,
    /// Format of port 1; `None` for an activation without a gate.
    pub up: Option<Fixed>,
    /// `shift` of section 8.
    pub shift: i16,
}

/// The choice of experts (section 10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteSpec {
    pub experts: u32,
    /// Experts chosen for a token.
    pub active: u32,
    /// The weights are shares of all experts' sum, not of the chosen ones'.
    pub of_all: bool,
    /// Format of the logits.
    pub logits: Fixed,
    /// `c` and `kc`.
    pub score_mantissa: u32,
    pub score_shift: i32,
}

impl CentreSpec {
    /// `cm` and `cs` for vectors of `len` elements: `1/len ~ cm * 2^-cs`, `cm` of 20 bits.
    pub fn reciprocal(len: u32) -> (u32, u8) {
        let n = u64::from(len.max(1));
        // 2^19 <= 2^cs / n < 2^20, for vectors of at most 2^17.
        let cs = 19 + (64 - (n - 1).leading_zeros());
        ((((1u64 << cs) + n / 2) / n) as u32, cs as u8)
    }
}

impl RouteSpec {
    /// Format of the weights.
    pub const OUT: Fixed = Fixed { bits: 18, frac: 16 };
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixSpec {
    pub experts: u32,
    pub active: u32,
    /// Format of the experts' outputs, and of its own.
    pub input: Fixed,
}
