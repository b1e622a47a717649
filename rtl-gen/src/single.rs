//! One unit alone: the modules of its kind and its first instance, with the instance's ports as the top's.

use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::guide::{self, Bench, Place};
use crate::instance::Port;
use crate::shape::Shape;
use crate::stream::Source;
use crate::units;
use askama::Template;
use hardwire_netlist::{Chip, UnitKind};

#[derive(Template)]
#[template(path = "unit_top.v")]
struct Top<'a> {
    kind: &'a str,
    path: &'a str,
    ports: &'a [Port],
    instance: Code,
}

pub fn emit(chip: &Chip, shape: &Shape, folder: &mut Folder, kind: &str) -> Result<guide::Top, Error> {
    let netlist = chip.netlist();
    let Some((id, unit)) = netlist.units().find(|(_, u)| u.kind.name() == kind) else {
        let mut known: Vec<&str> = netlist.units().map(|(_, u)| u.kind.name()).collect();
        known.sort_unstable();
        known.dedup();
        return Err(Error::Option { option: "unit", what: format!("{kind}, expected one of {}", known.join(", ")) });
    };
    let feed = |p| matches!(netlist.unit(p).kind, UnitKind::RowFeed(_)).then_some(p);
    let source = |&p| Source { valid: String::new(), data: String::new(), bits: u32::from(netlist.unit(p).out.bits), feed: feed(p) };
    let inputs: Vec<Source> = netlist.inputs(id).iter().map(source).collect();
    let last = netlist.station_units(unit.station).last() == Some(&id);
    let mut site = units::site(chip, shape, folder, id, &inputs, last)?;
    let module = format!("unit_{kind}");
    site.instances.truncate(1);
    let places = vec![Place::new(&module, unit, &site.instances)];
    let mut instance = site.instances.remove(0);
    for p in &mut instance.ports {
        p.net = p.name.into();
    }
    let top = Top { kind, path: &unit.path, ports: &instance.ports, instance: instance.text()? };
    let text = Code::render("unit_top.v", &top)?;
    folder.text(&format!("rtl/{module}.v"), text.as_str())?;
    Ok(guide::Top { module, text, places, bench: Bench::Absent })
}
