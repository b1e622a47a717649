//! What a foundry would see: the shapes of the program's layer in a GDSII file, and from their places alone the words of every ROM.

use super::draw::TOP;
use super::plan::{Instance, Plan};
use crate::error::Error;
use crate::gds::kind;
use crate::process::{PROGRAM, Process};
use crate::sink::Place;
use crate::stored::Stored;
use std::collections::HashMap;
use std::path::Path;

#[derive(Default)]
struct Cell {
    /// Middles of the shapes.
    vias: Vec<(i64, i64)>,
    places: Vec<(String, Place)>,
}

/// Middles of the shapes of the program's layer in a GDSII file as this crate writes it, flat.
///
/// # Errors
/// [`Error::Layout`]: the file is cut or holds what this crate does not write (turned cells, polygons that are no rectangles).
pub fn vias(path: &Path, process: &Process) -> Result<Vec<(i64, i64)>, Error> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
    let cells = parse(path, &bytes, process.rule(PROGRAM).gds)?;
    let mut out = Vec::new();
    flatten(&cells, TOP, (0, 0), 0, &mut out);
    Ok(out)
}

fn flatten(cells: &HashMap<String, Cell>, name: &str, (x, y): (i64, i64), depth: u32, out: &mut Vec<(i64, i64)>) {
    // As deep as this crate nests; a file that nests in a circle ends here.
    let Some(cell) = cells.get(name).filter(|_| depth < 8) else { return };
    out.extend(cell.vias.iter().map(|v| (v.0 + x, v.1 + y)));
    for (name, p) in &cell.places {
        for (row, column) in (0..i64::from(p.rows)).flat_map(|row| (0..i64::from(p.columns)).map(move |column| (row, column))) {
            flatten(cells, name, (x + p.x_nm + column * p.dx_nm, y + p.y_nm + row * p.dy_nm), depth + 1, out);
        }
    }
}

fn parse(path: &Path, bytes: &[u8], layer: (u16, u16)) -> Result<HashMap<String, Cell>, Error> {
    let fail = |at: usize, what: &str| Error::Layout { path: path.into(), at: at as u64, what: what.into() };
    let mut cells: HashMap<String, Cell> = HashMap::new();
    let (mut name, mut cell) = (String::new(), Cell::default());
    let (mut element, mut on, mut points, mut placed, mut grid) =
        (0u16, (0u16, 0u16), Vec::<(i64, i64)>::new(), String::new(), (1u32, 1u32));
    let mut at = 0;
    loop {
        let Some(head) = bytes.get(at..at + 4) else { return Err(fail(at, "ends before its last record")) };
        let (len, what) = (usize::from(u16::from_be_bytes([head[0], head[1]])), u16::from_be_bytes([head[2], head[3]]));
        let Some(data) = (len >= 4).then(|| bytes.get(at + 4..at + len)).flatten() else { return Err(fail(at, "a record that is cut")) };
        let short = |i: usize| data.get(2 * i..2 * i + 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
        let text = || String::from_utf8_lossy(data).trim_end_matches('\0').to_string();
        match what {
            kind::ENDLIB => return Ok(cells),
            kind::BGNSTR => cell = Cell::default(),
            kind::STRNAME => name = text(),
            kind::ENDSTR => {
                cells.insert(std::mem::take(&mut name), std::mem::take(&mut cell));
            }
            kind::BOUNDARY | kind::SREF | kind::AREF | kind::TEXT => {
                (element, grid) = (what, (1, 1));
                points.clear();
            }
            kind::LAYER => on.0 = short(0),
            kind::DATATYPE => on.1 = short(0),
            kind::SNAME => placed = text(),
            kind::COLROW => grid = (u32::from(short(0)), u32::from(short(1))),
            kind::XY => {
                let word = |b: &[u8]| i64::from(i32::from_be_bytes([b[0], b[1], b[2], b[3]]));
                points = data.chunks_exact(8).map(|b| (word(&b[..4]), word(&b[4..]))).collect();
            }
            kind::ENDEL if element == kind::BOUNDARY && on == layer => match points[..] {
                [a, _, b, _, _] => cell.vias.push(((a.0 + b.0) / 2, (a.1 + b.1) / 2)),
                _ => return Err(fail(at, "a shape that is no rectangle")),
            },
            kind::ENDEL if element == kind::SREF || element == kind::AREF => {
                let Some(&(x, y)) = points.first() else { return Err(fail(at, "a placed cell without a place")) };
                let step = |i: usize, n: u32| {
                    let n = i64::from(n.max(1));
                    points.get(i).map_or((0, 0), |p| ((p.0 - x) / n, (p.1 - y) / n))
                };
                let (dx, dy) = (step(1, grid.0).0, step(2, grid.1).1);
                cell.places.push((std::mem::take(&mut placed), Place::at(x, y).array(grid.0, grid.1, dx, dy)));
            }
            kind::HEADER | kind::BGNLIB | kind::LIBNAME | kind::UNITS | kind::ENDEL | kind::TEXTTYPE | kind::STRING => {}
            _ => return Err(fail(at, "a record that this program does not write")),
        }
        at += len;
    }
}

/// Side of the squares in which macros are looked up.
const BIN_NM: i64 = 50_000;

/// The words of every ROM by what vias are where: a bit is one where a via lies on its place. Vias of the base lie on no bit's place.
pub fn words(plan: &Plan, stored: &Stored<'_>, vias: &[(i64, i64)]) -> Vec<Vec<u8>> {
    let mut bins: HashMap<(i64, i64), Vec<&Instance>> = HashMap::new();
    for i in &plan.instances {
        let f = plan.frame(i.of);
        for bx in i.x_nm / BIN_NM..=(i.x_nm + f.width) / BIN_NM {
            for by in i.y_nm / BIN_NM..=(i.y_nm + f.height) / BIN_NM {
                bins.entry((bx, by)).or_default().push(i);
            }
        }
    }
    let mut out: Vec<Vec<u8>> = stored.roms.iter().map(|r| vec![0; r.words as usize * stride(r.bits)]).collect();
    for &(x, y) in vias {
        for i in bins.get(&(x / BIN_NM, y / BIN_NM)).into_iter().flatten() {
            let f = plan.frame(i.of);
            let Some((row, column)) = f.bit_at(&plan.dims, x - i.x_nm, y - i.y_nm) else { continue };
            let rom = &stored.roms[i.rom as usize];
            let (word, bit) = i.of.word_at(row, column);
            let (word, bit) = (u64::from(i.bank) * u64::from(i.of.words) + u64::from(word), i.slice * i.of.bits + bit);
            if word < rom.words && bit < rom.bits {
                out[i.rom as usize][word as usize * stride(rom.bits) + (bit / 8) as usize] |= 1 << (bit % 8);
            }
        }
    }
    out
}

/// Bytes of a word of so many bits.
pub fn stride(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}
