//! CPU time of a frame, layout and tessellation, without pixels: an 8 B chip at five distances, as the window would draw it once
//! its pictures are there. Beside it: time to first frame, time until all pictures are there, and memory.
//!
//! The chip has the shape of Llama 3.1 8B and no weights of its own: its program file is a hole of the right length, so that it
//! costs no disk, and codes read as 0.

use criterion::{Criterion, criterion_group, criterion_main};
use hardwire_netlist::floorplan::{Block, BlockKind, Floorplan, Rect, Region};
use hardwire_netlist::graph::{Netlist, Station, Stream};
use hardwire_netlist::program::{Record, Section, row_stride};
use hardwire_netlist::unit::{EmbedSpec, Fabric, MatrixSpec, MvmSpec, RowFeedSpec};
use hardwire_netlist::{Chip, ModelInfo, ProgramId, ProgramStore, Structure, Tables, TileShape, Unit, UnitKind, unit::Fixed};
use hardwire_viewer::headless::Headless;
use hardwire_viewer::{App, Options};
use petgraph::graph::DiGraph;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const HIDDEN: u32 = 4096;
const FFN: u32 = 14_336;
const KV: u32 = 1024;
const LAYERS: u32 = 32;
const VOCAB: u32 = 128_256;
/// Area of a weight with its share of the adder, nm²: 0.1 µm², about what the floorplanner gives at N6.
const WEIGHT_NM2: f64 = 100_000.0;

/// Path, kind, tiles, area in nm², station.
type Placing = (String, BlockKind, Option<(u32, u32)>, f64, u32);

struct Plan {
    graph: DiGraph<Unit, Stream>,
    stations: Vec<Station>,
    blocks: Vec<Placing>,
    records: Vec<Record>,
    bytes: u64,
}

impl Plan {
    fn section(&mut self, bytes: u64) -> Section {
        let offset = self.bytes.next_multiple_of(64);
        self.bytes = offset + bytes;
        Section { offset, bytes }
    }

    fn matrix(&mut self, tensor: &str, outputs: u32, inputs: u32, code_bits: u8) -> MatrixSpec {
        let (groups, stride, n) = (inputs.div_ceil(32), row_stride(inputs, code_bits), u64::from(outputs));
        let record = Record::Matrix {
            name: tensor.into(),
            outputs,
            inputs,
            code_bits,
            groups,
            stride,
            codes: self.section(n * u64::from(stride)),
            scales: self.section(n * u64::from(groups)),
            scale_bytes: 1,
            offsets: Section::default(),
            offset_bytes: 0,
            shifts: self.section(n * 2),
            bias: Section::default(),
        };
        self.records.push(record);
        MatrixSpec {
            tensor: tensor.into(),
            inputs,
            outputs,
            code_bits,
            codebook: (0..1 << code_bits).map(|c| c - (1 << (code_bits - 1))).collect(),
            group: 32,
            scale_bits: 8,
            offset_bits: 0,
            bias: false,
            program: ProgramId(self.records.len() as u32 - 1),
        }
    }

    fn unit(&mut self, path: String, kind: UnitKind, out_len: u32, block: BlockKind, array: Option<(u32, u32)>, area: f64) {
        let station = self.stations.len() as u32 - 1;
        self.blocks.push((path.clone(), block, array, area, station));
        self.graph.add_node(Unit { path, station, kind, out: Fixed::new(32, 16), out_len });
    }

    fn mvm(&mut self, path: &str, outputs: u32, inputs: u32) {
        let tile = TileShape { rows: 256, cols: 256, deal: 1, lanes: 32 };
        let matrix = self.matrix(path, outputs, inputs, 4);
        let spec = MvmSpec { matrix, fabric: Fabric::Tile(tile), act_bits: 12, acc_bits: 24, tot_bits: 40 };
        let array = Some((tile.n_tiles(outputs), tile.k_tiles(inputs)));
        let area = f64::from(outputs) * f64::from(inputs) * WEIGHT_NM2;
        self.unit(path.into(), UnitKind::Mvm(spec), outputs, BlockKind::Tiles, array, area);
    }

    fn feed(&mut self, path: String, len: u32) {
        let spec = RowFeedSpec { len, input: Fixed::new(32, 16), act_bits: 12, rows: 256, group: 32 };
        self.unit(path, UnitKind::RowFeed(spec), len, BlockKind::Vector, None, 4e10);
    }

    fn station(&mut self, path: String, layer: Option<u32>) {
        self.stations.push(Station { path, layer });
    }
}

fn chip(folder: &Path) -> Chip {
    let mut p = Plan { graph: DiGraph::new(), stations: Vec::new(), blocks: Vec::new(), records: Vec::new(), bytes: 0 };
    p.station("embed".into(), None);
    let matrix = p.matrix("embed_tokens", VOCAB, HIDDEN, 8);
    let area = f64::from(VOCAB) * f64::from(HIDDEN) * 30_000.0;
    p.unit("embed_tokens".into(), UnitKind::Embed(EmbedSpec { matrix, omega: vec![] }), HIDDEN, BlockKind::EmbeddingRom, None, area);
    for l in 0..LAYERS {
        p.station(format!("layers.{l}.attn"), Some(l));
        p.feed(format!("layers.{l}.input_layernorm.feed"), HIDDEN);
        for (name, outputs) in [("q_proj", HIDDEN), ("k_proj", KV), ("v_proj", KV), ("o_proj", HIDDEN)] {
            p.mvm(&format!("layers.{l}.self_attn.{name}"), outputs, HIDDEN);
        }
        p.unit(format!("layers.{l}.self_attn.add"), UnitKind::Add, HIDDEN, BlockKind::KvCache, None, 8e11);
        p.station(format!("layers.{l}.mlp"), Some(l));
        p.feed(format!("layers.{l}.post_attention_layernorm.feed"), HIDDEN);
        p.mvm(&format!("layers.{l}.mlp.gate_proj"), FFN, HIDDEN);
        p.mvm(&format!("layers.{l}.mlp.up_proj"), FFN, HIDDEN);
        p.mvm(&format!("layers.{l}.mlp.down_proj"), HIDDEN, FFN);
        p.unit(format!("layers.{l}.mlp.add"), UnitKind::Add, HIDDEN, BlockKind::Vector, None, 4e10);
    }
    p.station("head".into(), None);
    p.mvm("lm_head", VOCAB, HIDDEN);
    let path = folder.join("program.bin");
    std::fs::File::create(&path).unwrap().set_len(p.bytes).unwrap();
    let programs = ProgramStore::open(&path, p.records.clone()).unwrap();
    let structure = Structure {
        model: ModelInfo {
            name: "llama-8b shape".into(),
            architecture: "llama".into(),
            digest: String::new(),
            parameters: 8_030_000_000,
            hidden: HIDDEN,
            ffn: FFN,
            layers: LAYERS,
            heads: 32,
            kv_heads: 8,
            head_dim: 128,
            vocab: VOCAB,
            model_context: 8192,
            context: 2048,
            users: 1,
            act_bits: 12,
            kv_bits: 8,
            bos: None,
            eos: vec![],
        },
        technology: hardwire_compiler::technology::node("N6").unwrap(),
        netlist: Netlist { lanes: 32, stations: p.stations.clone(), tables: Tables::default(), graph: p.graph },
        floorplan: floorplan(&p.stations, &p.blocks),
        quality: vec![],
        programs: p.records,
    };
    Chip { folder: folder.into(), structure, programs }
}

/// Stations as columns of equal width where their turn comes, eight to a row; blocks on top of each other in them.
fn floorplan(stations: &[Station], blocks: &[Placing]) -> Floorplan {
    const SIDE: i64 = 30_000_000;
    const ACROSS: i64 = 9;
    let rows = (stations.len() as i64 + ACROSS - 1) / ACROSS;
    let (mut regions, mut placed) = (Vec::new(), Vec::new());
    for (s, station) in stations.iter().enumerate() {
        let (x, y) = (s as i64 % ACROSS, s as i64 / ACROSS);
        let r = Rect::new(
            SIDE * x / ACROSS + 20_000,
            SIDE * y / rows + 20_000,
            SIDE * (x + 1) / ACROSS - 20_000,
            SIDE * (y + 1) / rows - 20_000,
        );
        let mine: Vec<_> = blocks.iter().filter(|b| b.4 == s as u32).collect();
        let total: f64 = mine.iter().map(|b| b.3).sum();
        let mut from = 0.0;
        for b in mine {
            let at = |a: f64| r.y0_nm + (r.height_nm() as f64 * a / total) as i64;
            let rect = Rect::new(r.x0_nm, at(from), r.x1_nm, at(from + b.3));
            from += b.3;
            placed.push(Block { path: b.0.clone(), part: "tiles".into(), kind: b.1, rect, array: b.2 });
        }
        regions.push(Region { path: station.path.clone(), rect: r });
    }
    Floorplan { die: Rect::new(0, 0, SIDE, SIDE), regions, blocks: placed }
}

/// Resident memory of this process, MB: all of it, and without the pages of mapped files.
fn memory_mb() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name));
        line.and_then(|l| l.split_whitespace().nth(1)).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
    };
    (of("VmRSS:"), of("RssAnon:"))
}

fn frames(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let chip = chip(folder.path());
    let start = Instant::now();
    let mut window = Headless::new(|ctx| App::with_chip(ctx, chip, Options::default()), 1600, 1000).unwrap();
    window.frame();
    let first = start.elapsed();
    window.settle().unwrap();
    let (all, own) = memory_mb();
    println!(
        "8 B chip: first frame after {:.1} ms, all pictures after {:.2} s; resident {all:.0} MB, {own:.0} MB without mapped pages",
        first.as_secs_f64() * 1e3,
        start.elapsed().as_secs_f64()
    );
    let places = [
        ("die", "die"),
        ("station", "layers.12.mlp"),
        ("unit", "layers.12.mlp.down_proj"),
        ("tile", "layers.12.mlp.down_proj/tile[3,4]"),
        ("weight", "layers.12.mlp.down_proj[1100,900]"),
    ];
    let mut group = c.benchmark_group("frame of an 8 B chip");
    for (name, path) in places {
        if let Some(view) = window.app.view_mut() {
            view.go_path(path, 0.0).unwrap();
        }
        window.settle().unwrap();
        let triangles = window.frame();
        println!("{name}: {triangles} triangles");
        group.bench_function(name, |b| b.iter(|| black_box(window.frame())));
    }
    group.finish();
    let (all, own) = memory_mb();
    println!("after all five: resident {all:.0} MB, {own:.0} MB without mapped pages");
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(std::time::Duration::from_secs(3));
    targets = frames
}
criterion_main!(benches);
