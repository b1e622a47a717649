//! One decoder layer of SmolLM2-135M at its real size in Verilator: every value of every unit for three positions.

mod common;

use common::rtl;
use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_rtl_gen::harness::{RunOptions, run_layers};
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use hardwire_sim::reference::Reference;
use hardwire_sim::timing;
use std::collections::HashMap;

#[test]
fn a_layer_of_smollm2() {
    let Some(path) = common::smollm2() else { return };
    if !rtl::has("verilator", "--version") {
        return;
    }
    let (chip, guard) = common::chip(&Checkpoint::open(&path).unwrap(), &Options { context: Some(64), ..Options::default() });
    let netlist = chip.netlist();
    let inside = |station: u32| netlist.stations[station as usize].layer == Some(0);
    let out = guard.path().join("rtl");
    emit(&chip, &out, &RtlOptions { layers: Some(0..1), probe: true, ..RtlOptions::default() }).unwrap();

    // The residual into layer 0 is the embedding's, as the reference has it; so is every value inside.
    let reference = Reference::new(&chip);
    let mut state = reference.start();
    let mut beats = String::new();
    let mut expected: Vec<(String, u32, Vec<i32>)> = Vec::new();
    for (pos, token) in [9906u32, 11, 856].into_iter().enumerate() {
        reference
            .step_probed(&mut state, 0, token, &mut |id, values| {
                let unit = netlist.unit(id);
                if unit.station == 0 {
                    for beat in values.chunks(netlist.lanes as usize) {
                        let words: String = beat.iter().rev().map(|v| format!("{v:08x}")).collect();
                        beats.push_str(&format!("{words}\n"));
                    }
                } else if inside(unit.station) {
                    expected.push((unit.path.clone(), pos as u32, values.to_vec()));
                }
            })
            .unwrap();
    }
    let trace = run_layers(&out, &beats, 3, &RunOptions { probe: true, ..RunOptions::default() }).unwrap();
    let got: HashMap<(&str, u32, u32), i32> = trace.probes.iter().map(|p| ((p.unit.as_str(), p.pos, p.index), p.value)).collect();
    for (path, pos, values) in &expected {
        for (i, v) in values.iter().enumerate() {
            assert_eq!(got.get(&(path.as_str(), *pos, i as u32)), Some(v), "{path}[{i}], token {pos}");
        }
    }
    for (pos, token) in trace.tokens.iter().enumerate() {
        let stations = (0..netlist.stations.len() as u32).filter(|&s| s == 0 || inside(s));
        let cycles: u64 = stations.map(|s| timing::station(netlist, s, pos as u32).latency_cycles).sum();
        assert_eq!(token.cycle, cycles, "token {pos}");
    }
    assert_eq!(trace.tokens.len(), 3);
}
