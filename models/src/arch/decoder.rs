//! The one operator graph of decoder-only transformers: every architecture here is a choice of its parts.
//!
//! Tensor names are those of Hugging Face's Llama and its relatives; an architecture whose files name or join tensors otherwise
//! says so in its own file ([`super::Spec::stored`]).

use crate::config::RowOrder;
use crate::config::{Activation, Experts, LinearAttention, ModelConfig, Norm, NormPlaces, QkNorm};
use crate::graph::{EMBEDDING, HEAD, Node, Op, OpGraph, POSITIONS, Port, Positions};

/// Added to the squared length of queries and keys before a delta rule (`l2norm` of transformers' `modeling_qwen3_next.py`).
const UNIT_EPS: f32 = 1e-6;

/// token → embed → layers × (attention, feed-forward) → norm → head → logits
pub(super) fn build(config: &ModelConfig, order: RowOrder) -> OpGraph {
    let mut d = Decoder { b: Builder::new(), config, order };
    let positions = config.form.positions.then(|| Positions { weight: POSITIONS.into(), count: config.context });
    let embed = Op::Embed { weight: EMBEDDING.into(), scale: config.form.embed_scale, positions };
    let mut x = d.b.add("embed_tokens", embed, config.hidden, &[]);
    for layer in 0..config.layers {
        x = match &config.linear {
            Some(linear) if config.plan[layer].linear => d.linear_attention(layer, linear, x),
            _ => d.attention(layer, x),
        };
        x = d.feed_forward(layer, x);
    }
    let x = d.norm("norm".into(), x);
    if let Op::RmsNorm { scale, .. } = &mut d.b.graph[x].op {
        *scale = config.form.logit_scale;
    }
    let weight = if config.tied_embeddings { EMBEDDING } else { HEAD };
    let head = Op::Linear { weight: weight.into(), bias: None, inputs: config.hidden, outputs: config.vocab };
    let logits = d.b.add("lm_head", head, config.vocab, &[x]);
    d.b.finish(logits)
}

struct Decoder<'a> {
    b: Builder,
    config: &'a ModelConfig,
    order: RowOrder,
}

impl Decoder<'_> {
    /// `x + o(attend(rope(q(n)), rope(k(n)), v(n)))`, `n = norm(x)`; with norms where the form has them.
    fn attention(&mut self, layer: usize, x: Id) -> Id {
        let (c, plan) = (self.config, &self.config.plan[layer]);
        let (hidden, head_dim, form) = (c.hidden, c.head_dim, &c.form);
        let at = |part: &str| format!("layers.{layer}.self_attn.{part}");
        let n = if form.norms == NormPlaces::After { x } else { self.norm(format!("layers.{layer}.input_layernorm"), x) };
        let q = self.linear(at("q_proj"), form.qkv_bias, n, (hidden, c.q_width()));
        let k = self.linear(at("k_proj"), form.qkv_bias, n, (hidden, c.kv_width()));
        let v = self.linear(at("v_proj"), form.qkv_bias, n, (hidden, c.kv_width()));
        let gate = form.attention_gate.then(|| self.linear(at("gate_proj"), form.qkv_bias, n, (hidden, c.q_width())));
        let q = self.qk_norm(at("q_norm"), c.heads, q);
        let k = self.qk_norm(at("k_norm"), c.kv_heads, k);
        let (mut q, mut k, mut factor) = (q, k, 1.0);
        if let Some(table) = plan.rope {
            factor = c.rope[table].attention_factor();
            let rope = |heads| Op::Rope { heads, head_dim, rotated: c.rotated, table, order: self.order };
            q = self.b.add(at("q_rope"), rope(c.heads), c.q_width(), &[q]);
            k = self.b.add(at("k_rope"), rope(c.kv_heads), c.kv_width(), &[k]);
        }
        let attend = Op::Attention {
            heads: c.heads,
            kv_heads: c.kv_heads,
            head_dim,
            scale: (form.score_scale * factor * factor) as f32,
            window: plan.window.filter(|&w| w < c.context),
            sinks: form.sinks.then(|| format!("model.{}", at("sinks"))),
        };
        let mut mixed = self.b.add(at("attention"), attend, c.q_width(), &[q, k, v]);
        if let Some(gate) = gate {
            mixed = self.b.add(at("gate"), Op::GatedAct { act: Activation::Sigmoid }, c.q_width(), &[gate, mixed]);
        }
        if form.sub_norms {
            mixed = self.norm(at("attn_sub_norm"), mixed);
        }
        let mut branch = self.linear(at("o_proj"), form.output_bias, mixed, (c.q_width(), hidden));
        if form.norms != NormPlaces::Before {
            branch = self.norm(format!("layers.{layer}.post_attention_layernorm"), branch);
        }
        self.b.add(at("add"), Op::Add, hidden, &[x, branch])
    }

    /// `x + out(silu(z(n)) * norm(delta(unit(conv(q(n))), unit(conv(k(n))), conv(v(n)), decay(a(n)), sigmoid(b(n)))))`, `n = norm(x)`.
    fn linear_attention(&mut self, layer: usize, shape: &LinearAttention, x: Id) -> Id {
        let (hidden, eps) = (self.config.hidden, self.config.norm_eps);
        let at = |part: &str| format!("layers.{layer}.linear_attn.{part}");
        let n = self.norm(format!("layers.{layer}.input_layernorm"), x);
        let q = self.linear(at("q_proj"), false, n, (hidden, shape.keys()));
        let k = self.linear(at("k_proj"), false, n, (hidden, shape.keys()));
        let v = self.linear(at("v_proj"), false, n, (hidden, shape.values()));
        let z = self.linear(at("in_proj_z"), false, n, (hidden, shape.values()));
        let b = self.linear(at("in_proj_b"), false, n, (hidden, shape.value_heads));
        let bias = Some(format!("model.{}", at("dt_bias")));
        let a = Op::Linear { weight: format!("model.{}.weight", at("in_proj_a")), bias, inputs: hidden, outputs: shape.value_heads };
        let a = self.b.add(at("in_proj_a"), a, shape.value_heads, &[n]);
        let q = self.short_conv(at("q_conv1d"), shape.taps, q);
        let k = self.short_conv(at("k_conv1d"), shape.taps, k);
        let v = self.short_conv(at("v_conv1d"), shape.taps, v);
        let unit = |scale| Op::UnitNorm { eps: UNIT_EPS, scale, groups: shape.key_heads };
        let q = self.b.add(at("q_norm"), unit(1.0 / (shape.key_dim as f32).sqrt()), shape.keys(), &[q]);
        let k = self.b.add(at("k_norm"), unit(1.0), shape.keys(), &[k]);
        let decay =
            self.b.add(at("decay"), Op::Decay { rate: format!("model.{}", at("A_log")), stored: shape.rate }, shape.value_heads, &[a]);
        let step = self.b.add(at("step"), Op::Act { act: Activation::Sigmoid }, shape.value_heads, &[b]);
        let o = self.b.add(at("state"), Op::DeltaRule { shape: *shape }, shape.values(), &[q, k, v, decay, step]);
        let gain = format!("model.{}.weight", at("norm"));
        let norm = Op::RmsNorm { gain, eps, gain_offset: 0.0, scale: 1.0, groups: shape.value_heads };
        let o = self.b.add(at("norm"), norm, shape.values(), &[o]);
        let o = self.b.add(at("gate"), Op::GatedAct { act: Activation::Silu }, shape.values(), &[z, o]);
        let branch = self.linear(at("out_proj"), false, o, (shape.values(), hidden));
        self.b.add(at("add"), Op::Add, hidden, &[x, branch])
    }

    /// `act(conv(x))`
    fn short_conv(&mut self, path: String, taps: usize, x: Id) -> Id {
        let (width, act) = (self.b.width(x), self.config.activation);
        let conv = Op::ShortConv { weight: format!("model.{path}.weight"), taps };
        let conv = self.b.add(path.clone(), conv, width, &[x]);
        self.b.add(format!("{path}.act"), Op::Act { act }, width, &[conv])
    }

    /// `x + down(act(gate(n)) * up(n))`, `n = norm(x)`; with norms where the form has them, or experts.
    fn feed_forward(&mut self, layer: usize, x: Id) -> Id {
        let (c, form) = (self.config, &self.config.form);
        let at = |part: &str| format!("layers.{layer}.{part}");
        let n = match form.norms {
            NormPlaces::Before => self.norm(at("post_attention_layernorm"), x),
            NormPlaces::After => x,
            NormPlaces::Both => self.norm(at("pre_feedforward_layernorm"), x),
        };
        let mut branch = match &c.experts {
            Some(experts) if c.plan[layer].experts => self.experts(&at("mlp"), experts, n),
            _ => self.mlp(&at("mlp"), c.ffn, form.mlp_bias, n),
        };
        if form.norms != NormPlaces::Before {
            branch = self.norm(at("post_feedforward_layernorm"), branch);
        }
        self.b.add(at("mlp.add"), Op::Add, c.hidden, &[x, branch])
    }

    fn mlp(&mut self, at: &str, ffn: usize, bias: bool, n: Id) -> Id {
        let (hidden, act) = (self.config.hidden, self.config.activation);
        let mut inner = if self.config.form.gated {
            let gate = self.linear(format!("{at}.gate_proj"), bias, n, (hidden, ffn));
            let up = self.linear(format!("{at}.up_proj"), bias, n, (hidden, ffn));
            self.b.add(format!("{at}.act"), Op::GatedAct { act }, ffn, &[gate, up])
        } else {
            let up = self.linear(format!("{at}.up_proj"), bias, n, (hidden, ffn));
            self.b.add(format!("{at}.act"), Op::Act { act }, ffn, &[up])
        };
        if self.config.form.sub_norms {
            inner = self.norm(format!("{at}.ffn_sub_norm"), inner);
        }
        self.linear(format!("{at}.down_proj"), bias, inner, (ffn, hidden))
    }

    /// `sum over e of route(router(n))[e] * expert_e(n)`
    fn experts(&mut self, at: &str, e: &Experts, n: Id) -> Id {
        let logits = self.linear(format!("{at}.gate"), e.bias, n, (self.config.hidden, e.count));
        let route = Op::Route { experts: e.count, active: e.active, rule: e.rule };
        let mut inputs = vec![self.b.add(format!("{at}.route"), route, e.count, &[logits])];
        for expert in 0..e.count {
            self.b.expert = Some(expert as u32);
            inputs.push(self.mlp(&format!("{at}.experts.{expert}"), e.ffn, e.bias, n));
        }
        self.b.expert = None;
        if let Some(ffn) = e.shared {
            let gate = self.linear(format!("{at}.shared_expert_gate"), e.bias, n, (self.config.hidden, 1));
            inputs.push(self.b.add(format!("{at}.shared_expert_weight"), Op::Act { act: Activation::Sigmoid }, 1, &[gate]));
            inputs.push(self.mlp(&format!("{at}.shared_expert"), ffn, e.bias, n));
        }
        self.b.add(format!("{at}.mix"), Op::Mix { experts: e.count, shared: e.shared.is_some() }, self.config.hidden, &inputs)
    }

    fn norm(&mut self, path: String, x: Id) -> Id {
        let eps = self.config.norm_eps;
        let gain = format!("model.{path}.weight");
        let op = match self.config.form.norm {
            Norm::Rms { gain_offset } => Op::RmsNorm { gain, eps, gain_offset, scale: 1.0, groups: 1 },
            Norm::Layer => Op::LayerNorm { gain, bias: Some(format!("model.{path}.bias")), eps },
        };
        let width = self.b.width(x);
        self.b.add(path, op, width, &[x])
    }

    fn qk_norm(&mut self, path: String, heads: usize, x: Id) -> Id {
        let groups = match self.config.form.qk_norm {
            QkNorm::None => return x,
            QkNorm::Heads => heads,
            QkNorm::Whole => 1,
        };
        let gain_offset = match self.config.form.norm {
            Norm::Rms { gain_offset } => gain_offset,
            Norm::Layer => 0.0,
        };
        let op = Op::RmsNorm { gain: format!("model.{path}.weight"), eps: self.config.norm_eps, gain_offset, scale: 1.0, groups };
        let width = self.b.width(x);
        self.b.add(path, op, width, &[x])
    }

    fn linear(&mut self, path: String, bias: bool, x: Id, (inputs, outputs): (usize, usize)) -> Id {
        let op = Op::Linear { weight: format!("model.{path}.weight"), bias: bias.then(|| format!("model.{path}.bias")), inputs, outputs };
        self.b.add(path, op, outputs, &[x])
    }
}

/// Grows a graph one operator at a time.
struct Builder {
    graph: petgraph::graph::DiGraph<Node, Port>,
    /// The expert that nodes added now are part of.
    expert: Option<u32>,
}

type Id = petgraph::graph::NodeIndex;

impl Builder {
    fn new() -> Builder {
        Builder { graph: Default::default(), expert: None }
    }

    /// Add a node fed by `inputs`, in port order.
    fn add(&mut self, path: impl Into<String>, op: Op, width: usize, inputs: &[Id]) -> Id {
        let node = self.graph.add_node(Node { path: path.into(), op, width, expert: self.expert });
        for (port, &source) in (0..).zip(inputs) {
            self.graph.add_edge(source, node, Port(port));
        }
        node
    }

    fn width(&self, node: Id) -> usize {
        self.graph[node].width
    }

    fn finish(self, output: Id) -> OpGraph {
        OpGraph { graph: self.graph, output }
    }
}
