//! One matrix in the tiles of a shuttle, or behind LibreLane alone: its Verilog with the ROM as logic, a top with the frame's pins, configuration, a page,
//! and a cocotb test whose vectors are the reference's.

use crate::error::Error;
use hardwire_netlist::folder::{Folder, Kind};
use hardwire_netlist::input;
use hardwire_netlist::unit::MvmSpec;
use hardwire_netlist::{Chip, UnitKind, census};
use hardwire_rtl_gen::{Options, emit, matrix};
use hardwire_sim::reference::{Activations, mvm};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

const FOLDER: Kind = Kind { name: "a shuttle's project", manifest: "hardwire-shuttle.json", scratch: &["runs"] };
const TOP: &str = include_str!("../data/shuttle/top.v");
const FILES: [(&str, &str); 4] = [
    ("test/tb.v", include_str!("../data/shuttle/tb.v")),
    ("test/test.py", include_str!("../data/shuttle/test.py")),
    ("test/Makefile", include_str!("../data/shuttle/Makefile")),
    ("test/requirements.txt", "cocotb==2.1.0\n"),
];
/// Bytes of a file of emitted Verilog, or of a ROM's image: more than any that fits a tile.
const MOST_BYTES: u64 = 1 << 24;

/// Areas of SKY130 HD cells, um2 (sky130_fd_sc_hd__tt_025C_1v80.lib): dfxtp_1, fa_1, mux2_1, nand2_1.
const FLOP_UM2: f64 = 20.0192;
const FULL_ADDER_UM2: f64 = 20.0192;
const MUX2_UM2: f64 = 11.2608;
const GATE_UM2: f64 = 3.7536;
/// A tile of Tiny Tapeout in SKY130, um (tinytapeout.com, specifications), and the share of it that cells may take.
const TILE_UM: (f64, f64) = (161.0, 111.52);
const UTILISATION: f64 = 0.6;
/// Projects by tiles.
const SIZES: [(&str, u32); 7] = [("1x1", 1), ("1x2", 2), ("2x2", 4), ("3x2", 6), ("4x2", 8), ("6x2", 12), ("8x2", 16)];
/// Clock that is asked for, MHz: Tiny Tapeout's own default.
const MHZ: u32 = 50;

/// Where the matrix goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    TinyTapeout,
    LibreLane,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    pub parameters: u64,
    /// Of cells, from the census.
    pub area_um2: f64,
    /// Tiles, by their size.
    pub tiles: Option<&'static str>,
    /// Of those.
    pub utilisation: f64,
}

/// Cells of the matrix and its host.
fn area_um2(chip: &Chip, told: &matrix::Matrix) -> f64 {
    let netlist = chip.netlist();
    let Some(id) = netlist.find(&told.path) else { return 0.0 };
    let c = census::unit(netlist, id);
    // The host keeps all outputs, each bit behind a multiplexer.
    let kept = f64::from(told.sent * told.out_bytes * 8);
    let adders = (c.full_adders + c.adder_bits) as f64 * FULL_ADDER_UM2;
    c.flops as f64 * FLOP_UM2 + adders + c.mux2 as f64 * MUX2_UM2 + c.gates as f64 * GATE_UM2 + kept * (FLOP_UM2 + MUX2_UM2)
}

/// Writes the project of the matrix at `path` of `chip` into `target`; `scratch` is a folder for what is on the way.
///
/// # Errors
/// A matrix that cannot stand alone ([`matrix::find`]) or fits no tiles, with what it takes; a folder that cannot be written.
pub fn write(chip: &Chip, path: &str, frame: Frame, target: &Path, scratch: &Path) -> Result<Project, Error> {
    let told = matrix::find(chip, path)?;
    let area = area_um2(chip, &told);
    let tile = TILE_UM.0 * TILE_UM.1;
    let needed = area / (tile * UTILISATION);
    let size = SIZES.into_iter().find(|s| f64::from(s.1) >= needed);
    if frame == Frame::TinyTapeout && size.is_none() {
        let what = format!(
            "{path}, {} x {} takes {area:.0} um2 of cells: {needed:.1} tiles, and a project has 16 at most; give a smaller matrix, fewer --bits or --act-bits",
            told.outputs, told.inputs
        );
        return Err(Error::DoesNotFit { board: "tinytapeout".into(), what });
    }
    let rtl = scratch.join("rtl");
    emit(chip, &rtl, &Options { matrix: Some(path.into()), ..Options::default() })?;
    let mut folder = Folder::create(target, FOLDER)?;
    let list = text(&rtl.join("files.f"))?;
    let mut sources = vec!["project.v".to_string()];
    folder.put("src/project.v", TOP.as_bytes())?;
    for file in list.lines().filter_map(|l| l.strip_prefix("rtl/")).filter(|f| f.ends_with(".v")) {
        let verilog = text(&rtl.join("rtl").join(file))?;
        let verilog = if file == "hw_rom.v" { as_logic(&verilog, &rtl)? } else { verilog };
        folder.put(&format!("src/{file}"), verilog.as_bytes())?;
        sources.push(file.into());
    }
    for entry in std::fs::read_dir(rtl.join("rtl")).map_err(|e| Error::Io { path: rtl.clone(), source: e })?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".vh") {
            folder.put(&format!("src/{name}"), text(&entry.path())?.as_bytes())?;
        }
    }
    for (name, text) in FILES {
        folder.put(name, text.as_bytes())?;
    }
    folder.put("test/vectors.json", (vectors(chip, &told)?.to_string() + "\n").as_bytes())?;
    let parameters = u64::from(told.inputs) * u64::from(told.outputs);
    let (tiles, utilisation) = match (frame, size) {
        (Frame::TinyTapeout, Some((name, n))) => (Some(name), area / (tile * f64::from(n))),
        _ => (None, UTILISATION),
    };
    let project = Project { parameters, area_um2: area, tiles, utilisation };
    match tiles {
        Some(tiles) => {
            folder.put("info.yaml", info(&told, tiles, &sources).as_bytes())?;
            folder.put("docs/info.md", page(&told, &project).as_bytes())?;
            let config = json!({
                "PL_TARGET_DENSITY_PCT": 60, "CLOCK_PERIOD": 1000 / MHZ, "PL_RESIZER_HOLD_SLACK_MARGIN": 0.1, "GRT_RESIZER_HOLD_SLACK_MARGIN": 0.05,
                "RUN_LINTER": 1, "LINTER_INCLUDE_PDK_MODELS": 1, "CLOCK_PORT": "clk", "RUN_KLAYOUT_XOR": 0, "RUN_KLAYOUT_DRC": 0,
                "DESIGN_REPAIR_BUFFER_OUTPUT_PORTS": 0, "TOP_MARGIN_MULT": 1, "BOTTOM_MARGIN_MULT": 1, "LEFT_MARGIN_MULT": 6, "RIGHT_MARGIN_MULT": 6,
                "FP_SIZING": "absolute", "GRT_ALLOW_CONGESTION": 1, "FP_PDN_MULTILAYER": 0, "MAGIC_DEF_LABELS": 0, "MAGIC_WRITE_LEF_PINONLY": 1,
            });
            folder.put("src/config.json", format!("{config:#}\n").as_bytes())?;
        }
        None => {
            folder.put("README.md", page(&told, &project).as_bytes())?;
            let config = json!({
                "meta": {"version": 2}, "DESIGN_NAME": "tt_um_hardwire_matrix", "VERILOG_FILES": "dir::src/*.v", "VERILOG_INCLUDE_DIRS": ["dir::src"],
                "CLOCK_PORT": "clk", "CLOCK_PERIOD": 1000 / MHZ, "FP_CORE_UTIL": (UTILISATION * 100.0) as u32, "PDK": "sky130A",
            });
            folder.put("config.json", format!("{config:#}\n").as_bytes())?;
        }
    }
    let manifest = json!({"hardwire": env!("CARGO_PKG_VERSION"), "kind": "shuttle", "files": folder.digests()}).to_string() + "\n";
    folder.finish(manifest.as_bytes())?;
    Ok(project)
}

fn text(path: &Path) -> Result<String, Error> {
    Ok(input::text(path, MOST_BYTES)?)
}

/// The ROM module with the words of every image in it, by the image's name: a shuttle's flow reads no files of ours.
fn as_logic(rom: &str, rtl: &Path) -> Result<String, Error> {
    let mut images = Vec::new();
    let mut open = vec![rtl.join("rom")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| Error::Io { path: folder.clone(), source: e })?.flatten() {
            if entry.path().is_dir() { open.push(entry.path()) } else { images.push(entry.path()) }
        }
    }
    images.sort();
    let mut logic = String::from("  generate\n");
    for (i, image) in images.iter().enumerate() {
        let name = image.strip_prefix(rtl).unwrap_or(image).to_string_lossy().replace('\\', "/");
        let _ = writeln!(logic, "    if (FILE == \"{name}\") begin : image_{i}\n      initial begin");
        for (word, digits) in text(image)?.lines().enumerate() {
            let _ = writeln!(logic, "        mem[{word}] = {}'h{digits};", 4 * digits.len());
        }
        logic.push_str("      end\n    end\n");
    }
    logic.push_str("  endgenerate");
    Ok(rom.replace("  `HW_IMAGE(FILE, mem)", &logic))
}

/// Inputs with the outputs of the reference: extremes, ramps, and digits of a fixed sequence.
fn vectors(chip: &Chip, told: &matrix::Matrix) -> Result<serde_json::Value, Error> {
    let netlist = chip.netlist();
    let unit = netlist.find(&told.path).map(|id| netlist.unit(id));
    let Some((unit, MvmSpec { matrix: m, .. })) = unit.and_then(|u| if let UnitKind::Mvm(s) = &u.kind { Some((u, s)) } else { None })
    else {
        return Err(Error::Option { option: "matrix", what: format!("{} is no matrix", told.path) });
    };
    let most = (1i32 << (told.act_bits - 1)) - 1;
    let n = told.inputs as i32;
    let draws: [&dyn Fn(i32) -> i32; 5] =
        [&|_| most, &|_| -most - 1, &|i| if i % 2 == 0 { most } else { -most - 1 }, &|i| i - n / 2, &|i| {
            (i * i * 37 + i * 11 + 5) % (2 * most) - most
        }];
    let program = chip.programs.matrix(m.program);
    let vectors = draws.iter().map(|draw| {
        let a: Vec<i32> = (0..n).map(|i| draw(i).clamp(-most - 1, most)).collect();
        let outputs = mvm(m, &program, &Activations { a: a.clone(), h: told.h }, unit.out, &mut 0);
        json!({"inputs": a, "outputs": outputs})
    });
    Ok(json!({"in_bytes": told.in_bytes, "out_bytes": told.out_bytes, "sent": told.sent, "vectors": vectors.collect::<Vec<_>>()}))
}

/// Tiny Tapeout's description of a project.
fn info(told: &matrix::Matrix, tiles: &str, sources: &[String]) -> String {
    let mut out = format!(
        "project:\n  title: \"Hardwire: a matrix of a language model\"\n  author: \"\"\n  discord: \"\"\n  description: \"{} x {} weights in logic, a product a frame\"\n  \
         language: \"Verilog\"\n  clock_hz: {}\n  tiles: \"{tiles}\"\n  top_module: \"tt_um_hardwire_matrix\"\n  source_files:\n",
        told.outputs,
        told.inputs,
        MHZ * 1_000_000
    );
    for source in sources {
        let _ = writeln!(out, "    - \"{source}\"");
    }
    out.push_str("\npinout:\n");
    for i in 0..8 {
        let _ = writeln!(out, "  ui[{i}]: \"byte in, bit {i}\"\n  uo[{i}]: \"byte out, bit {i}\"");
    }
    let uses = ["byte in is there (rises)", "byte out is there", "byte out is taken (rises)", "an output was clamped", "", "", "", ""];
    for (i, said) in uses.iter().enumerate() {
        let _ = writeln!(out, "  uio[{i}]: \"{said}\"");
    }
    out.push_str("\nyaml_version: 6\n");
    out
}

/// What it is, how to test it.
fn page(told: &matrix::Matrix, project: &Project) -> String {
    let place = project.tiles.map_or(String::new(), |t| format!(", {:.0} % of {t} tiles", project.utilisation * 100.0));
    format!(
        "## How it works\n\nOne matrix of a language model, {} outputs by {} inputs ({} weights), with its weights in logic: about {:.0} um2 of SKY130 HD cells by the \
         census{place}. Inputs are signed integers of {} bits, outputs the reference's integers.\n\n## How to test\n\nEach input is {} byte(s), the lowest first: put it on \
         `ui`, raise `uio[0]`, hold for four cycles, lower it. Behind the last input {} outputs of {} bytes come: while `uio[1]` is high a byte is on `uo`; \
         raise `uio[2]` for the next. `test/` does this with cocotb on the reference's vectors: `pip install -r requirements.txt && make`.\n\n## External hardware\n\nNone.\n",
        told.outputs, told.inputs, project.parameters, project.area_um2, told.act_bits, told.in_bytes, told.sent, told.out_bytes
    )
}
