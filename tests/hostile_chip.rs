//! Chips that lie. Every field of a real chip's structure is changed in many ways and the digests made to fit: such a chip is
//! refused with an error, or it runs, on both simulators alike, through timing, energy and census; never a panic, never a hang.

mod common;

use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_netlist::{Chip, census};
use hardwire_sim::engine::Engine;
use hardwire_sim::reference::Reference;
use hardwire_sim::{energy, timing};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// Changes tried, at most.
const MOST: usize = 2600;
/// Of one changed chip, opened and run unoptimised on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A compiled chip whose folder is copied and changed.
struct Original {
    chip: Chip,
    structure: Value,
    _guard: tempfile::TempDir,
}

impl Original {
    fn new() -> Self {
        let options = Options { context: Some(8), users: Some(2), ..Options::default() };
        let (chip, guard) = common::chip(&Checkpoint::bundled(), &options);
        let structure = serde_json::from_slice(&fs::read(chip.folder.join("chip.json")).unwrap()).unwrap();
        Original { chip, structure, _guard: guard }
    }

    /// A folder with `structure` and `program` (or the original one), and digests that fit.
    fn forge(&self, folder: &Path, structure: &Value, program: Option<&[u8]>) {
        let from = &self.chip.folder;
        let mut manifest: Value = serde_json::from_slice(&fs::read(from.join("manifest.json")).unwrap()).unwrap();
        let text = serde_json::to_vec(structure).unwrap();
        manifest["files"]["chip.json"] = json!(blake3::hash(&text).to_hex().to_string());
        fs::write(folder.join("chip.json"), text).unwrap();
        match program {
            Some(bytes) => {
                manifest["files"]["program.bin"] = json!(blake3::hash(bytes).to_hex().to_string());
                fs::write(folder.join("program.bin"), bytes).unwrap();
            }
            None => fs::hard_link(from.join("program.bin"), folder.join("program.bin")).unwrap(),
        }
        fs::copy(from.join("tokenizer.json"), folder.join("tokenizer.json")).unwrap();
        fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    }

    /// The error of the chip with the value at `pointer` replaced; `None` if it opens.
    fn refusal(&self, pointer: &str, value: Value) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let mut structure = self.structure.clone();
        *structure.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is in the chip")) = value;
        self.forge(dir.path(), &structure, None);
        Chip::open(dir.path()).err().map(|e| e.to_string())
    }

    /// Pointer of the first unit of a kind.
    fn unit(&self, kind: &str) -> String {
        let nodes = self.structure.pointer("/netlist/graph/nodes").and_then(Value::as_array).unwrap();
        let at = nodes.iter().position(|n| n["kind"]["kind"] == kind).unwrap();
        format!("/netlist/graph/nodes/{at}")
    }
}

/// Opens and uses a chip as every consumer does. `Ok(true)` if it opened.
fn use_chip(folder: &Path) -> Result<bool, String> {
    let chip = match Chip::open(folder) {
        Ok(chip) => chip,
        Err(e) => {
            let message = e.to_string();
            return if message.contains('\n') { Err(format!("two lines of error: {message}")) } else { Ok(false) };
        }
    };
    let netlist = chip.netlist();
    let (engine, reference) = (Engine::new(&chip), Reference::new(&chip));
    let (mut a, mut b) = (engine.start(), reference.start());
    for token in [5, 1] {
        let fast = engine.step(&mut a, 0, token.min(chip.model().vocab - 1)).map_err(|e| e.to_string());
        let slow = reference.step(&mut b, 0, token.min(chip.model().vocab - 1)).map_err(|e| e.to_string());
        if fast != slow || a.saturations != b.saturations {
            return Err("engine and reference differ".into());
        }
    }
    census::total(netlist);
    timing::token(netlist, chip.model().context - 1);
    timing::first_token_cycles(netlist, chip.model().context);
    timing::aggregate_interval(netlist, chip.model().context, 3);
    energy::token(chip.netlist(), &chip.structure.technology, 0);
    Ok(true)
}

/// Pointers of all values of `v`, each under its class: the pointer with indices left out and units named by kind.
fn walk(v: &Value, pointer: String, class: String, out: &mut BTreeMap<String, Vec<String>>) {
    out.entry(class.clone()).or_default().push(pointer.clone());
    match v {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let kind = item.pointer("/kind/kind").and_then(Value::as_str).unwrap_or("*");
                walk(item, format!("{pointer}/{i}"), format!("{class}/{kind}"), out);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                walk(item, format!("{pointer}/{key}"), format!("{class}/{key}"), out);
            }
        }
        _ => {}
    }
}

/// What a value can be changed into.
fn changes(v: &Value) -> Vec<Value> {
    match v {
        Value::Number(n) => {
            let mut out = vec![json!(0), json!(1), json!(-1), json!(255), json!(u32::MAX), json!(i64::MAX), json!(i64::MIN), json!(1e300)];
            if let Some(i) = n.as_i64() {
                out.extend([json!(i.wrapping_add(1)), json!(i.wrapping_sub(1)), json!(i.wrapping_mul(2)), json!(i.wrapping_neg())]);
            }
            out
        }
        Value::String(_) => vec![json!(""), json!("../a b\n<x>"), json!("add"), json!("x".repeat(5000)), Value::Null],
        Value::Bool(b) => vec![json!(!b)],
        Value::Null => vec![json!(0), json!(1), json!([])],
        Value::Array(items) => {
            let mut out = vec![json!([]), Value::Null];
            if let Some(last) = items.last() {
                out.push(Value::Array(items[1..].to_vec()));
                out.push(Value::Array(items[..items.len() - 1].to_vec()));
                out.push(Value::Array(items.iter().chain([last]).cloned().collect()));
                out.push(Value::Array(items.iter().rev().cloned().collect()));
            }
            out
        }
        Value::Object(fields) => fields
            .keys()
            .map(|k| Value::Object(fields.iter().filter(|f| f.0 != k).map(|(k, v)| (k.clone(), v.clone())).collect()))
            .collect(),
    }
}

/// All changes of a first, a middle and a last instance of every class of field, thinned evenly to [`MOST`].
fn plan(structure: &Value) -> Vec<(String, Value)> {
    let mut classes = BTreeMap::new();
    walk(structure, String::new(), String::new(), &mut classes);
    let mut out = Vec::new();
    for pointers in classes.values() {
        let mut picks = vec![0, pointers.len() * 2 / 3, pointers.len() - 1];
        picks.dedup();
        for p in picks {
            let v = structure.pointer(&pointers[p]).unwrap();
            out.extend(changes(v).into_iter().filter(|c| c != v).map(|c| (pointers[p].clone(), c)));
        }
    }
    let every = out.len().div_ceil(MOST);
    let total = out.len();
    let kept: Vec<_> = out.into_iter().step_by(every).collect();
    eprintln!("{} classes of fields, {total} changes, {} tried", classes.len(), kept.len());
    kept
}

#[test]
fn no_change_of_a_structure_panics_or_hangs() {
    let original = Original::new();
    let outcomes: Vec<(bool, String)> = plan(&original.structure)
        .into_par_iter()
        .map(|(pointer, value)| {
            let what = format!("{pointer} = {}", value.to_string().chars().take(60).collect::<String>());
            let dir = tempfile::tempdir().unwrap();
            let mut structure = original.structure.clone();
            *structure.pointer_mut(&pointer).unwrap() = value;
            original.forge(dir.path(), &structure, None);
            let start = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| use_chip(dir.path())));
            assert!(start.elapsed() < PATIENCE, "{what} took {:?}", start.elapsed());
            match outcome {
                Ok(Ok(opened)) => (opened, String::new()),
                Ok(Err(problem)) => (true, format!("{what}: {problem}")),
                Err(_) => (true, format!("{what}: panicked")),
            }
        })
        .collect();
    let bad: Vec<&String> = outcomes.iter().map(|o| &o.1).filter(|o| !o.is_empty()).collect();
    assert!(bad.is_empty(), "{} of {}:\n{bad:#?}", bad.len(), outcomes.len());
    let opened = outcomes.iter().filter(|o| o.0).count();
    eprintln!("{opened} of {} changed chips opened and ran", outcomes.len());
    assert!(opened > 0 && opened < outcomes.len() / 2);
}

#[test]
fn changed_programs_are_refused_or_run_alike() {
    let original = Original::new();
    let program = fs::read(original.chip.folder.join("program.bin")).unwrap();
    let sections = |part: &str| -> Vec<(usize, usize)> {
        let records = original.structure["programs"].as_array().unwrap();
        let range = |s: &Value| Some((s["offset"].as_u64()? as usize, s["bytes"].as_u64()? as usize));
        records.iter().filter_map(|r| range(&r[part])).filter(|s| s.1 > 0).collect()
    };
    let mut opened = 0;
    for part in ["codes", "scales", "shifts", "values"] {
        let of_part = sections(part);
        for (i, byte) in [0x00u8, 0x7f, 0x80, 0xff].into_iter().enumerate() {
            let (offset, bytes) = of_part[i * 7 % of_part.len()];
            let mut changed = program.clone();
            changed[offset..offset + bytes].fill(byte);
            let dir = tempfile::tempdir().unwrap();
            original.forge(dir.path(), &original.structure, Some(&changed));
            opened += usize::from(use_chip(dir.path()).unwrap_or_else(|e| panic!("{part} of {byte:#x}: {e}")));
        }
    }
    assert!(opened >= 4, "codes may be anything: {opened}");
    let dir = tempfile::tempdir().unwrap();
    original.forge(dir.path(), &original.structure, Some(&program[..program.len() - 1]));
    let error = Chip::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("program.bin") && error.contains("ends past"), "{error}");
}

#[test]
fn errors_name_file_unit_field_and_what_was_expected() {
    let o = Original::new();
    let (embed, norm, feed, mvm) = (o.unit("embed"), o.unit("rms_norm"), o.unit("row_feed"), o.unit("mvm"));
    let (rope, attention, gated, argmax) = (o.unit("rope"), o.unit("attention"), o.unit("gated_act"), o.unit("argmax"));
    let cases: Vec<(String, Value, &str)> = vec![
        (format!("{mvm}/kind/matrix/group"), json!(0), "q_proj: matrix.group: 0, expected 1 to"),
        (format!("{mvm}/kind/lanes"), json!(0), "lanes: 0, expected"),
        (format!("{mvm}/kind/deal"), json!(0), "deal: 0, expected a divisor of"),
        (format!("{mvm}/kind/deal"), json!(4096), "deal: 4096, expected a divisor of"),
        (format!("{mvm}/kind/matrix/codebook/0"), json!(-129), "matrix.codebook: -129, expected values from -128 to 127"),
        (format!("{mvm}/kind/tot_bits"), json!(63), "tot_bits: 63, expected 1 to 62"),
        (format!("{mvm}/kind/act_bits"), json!(11), "act_bits: 11, expected 12"),
        (format!("{mvm}/out/bits"), json!(33), "out.bits: 33, expected 2 to 32"),
        (format!("{norm}/kind/groups"), json!(0), "groups: 0, expected 1 to"),
        (format!("{norm}/kind/groups"), json!(3), "groups: 3, expected a divisor of 128"),
        (format!("{norm}/kind/epsilon"), json!(0), "epsilon: 0, expected 1 to"),
        (format!("{feed}/kind/rows"), json!(96), "rows: 128, expected 96"),
        (format!("{rope}/kind/table"), json!(1), "table: 1, expected one of the embedding's 1 tables"),
        (format!("{rope}/kind/rotated"), json!(31), "rotated: 31, expected an even number"),
        (format!("{rope}/kind/head_dim"), json!(0), "head_dim: 0, expected 1 to"),
        (format!("{rope}/out/bits"), json!(23), "out: 23 bits"),
        (format!("{embed}/kind/omega/0"), json!([]), "rotated: 32, expected at most 0"),
        (format!("{embed}/station"), json!(1), "station"),
        (format!("{attention}/kind/kv_heads"), json!(0), "kv_heads: 0, expected 1 to"),
        (format!("{attention}/kind/kv_heads"), json!(3), "kv_heads: 3, expected a divisor of 4 heads"),
        (format!("{attention}/kind/context"), json!(9), "context: 9, expected 8"),
        (format!("{attention}/kind/users"), json!(0), "users: 0, expected 1 to"),
        (format!("{attention}/kind/window"), json!(0), "window: 0, expected 1 to"),
        (format!("{attention}/kind/kv_bits"), json!(13), "kv_bits: 13, expected 2 to 12"),
        (format!("{attention}/kind/score_mantissa"), json!(32767), "score_mantissa: 32767, expected 32768 to 65535"),
        (format!("{gated}/kind/shift"), json!(1000), "shift: 1000, expected"),
        (format!("{argmax}/out_len"), json!(2), "argmax: out_len: 2, expected 1"),
        ("/model/vocab".into(), json!(1000), "embed_tokens: matrix.outputs: 1024, expected 1000"),
        ("/netlist/lanes".into(), json!(0), "netlist: lanes: 0, expected an even number"),
        ("/netlist/tables/rsqrt/7".into(), json!(0), "tables: rsqrt[7]: 0, expected"),
        ("/technology/clock_mhz/value".into(), json!(0), "technology: clock_mhz: 0, expected"),
        ("/floorplan/die/x1_nm".into(), json!(0), "floorplan: die"),
        ("/programs/0/scale_bytes".into(), json!(0), "scale_bytes: 0, expected 1, 2 or 4"),
        ("/programs/0/codes/offset".into(), json!(u64::MAX), "ends past the file's"),
    ];
    for (pointer, value, expected) in cases {
        let shown = format!("{pointer} = {value}");
        let error = o.refusal(&pointer, value).unwrap_or_else(|| panic!("{shown} was accepted"));
        assert!(error.contains(expected), "{shown}: {error}\nwants: {expected}");
        assert!(error.contains("chip.json: ") || error.contains("program.bin: "), "{shown}: {error}");
    }
}
