//! A matrix on an iCEBreaker, without the board: to a bitstream with open tools, and the bytes of its serial line from the Verilog, from the netlist of
//! the family's cells, and from what is read back out of the routed bitstream, all those of a product in plain integers.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_fpga::shuttle::{self, Frame};
use hardwire_fpga::{Board, build, choose, files};
use hardwire_netlist::{Chip, UnitKind};
use hardwire_rtl_gen::{Options as RtlOptions, emit, matrix};
use std::path::Path;
use std::process::Command;

const SMALL: Small = Small { hidden: 8, ffn: 8, layers: 1, heads: 1, kv_heads: 1, head_dim: 4, vocab: 11, context: 4 };
const PATH: &str = "layers.0.self_attn.q_proj";

/// The outputs of `inputs`, as `docs/numerics.md`, section 6, has them, one group of inputs that come with the exponent `h`.
fn product(chip: &Chip, h: u32, inputs: &[i64]) -> Vec<i64> {
    let unit = chip.netlist().unit(chip.netlist().find(PATH).unwrap());
    let UnitKind::Mvm(s) = &unit.kind else { panic!("{PATH}") };
    let (m, weights) = (&s.matrix, chip.programs.matrix(s.matrix.program));
    assert_eq!((m.groups(), m.offset_bits, m.bias), (1, 0, false));
    let most = 1i64 << (unit.out.bits - 1);
    (0..m.outputs)
        .map(|n| {
            let sum: i64 = inputs.iter().enumerate().map(|(k, a)| a * i64::from(m.codebook[usize::from(weights.code(n, k as u32))])).sum();
            let (z, shift) = (sum * i64::from(weights.scale(n, 0)), i64::from(weights.shift(n)) - i64::from(h));
            let y = if shift > 0 { (z + (1 << (shift - 1))) >> shift } else { z << -shift };
            y.clamp(-most, most - 1)
        })
        .collect()
}

/// Runs the testbench on `sources`, and gives the outputs that come back.
fn outputs(folder: &Path, sources: &[&str], told: &matrix::Matrix, inputs: &[i64]) -> Vec<i64> {
    let mask = |n: i64| (n & 0xff) as u8;
    let bytes = inputs.iter().flat_map(|&a| (0..told.in_bytes).map(move |b| format!("{:02x}\n", mask(a >> (8 * b)))));
    std::fs::write(folder.join("host.txt"), bytes.collect::<String>()).unwrap();
    let done =
        Command::new("iverilog").current_dir(folder).args(["-g2012", "-s", "board_tb", "-o", "board.vvp"]).args(sources).output().unwrap();
    assert!(done.status.success(), "{sources:?}: {}", String::from_utf8_lossy(&done.stderr));
    let count = told.sent * told.out_bytes;
    let done = Command::new("vvp").current_dir(folder).args(["-n", "board.vvp", &format!("+answers={count}")]).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let bytes: Vec<i64> = text.lines().filter_map(|l| i64::from_str_radix(l.strip_prefix("byte ")?, 16).ok()).collect();
    assert_eq!(bytes.len(), count as usize, "{sources:?}: {text}");
    let signed = |b: &[i64]| {
        let n = b.iter().rev().fold(0, |n, &b| n << 8 | b);
        let sign = 1i64 << (8 * b.len() - 1);
        (n ^ sign) - sign
    };
    bytes.chunks(told.out_bytes as usize).map(signed).collect()
}

/// What a host sends to Tiny Tapeout's pins, under cocotb: the reference's outputs come back.
#[test]
fn a_shuttles_project_passes_its_own_test() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(8), &dir.path().join("checkpoint"));
    let (chip, _guard) = common::chip(&checkpoint, &alone());
    let out = dir.path().join("project");
    let project = shuttle::write(&chip, PATH, Frame::TinyTapeout, &out, dir.path()).unwrap();
    let tiles = project.tiles.unwrap();
    assert!(project.parameters == 32 && project.utilisation <= 0.6, "{project:?}");
    assert!(std::fs::read_to_string(out.join("info.yaml")).unwrap().contains(&format!("tiles: \"{tiles}\"")));
    // What was written may be replaced, and nothing else.
    shuttle::write(&chip, PATH, Frame::LibreLane, &out, &dir.path().join("again")).unwrap();
    assert!(out.join("config.json").exists() && !out.join("info.yaml").exists());
    let large = Small { hidden: 256, ffn: 64, heads: 16, head_dim: 16, ..SMALL };
    let checkpoint = rtl::checkpoint(&large, &mut Draw(9), &dir.path().join("large"));
    let (chip, _guard) = common::chip(&checkpoint, &Options { tile_rows: Some(256), group: Some(32), ..alone() });
    let error = shuttle::write(&chip, PATH, Frame::TinyTapeout, &dir.path().join("none"), &dir.path().join("scratch")).unwrap_err();
    assert!(error.to_string().contains("16 at most"), "{error}");

    let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
    let tools = Path::new(&python).parent().unwrap().to_path_buf();
    if !rtl::has("iverilog", "-V") || !tools.join("cocotb-config").exists() {
        eprintln!("skipped: PyPI cocotb or Icarus is not installed");
        return;
    }
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let done = Command::new("make").current_dir(out.join("test")).env("PATH", path).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let results = std::fs::read_to_string(out.join("test/results.xml")).unwrap_or_default();
    assert!(done.status.success() && results.contains("outputs_are_the_references") && !results.contains("<failure"), "{said}");
}

fn alone() -> Options {
    Options {
        lanes: Some(2),
        tile_rows: Some(8),
        group: Some(8),
        act_bits: Some(6),
        bits: Some(2),
        pos_lanes: Some(1),
        ..Options::default()
    }
}

#[test]
fn a_matrix_reaches_a_bitstream_that_multiplies() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(8), &dir.path().join("checkpoint"));
    let (chip, _guard) = common::chip(&checkpoint, &alone());
    let mut board = Board::open("icebreaker").unwrap();
    // What is read back out of a bitstream has no multipliers.
    board.dsps = 0;
    let folder = dir.path().join("board");
    let clock = choose::clock(&board, None).unwrap();
    emit(&chip, &folder, &RtlOptions { matrix: Some(PATH.into()), board: Some(files::board(&board, &clock)), ..RtlOptions::default() })
        .unwrap();
    let told = matrix::find(&chip, PATH).unwrap();
    let inputs = [31, -32, 7, 0, -1, 30, -17, 5];
    let expected = product(&chip, told.h, &inputs);
    assert!(expected.iter().any(|y| *y > 0) && expected.iter().any(|y| *y < 0), "{expected:?}");
    assert_eq!(outputs(&folder, &["-c", "files.f", "tb/board_tb.v"], &told, &inputs), expected, "Verilog");

    let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
    let share = Command::new(&python).args(["-c", "import pyosys, os; print(os.path.dirname(pyosys.__file__))"]).output();
    let share = share.ok().filter(|o| o.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    let (Some(share), true, true) = (share, rtl::has("nextpnr-ice40", "--version"), rtl::has("icebox_vlog", "-h")) else {
        eprintln!("skipped: PyPI pyosys, or Debian's nextpnr-ice40 and fpga-icestorm, are not installed");
        return;
    };
    let done = Command::new("make").current_dir(&folder).arg(format!("PYTHON={python}")).output().unwrap();
    assert!(done.status.success(), "{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let cells = format!("{share}/share/ice40/cells_sim.v");
    assert_eq!(
        outputs(&folder, &["-DNO_ICE40_DEFAULT_ASSIGNMENTS", "build/board.v", &cells, "tb/board_tb.v"], &told, &inputs),
        expected,
        "synthesised"
    );

    let built = build::read(&folder).unwrap();
    assert!(built.mhz.unwrap() >= clock.mhz, "{:?} MHz", built.mhz);
    assert!(built.bitstream.is_some_and(|b| b.ends_with("board.bin")));
    let (used, routed) = (built.used.unwrap(), built.utilization.iter().find(|u| u.0 == "ICESTORM_LC").unwrap().1 as f64);
    assert!(used.luts <= routed && routed <= 5280.0, "{used:?}, {routed}");
    let read = Command::new("icebox_vlog")
        .current_dir(&folder)
        .args(["-n", "hardwire_board", "-p", "board.pcf", "build/board.asc"])
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    std::fs::write(folder.join("routed.v"), &read.stdout).unwrap();
    assert_eq!(outputs(&folder, &["routed.v", "tb/board_tb.v"], &told, &inputs), expected, "routed");
}
