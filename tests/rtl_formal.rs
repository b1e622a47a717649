//! Proofs by induction, with Yosys: nothing is lost or doubled where tokens come into the chip and where a station hands a vector on. Each
//! proof fails when the Verilog is broken.

mod common;

use common::rtl;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A harness of `rtl-gen/formal`, the library's files under it, registers it looks at (its own name for each is `dut_` and the register's),
/// and other nets.
struct Proof {
    harness: &'static str,
    files: &'static [&'static str],
    registers: &'static [&'static str],
    nets: &'static [(&'static str, &'static str)],
}

const HANDOVER: Proof = Proof {
    harness: "handover",
    files: &["hw_add.v", "hw_sram.v"],
    registers: &["put_q", "read_q", "back_q", "beat_q", "branch_valid_q", "sum_valid_q", "played_q", "playing_q", "full_q"],
    nets: &[("kept0", "dut.store.mem[0]"), ("kept1", "dut.store.mem[1]")],
};
const INTAKE: Proof = Proof { harness: "intake", files: &["hw_intake.v"], registers: &["next_pos_q"], nets: &[] };

/// Whether Yosys proves it, with `broken` put for `line` in the first file.
fn proven(proof: &Proof, (line, broken): (&str, &str)) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl-gen");
    for header in ["hw_check.vh", "hw_layers.vh", "hw_round.vh"] {
        fs::copy(home.join("templates/lib").join(header), dir.path().join(header)).unwrap();
    }
    let name = format!("{}.v", proof.harness);
    fs::copy(home.join("formal").join(&name), dir.path().join(&name)).unwrap();
    let mut script = format!("read_verilog -sv -formal -I. {name}");
    for (i, file) in proof.files.iter().enumerate() {
        let whole = fs::read_to_string(home.join("templates/lib").join(file)).unwrap();
        let text = if i == 0 { whole.replacen(line, broken, 1) } else { whole.clone() };
        assert_eq!(i == 0 && line != broken, text != whole, "{file}: {line}");
        fs::write(dir.path().join(file), text).unwrap();
        script += &format!(" {file}");
    }
    script += &format!("\nhierarchy -check -top {0}\nproc\nflatten\nmemory_map\ncd {0}\n", proof.harness);
    for register in proof.registers {
        script += &format!("connect -set dut_{register} dut.{register}\n");
    }
    for (name, net) in proof.nets {
        script += &format!("connect -set {name} \\{net}\n");
    }
    script += "cd ..\nopt -fast\nasync2sync\nsat -seq 1 -prove-asserts -tempinduct -maxsteps 20\n";
    fs::write(dir.path().join("proof.ys"), script).unwrap();
    let done = Command::new("yosys").current_dir(&dir).args(["-s", "proof.ys"]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("induction proof finished") | said.contains("Induction step proven"), "{said}");
    said.contains("Induction step proven: SUCCESS!")
}

/// It is proven, and with any of `broken` it is not.
fn holds(proof: &Proof, broken: &[(&str, &str)]) {
    if !rtl::has("yosys", "-V") {
        return;
    }
    assert!(proven(proof, ("", "")));
    for &broken in broken {
        assert!(!proven(proof, broken), "{broken:?}");
    }
}

#[test]
fn a_station_hands_each_vector_on_once() {
    holds(
        &HANDOVER,
        &[
            ("kept_q <= !straight;", "kept_q <= 0;"),
            ("if (back_q == BEATS - 1) full_q <= 1;", "if (back_q == 0) full_q <= 1;"),
            ("`HW_CLAMP(clamp, BITS + 1, BITS)", "`HW_CLAMP(clamp, BITS, BITS)"),
            ("if (playing_q && read_q == BEATS - 1) playing_q <= 0;", ""),
        ],
    );
}

#[test]
fn the_intake_counts_positions_and_drops_what_it_must() {
    holds(
        &INTAKE,
        &[
            ("{1'b0, id} < VOCAB", "{1'b0, id} <= VOCAB"),
            ("pos = first ? 0 :", "pos ="),
            ("bad_token_d = bad_token_q ||", "bad_token_d ="),
            ("(taken && pos >= CONTEXT)", "(taken && pos > CONTEXT)"),
        ],
    );
}
