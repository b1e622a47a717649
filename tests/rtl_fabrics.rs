//! Matrices in metal embedding and in group columns, alone and beside tiles of several heights, in Verilator: every value, token and cycle.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_compiler::fabric::Rule;
use hardwire_netlist::UnitKind;
use hardwire_netlist::unit::Fabric;
use hardwire_sim::timing;

fn check(s: &Small, options: &Options, rules: &[&str], seed: u64) {
    let rules: Vec<Rule> = rules.iter().map(|r| r.parse().unwrap()).collect();
    let options = Options { fabric: rules, ..options.clone() };
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(s, &mut Draw(seed), &dir.path().join("checkpoint"));
    let (chip, _guard) = common::chip(&checkpoint, &options);
    let other = chip.netlist().units().filter(|(_, u)| matches!(&u.kind, UnitKind::Mvm(m) if m.fabric != Fabric::Tile)).count();
    assert!(other > 0);
    let prompt = vec![1, 0, 5];
    common::same_everywhere(&chip, &prompt);
    if !rtl::has("verilator", "--version") {
        return;
    }
    let trace = rtl::run(&chip, &dir.path().join("rtl"), std::slice::from_ref(&prompt), 4, true);
    rtl::compare(&chip, &trace, std::slice::from_ref(&prompt), 4);
    let got: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
    assert_eq!(got, timing::generate(chip.netlist(), 3, 4));
}

const SMALL: Small = Small { hidden: 24, ffn: 20, layers: 1, heads: 4, kv_heads: 2, head_dim: 4, vocab: 19, context: 12 };

fn options() -> Options {
    Options { lanes: Some(4), tile_cols: Some(8), pos_lanes: Some(2), tile_rows: Some(16), ..Options::default() }
}

/// A scale for every eight inputs, the last group short; ternary codes.
#[test]
fn all_in_metal_with_many_scales() {
    check(&SMALL, &Options { group: Some(8), bits: Some(2), ..options() }, &["metal"], 11);
}

/// More inputs than a leaf adds, so that the trees have stages; one scale an output.
#[test]
fn trees_with_stages() {
    let wide = Small { hidden: 70, ffn: 300, ..SMALL };
    check(&wide, &Options { group: Some(1 << 20), lanes: Some(8), ..options() }, &["metal"], 12);
}

/// The planner's case: each place its own fabric and height.
#[test]
fn a_fabric_for_each_matrix() {
    let rules = ["o_proj=metal", "gate_proj=8", "up_proj=8", "lm_head=metal"];
    check(&SMALL, &Options { group: Some(8), bits: Some(3), ..options() }, &rules, 13);
}

/// All in group columns: two bits, several bands and tiles of a matrix, the last group of a matrix short.
#[test]
fn all_in_group_columns() {
    check(&SMALL, &Options { group: Some(8), bits: Some(2), ..options() }, &["group:8"], 14);
}

/// Three and four bits with offsets, beside a metal and a tile; groups narrower than a beat and wider.
#[test]
fn group_columns_of_other_widths_beside_other_fabrics() {
    let rules = ["group", "o_proj=metal", "down_proj=16"];
    check(&SMALL, &Options { group: Some(8), bits: Some(3), ..options() }, &rules, 15);
    let offsets = Options { group: Some(8), offset_bits: Some(6), lanes: Some(16), tile_cols: Some(64), ..options() };
    check(&SMALL, &offsets, &["group"], 16);
}
