//! A chip of Llama 3.1 8B's shape as `hardwire compile` would lay it out, with no weights of its own: its program file is a hole of the
//! right length, so that it costs no disk, and codes and scales read as 0.

use hardwire_compiler::shape::{self, Shape};
use hardwire_compiler::{Options, build, technology};
use hardwire_netlist::program::{Record, Section, row_stride, storage_bytes};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::{ProgramId, Structure, UnitKind};
use std::fs;
use std::path::{Path, PathBuf};

const LLAMA_8B: &str = r#"{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 128256, "max_position_embeddings": 131072}"#;

/// The program file as it grows.
#[derive(Default)]
struct Program {
    records: Vec<Record>,
    bytes: u64,
}

impl Program {
    fn section(&mut self, bytes: u64) -> Section {
        let offset = self.bytes.next_multiple_of(64);
        self.bytes = offset + bytes;
        Section { offset, bytes }
    }

    fn put(&mut self, record: Record) -> ProgramId {
        self.records.push(record);
        ProgramId(self.records.len() as u32 - 1)
    }

    fn matrix(&mut self, m: &mut MatrixSpec) {
        let (n, stride) = (u64::from(m.outputs), row_stride(m.inputs, m.code_bits));
        let scale_bytes = storage_bytes(m.scale_bits);
        let record = Record::Matrix {
            name: m.tensor.clone(),
            outputs: m.outputs,
            inputs: m.inputs,
            code_bits: m.code_bits,
            groups: m.groups(),
            stride,
            codes: self.section(n * u64::from(stride)),
            scales: self.section(n * u64::from(m.groups()) * u64::from(scale_bytes)),
            scale_bytes,
            offsets: Section::default(),
            offset_bytes: 0,
            shifts: self.section(n * 2),
            bias: Section::default(),
        };
        m.program = self.put(record);
    }
}

/// Writes the chip into `folder`; gives its path and the length of its program. The program's digest is `digest` of that length.
pub fn write(folder: &Path, digest: impl Fn(u64) -> String) -> (PathBuf, u64) {
    let chip = folder.join("llama-8b.chip");
    fs::create_dir(&chip).unwrap();
    let shape = Shape::from_json(LLAMA_8B.as_bytes(), "llama-8b shape", &chip).unwrap();
    let options = Options { context: Some(2048), tile_rows: Some(256), ..Options::default() };
    let plan = shape::plan(&shape, &options).unwrap();
    let technology = technology::node("N6").unwrap();
    let floorplan = plan.floorplan(&technology);
    let (mut netlist, mut program) = (plan.netlist, Program::default());
    for u in netlist.graph.node_weights_mut() {
        match &mut u.kind {
            UnitKind::Embed(e) => program.matrix(&mut e.matrix),
            UnitKind::Mvm(m) => program.matrix(&mut m.matrix),
            UnitKind::RmsNorm(norm) => {
                let values = program.section(4 * u64::from(norm.len / norm.groups));
                norm.gain = program.put(Record::Gain { name: u.path.clone(), values });
            }
            _ => {}
        }
    }
    let bytes = program.bytes;
    let model = build::described("llama-8b shape", &shape.config, &plan.plan);
    let structure = Structure { model, technology, netlist, floorplan, quality: vec![], programs: program.records };
    let text = serde_json::to_vec_pretty(&structure).unwrap();
    fs::File::create(chip.join("program.bin")).unwrap().set_len(bytes).unwrap();
    let files = serde_json::json!({"chip.json": blake3::hash(&text).to_hex().as_str(), "program.bin": digest(bytes)});
    let manifest = serde_json::json!({"format": hardwire_netlist::chip::FORMAT, "hardwire": "test", "files": files});
    fs::write(chip.join("chip.json"), text).unwrap();
    fs::write(chip.join("manifest.json"), manifest.to_string()).unwrap();
    (chip, bytes)
}

/// Resident memory of this process, MB: now, without the pages of mapped files, and the most there ever was.
pub fn memory_mb() -> (f64, f64, f64) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name));
        line.and_then(|l| l.split_whitespace().nth(1)).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
    };
    (of("VmRSS:"), of("RssAnon:"), of("VmHWM:"))
}

/// From the whole die to one weight.
pub const PLACES: [(&str, &str); 5] = [
    ("die", "die"),
    ("station", "layers.12.mlp"),
    ("unit", "layers.12.mlp.down_proj"),
    ("tile", "layers.12.mlp.down_proj/tile[3,4]"),
    ("weight", "layers.12.mlp.down_proj[1100,900]"),
];
