//! Units that no Verilog exists for yet, as what they would be made of: counts, cycles, and events of one token. Figures that rest
//! on them are estimates of a design, not of something built; reports name them (`docs/scale.md`).

use hardwire_models::LinearAttention;
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

/// Elements of the state: one key-by-value matrix a value head.
fn elements(l: &LinearAttention) -> u64 {
    l.output() as u64 * l.key_dim as u64
}

impl Standin {
    /// What it is made of, for `users` states and streams of `lanes`.
    pub fn census(&self, lanes: u32, users: u32) -> Census {
        let v = u64::from(lanes);
        let control = Census { flops: CONTROL_FLOPS, ..Census::default() };
        control
            + match self {
                // A row of the state a cycle: every column of every head has a product for reading and one for writing.
                Standin::Linear(l) => {
                    let columns = l.output() as u64;
                    let taps = l.taps as u64;
                    let conv = multipliers(v * taps, WORD, WORD) + adders(v * taps, 2 * WORD);
                    let rows = multipliers(2 * columns, WORD, WORD) + adders(2 * columns, 2 * WORD + log2(l.key_dim as u64));
                    let norms = multipliers(2 * v, WORD, WORD) + adders(2 * v, 40);
                    let gates = multipliers(2 * l.value_heads as u64, WORD, WORD);
                    conv + rows + norms + gates + Census { sram_bits: self.state_bits() * u64::from(users), ..Census::default() }
                }
            }
    }

    /// State of one user.
    pub fn state_bits(&self) -> u64 {
        match self {
            Standin::Linear(l) => WORD * (elements(l) + l.channels() as u64 * (l.taps as u64 - 1)),
        }
    }

    /// Cycles beyond those of the unit whose place it holds in streams of `lanes`: an RmsNorm, 13 and its tree over the lanes after its input.
    pub fn extra_cycles(&self, lanes: u32) -> i64 {
        let tree = lanes.next_power_of_two().ilog2().div_ceil(3).max(1);
        match self {
            // Convolution and activation 12, norms 12, then the state's rows twice: read with decay, written and read out.
            Standin::Linear(l) => 24 + 2 * l.key_dim as i64 + 8 - 13 - i64::from(tree),
        }
    }

    /// Events of one token.
    pub fn activity(&self) -> Activity {
        match self {
            Standin::Linear(l) => {
                let (state, word) = (elements(l) as f64, WORD as f64);
                let taps = l.channels() as f64 * l.taps as f64;
                Activity {
                    // Read for the prediction, read and written for the update.
                    sram_bits_read: 2.0 * state * word + taps * word,
                    sram_bits_written: state * word + taps * word / l.taps as f64,
                    full_adder_ops: (3.0 * state + taps) * (word * word + 2.0 * word),
                    flop_cycles: 3.0 * state * 4.0 * word,
                    ..Activity::default()
                }
            }
        }
    }
}
