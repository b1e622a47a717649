//! One station's module: its units' instances wired by their streams.

use crate::error::Error;
use crate::fabric;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::guide::Place;
use crate::instance::Instance;
use crate::shape::{Shape, TOP_K, ident, index_bits};
use crate::site::Context;
use crate::stream::Source;
use crate::units;
use askama::Template;
use hardwire_netlist::{Chip, UnitId, UnitKind};

struct Net {
    name: String,
    width: u32,
}

#[derive(Template)]
#[template(path = "station.v")]
struct Text<'a> {
    path: &'a str,
    module: &'a str,
    v: u32,
    rb: u32,
    header: u32,
    /// 0: every layer has its own silicon.
    lw: u32,
    users: u32,
    uw: u32,
    posw: u32,
    pp: u32,
    rot_beats: u32,
    beats: u32,
    bw: u32,
    head: bool,
    rotation: bool,
    keeps: bool,
    passes: bool,
    idw: u32,
    lb: u32,
    topw: u32,
    argmax: String,
    logits: String,
    last: String,
    ovf: String,
    nets: Vec<Net>,
    instances: Vec<Code>,
    probes: Vec<Code>,
    /// Where a token passes the station in some rounds.
    skips: Option<Skips>,
}

/// What a station does in each round of a token, round 0 lowest.
struct Skips {
    rounds: u32,
    /// Whether the token passes.
    passed: String,
    /// Which of the layers that share the silicon it is in,
    layers: String,
    /// and which of the model.
    numbers: String,
}

impl Skips {
    fn of(chip: &Chip, shape: &Shape, station: u32) -> Option<Skips> {
        let n = chip.netlist();
        let shared = n.shared(station);
        let rounds = n.token_rounds();
        let works = |round: u32| shared.iter().copied().find(|&s| n.round(s) == round);
        // A round in which no token comes here is none that one passes in.
        let comes = |round: u32| n.place(station) + round * n.ring() <= n.decoder_stations();
        if (0..rounds).all(|round| works(round).is_some() || !comes(round)) {
            return None;
        }
        let list = |of: &dyn Fn(Option<u32>) -> String| (0..rounds).rev().map(|r| of(works(r))).collect::<Vec<_>>().join(", ");
        let number = |s: Option<u32>| s.and_then(|s| n.stations[s as usize].layer).unwrap_or(0);
        Some(Skips {
            rounds,
            passed: list(&|s| format!("1'b{}", u32::from(s.is_none()))),
            layers: list(&|s| format!("{}'d{}", shape.layer_bits, s.map_or(0, |s| n.nth(s)))),
            numbers: list(&|s| format!("32'd{}", number(s))),
        })
    }
}

/// What the top has to know about a station.
pub struct StationSite {
    /// Its place in the ring; without one its number.
    pub index: u32,
    pub module: String,
    pub head: bool,
    /// It takes the rotation vector in.
    pub rotation: bool,
    /// It hands the rotation vector on.
    pub passes: bool,
    pub places: Vec<Place>,
}

/// Whether a station from `from` up to `until` rotates.
fn turns(chip: &Chip, from: u32, until: u32) -> bool {
    chip.netlist().units().any(|(_, u)| (from..until).contains(&u.station) && matches!(u.kind, UnitKind::Rope(_)))
}

/// Writes the module of `station`; `until` is one past the last station emitted.
pub fn emit(chip: &Chip, shape: &Shape, folder: &mut Folder, station: u32, until: u32, probe: bool) -> Result<StationSite, Error> {
    let netlist = chip.netlist();
    let path = netlist.stations[station as usize].path.as_str();
    let members = netlist.station_units(station);
    let Some(&last) = members.last() else {
        return Err(Error::unit(path, "the station has no unit"));
    };
    let last_unit = netlist.unit(last);
    let head = matches!(last_unit.kind, UnitKind::Argmax);
    if !head && (!matches!(last_unit.kind, UnitKind::Add) || last_unit.out_len != shape.hidden) {
        return Err(Error::unit(&last_unit.path, "the last unit of a station must be an Add of the residual"));
    }
    if !head && u32::from(last_unit.out.bits) != shape.residual_bits {
        return Err(Error::unit(&last_unit.path, format!("{} bits, the residual has {}", last_unit.out.bits, shape.residual_bits)));
    }
    // In a ring every station comes before one that rotates, if any does.
    let from = |station| if netlist.is_folded() && !head { 0 } else { station };
    let rotation = turns(chip, from(station), until);
    let passes = !head && turns(chip, from(station + 1), until);
    let module = format!("station_{}", ident(path));
    let skips = if head { None } else { Skips::of(chip, shape, station) };
    let (mut nets, mut instances, mut probes, mut ovf, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for &id in &members {
        let mut inputs = sources(chip, shape, station, id)?;
        if skips.is_some() && id == last {
            passing(shape, &mut inputs);
        }
        let site = units::site(chip, shape, folder, id, &inputs, id == last)?;
        places.push(Place::new(&module, netlist.unit(id), &site.instances));
        nets.extend(site.nets.into_iter().map(|(name, width)| Net { name, width }));
        for i in site.instances {
            instances.push(i.text()?);
        }
        ovf.extend(site.ovf);
        if probe {
            probes.push(probe_of(chip, shape, id, skips.is_some())?.text()?);
        }
    }
    let logits = netlist.inputs(last).first().map(|&p| ident(&netlist.unit(p).path)).unwrap_or_default();
    let (len, lb) = if head { units::logits(chip, last)? } else { (1, 1) };
    let text = Text {
        path,
        module: &module,
        v: shape.lanes,
        rb: shape.residual_bits,
        header: shape.header_bits(),
        lw: shape.layer_bits,
        users: shape.users,
        uw: shape.user_bits,
        posw: shape.pos_bits,
        pp: shape.pairs_a_beat,
        rot_beats: shape.rot_beats,
        beats: shape.beats,
        bw: crate::shape::bits(shape.beats),
        head,
        rotation,
        keeps: rotation,
        passes,
        idw: index_bits(len),
        lb,
        topw: index_bits(TOP_K),
        argmax: ident(&last_unit.path),
        logits,
        last: ident(&last_unit.path),
        ovf: if ovf.is_empty() { "1'b0".into() } else { ovf.join(" | ") },
        nets,
        instances,
        probes,
        skips,
    };
    folder.text(&format!("rtl/{module}.v"), Code::render("station.v", &text)?.as_str())?;
    Ok(StationSite { index: netlist.place(station), module, head, rotation, passes, places })
}

/// Of the adder at the end of a station that tokens pass: the residual comes in every round, and where they pass nothing is added to it.
fn passing(shape: &Shape, inputs: &mut [Source]) {
    let [residual, branch] = inputs else { return };
    residual.valid = "in_valid".into();
    branch.valid = format!("{} || passing", branch.valid);
    branch.data = format!("{{{}{{!passing}}}} & {}", shape.lanes * branch.bits, branch.data);
}

/// The streams into a unit: from its station, or the station's input.
pub fn sources(chip: &Chip, shape: &Shape, station: u32, id: UnitId) -> Result<Vec<Source>, Error> {
    let netlist = chip.netlist();
    let source = |&p: &UnitId| {
        let from = netlist.unit(p);
        let name = ident(&from.path);
        if from.station == station {
            let feed = matches!(from.kind, UnitKind::RowFeed(_)).then_some(p);
            return Ok(Source { valid: format!("{name}_valid"), data: format!("{name}_data"), bits: u32::from(from.out.bits), feed });
        }
        if from.station != netlist.before(station) || netlist.station_units(from.station).last() != Some(&p) {
            return Err(Error::unit(&netlist.unit(id).path, format!("takes {} from a station that is not the one before", from.path)));
        }
        Ok(Source { valid: "first_valid".into(), data: "in_data".into(), bits: shape.residual_bits, feed: None })
    };
    netlist.inputs(id).iter().map(source).collect()
}

/// Prints what a unit gives out. `skips`: tokens pass its station in some rounds.
fn probe_of(chip: &Chip, shape: &Shape, id: UnitId, skips: bool) -> Result<Instance, Error> {
    let unit = chip.netlist().unit(id);
    let name = ident(&unit.path);
    let i = |module: &str| named(chip, id, skips, Instance::new(module, format!("{name}_probe"), Vec::new()));
    let i = match &unit.kind {
        UnitKind::RowFeed(s) => {
            let design = fabric::design(s.fabric);
            design.probe(&Context::new(chip, shape, id, &[], false), s, i(design.probe_module())?)
        }
        kind => {
            let (v, len, bits) = match kind {
                UnitKind::Argmax => (1, 1, index_bits(units::logits(chip, id)?.0) + 1),
                _ => (shape.lanes, unit.out_len, u32::from(unit.out.bits)),
            };
            let data = if matches!(kind, UnitKind::Argmax) { format!("{{1'b0, {name}_data}}") } else { format!("{name}_data") };
            let i = i("hw_probe")?.param("V", v).param("LEN", len).param("BITS", bits).input("clk", 1, "clk");
            let valid = if skips && matches!(kind, UnitKind::Add) { format!("{name}_valid && !passed") } else { format!("{name}_valid") };
            i.input("valid", 1, valid).input("data", v * bits, data)
        }
    };
    let layer = if skips { "number" } else { "layer" };
    Ok(i.input("layer", 32, if shape.layer_bits > 0 { layer } else { "0" }).input("pos", 32, "pos").input("user", 32, "user"))
}

/// The probe of a unit by its path; where layers share it, by the path of each, whose numbers count up or are told round by round.
fn named(chip: &Chip, id: UnitId, skips: bool, i: Instance) -> Result<Instance, Error> {
    let netlist = chip.netlist();
    let path = |id| netlist.unit(id).path.as_str();
    let parts = |id| {
        let (layer, rest) = path(id).strip_prefix("layers.")?.split_once('.')?;
        Some((layer.parse::<u32>().ok()?, rest))
    };
    let all = netlist.worked(id);
    if all.len() == 1 {
        return Ok(i.file("PATH", path(id)));
    }
    let layers: Option<Vec<(u32, &str)>> = all.iter().map(|&id| parts(id)).collect();
    if let (true, Some(&(_, rest))) = (skips, layers.as_ref().and_then(|l| l.first())) {
        return Ok(i.file("PATH", "layers.").param("FIRST", 0).param("STEP", 1).file("REST", &format!(".{rest}")));
    }
    let counts_up = |l: &Vec<(u32, &str)>| {
        let step = l[1].0.wrapping_sub(l[0].0);
        l.windows(2).all(|w| w[1].0.wrapping_sub(w[0].0) == step && w[1].1 == w[0].1) && step > 0
    };
    let Some(layers) = layers.filter(counts_up) else {
        return Err(Error::unit(path(id), "the paths of the layers that share it do not count up, as those of a compiled chip do"));
    };
    let ((first, rest), step) = (layers[0], layers[1].0 - layers[0].0);
    Ok(i.file("PATH", "layers.").param("FIRST", first).param("STEP", step).file("REST", &format!(".{rest}")))
}
