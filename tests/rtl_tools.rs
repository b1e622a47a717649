//! Emitted Verilog under outside tools: Verilator's lint, Icarus (elaborated and run), Yosys (read, checked, no latches), slang; the folder it
//! is written to, and what that folder's page says about using it.

mod common;

use common::rtl::{self, Draw, Small};
use expect_test::{expect, expect_file};
use hardwire_compiler::Options;
use hardwire_netlist::Chip;
use hardwire_rtl_gen::harness::Feed;
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use hardwire_sim::timing;
use std::path::Path;
use std::process::{Command, Output};

const SMALL: Small = Small { hidden: 16, ffn: 12, layers: 1, heads: 2, kv_heads: 1, head_dim: 4, vocab: 11, context: 9 };

fn small() -> (Chip, tempfile::TempDir, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(7), &dir.path().join("checkpoint"));
    let options =
        Options { lanes: Some(4), tile_rows: Some(8), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() };
    let (chip, guard) = common::chip(&checkpoint, &options);
    (chip, dir, guard)
}

fn run(dir: &Path, tool: &str, args: &[&str]) -> Output {
    Command::new(tool).current_dir(dir).args(args).output().unwrap()
}

fn text(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

#[test]
fn verilator_lint_is_clean() {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions::default()).unwrap();
    run_page(&out, "verilator --lint-only");
    for kind in ["embed", "rms_norm", "row_feed", "mvm", "rope", "attention", "gated_act", "add", "argmax"] {
        let unit = dir.path().join(kind);
        emit(&chip, &unit, &RtlOptions { unit_kind: Some(kind.into()), ..RtlOptions::default() }).unwrap();
        run_page(&unit, "verilator --lint-only");
    }
}

/// Runs the block of commands of the folder's page that holds `words`, as it stands there. Whatever a linter says is too much.
fn run_page(dir: &Path, words: &str) -> String {
    let page = std::fs::read_to_string(dir.join("README.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|b| b.split("```").next().unwrap());
    let block = blocks.into_iter().find(|b| b.contains(words)).unwrap_or_else(|| panic!("no {words} in {page}"));
    let done = run(dir, "bash", &["-ec", block]);
    assert!(done.status.success() && (done.stderr.is_empty() || !words.contains("lint")), "{block}{}", text(&done));
    text(&done)
}

/// Simulated as the page says, by both simulators; and with a ROM image gone, by both, the run ends with its name.
#[test]
fn the_page_simulates_and_a_missing_image_is_named() {
    if !rtl::has("verilator", "--version") || !rtl::has("iverilog", "-V") {
        return;
    }
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions::default()).unwrap();
    let tokens = |text: &str| text.lines().filter(|l| l.starts_with("token ")).map(str::to_owned).collect::<Vec<_>>();
    let (verilator, icarus) = (tokens(&run_page(&out, "verilator --cc")), tokens(&run_page(&out, "iverilog")));
    assert_eq!(verilator.len(), 2);
    assert_eq!(verilator, icarus);
    let image = "rom/layers.0.mlp.up_proj/k0n0.codes.hex";
    std::fs::remove_file(out.join(image)).unwrap();
    for (tool, args) in [("./obj_dir/Vhardwire_tb", &["+new=2"][..]), ("vvp", &["-n", "chip.vvp", "+new=2"])] {
        let run = run(&out, tool, args);
        let said = text(&run);
        assert!(!run.status.success() && said.contains(image) && !said.contains("token"), "{tool}: {said}");
    }
}

/// Names of modules that a text instantiates or declares: words of the three families.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|l| l.split("//").next().unwrap());
    code.flat_map(|l| l.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|w| ["hw_", "mvm_", "station_", "unit_", "hardwire_"].iter().any(|p| w.starts_with(p)))
}

/// No file without an instance under the top, none missing; and the lists name them all.
#[test]
fn what_is_written_is_what_is_instantiated() {
    let (chip, dir, _guard) = small();
    let unit = RtlOptions { unit_kind: Some("rope".into()), ..RtlOptions::default() };
    let layers = RtlOptions { layers: Some(0..1), ..RtlOptions::default() };
    let probe = RtlOptions { probe: true, ..RtlOptions::default() };
    let cases = [(RtlOptions::default(), "hardwire_chip"), (probe, "hardwire_chip"), (layers, "hardwire_layers"), (unit, "unit_rope")];
    for (i, (options, top)) in cases.into_iter().enumerate() {
        let out = dir.path().join(format!("rtl{i}"));
        emit(&chip, &out, &options).unwrap();
        let files: Vec<String> =
            std::fs::read_dir(out.join("rtl")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        let texts = files.iter().map(|f| (f.split('.').next().unwrap(), std::fs::read_to_string(out.join("rtl").join(f)).unwrap()));
        let texts: std::collections::BTreeMap<&str, String> = texts.collect();
        let (mut reached, mut open) = (std::collections::BTreeSet::new(), vec![top]);
        while let Some(name) = open.pop() {
            if let Some(text) = texts.get(name).filter(|_| reached.insert(name)) {
                open.extend(modules(text));
            }
        }
        assert!(reached.iter().eq(texts.keys()), "{top}: {reached:?}, written {:?}", texts.keys());
        let mut verilog: Vec<String> = files.iter().filter(|f| f.ends_with(".v")).map(|f| format!("rtl/{f}")).collect();
        verilog.sort();
        let list = std::fs::read_to_string(out.join("files.f")).unwrap();
        assert_eq!(list.lines().filter(|l| !l.starts_with('+')).collect::<Vec<_>>(), verilog);
        let constraints = std::fs::read_to_string(out.join("constraints.sdc")).unwrap();
        let ns = 1e3 / chip.structure.technology.clock_mhz.value;
        assert!(constraints.contains(&format!("expr {ns:.4} ")) && constraints.contains("[get_ports rst]"), "{constraints}");
    }
    assert!(!dir.path().join("rtl0/rtl/hw_route.v").exists(), "a chip without experts has no router");
}

/// One small unit's own module, a small chip's lists and constraints, and its page, as they are written.
#[test]
fn what_is_written_reads_well() {
    let (chip, dir, _guard) = small();
    let (unit, all) = (dir.path().join("add"), dir.path().join("rtl"));
    emit(&chip, &unit, &RtlOptions { unit_kind: Some("add".into()), ..RtlOptions::default() }).unwrap();
    emit(&chip, &all, &RtlOptions::default()).unwrap();
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    expect![[r#"
        // One add alone: layers.0.self_attn.add.
        module unit_add (
          input clk,
          input rst,
          input a_valid,
          input [128-1:0] a_data,
          input b_valid,
          input [128-1:0] b_data,
          input next_ready,
          output out_last,
          output out_valid,
          output [128-1:0] out_data,
          output ovf
        );
          // layers.0.self_attn.add: the station's result
          hw_add #(
            .V(4),
            .BITS(32),
            .LEN(16),
            .HOLD(1)
          ) layers_0_self_attn_add_i (
            .clk(clk),
            .rst(rst),
            .a_valid(a_valid),
            .a_data(a_data),
            .b_valid(b_valid),
            .b_data(b_data),
            .next_ready(next_ready),
            .out_last(out_last),
            .out_valid(out_valid),
            .out_data(out_data),
            .ovf(ovf)
          );
        endmodule
    "#]]
    .assert_eq(&read(unit.join("rtl/unit_add.v")));
    expect![[r#"
        +incdir+rtl
        rtl/hw_add.v
        rtl/hw_sram.v
        rtl/unit_add.v
    "#]]
    .assert_eq(&read(unit.join("files.f")));
    expect![[r#"
        # Timing constraints of hardwire_chip. Clock: 1000 MHz in N6, cited: HNLPU runs at 1 GHz in N5, ROMA at 500 MHz in N7.
        # Times are in the library's unit: set `ns` to 1000 before this file is read where that is the picosecond.
        if {![info exists ns]} { set ns 1.0 }
        set period [expr 1.0000 * $ns]
        create_clock -name clk -period $period [get_ports clk]

        # What drives and what reads the ports is not part of this chip: it has half of each cycle.
        set outside [expr $period / 2]
        # The reset is synchronous and active high: every flop that has one samples it at the clock, so it is timed as data.
        set_input_delay $outside -clock clk [get_ports rst]
        set_input_delay $outside -clock clk [get_ports {token_in_valid}]
        set_input_delay $outside -clock clk [get_ports {token_in_id}]
        set_input_delay $outside -clock clk [get_ports {token_in_user}]
        set_input_delay $outside -clock clk [get_ports {token_in_first}]
        set_input_delay $outside -clock clk [get_ports {token_in_want}]
        set_input_delay $outside -clock clk [get_ports {token_out_ready}]
        set_output_delay $outside -clock clk [get_ports {token_in_ready}]
        set_output_delay $outside -clock clk [get_ports {token_out_valid}]
        set_output_delay $outside -clock clk [get_ports {token_out_id}]
        set_output_delay $outside -clock clk [get_ports {token_out_logit}]
        set_output_delay $outside -clock clk [get_ports {token_out_user}]
        set_output_delay $outside -clock clk [get_ports {token_out_pos}]
        set_output_delay $outside -clock clk [get_ports {logits_valid}]
        set_output_delay $outside -clock clk [get_ports {logits_data}]
        set_output_delay $outside -clock clk [get_ports {top_valid}]
        set_output_delay $outside -clock clk [get_ports {top_rank}]
        set_output_delay $outside -clock clk [get_ports {top_id}]
        set_output_delay $outside -clock clk [get_ports {top_logit}]
        set_output_delay $outside -clock clk [get_ports {context_full}]
        set_output_delay $outside -clock clk [get_ports {bad_token}]
        set_output_delay $outside -clock clk [get_ports {overflow}]
    "#]]
    .assert_eq(&read(all.join("constraints.sdc")));
    expect_file!["snapshots/rtl_readme.md"].assert_eq(&read(all.join("README.md")));
}

/// Parameters that do not go together stop every tool, by the name of the complaint.
#[test]
fn parameters_that_do_not_go_together_stop_elaboration() {
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions { unit_kind: Some("rope".into()), ..RtlOptions::default() }).unwrap();
    let file = out.join("rtl/unit_rope.v");
    let right = std::fs::read_to_string(&file).unwrap();
    let tools: [(&str, &str, &[&str]); 3] = [
        ("verilator", "--version", &["--lint-only", "-Wno-lint", "-Wno-style", "-f", "files.f", "--top-module", "unit_rope"]),
        ("iverilog", "-V", &["-g2012", "-o", "unit.vvp", "-s", "unit_rope", "-c", "files.f"]),
        ("yosys", "-V", &["-q", "-p", "script files.ys; hierarchy -check -top unit_rope"]),
    ];
    for (rotated, complaint) in [("4", None), ("6", Some("hw_rope_rotates_no_more_than_a_head"))] {
        let text_of = right.replace(".ROTATED(4)", &format!(".ROTATED({rotated})"));
        assert_eq!(text_of == right, complaint.is_none());
        std::fs::write(&file, text_of).unwrap();
        for (tool, flag, args) in tools.iter().filter(|t| rtl::has(t.0, t.1)) {
            let done = run(&out, tool, args);
            match complaint {
                None => assert!(done.status.success(), "{tool} {flag}: {}", text(&done)),
                Some(name) => assert!(!done.status.success() && text(&done).contains(name), "{tool}: {}", text(&done)),
            }
        }
    }
}

/// slang is the strictest reader of the language: no use before a declaration, no width that cannot be.
#[test]
fn slang_finds_no_error() {
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions { probe: true, ..RtlOptions::default() }).unwrap();
    let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = "import sys\ntry:\n  import pyslang\nexcept ImportError:\n  sys.exit(77)\nd = pyslang.driver.Driver()\nd.addStandardArgs()\n\
                  ok = d.parseCommandLine('slang -Wnone -DHW_PROBE -f files.f tb/hardwire_tb.v --top hardwire_tb') and d.processOptions() and \
                  d.parseAllSources()\nc = d.createCompilation()\nd.reportCompilation(c, True)\nsys.exit(not (ok and d.reportDiagnostics(True)))";
    let done = run(&out, &python, &["-c", script]);
    if done.status.code() == Some(77) {
        eprintln!("skipped: PyPI pyslang is not installed for {python}");
        return;
    }
    assert!(done.status.success(), "{}", text(&done));
}

#[test]
fn icarus_runs_the_same_chip() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions { probe: true, ..RtlOptions::default() }).unwrap();
    let trace = rtl::run_icarus(&out, &Feed::prompt(0, &[1, 4, 0]), 2, true);
    rtl::compare(&chip, &trace, &[vec![1, 4, 0]], 2);
    let cycles: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
    assert_eq!(cycles, timing::generate(chip.netlist(), 3, 2));
}

#[test]
fn yosys_finds_no_fault_and_no_latch() {
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions::default()).unwrap();
    let script = "script files.ys; hierarchy -check -top hardwire_chip; proc; check -assert; \
                  select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$_DLATCH_*_";
    // Debian's Yosys, and the current one that PyPI's pyosys brings.
    let mut ran = false;
    if rtl::has("yosys", "-V") {
        let done = run(&out, "yosys", &["-q", "-p", script]);
        assert!(done.status.success(), "{}", text(&done));
        ran = true;
    }
    let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
    let with = format!(
        "import sys\ntry:\n  from pyosys import libyosys as ys\nexcept ImportError:\n  sys.exit(77)\nd=ys.Design()\n\
         for c in {script:?}.split('; '): ys.run_pass(c.strip(), d)"
    );
    let done = run(&out, &python, &["-c", &with]);
    match done.status.code() {
        Some(77) => eprintln!("skipped: PyPI pyosys is not installed for {python}"),
        _ => {
            assert!(done.status.success(), "{}", text(&done));
            ran = true;
        }
    }
    if !ran {
        eprintln!("skipped: no Yosys");
    }
}

#[test]
fn same_bytes_and_no_strangers_replaced() {
    let (chip, dir, _guard) = small();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let first = emit(&chip, &a, &RtlOptions::default()).unwrap();
    assert_eq!(first, emit(&chip, &b, &RtlOptions::default()).unwrap());
    assert_eq!(digest(&a), digest(&b));
    // Once more over itself.
    emit(&chip, &a, &RtlOptions::default()).unwrap();
    assert_eq!(digest(&a), digest(&b));

    let strange = dir.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("thesis.tex"), "dear").unwrap();
    let error = emit(&chip, &strange, &RtlOptions::default()).unwrap_err().to_string();
    assert!(error.contains("strange") && error.contains("another output folder"), "{error}");
    assert_eq!(std::fs::read_to_string(strange.join("thesis.tex")).unwrap(), "dear");

    let error = emit(&chip, &dir.path().join("c"), &RtlOptions { unit_kind: Some("flux".into()), ..RtlOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("flux") && error.to_string().contains("rms_norm"), "{error}");
    let error = emit(&chip, &dir.path().join("c"), &RtlOptions { layers: Some(1..3), ..RtlOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("layers 0..1"), "{error}");
    assert!(!dir.path().join("c").exists());
}

/// Every file's name and bytes, sorted.
fn digest(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(d) = open.pop() {
        for e in std::fs::read_dir(d).unwrap() {
            let path = e.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.push((path.strip_prefix(dir).unwrap().display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}
