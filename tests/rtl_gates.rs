//! Gate level: a chip with a unit of each kind, synthesised by Yosys to gates and flip-flops and simulated in four states beside memories that
//! stay as they are (a foundry's macros take their place), gives the tokens of the Verilog it came from, in the same cycles.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_rtl_gen::harness::{Feed, RunOptions};
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use std::fs;
use std::process::Command;

const SMALL: Small = Small { hidden: 8, ffn: 8, layers: 1, heads: 2, kv_heads: 1, head_dim: 4, vocab: 11, context: 4 };

#[test]
#[ignore = "three minutes of CPU: cargo test --test rtl_gates -- --ignored"]
fn the_netlist_of_gates_gives_the_same_tokens() {
    if !rtl::has("yosys", "-V") || !rtl::has("iverilog", "-V") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(8), &dir.path().join("checkpoint"));
    let options =
        Options { lanes: Some(2), tile_rows: Some(8), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() };
    let (chip, _guard) = common::chip(&checkpoint, &options);
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions::default()).unwrap();
    let (feeds, run) = (Feed::prompt(0, &[1, 5]), RunOptions::default());
    let whole = rtl::icarus(&out, &feeds, 1, &run).unwrap();

    // Memories are black boxes to Yosys: of their text it reads the ports.
    let mut script = fs::read_to_string(out.join("files.ys")).unwrap();
    for memory in ["rtl/hw_rom.v", "rtl/hw_sram.v"] {
        let text = fs::read_to_string(out.join(memory)).unwrap();
        let ports = &text[text.find("\nmodule ").unwrap()..text.find("\n);\n").unwrap()];
        let name = memory.replace("rtl/", "box_");
        fs::write(out.join(&name), format!("(* blackbox *){ports}\n);\nendmodule\n")).unwrap();
        script = script.replace(&format!("-Irtl {memory}"), &format!("-Irtl {name}"));
    }
    script.push_str("hierarchy -check -top hardwire_chip\nproc\nopt -fast\nmemory\nalumacc\ntechmap\nsimplemap\nopt_clean\n");
    script.push_str("write_verilog -noattr gates.v\n");
    fs::write(out.join("gates.ys"), script).unwrap();
    let done = Command::new("yosys").current_dir(&out).args(["-q", "-s", "gates.ys"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let netlist = fs::read_to_string(out.join("gates.v")).unwrap();
    assert!(!netlist.contains(" * ") && !netlist.contains(" + "), "arithmetic is left");
    fs::write(out.join("files.f"), "+incdir+rtl\ngates.v\nrtl/hw_rom.v\nrtl/hw_sram.v\n").unwrap();
    let gates = rtl::icarus(&out, &feeds, 1, &run).unwrap();
    assert_eq!((gates.tokens, gates.tops), (whole.tokens, whole.tops));
}
