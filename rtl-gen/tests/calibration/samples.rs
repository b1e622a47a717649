//! The units whose modules are synthesised: every kind at a few small sizes, each a netlist of that unit and what feeds it.

use hardwire_netlist::floorplan::Floorplan;
use hardwire_netlist::program::{MatrixData, row_stride};
use hardwire_netlist::technology::{AreaCosts, EnergyCosts, Technology};
use hardwire_netlist::unit::*;
use hardwire_netlist::{
    Chip, Figure, ModelInfo, Netlist, ProgramId, ProgramStore, ProgramWriter, Provenance, Rect, Station, Stream, Structure, Tables,
    TileShape, Unit, UnitId,
};

/// One row of the table: a module of a unit.
pub struct Sample {
    /// What the row is called: the module without `hw_`, and its size in words.
    pub module: &'static str,
    pub row: &'static str,
    /// Not fitted to: every second row of a module.
    pub held_out: bool,
    pub netlist: Netlist,
    pub unit: UnitId,
}

const RESIDUAL: Fixed = Fixed { bits: 32, frac: 16 };
const STREAM: Fixed = Fixed { bits: 24, frac: 12 };
const NARROW: Fixed = Fixed { bits: 16, frac: 8 };
const CONTEXT: u32 = 128;

/// All samples, by module. `of` numbers the rows of each module, and so says which are held out.
pub fn all() -> Vec<Sample> {
    let mut all = Vec::new();
    let mut of = |module: &'static str, row: &'static str, (netlist, unit): (Netlist, UnitId)| {
        let before = all.iter().filter(|s: &&Sample| s.module == module).count();
        // Constants are fitted to the units they were first made for; group columns and what recurrent layers need are held against them.
        let later = ["group_tile", "group_control", "group_feed", "conv", "decay", "sigmoid", "hold"].contains(&module);
        let held_out = before % 2 == 1 || later;
        all.push(Sample { module, row, held_out, netlist, unit });
    };
    for (row, m, lanes) in matrices() {
        of("mvm_tile", row, matrix(m, lanes, STREAM));
    }
    of("mvm_control", "64 x 64, 4 lanes", matrix(tiles(64, 64, 64, 16, 1, symmetric(4), 32), 4, STREAM));
    of("mvm_control", "1,024 x 512, 8 lanes", matrix(tiles(1024, 512, 256, 64, 2, symmetric(4), 64), 8, STREAM));
    of("mvm_out", "2 lanes, 2 bands", matrix(tiles(128, 16, 64, 8, 1, symmetric(4), 32), 2, STREAM));
    of("mvm_out", "4 lanes, 5 bands, bias", matrix(biased(tiles(320, 16, 64, 8, 1, symmetric(4), 32)), 4, NARROW));
    of("mvm_out", "4 lanes, 1 band", matrix(tiles(64, 16, 64, 8, 1, symmetric(4), 32), 4, RESIDUAL));
    of("metal", "64 x 16, 4 bits", matrix(metal(64, 16, 4), 4, STREAM));
    of("metal", "128 x 16, 3 bits", matrix(metal(128, 16, 3), 4, STREAM));
    of("metal", "256 x 8, 3 bits", matrix(metal(256, 8, 3), 4, STREAM));
    of("metal", "256 x 8, 4 bits", matrix(metal(256, 8, 4), 4, STREAM));
    of("group_tile", "4 bits, 8 groups of 32, 4 columns", matrix(group(256, 4, 4, 32), 4, STREAM));
    of("group_tile", "3 bits, 4 groups of 16, 4 columns", matrix(group(64, 4, 3, 16), 4, STREAM));
    of("group_control", "4 lanes, 16 outputs", matrix(group(64, 16, 4, 32), 4, STREAM));
    of("group_feed", "4 lanes, groups of 16, 24 bits", feed(4, 64, STREAM, 64, 16, Fabric::Group));
    of("row_feed", "8 lanes, 1 band, 24 bits", feed(8, 64, STREAM, 64, 32, Fabric::Tile));
    of("row_feed", "4 lanes, 3 bands, 16 bits", feed(4, 160, NARROW, 64, 32, Fabric::Tile));
    of("row_feed", "4 lanes, 2 bands, 32 bits", feed(4, 128, RESIDUAL, 64, 32, Fabric::Tile));
    of("bit_feed", "4 lanes, 32 elements of 24 bits", feed(4, 32, STREAM, 32, 32, Fabric::Metal));
    of("bit_feed", "8 lanes, 64 elements of 16 bits", feed(8, 64, NARROW, 64, 32, Fabric::Metal));
    of("rms_norm", "2 lanes, 24 bits", norm(2, 64, 1, STREAM, None));
    of("rms_norm", "4 lanes, 32 bits", norm(4, 64, 1, RESIDUAL, None));
    of("rms_norm", "4 lanes, 4 groups of 8, 16 bits", norm(4, 32, 4, NARROW, None));
    of("layer_norm", "2 lanes, 32 bits, bias", norm(2, 48, 1, RESIDUAL, Some(true)));
    of("layer_norm", "4 lanes, 32 bits", norm(4, 48, 1, RESIDUAL, Some(false)));
    of("rope", "2 lanes, heads of 8, 24 bits", rope(2, 8, 8, STREAM));
    of("rope", "4 lanes, heads of 16, 16 bits", rope(4, 16, 16, NARROW));
    of("rope", "8 lanes, heads of 8, 24 bits", rope(8, 8, 8, STREAM));
    of("attention", "2 heads on 1 of 8, 1 position", attention(4, 2, 1, 8, 1, false));
    of("attention", "2 heads on 2 of 4, 2 positions, sinks", attention(4, 2, 2, 4, 2, true));
    of("attention", "1 head of 16, 4 positions", attention(4, 1, 1, 16, 4, false));
    of("gated_act", "2 lanes, SiLU, 24 bits", act(2, Activation::Silu, STREAM, true));
    of("gated_act", "4 lanes, SiLU, 16 bits", act(4, Activation::Silu, NARROW, true));
    of("gated_act", "4 lanes, GELU without gate, 24 bits", act(4, Activation::GeluTanh, STREAM, false));
    of("relu2", "2 lanes, 24 bits", act(2, Activation::Relu2, STREAM, true));
    of("relu2", "4 lanes, 16 bits", act(4, Activation::Relu2, NARROW, true));
    let limits = Activation::SwigluClamped { gate_limit: 7 << 12, up_limit: 7 << 12 };
    of("swiglu", "2 lanes, 24 bits", act(2, limits, STREAM, true));
    of("swiglu", "4 lanes, 20 bits", act(4, limits, Fixed { bits: 20, frac: 12 }, true));
    of("add", "4 lanes, 32 bits, holds", sum(4, 64, RESIDUAL, true));
    of("add", "8 lanes, 32 bits", sum(8, 64, RESIDUAL, false));
    of("add", "2 lanes, 24 bits, holds", sum(2, 64, STREAM, true));
    of("embed", "4 lanes, 4 bits, 2 groups", embed(4, 64, 4, 32, 512, 0));
    of("embed", "8 lanes, 3 bits, 8 groups", embed(8, 256, 3, 32, 100, 0));
    of("embed", "2 lanes, 8 bits, offsets", embed(2, 64, 8, 32, 64, 6));
    of("sum", "4 lanes, learned positions", positions(4));
    of("sum", "2 lanes, learned positions", positions(2));
    of("phase", "2 pairs a beat", phase(4, 16));
    of("phase", "4 pairs a beat", phase(8, 64));
    of("argmax", "8 lanes, 512 logits of 24 bits", head(8, 512, STREAM));
    of("argmax", "4 lanes, 1,000 logits of 16 bits", head(4, 1000, NARROW));
    of("topk", "4 lanes, 512 logits of 16 bits", head(4, 512, NARROW));
    of("topk", "8 lanes, 1,000 logits of 24 bits", head(8, 1000, STREAM));
    of("route", "2 of 8 experts", route(4, 8, 2, false));
    of("route", "4 of 16 experts, shares of all", route(4, 16, 4, true));
    of("mix", "2 of 8 experts, 2 lanes", mix(2, 8, 2));
    of("mix", "4 of 16 experts, 2 lanes", mix(2, 16, 4));
    of("conv", "2 lanes, 4 taps, 24 bits", conv(2, 64, 4, STREAM));
    of("conv", "4 lanes, 3 taps, 16 bits", conv(4, 64, 3, NARROW));
    of("decay", "2 lanes, 24 bits", decay(2, 16, STREAM));
    of("decay", "4 lanes, 16 bits", decay(4, 32, NARROW));
    of("sigmoid", "2 lanes, 24 bits", act(2, Activation::Sigmoid, STREAM, true));
    of("sigmoid", "4 lanes, 16 bits", act(4, Activation::Sigmoid, NARROW, true));
    of("hold", "4 lanes, 64 elements of 24 bits", waiting(4, 64, STREAM));
    of("hold", "8 lanes, 1,024 elements of 16 bits", waiting(8, 1024, NARROW));
    all
}

/// A large matrix in one fabric.
pub struct Fabrics {
    pub row: &'static str,
    pub bits: u32,
    pub netlist: Netlist,
    pub unit: UnitId,
}

/// 4,096 x 4,096 weights in every fabric at three and four bits: one scale of 8 bits for every column of a tile, or for every output. Metal
/// embedding has 1,024 inputs.
pub fn fabrics() -> Vec<Fabrics> {
    let mut all = Vec::new();
    let mut of = |row, bits, s| {
        let (netlist, unit) = matrix(s, 64, STREAM);
        all.push(Fabrics { row, bits, netlist, unit });
    };
    for bits in [4, 3] {
        of("tiles of 256 rows", bits, tiles(4096, 4096, 256, 256, 4, symmetric(bits), 256));
        of("tiles of 1,024 rows", bits, tiles(4096, 4096, 1024, 256, 4, symmetric(bits), 1024));
        of("metal embedding, 1,024 inputs", bits, metal(1024, 4096, bits));
    }
    all
}

/// Tiles of all code widths: the fold, a multiplier a column, a codebook that does not fold, offsets.
fn matrices() -> Vec<(&'static str, MvmSpec, u32)> {
    let nf4 = vec![-64, -45, -34, -25, -18, -12, -6, 0, 5, 10, 16, 22, 28, 36, 46, 64];
    let mut offsets = tiles(64, 16, 64, 16, 1, (0..16).collect(), 32);
    offsets.matrix.offset_bits = 8;
    vec![
        ("4 bits, 64 x 16, 4 lanes", tiles(64, 16, 64, 16, 1, symmetric(4), 32), 4),
        ("3 bits, 256 x 32, 4 lanes", tiles(256, 32, 256, 32, 1, symmetric(3), 256), 4),
        ("3 bits, 64 x 16, 4 lanes", tiles(64, 16, 64, 16, 1, symmetric(3), 32), 4),
        ("4 bits, 256 x 32, 4 lanes", tiles(256, 32, 256, 32, 1, symmetric(4), 256), 4),
        ("6 bits, 64 x 16, 4 lanes", tiles(64, 16, 64, 16, 1, symmetric(6), 32), 4),
        ("8 bits, 64 x 16, 2 lanes", tiles(64, 16, 64, 16, 1, symmetric(8), 32), 2),
        ("4 bits, 64 x 16, 4 lanes, offsets", offsets, 4),
        ("4 bits, 64 x 16, 4 lanes, NF4", tiles(64, 16, 64, 16, 1, nf4, 32), 4),
        ("2 bits, 64 x 16, 4 lanes", tiles(64, 16, 64, 16, 1, symmetric(2), 32), 4),
    ]
}

/// `-2^(b-1)..2^(b-1)`.
fn symmetric(bits: u32) -> Vec<i32> {
    (-(1 << (bits - 1))..1 << (bits - 1)).collect()
}

fn spec(inputs: u32, outputs: u32, codebook: Vec<i32>, group: u32, fabric: Fabric, shape: TileShape) -> MvmSpec {
    let code_bits = codebook.len().ilog2() as u8;
    let matrix = MatrixSpec {
        tensor: "w".into(),
        inputs,
        outputs,
        code_bits,
        codebook,
        group,
        scale_bits: 8,
        offset_bits: 0,
        bias: false,
        shift_bits: 0,
        rows: RowPermutation::Identity,
        program: ProgramId(0),
    };
    // Accumulators as wide as the group's greatest sum, less the two bits that real codes save.
    let most = matrix.max_value().unsigned_abs().ilog2() + 1 + 12 + group.min(inputs).ilog2();
    let acc_bits = (most - 2) as u8;
    MvmSpec { matrix, fabric, shape, act_bits: 12, acc_bits, tot_bits: acc_bits + 10 }
}

fn tiles(inputs: u32, outputs: u32, rows: u32, cols: u32, deal: u32, codebook: Vec<i32>, group: u32) -> MvmSpec {
    // Lanes are set with the netlist.
    spec(inputs, outputs, codebook, group, Fabric::Tile, TileShape { rows, cols, deal, lanes: 0 })
}

fn metal(inputs: u32, outputs: u32, bits: u32) -> MvmSpec {
    spec(inputs, outputs, symmetric(bits), inputs, Fabric::Metal, TileShape { rows: inputs, cols: outputs, deal: 1, lanes: 0 })
}

fn group(inputs: u32, outputs: u32, bits: u32, group: u32) -> MvmSpec {
    let shape = TileShape { rows: inputs, cols: outputs, deal: 1, lanes: 0 };
    spec(inputs, outputs, symmetric(bits), group, Fabric::Group, shape)
}

fn biased(mut s: MvmSpec) -> MvmSpec {
    s.matrix.bias = true;
    s
}

/// A netlist of an embedding alone.
fn start(lanes: u32) -> Netlist {
    let mut n = Netlist {
        lanes,
        stations: ["embed", "unit"].map(|path| Station { path: path.into(), layer: None }).to_vec(),
        ring: None,
        tables: Tables::new(Tables::SWISH_ALPHA),
        graph: Default::default(),
    };
    let m = spec(64, 64, symmetric(4), 32, Fabric::Tile, TileShape { rows: 32, cols: 32, deal: 1, lanes }).matrix;
    push(&mut n, "embed", 0, UnitKind::Embed(EmbedSpec { matrix: m, positions: None, omega: Vec::new() }), RESIDUAL, 64, &[]);
    n
}

fn push(n: &mut Netlist, path: &str, station: u32, kind: UnitKind, out: Fixed, out_len: u32, inputs: &[UnitId]) -> UnitId {
    let id = n.graph.add_node(Unit { path: path.into(), station, kind, out, out_len, expert: None });
    for (port, &from) in (0..).zip(inputs) {
        n.graph.add_edge(from, id, Stream { port });
    }
    id
}

/// A stream of a format, from a unit that does not matter.
fn source(n: &mut Netlist, name: &str, out: Fixed) -> UnitId {
    push(n, name, 1, UnitKind::Add, out, 64, &[])
}

/// A row feed and a matrix on it.
fn fed(n: &mut Netlist, name: &str, mut s: MvmSpec, out: Fixed) -> UnitId {
    let lanes = n.lanes;
    s.shape.lanes = lanes;
    let (rows, fabric) = (s.shape.rows, s.fabric);
    let feed = feed_spec(s.matrix.inputs, STREAM, rows, s.matrix.group.min(rows), fabric);
    let feed = push(n, &format!("{name}.feed"), 1, UnitKind::RowFeed(feed), STREAM, s.matrix.inputs, &[]);
    let outputs = s.matrix.outputs;
    push(n, name, 1, UnitKind::Mvm(s), out, outputs, &[feed])
}

fn matrix(s: MvmSpec, lanes: u32, out: Fixed) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let id = fed(&mut n, "unit", s, out);
    (n, id)
}

fn feed_spec(len: u32, input: Fixed, rows: u32, group: u32, fabric: Fabric) -> RowFeedSpec {
    RowFeedSpec { len, input, act_bits: 12, rows, group, fabric, waits: false }
}

fn feed(lanes: u32, len: u32, input: Fixed, rows: u32, group: u32, fabric: Fabric) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let x = source(&mut n, "x", input);
    let id = push(&mut n, "unit", 1, UnitKind::RowFeed(feed_spec(len, input, rows, group, fabric)), input, len, &[x]);
    if fabric != Fabric::Metal {
        let mut s = tiles(len, 16, rows, 16, 1, symmetric(4), group);
        s.fabric = fabric;
        s.shape = TileShape { rows, cols: 16, deal: 1, lanes };
        push(&mut n, "matrix", 1, UnitKind::Mvm(s), STREAM, 16, &[id]);
    }
    (n, id)
}

fn norm(lanes: u32, len: u32, groups: u32, input: Fixed, centre: Option<bool>) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let x = source(&mut n, "x", input);
    let (mantissa, shift) = CentreSpec::reciprocal(len);
    let centre = centre.map(|bias| CentreSpec { mantissa, shift, bias: bias.then_some(ProgramId(1)) });
    let s = NormSpec { len, groups, epsilon: 1 << 20, gain: ProgramId(1), input, shift: 24, centre };
    let id = push(&mut n, "unit", 1, UnitKind::RmsNorm(s), STREAM, len, &[x]);
    (n, id)
}

fn rope(lanes: u32, head_dim: u32, rotated: u32, input: Fixed) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    turns(&mut n, rotated / 2);
    let x = source(&mut n, "x", input);
    let s = RopeSpec { heads: 2, head_dim, rotated, table: 0, input };
    let id = push(&mut n, "unit", 1, UnitKind::Rope(s), input, 2 * head_dim, &[x]);
    (n, id)
}

/// Gives the embedding a table of `pairs` rotations.
fn turns(n: &mut Netlist, pairs: u32) {
    for u in n.graph.node_weights_mut() {
        if let UnitKind::Embed(s) = &mut u.kind {
            s.omega = vec![vec![1 << 20; pairs as usize]];
        }
    }
}

fn attention(lanes: u32, heads: u32, kv_heads: u32, head_dim: u32, pos_lanes: u32, sinks: bool) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let inputs = ["q", "k", "v"].map(|name| source(&mut n, name, STREAM));
    let s = AttentionSpec {
        heads,
        kv_heads,
        head_dim,
        context: CONTEXT,
        users: 1,
        window: None,
        act_bits: 12,
        kv_bits: 8,
        pos_lanes,
        q: STREAM,
        k: STREAM,
        v: STREAM,
        score_mantissa: 47274,
        score_shift: 15,
        sinks: sinks.then_some(ProgramId(1)),
    };
    let id = push(&mut n, "unit", 1, UnitKind::Attention(s), STREAM, heads * head_dim, &inputs);
    (n, id)
}

fn act(lanes: u32, activation: Activation, format: Fixed, gated: bool) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let mut s = tiles(64, 64, 64, 16, 1, symmetric(4), 32);
    s.shape = TileShape { rows: 64, cols: 16, deal: 1, lanes };
    let feed = push(&mut n, "feed", 1, UnitKind::RowFeed(feed_spec(64, STREAM, 64, 32, Fabric::Tile)), STREAM, 64, &[]);
    let of = |n: &mut Netlist, name: &str| push(n, name, 1, UnitKind::Mvm(s.clone()), format, 64, &[feed]);
    let mut inputs = vec![of(&mut n, "gate")];
    if gated {
        inputs.push(of(&mut n, "up"));
    }
    let mut s = GatedActSpec { activation, gate: format, up: gated.then_some(format), shift: 0, holds: false };
    s.shift = s.act_frac() + s.up.map_or(0, |up| up.frac) - format.frac;
    let id = push(&mut n, "unit", 1, UnitKind::GatedAct(s), format, 64, &inputs);
    (n, id)
}

/// A gate that comes before what it gates.
fn waiting(lanes: u32, len: u32, format: Fixed) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let inputs = ["gate", "up"].map(|name| push(&mut n, name, 1, UnitKind::Add, format, len, &[]));
    let mut s = GatedActSpec { activation: Activation::Sigmoid, gate: format, up: Some(format), shift: 0, holds: true };
    s.shift = s.act_frac();
    let id = push(&mut n, "unit", 1, UnitKind::GatedAct(s), format, len, &inputs);
    (n, id)
}

fn conv(lanes: u32, len: u32, taps: u32, input: Fixed) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let x = source(&mut n, "x", input);
    let s = ConvSpec { len, taps, users: 1, weights: ProgramId(1), input, shift: 12 };
    let id = push(&mut n, "unit", 1, UnitKind::Conv(s), input, len, &[x]);
    (n, id)
}

fn decay(lanes: u32, len: u32, input: Fixed) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let x = source(&mut n, "x", input);
    let s = DecaySpec { len, rates: ProgramId(1), input, shift: 16 };
    let id = push(&mut n, "unit", 1, UnitKind::Decay(s), DecaySpec::OUT, len, &[x]);
    (n, id)
}

fn sum(lanes: u32, len: u32, format: Fixed, holds: bool) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let (a, b) = (source(&mut n, "a", format), source(&mut n, "b", format));
    let id = push(&mut n, "unit", 1, UnitKind::Add, format, len, &[a, b]);
    if !holds {
        source(&mut n, "last", format);
    }
    (n, id)
}

fn embedding(n: &mut Netlist) -> (UnitId, &mut EmbedSpec) {
    let id = n.find("embed").expect("every sample has an embedding");
    match &mut n.graph[id].kind {
        UnitKind::Embed(s) => (id, s),
        _ => unreachable!("it is an embedding"),
    }
}

fn embed(lanes: u32, hidden: u32, bits: u32, group: u32, vocabulary: u32, offset_bits: u8) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let (id, s) = embedding(&mut n);
    s.matrix = spec(hidden, vocabulary, symmetric(bits), group, Fabric::Tile, TileShape { rows: 32, cols: 32, deal: 1, lanes }).matrix;
    s.matrix.offset_bits = offset_bits;
    n.graph[id].out_len = hidden;
    (n, id)
}

fn positions(lanes: u32) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let (id, s) = embedding(&mut n);
    s.positions = Some(s.matrix.clone());
    (n, id)
}

fn phase(lanes: u32, head_dim: u32) -> (Netlist, UnitId) {
    let (mut n, _) = rope(lanes, head_dim, head_dim, STREAM);
    let (_, others) = attention(lanes, 2, 1, head_dim, 1, false);
    let unit = attention(lanes, 2, 1, head_dim, 1, false).0.graph[others].clone();
    n.graph.add_node(Unit { path: "attention".into(), ..unit });
    let (id, _) = embedding(&mut n);
    (n, id)
}

fn head(lanes: u32, len: u32, logits: Fixed) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let x = push(&mut n, "logits", 1, UnitKind::Add, logits, len, &[]);
    let id = push(&mut n, "unit", 1, UnitKind::Argmax, Fixed { bits: 16, frac: 0 }, 1, &[x]);
    (n, id)
}

fn route_spec(experts: u32, active: u32, of_all: bool) -> RouteSpec {
    RouteSpec { experts, active, of_all, logits: STREAM, score_mantissa: 47274, score_shift: 11 }
}

fn route(lanes: u32, experts: u32, active: u32, of_all: bool) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let x = source(&mut n, "x", STREAM);
    let id = push(&mut n, "unit", 1, UnitKind::Route(route_spec(experts, active, of_all)), RouteSpec::OUT, experts, &[x]);
    (n, id)
}

fn mix(lanes: u32, experts: u32, active: u32) -> (Netlist, UnitId) {
    let mut n = start(lanes);
    let mut inputs = vec![push(&mut n, "route", 1, UnitKind::Route(route_spec(experts, active, false)), RouteSpec::OUT, experts, &[])];
    inputs.extend((0..experts).map(|e| fed(&mut n, &format!("expert{e}"), tiles(64, 64, 64, 16, 1, symmetric(4), 32), RESIDUAL)));
    let id = push(&mut n, "unit", 1, UnitKind::Mix(MixSpec { experts, active, input: RESIDUAL, shared: false }), RESIDUAL, 64, &inputs);
    (n, id)
}

/// A chip of the sample, for the emitter: its program holds what the emitter reads of it, shifts of no output.
pub fn chip(sample: &Sample, dir: &std::path::Path) -> Chip {
    let path = dir.join("program.bin");
    let mut writer = ProgramWriter::create(&path).unwrap();
    let (outputs, inputs) = (1024, 8);
    let codes = vec![0; (row_stride(inputs, 4) * outputs) as usize];
    let zeros = vec![0; outputs as usize];
    let shifts = vec![-100i16; outputs as usize];
    let matrix = MatrixData {
        name: "w",
        outputs,
        inputs,
        code_bits: 4,
        codes: &codes,
        groups: 1,
        scales: &zeros,
        scale_bits: 8,
        offsets: None,
        shifts: &shifts,
        bias: Some(&zeros),
    };
    writer.matrix(&matrix).unwrap();
    writer.gain("g", &zeros).unwrap();
    let records = writer.finish().unwrap().0;
    let programs = ProgramStore::open(&path, records.clone()).unwrap();
    let structure = Structure {
        model: ModelInfo {
            name: "sample".into(),
            architecture: String::new(),
            digest: String::new(),
            parameters: 0,
            hidden: 64,
            ffn: 0,
            layers: 0,
            heads: 0,
            kv_heads: 0,
            head_dim: 0,
            vocab: 0,
            model_context: CONTEXT,
            context: CONTEXT,
            users: 1,
            act_bits: 12,
            kv_bits: 8,
            bos: None,
            eos: Vec::new(),
            rotated: false,
            die: None,
        },
        technology: technology(),
        netlist: sample.netlist.clone(),
        floorplan: Floorplan { die: Rect::new(0, 0, 1, 1), regions: Vec::new(), blocks: Vec::new() },
        quality: Vec::new(),
        programs: records,
    };
    Chip::from_parts(structure, programs)
}

/// Numbers the emitter does not read.
fn technology() -> Technology {
    let any = || Figure::new(1.0, "", Provenance::Estimated, "not read");
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
