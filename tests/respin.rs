//! Other weights on the die of a chip that exists: what is emitted differs in ROM images alone, by as many bits as `diff` counts, both
//! chips compute what the scalar reference does, and what does not fit is refused by name.

mod cli;
mod common;

use cli::hardwire;
use common::rtl::{self, Draw, Small};
use hardwire_compiler::fabric::Rule;
use hardwire_compiler::folding::Fold;
use hardwire_compiler::{Error, Options, compile, compile_onto};
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_rtl_gen::emit;
use hardwire_rtl_gen::harness::Feed;
use hardwire_study::respin::stored_bits;
use std::collections::BTreeMap;
use std::path::Path;

const SHAPE: Small = Small { hidden: 32, ffn: 40, layers: 2, heads: 2, kv_heads: 1, head_dim: 8, vocab: 48, context: 16 };

fn options(rules: &[&str], margin: &str, fold: u32) -> Options {
    let fabric: Vec<Rule> = rules.iter().map(|r| r.parse().unwrap()).collect();
    Options { fabric, margin: margin.parse().unwrap(), ..rtl::folded(Fold::Layers(fold), 1) }
}

fn weights(seed: u64, dir: &Path) -> Checkpoint {
    rtl::checkpoint(&SHAPE, &mut Draw(seed), &dir.join(format!("weights{seed}")))
}

/// A base of one set of weights, and another on its die.
fn pair(options: &Options, dir: &Path) -> (Chip, Chip) {
    let base = compile(&weights(1, dir), options, &dir.join("base"), &|_| {}).unwrap();
    let next = compile_onto(&weights(2, dir), &base, &Options::default(), &dir.join("next"), &|_| {}).unwrap();
    (base, next)
}

/// Every file below `root` by its path.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Bits of two images that differ.
fn changed(a: &[u8], b: &[u8]) -> u64 {
    let digit = |c: u8| (c as char).to_digit(16).unwrap_or(0);
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| u64::from((digit(a) ^ digit(b)).count_ones())).sum()
}

/// Emits both; they may differ in ROM images only. Gives the bits that do.
fn only_images_differ(a: &Chip, b: &Chip, dir: &Path) -> u64 {
    for (chip, name) in [(a, "a"), (b, "b")] {
        emit(chip, &dir.join(name), &Default::default()).unwrap();
    }
    let (a, b) = (files(&dir.join("a")), files(&dir.join("b")));
    assert!(a.keys().eq(b.keys()));
    let mut bits = 0;
    for (name, text) in &a {
        if name.starts_with("rom/") {
            bits += changed(text, &b[name]);
        } else if name != "hardwire-rtl.json" {
            // That one has a digest of every file.
            assert!(*text == b[name], "{name}");
        }
    }
    bits
}

#[test]
fn another_model_changes_rom_images_alone_and_by_as_many_bits_as_counted() {
    for (rules, fold) in [(&["16"][..], 1), (&["group"], 1), (&["lm_head=metal"], 1), (&["16"], 2)] {
        let dir = tempfile::tempdir().unwrap();
        let (base, next) = pair(&options(rules, "2", fold), dir.path());
        let counted = stored_bits(&base, &next).unwrap();
        let emitted = only_images_differ(&base, &next, dir.path());
        assert!(emitted > 1000 && counted.all.changed == emitted, "{rules:?}: {} counted, {emitted} emitted", counted.all.changed);
        let tiles: u64 = counted.tensors.iter().flat_map(|t| &t.tiles).map(|t| t.bits.changed).sum();
        assert!(tiles > 0 && tiles <= emitted);
        assert_eq!(stored_bits(&base, &base).unwrap().all.changed, 0);
    }
}

#[test]
fn both_chips_of_a_die_compute_what_the_reference_does() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (base, next) = pair(&options(&["16", "down_proj=group"], "2", 1), dir.path());
    only_images_differ(&base, &next, dir.path());
    let prompt = vec![1, 5];
    for (chip, name) in [(&base, "a"), (&next, "b")] {
        common::same_everywhere(chip, &[1, 5, 9, 30]);
        let trace = rtl::run_icarus(&dir.path().join(name), &Feed::prompt(0, &prompt), 2, true);
        rtl::compare(chip, &trace, std::slice::from_ref(&prompt), 2);
    }
}

#[test]
fn the_same_weights_on_their_own_die_are_the_same_program() {
    let dir = tempfile::tempdir().unwrap();
    for (name, checkpoint) in [("random", weights(1, dir.path())), ("tales", Checkpoint::bundled())] {
        let at = |part: &str| dir.path().join(format!("{name}.{part}"));
        let made = Options { context: Some(16), margin: "1".parse().unwrap(), ..Options::default() };
        let base = compile(&checkpoint, &made, &at("base"), &|_| {}).unwrap();
        let again = compile_onto(&checkpoint, &base, &Options::default(), &at("again"), &|_| {}).unwrap();
        let program = |chip: &Chip| std::fs::read(chip.folder.join("program.bin")).unwrap();
        assert!(program(&base) == program(&again), "{name}");
        assert_eq!(base.netlist().to_text(), again.netlist().to_text());
    }
}

#[test]
fn no_margin_gives_the_chip_of_today_and_margins_are_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = weights(1, dir.path());
    let chip = |name: &str, margin: &str| compile(&checkpoint, &options(&["16"], margin, 1), &dir.path().join(name), &|_| {}).unwrap();
    let (plain, wide) = (chip("plain", "0"), chip("wide", "sums=2,scales=1,shifts=1,gains=1"));
    assert!(!plain.netlist().to_text().contains("shift_bits"));
    let widths = |chip: &Chip| {
        let of = |u: &hardwire_netlist::Unit| match &u.kind {
            hardwire_netlist::UnitKind::Mvm(m) => Some([m.acc_bits, m.tot_bits, m.matrix.scale_bits]),
            _ => None,
        };
        chip.netlist().units().filter_map(|(_, u)| of(u)).collect::<Vec<_>>()
    };
    for (p, w) in widths(&plain).into_iter().zip(widths(&wide)) {
        // A group's sum is never wider than eight codes of 8 and activations of 11 bits and a sign make it.
        assert_eq!(w, [(p[0] + 2).min(11 + 6 + 1), p[1] + 2, p[2] + 1]);
    }
}

#[track_caller]
fn refuses(result: Result<Chip, Error>, parts: &[&str]) {
    let Err(error @ Error::Die { .. }) = result else { panic!("{:?}", result.map(|c| c.digest)) };
    let said = error.to_string();
    assert!(parts.iter().all(|p| said.contains(p)), "{said}");
}

#[test]
fn what_does_not_fit_is_refused_by_tensor_amount_and_margin() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let base = |name: &str, o: &Options| compile(&weights(1, dir), o, &dir.join(name), &|_| {}).unwrap();
    let onto = |base: &Chip, c: &Checkpoint| compile_onto(c, base, &Options::default(), &dir.join("out"), &|_| {});
    let shape = |s: Small, name: &str| rtl::checkpoint(&s, &mut Draw(7), &dir.join(name));

    // Four-bit codes of one group whose weights are all alike fill their sums; random ones do not.
    let tight = base("tight", &options(&["16"], "0", 1));
    let mut refused = 0;
    for seed in 2..12 {
        if let Err(error) = onto(&tight, &weights(seed, dir)) {
            let said = error.to_string();
            assert!(said.contains(" bits, and the base die has ") && said.contains("more of --margin "), "{said}");
            assert!(said.contains("layers.") || said.contains("norm") || said.contains("lm_head") || said.contains("embed"), "{said}");
            refused += 1;
        }
    }
    assert!(refused > 0);
    let roomy = base("roomy", &options(&["16"], "2", 1));
    for seed in 2..12 {
        onto(&roomy, &weights(seed, dir)).unwrap();
    }

    refuses(onto(&roomy, &shape(Small { ffn: 48, ..SHAPE }, "wider")), &["layers.0.mlp.gate_proj", "48 by 32", "40 by 32"]);
    refuses(onto(&roomy, &shape(Small { layers: 3, ..SHAPE }, "deeper")), &["layers", "3", "2 on the base die"]);
    refuses(onto(&roomy, &shape(Small { heads: 4, head_dim: 4, kv_heads: 2, ..SHAPE }, "heads")), &["embed_tokens", "omega", "base die"]);
}

/// The bundled model lies on a grid of 4 bits; one that is ternary fits it as it is, the other way round only with slots.
#[test]
fn a_stored_grid_stays_exact_on_a_codebook_that_has_its_values() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let grid = |seed: u64, most: i64| {
        // Weights that are small integers times a power of two.
        let folder = dir.join(format!("grid{seed}_{most}"));
        rtl::checkpoint(&SHAPE, &mut Draw(seed), &folder);
        let path = folder.join("model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut draw = Draw(seed);
        for w in bytes[header..].chunks_exact_mut(4) {
            let q = (draw.next() % (2 * most as u64 + 1)) as i64 - most;
            // Of like spread, whatever the grid.
            w.copy_from_slice(&(q as f32 * if most > 1 { 1.0 } else { 4.0 } / 64.0).to_le_bytes());
        }
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::open(&folder).unwrap()
    };
    let made = |margin: &str| Options { group: None, ..options(&["32"], margin, 1) };
    let (fine, ternary) = (grid(1, 7), grid(2, 1));
    let base = compile(&fine, &made("2"), &dir.join("fine"), &|_| {}).unwrap();
    let next = compile_onto(&ternary, &base, &Options::default(), &dir.join("onto_fine"), &|_| {}).unwrap();
    assert!(next.structure.quality.iter().all(|q| q.lossless));

    let base = compile(&ternary, &made("6"), &dir.join("ternary"), &|_| {}).unwrap();
    let error = compile_onto(&fine, &base, &Options::default(), &dir.join("x"), &|_| {});
    refuses(error, &["of its values from -7 to 7", "--margin slots=", "--bits 2 rounds"]);
    let rounded = Options { bits: Some(2), ..Options::default() };
    compile_onto(&fine, &base, &rounded, &dir.join("rounded"), &|_| {}).unwrap();
    let base = compile(&ternary, &made("6,slots=13"), &dir.join("slots"), &|_| {}).unwrap();
    let next = compile_onto(&fine, &base, &Options::default(), &dir.join("onto_slots"), &|_| {}).unwrap();
    assert!(next.structure.quality.iter().all(|q| q.lossless));
}

#[test]
fn the_command_compiles_onto_a_die_and_tells_the_difference() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let run = hardwire(&["compile", "tales", "--context", "16", "--margin", "1", "-o"], &[&at("base")]);
    assert!(run.ok() && run.stderr.contains("margin for other weights, estimated"), "{run:?}");
    let (base, next) = (at("base"), at("next"));
    let onto =
        |extra: &[&str]| hardwire(&[&["compile", "-q", "tales", "--onto", base.to_str().unwrap()], extra, &["-o"]].concat(), &[&next]);
    assert!(onto(&["--bits", "4"]).ok());
    let run = hardwire(&["diff", "--json", "--tiles"], &[&base, &next]);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let (all, tensors) = (&told["all"], told["tensors"].as_array().unwrap());
    assert!(all["changed"].as_u64().unwrap() > 0 && all["stored"].as_u64().unwrap() > 5_000_000, "{all}");
    let tile = &tensors.iter().find(|t| t["path"] == "layers.0.mlp.down_proj").unwrap()["tiles"][0];
    assert!(tile["changed"].as_u64().unwrap() <= tile["stored"].as_u64().unwrap(), "{tile}");
    let run = hardwire(&["diff"], &[&base, &next]);
    assert!(run.ok() && run.stdout.contains("layers.4.mlp.down_proj") && run.stdout.lines().last().unwrap().starts_with("all "), "{run:?}");
    assert!(hardwire(&["compile", "tales", "--margin", "lanes=1", "-o", "x"], &[]).stderr.contains("expected sums"));
    onto(&["--lanes", "8"]).refuses(&["--lanes is the die's"]);
    let run = hardwire(&["compile", "-q", "tales", "--context", "32", "-o"], &[&at("other")]);
    assert!(run.ok(), "{run:?}");
    hardwire(&["diff"], &[&base, &at("other")]).refuses(&["not of one die"]);
}
