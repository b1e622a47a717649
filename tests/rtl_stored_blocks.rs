//! A chip with every block type of GGUF side by side, as stored: reference, engine and Verilog compute alike on every value, in the cycles
//! that the timing model says. (`compiler/tests/stored_blocks.rs` holds its weights against PyPI gguf's.)

mod common;

use common::rtl;
use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_sim::timing;
use std::path::Path;

#[test]
fn block_types_compute_alike_in_reference_engine_and_verilog() {
    let checkpoint = Checkpoint::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tests/data/stored.gguf")).unwrap();
    let options =
        Options { context: Some(8), lanes: Some(16), tile_rows: Some(64), tile_cols: Some(32), pos_lanes: Some(2), ..Options::default() };
    let (chip, guard) = common::chip(&checkpoint, &options);
    let (prompt, new) = (vec![1u32, 40, 7, 63], 4);
    common::same_everywhere(&chip, &prompt);
    if !rtl::has("verilator", "--version") {
        return;
    }
    let trace = rtl::run(&chip, &guard.path().join("rtl"), std::slice::from_ref(&prompt), new, true);
    rtl::compare(&chip, &trace, std::slice::from_ref(&prompt), new);
    let cycles: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
    assert_eq!(cycles, timing::generate(chip.netlist(), prompt.len() as u32, new));
}
