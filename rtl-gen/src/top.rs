//! The top: token in to token out through all stations, or some layers alone between residual streams; and its testbench.

use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::guide::{self, Bench, Place};
use crate::shape::{Shape, TOP_K, embed, index_bits};
use crate::station::{self, StationSite};
use crate::units;
use askama::Template;
use hardwire_netlist::{Chip, UnitKind};
use std::ops::Range;

struct StationText {
    index: u32,
    /// The one its tokens go to next.
    next: u32,
    module: String,
    head: bool,
    last: bool,
    rotation: bool,
    passes: bool,
}

#[derive(Template)]
#[template(path = "top.v")]
struct Top {
    title: String,
    about: Vec<String>,
    module: &'static str,
    embed: bool,
    head: bool,
    rotation: bool,
    v: u32,
    rb: u32,
    header: u32,
    uw: u32,
    posw: u32,
    pp: u32,
    beats: u32,
    bw: u32,
    vocab: u32,
    idw: u32,
    lb: u32,
    topw: u32,
    users: u32,
    context: u32,
    first: u32,
    /// 0: every layer has its own silicon. Else bits of a token's round; the station that the head follows; its last round.
    lw: u32,
    exit: u32,
    last_round: u32,
    /// The last station of the ring.
    ring: u32,
    /// Number of the head.
    head_index: u32,
    links: Vec<u32>,
    stations: Vec<StationText>,
    embed_instance: Code,
    phase_instance: Code,
    ovf: String,
}

/// Watches of the hand-overs to the stations `links`, in either testbench.
#[derive(Template)]
#[template(path = "watch_links.v")]
struct Links {
    links: Vec<u32>,
    v: u32,
    rb: u32,
    beats: u32,
    header: u32,
    posw: u32,
    uw: u32,
    users: u32,
    context: u32,
    lw: u32,
    rounds: u32,
}

#[derive(Template)]
#[template(path = "tb.v")]
struct Testbench {
    links: Code,
    vocab: u32,
    k: u32,
    context: u32,
    users: u32,
    idw: u32,
    uw: u32,
    posw: u32,
    lb: u32,
    v: u32,
    topw: u32,
    idle_cycles: u64,
}

#[derive(Template)]
#[template(path = "layers_tb.v")]
struct LayersTestbench {
    links: Code,
    v: u32,
    rb: u32,
    beats: u32,
    posw: u32,
    uw: u32,
    header: u32,
    idle_cycles: u64,
}

/// Stations of decoder layers `layers`, or all but the embedding.
fn stations(chip: &Chip, layers: Option<&Range<u32>>) -> Result<Range<u32>, Error> {
    let all = &chip.netlist().stations;
    let Some(layers) = layers else {
        return Ok(1..all.len() as u32);
    };
    if chip.netlist().is_folded() {
        return Err(Error::Option {
            option: "layers",
            what: format!("{layers:?}: the chip's layers share silicon; emit it whole, or compile with --fold 1"),
        });
    }
    let inside = |s: &hardwire_netlist::Station| s.layer.is_some_and(|l| layers.contains(&l));
    let first = all.iter().position(inside);
    let last = all.iter().rposition(inside);
    match (first, last) {
        (Some(a), Some(b)) if layers.end <= chip.model().layers => Ok(a as u32..b as u32 + 1),
        _ => Err(Error::Option { option: "layers", what: format!("{layers:?}, the chip has layers 0..{}", chip.model().layers) }),
    }
}

/// Writes the stations, the top and its testbench.
pub fn emit(chip: &Chip, shape: &Shape, folder: &mut Folder, layers: Option<&Range<u32>>, probe: bool) -> Result<guide::Top, Error> {
    let netlist = chip.netlist();
    let range = stations(chip, layers)?;
    let mut sites = Vec::new();
    // The built ones, in the order of the ring, and their places in it.
    let built: Vec<u32> = if netlist.is_folded() { netlist.built_stations().split_off(1) } else { range.clone().collect() };
    let order: Vec<u32> = built.iter().map(|&s| netlist.place(s)).collect();
    for &s in &built {
        sites.push(station::emit(chip, shape, folder, s, range.end, probe)?);
    }
    let whole = layers.is_none();
    let module = if whole { "hardwire_chip" } else { "hardwire_layers" };
    let mut places: Vec<Place> = Vec::new();
    let head = sites.last().is_some_and(|s| s.head);
    if whole && !head {
        return Err(Error::unit("head", "the last station has no argmax"));
    }
    let rotation = sites.first().is_some_and(|s| s.rotation);
    let first = range.start;
    let (unit, spec) = embed(chip)?;
    let idw = index_bits(spec.matrix.outputs);
    let argmax = netlist.units().find(|(_, u)| matches!(u.kind, UnitKind::Argmax)).map(|(id, _)| id);
    let lb = argmax.map_or(Ok(1), |id| units::logits(chip, id).map(|(_, bits)| bits))?;
    let mut ovf: Vec<String> = sites.iter().map(|s| format!("ovf_{}", s.index)).collect();
    let embed_instance = if whole {
        ovf.push("embed_ovf".into());
        let mut text = Code::default();
        text.add("  wire embed_valid, embed_ovf;\n  wire [{}-1:0] embed_data;\n", &[&(shape.lanes * shape.residual_bits)])?;
        if !netlist.is_folded() {
            text.add("  assign s{}_valid = embed_valid;\n  assign s{}_data = embed_data;\n", &[&first, &first])?;
        }
        for (name, width) in units::embed_nets(shape, spec) {
            text.add("  wire [{}-1:0] {};\n", &[&width, &name])?;
        }
        let id = netlist.units().find(|(_, u)| u.path == unit.path).map(|(id, _)| id).expect("it was found by path");
        let instances = units::site(chip, shape, folder, id, &[], true)?.instances;
        places.push(Place::new(module, unit, &instances));
        for i in instances {
            text.push(&i.text()?);
        }
        if probe {
            embed_probe(&mut text, shape, &unit.path)?;
        }
        text
    } else {
        Code::default()
    };
    let phase_instance = if rotation {
        units::phases(chip, shape, folder, &if netlist.is_folded() { "r_new".into() } else { format!("r{first}") })?.text()?
    } else {
        Code::default()
    };
    let about = about(&sites);
    places.extend(sites.iter_mut().flat_map(|s| std::mem::take(&mut s.places)));
    let top = Top {
        title: format!("{}.", guide::title(chip)),
        about,
        module,
        embed: whole,
        head,
        rotation,
        v: shape.lanes,
        rb: shape.residual_bits,
        header: shape.header_bits(),
        uw: shape.user_bits,
        posw: shape.pos_bits,
        pp: shape.pairs_a_beat,
        beats: shape.beats,
        bw: crate::shape::bits(shape.beats),
        vocab: spec.matrix.outputs,
        idw,
        lb,
        topw: index_bits(TOP_K),
        users: shape.users,
        context: shape.context,
        first,
        lw: shape.layer_bits,
        exit: netlist.place(netlist.decoder_stations()),
        ring: netlist.ring(),
        last_round: netlist.token_rounds() - 1,
        head_index: netlist.decoder_stations() + 1,
        links: order.clone(),
        stations: sites
            .into_iter()
            .map(|s| StationText {
                last: s.index + 1 == range.end,
                index: s.index,
                next: if netlist.is_folded() && s.index == netlist.ring() { 1 } else { s.index + 1 },
                module: s.module,
                head: s.head,
                rotation: s.rotation,
                passes: s.passes,
            })
            .collect(),
        embed_instance,
        phase_instance,
        ovf: ovf.join(" | "),
    };
    let text = Code::render("top.v", &top)?;
    folder.text(&format!("rtl/{module}.v"), text.as_str())?;
    let idle_cycles = idle_bound(chip, shape);
    let links = Links {
        links: order,
        v: shape.lanes,
        rb: shape.residual_bits,
        beats: shape.beats,
        header: shape.header_bits(),
        posw: shape.pos_bits,
        uw: shape.user_bits,
        users: shape.users,
        context: shape.context,
        lw: shape.layer_bits,
        rounds: netlist.token_rounds(),
    };
    let links = Code::render("watch_links.v", &links)?;
    let tb = if head && whole {
        let tb = Testbench {
            links,
            context: shape.context,
            vocab: spec.matrix.outputs,
            k: TOP_K,
            users: shape.users,
            idw,
            uw: shape.user_bits,
            posw: shape.pos_bits,
            lb,
            v: shape.lanes,
            topw: index_bits(TOP_K),
            idle_cycles,
        };
        Code::render("tb.v", &tb)?
    } else {
        let tb = LayersTestbench {
            links,
            v: shape.lanes,
            rb: shape.residual_bits,
            beats: shape.beats,
            posw: shape.pos_bits,
            uw: shape.user_bits,
            header: shape.header_bits(),
            idle_cycles,
        };
        Code::render("layers_tb.v", &tb)?
    };
    folder.text("tb/hardwire_tb.v", tb.as_str())?;
    folder.text("tb/main.cpp", include_str!("../templates/main.cpp"))?;
    let bench = if head && whole { Bench::Tokens } else { Bench::Residuals };
    Ok(guide::Top { module: module.into(), text, places, bench })
}

fn about(sites: &[StationSite]) -> Vec<String> {
    sites.iter().map(|s| format!("station {}: {}", s.index, s.module)).collect()
}

fn embed_probe(text: &mut Code, shape: &Shape, path: &str) -> Result<(), Error> {
    let (v, bits, len) = (shape.lanes, shape.residual_bits, shape.hidden);
    let (posw, uw) = (shape.pos_bits, shape.user_bits);
    text.add(
        "\n`ifdef HW_PROBE\n  hw_probe #(.PATH(\"{}\"), .V({}), .LEN({}), .BITS({})) embed_probe (\n    .clk(clk), .valid(embed_valid), \
         .data(embed_data), .pos(intake.header[{}-1:0]), .user(intake.header[{} +: {}])\n  );\n`endif\n",
        &[&path, &v, &len, &bits, &posw, &posw, &uw],
    )
}

/// More cycles than any token needs: after so many without an event, a testbench ends.
pub fn idle_bound(chip: &Chip, shape: &Shape) -> u64 {
    let bound = |u: &hardwire_netlist::Unit| {
        let beats = 2 * u64::from(u.out_len.div_ceil(shape.lanes)) + 64;
        match &u.kind {
            UnitKind::RowFeed(s) => 2 * beats + u64::from(s.played_cycles()),
            UnitKind::RmsNorm(s) if s.centre.is_some() => 2 * beats,
            // A round of comparisons for each that is chosen; a share for each.
            UnitKind::Route(s) => beats + u64::from(s.active) * 8 + 2 * u64::from(s.active + s.experts),
            UnitKind::Attention(s) => beats + 2 * u64::from(s.context / s.pos_lanes + 1),
            UnitKind::Delta(s) => 2 * beats + 2 * u64::from(s.key_dim),
            _ => beats,
        }
    };
    let netlist = chip.netlist();
    let alone: u64 = netlist.units().map(|(_, u)| bound(u)).sum();
    // In a ring a token may wait in every round for all others.
    if netlist.is_folded() { alone * netlist.built_stations().len() as u64 } else { alone }
}
