//! `hardwire verify` as typed: what it compares, the waveforms it records, what it refuses.

mod cli;
mod common;

use cli::hardwire;
use common::rtl;
use serde_json::Value;

/// A tiny chip that builds in seconds.
const SMALL: [&str; 14] =
    ["verify", "-q", "--ids", "1,40", "-n", "2", "--context", "8", "--lanes", "4", "--tile-rows", "32", "--tile-cols", "16"];

#[test]
fn verify_compares_the_top_port_and_records_waveforms() {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (fst, vcd) = (dir.path().join("run.fst"), dir.path().join("run.vcd"));
    let run = hardwire(&[&SMALL[..], &["--json", "--trace", fst.to_str().unwrap()]].concat(), &[&common::golden_folder("llama")]);
    assert!(run.ok(), "{run:?}");
    let outcome: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(outcome["agrees"], true);
    for line in outcome["lines"].as_array().unwrap() {
        let (verilog, simulator) = (&line["top_verilog"], &line["top_simulator"]);
        let verilog_top = verilog.as_array().unwrap();
        assert!(verilog_top.len() == 4 && verilog == simulator, "{line}");
        // The first is the token that comes out, a cycle later.
        assert_eq!([&verilog_top[0][0], &verilog_top[0][1]], [&line["verilog"][0], &line["verilog"][1]]);
        assert_eq!(verilog_top[0][2].as_u64(), line["cycles_verilog"].as_u64().map(|c| c + 1));
        assert!(verilog_top.windows(2).all(|w| w[0][1].as_i64() >= w[1][1].as_i64()), "{line}");
    }
    // A header of 329 bytes; the first scope's name, where compression has nothing to refer to yet.
    let bytes = std::fs::read(&fst).unwrap();
    assert!(bytes.len() > 2000 && bytes[0] == 0 && bytes[1..9] == 329u64.to_be_bytes(), "{} bytes, {:?}", bytes.len(), &bytes[..16]);
    assert!(bytes.windows(11).any(|w| w == b"hardwire_tb"));

    let run = hardwire(&[&SMALL[..], &["--trace", vcd.to_str().unwrap()]].concat(), &[&common::golden_folder("llama")]);
    assert!(run.ok() && run.stdout.contains("all agree: token, greatest logits and their cycles"), "{run:?}");
    let text = std::fs::read_to_string(&vcd).unwrap();
    for part in ["$scope module chip $end", " token_out_valid $end", " top_logit ", "$enddefinitions"] {
        assert!(text.contains(part), "{part}");
    }
    let changes = text.split_once("$enddefinitions").unwrap().1;
    assert!(changes.lines().filter(|l| l.starts_with('#')).count() > 1000);
    assert!(bytes.len() < text.len(), "FST {} bytes, VCD {}", bytes.len(), text.len());
    assert_eq!(cli::names(dir.path()), ["run.fst", "run.vcd"]);
}

#[test]
fn other_waveforms_and_places_are_refused_before_anything_is_built() {
    for name in ["run.lxt2", "run"] {
        hardwire(&[&SMALL[..], &["--trace", name]].concat(), &[&common::golden_folder("llama")]).refuses(&["trace", name, ".vcd or .fst"]);
    }
}
