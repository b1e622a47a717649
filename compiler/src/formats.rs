//! Chooses the fixed-point format of every stream, from the statistics of the weights alone. A bare shape has the same widths; where its
//! weights are not the usual ones, the binary points differ, which cost nothing.
//!
//! A normalised vector has unit variance before its gain, so the spread of what a matrix gives out follows from its rows. Each
//! stream gets the resolution that keeps [`BELOW`] bits under its expected root mean square; the bits above it are headroom.
//!
//! Weights for a die that exists have the formats and shifts of that die, if their statistics are near enough.

use crate::error::Error;
use crate::folding::Folding;
use crate::options::Plan;
use crate::order::{row_order, source};
use crate::weights::Weights;
use hardwire_models::{Activation, Op, OpGraph};
use hardwire_netlist::unit::{ConvSpec, DecaySpec, DeltaSpec, Fixed, RouteSpec};
use hardwire_netlist::{Netlist, Unit, UnitKind};
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

/// Bits kept below the root mean square of a 32-bit stream: 2^-13 of it is finer than 12-bit activations can use. The other 18 are
/// headroom for the rare huge values of trained residual streams.
const BELOW: i32 = 13;
/// The same for the 24-bit streams into attention.
const BELOW_24: i32 = 11;
/// Fractional bits of a normalised value, and what is left of them in an output of its own format (`docs/numerics.md`, section 4).
const U_FRAC: i16 = 30;
const NORM_FRAC: i16 = 11;
/// Gain mantissas: 20 bits signed.
const GAIN_MAX: f64 = 524_287.0;
/// Root mean square of `silu(x)` for unit normal `x` is 0.60; products of two such streams are taken as half.
const GATE_RMS: f64 = 0.5;
/// Queries and keys of length one: 16 bits, of which 14 are fraction where the length is 1.
const UNIT_BITS: u8 = 16;
const UNIT_FRAC: i16 = 14;
/// Bits of a delta rule's state above the root mean square of the values it holds. Trained values have elements of tens of times that, and
/// keys that are not orthogonal add theirs up.
const STATE_ABOVE: i32 = 7;
/// Bits that a delta rule gives out below their root mean square.
const READ_BELOW: i32 = 16;
/// Fractional bits of the read-out's parts that the unit has to round away at least.
const READ_SHIFT: i16 = 1;

/// Powers of two by which a stream's spread may differ from the one that a die was made for: so much less resolution, or headroom, is still
/// within what [`BELOW`] and the bits above leave.
const STREAM_DRIFT: i16 = 2;

/// Most fractional bits of a stream that is limited, so that the limits of trained models (7) and one more fit.
const LIMITED_FRAC: i16 = 26;

/// Formats by node.
#[derive(Clone, Debug)]
pub struct Formats {
    by_node: BTreeMap<NodeIndex, Fixed>,
    gains: BTreeMap<NodeIndex, Gain>,
    states: BTreeMap<NodeIndex, Fixed>,
}

/// A norm's gain in integers; of a convolution its weights, of a decay its rates.
#[derive(Clone, Debug, Default)]
pub struct Gain {
    pub mantissas: Vec<i32>,
    pub epsilon: u64,
    /// Right shift of a product with a mantissa, to the output's format.
    pub shift: u8,
    /// In the output's format; empty where there is none.
    pub bias: Vec<i32>,
}

impl Formats {
    pub fn of(&self, id: NodeIndex) -> Fixed {
        self.by_node[&id]
    }

    pub fn gain(&self, id: NodeIndex) -> &Gain {
        &self.gains[&id]
    }

    /// Of a delta rule's state.
    pub fn state(&self, id: NodeIndex) -> Fixed {
        self.states[&id]
    }
}

fn frac(rms: f64, below: i32) -> i16 {
    let log = if rms > 0.0 { libm::ceil(libm::log2(rms)) as i32 } else { 0 };
    (below - log).clamp(-8, 40) as i16
}

/// What formats follow from that is a layer's own: the root mean square of what a norm or a matrix gives out, and the greatest gain of a norm.
#[derive(Default)]
struct Spreads {
    rms: BTreeMap<NodeIndex, f64>,
    gain: BTreeMap<NodeIndex, f64>,
}

/// What a walk takes from elsewhere.
#[derive(Clone, Copy)]
struct Given<'a> {
    state_bits: u8,
    /// Room above the greatest gain, a power of two ([`crate::Margin`]).
    room: f64,
    /// Spreads in shared silicon.
    shared: Option<&'a Spreads>,
    /// Formats and shifts of units that exist.
    die: Option<&'a Netlist>,
}

/// Formats of all streams; layers that share silicon have those that the widest of them needs.
pub(crate) fn formats(weights: &dyn Weights, folding: &Folding, plan: &Plan) -> Result<Formats, Error> {
    let mut own = Spreads::default();
    let given = Given { state_bits: plan.state_bits, room: libm::exp2(f64::from(plan.margin.gains)), shared: None, die: None };
    let alone = walk(weights, given, &mut own)?;
    if !folding.is_folded() {
        return Ok(alone);
    }
    let of = |values| folding.greatest(&weights.shape().graph, values);
    let shared = Spreads { rms: of(&own.rms), gain: of(&own.gain) };
    walk(weights, Given { shared: Some(&shared), ..given }, &mut Spreads::default())
}

/// Formats of the units of `die`, with gains at their shifts.
///
/// # Errors
/// [`Error::Die`]: the first node that the die has no unit for, whose spread is another, or whose gains do not fit.
pub(crate) fn of_die(weights: &dyn Weights, folding: &Folding, plan: &Plan, die: &Netlist) -> Result<Formats, Error> {
    let graph = &weights.shape().graph;
    let wanted = formats(weights, folding, plan)?;
    for id in graph.topological_order() {
        let (path, want) = (&graph.graph[id].path, wanted.of(id));
        // A norm's follows from its gains, which are held against its shift.
        if matches!(graph.graph[id].op, Op::RmsNorm { .. } | Op::LayerNorm { .. }) {
            continue;
        }
        let has = unit_of(die, path)?.out;
        let off = has.frac - want.frac;
        if has.bits != want.bits || off.abs() > STREAM_DRIFT {
            let what = format!(
                "its values are 2^{off} times those that the base die's {} bits with {} fractional are for, and 2^{STREAM_DRIFT} either way is what they hold; no margin helps",
                has.bits, has.frac
            );
            return Err(Error::Die { path: path.clone(), what });
        }
    }
    let given = Given { state_bits: plan.state_bits, room: 1.0, shared: None, die: Some(die) };
    walk(weights, given, &mut Spreads::default())
}

fn unit_of<'a>(die: &'a Netlist, path: &str) -> Result<&'a Unit, Error> {
    let none = || Error::Die { path: path.into(), what: "the base die has no such unit".into() };
    die.find(path).map(|id| die.unit(id)).ok_or_else(none)
}

/// Walks the graph once, carrying each stream's expected root mean square: its own, told in `own`, or the one it has in shared silicon.
fn walk(weights: &dyn Weights, given: Given<'_>, own: &mut Spreads) -> Result<Formats, Error> {
    let Given { state_bits, room, shared, die } = given;
    let graph = &weights.shape().graph;
    let mut f = Formats { by_node: BTreeMap::new(), gains: BTreeMap::new(), states: BTreeMap::new() };
    let mut rms: BTreeMap<NodeIndex, f64> = BTreeMap::new();
    let mut column_gain: BTreeMap<NodeIndex, Vec<f64>> = BTreeMap::new();
    let mut residual = Fixed::new(32, 16);
    for id in graph.topological_order() {
        let node = &graph.graph[id];
        let inputs = graph.inputs(id);
        let (format, spread) = match &node.op {
            Op::Embed { weight, scale, positions } => {
                let spread = |weight: &str| Ok::<f64, Error>(weights.spread(weight, None)? / libm::sqrt(node.width as f64));
                let mut r = spread(weight)? * f64::from(*scale);
                if let Some(p) = positions {
                    r = libm::hypot(r, spread(&p.weight)?);
                }
                residual = Fixed::new(32, frac(r, BELOW).clamp(8, 20));
                (residual, r)
            }
            Op::RmsNorm { gain, eps, gain_offset, scale, groups } => {
                let gains = weights.gains(gain, f64::from(*gain_offset), node.width / groups)?;
                let gains = gains.iter().map(|g| g * f64::from(*scale)).collect();
                let norm = Norm { gains, bias: Vec::new(), eps: *eps, len: node.width / groups, out: None };
                norm.formats(graph, id, residual, given, own, &mut f, &mut column_gain)?
            }
            Op::UnitNorm { eps, scale, groups } => {
                let len = node.width / groups;
                let gains = vec![f64::from(*scale) / libm::sqrt(len as f64); len];
                let frac = UNIT_FRAC + libm::floor(-libm::log2(f64::from(*scale))) as i16;
                let norm = Norm { gains, bias: Vec::new(), eps: eps / len as f32, len, out: Some(Fixed::new(UNIT_BITS, frac)) };
                norm.formats(graph, id, residual, given, own, &mut f, &mut column_gain)?
            }
            Op::LayerNorm { gain, bias, eps } => {
                let bias = bias.as_ref().map_or(Ok(Vec::new()), |b| weights.vector(b, node.width))?;
                let norm = Norm { gains: weights.gains(gain, 0.0, node.width)?, bias, eps: *eps, len: node.width, out: None };
                norm.formats(graph, id, residual, given, own, &mut f, &mut column_gain)?
            }
            Op::Linear { weight, bias, .. } => {
                let r = match shared {
                    Some(shared) => shared.rms[&id],
                    None => {
                        let from = inputs[0];
                        let columns = column_gain.get(&from).filter(|g| g.len() == graph.graph[from].width);
                        let unit = if columns.is_some() { 1.0 } else { rms[&from] };
                        let r = weights.spread(weight, columns.map(Vec::as_slice))? * unit;
                        match bias {
                            Some(bias) => libm::hypot(r, spread(&weights.vector(bias, node.width)?)),
                            None => r,
                        }
                    }
                };
                own.rms.insert(id, r);
                let format = match consumers(graph, id) {
                    Consumers::Residual => residual,
                    Consumers::Heads => Fixed::new(24, frac(r, BELOW_24)),
                    Consumers::Limited => Fixed::new(32, frac(r, BELOW).clamp(0, LIMITED_FRAC)),
                    Consumers::Other => Fixed::new(32, frac(r, BELOW)),
                };
                (format, r)
            }
            Op::Rope { .. } => (f.by_node[&inputs[0]], rms[&inputs[0]]),
            Op::Attention { .. } => (f.by_node[&inputs[2]], rms[&inputs[2]]),
            Op::ShortConv { weight, taps } => {
                let (input, values) = (f.by_node[&inputs[0]], weights.gains(weight, 0.0, node.width * taps)?);
                let r = rms[&inputs[0]] * spread(&values) * libm::sqrt(*taps as f64);
                let (r, most) = shared.map_or_else(|| (r, greatest(&values)), |s| (s.rms[&id], s.gain[&id]));
                own.rms.insert(id, r);
                own.gain.insert(id, most);
                let fixed = fixed_shift(die, &node.path)?.map(|(shift, out)| shift - input.frac + out.frac);
                let (mantissas, fw) = mantissas(&node.path, &values, most * room, ConvSpec::most(), fixed)?;
                let out = Fixed::new(24, frac(r, BELOW_24).min(input.frac + fw - 1));
                let out = fixed_shift(die, &node.path)?.map_or(out, |(_, out)| out);
                f.gains.insert(id, Gain { mantissas, shift: (input.frac + fw - out.frac) as u8, ..Gain::default() });
                (out, r)
            }
            Op::Decay { rate, stored } => {
                let rates: Vec<f64> = weights.speeds(rate, *stored, node.width)?.iter().map(|s| s * std::f64::consts::LOG2_E).collect();
                let most = shared.map_or_else(|| greatest(&rates), |s| s.gain[&id]);
                own.rms.insert(id, 1.0);
                own.gain.insert(id, most);
                let fixed = fixed_shift(die, &node.path)?.map(|(shift, _)| shift);
                let (mantissas, shift) = mantissas(&node.path, &rates, most * room, DecaySpec::most(), fixed)?;
                f.gains.insert(id, Gain { mantissas, shift: shift.clamp(1, 50) as u8, ..Gain::default() });
                (DecaySpec::OUT, 1.0)
            }
            Op::DeltaRule { shape } => {
                let (q, v) = (f.by_node[&inputs[0]], rms[&inputs[2]]);
                let state = Fixed::new(state_bits, frac(v, i32::from(state_bits) - 1 - STATE_ABOVE).clamp(-16, 40));
                let state = match die.map(|die| unit_of(die, &node.path)).transpose()?.map(|u| &u.kind) {
                    Some(UnitKind::Delta(d)) => d.state,
                    _ => state,
                };
                f.states.insert(id, state);
                let r = v / libm::sqrt(shape.key_dim as f64);
                let most = q.frac + state.frac - DeltaSpec::part_frac(Fixed::new(32, 0)) - READ_SHIFT;
                (Fixed::new(32, frac(r, READ_BELOW).min(most)), r)
            }
            Op::GatedAct { act } => {
                let r = activation_rms(*act, rms[&inputs[0]]) * rms[&inputs[1]];
                let most = f.by_node[&inputs[0]].frac + f.by_node[&inputs[1]].frac;
                (Fixed::new(32, frac(r, BELOW).min(most)), r)
            }
            // A weight or a step between 0 and 1.
            Op::Act { act: Activation::Sigmoid } => (DeltaSpec::STEP, GATE_RMS),
            Op::Act { act } => {
                let r = activation_rms(*act, rms[&inputs[0]]);
                let most = f.by_node[&inputs[0]].frac;
                match consumers(graph, id) {
                    Consumers::Heads => (Fixed::new(24, frac(r, BELOW_24).min(most)), r),
                    _ => (Fixed::new(32, frac(r, BELOW).min(most)), r),
                }
            }
            Op::Route { .. } => (RouteSpec::OUT, 1.0),
            Op::Mix { .. } => (residual, rms[&inputs[1]]),
            Op::Add => (residual, rms[&inputs[0]]),
        };
        let format = die.map_or(Ok(format), |die| Ok::<_, Error>(unit_of(die, &node.path)?.out))?;
        if matches!(node.op, Op::Embed { .. }) {
            residual = format;
        }
        f.by_node.insert(id, format);
        rms.insert(id, spread);
    }
    Ok(f)
}

/// Shift and output format of a unit of the die that multiplies by mantissas.
fn fixed_shift(die: Option<&Netlist>, path: &str) -> Result<Option<(i16, Fixed)>, Error> {
    let Some(die) = die else { return Ok(None) };
    let unit = unit_of(die, path)?;
    let shift = match &unit.kind {
        UnitKind::RmsNorm(s) => s.shift,
        UnitKind::Conv(s) => s.shift,
        UnitKind::Decay(s) => s.shift,
        other => return Err(Error::Die { path: path.into(), what: format!("on the base die it is a {}", other.name()) }),
    };
    Ok(Some((i16::from(shift), unit.out)))
}

/// A norm's numbers: its gains with their offset, and the bias of a LayerNorm, empty where it has none.
struct Norm {
    gains: Vec<f64>,
    bias: Vec<f64>,
    eps: f32,
    /// Elements normalised together.
    len: usize,
    /// Format of what it gives out, where that follows from no statistics.
    out: Option<Fixed>,
}

impl Norm {
    /// Format and root mean square of the output; gains go to `f`, what they make of a unit normal vector to `column_gain`.
    #[allow(clippy::too_many_arguments)]
    fn formats(
        self,
        graph: &OpGraph,
        id: NodeIndex,
        residual: Fixed,
        given: Given<'_>,
        own: &mut Spreads,
        f: &mut Formats,
        column_gain: &mut BTreeMap<NodeIndex, Vec<f64>>,
    ) -> Result<(Fixed, f64), Error> {
        let node = &graph.graph[id];
        let input = f.by_node[&source(graph, id)];
        // A norm before a rotation has its gains in the order of the rows.
        let order = row_order(graph, id);
        let gains: Vec<f64> = (0..self.gains.len()).map(|i| self.gains[order.source_row(i as u32) as usize]).collect();
        let columns: Vec<f64> =
            if self.bias.is_empty() { gains.clone() } else { gains.iter().zip(&self.bias).map(|(&g, &b)| libm::hypot(g, b)).collect() };
        let (r, most) = given.shared.map_or_else(|| (spread(&columns), greatest(&gains)), |s| (s.rms[&id], s.gain[&id]));
        own.rms.insert(id, r);
        own.gain.insert(id, most);
        let fixed = fixed_shift(given.die, &node.path)?;
        let wanted = match consumers(graph, id) {
            Consumers::Residual => Some(residual),
            Consumers::Heads => Some(Fixed::new(24, frac(r, BELOW_24))),
            Consumers::Limited | Consumers::Other => None,
        };
        let wanted = fixed.map(|(_, out)| out).or(self.out).or(wanted);
        let fixed = fixed.map(|(shift, out)| shift - U_FRAC + out.frac);
        let (mantissas, fg) = gain_mantissas(&node.path, &gains, most * given.room, self.len, wanted, fixed)?;
        let format = wanted.unwrap_or(Fixed::new(32, NORM_FRAC + fg));
        let shift = U_FRAC + fg - format.frac;
        if !(1..=51).contains(&shift) {
            return Err(Error::model(&node.path, format!("gains of 2^{} do not fit the unit", 19 - fg)));
        }
        let bias = self.bias.iter().map(|&b| integer(&node.path, "bias", b, format)).collect::<Result<Vec<i32>, Error>>()?;
        let epsilon = f64::from(self.eps) * self.len as f64 * libm::exp2(2.0 * f64::from(input.frac));
        let epsilon = libm::round(epsilon).clamp(1.0, 1e18) as u64;
        f.gains.insert(id, Gain { mantissas, epsilon, shift: shift as u8, bias });
        column_gain.insert(id, columns);
        Ok((format, r))
    }
}

/// `x` in the format `out`.
fn integer(path: &str, what: &str, x: f64, out: Fixed) -> Result<i32, Error> {
    let y = libm::round(x * libm::exp2(f64::from(out.frac)));
    if y.abs() > out.max() as f64 {
        return Err(Error::model(path, format!("its {what} of {x} does not fit {} bits with {} fractional", out.bits, out.frac)));
    }
    Ok(y as i32)
}

/// Expected root mean square of an activation of a normal vector of spread `r`, times a gate of one.
fn activation_rms(act: Activation, r: f64) -> f64 {
    match act {
        // E[max(x, 0)^4] = 3/2 r^4.
        Activation::Relu2 => libm::sqrt(1.5) * r * r,
        Activation::Sigmoid => GATE_RMS,
        _ => GATE_RMS * r,
    }
}

fn greatest(x: &[f64]) -> f64 {
    x.iter().fold(0f64, |m, x| m.max(x.abs()))
}

/// `x = mantissa * 2^-f`, that of a magnitude of `most` filling `full`, or for an `f` that is fixed.
fn mantissas(path: &str, x: &[f64], most: f64, full: i64, fixed: Option<i16>) -> Result<(Vec<i32>, i16), Error> {
    let full = full as f64;
    let f = fraction(path, most, full, (-16, 50), fixed)?;
    let scale = libm::exp2(f64::from(f));
    Ok((x.iter().map(|x| libm::round(x * scale).clamp(-full, full) as i32).collect(), f as i16))
}

/// Fractional bits of mantissas of up to `full`, the greatest of which stands for `most`.
///
/// # Errors
/// [`Error::Die`]: those that are fixed leave too few bits.
fn fraction(path: &str, most: f64, full: f64, range: (i32, i32), fixed: Option<i16>) -> Result<i32, Error> {
    let over = |f: i32| libm::round(most * libm::exp2(f64::from(f))) > full;
    let mut f = if most > 0.0 { libm::floor(libm::log2(full / most)) as i32 } else { 0 }.clamp(range.0, range.1);
    if over(f) {
        f -= 1;
    }
    match fixed.map(i32::from) {
        None => Ok(f),
        Some(fixed) if over(fixed) => {
            let has = u32::from((full as u64).ilog2() as u8 + 2);
            Err(Error::fit(path, "its greatest gain", has + (fixed - f) as u32, has, "gains"))
        }
        Some(fixed) => Ok(fixed),
    }
}

/// Root mean square.
fn spread(x: &[f64]) -> f64 {
    libm::sqrt(x.iter().map(|x| x * x).sum::<f64>() / x.len().max(1) as f64)
}

/// Where a stream goes, as far as it decides its format.
enum Consumers {
    Residual,
    /// Rotations, convolutions and attention of either kind.
    Heads,
    /// An activation that limits it.
    Limited,
    Other,
}

fn consumers(graph: &OpGraph, id: NodeIndex) -> Consumers {
    let ops: Vec<&Op> = graph.graph.neighbors(id).map(|c| &graph.graph[c].op).collect();
    if ops.iter().any(|op| matches!(op, Op::Add | Op::Mix { .. })) {
        Consumers::Residual
    } else if ops.iter().any(|op| matches!(op, Op::Rope { .. } | Op::Attention { .. } | Op::ShortConv { .. } | Op::DeltaRule { .. })) {
        Consumers::Heads
    } else if ops.iter().any(|op| matches!(op, Op::GatedAct { act: Activation::SwigluClamped { .. } })) {
        Consumers::Limited
    } else {
        Consumers::Other
    }
}

/// `gamma * sqrt(n) = mantissa * 2^-fg`, that of a gain of `most` filling 20 bits, or what the shift to the `wanted` output allows, or an
/// `fg` that is fixed.
fn gain_mantissas(
    path: &str,
    gains: &[f64],
    most: f64,
    n: usize,
    wanted: Option<Fixed>,
    fixed: Option<i16>,
) -> Result<(Vec<i32>, i16), Error> {
    let root = libm::sqrt(n as f64);
    let mut fg = fraction(path, most * root, GAIN_MAX, (-16, 60), fixed)?;
    if let Some(out) = wanted {
        fg = fg.min(51 - i32::from(U_FRAC) + i32::from(out.frac));
    }
    let scale = libm::exp2(f64::from(fg)) * root;
    Ok((gains.iter().map(|g| libm::round(g * scale) as i32).collect(), fg as i16))
}
