//! What the viewer paints is what is emitted: every via of every cell is the bit in the ROM image, in every fabric and at every width of code,
//! and what is read back from the images is the program's value and the checkpoint's.

use hardwire_compiler::{Options, compile};
use hardwire_layout::chip::{self as masks, Contents, Plan};
use hardwire_layout::gds::GdsWriter;
use hardwire_layout::rom::Dims;
use hardwire_layout::{Process, stored::Stored};
use hardwire_models::Checkpoint;
use hardwire_netlist::silicon::{Address, Silicon};
use hardwire_netlist::{Chip, Fabric, UnitKind};
use hardwire_viewer::die::Die;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

fn models(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(path)
}

/// The emitted images, read as `$readmemh` reads them: by file, digits of a line from the highest.
struct Images {
    folder: PathBuf,
    read: HashMap<String, Vec<Vec<u8>>>,
}

impl Images {
    /// `bits` bits of a line, the highest first.
    fn bits(&mut self, at: &Address, bits: u8) -> Vec<bool> {
        let lines = self.read.entry(at.file.clone()).or_insert_with(|| {
            let text = std::fs::read_to_string(self.folder.join(&at.file)).unwrap_or_else(|e| panic!("{}: {e}", at.file));
            text.lines().map(|l| l.bytes().map(|d| (d as char).to_digit(16).unwrap() as u8).collect()).collect()
        });
        let line = &lines[at.line as usize];
        let bit = |i: u32| line[line.len() - 1 - (i / 4) as usize] >> (i % 4) & 1 == 1;
        (0..u32::from(bits)).rev().map(|b| bit(at.bit + b)).collect()
    }
}

/// How the chip's values are held against the checkpoint's.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    /// Every weight is the checkpoint's.
    Exactly,
    /// The square error of all of them is the one that the compiler measured.
    AsMeasured,
}

/// Kinds of code seen: bits, and how they are stored.
type Seen = BTreeSet<(u8, &'static str)>;

/// Every via of the drawn masks, by its place alone, is a one of the emitted images, and every one has its via.
fn drawn(chip: &Chip, images: &mut Images) {
    let process = Process::of_node(&chip.structure.technology.node).unwrap();
    let stored = Stored::of(chip, &process, &Dims::of(&process));
    let plan = Plan::of(chip, &process, &stored).unwrap();
    let mut gds = GdsWriter::new(Vec::new()).unwrap();
    let drawn = masks::chip(&mut gds, &process, &plan, &stored, Contents::Whole, &|_| true).unwrap();
    let file = images.folder.join("chip.gds");
    std::fs::write(&file, gds.into_inner()).unwrap();
    let vias = masks::vias(&file, &process).unwrap();
    let words = masks::words(&plan, &stored, &vias);
    let ones: u64 = words.iter().flatten().map(|b| u64::from(b.count_ones())).sum();
    assert_eq!(ones, drawn, "as many vias as bits that are one");
    for (rom, words) in stored.roms.iter().zip(&words) {
        let stride = masks::stride(rom.bits);
        for (line, word) in words.chunks(stride).enumerate() {
            for bit in 0..rom.bits {
                let at = Address { file: rom.file.clone(), line: line as u64, bit };
                let via = word[(bit / 8) as usize] >> (bit % 8) & 1 == 1;
                assert_eq!(vec![via], images.bits(&at, 1), "{} line {line} bit {bit}", rom.file);
            }
        }
    }
}

fn check(checkpoint: &Checkpoint, options: &Options, kept: Kept) -> Seen {
    let dir = tempfile::tempdir().unwrap();
    let chip = compile(checkpoint, options, &dir.path().join("chip"), &|_| {}).unwrap();
    let emitted = dir.path().join("rtl");
    hardwire_rtl_gen::emit(&chip, &emitted, &hardwire_rtl_gen::Options::default()).unwrap();
    let mut images = Images { folder: emitted, read: HashMap::new() };
    drawn(&chip, &mut images);
    let die = Die::new(chip);
    let mut seen = Seen::new();
    let mut matrices = 0;
    for (id, unit) in die.chip.netlist().units() {
        let block = die.find_block(&unit.path);
        for (i, silicon) in Silicon::of(&die.chip, id).iter().enumerate() {
            matrices += 1;
            let m = silicon.matrix;
            let program = die.chip.programs.matrix(m.program);
            let tensor = checkpoint.tensor(&m.tensor).unwrap();
            let mut row = vec![0f32; m.inputs as usize];
            let (mut error, mut all) = (0.0, 0.0);
            for n in 0..m.outputs {
                let source = m.rows.source_row(n);
                tensor.row_f32(source as usize, &mut row).unwrap();
                for k in 0..m.inputs {
                    let at = silicon.address(n, k).unwrap();
                    let bits = images.bits(&at, m.code_bits);
                    let stored = bits.iter().fold(0u8, |s, &b| s << 1 | u8::from(b));
                    let code = silicon.code_of(stored).unwrap();
                    assert_eq!(code, program.code(n, k), "{}[{n}, {k}] in {at:?}", unit.path);
                    let weight = silicon.weight(n, k);
                    assert_eq!(m.codebook[usize::from(code)], weight.value);
                    if i == 0 {
                        let block = block.unwrap();
                        let reader = die.reader(block).unwrap_or_else(|| panic!("{} is not painted", unit.path));
                        let site = die.site_of(block, source, k).unwrap();
                        let painted = reader.vias(site).unwrap();
                        assert_eq!(painted, if silicon.wired() { Vec::new() } else { bits }, "{}[{n}, {k}] as painted", unit.path);
                    }
                    let want = f64::from(row[k as usize]);
                    if kept == Kept::Exactly {
                        assert!((weight.real - want).abs() <= want.abs() * 1e-6, "{}[{n}, {k}]: {} is not {want}", unit.path, weight.real);
                    }
                    error += (weight.real - want) * (weight.real - want);
                    all += want * want;
                }
            }
            let measured = die.chip.structure.quality.iter().find(|q| q.tensor == m.tensor).unwrap().relative_square_error;
            assert!((error / all - measured).abs() <= 1e-6 * measured + 1e-12, "{}: {} is not {measured}", unit.path, error / all);
            let how = match &unit.kind {
                UnitKind::Embed(_) => "table",
                _ if silicon.wired() => "wires",
                UnitKind::Mvm(s) if s.fabric == Fabric::Group => "recoded",
                _ if m.fold().is_some() => "folded",
                _ if m.digits().is_some() => "digits",
                _ => "listed",
            };
            // Only what is folded or recoded is stored otherwise than it is numbered.
            let otherwise = (0..m.codebook.len()).any(|c| silicon.stored(c as u8) != c as u8);
            assert_eq!(otherwise, how == "folded" || how == "recoded", "{}", unit.path);
            seen.insert((m.code_bits, how));
        }
    }
    assert!(matrices > 3 && !images.read.is_empty());
    seen
}

fn llama() -> Checkpoint {
    Checkpoint::open(&models("tests/goldens/llama")).unwrap()
}

/// Small tiles, so that there are several bands, tiles and a short last one of each.
fn tiles() -> Options {
    Options { lanes: Some(4), tile_rows: Some(24), tile_cols: Some(12), group: Some(8), ..Options::default() }
}

#[test]
fn the_bundled_models_vias_are_its_images() {
    let seen = check(&Checkpoint::bundled(), &Options::default(), Kept::Exactly);
    assert_eq!(seen, Seen::from([(4, "table"), (4, "folded")]));
}

/// Two, three, four, six and eight bits as GGUF stores them, offsets and e2m1 among them.
#[test]
fn stored_blocks_vias_are_their_images() {
    let checkpoint = Checkpoint::open(&models("tests/data/stored.gguf")).unwrap();
    let options = Options { context: Some(8), lanes: Some(16), tile_rows: Some(64), tile_cols: Some(32), ..Options::default() };
    let seen = check(&checkpoint, &options, Kept::AsMeasured);
    assert_eq!(seen.iter().map(|s| s.0).collect::<BTreeSet<u8>>(), BTreeSet::from([2, 3, 4, 6, 8]), "{seen:?}");
}

#[test]
fn every_width_in_every_fabric() {
    for bits in [2, 3, 4, 6, 8] {
        let chosen = Options { bits: Some(bits), ..tiles() };
        let seen = check(&llama(), &chosen, Kept::AsMeasured);
        assert_eq!(seen, Seen::from([(bits, "table"), (bits, if bits >= 6 { "digits" } else { "folded" })]));
        let group = Options { fabric: vec!["group:16".parse().unwrap()], lanes: Some(8), ..chosen.clone() };
        let seen = check(&llama(), &group, Kept::AsMeasured);
        assert_eq!(seen, Seen::from([(bits, "table"), (bits, "recoded")]));
        let metal = Options { fabric: vec!["metal".parse().unwrap()], offset_bits: Some(0), ..chosen };
        let seen = check(&llama(), &metal, Kept::AsMeasured);
        assert_eq!(seen, Seen::from([(bits, "table"), (bits, "wires")]));
    }
}

/// Codebooks of any values neither fold nor have digits; rows of tokens and rows of positions are two tables of one unit.
#[test]
fn fitted_codebooks_and_learned_positions() {
    let fitted = Options { bits: Some(3), fitted: true, ..tiles() };
    let seen = check(&llama(), &fitted, Kept::AsMeasured);
    assert!(seen.contains(&(3, "listed")), "{seen:?}");
    check(&Checkpoint::open(&models("tests/goldens/gpt2")).unwrap(), &tiles(), Kept::AsMeasured);
}
