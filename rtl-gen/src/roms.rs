//! ROM contents: the images of matrices as `hardwire_netlist::silicon` has them, and those of gains and tables.

use crate::error::Error;
use crate::folder::Folder;
use crate::image::Image;
use hardwire_netlist::silicon::{Word, first_word};
use hardwire_netlist::width::table_bits;
use hardwire_netlist::{Chip, Function, Silicon, Tables, UnitId};

/// The ROMs of a matrix, word by word as silicon holds them.
pub fn matrix(folder: &mut Folder, silicon: &Silicon<'_>) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let mut word = Word::default();
    for rom in silicon.images() {
        let mut image = Image::layer(folder, &rom.file, rom.word_bits, rom.first)?;
        for line in 0..rom.lines {
            silicon.word(&rom, line, &mut word);
            image.put(&word)?;
        }
        image.close()?;
    }
    Ok(())
}

/// A word a beat of `values(n)`, `bits` each, for the layer of `round` of those that share the ROM.
pub fn layer_beats(
    folder: &mut Folder,
    name: &str,
    round: u32,
    lanes: u32,
    len: u32,
    bits: u32,
    values: &dyn Fn(u32) -> i32,
) -> Result<(), Error> {
    if !folder.takes_images() {
        return Ok(());
    }
    let first = first_word(round, u64::from(len.div_ceil(lanes)));
    let mut image = Image::layer(folder, name, lanes * bits, first)?;
    for beat in 0..len.div_ceil(lanes) {
        for lane in 0..lanes {
            let n = beat * lanes + lane;
            if n < len {
                image.field(lane * bits, bits, i64::from(values(n)));
            }
        }
        image.word()?;
    }
    image.close()
}

/// The same for what there is once.
pub fn beats(folder: &mut Folder, name: &str, lanes: u32, len: u32, bits: u32, values: &dyn Fn(u32) -> i32) -> Result<(), Error> {
    layer_beats(folder, name, 0, lanes, len, bits, values)
}

/// A lookup table as its ROM holds it: value, and above it the slope to the next entry.
#[derive(Clone, Debug)]
pub struct Table {
    pub file: String,
    pub value_bits: u32,
    pub slope_bits: u32,
}

/// Writes the tables, in the order of [`Function::ALL`].
pub fn tables(folder: &mut Folder, tables: &Tables) -> Result<Vec<Table>, Error> {
    let write = |f: Function| -> Result<Table, Error> {
        let values = &tables[f];
        let (value_bits, slope_bits) = table_bits(values);
        let file = format!("rom/tables/{}.hex", f.name());
        if !folder.takes_images() {
            return Ok(Table { file, value_bits, slope_bits });
        }
        let mut image = Image::create(folder, &file, value_bits + slope_bits)?;
        for pair in values.windows(2) {
            image.field(0, value_bits, i64::from(pair[0]));
            image.field(value_bits, slope_bits, i64::from(pair[1]) - i64::from(pair[0]));
            image.word()?;
        }
        image.close()?;
        Ok(Table { file, value_bits, slope_bits })
    };
    Function::ALL.into_iter().map(write).collect()
}

/// The matrices of the layers after the first that share a unit's silicon, behind it in its ROMs.
pub fn further_layers(chip: &Chip, folder: &mut Folder, id: UnitId) -> Result<(), Error> {
    chip.netlist().worked(id)[1..].iter().try_for_each(|&layer| matrix(folder, &Silicon::of(chip, layer)[0]))
}
