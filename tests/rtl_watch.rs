//! The testbench's assertions: silent on the chip as it is, under random stalls and resets in mid-token, in two and in four states; and
//! each breaks where the Verilog is broken.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_netlist::Chip;
use hardwire_rtl_gen::harness::{Feed, RunOptions, Trace, run_verilated};
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const SMALL: Small = Small { hidden: 16, ffn: 12, layers: 1, heads: 2, kv_heads: 1, head_dim: 4, vocab: 19, context: 8 };

fn with_chip(use_it: impl FnOnce(&Chip, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(3), &dir.path().join("checkpoint"));
    let options = Options {
        lanes: Some(4),
        tile_rows: Some(16),
        tile_cols: Some(8),
        group: Some(8),
        pos_lanes: Some(2),
        users: Some(2),
        ..Options::default()
    };
    let (chip, _guard) = common::chip(&checkpoint, &options);
    use_it(&chip, dir.path());
}

fn feeds() -> Vec<Feed> {
    [Feed::prompt(0, &[1, 2, 3]), Feed::prompt(1, &[4, 18])].concat()
}

/// By user and position.
fn outputs(trace: &Trace) -> BTreeMap<(u32, u32), (u32, i32)> {
    trace.tokens.iter().map(|t| ((t.user, t.pos), (t.id, t.logit))).collect()
}

/// Wherever a reset falls, and however the host stalls, what comes after it is the same tokens and logits in the same cycles.
#[test]
fn resets_in_mid_token_and_random_stalls() {
    with_chip(|chip, dir| {
        let prompts = [vec![1, 2, 3], vec![4, 18]];
        let out = dir.join("rtl");
        emit(chip, &out, &RtlOptions::default()).unwrap();
        if rtl::has("verilator", "--version") {
            let run = |late, gap, reset_at| {
                let options = RunOptions { late, gap, reset_at, ..RunOptions::default() };
                run_verilated(&out, &feeds(), 3, &options).unwrap()
            };
            let whole = run(0, 0, 0);
            rtl::compare(chip, &whole, &prompts, 3);
            let last = whole.tokens.last().unwrap().cycle as u32;
            for i in 0..24 {
                let again = run(0, 0, 18 + i * last / 23);
                assert_eq!((&again.tokens, &again.tops), (&whole.tokens, &whole.tops), "reset {i}");
            }
            let mut draw = Draw(5);
            for i in 0..8 {
                let mut upto = |most: u32| draw.next() as u32 % most;
                let other = run(upto(60), upto(90), if i % 2 == 0 { 0 } else { 18 + upto(last) });
                assert_eq!(outputs(&other), outputs(&whole));
            }
        }
        if rtl::has("iverilog", "-V") {
            let run = |options| rtl::icarus(&out, &feeds(), 3, &options).unwrap();
            let whole = run(RunOptions::default());
            rtl::compare(chip, &whole, &prompts, 3);
            let other = run(RunOptions { late: 7, gap: 33, reset_at: 500, ..RunOptions::default() });
            assert_eq!(outputs(&other), outputs(&whole));
        }
    });
}

/// One line of the Verilog altered: the assertion that says so.
#[test]
fn each_assertion_breaks() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    with_chip(|chip, dir| {
        let out = dir.join("rtl");
        emit(chip, &out, &RtlOptions::default()).unwrap();
        let stalls = RunOptions { late: 9, ..RunOptions::default() };
        rtl::icarus(&out, &feeds(), 7, &stalls).unwrap();
        let station = "station_layers_0_attn.v";
        let cases = [
            ("hw_intake.v", "context_full_d = context_full_q ||", "context_full_d =", "context_full"),
            ("hw_intake.v", "bad_token_d = bad_token_q ||", "bad_token_d = 1 ||", "bad_token"),
            ("hw_add.v", "|| (branch_valid_q && straight);", "|| (branch_valid_q && straight && beat_q != 1);", "a vector stopped"),
            ("hw_add.v", "<= sums(word, branch_q);", "<= sums(word, branch_q) ^ ((beat_q == 2) ? 1'bx : 1'b0);", "is not known"),
            (station, "assign ready = !busy", "assign ready = !busy && !in_valid", "not ready"),
            (
                station,
                "if (in_valid && !busy) begin",
                "if (out_valid) header <= header ^ 1; if (in_valid && !busy) begin",
                "the header changed",
            ),
            (station, "header <= in_header", "header <= in_header | 9", "out of range"),
            ("hardwire_chip.v", "assign token_out_pos = token_header", "assign token_out_pos = 1 + token_header", "nobody waits"),
            ("hw_topk.v", "one > $signed(kept", "one < $signed(kept", "top: rank"),
            ("station_head.v", "held <= token_valid && !token_ready", "held <= 0", "changed before it was taken"),
            ("station_head.v", "wire first_valid = in_valid && want", "wire first_valid = 0", "got no output"),
        ];
        for (file, line, broken, complaint) in cases {
            let path = out.join("rtl").join(file);
            let whole = fs::read_to_string(&path).unwrap();
            let altered = whole.replacen(line, broken, 1);
            assert_ne!(whole, altered, "{file}: {line}");
            fs::write(&path, altered).unwrap();
            let said = rtl::icarus(&out, &feeds(), 7, &stalls).map(|t| t.flags).unwrap_err().to_string();
            assert!(said.contains("watch") && said.contains(complaint), "{file}: {broken}: {said}");
            fs::write(&path, whole).unwrap();
        }
    });
}
