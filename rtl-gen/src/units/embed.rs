//! The embedding's instances: the token's row, that of its position where positions are learned, and the rotation phases.

use crate::error::Error;
use crate::fabric::output::codebook;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::{Shape, bits, index_bits};
use crate::site::{Context, Site};
use hardwire_netlist::silicon::Part;
use hardwire_netlist::unit::EmbedSpec;
use hardwire_netlist::{Chip, Function, Silicon, Unit};

/// The nets `embed_valid`, `embed_last`, `embed_data` and `embed_ovf` are the residual stream.
pub fn site(c: &Context, folder: &mut Folder) -> Result<Site, Error> {
    let instances = instances(c.shape, folder, c.unit, &Silicon::of(c.chip, c.id))?;
    Ok(c.site(instances, &vec![("", "_last", 1)]))
}

/// `silicon`: the rows of tokens and, where positions are learned, those of positions.
fn instances(shape: &Shape, folder: &mut Folder, unit: &Unit, silicon: &[Silicon<'_>]) -> Result<Vec<Instance>, Error> {
    let row = |folder: &mut Folder, at: usize, name: &str, index: &str| embed(shape, folder, unit, &silicon[at], name, index);
    if silicon.len() == 1 {
        return Ok(vec![row(folder, 0, "embed", "token_in_id")?]);
    }
    let (v, rb) = (shape.lanes, shape.residual_bits);
    let sum = Instance::new("hw_sum", "embed_sum_i".into(), vec![format!("{}: the token's row and its position's", unit.path)]);
    let sum = sum.param("V", v).param("AB", rb).param("BB", rb).param("OB", rb).clocked().input("in_valid", 1, "embed_row_valid");
    let sum = sum.input("in_last", 1, "embed_row_last").input("in_ovf", 1, "embed_row_ovf || embed_position_ovf");
    let sum = sum.input("a", v * rb, "embed_row_data").input("b", v * rb, "embed_position_data");
    let rows = row(folder, 0, "embed_row", "token_in_id")?;
    Ok(vec![rows, row(folder, 1, "embed_position", "pos")?, outputs(sum, shape, "embed")])
}

/// The instances' own nets beside those of the residual: names and widths.
pub fn nets(shape: &Shape, s: &EmbedSpec) -> Vec<(String, u32)> {
    let data = shape.lanes * shape.residual_bits;
    let of = |name: &str| [("valid", 1), ("last", 1), ("ovf", 1), ("data", data)].map(|(part, width)| (format!("{name}_{part}"), width));
    s.positions.iter().flat_map(|_| ["embed_row", "embed_position"]).flat_map(of).collect()
}

fn outputs(i: Instance, shape: &Shape, name: &str) -> Instance {
    let i = i.output("out_valid", 1, format!("{name}_valid")).output("out_last", 1, format!("{name}_last"));
    i.output("out_data", shape.lanes * shape.residual_bits, format!("{name}_data")).output("ovf", 1, format!("{name}_ovf"))
}

/// One table, read at `index`.
fn embed(shape: &Shape, folder: &mut Folder, unit: &Unit, silicon: &Silicon<'_>, name: &str, index: &str) -> Result<Instance, Error> {
    let m = silicon.matrix;
    roms::matrix(folder, silicon)?;
    let (codes, scales, shift_bits) = (silicon.file(Part::Codes, (0, 0)), silicon.file(Part::Scales, (0, 0)), silicon.shift_bits());
    let (value_bits, codebook) = codebook(m);
    let comment = vec![format!("{}: checkpoint tensor {}", unit.path, m.tensor)];
    let i =
        Instance::new("hw_embed", format!("{name}_i"), comment).param("V", shape.lanes).param("LEN", m.inputs).param("BEATS", shape.beats);
    let i = i.param("TOKENS", m.outputs).param("TW", index_bits(m.outputs)).param("AW", bits(m.outputs * shape.beats));
    let i = i.param("CODE_BITS", m.code_bits).param("VALUE_BITS", value_bits).param("CODEBOOK", codebook);
    let i = i.param("GROUP", m.group.min(m.inputs)).param("GROUPS", m.groups()).param("SCALE_BITS", m.scale_bits);
    let i = i.param("OFFSET_BITS", m.offset_bits).param("SHIFT_BITS", shift_bits).param("OB", unit.out.bits);
    let i = i.file("CODES", &codes).file("SCALES", &scales).clocked().input("start", 1, "start");
    Ok(outputs(i.input("token", index_bits(m.outputs), index), shape, name))
}

/// The phase generator that goes with the embedding.
pub fn phases(chip: &Chip, shape: &Shape, folder: &mut Folder, net: &str) -> Result<Instance, Error> {
    let (unit, s) = crate::shape::embed(chip)?;
    let file = format!("rom/{}/omega.hex", unit.path);
    let omega: Vec<u32> = s.omega.concat();
    roms::beats(folder, &file, shape.pairs_a_beat, shape.pairs, 32, &|i| omega[i as usize] as i32)?;
    let t = shape.table(Function::Sin);
    let i = Instance::new("hw_phase", "phase_i".into(), vec![format!("rotations of a position: {} pairs", shape.pairs)]);
    let i = i.param("PP", shape.pairs_a_beat).param("BEATS", shape.rot_beats).param("POSW", shape.pos_bits);
    let i = i.param("VALUE_BITS", t.value_bits).param("SLOPE_BITS", t.slope_bits).file("OMEGA", &file).file("SIN", &t.file).clocked();
    let i = i.input("start", 1, "start").input("pos", shape.pos_bits, "pos").output("rot_valid", 1, format!("{net}_valid"));
    Ok(i.output("rot_data", shape.pairs_a_beat * 32, format!("{net}_data")))
}
