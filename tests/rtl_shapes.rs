//! Small chips of every kind of shape in Verilator, unit by unit: widths, heads, groups, bits, tiles that do not fit, several users,
//! a full context, saturating residuals. `HARDWIRE_RTL_CASES` asks for more random ones.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_netlist::{Chip, UnitKind};
use hardwire_rtl_gen::harness::{Feed, RunOptions, run_verilated};
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use hardwire_sim::{engine::Engine, reference::Reference, timing};

/// Compiles, emits, runs and compares; `change` may alter the chip first.
fn check(s: &Small, options: &Options, seed: u64, prompts: &[Vec<u32>], new: u32, change: impl Fn(&mut Chip)) {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(s, &mut Draw(seed), &dir.path().join("checkpoint"));
    let (mut chip, _guard) = common::chip(&checkpoint, options);
    change(&mut chip);
    eprintln!("{s:?} {options:?} seed {seed}");
    let trace = rtl::run(&chip, &dir.path().join("rtl"), prompts, new, true);
    rtl::compare(&chip, &trace, prompts, new);
    if let [prompt] = prompts {
        let cycles = timing::generate(chip.netlist(), prompt.len() as u32, trace.tokens.len() as u32);
        let got: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
        assert_eq!(got, cycles);
        let full = prompt.len() as u32 + new > chip.model().context + 1;
        assert_eq!(trace.flags.context_full, full, "context_full");
        assert!(!trace.flags.bad_token);
    }
}

const BASE: Small = Small { hidden: 24, ffn: 20, layers: 1, heads: 4, kv_heads: 2, head_dim: 4, vocab: 19, context: 12 };

fn base() -> Options {
    Options { lanes: Some(4), tile_rows: Some(16), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() }
}

/// Token 0 is all zeros, alone at position 0: norms of nothing, a softmax over one position. Then up to the last position, and past it.
#[test]
fn zeros_one_position_and_a_full_context() {
    check(&BASE, &base(), 1, &[vec![0, 1, 5]], 12, |_| {});
}

/// Several users' tokens in flight at once, with caches of their own.
#[test]
fn several_users() {
    let options = Options { users: Some(3), ..base() };
    check(&BASE, &options, 2, &[vec![1, 2, 3], vec![4, 0], vec![6, 7, 8, 9]], 4, |_| {});
}

/// A token past the vocabulary or of no such user is dropped and flagged, by four-state simulation too; the others come out as if it had
/// never been sent. The engine and the reference refuse it and go on alike.
#[test]
fn tokens_that_do_not_exist() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&BASE, &mut Draw(7), &dir.path().join("checkpoint"));
    let (chip, _guard) = common::chip(&checkpoint, &Options { users: Some(3), ..base() });
    let bad = |user, id, first| Feed { user, id, first, want: true };
    let prompts = [vec![1, 2, 3], vec![4, 5], vec![6, 18]];
    let sent: Vec<Vec<Feed>> = prompts.iter().enumerate().map(|(u, ids)| Feed::prompt(u as u32, ids)).collect();
    let (mut feeds, strangers) = (Vec::new(), [bad(0, 19, false), bad(1, 31, false), bad(2, 25, true), bad(3, 2, false), bad(3, 30, true)]);
    for (i, stranger) in strangers.iter().enumerate() {
        feeds.extend(sent.iter().filter_map(|s| s.get(i)));
        feeds.push(*stranger);
    }

    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions { probe: true, ..RtlOptions::default() }).unwrap();
    let mut traces = Vec::new();
    if rtl::has("verilator", "--version") {
        traces.push(run_verilated(&out, &feeds, 3, &RunOptions { probe: true, ..RunOptions::default() }).unwrap());
    }
    if rtl::has("iverilog", "-V") {
        traces.push(rtl::run_icarus(&out, &feeds, 3, true));
    }
    for trace in &traces {
        assert!(trace.flags.bad_token && !trace.flags.context_full);
        rtl::compare(&chip, trace, &prompts, 3);
    }

    let (engine, reference) = (Engine::new(&chip), Reference::new(&chip));
    let (mut fast, mut slow) = (engine.start(), reference.start());
    for f in &feeds {
        let (e, r) = (engine.step(&mut fast, f.user, f.id), reference.step(&mut slow, f.user, f.id));
        assert_eq!(e.is_err(), f.id as usize >= BASE.vocab || f.user > 2);
        assert_eq!(e.map(|s| s.logits), r.map(|s| s.logits));
    }
}

/// The residual is narrowed until it clamps: the flag rises and every value is as the reference clamps it.
#[test]
fn saturating_residual() {
    let narrow = |chip: &mut Chip| {
        let bits = 17;
        for u in chip.structure.netlist.graph.node_weights_mut() {
            match &mut u.kind {
                UnitKind::Embed(_) | UnitKind::Add => u.out.bits = bits,
                UnitKind::RmsNorm(s) => s.input.bits = bits,
                UnitKind::Mvm(m) if m.matrix.tensor.contains("o_proj") || m.matrix.tensor.contains("down_proj") => u.out.bits = bits,
                _ => {}
            }
        }
    };
    check(&BASE, &base(), 3, &[vec![1, 1, 2]], 3, narrow);
}

/// Heads wider and narrower than a beat, a sliding window that starts mid-word, groups longer than a tile, all code widths.
#[test]
fn random_shapes() {
    let cases = std::env::var("HARDWIRE_RTL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    for seed in 0..cases {
        let mut d = Draw(1000 + seed);
        let (lanes, head_dim) = d.of(&[(4, 8), (8, 4), (8, 8), (6, 6), (2, 4), (12, 4)]);
        let kv_heads = d.of(&[1, 2, 3]);
        let heads = kv_heads * d.of(&[1, 2]);
        let s = Small {
            hidden: d.of(&[16, 22, 30]),
            ffn: d.of(&[12, 27, 33]),
            layers: 1,
            heads,
            kv_heads,
            head_dim,
            vocab: d.of(&[11, 23]),
            context: d.of(&[9, 13]),
        };
        let options = Options {
            bits: Some([4, 2, 8, 3, 6][seed as usize % 5]),
            group: Some(d.of(&[8, 16, 1 << 20])),
            act_bits: Some(d.of(&[5, 10, 12, 16])),
            kv_bits: Some(d.of(&[4, 8, 11])),
            lanes: Some(lanes as u32),
            tile_rows: Some(d.of(&[8, 16, 256])),
            tile_cols: Some(d.of(&[4, 8, 64])),
            pos_lanes: Some(d.of(&[1, 2, 4])),
            ..Options::default()
        };
        let window = d.of(&[None, Some(5)]);
        check(&s, &options, seed, &[vec![1, 3, 0, 5]], 5, |chip| {
            for u in chip.structure.netlist.graph.node_weights_mut() {
                if let UnitKind::Attention(a) = &mut u.kind {
                    a.window = window;
                }
            }
        });
    }
}
