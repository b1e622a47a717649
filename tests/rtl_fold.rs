//! Layers that share silicon, in Verilator: every value of every layer, every token and cycle, one user and several in the ring at once; hosts
//! that answer late and offer in bursts; and the counts of what is emitted.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_compiler::folding::Fold;
use hardwire_models::Checkpoint;
use hardwire_netlist::{Chip, Fabric, UnitKind, census};
use hardwire_rtl_gen::harness::{Feed, RunOptions, run_verilated};
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use hardwire_sim::timing::{self, Fed};
use std::collections::HashMap;
use std::path::Path;

const SMALL: Small = Small { hidden: 24, ffn: 20, layers: 5, heads: 4, kv_heads: 2, head_dim: 4, vocab: 19, context: 14 };

/// Runs `prompts`, a user's each, and holds values, tokens and cycles against reference and timing model; then again with other hosts.
fn check(chip: &Chip, dir: &Path, prompts: &[Vec<u32>], new: u32) {
    assert!(chip.netlist().is_folded());
    let trace = rtl::run(chip, dir, prompts, new, true);
    rtl::compare(chip, &trace, prompts, new);
    let of = |user: usize, len: usize| (0..len).map(move |i| Fed { user: user as u32, wanted: i + 1 == len });
    let feed: Vec<Fed> = prompts.iter().enumerate().flat_map(|(user, p)| of(user, p.len())).collect();
    let want: Vec<(u32, u32, u64)> = timing::serve(chip.netlist(), &feed, new).iter().map(|o| (o.user, o.pos, o.cycle)).collect();
    let got: Vec<(u32, u32, u64)> = trace.tokens.iter().map(|t| (t.user, t.pos, t.cycle)).collect();
    assert_eq!(got, want, "user, position and cycle of every output");
    if let [prompt] = prompts {
        let cycles: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
        assert_eq!(cycles, timing::generate(chip.netlist(), prompt.len() as u32, new));
    }
    // A head that must wait for its host, and tokens in bursts: the ring neither stands still nor mixes its tokens up.
    let feeds: Vec<Feed> = prompts.iter().enumerate().flat_map(|(user, ids)| Feed::prompt(user as u32, ids)).collect();
    let mut ids: HashMap<(u32, u32), u32> = trace.tokens.iter().map(|t| ((t.user, t.pos), t.id)).collect();
    for (late, gap) in [(0, 97), (41, 0), (400, 13)] {
        let other = run_verilated(dir, &feeds, new, &RunOptions { probe: true, late, gap, ..RunOptions::default() }).unwrap();
        let seen: HashMap<(u32, u32), u32> = other.tokens.iter().map(|t| ((t.user, t.pos), t.id)).collect();
        assert_eq!((seen.len(), &seen), (other.tokens.len(), &ids), "late by {late}, gaps of {gap}");
        ids = seen;
    }
}

/// In group columns: several bands and tiles of a matrix, the last group short, offsets beside the scales.
fn group_columns(fold: Fold, users: u32) -> Options {
    Options { fabric: vec!["group".parse().unwrap()], offset_bits: Some(6), tile_rows: Some(8), ..rtl::folded(fold, users) }
}

fn small(options: &Options, prompts: &[Vec<u32>], new: u32) {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(41), &dir.path().join("checkpoint"));
    let (chip, _guard) = common::chip(&checkpoint, options);
    check(&chip, &dir.path().join("rtl"), prompts, new);
}

/// One layer of silicon for five: two stations, up to two tokens in them, five rounds.
#[test]
fn all_layers_in_two_stations() {
    small(&rtl::folded(Fold::All, 3), &[vec![1, 2, 3], vec![4, 0], vec![6, 7, 8, 9]], 4);
}

/// Three layers of silicon: the last token leaves from the middle of the ring, and not all stations work as many layers.
#[test]
fn a_ring_that_is_left_in_the_middle() {
    small(&rtl::folded(Fold::Layers(2), 3), &[vec![1, 2, 3], vec![4, 0], vec![6, 7, 8, 9]], 4);
}

/// A word of a group column is a layer's. Four bits and offsets for several users, three bits without for one.
#[test]
fn group_columns_in_a_ring() {
    small(&group_columns(Fold::All, 3), &[vec![1, 2], vec![4], vec![6]], 2);
    let narrow = Options { bits: Some(3), offset_bits: None, ..group_columns(Fold::Layers(2), 1) };
    small(&narrow, &[vec![1]], 2);
}

fn golden(name: &str, users: u32, prompt: usize) {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let (checkpoint, golden) = common::golden(name);
    let (fold, users) = (Some(Fold::All), Some(users));
    let options = Options { fold, users, lanes: Some(8), tile_rows: Some(64), tile_cols: Some(32), ..Options::default() };
    let (chip, guard) = common::chip(&checkpoint, &options);
    let prompts: Vec<Vec<u32>> = (0..users.unwrap_or(1) as usize).map(|u| golden.prompt[u..u + prompt].to_vec()).collect();
    check(&chip, &guard.path().join("rtl"), &prompts, 3);
}

/// Learned positions, no rotations; centred norms whose gain and bias are a layer's own.
#[test]
fn gpt2_in_a_ring() {
    golden("gpt2", 2, 2);
}

/// Norms of heads, and experts behind a router.
#[test]
fn experts_in_a_ring() {
    golden("qwen3_moe_all", 2, 2);
}

/// Windows and rope tables read by layer.
#[test]
fn windows_in_a_ring() {
    golden("gemma3", 2, 8);
}

/// A layer that turns nothing, in silicon that turns the others.
#[test]
fn unturned_layers_in_a_ring() {
    golden("smollm3", 2, 2);
}

/// Delta rules and attention in one ring: tokens pass what is not of their layer's kind.
#[test]
fn two_kinds_of_layers_in_a_ring() {
    golden("qwen3_5", 3, 2);
}

/// Windows, sinks and experts.
#[test]
fn sinks_and_windows_in_a_ring() {
    golden("gpt_oss", 1, 8);
}

#[test]
fn the_bundled_model_in_a_ring() {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let options = Options { fold: Some(Fold::All), users: Some(2), context: Some(32), ..Options::default() };
    let (chip, guard) = common::chip(&Checkpoint::bundled(), &options);
    check(&chip, &guard.path().join("rtl"), &[vec![0, 5, 17], vec![0, 9]], 3);
}

/// The ROMs of a matrix, from the text of its module and the words of its images, are what the census counts.
#[test]
fn counts_of_what_is_emitted() {
    counts(&rtl::folded(Fold::Layers(2), 2));
    counts(&group_columns(Fold::Layers(2), 2));
}

fn counts(options: &Options) {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(41), &dir.path().join("checkpoint"));
    let (chip, _guard) = common::chip(&checkpoint, options);
    let (out, n) = (dir.path().join("rtl"), chip.netlist());
    emit(&chip, &out, &RtlOptions::default()).unwrap();
    let words = |file: &str| {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        let (layers, words): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| l.starts_with('@'));
        (layers.len() as u64 + 1, words.len() as u64)
    };
    let mut matrices = 0;
    for (id, u) in n.built_units() {
        let UnitKind::Mvm(m) = &u.kind else { continue };
        let module = std::fs::read_to_string(out.join(format!("rtl/mvm_{}.v", u.path.replace('.', "_")))).unwrap();
        let (layers, mut bits) = (u64::from(n.rounds(u.station)), 0);
        let group = m.fabric == Fabric::Group;
        for tile in module.split(if group { "hw_group_tile #(" } else { "hw_mvm_tile #(" }).skip(1) {
            let of = |name: &str| -> u64 {
                let at = tile.find(&format!(".{name}(")).unwrap() + name.len() + 2;
                tile[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
            };
            let file = |name: &str| tile.split(&format!(".{name}(\"")).nth(1).unwrap().split('"').next().unwrap().to_string();
            assert_eq!(of("LAYERS"), layers);
            if group {
                assert_eq!(words(&file("CONTENTS")), (layers, layers * of("WORDS")), "{}", u.path);
                bits += layers * of("WORDS") * of("COLS") * (of("GROUP") * of("CODE_BITS") + of("SCALE_BITS") + of("OFFSET_BITS"));
                continue;
            }
            assert_eq!(words(&file("CODES")), (layers, layers * of("ROWS")), "{}", u.path);
            assert_eq!(words(&file("SCALES")), (layers, layers * of("SCALE_WORDS")), "{}", u.path);
            bits += layers * of("ROWS") * of("COLS") * of("CODE_BITS");
            bits += layers * of("SCALE_WORDS") * of("E") * (of("SCALE_BITS") + of("OFFSET_BITS"));
        }
        // The census has eight bits more for the shift of each output, which is not in the array.
        let counted = census::unit(n, id);
        assert_eq!(bits + layers * 8 * u64::from(m.matrix.outputs), counted.rom_bits, "{}", u.path);
        assert_eq!(counted.weights, layers * m.matrix.weights());
        matrices += 1;
    }
    assert_eq!(matrices, 3 * 7 + 1);
    let attention = std::fs::read_to_string(out.join("rtl/station_layers_0_attn.v")).unwrap();
    assert!(attention.contains(".USERS(4)") && attention.contains(".user(cache_user)"), "two users in each of two layers");
    // No layer alone is emitted of such a chip.
    let error = emit(&chip, &dir.path().join("one"), &RtlOptions { layers: Some(0..1), ..RtlOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("share silicon"), "{error}");
}
