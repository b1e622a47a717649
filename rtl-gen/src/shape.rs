//! What every module of one chip has in common: stream widths, header fields, rotation bus, table ROMs.

use crate::error::Error;
use crate::roms::Table;
use hardwire_netlist::unit::EmbedSpec;
pub use hardwire_netlist::width::{TOP_K, bits, ceil_log, index_bits};
use hardwire_netlist::{Chip, Unit, UnitKind};

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
    /// Pairs of the rotation vector, pairs a beat, beats.
    pub pairs: u32,
    pub pairs_a_beat: u32,
    pub rot_beats: u32,
    /// First pair and pairs of each rope table.
    pub rope_tables: Vec<(u32, u32)>,
    pub tables: [Table; 8],
}

impl Shape {
    pub fn new(chip: &Chip, tables: [Table; 8]) -> Result<Shape, Error> {
        let (netlist, model) = (chip.netlist(), chip.model());
        let (embed, spec) = embed(chip)?;
        let lanes = netlist.lanes;
        if !lanes.is_multiple_of(2) {
            return Err(Error::unit(&embed.path, format!("{lanes} lanes, expected an even number: rotations take neighbours")));
        }
        let hidden = embed.out_len;
        let beats = hidden.div_ceil(lanes);
        let pairs: u32 = spec.omega.iter().map(|t| t.len() as u32).sum();
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
            pairs,
            pairs_a_beat,
            rot_beats: pairs.div_ceil(pairs_a_beat).max(1),
            rope_tables,
            tables,
        })
    }

    /// Bits of a token's header: want, user, position.
    pub fn header_bits(&self) -> u32 {
        1 + self.user_bits + self.pos_bits
    }

    pub fn rsqrt(&self) -> &Table {
        &self.tables[0]
    }

    pub fn sin(&self) -> &Table {
        &self.tables[1]
    }

    pub fn exp2(&self) -> &Table {
        &self.tables[2]
    }

    pub fn recip(&self) -> &Table {
        &self.tables[3]
    }

    pub fn sigmoid(&self) -> &Table {
        &self.tables[4]
    }

    pub fn gelu(&self) -> &Table {
        &self.tables[5]
    }

    pub fn gelu_erf(&self) -> &Table {
        &self.tables[6]
    }

    pub fn swish(&self) -> &Table {
        &self.tables[7]
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
