//! `hardwire adders` as built: exact Verilog, figures that agree, refusals that say what and where.

mod cli;
#[allow(dead_code, reason = "of the helpers only whether a tool is there")]
#[path = "common/rtl.rs"]
mod rtl;

use cli::*;
use serde_json::Value;
use std::fs;
use std::process::Command;

/// A matrix of whole numbers below `most` either side of zero, as CSV.
fn csv(inputs: u64, outputs: u64, most: u64) -> String {
    let mut draw = rtl::Draw(inputs * 1000 + most);
    let mut row =
        || (0..outputs).map(|_| (draw.next() % (2 * most + 1)) as i64 - most as i64).map(|v| v.to_string()).collect::<Vec<_>>().join(",");
    (0..inputs).map(|_| row() + "\n").collect()
}

#[test]
fn verilog_gives_the_integer_products() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Bits of a weight, of an input, adders a stage, depth above the least.
    for (n, (most, bits, stage, depth)) in
        [(128, 8, 1, None), (8, 4, 2, Some("0")), (1, 12, 3, Some("1")), (1, 1, 1, None)].into_iter().enumerate()
    {
        let (matrix, out) = (dir.path().join(format!("{n}.csv")), dir.path().join(format!("rtl{n}")));
        fs::write(&matrix, csv(13, 9, most)).unwrap();
        let (bits, stage) = (bits.to_string(), stage.to_string());
        let mut args = vec!["adders", "--json", "--bits", &bits, "--stage", &stage];
        args.extend(depth.map(|d| ["--depth-above", d]).into_iter().flatten());
        args.push("--verilog");
        let run = hardwire(&args, &[&out, &matrix]);
        assert!(run.ok(), "{run:?}");
        let told: Value = serde_json::from_str(&run.stdout).unwrap();
        let text = fs::read_to_string(out.join("rtl/adders.v")).unwrap();
        // The census of what was emitted: a line with one adder or subtractor each.
        let sums =
            text.lines().filter(|l| l.trim_start().starts_with("wire signed") && (l.contains("} + {") || l.contains("} - {"))).count();
        assert_eq!(told["adders"], sums);
        assert_eq!(told["cost"], told["adders"]);
        assert!(told["depth"].as_u64().unwrap() <= told["least_depth"].as_u64().unwrap() + depth.map_or(64, |d| d.parse().unwrap()));
        let tool = |name: &str, args: &[&str]| {
            let run = Command::new(name).args(args).current_dir(&out).output().unwrap();
            assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
            String::from_utf8_lossy(&run.stdout).into_owned()
        };
        tool("iverilog", &["-g2012", "-Wall", "-o", "sim", "rtl/adders.v", "tb/tb.v"]);
        let said = tool("vvp", &["sim"]);
        assert!(said.contains("PASS: 256 vectors, 0 wrong"), "{said}");
    }
}

#[test]
fn the_same_matrix_gives_the_same_bytes_and_a_transposed_file_the_same_figures() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.json"), dir.path().join("b.csv"));
    fs::write(&a, "[[1,7,-3],[5,0,2]]").unwrap();
    fs::write(&b, "1,5\n7,0\n-3,2\n").unwrap();
    let runs = [("1", "one"), ("2", "two")].map(|(threads, out)| {
        let out = dir.path().join(out);
        assert!(hardwire(&["adders", "-q", "--threads", threads, "--verilog"], &[&out, &a]).ok());
        ["rtl", "tb"].map(|part| folder(&out.join(part)))
    });
    assert_eq!(runs[0], runs[1]);
    let straight = hardwire(&["adders", "-q"], &[&a]);
    let transposed = hardwire(&["adders", "-q", "--transpose"], &[&b]);
    assert!(straight.ok() && straight.stdout.contains("da4ml's cost"), "{straight:?}");
    assert_eq!(straight.stdout, transposed.stdout);
}

#[test]
fn what_is_no_matrix_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refuses = |name: &str, text: &str, args: &[&str], parts: &[&str]| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        hardwire(&[&["adders"], args].concat(), &[&path]).refuses(&[&[name], parts].concat());
    };
    refuses("m.csv", "1,2\n3,x\n", &[], &["line 2, value 2", "whole number"]);
    refuses("m.csv", "1,2\n3\n", &[], &["row 2"]);
    refuses("m.json", "{}", &[], &["array of rows"]);
    refuses("m.npy", "no", &[], &["magic"]);
    refuses("m.txt", "1,2", &[], &[".npy, .csv or .json"]);
    refuses("m.csv", "85\n85\n", &["--depth", "2"], &["depth 2", "3 adders in a row"]);
    hardwire(&["adders"], &[&dir.path().join("none.csv")]).refuses(&["none.csv"]);
}
