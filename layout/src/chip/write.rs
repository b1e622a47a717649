//! The folder of a chip's masks, written beside its name and moved into place.

use super::draw::{Contents, chip, identifier, masks, words};
use super::exchange::{def, technology_lef};
use super::plan::Plan;
use super::read::stride;
use crate::deck::deck;
use crate::error::Error;
use crate::gds::GdsWriter;
use crate::glob;
use crate::oasis::OasisWriter;
use crate::process::Process;
use crate::rom::{Times, lef, liberty, verilog};
use crate::stored::{Rom, Stored};
use hardwire_netlist::Chip;
use hardwire_netlist::folder::{Folder, Kind, OutFile};
use serde_json::json;
use std::path::Path;

const FOLDER: Kind = Kind { name: "masks", manifest: "hardwire-masks.json", scratch: &[] };
/// Version of the folder.
const FORMAT: u32 = 1;
/// Begins `vias.bin`.
const MAGIC: &[u8; 8] = b"HWVIAS1\n";

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only the vias of tiles whose path is like this (`layers.0.*`, `*/tile[0,1]`) are in the layouts; `vias.bin` has all.
    pub tiles: Option<String>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Written {
    pub macros: u64,
    pub macro_kinds: u64,
    /// Bits of all ROMs that are drawn, and vias in the layouts.
    pub bits: u64,
    pub vias: u64,
    /// Side of the drawn die over that of the floorplan.
    pub enlarged: f64,
    pub die_mm2: f64,
    /// Share of the die that macros take, and area a bit of theirs with their decoders and sense rows.
    pub macro_mm2: f64,
    pub um2_per_bit: f64,
    pub gds_bytes: u64,
    pub oasis_bytes: u64,
    pub program_bytes: u64,
    pub map_bytes: u64,
}

/// Writes the masks of `chip` into `out`, which must be absent, empty, or an earlier output.
///
/// # Errors
/// A folder that cannot be written or holds something else; a pattern that no tile is like; a ROM that has no place.
pub fn write(of: &Chip, process: &Process, out: &Path, options: &Options) -> Result<Written, Error> {
    let dims = crate::rom::Dims::of(process);
    let stored = Stored::of(of, process, &dims);
    let plan = Plan::of(of, process, &stored)?;
    let chosen = |rom: &Rom| options.tiles.as_ref().is_none_or(|p| glob::matches(p, &rom.tile_path()) || glob::matches(p, &rom.unit));
    if let Some(pattern) = options.tiles.as_ref().filter(|_| !stored.roms.iter().any(chosen)) {
        let known = stored.roms.first().map_or(String::new(), |r| format!("; one is {}", r.tile_path()));
        return Err(Error::Tiles { pattern: pattern.clone(), what: format!("no tile is called so{known}") });
    }
    let mut folder = Folder::create(out, FOLDER)?;
    let counted = |folder: &mut Folder, name: &str, contents: Contents, gds: bool| -> Result<(u64, u64), Error> {
        let mut file = Counted { out: folder.file(name)?, bytes: 0 };
        let vias = if gds {
            chip(&mut GdsWriter::new(&mut file)?, process, &plan, &stored, contents, &chosen)?
        } else {
            chip(&mut OasisWriter::new(&mut file)?, process, &plan, &stored, contents, &chosen)?
        };
        let bytes = file.bytes;
        file.out.close()?;
        Ok((vias, bytes))
    };
    let (vias, gds_bytes) = counted(&mut folder, "chip.gds", Contents::Whole, true)?;
    let (_, oasis_bytes) = counted(&mut folder, "chip.oas", Contents::Whole, false)?;
    let (_, program_bytes) = counted(&mut folder, "program.oas", Contents::Program, false)?;
    let map_bytes = map(&mut folder, &plan, &stored)?;
    let name = &of.model().name;
    folder.put("chip.def", def(name, &plan, &stored).as_bytes())?;
    folder.put("technology.lef", technology_lef(process).as_bytes())?;
    folder.put("rules.drc", deck(process).as_bytes())?;
    for kind in plan.kinds() {
        let f = plan.frame(kind);
        folder.put(&format!("macros/{kind}.lef"), lef(process, &plan.dims, f).as_bytes())?;
        folder.put(&format!("macros/{kind}.lib"), liberty(process, &plan.dims, f).as_bytes())?;
        folder.put(&format!("macros/{kind}.v"), verilog(f).as_bytes())?;
    }
    let um2 = |w: i64, h: i64| w as f64 * h as f64 * 1e-6;
    let area: f64 = plan.instances.iter().map(|i| um2(plan.frame(i.of).width, plan.frame(i.of).height)).sum();
    let bits: u64 = stored.roms.iter().map(|r| r.words * u64::from(r.bits)).sum();
    let written = Written {
        macros: plan.instances.len() as u64,
        macro_kinds: plan.kinds().len() as u64,
        bits,
        vias,
        enlarged: plan.eighths as f64 / 8.0,
        die_mm2: plan.die.area_um2() * 1e-6,
        macro_mm2: area * 1e-6,
        um2_per_bit: area / bits.max(1) as f64,
        gds_bytes,
        oasis_bytes,
        program_bytes,
        map_bytes,
    };
    folder.put("README.md", readme(of, process, &plan, &written, options).as_bytes())?;
    let (programs, bases) = masks(process);
    let manifest = json!({
        "format": FORMAT, "hardwire": env!("CARGO_PKG_VERSION"), "chip": of.digest, "process": process.name,
        "program_masks": programs, "base_masks": bases, "files": folder.digests(),
    });
    folder.finish(format!("{manifest:#}\n").as_bytes())?;
    Ok(written)
}

/// A file whose bytes are counted as they pass.
struct Counted<'a> {
    out: OutFile<'a>,
    bytes: u64,
}

impl crate::sink::Out for &mut Counted<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        Ok(self.out.put(bytes)?)
    }
}

/// `vias.bin`: the words of every ROM, a bit a via's place, lowest first, whole bytes a word; `roms.json`: which ROM begins at which byte,
/// and where its macros lie. Gives the bytes of the former.
fn map(folder: &mut Folder, plan: &Plan, stored: &Stored<'_>) -> Result<u64, Error> {
    let mut index = Vec::new();
    let mut instances = plan.instances.iter().peekable();
    let mut at = MAGIC.len() as u64;
    let mut file = folder.file("vias.bin")?;
    file.put(MAGIC)?;
    for (n, rom) in stored.roms.iter().enumerate() {
        let mut macros = Vec::new();
        while let Some(i) = instances.next_if(|i| i.rom as usize == n) {
            macros.push(json!([i.bank, i.slice, i.x_nm, i.y_nm]));
            if i.slice > 0 {
                continue;
            }
            let left = rom.words - u64::from(i.bank) * u64::from(i.of.words);
            for word in words(stored, rom, i).iter().take(left.min(u64::from(i.of.words)) as usize) {
                file.put(word.bytes())?;
            }
        }
        index.push(json!({
            "file": rom.file, "unit": rom.unit, "tile": rom.tile, "words": rom.words, "bits": rom.bits, "offset": at,
            "macro": rom.partition.of.to_string(), "bank_slice_x_y": macros,
        }));
        at += rom.words * stride(rom.bits) as u64;
    }
    file.close()?;
    folder.put("roms.json", format!("{}\n", json!(index)).as_bytes())?;
    Ok(at)
}

fn readme(of: &Chip, process: &Process, plan: &Plan, w: &Written, options: &Options) -> String {
    let kinds: Vec<String> = plan
        .kinds()
        .iter()
        .map(|k| {
            let (f, t) = (plan.frame(*k), Times::of(process, &plan.dims, plan.frame(*k)));
            let area = f.width as f64 * f.height as f64 * 1e-6;
            let per_bit = area / (f64::from(k.words) * f64::from(k.bits));
            format!(
                "| {k} | {:.2} x {:.2} | {per_bit:.4} | {:.2} | {:.2} | {:.3} |",
                f.width as f64 / 1e3,
                f.height as f64 / 1e3,
                t.access_ns,
                t.precharge_ns,
                t.read_pj
            )
        })
        .collect();
    let tiles = options
        .tiles
        .as_ref()
        .map_or(String::new(), |t| format!("\nThe layouts hold the vias of tiles like `{}` alone; `vias.bin` has all.\n", identifier(t)));
    format!(
        "# Masks of {name}\n\nProcess {process}: {source}.\n{tiles}\n\
         | file | what |\n|---|---|\n| chip.gds, chip.oas | the same layout twice: `base` (outlines of units, ROM macros) and `program` (vias) |\n\
         | program.oas | the vias alone: what another model on this base changes |\n| vias.bin, roms.json | every bit of every ROM, and where it lies |\n\
         | chip.def, technology.lef, macros/*.lef | the placed macros; units as regions |\n| macros/*.lib, macros/*.v | times (estimated) and model of each macro |\n\
         | rules.drc | the rules, for `klayout -b -r rules.drc -rd input=chip.gds -rd report=report.lyrdb` |\n\n\
         Die {die:.4} mm², drawn {enlarged} times as wide and high as the floorplan; {macros} macros of {n} kinds, {area:.4} mm², {um2:.4} µm² a bit.\n\
         Logic, SRAM, clock and power grid of the chip, norm gains, rotations and tables are not drawn: they are boxes.\n\n\
         ## For a backend team\n\n1. `hardwire rtl CHIP -o rtl` gives Verilog, `files.f` and `constraints.sdc`. In it `hw_rom` is the module that a macro replaces.\n\
         2. Synthesise with the macros' Liberty files; a ROM of several banks or slices is several macros side by side (roms.json).\n\
         3. Read `technology.lef` and `macros/*.lef` after the process's own LEF; place macros by `chip.def`, all FIXED.\n\
         4. Merge `chip.gds` with the routed layout: cell `base` with the other layers, cell `program` on its own mask.\n\
         5. For another model on the same base: `hardwire compile --onto`, `hardwire masks`, and exchange `program.oas` alone.\n\n\
         | macro | µm | µm² a bit | access, ns | precharge, ns | read, pJ |\n|---|---|---|---|---|---|\n{kinds}\n",
        name = identifier(&of.model().name),
        process = process.name,
        source = process.source,
        die = w.die_mm2,
        enlarged = w.enlarged,
        macros = w.macros,
        n = w.macro_kinds,
        area = w.macro_mm2,
        um2 = w.um2_per_bit,
        kinds = kinds.join("\n"),
    )
}
