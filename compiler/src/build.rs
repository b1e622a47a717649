//! Stage 3: the operator graph becomes the unit graph: formats, widths, row feeds, stations. Of a checkpoint or of a bare shape, on one path.

use crate::error::Error;
use crate::folding::{Folding, Turned};
use crate::options::Plan;
use crate::order::{source, stations, waits};
use crate::quantize::matrices::{QuantizedModel, positions_path};
use crate::tile::TilePlan;
use crate::weights::Weights;
use hardwire_models::{Checkpoint, ModelConfig, Node, Op, OpGraph, RouteRule};
use hardwire_netlist::Tables;
use hardwire_netlist::chip::ModelInfo;
use hardwire_netlist::graph::{Netlist, Station, Stream, UnitId};
use hardwire_netlist::program::ProgramId;
use hardwire_netlist::program::ProgramWriter;
use hardwire_netlist::unit::{
    Activation, AttentionSpec, CentreSpec, ConvSpec, DecaySpec, DeltaSpec, EmbedSpec, Fixed, GatedActSpec, MixSpec, MvmSpec, NormSpec,
    RopeSpec, RouteSpec, RowFeedSpec, Unit, UnitKind,
};
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeMap;

/// Scores carry base-2 logarithms with 16 fractional bits (`docs/numerics.md`, section 7).
const SCORE_FRAC: i32 = 16;
/// `log2(e)` as a 16-bit mantissa and its fractional bits.
const LOG2_E: (u32, i32) = (47_274, 15);

/// Where gains, biases and scores of sinks go: into the program file, or only past the count.
pub(crate) trait Vectors {
    fn put(&mut self, name: &str, values: &[i32]) -> Result<ProgramId, Error>;
}

impl Vectors for ProgramWriter {
    fn put(&mut self, name: &str, values: &[i32]) -> Result<ProgramId, Error> {
        Ok(self.gain(name, values)?)
    }
}

/// Numbers vectors as a program file would that already holds so many records.
pub(crate) struct Counted(pub u32);

impl Vectors for Counted {
    fn put(&mut self, _: &str, _: &[i32]) -> Result<ProgramId, Error> {
        self.0 += 1;
        Ok(ProgramId(self.0 - 1))
    }
}

struct Builder<'a> {
    weights: &'a dyn Weights,
    ops: &'a OpGraph,
    plan: &'a Plan,
    quantized: &'a QuantizedModel,
    tiles: &'a TilePlan,
    graph: DiGraph<Unit, Stream>,
    units: BTreeMap<NodeIndex, UnitId>,
    /// By producer, and by whether the feed waits for a choice of experts.
    feeds: BTreeMap<(NodeIndex, bool), UnitId>,
    /// The last Route.
    route: Option<UnitId>,
    folding: &'a Folding,
    /// Station of the netlist of every node, and of every station of the graph.
    station_of: BTreeMap<NodeIndex, u32>,
}

/// Builds the netlist, not yet validated; gains go to `programs`.
pub(crate) fn build(
    weights: &dyn Weights,
    plan: &Plan,
    folding: &Folding,
    quantized: &QuantizedModel,
    tiles: &TilePlan,
    programs: &mut dyn Vectors,
) -> Result<Netlist, Error> {
    let shape = weights.shape();
    let ops = &shape.graph;
    let mut b = Builder {
        weights,
        ops,
        plan,
        quantized,
        tiles,
        graph: DiGraph::default(),
        units: BTreeMap::new(),
        feeds: BTreeMap::new(),
        route: None,
        folding,
        station_of: BTreeMap::new(),
    };
    let at: Vec<u32> = (1..).zip(folding.route()).filter(|(_, s)| s.is_some()).map(|(at, _)| at).collect();
    let count = folding.route().len() as u32 + 2;
    let place = |station: u32| if station == 0 { 0 } else { at.get(station as usize - 1).copied().unwrap_or(count - 1) };
    b.station_of = stations(ops).into_iter().map(|(id, station)| (id, place(station))).collect();
    for id in ops.topological_order() {
        b.node(id, programs)?;
    }
    let head = b.units[&ops.output];
    let (station, len) = (b.graph[head].station, b.graph[head].out_len);
    let bits = 64 - u64::from(len).leading_zeros() as u8 + 1;
    let argmax =
        b.add(Unit { path: "argmax".into(), station, kind: UnitKind::Argmax, out: Fixed::new(bits.max(2), 0), out_len: 1, expert: None });
    b.connect(head, argmax, 0);
    let stations = vec![Station { path: String::new(), layer: None }; count as usize];
    let mut n =
        Netlist { lanes: plan.lanes, stations, ring: folding.ring(), tables: Tables::new(swish_alpha(&shape.config)), graph: b.graph };
    name_stations(&mut n);
    Ok(n)
}

impl Builder<'_> {
    fn node(&mut self, id: NodeIndex, programs: &mut dyn Vectors) -> Result<(), Error> {
        let ops = self.ops;
        let node = &ops.graph[id];
        let mut inputs: Vec<UnitId> = ops.inputs(id).iter().map(|i| self.units[i]).collect();
        let station = self.station_of[&id];
        // Its silicon turns the heads of other layers.
        for (input, turned) in inputs.iter_mut().zip(self.folding.turned(&node.path)) {
            *input = self.unturned(*input, turned, station);
        }
        let out = self.quantized.formats.of(id);
        let kind = self.kind(id, node, programs)?;
        let fed = match kind {
            UnitKind::Mvm(_) => vec![self.feed(source(ops, id), node, station)?],
            _ => inputs,
        };
        let unit = self.add(Unit { path: node.path.clone(), station, kind, out, out_len: node.width as u32, expert: node.expert });
        if matches!(node.op, Op::Route { .. }) {
            self.route = Some(unit);
        }
        for (port, &from) in fed.iter().enumerate() {
            self.connect(from, unit, port as u16);
        }
        self.units.insert(id, unit);
        Ok(())
    }

    /// A rotation that turns nothing, where the silicon has one.
    fn unturned(&mut self, from: UnitId, turned: &Turned, station: u32) -> UnitId {
        let Unit { out, out_len, .. } = self.graph[from];
        let (heads, head_dim) = (turned.heads, turned.head_dim);
        let kind = UnitKind::Rope(RopeSpec { heads, head_dim, rotated: 0, table: 0, input: out });
        let rope = self.add(Unit { path: turned.path.clone(), station, kind, out, out_len, expert: None });
        self.connect(from, rope, 0);
        rope
    }

    /// The row feed of a producer: one for all matrices that read it.
    fn feed(&mut self, producer: NodeIndex, consumer: &Node, station: u32) -> Result<UnitId, Error> {
        let ops = self.ops;
        let own = consumer.expert.filter(|&e| ops.graph[producer].expert == Some(e));
        let waits = waits(ops, producer, consumer);
        if let Some(&feed) = self.feeds.get(&(producer, waits)) {
            return Ok(feed);
        }
        let m = &self.quantized.matrices[&consumer.path].spec;
        let (fabric, shape) = self.tiles.arrays[&consumer.path];
        let rows = shape.rows;
        let from = self.units[&producer];
        let input = self.graph[from].out;
        let spec = RowFeedSpec { len: m.inputs, input, act_bits: self.plan.act_bits, rows, group: m.group.min(rows), fabric, waits };
        // A feed of the residual is named after what it feeds: its producer is of the station before.
        let owner = if self.graph[from].station == station { &ops.graph[producer].path } else { &consumer.path };
        let path = format!("{owner}.{}", if waits { "experts_feed" } else { "feed" });
        let out = Fixed::new(self.plan.act_bits, input.frac);
        let feed = self.add(Unit { path, station, kind: UnitKind::RowFeed(spec), out, out_len: m.inputs, expert: own });
        self.connect(from, feed, 0);
        if waits {
            let route = self.route.ok_or_else(|| Error::model(&consumer.path, "an expert without a router before it"))?;
            self.connect(route, feed, 1);
        }
        self.feeds.insert((producer, waits), feed);
        Ok(feed)
    }

    fn kind(&mut self, id: NodeIndex, node: &Node, programs: &mut dyn Vectors) -> Result<UnitKind, Error> {
        let ops = self.ops;
        let config = &self.weights.shape().config;
        let formats = &self.quantized.formats;
        let input = |port: usize| formats.of(ops.inputs(id)[port]);
        Ok(match &node.op {
            Op::Embed { .. } => {
                let turn = 2.0 * std::f64::consts::PI;
                let phase = |f: &f64| libm::round(f / turn * 4_294_967_296.0) as u64 as u32;
                let omega = config.rope_tables().iter().map(|table| table.iter().map(phase).collect()).collect();
                let positions = self.quantized.matrices.get(&positions_path(&node.path)).map(|m| m.spec.clone());
                UnitKind::Embed(EmbedSpec { matrix: self.quantized.matrices[&node.path].spec.clone(), positions, omega })
            }
            Op::RmsNorm { .. } | Op::UnitNorm { .. } | Op::LayerNorm { .. } => {
                let groups = if let Op::RmsNorm { groups, .. } | Op::UnitNorm { groups, .. } = &node.op { *groups as u32 } else { 1 };
                let gain = formats.gain(id);
                UnitKind::RmsNorm(NormSpec {
                    len: node.width as u32,
                    groups,
                    epsilon: gain.epsilon,
                    gain: programs.put(&node.path, &gain.mantissas)?,
                    input: input(0),
                    shift: gain.shift,
                    centre: self.centre(node, &gain.bias, programs)?,
                })
            }
            Op::Linear { .. } => {
                let m = &self.quantized.matrices[&node.path];
                let (fabric, shape) = self.tiles.arrays[&node.path];
                UnitKind::Mvm(MvmSpec {
                    matrix: m.spec.clone(),
                    fabric,
                    shape,
                    act_bits: self.plan.act_bits,
                    acc_bits: m.acc_bits,
                    tot_bits: m.tot_bits,
                })
            }
            Op::Rope { heads, head_dim, rotated, table, .. } => UnitKind::Rope(RopeSpec {
                heads: *heads as u32,
                head_dim: *head_dim as u32,
                rotated: *rotated as u32,
                table: *table as u8,
                input: input(0),
            }),
            Op::Attention { heads, kv_heads, head_dim, scale, window, sinks } => {
                let (q, k, v) = (input(0), input(1), input(2));
                let exact = f64::from(*scale) * std::f64::consts::LOG2_E;
                let (score_mantissa, score_frac) =
                    mantissa16(exact).ok_or_else(|| Error::model(&node.path, format!("score scale {scale}")))?;
                UnitKind::Attention(AttentionSpec {
                    heads: *heads as u32,
                    kv_heads: *kv_heads as u32,
                    head_dim: *head_dim as u32,
                    context: self.plan.context,
                    users: self.plan.users,
                    window: window.map(|w| w as u32),
                    act_bits: self.plan.act_bits,
                    kv_bits: self.plan.kv_bits,
                    pos_lanes: self.plan.pos_lanes,
                    q,
                    k,
                    v,
                    score_mantissa,
                    score_shift: score_frac + i32::from(q.frac) + i32::from(k.frac) - SCORE_FRAC,
                    sinks: self.sinks(node, sinks.as_deref(), *heads, programs)?,
                })
            }
            Op::GatedAct { act } => {
                let (gate, up) = (input(0), input(1));
                let activation = activation(node, *act, gate, up)?;
                self.gated_act(activation, gate, Some(up), formats.of(id), !together(ops, id))
            }
            Op::Act { act } => {
                let gate = input(0);
                let activation = activation(node, *act, gate, gate)?;
                self.gated_act(activation, gate, None, formats.of(id), false)
            }
            Op::ShortConv { taps, .. } => {
                let weights = formats.gain(id);
                UnitKind::Conv(ConvSpec {
                    len: node.width as u32,
                    taps: *taps as u32,
                    users: self.plan.users,
                    weights: programs.put(&node.path, &weights.mantissas)?,
                    input: input(0),
                    shift: weights.shift,
                })
            }
            Op::Decay { .. } => {
                let rates = formats.gain(id);
                let program = programs.put(&node.path, &rates.mantissas)?;
                UnitKind::Decay(DecaySpec { len: node.width as u32, rates: program, input: input(0), shift: rates.shift })
            }
            Op::DeltaRule { shape } => UnitKind::Delta(DeltaSpec {
                key_heads: shape.key_heads as u32,
                value_heads: shape.value_heads as u32,
                key_dim: shape.key_dim as u32,
                value_dim: shape.value_dim as u32,
                users: self.plan.users,
                state: formats.state(id),
                q: input(0),
                k: input(1),
                v: input(2),
            }),
            Op::Add => UnitKind::Add,
            Op::Route { experts, active, rule } => {
                let logits = input(0);
                let (score_mantissa, score_frac) = LOG2_E;
                UnitKind::Route(RouteSpec {
                    experts: *experts as u32,
                    active: *active as u32,
                    of_all: *rule == RouteRule::SoftmaxThenTop { renormalise: false },
                    logits,
                    score_mantissa,
                    score_shift: score_frac + i32::from(logits.frac) - SCORE_FRAC,
                })
            }
            Op::Mix { experts, shared } => {
                let Op::Route { active, .. } = &ops.graph[ops.inputs(id)[0]].op else {
                    return Err(Error::model(&node.path, "its weights come from no router"));
                };
                UnitKind::Mix(MixSpec { experts: *experts as u32, active: *active as u32, input: input(1), shared: *shared })
            }
        })
    }

    fn gated_act(&self, activation: Activation, gate: Fixed, up: Option<Fixed>, out: Fixed, holds: bool) -> UnitKind {
        let mut spec = GatedActSpec { activation, gate, up, shift: 0, holds };
        spec.shift = spec.act_frac() + up.map_or(0, |up| up.frac) - out.frac;
        UnitKind::GatedAct(spec)
    }

    /// What makes a norm a LayerNorm.
    fn centre(&self, node: &Node, bias: &[i32], programs: &mut dyn Vectors) -> Result<Option<CentreSpec>, Error> {
        if !matches!(node.op, Op::LayerNorm { .. }) {
            return Ok(None);
        }
        let (mantissa, shift) = CentreSpec::reciprocal(node.width as u32);
        let bias = if bias.is_empty() { None } else { Some(programs.put(&format!("{}.bias", node.path), bias)?) };
        Ok(Some(CentreSpec { mantissa, shift, bias }))
    }

    /// Scores of sinks, in base-2 logarithms.
    fn sinks(&self, node: &Node, tensor: Option<&str>, heads: usize, programs: &mut dyn Vectors) -> Result<Option<ProgramId>, Error> {
        let Some(name) = tensor else { return Ok(None) };
        let unit = std::f64::consts::LOG2_E * libm::exp2(f64::from(SCORE_FRAC));
        // A sink past the format is as good as its end: all or nothing of the softmax.
        let score = |&s: &f64| libm::round(s * unit).clamp(-f64::from(i32::MAX), f64::from(i32::MAX)) as i32;
        let scores: Vec<i32> = self.weights.vector(name, heads)?.iter().map(score).collect();
        Ok(Some(programs.put(&format!("{}.sinks", node.path), &scores)?))
    }

    fn add(&mut self, unit: Unit) -> UnitId {
        self.graph.add_node(unit)
    }

    fn connect(&mut self, from: UnitId, to: UnitId, port: u16) {
        self.graph.add_edge(from, to, Stream { port });
    }
}

/// `layers.3.attn` where a station attends, `layers.3.mlp` where it does not, `head` for the last, `round-2.layers.3.attn` where the silicon of
/// that station is passed.
fn name_stations(n: &mut Netlist) {
    let last = n.stations.len() - 1;
    n.stations[0].path = "embed".into();
    for i in 1..=last {
        let units: Vec<&Unit> = n.station_units(i as u32).into_iter().map(|id| n.unit(id)).collect();
        let attends = units.iter().any(|u| matches!(u.kind, UnitKind::Attention(_) | UnitKind::Delta(_)));
        let layer = units.iter().find_map(|u| u.path.strip_prefix("layers.")?.split('.').next()?.parse().ok());
        let path = match layer {
            Some(l) => format!("layers.{l}.{}", if attends { "attn" } else { "mlp" }),
            None if i == last => "head".into(),
            None => format!("station{i}"),
        };
        n.stations[i] = Station { path, layer };
    }
    for i in (1..last as u32).filter(|&i| n.passes(i)).collect::<Vec<_>>() {
        let silicon = &n.stations[n.built_station(i) as usize].path;
        n.stations[i as usize].path = format!("round-{}.{silicon}", n.round(i));
    }
}

/// # Errors
/// Names the first node that no unit of the chip computes, before any weight is read.
pub(crate) fn check(graph: &OpGraph) -> Result<(), Error> {
    let any = Fixed::new(32, 0);
    let node = |id| &graph.graph[id];
    graph.topological_order().into_iter().map(node).try_for_each(|n| match &n.op {
        Op::GatedAct { act } | Op::Act { act } => activation(n, *act, any, any).map(|_| ()),
        Op::ShortConv { taps, .. } if !(2..=4).contains(taps) => {
            Err(Error::model(&n.path, format!("this chip has no unit for a convolution of {taps} taps, only of 2 to 4")))
        }
        _ => Ok(()),
    })
}

/// Whether gate and up of a node come in the same cycles: from two matrices that one row feed feeds.
fn together(graph: &OpGraph, id: NodeIndex) -> bool {
    let [gate, up] = graph.inputs(id)[..] else { return false };
    let matrix = |n: NodeIndex| matches!(graph.graph[n].op, Op::Linear { .. });
    matrix(gate) && matrix(up) && graph.inputs(gate) == graph.inputs(up)
}

/// Of the model's clamped SwiGLU, if it has one: the decimal number that the `f32` was read from.
fn swish_alpha(config: &ModelConfig) -> f64 {
    match config.activation {
        hardwire_models::Activation::SwigluClamped { alpha, .. } => alpha.to_string().parse().unwrap_or(Tables::SWISH_ALPHA),
        _ => Tables::SWISH_ALPHA,
    }
}

/// The chip's activation; limits in the formats of gate and up.
fn activation(node: &Node, act: hardwire_models::Activation, gate: Fixed, up: Fixed) -> Result<Activation, Error> {
    use hardwire_models::Activation as Model;
    let integer = |limit: f32, f: Fixed| libm::round(f64::from(limit) * libm::exp2(f64::from(f.frac))).min(f.max() as f64) as i32;
    match act {
        Model::Silu => Ok(Activation::Silu),
        Model::GeluTanh => Ok(Activation::GeluTanh),
        Model::Relu2 => Ok(Activation::Relu2),
        Model::Sigmoid => Ok(Activation::Sigmoid),
        Model::Gelu => Ok(Activation::Gelu),
        // The table's reach and fineness (`docs/numerics.md`, section 9).
        Model::SwigluClamped { alpha, .. } if !(1.0..=2.0).contains(&alpha) => {
            Err(Error::model(&node.path, format!("this chip has no unit for clamped SwiGLU with alpha {alpha}, only from 1 to 2")))
        }
        Model::SwigluClamped { limit, .. } => {
            let most = i64::from(i32::MAX) - (1i64 << up.frac);
            if f64::from(limit) * libm::exp2(f64::from(up.frac)) > most as f64 || limit.is_nan() || limit < 0.0 {
                return Err(Error::model(&node.path, format!("its limit of {limit} does not fit the chip's clamped SwiGLU")));
            }
            Ok(Activation::SwigluClamped { gate_limit: integer(limit, gate), up_limit: integer(limit, up) })
        }
    }
}

/// `x = m * 2^-f` with a 16-bit mantissa, `2^15 <= m < 2^16`.
fn mantissa16(x: f64) -> Option<(u32, i32)> {
    if !(x.is_finite() && x > 0.0) {
        return None;
    }
    let mut f = 15 - libm::floor(libm::log2(x)) as i32;
    let mut m = libm::round(x * libm::exp2(f64::from(f)));
    if m >= 65536.0 {
        f -= 1;
        m = libm::round(x * libm::exp2(f64::from(f)));
    }
    Some((m as u32, f))
}

/// What the chip says about the model it is.
pub fn model_info(checkpoint: &Checkpoint, plan: &Plan) -> ModelInfo {
    let rotated = checkpoint.is_rotated();
    ModelInfo { digest: checkpoint.digest(), rotated, ..described(checkpoint.name(), checkpoint.config(), plan) }
}

/// The same of a model without weights: as stored, and of no digest.
pub fn described(name: &str, c: &ModelConfig, plan: &Plan) -> ModelInfo {
    ModelInfo {
        name: name.into(),
        architecture: c.architecture.to_string(),
        digest: String::new(),
        parameters: c.parameters,
        hidden: c.hidden as u32,
        ffn: c.ffn as u32,
        layers: c.layers as u32,
        heads: c.heads as u32,
        kv_heads: c.kv_heads as u32,
        head_dim: c.head_dim as u32,
        vocab: c.vocab as u32,
        model_context: c.context as u32,
        context: plan.context,
        users: plan.users,
        act_bits: plan.act_bits,
        kv_bits: plan.kv_bits,
        bos: c.bos,
        eos: c.eos.clone(),
        rotated: false,
        die: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn score_mantissas_are_within_a_part_in_65536() {
        for x in [1e-3, 0.125 * std::f64::consts::LOG2_E, 0.999_999, 1.0, 65535.9, 3e6] {
            let (m, f) = mantissa16(x).unwrap();
            assert!((1 << 15..1 << 16).contains(&m));
            assert!((f64::from(m) * libm::exp2(-f64::from(f)) / x - 1.0).abs() < 1.0 / 65536.0);
        }
        assert_eq!(mantissa16(0.0), None);
        assert_eq!(mantissa16(std::f64::consts::LOG2_E), Some(LOG2_E));
    }
}
