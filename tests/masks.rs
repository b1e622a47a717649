//! Masks of whole chips: other weights change the program's layer alone, as KLayout sees it; a model read back from the vias of a GDSII file
//! writes the same text; what is written is the same each time, and nothing that is cut looks whole.

mod common;
mod peer;

use common::{chip, golden};
use hardwire_compiler::Options;
use hardwire_layout::chip::{self as masks, Plan};
use hardwire_layout::rom::Dims;
use hardwire_layout::{Process, stored::Stored};
use hardwire_models::Checkpoint;
use hardwire_netlist::chip::HostTexts;
use hardwire_netlist::program::{MatrixData, Record, pack_row};
use hardwire_netlist::silicon::{Silicon, Word};
use hardwire_netlist::{Chip, ChipWriter, ProgramId};
use hardwire_sim::engine::Engine;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The chip of the same structure in which `code` gives the code of every program's output and input.
fn with_codes(chip: &Chip, target: &Path, code: &dyn Fn(ProgramId, u32, u32) -> u8) -> Chip {
    let mut writer = ChipWriter::create(target).unwrap();
    for (i, record) in chip.structure.programs.iter().enumerate() {
        let id = ProgramId(i as u32);
        match record {
            Record::Gain { name, .. } => writer.programs().gain(name, &chip.programs.gain(id).to_vec()).unwrap(),
            Record::Matrix { name, scale_bytes, offset_bytes, .. } => {
                let m = chip.programs.matrix(id);
                let mut codes = Vec::new();
                for n in 0..m.outputs {
                    let row: Vec<u8> = (0..m.inputs).map(|k| code(id, n, k)).collect();
                    let mut packed = vec![0; m.stride as usize];
                    pack_row(&row, m.code_bits, &mut packed);
                    codes.extend(packed);
                }
                let (offsets, bias) = (m.offsets.map(|o| o.to_vec()), m.bias.map(|b| b.to_vec()));
                let data = MatrixData {
                    name,
                    outputs: m.outputs,
                    inputs: m.inputs,
                    code_bits: m.code_bits,
                    codes: &codes,
                    groups: m.groups,
                    scales: &m.scales.to_vec(),
                    scale_bits: scale_bytes * 8,
                    offsets: offsets.as_ref().map(|o| (&o[..], offset_bytes * 8)),
                    shifts: &m.shifts.to_vec().iter().map(|&s| s as i16).collect::<Vec<_>>(),
                    bias: bias.as_deref(),
                };
                writer.programs().matrix(&data).unwrap()
            }
        };
    }
    writer.finish(chip.structure.clone(), &HostTexts::default()).unwrap()
}

fn written(chip: &Chip, dir: &Path, tiles: Option<&str>) -> (PathBuf, masks::Written) {
    let process = Process::of_node(&chip.structure.technology.node).unwrap();
    let options = masks::Options { tiles: tiles.map(str::to_owned) };
    (dir.to_path_buf(), masks::write(chip, &process, dir, &options).unwrap())
}

/// Greedy tokens after a token.
fn tokens(chip: &Chip, first: u32, n: usize) -> Vec<u32> {
    let engine = Engine::new(chip);
    let mut state = engine.start();
    let mut out = vec![first];
    for _ in 0..n {
        let step = engine.step(&mut state, 0, out[out.len() - 1]).unwrap();
        out.push(step.top);
    }
    out
}

/// Every weight of the bundled model, from a GDSII file's vias alone; then the text it writes.
#[test]
fn a_model_read_back_from_its_vias_writes_the_same_text() {
    let options = Options { context: Some(64), ..Options::default() };
    let (chip, dir) = chip(&Checkpoint::bundled(), &options);
    let (folder, written) = written(&chip, &dir.path().join("masks"), None);
    let process = Process::of_node(&chip.structure.technology.node).unwrap();
    let stored = Stored::of(&chip, &process, &Dims::of(&process));
    let plan = Plan::of(&chip, &process, &stored).unwrap();
    let vias = masks::vias(&folder.join("chip.gds"), &process).unwrap();
    let words = masks::words(&plan, &stored, &vias);
    let ones: u64 = words.iter().flatten().map(|b| u64::from(b.count_ones())).sum();
    assert_eq!(ones, written.vias);
    // Scales, shifts and biases too are what they were.
    let mut word = Word::default();
    for (rom, words) in stored.roms.iter().zip(&words) {
        for (line, read) in words.chunks(masks::stride(rom.bits)).enumerate() {
            stored.word(rom, line as u64, &mut word);
            assert_eq!(word.bytes(), read, "{} line {line}", rom.file);
        }
    }
    let by_file: HashMap<&str, usize> = stored.roms.iter().enumerate().map(|(i, r)| (r.file.as_str(), i)).collect();
    let netlist = chip.netlist();
    let all: HashMap<ProgramId, Silicon<'_>> =
        netlist.units().flat_map(|(id, _)| Silicon::of(&chip, id)).map(|s| (s.matrix.program, s)).collect();
    let code = |id: ProgramId, n: u32, k: u32| {
        let silicon = &all[&id];
        let at = silicon.address(n, k).unwrap();
        let rom = by_file[at.file.as_str()];
        let bits = &words[rom][at.line as usize * masks::stride(stored.roms[rom].bits)..];
        let bit = |b: u32| bits[(b / 8) as usize] >> (b % 8) & 1;
        let stored = (0..u32::from(silicon.matrix.code_bits)).fold(0, |s, i| s | bit(at.bit + i) << i);
        silicon.code_of(stored).unwrap()
    };
    let again = with_codes(&chip, &dir.path().join("again"), &code);
    assert_eq!(tokens(&again, 1, 24), tokens(&chip, 1, 24));
    // A few codes otherwise and the text is another: what is compared depends on what was read.
    let spoilt = with_codes(&chip, &dir.path().join("spoilt"), &|id, n, k| if k % 7 == 0 { 0 } else { code(id, n, k) });
    assert_ne!(tokens(&spoilt, 1, 24), tokens(&chip, 1, 24));
}

/// KLayout's view of two models on one base: no layer but the program's differs, and that one by as many vias as `diff` counts bits.
#[test]
fn other_weights_change_the_programs_layer_alone() {
    let (checkpoint, golden) = golden("llama");
    let options = Options { context: Some(golden.positions() as u32), ..Options::default() };
    for node in ["N6", "SKY130"] {
        let (chip, dir) = chip(&checkpoint, &Options { node: Some(node.into()), ..options.clone() });
        let random = |id: ProgramId, n: u32, k: u32| {
            let code = chip.programs.matrix(id).code(n, k);
            // Two codes change places here and there.
            if (n * 31 + k * 17 + id.0).is_multiple_of(5) { code ^ 1 } else { code }
        };
        let other = with_codes(&chip, &dir.path().join("other"), &random);
        let changed: u64 = hardwire_study::respin::stored_bits(&chip, &other).unwrap().all.changed;
        let (a, _) = written(&chip, &dir.path().join("a"), None);
        let (b, _) = written(&other, &dir.path().join("b"), None);
        let process = Process::of_node(node).unwrap();
        let program = process.rule(hardwire_layout::PROGRAM).gds;
        let layer = format!("{}/{}", program.0, program.1);
        let args = [a.to_str().unwrap(), b.to_str().unwrap(), &layer, &changed.to_string()];
        peer::runs("masks_in_klayout.py", &args);
    }
}

/// The same bytes twice, in place of each other; chosen tiles alone; and what is no tile is said.
#[test]
fn masks_are_the_same_each_time_and_of_the_tiles_asked_for() {
    let (checkpoint, golden) = golden("llama");
    let options = Options { context: Some(golden.positions() as u32), ..Options::default() };
    let (chip, dir) = chip(&checkpoint, &options);
    let (folder, all) = written(&chip, &dir.path().join("masks"), None);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let names =
        ["chip.gds", "chip.oas", "program.oas", "vias.bin", "roms.json", "chip.def", "hardwire-masks.json", "rules.drc", "README.md"];
    let first: Vec<Vec<u8>> = names.iter().map(|n| read(n)).collect();
    written(&chip, &folder, None);
    for (name, bytes) in names.iter().zip(&first) {
        assert!(read(name) == *bytes, "{name}");
    }
    let (_, some) = written(&chip, &folder, Some("layers.0.*"));
    assert!(some.vias > 0 && some.vias < all.vias && some.macros == all.macros, "{some:?}");
    assert!(read("vias.bin") == first[3], "the map has every tile");
    let process = Process::of_node("N6").unwrap();
    let none = masks::Options { tiles: Some("nowhere".into()) };
    let error = masks::write(&chip, &process, &folder, &none).unwrap_err().to_string();
    assert!(error.contains("nowhere") && error.contains("tile["), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing half written stays");
    // What somebody has put there is not written over.
    std::fs::write(folder.join("mine"), "").unwrap();
    assert!(masks::write(&chip, &process, &folder, &masks::Options::default()).unwrap_err().to_string().contains("mine"));
}

/// What `diff --masks` says is what the bits say, tensor by tensor, and what KLayout counted above.
#[test]
fn diff_tells_the_vias_that_come_and_go() {
    let (checkpoint, golden) = golden("llama");
    let (chip, dir) = chip(&checkpoint, &Options { context: Some(golden.positions() as u32), ..Options::default() });
    let other = with_codes(&chip, &dir.path().join("other"), &|id, n, k| chip.programs.matrix(id).code(n, k) ^ u8::from(k % 3 == 0));
    let process = Process::of_node("N6").unwrap();
    let dims = Dims::of(&process);
    let (x, y) = (Stored::of(&chip, &process, &dims), Stored::of(&other, &process, &dims));
    let (mut a, mut b, mut added, mut removed) = (Word::default(), Word::default(), 0u64, 0u64);
    for (rom, of) in x.roms.iter().zip(&y.roms) {
        for line in 0..rom.words {
            x.word(rom, line, &mut a);
            y.word(of, line, &mut b);
            for (a, b) in a.bytes().iter().zip(b.bytes()) {
                added += u64::from((!a & b).count_ones());
                removed += u64::from((a & !b).count_ones());
            }
        }
    }
    let run = Command::new(env!("CARGO_BIN_EXE_hardwire"))
        .args(["diff", "--masks", "--json"])
        .args([dir.path().join("chip"), dir.path().join("other")])
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let told: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert!(added > 0 && removed > 0);
    assert_eq!((&told["vias_added"], &told["vias_removed"]), (&added.into(), &removed.into()));
    assert_eq!(told["masks_that_differ"], serde_json::json!(["v2"]));
    assert_eq!(told["bits_elsewhere"], 0);
    assert_eq!(told["weeks"]["unit"], "weeks");
}
