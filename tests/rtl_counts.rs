//! The census against what the leaf generators emit: on every tile of a decoder layer at the size of Llama-3.1-8B, from the text of the
//! Verilog and the bytes of its ROM images.

mod common;

use hardwire_compiler::Options;
use hardwire_compiler::fabric::Rule;
use hardwire_models::{Checkpoint, synthetic::Synthetic};
use hardwire_netlist::{Chip, Fabric, UnitKind, census};
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use std::path::Path;

/// One layer of Llama-3.1-8B; a small vocabulary, for the embedding and the head are not what is counted.
const LAYER: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 1, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 256, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu", "tie_word_embeddings": true, "torch_dtype": "bfloat16"}"#;

/// What is emitted for one matrix.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    tiles: u64,
    /// Places for a weight; the last column of a matrix may be unused.
    cells: u64,
    /// Accumulators: one a column.
    columns: u64,
    rom_bits: u64,
}

/// `.NAME(value)` of an instance.
fn parameter(instance: &str, name: &str) -> u64 {
    let at = instance.find(&format!(".{name}(")).unwrap_or_else(|| panic!("no {name} in {instance}"));
    let digits: String = instance[at + name.len() + 2..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

fn file<'a>(instance: &'a str, name: &str) -> &'a str {
    let at = instance.find(&format!(".{name}(\"")).unwrap() + name.len() + 3;
    instance[at..].split('"').next().unwrap()
}

/// Words of an image; every one must have the digits of `bits`.
fn words(dir: &Path, file: &str, bits: u64) -> u64 {
    let text = std::fs::read(dir.join(file)).unwrap();
    let line = bits.div_ceil(4) as usize + 1;
    assert!(text.len().is_multiple_of(line), "{file}: lines of {line} bytes");
    assert!(text.chunks(line).all(|l| l[line - 1] == b'\n'), "{file}: lines of {line} bytes");
    (text.len() / line) as u64
}

/// Counts from the site module of a matrix in tiles.
fn tiles(dir: &Path, module: &str) -> Counts {
    let mut c = Counts::default();
    for tile in module.split("hw_mvm_tile #(").skip(1) {
        let tile = tile.split(");").next().unwrap();
        let of = |name: &str| parameter(tile, name);
        c.tiles += 1;
        c.columns += of("COLS");
        let rows = words(dir, file(tile, "CODES"), of("COLS") * of("CODE_BITS"));
        assert_eq!(rows, of("ROWS"));
        c.cells += rows * of("COLS");
        c.rom_bits += rows * of("COLS") * of("CODE_BITS");
        let record = of("E") * (of("SCALE_BITS") + of("OFFSET_BITS"));
        assert_eq!(words(dir, file(tile, "SCALES"), record), of("SCALE_WORDS"));
        c.rom_bits += of("SCALE_WORDS") * record;
    }
    c
}

fn metal(dir: &Path, module: &str) -> Counts {
    let array = module.split("hw_metal #(").nth(1).unwrap();
    let of = |name: &str| parameter(array, name);
    let outputs = words(dir, file(array, "WIRES"), of("INPUTS") * of("CODE_BITS"));
    assert_eq!(outputs, of("OUTPUTS"));
    let scale = of("GROUPS") * of("V") * of("SCALE_BITS");
    assert_eq!(words(dir, file(array, "SCALES"), scale), of("BEATS"));
    Counts { tiles: 0, cells: outputs * of("INPUTS"), columns: outputs * of("GROUPS"), rom_bits: of("BEATS") * scale }
}

fn emitted(dir: &Path, path: &str) -> Counts {
    let module = std::fs::read_to_string(dir.join(format!("rtl/mvm_{}.v", path.replace('.', "_")))).unwrap();
    if module.contains("hw_metal #(") { metal(dir, &module) } else { tiles(dir, &module) }
}

/// The census of every matrix of layer 0 against the emitted text; gives the cells found.
fn check(chip: &Chip, dir: &Path) -> u64 {
    emit(chip, dir, &RtlOptions { layers: Some(0..1), ..RtlOptions::default() }).unwrap();
    let mut found = 0;
    for (id, u) in chip.netlist().units().filter(|(_, u)| u.path.starts_with("layers.0.")) {
        let UnitKind::Mvm(s) = &u.kind else { continue };
        let (m, counted, got) = (&s.matrix, census::unit(chip.netlist(), id), emitted(dir, &u.path));
        let spare = got.cells - m.weights();
        assert!(spare <= u64::from(m.inputs) * u64::from(chip.netlist().lanes - 1), "{}: {spare} cells hold no weight", u.path);
        assert_eq!(counted.weights, m.weights(), "{}: weights", u.path);
        assert_eq!(got.tiles, s.array().map_or(0, |(n, k)| u64::from(n) * u64::from(k)), "{}: tiles", u.path);
        // The census has eight bits more for the shift of each output, which is not in the array.
        assert_eq!(got.rom_bits + 8 * u64::from(m.outputs), counted.rom_bits, "{}: ROM bits", u.path);
        // One total in SRAM for each accumulator of a tile, none in metal.
        let totals = if s.fabric == Fabric::Tile { got.columns * u64::from(s.tot_bits) } else { 0 };
        assert_eq!(counted.sram_bits, totals, "{}: columns", u.path);
        found += got.cells;
    }
    found
}

fn chip_of(json: &str, options: &Options) -> (Chip, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (config, model) = (dir.path().join("config.json"), dir.path().join("model"));
    std::fs::write(&config, json).unwrap();
    Synthetic::default().write(&config, &model, &|_, _| {}).unwrap();
    common::chip(&Checkpoint::open(&model).unwrap(), options)
}

#[test]
fn every_tile_of_a_layer_of_llama_8b() {
    let (chip, guard) = chip_of(LAYER, &Options { context: Some(64), tile_rows: Some(256), ..Options::default() });
    let cells = check(&chip, &guard.path().join("rtl"));
    assert_eq!(cells, 4096 * (4096 + 1024 + 1024 + 4096) + 3 * 4096 * 14336);
}

#[test]
fn metal_and_short_tiles() {
    let small = LAYER
        .replace("4096", "272")
        .replace("14336", "304")
        .replace("32", "8")
        .replace("\"num_key_value_heads\": 8", "\"num_key_value_heads\": 2");
    let rules: Vec<Rule> = ["o_proj=metal", "down_proj=64"].map(|r| r.parse().unwrap()).to_vec();
    let (chip, guard) = chip_of(&small, &Options { context: Some(64), fabric: rules, ..Options::default() });
    check(&chip, &guard.path().join("rtl"));
}
