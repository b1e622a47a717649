//! What a chip is made of: counted per unit from its parameters, summed, never estimated twice. The Verilog emits these
//! very registers, memories and adders; `docs/calibration.md` holds them against synthesis.

use crate::graph::{Netlist, UnitId};
use crate::tile::TileShape;
use crate::unit::{Activation, AttentionSpec, CentreSpec, Fabric, MatrixSpec, MixSpec, MvmSpec, NormSpec, Play, RouteSpec, UnitKind};
use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign};

mod metal;

/// Counts of hardware. A multiplier of `a` by `b` bits counts as `a * b` gates and `a * b` full adders less a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Weights held.
    pub weights: u64,
    pub rom_bits: u64,
    pub sram_bits: u64,
    pub flops: u64,
    pub full_adders: u64,
    /// Two-input multiplexer bits.
    pub mux2: u64,
    /// Other two-input gates.
    pub gates: u64,
}

impl AddAssign for Census {
    fn add_assign(&mut self, o: Census) {
        self.weights += o.weights;
        self.rom_bits += o.rom_bits;
        self.sram_bits += o.sram_bits;
        self.flops += o.flops;
        self.full_adders += o.full_adders;
        self.mux2 += o.mux2;
        self.gates += o.gates;
    }
}

impl Add for Census {
    type Output = Census;
    fn add(mut self, o: Census) -> Census {
        self += o;
        self
    }
}

impl std::iter::Sum for Census {
    fn sum<I: Iterator<Item = Census>>(iter: I) -> Census {
        iter.fold(Census::default(), Add::add)
    }
}

impl Census {
    /// `n` of the same.
    pub fn times(self, n: u64) -> Census {
        Census {
            weights: self.weights * n,
            rom_bits: self.rom_bits * n,
            sram_bits: self.sram_bits * n,
            flops: self.flops * n,
            full_adders: self.full_adders * n,
            mux2: self.mux2 * n,
            gates: self.gates * n,
        }
    }
}

fn flops(n: u64) -> Census {
    Census { flops: n, ..Census::default() }
}

fn sram(n: u64) -> Census {
    Census { sram_bits: n, ..Census::default() }
}

fn rom(n: u64) -> Census {
    Census { rom_bits: n, ..Census::default() }
}

fn adder(bits: u64) -> Census {
    Census { full_adders: bits, ..Census::default() }
}

/// A multiplexer of `ways` inputs of `bits` bits.
fn mux(ways: u64, bits: u64) -> Census {
    Census { mux2: ways.saturating_sub(1) * bits, ..Census::default() }
}

/// A registered product of `a` by `b` bits.
fn multiplier(a: u64, b: u64) -> Census {
    Census { gates: a * b, full_adders: a * b - a.min(b), flops: a + b, ..Census::default() }
}

/// Barrel shift with rounding and saturation from `wide` to `narrow` bits, registered.
fn round_shift(wide: u64, narrow: u64) -> Census {
    mux(1 + u64::from(64 - wide.leading_zeros()), wide) + adder(wide) + Census { gates: 2 * narrow, ..flops(narrow) }
}

/// ROM table of `entries` words with linear interpolation: value and slope.
fn table(entries: u64, value_bits: u64, frac_bits: u64) -> Census {
    rom(entries * value_bits) + multiplier(value_bits.min(12), frac_bits) + adder(value_bits)
}

fn bitlen(n: u64) -> u64 {
    u64::from(64 - n.leading_zeros())
}

/// Counts of one unit.
pub fn unit(netlist: &Netlist, id: UnitId) -> Census {
    let u = netlist.unit(id);
    let v = u64::from(netlist.lanes);
    let beats = u64::from(u.out_len).div_ceil(v);
    let out = u64::from(u.out.bits);
    let control = flops(2 * bitlen(beats) + 8) + adder(2 * bitlen(beats));
    control
        + match &u.kind {
            UnitKind::Embed(s) => {
                let m = &s.matrix;
                let lane = multiplier(u64::from(m.scale_bits), 8) + adder(u64::from(m.scale_bits) + 8) + round_shift(40, out);
                let phases: u64 = s.omega.iter().map(|t| t.len() as u64).sum();
                // A second reader for learned positions, and their sum.
                let positions = s.positions.as_ref().map_or(Census::default(), |p| {
                    matrix_rom(p) + (lane + adder(out + 1) + flops(out) + Census { gates: 2 * out, ..Census::default() }).times(v)
                });
                positions
                    + matrix_rom(m)
                    + lane.times(v)
                    + rom(32 * phases)
                    + multiplier(32, 20)
                    + table(257, 15, 16).times(v.min(phases.max(1)))
            }
            UnitKind::RmsNorm(s) => {
                let bits = u64::from(s.input.bits);
                let lane =
                    multiplier(bits, bits) + multiplier(bits, 18) + round_shift(bits + 18, 32) + multiplier(32, 20) + round_shift(52, out);
                // Partial sums and totals of every group, the one being rooted, and each group's root and shift.
                let sums = flops(80 * (2 * u64::from(s.groups) + 1) + 27 * u64::from(s.groups) + 110);
                sram(u64::from(s.len) * bits)
                    + rom(u64::from(s.len / s.groups) * 20)
                    + (lane + flops(bits + 7)).times(v)
                    + adder(80).times(v)
                    + sums
                    + table(193, 18, 16)
                    + round_shift(80, 24)
                    + s.centre.as_ref().map_or(Census::default(), |c| centre(s, c, v, out))
            }
            UnitKind::RowFeed(s) if s.play == Play::Bits => metal::feed(s, v),
            UnitKind::RowFeed(s) => {
                let bits = u64::from(s.input.bits);
                let sums = u64::from(s.act_bits) + bitlen(u64::from(s.group));
                let offsets = netlist
                    .consumers(id)
                    .iter()
                    .any(|&(c, _)| matches!(&netlist.unit(c).kind, UnitKind::Mvm(m) if m.matrix.offset_bits > 0));
                let group_sum = if offsets { adder(sums) + flops(3 * sums) } else { Census::default() };
                // A lane of the word is picked and registered, then shifted.
                let band = mux(v, bits) + flops(bits) + round_shift(bits, u64::from(s.act_bits)) + group_sum;
                sram(u64::from(s.len) * bits)
                    + flops(bits)
                    + Census { gates: v * bits, ..Census::default() }
                    + band.times(u64::from(s.k_tiles()))
            }
            UnitKind::Mvm(s) => match s.fabric {
                Fabric::Tile(t) => tiles(s, t, out),
                Fabric::Metal(t) => metal::matrix(s, t, out),
            },
            UnitKind::Rope(s) => {
                let bits = u64::from(s.input.bits);
                // Inputs and rotation, four products, two sums, and a rounding by a constant shift.
                let inputs = flops(2 * bits + 32) + mux(u64::from((s.head_dim / netlist.lanes).max(1)), 32);
                let round = adder(bits + 3) + Census { gates: 2 * out, ..flops(out) };
                let pair = inputs + multiplier(bits, 16).times(4) + (adder(bits + 17) + flops(bits + 17) + round).times(2);
                pair.times(v / 2)
            }
            UnitKind::Attention(s) => attention(s, v, out),
            UnitKind::GatedAct(s) => {
                // Without a gate the last product is with one.
                let (g, up) = (u64::from(s.gate.bits), s.up.map_or(0, |f| u64::from(f.bits)));
                let gated = if s.up.is_some() { multiplier(g, up) } else { Census::default() } + round_shift(g + up, out);
                let limits = adder(3 * up + 2 * g) + mux(2, g + 2 * up) + flops(g + up + 1);
                let lane = match s.activation {
                    Activation::Relu2 => multiplier(g, g) + round_shift(2 * g, g) + flops(g + 3 * up) + gated,
                    // Gate and up travel beside the pipeline: five and seven stages.
                    _ => table(257, 20, 8) + multiplier(g, 21) + round_shift(g + 21, g) + gated + flops(5 * g + 7 * up + 60),
                };
                let limits = if matches!(s.activation, Activation::SwigluClamped { .. }) { limits } else { Census::default() };
                (lane + limits).times(v)
            }
            // The branch beat, the sum; two comparisons and two choices clamp it.
            UnitKind::Add => {
                sram(u64::from(u.out_len) * out)
                    + (adder(out + 1) + flops(2 * out) + mux(2, out) + Census { gates: 4 * out, ..Census::default() }).times(v)
            }
            UnitKind::Argmax => argmax(netlist, id, v),
            UnitKind::Route(s) => route(s),
            UnitKind::Mix(s) => mix(s, v, out),
        }
}

/// All of a netlist.
pub fn total(netlist: &Netlist) -> Census {
    netlist.units().map(|(id, _)| unit(netlist, id)).sum()
}

fn matrix_rom(m: &MatrixSpec) -> Census {
    let per_group = u64::from(m.scale_bits) + u64::from(m.offset_bits);
    let scales = u64::from(m.outputs) * u64::from(m.groups()) * per_group;
    Census { weights: m.weights(), ..rom(m.weights() * u64::from(m.code_bits) + scales + output_rom(m)) }
}

/// Shift and bias of every output.
fn output_rom(m: &MatrixSpec) -> u64 {
    u64::from(m.outputs) * (8 + if m.bias { 32 } else { 0 })
}

/// A tree that compares four a stage and the best so far; beside it the four greatest of every lane, and a second tree for them.
fn argmax(netlist: &Netlist, id: UnitId, v: u64) -> Census {
    let from = netlist.inputs(id).first().map(|&p| netlist.unit(p));
    let (len, bits) = from.map_or((1, 32), |u| (u.out_len, u64::from(u.out.bits)));
    let entry = bits + bitlen(u64::from(len));
    let compare = adder(bits) + mux(2, entry);
    let tree = (compare + flops(entry)).times(v + v / 3);
    tree.times(2) + (adder(bits) + mux(3, entry) + flops(entry)).times(4 * v) + flops(2 * entry)
}

/// Multiply-select-add tiles: a product bank a tile, then for each column a selector, an accumulator and its shadow; for each
/// tile lane a scale multiplier over totals in SRAM; for each beat lane a reduction tree and the output shift. Tiles of a short last
/// block have the columns they need.
fn tiles(s: &MvmSpec, t: TileShape, out: u64) -> Census {
    let m = &s.matrix;
    let (acc, tot, act) = (u64::from(s.acc_bits), u64::from(s.tot_bits), u64::from(s.act_bits));
    let (bands, e) = (u64::from(t.k_tiles(m.inputs)), u64::from(t.tile_lanes()));
    let n_tiles = t.n_tiles(m.outputs);
    // The codebook's width in two's complement.
    let value = bitlen(m.codebook.iter().map(|&v| if v < 0 { !v } else { v }).max().unwrap_or(0) as u64) + 1;
    let product = act + value - 1;
    let tiles = bands * u64::from(n_tiles);
    let columns: u64 = (0..n_tiles).map(|n| u64::from(t.block_steps(n / t.deal, m.outputs)) * e).sum::<u64>() * bands;
    // Six and eight bits that count up multiply; the others select from a bank of products.
    let linear = m.code_bits >= 6 && m.codebook.windows(2).all(|w| w[1] == w[0] + 1);
    let bank_values = 1u64 << m.code_bits;
    let odd = m.codebook.iter().filter(|v| v.unsigned_abs() % 2 == 1 && v.unsigned_abs() > 1).count() as u64;
    let (bank, select) = if linear {
        (flops(act), Census { gates: act * value, full_adders: act * value - act.min(value), ..Census::default() })
    } else {
        (adder(product).times(odd.min(8)) + flops(product * bank_values), mux(bank_values, product))
    };
    // Shadows are read a step at a time: one multiplexer bit for each.
    let column = select + flops(product) + adder(acc) + flops(2 * acc) + mux(2, acc);
    let scale = |bits: u64, of: u64| Census { gates: of * bits, full_adders: of * bits - of.min(bits), ..flops(tot) };
    let offsets = if m.offset_bits > 0 {
        scale(u64::from(m.offset_bits), act + bitlen(u64::from(m.group.min(t.rows)))) + adder(tot)
    } else {
        Census::default()
    };
    let lane =
        flops(acc) + scale(u64::from(m.scale_bits), acc) + flops(tot) + adder(tot) + Census { gates: tot, ..Census::default() } + offsets;
    let first_block = flops(tot).times(e * bands * u64::from(t.deal.min(n_tiles)));
    // Every tile has its rows of whole steps, and a word of scales for each step of a full one and each group played.
    let group = m.group.min(t.rows);
    let words = u64::from(m.inputs.min(t.rows).div_ceil(group)) * u64::from(t.steps()) * tiles;
    let codes = columns / bands * u64::from(m.inputs) * u64::from(m.code_bits);
    Census { weights: m.weights(), ..rom(codes + words * e * (u64::from(m.scale_bits) + u64::from(m.offset_bits)) + output_rom(m)) }
        + bank.times(tiles)
        + column.times(columns)
        + lane.times(e * tiles)
        + first_block
        + sram(columns * tot)
        + output_lane(s, bands, out).times(u64::from(t.lanes))
}

/// A lane of a matrix's output stage: a tree over `parts` sums, the shift, the bias.
fn output_lane(s: &MvmSpec, parts: u64, out: u64) -> Census {
    let tot = u64::from(s.tot_bits);
    let levels = adder(tot).times(parts - 1) + flops(tot * (2 * parts - 1).max(2));
    levels + flops(9) + round_shift(tot, out) + if s.matrix.bias { adder(33) + flops(out) } else { Census::default() }
}

/// LayerNorm's own: a second memory and its sum, the mean, a subtraction a lane; a bias a lane.
fn centre(s: &NormSpec, c: &CentreSpec, v: u64, out: u64) -> Census {
    let bits = u64::from(s.input.bits);
    let sum = bits + bitlen(u64::from(s.len));
    let mean = adder(sum).times(v) + flops(2 * sum) + multiplier(sum, 20) + round_shift(sum + 20, bits + 1);
    let lane = adder(bits + 1) + flops(bits) + Census { gates: 2 * bits, ..Census::default() };
    let bias = match c.bias {
        Some(_) => rom(32 * u64::from(s.len)) + (adder(33) + flops(2 * out) + Census { gates: 2 * out, ..Census::default() }).times(v),
        None => Census::default(),
    };
    sram(u64::from(s.len) * bits) + mean + lane.times(v) + bias
}

/// All logits in registers, a tree that compares four a stage, then one exponential and one reciprocal for expert after expert.
fn route(s: &RouteSpec) -> Census {
    let (e, k, bits) = (u64::from(s.experts), u64::from(s.active), u64::from(s.logits.bits));
    let index = bitlen(e);
    let tree = (adder(bits) + mux(2, bits + index) + flops(bits + index)).times(e + e / 3);
    let exponential = multiplier(bits, 16) + round_shift(bits + 16, 32) + adder(33) + table(129, 21, 9) + round_shift(21, 21);
    let share =
        adder(21 + index) + flops(21 + index) + round_shift(21 + index, 16) + table(257, 17, 7) + multiplier(21, 17) + round_shift(38, 18);
    let kept = flops(e * (bits + 18 + 1) + k * (index + 21 + 18)) + mux(e, bits) + mux(k, 21 + 18);
    tree + exponential + share + kept
}

/// A crossbar, a product and a share of a sum for each chosen expert, in every lane.
fn mix(s: &MixSpec, v: u64, out: u64) -> Census {
    let (e, k, bits) = (u64::from(s.experts), u64::from(s.active), u64::from(s.input.bits));
    let sum = bits + 18 + bitlen(k);
    let chosen = mux(e, bits) + flops(bits) + multiplier(bits, 18) + adder(sum) + flops(sum);
    (chosen.times(k) + round_shift(sum, out)).times(v)
}

/// Per query head and position lane: a dot product of `head_dim`, the exponential, and the weighted value sum; per KV head its cache.
fn attention(s: &AttentionSpec, v: u64, out: u64) -> Census {
    let (a, b, d) = (u64::from(s.act_bits), u64::from(s.kv_bits), u64::from(s.head_dim));
    let (heads, p) = (u64::from(s.heads), u64::from(s.pos_lanes));
    let sum_bits = 21 + u64::from(s.v.bits) + bitlen(u64::from(s.context));
    let score = (multiplier(a, b) + adder(a + b + bitlen(d))).times(d) + multiplier(a + b + bitlen(d), 16) + round_shift(48, 32);
    let exponential = table(129, 21, 9) + round_shift(21, 21) + adder(40);
    let value = (multiplier(21, b) + round_shift(21 + b, sum_bits) + adder(sum_bits)).times(d);
    let per_head = (score + exponential + value).times(p) + flops(sum_bits * d + 40 + 32) + sram(32 * u64::from(s.context)) + flops(a * d);
    let finish = table(257, 17, 7) + (round_shift(sum_bits, 40) + multiplier(40, 17) + round_shift(57, out)).times(v);
    let quantize = round_shift(u64::from(s.q.bits), a).times(v) + round_shift(u64::from(s.k.bits), b).times(2 * v);
    let sinks = if s.sinks.is_some() { rom(32 * heads) + mux(2, 32 * p).times(heads) } else { Census::default() };
    per_head.times(heads) + finish + quantize + sinks + sram(s.kv_cache_bits())
}
