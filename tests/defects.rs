//! Chips with wrong bits in ROM: simulators and Verilog still agree on every value, as many bits are wrong as were drawn, and only where.

mod cli;
mod common;

use cli::hardwire;
use common::rtl::{self, Draw, Small};
use hardwire_compiler::folding::Fold;
use hardwire_compiler::{Options, compile};
use hardwire_netlist::Chip;
use hardwire_netlist::Silicon;
use hardwire_netlist::defects::{Defects, Extent, Inflicted, Place, inflict};
use hardwire_rtl_gen::emit;
use hardwire_rtl_gen::harness::Feed;
use hardwire_study::respin::stored_bits;
use std::path::Path;

const SHAPE: Small = Small { hidden: 32, ffn: 40, layers: 2, heads: 2, kv_heads: 1, head_dim: 8, vocab: 48, context: 16 };

fn chip(dir: &Path) -> Chip {
    let checkpoint = rtl::checkpoint(&SHAPE, &mut Draw(5), &dir.join("weights"));
    let fabric = ["16", "down_proj=group", "o_proj=group"].map(|r| r.parse().unwrap()).to_vec();
    // Room for sums that defects make greater.
    let options = Options { fabric, margin: "sums=2".parse().unwrap(), ..rtl::folded(Fold::Layers(1), 1) };
    compile(&checkpoint, &options, &dir.join("chip"), &|_| {}).unwrap()
}

fn spoiled(chip: &Chip, density: f64, seed: u64, places: &[Place], to: &Path) -> (Chip, Inflicted) {
    inflict(chip, &Defects { density, extent: Extent::Bit, seed, places: places.to_vec() }, to).unwrap()
}

#[test]
fn defects_are_as_many_as_drawn_where_they_were_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let sound = chip(dir.path());
    let at = |name: &str| dir.path().join(name);
    let mut all = 0;
    for place in Place::ALL {
        let (faulty, done) = spoiled(&sound, 0.02, 3, &[place], &at(place.name()));
        let counted = stored_bits(&sound, &faulty).unwrap();
        // Scales of two bands of a tile stand in ROM twice, and are wrong in both.
        assert!(done.wrong > 5 && counted.all.changed >= done.wrong, "{place}: {done:?}, {:?}", counted.all);
        assert!(place == Place::Scales || counted.all.changed == done.wrong, "{place}: {done:?}, {:?}", counted.all);
        let expected = 0.02 * done.bits as f64;
        assert!(((done.wrong + done.left_out) as f64 - expected).abs() < 5.0 * expected.sqrt(), "{place}: {done:?}");
        let wrong_in = |path: &str| counted.tensors.iter().any(|t| t.path.ends_with(path) && t.all.changed > 0);
        assert_eq!(wrong_in("mlp.up_proj"), matches!(place, Place::Mlp | Place::Scales), "{place}");
        assert_eq!(wrong_in("q_proj"), matches!(place, Place::Attention | Place::Scales), "{place}");
        assert_eq!(wrong_in("lm_head"), matches!(place, Place::Head | Place::Scales), "{place}");
        all += done.bits;
    }
    let (whole, done) = spoiled(&sound, 0.01, 3, &Place::ALL, &at("all"));
    assert_eq!(done.bits, all);
    let again = spoiled(&sound, 0.01, 3, &Place::ALL, &at("again")).0;
    let other = spoiled(&sound, 0.01, 4, &Place::ALL, &at("other")).0;
    assert!(whole.digest == again.digest && whole.digest != other.digest);
    let (none, done) = spoiled(&sound, 0.0, 3, &Place::ALL, &at("none"));
    let program = |chip: &Chip| std::fs::read(chip.folder.join("program.bin")).unwrap();
    assert!(program(&none) == program(&sound) && done.wrong == 0);
}

#[test]
fn a_stuck_line_is_wrong_from_end_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let sound = chip(dir.path());
    for (extent, name) in [(Extent::Row, "row"), (Extent::Column, "column")] {
        let asked = Defects { density: 0.1, extent, seed: 3, places: Place::ALL.to_vec() };
        let (faulty, done) = inflict(&sound, &asked, &dir.path().join(name)).unwrap();
        assert!(done.wrong > 100 && stored_bits(&sound, &faulty).unwrap().all.changed == done.wrong, "{name}: {done:?}");
        let (id, _) = faulty.netlist().units().find(|(_, u)| u.path == "layers.0.mlp.up_proj").unwrap();
        let (before, after) = (&Silicon::of(&sound, id)[0], &Silicon::of(&faulty, id)[0]);
        let m = after.matrix;
        // By line, or by bit: how many ones there were, and how many are left.
        let mut ones: std::collections::BTreeMap<_, [u32; 2]> = Default::default();
        for (n, k) in (0..m.outputs).flat_map(|n| (0..m.inputs).map(move |k| (n, k))) {
            let (tile, line, bit) = after.place(n, k);
            for b in 0..u32::from(m.code_bits) {
                let of = |s: &Silicon<'_>| u32::from(s.stored(s.program().code(n, k)) >> b & 1);
                let at = if extent == Extent::Row { line } else { u64::from(bit + b) };
                let counted = ones.entry((tile, at)).or_default();
                (counted[0], counted[1]) = (counted[0] + of(before), counted[1] + of(after));
            }
        }
        let stuck = ones.values().filter(|[was, is]| was != is).count();
        assert!(stuck > 0 && stuck * 4 < ones.len(), "{name}: {stuck} of {}", ones.len());
        assert!(done.left_out > 0 || ones.values().all(|[was, is]| was == is || *is == 0), "{name}");
        common::same_everywhere(&faulty, &[1, 5, 9]);
    }
}

#[test]
fn simulators_and_verilog_agree_on_a_chip_with_defects() {
    let dir = tempfile::tempdir().unwrap();
    let sound = chip(dir.path());
    let (faulty, done) = spoiled(&sound, 0.02, 9, &Place::ALL, &dir.path().join("faulty"));
    assert!(done.wrong > 100 && done.left_out * 4 < done.wrong, "{done:?}");
    common::same_everywhere(&faulty, &[1, 5, 9, 30]);
    if !rtl::has("iverilog", "-V") {
        return;
    }
    let (folder, prompt) = (dir.path().join("rtl"), vec![1, 5]);
    emit(&faulty, &folder, &Default::default()).unwrap();
    let trace = rtl::run_icarus(&folder, &Feed::prompt(0, &prompt), 2, true);
    rtl::compare(&faulty, &trace, std::slice::from_ref(&prompt), 2);
}

#[test]
fn the_commands_take_defects() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.txt");
    std::fs::write(&text, "Once upon a time there was a king who had a daughter. ".repeat(2)).unwrap();
    let told = |extra: &[&str]| -> serde_json::Value {
        let run =
            hardwire(&[&["evaluate", "tales", "-q", "--json", "--tokens", "24", "--context", "32"], extra, &["--text"]].concat(), &[&text]);
        assert!(run.ok(), "{run:?}");
        serde_json::from_str(&run.stdout).unwrap()
    };
    let (sound, worse) = (told(&[]), told(&["--defects", "0.05", "--defect-places", "mlp,attention"]));
    assert!(sound["defects"].is_null() && worse["defects"]["wrong"].as_u64().unwrap() > 1000, "{worse}");
    let perplexity = |v: &serde_json::Value| v["perplexity_chip"].as_f64().unwrap();
    assert!(perplexity(&worse) > perplexity(&sound), "{worse}");
    let run = hardwire(&["evaluate", "tales", "-q", "--defects", "2", "--text"], &[&text]);
    run.refuses(&["--defects 2", "0 to 1"]);
    assert_eq!(hardwire(&["verify", "tales", "--defects", "1e-5", "--defect-places", "rom"], &[]).code, Some(2));
}
