//! What every module of one chip has in common: stream widths, header fields, rotation bus, table ROMs.

use crate::error::Error;
use crate::roms::Table;
use hardwire_netlist::unit::EmbedSpec;
pub use hardwire_netlist::width::{TOP_K, bits, ceil_log, index_bits};
use hardwire_netlist::{Chip, Function, Unit, UnitKind};

#[derive(Clone, Debug)]
pub struct Shape {
    /// V.
    pub lanes: u32,
    /// Residual: elements, bits, beats.
    pub hidden: u32,
    pub residual_bits: u32,
    pub beats: u32,
    pub users: u32,
    pub context: u32,
    pub user_bits: u32,
    pub pos_bits: u32,
    /// Bits of a token's round, where layers share silicon; else 0.
    pub layer_bits: u32,
    /// Pairs of the rotation vector, pairs a beat, beats.
    pub pairs: u32,
    pub pairs_a_beat: u32,
    pub rot_beats: u32,
    /// First pair and pairs of each rope table.
    pub rope_tables: Vec<(u32, u32)>,
    /// In the order of [`Function::ALL`].
    tables: Vec<Table>,
}

impl Shape {
    pub fn new(chip: &Chip, tables: Vec<Table>) -> Result<Shape, Error> {
        let (netlist, model) = (chip.netlist(), chip.model());
        let (embed, spec) = embed(chip)?;
        let lanes = netlist.lanes;
        if !lanes.is_multiple_of(2) {
            return Err(Error::unit(&embed.path, format!("{lanes} lanes, expected an even number: rotations take neighbours")));
        }
        let hidden = embed.out_len;
        let beats = hidden.div_ceil(lanes);
        let pairs = spec.pairs();
        let pairs_a_beat = netlist.pairs_a_beat(spec);
        let mut rope_tables = Vec::new();
        let mut first = 0;
        for t in &spec.omega {
            rope_tables.push((first, t.len() as u32));
            first += t.len() as u32;
        }
        Ok(Shape {
            lanes,
            hidden,
            residual_bits: u32::from(embed.out.bits),
            beats,
            users: model.users,
            context: model.context,
            user_bits: index_bits(model.users),
            pos_bits: bits(model.context),
            layer_bits: if netlist.is_folded() { index_bits(netlist.token_rounds()) } else { 0 },
            pairs,
            pairs_a_beat,
            rot_beats: pairs.div_ceil(pairs_a_beat).max(1),
            rope_tables,
            tables,
        })
    }

    /// Bits of a token's header: want, round, user, position.
    pub fn header_bits(&self) -> u32 {
        1 + self.layer_bits + self.user_bits + self.pos_bits
    }

    /// The ROM of a function table.
    pub fn table(&self, f: Function) -> &Table {
        &self.tables[f as usize]
    }
}

/// The embedding unit.
pub fn embed(chip: &Chip) -> Result<(&Unit, &EmbedSpec), Error> {
    let found = chip.netlist().units().find_map(|(_, u)| match &u.kind {
        UnitKind::Embed(s) => Some((u, s)),
        _ => None,
    });
    found.ok_or_else(|| Error::unit("embed", "the netlist has no embedding; compile the chip again"))
}

/// A path as an identifier.
pub fn ident(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
