//! What must hold of a netlist, each rule broken once: a change to a small chip's text in, the rule's own words out (`rules.txt`).

use expect_test::expect_file;
use hardwire_netlist::Netlist;
use std::fmt::Write;

const SMALL: &str = include_str!("chips/small.txt");
const MIXTURE: &str = include_str!("chips/mixture.txt");

/// Within the lines of the unit or station that begin with the first text, the second becomes the third.
type Change = (&'static str, &'static str, &'static str);

/// Changes by chip.
const CHANGES: &[(&str, &[Change])] = &[
    (
        SMALL,
        &[
            ("netlist", "lanes=4", "lanes=5"),
            // Names and stations.
            ("unit argmax", "unit argmax", "unit \"a b\""),
            ("unit argmax", "32q0\n", "32q0\nunit argmax = add -> 1 x 32q0\n"),
            ("station head", "station head", "station embed"),
            ("station layers.0.mlp", "layers.0.mlp", "\"\""),
            ("unit argmax", "unit argmax", "unit argmax @9"),
            ("unit embed", "unit embed", "unit embed @1"),
            ("unit layers.0.mlp.feed", "feed =", "feed @3 ="),
            ("unit layers.0.attn.norm", "norm =", "norm @0 ="),
            ("unit argmax", "32q0\n", "32q0\nstation more\n"),
            // Ports and ends.
            ("unit layers.0.attn.add", "embed, ", ""),
            ("unit layers.0.attn.add", "[embed", "[1:embed"),
            ("unit layers.0.attn.norm", "[embed]", "[layers.0.attn.add]"),
            ("unit layers.0.mlp.add", "[layers.0.attn.add", "[embed"),
            ("unit layers.0.mlp.act", "gate_proj,", "up_proj,"),
            ("unit argmax", "unit argmax = argmax [lm_head] -> 1 x 32q0\n", ""),
            ("unit argmax", "[lm_head]", "[layers.0.mlp.add]"),
            ("unit layers.0.attn.q_rope", "q_proj", "feed"),
            ("unit layers.0.attn.q_proj", "[layers.0.attn.feed]", "[layers.0.attn.norm]"),
            // Formats and lengths.
            ("unit lm_head", "24q12", "33q12"),
            ("unit lm_head", "24q12", "24q-17"),
            ("unit layers.0.attn.add", "32q16", "32q15"),
            ("unit layers.0.mlp.norm", "8 x", "9 x"),
            ("unit layers.0.mlp.norm", "len=8", "len=4"),
            ("unit layers.0.mlp.norm", "input=32q16", "input=32q15"),
            // Embed and its matrix.
            ("unit embed", "bias=false", "bias=true"),
            ("unit embed", "matrix.inputs=8", "matrix.inputs=0"),
            ("unit embed", "matrix.outputs=16", "matrix.outputs=16777217"),
            ("unit embed", "matrix.group=8", "matrix.group=0"),
            ("unit embed", "code_bits=4", "code_bits=5"),
            ("unit embed", "code_bits=4", "code_bits=3"),
            ("unit embed", "scale_bits=8", "scale_bits=1"),
            ("unit embed", "offset_bits=0", "offset_bits=33"),
            ("unit embed", "[-8..=7]", "[-8..=6, 200]"),
            ("unit embed", "code_bits=4 matrix.codebook=[-8..=7]", "code_bits=8 matrix.codebook=[-128..=126, 100]"),
            ("unit embed", "matrix.scale_bits", "matrix.rows.interleave.head_dim=3 matrix.rows.interleave.rotated=2 matrix.scale_bits"),
            ("unit embed", "matrix.scale_bits", "matrix.rows.interleave.head_dim=4 matrix.rows.interleave.rotated=3 matrix.scale_bits"),
            // Norms.
            ("unit norm", "len=8", "len=131073"),
            ("unit norm", "groups=1", "groups=0"),
            ("unit norm", "groups=1", "groups=3"),
            ("unit norm", "epsilon=1048576", "epsilon=0"),
            ("unit norm", "shift=20", "shift=52"),
            // Row feeds and matrices.
            ("unit head_feed", "act_bits=8", "act_bits=17"),
            ("unit head_feed", "rows=8", "rows=0"),
            ("unit head_feed", "group=8", "group=9"),
            ("unit head_feed", "rows=8", "rows=12"),
            ("unit head_feed", "8q12", "8q11"),
            ("unit lm_head", "acc_bits=16", "acc_bits=63"),
            ("unit lm_head", "tot_bits=30", "tot_bits=0"),
            ("unit lm_head", " lanes=4", " lanes=8"),
            ("unit lm_head", " rows=8", " rows=65537"),
            ("unit lm_head", "cols=4", "cols=0"),
            ("unit lm_head", "deal=1", "deal=3"),
            ("unit lm_head", "cols=4", "cols=6"),
            ("unit lm_head", "matrix.group=8", "matrix.group=3"),
            ("unit lm_head", "cols=4", "cols=64"),
            ("unit lm_head", "act_bits=8", "act_bits=9"),
            ("unit lm_head", " rows=8", " rows=16"),
            ("unit lm_head", "matrix.group=8", "matrix.group=4"),
            // Rotation and attention.
            ("unit layers.0.attn.q_rope", "heads=2", "heads=0"),
            ("unit layers.0.attn.q_rope", "head_dim=4", "head_dim=3"),
            ("unit layers.0.attn.q_rope", "rotated=4", "rotated=3"),
            ("unit layers.0.attn.q_rope", "table=0", "table=1"),
            ("unit embed", "[[683565276, 68356528]]", "[[683565276]]"),
            ("unit layers.0.attn.q_rope", "24q12\n", "24q11\n"),
            ("unit layers.0.attn.attention", "kv_heads=1", "kv_heads=0"),
            ("unit layers.0.attn.attention", "heads=2 k=24q12 kv_bits=8 kv_heads=1", "heads=3 k=24q12 kv_bits=8 kv_heads=2"),
            ("unit layers.0.attn.attention", "context=16", "context=16777217"),
            ("unit layers.0.attn.attention", "context=16", "context=1048576"),
            ("unit layers.0.attn.attention", "users=2", "users=0"),
            ("unit layers.0.attn.attention", "act_bits=8", "act_bits=1"),
            ("unit layers.0.attn.attention", "kv_bits=8", "kv_bits=13"),
            ("unit layers.0.attn.attention", "pos_lanes=2", "pos_lanes=0"),
            ("unit layers.0.attn.attention", "46341", "32767"),
            ("unit layers.0.attn.attention", "score_shift=20", "score_shift=1024"),
            ("unit layers.0.attn.attention", "users=2", "window=0 users=2"),
            ("unit layers.0.attn.attention", "v=24q12", "v=25q12"),
            ("unit layers.0.attn.attention", "24q12\n", "24q11\n"),
            // Activations and sums.
            ("unit layers.0.mlp.act", "shift=12", "shift=11"),
            ("unit layers.0.mlp.act", "up=24q12", "up=24q128"),
            (
                "unit layers.0.mlp.act",
                "activation=\"silu\"",
                "activation.swiglu_clamped.gate_limit=-1 activation.swiglu_clamped.up_limit=7",
            ),
            (
                "unit layers.0.mlp.act",
                "activation=\"silu\"",
                "activation.swiglu_clamped.gate_limit=1 activation.swiglu_clamped.up_limit=2147483647",
            ),
            ("unit layers.0.mlp.down_proj", "32q16", "32q15"),
        ],
    ),
    (
        MIXTURE,
        &[
            ("unit embed", "omega=[]", "omega=[[1]]"),
            ("unit embed", "positions.inputs=8", "positions.inputs=4"),
            ("unit embed", "positions.bias=false", "positions.bias=true"),
            ("unit layers.0.mlp.norm", "centre.mantissa=524288", "centre.mantissa=524287"),
            ("unit layers.0.mlp.norm", "centre.shift=22", "centre.shift=21"),
            ("unit layers.0.mlp.norm", "groups=1", "groups=2"),
            // Bits and wires.
            ("unit head_feed", "rows=8", "rows=16"),
            ("unit head_feed", "fabric=\"metal\"", "fabric=\"tile\""),
            ("unit lm_head", "offset_bits=0", "offset_bits=4"),
            ("unit lm_head", " lanes=4", " lanes=2"),
            // Routers and experts.
            ("unit layers.0.mlp.route", "active=1", "active=3"),
            ("unit layers.0.mlp.route", "experts=2", "experts=1025"),
            ("unit layers.0.mlp.route", "score_mantissa=46341", "score_mantissa=65536"),
            ("unit layers.0.mlp.route", "score_shift=10", "score_shift=-512"),
            ("unit layers.0.mlp.route", "18q16", "18q15"),
            ("unit layers.0.mlp.mix", "active=1", "active=2"),
            ("unit layers.0.mlp.mix", "experts.0.down, layers.0.mlp.experts.1.down", "experts.1.down, layers.0.mlp.experts.0.down"),
            ("unit layers.0.mlp.mix", "input=32q16", "input=33q16"),
            ("unit layers.0.mlp.mix", "32q16\n", "32q16 expert=0\n"),
            ("unit layers.0.mlp.experts.1.act", " expert=1", ""),
            ("unit layers.0.mlp.experts.1.act", " expert=1", " expert=2"),
            ("unit layers.0.mlp.experts.1.act", " expert=1", " expert=0"),
            (
                "unit layers.0.mlp.experts.1.act",
                "activation=\"relu2\"",
                "activation.swiglu_clamped.gate_limit=1 activation.swiglu_clamped.up_limit=1",
            ),
            (
                "unit layers.0.mlp.feed",
                "layers.0.mlp.feed = row_feed [layers.0.mlp.norm, layers.0.mlp.route]",
                "second = route [layers.0.mlp.router] -> 2 x 18q16\n  active=1 experts=2 logits=24q12 of_all=false score_mantissa=46341 \
                 score_shift=10\nunit layers.0.mlp.feed = row_feed [layers.0.mlp.norm, second]",
            ),
            ("unit layers.0.mlp.feed", "waits=true", "waits=false"),
            ("unit layers.0.mlp.router_feed", "8q12", "8q12 expert=0"),
            ("unit layers.0.mlp.feed", "8q12", "8q12 expert=0"),
            ("unit layers.0.mlp.add", "32q16", "32q16 expert=0"),
        ],
    ),
];

/// The text with one change, the first place for it within the line that begins with `owner` and the indented ones after it.
fn changed(chip: &str, owner: &str, from: &str, to: &str) -> String {
    let begins = |line: &str| line.strip_prefix(owner).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let lines: Vec<&str> = chip.split_inclusive('\n').collect();
    let first = lines.iter().position(|l| begins(l.trim_end())).unwrap_or_else(|| panic!("{owner} begins no line"));
    let count = 1 + lines[first + 1..].iter().take_while(|l| l.starts_with("  ")).count();
    let part = lines[first..first + count].concat();
    // Fields may have been wrapped.
    let part = if part.contains(from) { part } else { part.replace("\n  ", " ") };
    assert!(part.contains(from), "{owner}: {from}");
    format!("{}{}{}", lines[..first].concat(), part.replacen(from, to, 1), lines[first + count..].concat())
}

#[test]
fn every_rule_speaks_for_itself() {
    let mut all = String::new();
    for (chip, changes) in CHANGES {
        Netlist::from_text(chip).unwrap().validate().unwrap();
        for (owner, from, to) in *changes {
            let netlist = Netlist::from_text(&changed(chip, owner, from, to)).unwrap_or_else(|e| panic!("{owner}: {to}: {e}"));
            let error = netlist.validate().err().unwrap_or_else(|| panic!("{owner}: {from} -> {to} passes"));
            writeln!(all, "{owner}: {} -> {}\n  {error}", from.escape_debug(), to.escape_debug()).unwrap();
        }
    }
    expect_file!["rules.txt"].assert_eq(&all);
}
