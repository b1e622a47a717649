//! The Verilog of one unit as text, to be read: its instance as the station has it, and the modules it is an instance of. No file is
//! written and no ROM image made.

use crate::error::Error;
use crate::folder::Folder;
use crate::library;
use crate::roms;
use crate::shape::Shape;
use crate::station::sources;
use crate::units;
use hardwire_netlist::{Chip, UnitKind};

/// Verilog of the unit at `path`. Of the program only the unit's output shifts are read.
///
/// # Errors
/// `Error::Option` where no unit has that path; `Error::Unit` for a unit outside what the Verilog can build.
pub fn module(chip: &Chip, path: &str) -> Result<String, Error> {
    let netlist = chip.netlist();
    let Some(id) = netlist.find(path) else {
        return Err(Error::Option { option: "module", what: format!("{path}: no unit has this path; `hardwire inspect` lists them") });
    };
    // Where layers share silicon, it goes by the name of the first.
    let id = netlist.built(id);
    let unit = netlist.unit(id);
    let mut folder = Folder::in_memory();
    let tables = roms::tables(&mut folder, &netlist.tables)?;
    let shape = Shape::new(chip, tables)?;
    let inputs = sources(chip, &shape, unit.station, id)?;
    let last = netlist.station_units(unit.station).last() == Some(&id);
    let mut site = units::site(chip, &shape, &mut folder, id, &inputs, last)?;
    if matches!(&unit.kind, UnitKind::Embed(s) if !s.omega.is_empty()) {
        site.instances.push(units::phases(chip, &shape, &mut folder, "rotation")?);
    }
    let mut text = format!("// {path}, a {} in station {}\n\n", unit.kind.name(), netlist.stations[unit.station as usize].path);
    for i in &site.instances {
        text.push_str(i.text()?.as_str());
        text.push_str("\n\n");
    }
    for i in &site.instances {
        let file = format!("{}.v", i.module);
        let library = library::FILES.iter().find(|f| f.0 == file).map(|f| f.1);
        let module = folder.kept(&format!("rtl/{file}")).or(library);
        text.push_str(module.ok_or_else(|| Error::unit(path, format!("module {} has no text", i.module)))?);
        text.push('\n');
    }
    Ok(text)
}
