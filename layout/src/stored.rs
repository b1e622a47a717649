//! The ROMs of a chip that are drawn as macros, and their words: those of its matrices, as `hardwire_netlist::silicon` has them. A matrix whose
//! weights are wires has none for its codes; gains, rotations and tables of functions are logic here.

use crate::process::Process;
use crate::rom::{Dims, Partition};
use hardwire_netlist::Chip;
use hardwire_netlist::silicon::{Part, RomImage, Silicon, TileIndex, Word};
use std::collections::HashMap;

/// One ROM: a memory image of the emitted Verilog, and its macros.
#[derive(Debug)]
pub struct Rom {
    /// Path of the image in the folder of the emitted Verilog.
    pub file: String,
    /// Unit whose silicon it is.
    pub unit: String,
    pub part: Part,
    pub tile: TileIndex,
    pub words: u64,
    pub bits: u32,
    pub partition: Partition,
    /// Matrix and image of each layer that has words here, by the first of them.
    layers: Vec<(usize, RomImage)>,
}

/// All ROMs of a chip.
pub struct Stored<'a> {
    silicon: Vec<Silicon<'a>>,
    pub roms: Vec<Rom>,
}

impl<'a> Stored<'a> {
    /// In the order of units, and of images in a unit.
    pub fn of(chip: &'a Chip, process: &Process, dims: &Dims) -> Stored<'a> {
        let netlist = chip.netlist();
        let (mut silicon, mut roms) = (Vec::new(), Vec::<Rom>::new());
        let mut known: HashMap<String, usize> = HashMap::new();
        for (id, _) in netlist.units() {
            let built = &netlist.unit(netlist.built(id)).path;
            for matrix in Silicon::of(chip, id) {
                for image in matrix.images().into_iter().filter(|i| !(matrix.wired() && i.part == Part::Codes)) {
                    let at = *known.entry(image.file.clone()).or_insert_with(|| {
                        let (file, unit) = (image.file.clone(), built.clone());
                        let partition = Partition::best(process, dims, 1, 1);
                        let (part, tile, bits) = (image.part, image.tile, image.word_bits);
                        roms.push(Rom { file, unit, part, tile, words: 0, bits, partition, layers: Vec::new() });
                        roms.len() - 1
                    });
                    roms[at].words = roms[at].words.max(image.first + image.lines);
                    roms[at].layers.push((silicon.len(), image));
                }
                silicon.push(matrix);
            }
        }
        // Words of no bits hold nothing.
        roms.retain(|r| r.bits > 0 && r.words > 0);
        let mut best: HashMap<(u64, u32), Partition> = HashMap::new();
        for rom in &mut roms {
            let size = (rom.words, rom.bits);
            rom.partition = *best.entry(size).or_insert_with(|| Partition::best(process, dims, size.0, size.1));
        }
        Stored { silicon, roms }
    }

    /// Sets `word` to a word of a ROM: zeros where no layer has one.
    pub fn word(&self, rom: &Rom, address: u64, word: &mut Word) {
        let layer = rom.layers.iter().find(|(_, i)| (i.first..i.first + i.lines).contains(&address));
        match layer {
            Some((matrix, image)) => self.silicon[*matrix].word(image, address - image.first, word),
            None => word.clear(rom.bits),
        }
    }
}

impl Rom {
    /// As the viewer and `inspect` name the tile that it belongs to.
    pub fn tile_path(&self) -> String {
        format!("{}/tile[{},{}]", self.unit, self.tile.0, self.tile.1)
    }
}
