//! Units that no Verilog exists for yet, as what they would be made of: counts, cycles, and events of one token. Figures that rest
//! on them are estimates of a design, not of something built; reports name them (`docs/scale.md`).

use super::config::LinearAttention;
use hardwire_netlist::census::cells;
use hardwire_netlist::{Activity, Census};

/// Bits of an activation between units, of a state element, and of a multiplier's operands in linear attention.
const WORD: u64 = 16;
/// Registers a pipelined stage keeps beside its result: valid, counters, header.
const CONTROL_FLOPS: u64 = 64;

/// A unit by description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standin {
    /// Convolution, normalised keys and queries, decay, delta-rule update and read-out of a state of constant size.
    Linear(LinearAttention),
}

fn multipliers(n: u64, a: u64, b: u64) -> Census {
    (cells::product(a, b) + cells::flops(a + b)).times(n)
}

fn adders(n: u64, bits: u64) -> Census {
    (cells::sum(bits) + cells::flops(bits)).times(n)
}

fn log2(n: u64) -> u64 {
    u64::from(64 - n.max(1).leading_zeros())
}

impl LinearAttention {
    /// Elements of the state: one key-by-value matrix a value head.
    fn elements(&self) -> u64 {
        u64::from(self.value_heads) * u64::from(self.key_dim) * u64::from(self.value_dim)
    }

    /// Channels of the convolution: queries and keys of the key heads, values of the value heads.
    pub fn channels(&self) -> u32 {
        2 * self.key_heads * self.key_dim + self.value_heads * self.value_dim
    }

    pub fn output(&self) -> u32 {
        self.value_heads * self.value_dim
    }
}

impl Standin {
    pub fn name(&self) -> &'static str {
        match self {
            Standin::Linear(_) => "gated linear attention",
        }
    }

    /// What it is made of, for `users` states and streams of `lanes`.
    pub fn census(&self, lanes: u32, users: u32) -> Census {
        let v = u64::from(lanes);
        let control = Census { flops: CONTROL_FLOPS, ..Census::default() };
        control
            + match self {
                // A row of the state a cycle: every column of every head has a product for reading and one for writing.
                Standin::Linear(l) => {
                    let columns = u64::from(l.value_heads) * u64::from(l.value_dim);
                    let taps = u64::from(l.taps);
                    let conv = multipliers(v * taps, WORD, WORD) + adders(v * taps, 2 * WORD);
                    let rows = multipliers(2 * columns, WORD, WORD) + adders(2 * columns, 2 * WORD + log2(u64::from(l.key_dim)));
                    let norms = multipliers(2 * v, WORD, WORD) + adders(2 * v, 40);
                    let gates = multipliers(2 * u64::from(l.value_heads), WORD, WORD);
                    conv + rows + norms + gates + Census { sram_bits: self.state_bits() * u64::from(users), ..Census::default() }
                }
            }
    }

    /// Numbers the checkpoint holds for it beside its matrices.
    pub fn parameters(&self) -> u64 {
        match self {
            // Convolution taps, and a decay and a time constant a value head.
            Standin::Linear(l) => u64::from(l.channels()) * u64::from(l.taps) + 2 * u64::from(l.value_heads),
        }
    }

    /// State of one user.
    pub fn state_bits(&self) -> u64 {
        match self {
            Standin::Linear(l) => WORD * (l.elements() + u64::from(l.channels()) * u64::from(l.taps - 1)),
        }
    }

    /// Cycles beyond those of the unit whose place it holds in streams of `lanes`: an RmsNorm, 13 and its tree over the lanes after its input.
    pub fn extra_cycles(&self, lanes: u32) -> i64 {
        let tree = lanes.next_power_of_two().ilog2().div_ceil(3).max(1);
        match self {
            // Convolution and activation 12, norms 12, then the state's rows twice: read with decay, written and read out.
            Standin::Linear(l) => 24 + 2 * i64::from(l.key_dim) + 8 - 13 - i64::from(tree),
        }
    }

    /// Events of one token.
    pub fn activity(&self) -> Activity {
        match self {
            Standin::Linear(l) => {
                let (state, word) = (l.elements() as f64, WORD as f64);
                let taps = f64::from(l.channels()) * f64::from(l.taps);
                Activity {
                    // Read for the prediction, read and written for the update.
                    sram_bits_read: 2.0 * state * word + taps * word,
                    sram_bits_written: state * word + taps * word / f64::from(l.taps),
                    full_adder_ops: (3.0 * state + taps) * (word * word + 2.0 * word),
                    flop_cycles: 3.0 * state * 4.0 * word,
                    ..Activity::default()
                }
            }
        }
    }
}
