//! A real chip for the tests: the bundled model, compiled once for each test program.
#![allow(dead_code)]

use hardwire_compiler::place::place;
use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::chip::HostTexts;
use hardwire_netlist::program::{MatrixData, Record};
use hardwire_netlist::{Chip, ChipWriter, ProgramId};
use hardwire_viewer::die::Die;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Folder that holds the chips of this test program. It goes when the system clears its temporary files: a static is never dropped.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// The bundled model as a chip of two users.
pub fn tales() -> &'static Path {
    static CHIP: OnceLock<PathBuf> = OnceLock::new();
    CHIP.get_or_init(|| {
        let path = folder().join("tales.chip");
        let options = Options { users: Some(2), context: Some(256), ..Options::default() };
        compile(&Checkpoint::bundled(), &options, &path, &|_| {}).unwrap();
        with_known_areas(&path);
        path
    })
}

/// Places a chip anew at areas that never change, so that its pictures tell how a die is drawn and not what the latest calibration says of it.
/// They are those of N6 as measured on 2026-11-29.
fn with_known_areas(chip: &Path) {
    let mut structure = Chip::open(chip).unwrap().structure;
    let area = &mut structure.technology.area;
    let known = [
        (&mut area.rom_bit_um2, 0.0083555),
        (&mut area.sram_bit_um2, 0.0415),
        (&mut area.flop_um2, 0.320025),
        (&mut area.full_adder_um2, 0.24531),
        (&mut area.adder_bit_um2, 0.22933),
        (&mut area.mux2_um2, 0.18581),
        (&mut area.gate_um2, 0.045815),
        (&mut area.utilisation, 0.75),
    ];
    for (figure, value) in known {
        figure.value = value;
    }
    structure.floorplan = place(&structure.netlist, &structure.technology);
    let text = serde_json::to_vec(&structure).unwrap();
    let manifest = chip.join("manifest.json");
    let mut digests: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    digests["files"]["chip.json"] = blake3::hash(&text).to_hex().as_str().into();
    fs::write(chip.join("chip.json"), text).unwrap();
    fs::write(manifest, digests.to_string()).unwrap();
}

pub fn die() -> &'static Die {
    static DIE: OnceLock<Die> = OnceLock::new();
    DIE.get_or_init(|| Die::new(Chip::open(tales()).unwrap()))
}

/// The same base die with other vias: every code of output 0 of `unit`'s matrix is another one.
pub fn changed(unit: &str) -> PathBuf {
    let chip = Chip::open(tales()).unwrap();
    let target = folder().join(format!("{unit}.changed.chip"));
    let (_, wanted) = chip.structure.matrices().find(|(path, _)| *path == unit).unwrap();
    let mut writer = ChipWriter::create(&target).unwrap();
    for (i, record) in chip.structure.programs.iter().enumerate() {
        let id = ProgramId(i as u32);
        match record {
            Record::Gain { name, .. } => {
                writer.programs().gain(name, &chip.programs.gain(id).to_vec()).unwrap();
            }
            Record::Matrix { name, scale_bytes, offset_bytes, .. } => {
                let m = chip.programs.matrix(id);
                let mut codes = m.codes.to_vec();
                if id == wanted.program {
                    let bytes = m.inputs as usize * usize::from(m.code_bits) / 8;
                    codes[..bytes].iter_mut().for_each(|b| *b ^= 0x11);
                }
                let offsets = m.offsets.map(|o| o.to_vec());
                let shifts: Vec<i16> = m.shifts.to_vec().iter().map(|&s| s as i16).collect();
                let data = MatrixData {
                    name,
                    outputs: m.outputs,
                    inputs: m.inputs,
                    code_bits: m.code_bits,
                    codes: &codes,
                    groups: m.groups,
                    scales: &m.scales.to_vec(),
                    scale_bits: scale_bytes * 8,
                    offsets: offsets.as_deref().map(|o| (o, offset_bytes * 8)),
                    shifts: &shifts,
                    bias: None,
                };
                writer.programs().matrix(&data).unwrap();
            }
        }
    }
    writer.finish(chip.structure.clone(), &HostTexts { tokenizer: chip.tokenizer_json().unwrap(), ..HostTexts::default() }).unwrap();
    target
}
