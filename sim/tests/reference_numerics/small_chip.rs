//! A small decoder built by hand, unit by unit, and the float model of the same weights.
//!
//! Formats: residual 32 bits with 16 fractional, norms 32 with 27, projections 16 with 10, gates likewise.

use crate::support::{Random, fresh, tables};
use hardwire_netlist::chip::HostTexts;
use hardwire_netlist::floorplan::Floorplan;
use hardwire_netlist::program::{MatrixData, pack_row, row_stride};
use hardwire_netlist::technology::{AreaCosts, EnergyCosts, Technology};
use hardwire_netlist::unit::*;
use hardwire_netlist::{
    Chip, ChipWriter, Figure, Fixed, ModelInfo, Netlist, ProgramId, Provenance, Rect, Station, Stream, Structure, TileShape, Unit, UnitId,
    UnitKind,
};

const RESIDUAL: Fixed = Fixed { bits: 32, frac: 16 };
const NORMED: Fixed = Fixed { bits: 32, frac: 27 };
const PROJECTED: Fixed = Fixed { bits: 16, frac: 10 };
/// Fractional bits of the gains: the norm's output has 11 more.
const GAIN_FRAC: i32 = 16;
const EPSILON: f64 = 1e-5;
const LANES: u32 = 4;

#[derive(Clone, Copy)]
pub struct Shape {
    pub vocab: u32,
    pub hidden: u32,
    pub ffn: u32,
    pub layers: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    pub context: u32,
    pub users: u32,
    pub window: Option<u32>,
    /// Added to the exponent of every embedding: 0 gives a residual of about 1.
    pub embed_exponent: i16,
}

pub const SMALL: Shape = Shape {
    vocab: 40,
    hidden: 16,
    ffn: 24,
    layers: 2,
    heads: 4,
    kv_heads: 2,
    head_dim: 4,
    context: 12,
    users: 3,
    window: None,
    embed_exponent: 0,
};

/// A chip with the real numbers its programs stand for.
pub struct SmallChip {
    pub chip: Chip,
    pub shape: Shape,
    embedding: Real,
    layers: Vec<RealLayer>,
    norm: Vec<f64>,
    head: Real,
}

/// `[outputs][inputs]`, and a bias an output.
struct Real {
    rows: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

struct RealLayer {
    norms: [Vec<f64>; 2],
    q: Real,
    k: Real,
    v: Real,
    o: Real,
    gate: Real,
    up: Real,
    down: Real,
}

pub fn build(name: &str, shape: Shape, seed: u64) -> SmallChip {
    let mut b = Builder::new(name, seed);
    let s = shape;
    let (q_len, kv_len) = (s.heads * s.head_dim, s.kv_heads * s.head_dim);

    b.station("embed");
    // x = weight * 2^(e + Fr).
    let embedding = b.matrix("embed", s.vocab, s.hidden, false, -9 + s.embed_exponent, |e| -(e + RESIDUAL.frac));
    let omega = vec![(0..s.head_dim / 2).map(|i| (2f64.powi(32) / std::f64::consts::TAU * 0.05f64.powi(i as i32)) as u32).collect()];
    let embed = EmbedSpec { matrix: embedding.0, positions: None, omega };
    let mut x = b.unit("embed", UnitKind::Embed(embed), RESIDUAL, s.hidden, &[]);

    let mut layers = Vec::new();
    for layer in 0..s.layers {
        let at = |part: &str| format!("layers.{layer}.{part}");
        b.station(&at("attn"));
        let (n, norm0) = b.norm(&at("input_layernorm"), s.hidden, x);
        let f = b.feed(&at("attn_feed"), s.hidden, NORMED, n);
        let (q, real_q) = b.mvm(&at("q_proj"), q_len, s.hidden, true, PROJECTED, f);
        let (k, real_k) = b.mvm(&at("k_proj"), kv_len, s.hidden, true, PROJECTED, f);
        let (v, real_v) = b.mvm(&at("v_proj"), kv_len, s.hidden, false, PROJECTED, f);
        let rope = |heads| UnitKind::Rope(RopeSpec { heads, head_dim: s.head_dim, rotated: s.head_dim, table: 0, input: PROJECTED });
        let q = b.unit(&at("q_rope"), rope(s.heads), PROJECTED, q_len, &[q]);
        let k = b.unit(&at("k_rope"), rope(s.kv_heads), PROJECTED, kv_len, &[k]);
        let base_2 = std::f64::consts::LOG2_E / f64::from(s.head_dim).sqrt();
        let attention = AttentionSpec {
            heads: s.heads,
            kv_heads: s.kv_heads,
            head_dim: s.head_dim,
            context: s.context,
            users: s.users,
            window: s.window,
            act_bits: 12,
            kv_bits: 12,
            pos_lanes: 1,
            q: PROJECTED,
            k: PROJECTED,
            v: PROJECTED,
            score_mantissa: (base_2 * 65536.0).round() as u32,
            score_shift: 16 + 2 * i32::from(PROJECTED.frac) - 16,
            sinks: None,
        };
        let y = b.unit(&at("self_attn"), UnitKind::Attention(attention), PROJECTED, q_len, &[q, k, v]);
        let f = b.feed(&at("o_feed"), q_len, PROJECTED, y);
        let (y, real_o) = b.mvm(&at("o_proj"), s.hidden, q_len, false, RESIDUAL, f);
        x = b.unit(&at("attn_add"), UnitKind::Add, RESIDUAL, s.hidden, &[x, y]);

        b.station(&at("mlp"));
        let (n, norm1) = b.norm(&at("post_attention_layernorm"), s.hidden, x);
        let f = b.feed(&at("mlp_feed"), s.hidden, NORMED, n);
        let (gate, real_gate) = b.mvm(&at("gate_proj"), s.ffn, s.hidden, false, PROJECTED, f);
        let (up, real_up) = b.mvm(&at("up_proj"), s.ffn, s.hidden, false, PROJECTED, f);
        let act = GatedActSpec { activation: Activation::Silu, gate: PROJECTED, up: Some(PROJECTED), shift: PROJECTED.frac, holds: false };
        let y = b.unit(&at("act"), UnitKind::GatedAct(act), PROJECTED, s.ffn, &[gate, up]);
        let f = b.feed(&at("down_feed"), s.ffn, PROJECTED, y);
        let (y, real_down) = b.mvm(&at("down_proj"), s.hidden, s.ffn, false, RESIDUAL, f);
        x = b.unit(&at("mlp_add"), UnitKind::Add, RESIDUAL, s.hidden, &[x, y]);
        layers.push(RealLayer {
            norms: [norm0, norm1],
            q: real_q,
            k: real_k,
            v: real_v,
            o: real_o,
            gate: real_gate,
            up: real_up,
            down: real_down,
        });
    }

    b.station("head");
    let (n, norm) = b.norm("norm", s.hidden, x);
    let f = b.feed("head_feed", s.hidden, NORMED, n);
    let (logits, head) = b.mvm("lm_head", s.vocab, s.hidden, false, PROJECTED, f);
    b.unit("argmax", UnitKind::Argmax, Fixed::new(32, 0), 1, &[logits]);
    let chip = b.finish(&shape);
    SmallChip { chip, shape, embedding: embedding.1, layers, norm, head }
}

struct Builder {
    writer: ChipWriter,
    netlist: Netlist,
    random: Random,
}

impl Builder {
    fn new(name: &str, seed: u64) -> Self {
        let netlist = Netlist { lanes: LANES, stations: Vec::new(), ring: None, tables: tables(), graph: Default::default() };
        Builder { writer: ChipWriter::create(&fresh(name)).unwrap(), netlist, random: Random(seed) }
    }

    fn station(&mut self, path: &str) {
        self.netlist.stations.push(Station { path: path.into(), layer: None });
    }

    fn unit(&mut self, path: &str, kind: UnitKind, out: Fixed, out_len: u32, from: &[UnitId]) -> UnitId {
        let station = self.netlist.stations.len() as u32 - 1;
        let id = self.netlist.graph.add_node(Unit { path: path.into(), station, kind, out, out_len, expert: None });
        for (port, &producer) in from.iter().enumerate() {
            self.netlist.graph.add_edge(producer, id, Stream { port: port as u16 });
        }
        id
    }

    /// Random weights of about `2^(e + 9)`: four-bit codes, groups of 8, a scale and an offset each. `shift` gives `k[n]` from the
    /// exponent of output `n`, which is `e` or `e + 1`. A bias is in the format of [`PROJECTED`].
    fn matrix(&mut self, name: &str, outputs: u32, inputs: u32, bias: bool, e: i16, shift: impl Fn(i16) -> i16) -> (MatrixSpec, Real) {
        let (group, random) = (8, &mut self.random);
        let groups = inputs.div_ceil(group);
        let codebook: Vec<i32> = (-8..8).collect();
        let scales: Vec<i32> = (0..outputs * groups).map(|_| random.within(60, 120)).collect();
        let offsets = random.vector((outputs * groups) as usize, 100);
        let exponents: Vec<i16> = (0..outputs).map(|n| e + (n % 2) as i16).collect();
        let shifts: Vec<i16> = exponents.iter().map(|&e| shift(e)).collect();
        let biases = bias.then(|| random.vector(outputs as usize, 1 << (PROJECTED.frac - 2)));

        let mut packed = Vec::new();
        let mut real = Real { rows: Vec::new(), bias: vec![0.0; outputs as usize] };
        for n in 0..outputs as usize {
            let codes: Vec<u8> = (0..inputs).map(|_| random.within(0, 15) as u8).collect();
            let mut row = vec![0; row_stride(inputs, 4) as usize];
            pack_row(&codes, 4, &mut row);
            packed.extend(row);
            let weight = |k: usize| {
                let at = n * groups as usize + k / group as usize;
                f64::from(scales[at] * codebook[usize::from(codes[k])] + offsets[at]) * f64::from(exponents[n]).exp2()
            };
            real.rows.push((0..inputs as usize).map(weight).collect());
            if let Some(b) = &biases {
                real.bias[n] = PROJECTED.value(i64::from(b[n]));
            }
        }
        let program = self.writer.programs().matrix(&MatrixData {
            name,
            outputs,
            inputs,
            code_bits: 4,
            codes: &packed,
            groups,
            scales: &scales,
            scale_bits: 8,
            offsets: Some((&offsets, 8)),
            shifts: &shifts,
            bias: biases.as_deref(),
        });
        let spec = MatrixSpec {
            tensor: name.into(),
            inputs,
            outputs,
            code_bits: 4,
            codebook,
            group,
            scale_bits: 8,
            offset_bits: 8,
            bias,
            shift_bits: 0,
            rows: Default::default(),
            program: program.unwrap(),
        };
        (spec, real)
    }

    /// Weights of about `1 / sqrt(inputs)`.
    fn mvm(&mut self, name: &str, outputs: u32, inputs: u32, bias: bool, out: Fixed, feed: UnitId) -> (UnitId, Real) {
        let UnitKind::RowFeed(fed) = &self.netlist.unit(feed).kind else { panic!("a matrix is fed by a row feed") };
        let (frac, act_bits) = (fed.input.frac, fed.act_bits);
        let e = -9 - (f64::from(inputs).log2() / 2.0).round() as i16;
        let (matrix, real) = self.matrix(name, outputs, inputs, bias, e, |e| frac - e - out.frac);
        let tile = TileShape { rows: 16, cols: 16, deal: 1, lanes: LANES };
        let spec = MvmSpec { matrix, fabric: Fabric::Tile, shape: tile, act_bits, acc_bits: 24, tot_bits: 40 };
        (self.unit(name, UnitKind::Mvm(spec), out, outputs, &[feed]), real)
    }

    fn feed(&mut self, name: &str, len: u32, input: Fixed, from: UnitId) -> UnitId {
        let spec = RowFeedSpec { len, input, act_bits: 12, rows: 16, group: 8, fabric: Fabric::Tile, waits: false };
        self.unit(name, UnitKind::RowFeed(spec), input, len, &[from])
    }

    /// Gains of about 1; the real ones have `sqrt(len)` in them, as the mantissas do.
    fn norm(&mut self, name: &str, len: u32, from: UnitId) -> (UnitId, Vec<f64>) {
        let one = f64::from(len).sqrt() * f64::from(1 << GAIN_FRAC);
        let gain: Vec<i32> = (0..len).map(|_| (one * f64::from(self.random.within(60, 130)) / 100.0).round() as i32).collect();
        let real = gain.iter().map(|&g| f64::from(g) / f64::from(1 << GAIN_FRAC)).collect();
        let program: ProgramId = self.writer.programs().gain(name, &gain).unwrap();
        let epsilon = (EPSILON * f64::from(len) * f64::from(2 * i32::from(RESIDUAL.frac)).exp2()).round() as u64;
        let spec = NormSpec { len, groups: 1, epsilon, gain: program, input: RESIDUAL, shift: 19, centre: None };
        (self.unit(name, UnitKind::RmsNorm(spec), NORMED, len, &[from]), real)
    }

    fn finish(self, s: &Shape) -> Chip {
        let model = ModelInfo {
            name: "small".into(),
            architecture: "llama".into(),
            digest: String::new(),
            parameters: 0,
            hidden: s.hidden,
            ffn: s.ffn,
            layers: s.layers,
            heads: s.heads,
            kv_heads: s.kv_heads,
            head_dim: s.head_dim,
            vocab: s.vocab,
            model_context: s.context,
            context: s.context,
            users: s.users,
            act_bits: 12,
            kv_bits: 12,
            bos: None,
            eos: Vec::new(),
            rotated: false,
            die: None,
        };
        let floorplan = Floorplan { die: Rect::new(0, 0, 1, 1), regions: Vec::new(), blocks: Vec::new() };
        let structure =
            Structure { model, technology: technology(), netlist: self.netlist, floorplan, quality: Vec::new(), programs: Vec::new() };
        let chip = self.writer.finish(structure, &HostTexts::default()).unwrap();
        // The program stays mapped; the folder is needed no more.
        std::fs::remove_dir_all(&chip.folder).unwrap();
        chip
    }
}

/// Numbers no test here reads.
fn technology() -> Technology {
    let any = || Figure::new(1.0, "", Provenance::Estimated, "placeholder of a test");
    Technology {
        node: "none".into(),
        clock_mhz: any(),
        area: AreaCosts {
            rom_bit_um2: any(),
            sram_bit_um2: any(),
            flop_um2: any(),
            full_adder_um2: any(),
            adder_bit_um2: any(),
            mux2_um2: any(),
            gate_um2: any(),
            utilisation: any(),
        },
        energy: EnergyCosts {
            rom_bit_read_pj: any(),
            sram_bit_read_pj: any(),
            sram_bit_write_pj: any(),
            flop_cycle_pj: any(),
            full_adder_pj: any(),
            mux2_pj: any(),
            wire_bit_mm_pj: any(),
        },
        leakage_logic_w_per_mm2: any(),
        leakage_sram_w_per_mm2: any(),
        leakage_rom_w_per_mm2: any(),
    }
}

impl Real {
    fn times(&self, x: &[f64]) -> Vec<f64> {
        self.rows.iter().zip(&self.bias).map(|(row, b)| b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect()
    }
}

fn real_norm(x: &[f64], gain: &[f64]) -> Vec<f64> {
    let q = x.iter().map(|v| v * v).sum::<f64>() + EPSILON * x.len() as f64;
    x.iter().zip(gain).map(|(v, g)| v / q.sqrt() * g).collect()
}

fn real_rope(x: &mut [f64], head_dim: usize, position: usize) {
    for head in x.chunks_mut(head_dim) {
        for i in 0..head_dim / 2 {
            let (sin, cos) = (position as f64 * 0.05f64.powi(i as i32)).sin_cos();
            let (a, b) = (head[2 * i], head[2 * i + 1]);
            (head[2 * i], head[2 * i + 1]) = (a * cos - b * sin, a * sin + b * cos);
        }
    }
}

fn plus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

impl SmallChip {
    /// Logits after each of `tokens`, in float.
    pub fn real_logits(&self, tokens: &[u32]) -> Vec<Vec<f64>> {
        let s = &self.shape;
        let d = s.head_dim as usize;
        let mut cache: Vec<Vec<(Vec<f64>, Vec<f64>)>> = vec![Vec::new(); self.layers.len()];
        let mut logits = Vec::new();
        for (position, &token) in tokens.iter().enumerate() {
            let mut x = self.embedding.rows[token as usize].clone();
            for (layer, past) in self.layers.iter().zip(&mut cache) {
                let n = real_norm(&x, &layer.norms[0]);
                let (mut q, mut k, v) = (layer.q.times(&n), layer.k.times(&n), layer.v.times(&n));
                real_rope(&mut q, d, position);
                real_rope(&mut k, d, position);
                past.push((k, v));
                let seen = &past[s.window.map_or(0, |w| past.len().saturating_sub(w as usize))..];
                let mut y = Vec::new();
                for (h, query) in q.chunks(d).enumerate() {
                    let kv = h / (s.heads / s.kv_heads) as usize * d;
                    let dot = |k: &[f64]| query.iter().zip(&k[kv..]).map(|(a, b)| a * b).sum::<f64>();
                    let weights: Vec<f64> = seen.iter().map(|(k, _)| (dot(k) / (d as f64).sqrt()).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    y.extend((0..d).map(|i| weights.iter().zip(seen).map(|(w, (_, v))| w * v[kv + i]).sum::<f64>() / total));
                }
                x = plus(&x, &layer.o.times(&y));

                let n = real_norm(&x, &layer.norms[1]);
                let (gate, up) = (layer.gate.times(&n), layer.up.times(&n));
                let y: Vec<f64> = gate.iter().zip(&up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
                x = plus(&x, &layer.down.times(&y));
            }
            logits.push(self.head.times(&real_norm(&x, &self.norm)));
        }
        logits
    }

    /// A logit as the real number it stands for.
    pub fn logit(&self, x: i32) -> f64 {
        PROJECTED.value(i64::from(x))
    }
}
