//! A chip as a layout: `chip` is `base` (outlines of units, macros) and `program` (a cell of vias for each macro, of the tiles asked for).

use super::plan::{Instance, Plan};
use crate::error::Error;
use crate::process::{Layer, PROGRAM, Process};
use crate::rom::{PATTERN, macro_cells, pattern_cells, program};
use crate::sink::{Place, Sink};
use crate::stored::{Rom, Stored};
use hardwire_netlist::silicon::Word;
use std::collections::HashSet;

/// Names of the three cells at the top.
pub const TOP: &str = "chip";
const BASE: &str = "base";
const PROGRAM_CELL: &str = "program";

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Every mask.
    Whole,
    /// The masks of the program alone.
    Program,
}

/// Writes a chip; the vias of those ROMs that `chosen` takes. Gives the number of vias of the program.
///
/// # Errors
/// The file cannot be written.
pub fn chip(
    sink: &mut dyn Sink,
    process: &Process,
    plan: &Plan,
    stored: &Stored<'_>,
    contents: Contents,
    chosen: &dyn Fn(&Rom) -> bool,
) -> Result<u64, Error> {
    let d = &plan.dims;
    if contents == Contents::Whole {
        macro_cells(sink, process, d, &plan.kinds())?;
        base(sink, process, plan)?;
    }
    pattern_cells(sink, process, d)?;
    let mut vias = 0;
    let mut placed: Vec<(String, Instance)> = Vec::new();
    let mut names = HashSet::new();
    let mut bank: Option<(u32, u32, Vec<Word>)> = None;
    for &i in plan.instances.iter().filter(|i| chosen(&stored.roms[i.rom as usize])) {
        let rom = &stored.roms[i.rom as usize];
        if bank.as_ref().is_none_or(|b| (b.0, b.1) != (i.rom, i.bank)) {
            bank = Some((i.rom, i.bank, words(stored, rom, &i)));
        }
        let Some((_, _, words)) = &bank else { continue };
        let mut name = cell_name(rom, &i);
        while !names.insert(name.clone()) {
            name.push('_');
        }
        sink.begin(&name)?;
        vias += program(sink, d, plan.frame(i.of), &mut |row, out| fill(&i, words, row, out))?;
        sink.end()?;
        placed.push((name, i));
    }
    sink.begin(PROGRAM_CELL)?;
    for (name, i) in &placed {
        sink.place(name, Place::at(i.x_nm, i.y_nm))?;
    }
    sink.end()?;
    sink.begin(TOP)?;
    if contents == Contents::Whole {
        sink.place(BASE, Place::at(0, 0))?;
    }
    sink.place(PROGRAM_CELL, Place::at(0, 0))?;
    sink.end()?;
    sink.finish()?;
    Ok(vias)
}

fn base(sink: &mut dyn Sink, process: &Process, plan: &Plan) -> Result<(), Error> {
    sink.begin(BASE)?;
    let outline = process.rule(Layer::Boundary).gds;
    sink.rect(outline, plan.die)?;
    for o in &plan.outlines {
        sink.rect(outline, o.rect)?;
        sink.label(outline, (o.rect.x0_nm + o.rect.x1_nm) / 2, (o.rect.y0_nm + o.rect.y1_nm) / 2, &printable(&o.name))?;
    }
    for i in &plan.instances {
        sink.place(&i.of.to_string(), Place::at(i.x_nm, i.y_nm))?;
    }
    sink.end()
}

/// The words of an instance's bank; those past the ROM's end are zeros.
pub fn words(stored: &Stored<'_>, rom: &Rom, i: &Instance) -> Vec<Word> {
    let first = u64::from(i.bank) * u64::from(i.of.words);
    let word = |address: u64| {
        let mut word = Word::new(rom.bits);
        if address < rom.words {
            stored.word(rom, address, &mut word);
        }
        word
    };
    (first..first + u64::from(i.of.words)).map(word).collect()
}

/// A row of a macro from the words of its bank.
fn fill(i: &Instance, words: &[Word], row: u32, out: &mut [u8]) {
    let first = i.slice * i.of.bits;
    for m in 0..i.of.mux {
        let Some(word) = words.get((row * i.of.mux + m) as usize) else { continue };
        let bytes = word.bytes();
        for bit in 0..i.of.bits.min(word.bits().saturating_sub(first)) {
            let at = (first + bit) as usize;
            let column = bit * i.of.mux + m;
            out[(column / PATTERN) as usize] |= (bytes[at / 8] >> (at % 8) & 1) << (column % PATTERN);
        }
    }
}

/// A cell's name: the image's path with what GDS has no character for left out.
fn cell_name(rom: &Rom, i: &Instance) -> String {
    let path = rom.file.strip_prefix("rom/").unwrap_or(&rom.file).trim_end_matches(".hex");
    format!("{}_b{}s{}", identifier(path), i.bank, i.slice)
}

/// Text as an identifier that GDS, OASIS, LEF and DEF take.
pub fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Text as a label: printable ASCII without blanks.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// Layers of the masks that a program changes, and how many others there are.
pub fn masks(process: &Process) -> (Vec<String>, usize) {
    let all = process.layers().filter(|(l, _)| *l != Layer::Boundary).count();
    (vec![process.rule(PROGRAM).name.clone()], all - 1)
}
