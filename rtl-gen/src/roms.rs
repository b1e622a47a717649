//! ROM contents: the images of tiles, embedding, gains and tables, streamed from the chip's program.

use crate::error::Error;
use crate::folder::Folder;
use crate::image::Image;
use hardwire_netlist::program::{MatrixView, unpack};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::width::{signed_bits, table_bits};
use hardwire_netlist::{Tables, TileShape};

/// One tile of a matrix's array.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    pub k_tile: u32,
    pub n_tile: u32,
    /// Rows that hold weights.
    pub rows: u32,
    /// Columns, whole steps.
    pub cols: u32,
}

/// The tiles of a matrix, band by band.
pub fn tiles(shape: &TileShape, m: &MatrixSpec) -> Vec<Tile> {
    let e = shape.tile_lanes();
    let mut all = Vec::new();
    for k_tile in 0..shape.k_tiles(m.inputs) {
        for n_tile in 0..shape.n_tiles(m.outputs) {
            let cols = shape.block_steps(n_tile / shape.deal, m.outputs) * e;
            all.push(Tile { k_tile, n_tile, rows: (m.inputs - k_tile * shape.rows).min(shape.rows), cols });
        }
    }
    all
}

/// Codes of one tile, each as `stored` has it if given: a word a row, column 0 lowest. Unused columns are 0; their scales are 0.
pub fn tile_codes(
    folder: &mut Folder,
    name: &str,
    shape: &TileShape,
    tile: Tile,
    view: &MatrixView<'_>,
    stored: Option<&[u8]>,
) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let cb = usize::from(view.code_bits);
    let (rows, width) = (tile.rows as usize, tile.cols as usize * cb);
    let stride = width.div_ceil(8) + 2;
    let mut words = vec![0u8; rows * stride];
    for col in 0..tile.cols {
        let n = shape.output_of(tile.n_tile, col);
        if n >= view.outputs {
            continue;
        }
        let codes = view.row(n);
        let first = (tile.k_tile * shape.rows) as usize;
        let (byte, shift) = (col as usize * cb / 8, col as usize * cb % 8);
        for r in 0..rows {
            let code = unpack(codes, view.code_bits, first + r);
            let wide = u16::from(stored.map_or(code, |s| s[usize::from(code)])) << shift;
            words[r * stride + byte] |= wide as u8;
            words[r * stride + byte + 1] |= (wide >> 8) as u8;
        }
    }
    let mut image = Image::create(folder, name, width)?;
    for word in words.chunks(stride) {
        image.packed(word)?;
    }
    image.close()
}

/// Scales (and offsets above them) of one tile: a word a scan step, groups one after another.
#[allow(clippy::too_many_arguments)]
pub fn tile_scales(
    folder: &mut Folder,
    name: &str,
    shape: &TileShape,
    tile: Tile,
    m: &MatrixSpec,
    view: &MatrixView<'_>,
    group: u32,
    groups: u32,
) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let (sb, ob, e) = (usize::from(m.scale_bits), usize::from(m.offset_bits), shape.tile_lanes());
    let mut image = Image::create(folder, name, e as usize * (sb + ob))?;
    for g in 0..groups {
        let k = tile.k_tile * shape.rows + g * group;
        for step in 0..shape.steps() {
            for lane in 0..e {
                let col = step * e + lane;
                let n = shape.output_of(tile.n_tile, col);
                if k < m.inputs && g * group < tile.rows && col < tile.cols && n < m.outputs {
                    let at = lane as usize * (sb + ob);
                    image.field(at, sb, i64::from(view.scale(n, k / m.group)));
                    if ob > 0 {
                        image.field(at + sb, ob, i64::from(view.offset(n, k / m.group)));
                    }
                }
            }
            image.word()?;
        }
    }
    image.close()
}

/// Codes of metal embedding: a word an output, input 0 lowest.
pub fn wires(folder: &mut Folder, name: &str, view: &MatrixView<'_>) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let bits = usize::from(view.code_bits);
    let mut image = Image::create(folder, name, view.inputs as usize * bits)?;
    for n in 0..view.outputs {
        let codes = view.row(n);
        for k in 0..view.inputs as usize {
            image.field(k * bits, bits, i64::from(unpack(codes, view.code_bits, k)));
        }
        image.word()?;
    }
    image.close()
}

/// Scales of metal embedding: a word a beat of outputs, group by group.
pub fn beat_scales(folder: &mut Folder, name: &str, lanes: u32, m: &MatrixSpec, view: &MatrixView<'_>) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let (bits, groups) = (usize::from(m.scale_bits), m.groups());
    let mut image = Image::create(folder, name, (groups * lanes) as usize * bits)?;
    for beat in 0..m.outputs.div_ceil(lanes) {
        for g in 0..groups {
            for lane in 0..lanes.min(m.outputs - beat * lanes) {
                image.field((g * lanes + lane) as usize * bits, bits, i64::from(view.scale(beat * lanes + lane, g)));
            }
        }
        image.word()?;
    }
    image.close()
}

/// Bits of a matrix's output shifts, with room for the vector's own.
pub fn shift_bits(view: &MatrixView<'_>) -> u32 {
    let (mut lo, mut hi) = (0, 0);
    for n in 0..view.outputs {
        let k = i64::from(view.shift(n));
        (lo, hi) = (lo.min(k), hi.max(k));
    }
    signed_bits(lo, hi).max(6)
}

/// A word a beat of `values(n)`, `bits` each.
pub fn beats(folder: &mut Folder, name: &str, lanes: u32, len: u32, bits: u32, values: &dyn Fn(u32) -> i32) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let mut image = Image::create(folder, name, (lanes * bits) as usize)?;
    for beat in 0..len.div_ceil(lanes) {
        for lane in 0..lanes {
            let n = beat * lanes + lane;
            if n < len {
                image.field((lane * bits) as usize, bits as usize, i64::from(values(n)));
            }
        }
        image.word()?;
    }
    image.close()
}

/// Embedding codes: a word a beat, token by token.
pub fn embed_codes(folder: &mut Folder, name: &str, lanes: u32, view: &MatrixView<'_>) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let cb = usize::from(view.code_bits);
    let mut image = Image::create(folder, name, lanes as usize * cb)?;
    for token in 0..view.outputs {
        for beat in 0..view.inputs.div_ceil(lanes) {
            for lane in 0..lanes.min(view.inputs - beat * lanes) {
                image.field(lane as usize * cb, cb, i64::from(view.code(token, beat * lanes + lane)));
            }
            image.word()?;
        }
    }
    image.close()
}

/// Embedding records, a word a token: scales, then offsets, then the shift at the top. A padded lane reads the last group.
pub fn embed_scales(folder: &mut Folder, name: &str, m: &MatrixSpec, view: &MatrixView<'_>, shift_bits: u32) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let (sb, ob, groups) = (usize::from(m.scale_bits), usize::from(m.offset_bits), m.groups() as usize);
    let mut image = Image::create(folder, name, groups * (sb + ob) + shift_bits as usize)?;
    for token in 0..m.outputs {
        for g in 0..groups {
            image.field(g * sb, sb, i64::from(view.scale(token, g as u32)));
            if ob > 0 {
                image.field(groups * sb + g * ob, ob, i64::from(view.offset(token, g as u32)));
            }
        }
        image.field(groups * (sb + ob), shift_bits as usize, i64::from(view.shift(token)));
        image.word()?;
    }
    image.close()
}

/// A lookup table as its ROM holds it: value, and above it the slope to the next entry.
#[derive(Clone, Debug)]
pub struct Table {
    pub file: String,
    pub value_bits: u32,
    pub slope_bits: u32,
}

/// Writes the tables; in the order of [`Tables`]'s fields.
pub fn tables(folder: &mut Folder, tables: &Tables) -> Result<[Table; 8], Error> {
    let mut write = |name: &str, values: &[i32]| -> Result<Table, Error> {
        let (value_bits, slope_bits) = table_bits(values);
        let file = format!("rom/tables/{name}.hex");
        if !folder.takes_images() {
            return Ok(Table { file, value_bits, slope_bits });
        }
        let mut image = Image::create(folder, &file, (value_bits + slope_bits) as usize)?;
        for pair in values.windows(2) {
            image.field(0, value_bits as usize, i64::from(pair[0]));
            image.field(value_bits as usize, slope_bits as usize, i64::from(pair[1]) - i64::from(pair[0]));
            image.word()?;
        }
        image.close()?;
        Ok(Table { file, value_bits, slope_bits })
    };
    Ok([
        write("rsqrt", &tables.rsqrt)?,
        write("sin", &tables.sin)?,
        write("exp2", &tables.exp2)?,
        write("recip", &tables.recip)?,
        write("sigmoid", &tables.sigmoid)?,
        write("gelu", &tables.gelu)?,
        write("gelu_erf", &tables.gelu_erf)?,
        write("swish", &tables.swish)?,
    ])
}
