//! The unit graph of a shape, station by station, as [`crate::build`] makes it from an operator graph.

use super::config::{LinearAttention, Shape, State};
use super::standin::Standin;
use super::statistics::Statistics;
use super::{Repeat, ShapeChip};
use crate::error::Error;
use crate::options::Plan;
use crate::tile;
use hardwire_netlist::graph::{Netlist, Station, Stream, UnitId};
use hardwire_netlist::unit::{
    Activation, AttentionSpec, EmbedSpec, Fixed, GatedActSpec, MatrixSpec, MixSpec, MvmSpec, NormSpec, RopeSpec, RouteSpec, RowFeedSpec,
    RowPermutation, Unit, UnitKind,
};
use hardwire_netlist::{ProgramId, Tables};
use petgraph::graph::DiGraph;
use std::collections::BTreeMap;

/// Formats of streams: their widths cost hardware, their binary points do not.
const RESIDUAL: Fixed = Fixed { bits: 32, frac: 16 };
const WIDE: Fixed = Fixed { bits: 32, frac: 12 };
const HEADS: Fixed = Fixed { bits: 24, frac: 11 };
/// e2m1 magnitudes times two.
const FP4: [i32; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

struct Builder<'a> {
    shape: &'a Shape,
    plan: &'a Plan,
    statistics: Statistics,
    graph: DiGraph<Unit, Stream>,
    stations: Vec<Station>,
    standins: BTreeMap<UnitId, Standin>,
    repeats: BTreeMap<UnitId, Repeat>,
    /// The first matrix of each feed.
    fed: BTreeMap<UnitId, String>,
}

pub(super) fn build(shape: &Shape, plan: Plan) -> Result<ShapeChip, Error> {
    let mut b = Builder {
        shape,
        plan: &plan,
        statistics: Statistics::default(),
        graph: DiGraph::default(),
        stations: Vec::new(),
        standins: BTreeMap::new(),
        repeats: BTreeMap::new(),
        fed: BTreeMap::new(),
    };
    b.station("embed", None);
    let matrix = b.matrix("embed_tokens", shape.vocab, shape.hidden, false);
    let omega = vec![vec![0; shape.rotated as usize / 2]];
    let mut x = b.add("embed_tokens", UnitKind::Embed(EmbedSpec { matrix, positions: None, omega }), RESIDUAL, shape.hidden, &[]);
    for (l, state) in shape.states.iter().enumerate() {
        let l = l as u32;
        b.station(&format!("layers.{l}.attn"), Some(l));
        x = match state {
            State::Cache { window } => b.attention(l, x, *window)?,
            State::Linear(linear) => b.linear(l, x, *linear)?,
        };
        b.station(&format!("layers.{l}.mlp"), Some(l));
        x = b.feed_forward(l, x)?;
    }
    b.station("head", None);
    let n = b.norm("norm", x, 1);
    let f = b.feed("norm.feed", n, "lm_head")?;
    let logits = b.mvm("lm_head", f, shape.vocab, WIDE, false)?;
    let bits = 64 - u64::from(shape.vocab).leading_zeros() as u8 + 1;
    b.add("argmax", UnitKind::Argmax, Fixed::new(bits, 0), 1, &[logits]);
    let matrices = b.graph.node_weights().filter(|u| matches!(u.kind, UnitKind::Mvm(_))).map(|u| u.path.as_str());
    plan.holdings.check(matrices)?;
    let netlist = Netlist { lanes: plan.lanes, stations: b.stations, tables: Tables::new(Tables::SWISH_ALPHA), graph: b.graph };
    let (standins, repeats) = (b.standins, b.repeats);
    Ok(ShapeChip { shape: shape.clone(), netlist, standins, repeats, plan })
}

impl Builder<'_> {
    fn station(&mut self, path: &str, layer: Option<u32>) {
        self.stations.push(Station { path: path.into(), layer });
    }

    fn add(&mut self, path: &str, kind: UnitKind, out: Fixed, out_len: u32, inputs: &[UnitId]) -> UnitId {
        let station = self.stations.len() as u32 - 1;
        let id = self.graph.add_node(Unit { path: path.into(), station, kind, out, out_len, expert: None });
        for (port, &from) in (0..).zip(inputs) {
            self.graph.add_edge(from, id, Stream { port });
        }
        id
    }

    fn len(&self, id: UnitId) -> u32 {
        self.graph[id].out_len
    }

    fn norm(&mut self, path: &str, from: UnitId, groups: u32) -> UnitId {
        let (len, input) = (self.len(from), self.graph[from].out);
        self.add(path, UnitKind::RmsNorm(norm(len, groups, input)), WIDE, len, &[from])
    }

    /// Group of a matrix's scales: the plan's, or the whole input.
    fn group(&self, inputs: u32) -> u32 {
        if self.plan.group >= inputs { inputs } else { self.plan.group }
    }

    /// `first`: path of the first matrix it feeds.
    fn feed(&mut self, path: &str, from: UnitId, first: &str) -> Result<UnitId, Error> {
        self.waiting_feed(path, from, first, None)
    }

    /// Where a router is given, it waits for its choice.
    fn waiting_feed(&mut self, path: &str, from: UnitId, first: &str, route: Option<UnitId>) -> Result<UnitId, Error> {
        let (len, input) = (self.len(from), self.graph[from].out);
        let matrix = self.matrix(first, 1, len, false);
        let (rows, play) = tile::feed(&matrix, tile::fabric(first, &matrix, self.plan)?);
        let waits = route.is_some();
        let spec = RowFeedSpec { len, input, act_bits: self.plan.act_bits, rows, group: matrix.group.min(rows), play, waits };
        let inputs: Vec<UnitId> = std::iter::once(from).chain(route).collect();
        let id = self.add(path, UnitKind::RowFeed(spec), Fixed::new(self.plan.act_bits, input.frac), len, &inputs);
        self.fed.insert(id, first.into());
        Ok(id)
    }

    fn matrix(&mut self, path: &str, outputs: u32, inputs: u32, bias: bool) -> MatrixSpec {
        let code_bits = self.plan.bits.unwrap_or(4);
        let group = self.group(inputs);
        let widths = self.statistics.widths(inputs, code_bits, group, self.plan.act_bits);
        let codebook = match code_bits {
            2 if self.shape.ternary => vec![0, 1, -1, 0],
            4 if self.shape.fp4 => FP4.to_vec(),
            b => (-(1 << (b - 1))..1 << (b - 1)).collect(),
        };
        let scale_bits = widths.scale_bits;
        MatrixSpec {
            tensor: path.into(),
            inputs,
            outputs,
            code_bits,
            codebook,
            group,
            scale_bits,
            offset_bits: 0,
            bias,
            rows: RowPermutation::Identity,
            program: ProgramId(0),
        }
    }

    fn mvm(&mut self, path: &str, feed: UnitId, outputs: u32, out: Fixed, bias: bool) -> Result<UnitId, Error> {
        let inputs = self.len(feed);
        let matrix = self.matrix(path, outputs, inputs, bias);
        tile::alike(self.plan, &self.fed[&feed], path)?;
        let fabric = tile::fabric(path, &matrix, self.plan)?;
        let widths = self.statistics.widths(inputs, matrix.code_bits, matrix.group, self.plan.act_bits);
        let (acc_bits, tot_bits) = (widths.acc_bits, widths.tot_bits);
        let spec = MvmSpec { matrix, fabric, act_bits: self.plan.act_bits, acc_bits, tot_bits };
        Ok(self.add(path, UnitKind::Mvm(spec), out, outputs, &[feed]))
    }

    fn gated(&mut self, path: &str, activation: Activation, gate: UnitId, up: UnitId) -> UnitId {
        let (g, u, len) = (self.graph[gate].out, self.graph[up].out, self.len(up));
        let spec = GatedActSpec { activation, gate: g, up: Some(u), shift: g.frac + u.frac - WIDE.frac };
        self.add(path, UnitKind::GatedAct(spec), WIDE, len, &[gate, up])
    }

    fn residual(&mut self, path: &str, x: UnitId, branch: UnitId, post: Option<&str>) -> UnitId {
        let branch = match post {
            Some(name) => self.norm(name, branch, 1),
            None => branch,
        };
        self.add(path, UnitKind::Add, RESIDUAL, self.shape.hidden, &[x, branch])
    }

    fn rope(&mut self, path: &str, from: UnitId, heads: u32) -> UnitId {
        let (s, input) = (self.shape, self.graph[from].out);
        let spec = RopeSpec { heads, head_dim: s.head_dim, rotated: s.rotated, table: 0, input };
        self.add(path, UnitKind::Rope(spec), input, heads * s.head_dim, &[from])
    }

    fn attention(&mut self, l: u32, x: UnitId, window: Option<u32>) -> Result<UnitId, Error> {
        let s = self.shape;
        let at = |part: &str| format!("layers.{l}.{part}");
        let (wide, narrow) = (s.heads * s.head_dim, s.kv_heads * s.head_dim);
        let n = self.norm(&at("input_layernorm"), x, 1);
        let f = self.feed(&at("input_layernorm.feed"), n, &at("self_attn.q_proj"))?;
        let q = self.mvm(&at("self_attn.q_proj"), f, wide, HEADS, s.qkv_bias)?;
        let k = self.mvm(&at("self_attn.k_proj"), f, narrow, HEADS, s.qkv_bias)?;
        let v = self.mvm(&at("self_attn.v_proj"), f, narrow, HEADS, s.qkv_bias)?;
        let gate = if s.attention_gate { Some(self.mvm(&at("self_attn.gate_proj"), f, wide, WIDE, s.qkv_bias)?) } else { None };
        let (q, k) = if s.qk_norm {
            (self.norm(&at("self_attn.q_norm"), q, s.heads), self.norm(&at("self_attn.k_norm"), k, s.kv_heads))
        } else {
            (q, k)
        };
        let q = self.rope(&at("self_attn.q_rope"), q, s.heads);
        let k = self.rope(&at("self_attn.k_rope"), k, s.kv_heads);
        let spec = AttentionSpec {
            heads: s.heads,
            kv_heads: s.kv_heads,
            head_dim: s.head_dim,
            // A window needs no more positions than it sees.
            context: window.map_or(self.plan.context, |w| w.min(self.plan.context)),
            users: self.plan.users,
            window,
            act_bits: self.plan.act_bits,
            kv_bits: self.plan.kv_bits,
            pos_lanes: self.plan.pos_lanes,
            q: self.graph[q].out,
            k: self.graph[k].out,
            v: HEADS,
            score_mantissa: 1 << 15,
            score_shift: 0,
            sinks: s.sinks().then_some(ProgramId(0)),
        };
        let mut o = self.add(&at("self_attn.attention"), UnitKind::Attention(spec), HEADS, wide, &[q, k, v]);
        if let Some(gate) = gate {
            o = self.gated(&at("self_attn.gate"), Activation::Silu, gate, o);
        }
        if s.sub_norms {
            o = self.norm(&at("self_attn.attn_sub_norm"), o, 1);
        }
        let f = self.feed(&at("self_attn.attention.feed"), o, &at("self_attn.o_proj"))?;
        let branch = self.mvm(&at("self_attn.o_proj"), f, s.hidden, RESIDUAL, s.output_bias)?;
        Ok(self.residual(&at("self_attn.add"), x, branch, s.post_norms.then_some(&at("post_attention_layernorm"))))
    }

    /// Gated delta rule: one projection for queries, keys and values, one for the output gate, two narrow ones for decay and step.
    fn linear(&mut self, l: u32, x: UnitId, spec: LinearAttention) -> Result<UnitId, Error> {
        let s = self.shape;
        let at = |part: &str| format!("layers.{l}.{part}");
        let n = self.norm(&at("input_layernorm"), x, 1);
        let f = self.feed(&at("input_layernorm.feed"), n, &at("linear_attn.in_proj_qkv"))?;
        let qkv = self.mvm(&at("linear_attn.in_proj_qkv"), f, spec.channels(), HEADS, false)?;
        let z = self.mvm(&at("linear_attn.in_proj_z"), f, spec.output(), WIDE, false)?;
        let b = self.mvm(&at("linear_attn.in_proj_b"), f, spec.value_heads, WIDE, false)?;
        let a = self.mvm(&at("linear_attn.in_proj_a"), f, spec.value_heads, WIDE, false)?;
        let o = self.add(&at("linear_attn.state"), UnitKind::RmsNorm(norm(spec.output(), 1, HEADS)), HEADS, spec.output(), &[qkv, b, a]);
        self.standins.insert(o, Standin::Linear(spec));
        let o = self.norm(&at("linear_attn.norm"), o, spec.value_heads);
        let o = self.gated(&at("linear_attn.gate"), Activation::Silu, z, o);
        let f = self.feed(&at("linear_attn.gate.feed"), o, &at("linear_attn.out_proj"))?;
        let branch = self.mvm(&at("linear_attn.out_proj"), f, s.hidden, RESIDUAL, false)?;
        Ok(self.residual(&at("linear_attn.add"), x, branch, None))
    }

    fn feed_forward(&mut self, l: u32, x: UnitId) -> Result<UnitId, Error> {
        let s = self.shape;
        let at = |part: &str| format!("layers.{l}.{part}");
        let n = self.norm(&at("post_attention_layernorm"), x, 1);
        let mut route = None;
        if let Some(e) = s.experts {
            let f = self.feed(&at("mlp.router.feed"), n, &at("mlp.router"))?;
            let logits = self.mvm(&at("mlp.router"), f, e.count, WIDE, s.mlp_bias)?;
            let (experts, active) = (e.count, e.active);
            let spec = RouteSpec { experts, active, of_all: false, logits: WIDE, score_mantissa: 1 << 15, score_shift: 0 };
            route = Some(self.add(&at("mlp.route"), UnitKind::Route(spec), RouteSpec::OUT, e.count, &[logits]));
        }
        // The vector waits for the choice and is played again to the chosen, all from one feed.
        let f = self.waiting_feed(&at("post_attention_layernorm.feed"), n, &at("mlp.gate_proj"), route)?;
        let first = self.graph.node_count();
        let gate = self.mvm(&at("mlp.gate_proj"), f, s.ffn, WIDE, s.mlp_bias)?;
        let up = self.mvm(&at("mlp.up_proj"), f, s.ffn, WIDE, s.mlp_bias)?;
        let mut inner = self.gated(&at("mlp.act"), s.unit_activation().unwrap_or(Activation::GeluTanh), gate, up);
        if s.sub_norms {
            inner = self.norm(&at("mlp.ffn_sub_norm"), inner, 1);
        }
        let f = self.feed(&at("mlp.act.feed"), inner, &at("mlp.down_proj"))?;
        let mut branch = self.mvm(&at("mlp.down_proj"), f, s.hidden, RESIDUAL, s.mlp_bias)?;
        if let (Some(e), Some(route)) = (s.experts, route) {
            for unit in first..self.graph.node_count() {
                self.repeats.insert(UnitId::new(unit), Repeat { copies: e.count, active: e.active });
            }
            let spec = MixSpec { experts: e.count, active: e.active, input: RESIDUAL };
            branch = self.add(&at("mlp.mix"), UnitKind::Mix(spec), RESIDUAL, s.hidden, &[route, branch]);
        }
        Ok(self.residual(&at("mlp.add"), x, branch, s.post_norms.then_some(&at("post_feedforward_layernorm"))))
    }
}

fn norm(len: u32, groups: u32, input: Fixed) -> NormSpec {
    NormSpec { len, groups, epsilon: 1, gain: ProgramId(0), input, shift: 19, centre: None }
}
