//! What a user asks for and is told, and the plan it resolves to.

use crate::error::Error;
use crate::fabric::{FabricChoices, ROWS, Rule};
use crate::folding::Fold;
use crate::margin::Margin;
use crate::quantize::choice::{Choice, Quantizer};
use hardwire_models::ModelConfig;

/// Calibrated on unless another text is given: stories that the bundled model wrote, and pages of this project's documentation.
pub const CALIBRATION_TEXT: &str = include_str!("../data/calibration.txt");

/// Told after each matrix; `done` and `total` count weights.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    pub path: &'a str,
    pub done: u64,
    pub total: u64,
}

/// Compile options; `None` leaves the choice to the compiler.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Code bits: 2, 3, 4, 6 or 8. `None` keeps a stored grid exactly and gives 4 bits to everything else.
    pub bits: Option<u8>,
    /// Inputs that share a scale where the compiler chooses codes.
    pub group: Option<u32>,
    pub quantizer: Quantizer,
    /// Text to calibrate on in place of [`CALIBRATION_TEXT`].
    pub calibration: Option<String>,
    /// Tokens of it that are used.
    pub calibration_tokens: Option<usize>,
    /// A codebook of its own for every matrix of up to 4 bits.
    pub fitted: bool,
    /// Mantissa bits of scales and offsets where the compiler chooses them; no offsets at 0.
    pub scale_bits: Option<u8>,
    pub offset_bits: Option<u8>,
    /// Bits a weight on average over all matrices, scales and offsets included; excludes `bits`.
    pub average_bits: Option<f64>,
    /// Activation bits into the matrices.
    pub act_bits: Option<u8>,
    pub kv_bits: Option<u8>,
    /// Bits of a recurrent state's elements.
    pub state_bits: Option<u8>,
    /// Positions the KV cache holds for each user.
    pub context: Option<u32>,
    /// Sequences the KV cache holds.
    pub users: Option<u32>,
    /// Stream width, elements a cycle.
    pub lanes: Option<u32>,
    /// Greatest tile shape.
    pub tile_rows: Option<u32>,
    pub tile_cols: Option<u32>,
    /// Matrices held otherwise than in tiles of `tile_rows`. What neither names is held in tiles, or in group columns where they are no larger
    /// and no slower.
    pub fabric: Vec<Rule>,
    /// Cached positions attention reads a cycle.
    pub pos_lanes: Option<u32>,
    /// Layers that share silicon.
    pub fold: Option<Fold>,
    /// Process node by name.
    pub node: Option<String>,
    /// Kept free for the weights of later chips of the same die.
    pub margin: Margin,
}

/// Every choice made.
#[derive(Clone, Debug)]
pub struct Plan {
    pub bits: Option<u8>,
    pub group: u32,
    pub choice: Choice,
    pub act_bits: u8,
    pub kv_bits: u8,
    pub state_bits: u8,
    pub context: u32,
    pub users: u32,
    pub lanes: u32,
    pub fabrics: FabricChoices,
    pub tile_cols: u32,
    pub pos_lanes: u32,
    pub fold: Fold,
    pub node: String,
    pub margin: Margin,
}

/// Positions of KV cache unless asked otherwise: longer ones cost die area linearly.
const DEFAULT_CONTEXT: u32 = 2048;
/// Most positions of all users together: no known system caches as many, and their bits stay in `u64` on any model.
const MOST_POSITIONS: u64 = 1 << 34;
/// Bits of a recurrent state's elements unless asked otherwise (`docs/numerics.md`, section 11, has the measured error by width).
const STATE_BITS: u8 = 24;
/// Tokens of calibration text unless asked otherwise: more changes little.
const CALIBRATION_TOKENS: usize = 8192;

impl Options {
    pub(crate) fn resolve(&self, config: &ModelConfig) -> Result<Plan, Error> {
        let (hidden, model_context) = (config.hidden as u32, config.context as u32);
        if let Some(bits) = self.bits
            && !matches!(bits, 2 | 3 | 4 | 6 | 8)
        {
            return Err(Error::option("bits", format!("{bits}, expected 2, 3, 4, 6 or 8")));
        }
        let within = |option, value: u32, lo: u32, hi: u32| {
            if (lo..=hi).contains(&value) { Ok(value) } else { Err(Error::option(option, format!("{value}, expected {lo} to {hi}"))) }
        };
        let heads: Vec<u32> =
            config.linear.iter().flat_map(|l| [l.key_dim as u32, l.value_dim as u32]).chain([config.head_dim as u32]).collect();
        let lanes = match self.lanes {
            Some(v) if v % 2 == 0 && v <= 1024 && fits_heads(v, &heads) => v,
            Some(v) => {
                let dims = heads.iter().rev().map(u32::to_string).collect::<Vec<_>>().join(", ");
                return Err(Error::option("lanes", format!("{v}, expected an even divisor or multiple of the head dimension {dims}")));
            }
            None => auto_lanes(hidden, &heads),
        };
        let context = match self.context {
            Some(c) if c == 0 || c > model_context => {
                return Err(Error::option("context", format!("{c}, the model has {model_context} positions")));
            }
            Some(c) => c,
            None => model_context.min(DEFAULT_CONTEXT),
        };
        let users = within("users", self.users.unwrap_or(1), 1, 1 << 16)?;
        if u64::from(users) * u64::from(context) > MOST_POSITIONS {
            return Err(Error::option("users", format!("{users} of {context} positions each, expected {MOST_POSITIONS} positions in all")));
        }
        Ok(Plan {
            bits: self.bits,
            group: within("group", self.group.unwrap_or(32), 8, 1 << 20)?,
            choice: self.choice()?,
            act_bits: within("act-bits", self.act_bits.unwrap_or(12).into(), 4, 16)? as u8,
            state_bits: within("state-bits", self.state_bits.unwrap_or(STATE_BITS).into(), 12, 32)? as u8,
            kv_bits: within("kv-bits", self.kv_bits.unwrap_or(8).into(), 4, 12)? as u8,
            context,
            users,
            lanes,
            fabrics: FabricChoices {
                rows: self.tile_rows.map(|rows| within("tile-rows", rows, *ROWS.start(), *ROWS.end())).transpose()?,
                rules: self.fabric.clone(),
            },
            tile_cols: within("tile-cols", self.tile_cols.unwrap_or(256), 1, 4096)?,
            pos_lanes: within("pos-lanes", self.pos_lanes.unwrap_or((context / 512).max(1).next_power_of_two().min(16)), 1, 64)?,
            fold: self.fold.unwrap_or(Fold::Layers(1)),
            node: self.node.clone().unwrap_or_else(|| "N6".into()),
            margin: self.margin,
        })
    }
}

impl Options {
    fn choice(&self) -> Result<Choice, Error> {
        let width = |option, bits: Option<u8>, none: &str| match bits {
            Some(b) if !(4..=16).contains(&b) && (b > 0 || none.is_empty()) => {
                Err(Error::option(option, format!("{b}, expected 4 to 16{none}")))
            }
            b => Ok(b),
        };
        if self.average_bits.is_some() && self.bits.is_some() {
            return Err(Error::option("average-bits", "given with bits: one of them"));
        }
        if let Some(bits) = self.average_bits
            && !(bits > 0.0 && bits <= 32.0)
        {
            return Err(Error::option("average-bits", format!("{bits}, expected a number of bits such as 4.5")));
        }
        if self.calibration.is_some() && self.quantizer == Quantizer::Nearest && self.average_bits.is_none() {
            return Err(Error::option("calibrate", "a text, but nothing that calibrates: add --quantizer gptq or --average-bits"));
        }
        Ok(Choice {
            quantizer: self.quantizer,
            fitted: self.fitted,
            scale_bits: width("scale-bits", self.scale_bits, "")?,
            offset_bits: width("offset-bits", self.offset_bits, ", or 0 for none")?,
            calibration: self.calibration.clone(),
            calibration_tokens: self.calibration_tokens.unwrap_or(CALIBRATION_TOKENS),
            average_bits: self.average_bits,
        })
    }
}

/// A beat holds whole heads, or a head whole beats: rotations and head boundaries then never straddle lanes.
fn fits_heads(lanes: u32, heads: &[u32]) -> bool {
    lanes > 0 && heads.iter().all(|&dim| lanes.is_multiple_of(dim) || dim.is_multiple_of(lanes))
}

/// About 32 beats a hidden vector: wide enough that vector work hides behind the matrices, narrow enough to stay small.
fn auto_lanes(hidden: u32, heads: &[u32]) -> u32 {
    let mut lanes = (hidden / 32).next_power_of_two().clamp(8, 128);
    while lanes > 2 && !fits_heads(lanes, heads) {
        lanes /= 2;
    }
    lanes
}
