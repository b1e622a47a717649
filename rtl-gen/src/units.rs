//! One instance for each unit: parameters from its spec, ports onto the nets of its station.
//!
//! A unit's nets start with its identifier: `_valid`, `_data`, `_ovf`; a row feed has `_row_*`, `_a`, `_h`, `_asum`, or `_plane*` and `_h`.

mod add;
mod argmax;
mod attention;
mod gated_act;
mod norm;
mod recurrent;
mod rope;
mod row_feed;

pub use argmax::logits;

use crate::embed;
use crate::error::Error;
use crate::experts;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::{Shape, ident, index_bits};
use crate::stream::{Source, feed_shape, go};
use crate::{group, metal, mvm};
use hardwire_netlist::unit::Fabric;
use hardwire_netlist::{Chip, Silicon, UnitId, UnitKind};

/// What a station has to know about one of its units.
pub struct Site {
    pub instances: Vec<Instance>,
    /// Nets it drives: name, width.
    pub nets: Vec<(String, u32)>,
    pub ovf: Option<String>,
}

/// What a unit with ROM of its own is told where layers share silicon: how many, and which one its token is in.
fn layered(shape: &Shape, rounds: u32, i: Instance) -> Instance {
    match shape.layer_bits {
        0 => i,
        bits => in_layer(shape, i.param("LAYERS", rounds).param("LW", bits)),
    }
}

/// Whose sequence a unit that remembers works on; where layers share it, each has one for every user.
fn sequence(shape: &Shape, i: Instance) -> Instance {
    match shape.layer_bits {
        0 => i.input("user", shape.user_bits, "user"),
        bits => i.input("user", shape.user_bits + bits, "cache_user"),
    }
}

/// Which of the layers that share silicon a unit's token is in, where any do.
fn in_layer(shape: &Shape, i: Instance) -> Instance {
    match shape.layer_bits {
        0 => i,
        bits => i.input("layer", bits, "layer"),
    }
}

/// The matrices of the layers after the first that share a unit's silicon, behind it in its ROMs.
fn further_layers(chip: &Chip, folder: &mut Folder, id: UnitId) -> Result<(), Error> {
    chip.netlist().worked(id)[1..].iter().try_for_each(|&layer| roms::matrix(folder, &Silicon::of(chip, layer)[0]))
}

/// Builds a unit's instance and writes its ROM images. `last`: it hands the residual on.
pub fn site(chip: &Chip, shape: &Shape, folder: &mut Folder, id: UnitId, inputs: &[Source], last: bool) -> Result<Site, Error> {
    let netlist = chip.netlist();
    let unit = netlist.unit(id);
    let rounds = netlist.rounds(unit.station);
    let name = ident(&unit.path);
    let v = shape.lanes;
    let out = u32::from(unit.out.bits);
    let net = |suffix: &str| format!("{name}{suffix}");
    let mut nets = vec![(net("_valid"), 1), (net("_data"), v * out), (net("_ovf"), 1)];
    let instance = |module: &str, what: String| Instance::new(module, format!("{name}_i"), vec![format!("{}: {what}", unit.path)]);
    let stream = |i: Instance, valid: &'static str, data: &'static str, port: usize| {
        i.input(valid, 1, &inputs[port].valid).input(data, v * inputs[port].bits, &inputs[port].data)
    };
    let give =
        |i: Instance| i.output("out_valid", 1, net("_valid")).output("out_data", v * out, net("_data")).output("ovf", 1, net("_ovf"));
    // What a unit drives by more names than a stream's: port, what follows its identifier, width.
    let named = |drives: &[(&str, &str, u32)]| drives.iter().map(|&(_, suffix, width)| (net(suffix), width)).collect::<Vec<_>>();
    let feeds = |i: Instance, drives: &[(&'static str, &str, u32)]| {
        drives.iter().fold(i, |i, &(port, suffix, width)| i.output(port, width, net(suffix)))
    };
    let instance = match &unit.kind {
        UnitKind::Embed(_) => {
            nets.push((net("_last"), 1));
            let instances = embed::instances(shape, folder, unit, &Silicon::of(chip, id))?;
            return Ok(Site { instances, nets, ovf: Some(net("_ovf")) });
        }
        UnitKind::RmsNorm(s) => {
            let i = norm::parameters(chip, shape, folder, id, s, &instance)?;
            give(stream(layered(shape, rounds, i.clocked()), "in_valid", "in_data", 0))
        }
        UnitKind::RowFeed(s) if s.fabric == Fabric::Metal => {
            let (i, drives) = row_feed::planes(v, s, &instance);
            nets = named(&drives);
            feeds(stream(i.clocked(), "in_valid", "in_data", 0), &drives)
        }
        UnitKind::RowFeed(s) if s.fabric == Fabric::Group => {
            let what = format!("{} elements as {} groups of {}", s.len, s.played_cycles(), s.group);
            let (i, drives) = (group::feed(chip, id, s, v, instance("hw_group_feed", what)), group::nets(s));
            nets = named(&drives);
            feeds(stream(i.clocked(), "in_valid", "in_data", 0).input("go", 1, go(chip, id, s)), &drives)
        }
        UnitKind::RowFeed(s) => {
            let (i, drives) = row_feed::rows(v, s, &feed_shape(chip, id, s), &instance);
            nets = named(&drives);
            feeds(stream(i.clocked(), "in_valid", "in_data", 0).input("go", 1, go(chip, id, s)), &drives)
        }
        UnitKind::Mvm(s) => {
            let feed = inputs[0].feed.ok_or_else(|| Error::unit(&unit.path, "is not fed by a row feed"))?;
            let UnitKind::RowFeed(f) = &chip.netlist().unit(feed).kind else {
                return Err(Error::unit(&unit.path, "is not fed by a row feed"));
            };
            let from = ident(&chip.netlist().unit(feed).path);
            let i = instance(&format!("mvm_{name}"), s.matrix.tensor.clone()).clocked();
            let silicon = &Silicon::of(chip, id)[0];
            match s.fabric {
                Fabric::Tile => {}
                Fabric::Metal => {
                    metal::emit(shape, folder, unit, silicon, s)?;
                    let i = i.input("plane_valid", 1, format!("{from}_plane_valid")).input("plane_first", 1, format!("{from}_plane_first"));
                    let i = i.input("plane_last", 1, format!("{from}_plane_last")).input("plane", f.len, format!("{from}_plane"));
                    let i = give(i.input("h", 5, format!("{from}_h")));
                    return Ok(Site { instances: vec![i], nets, ovf: Some(net("_ovf")) });
                }
                Fabric::Group => {
                    group::emit(shape, folder, unit, silicon, s, rounds, f)?;
                    further_layers(chip, folder, id)?;
                    let i = group::nets(f).into_iter().fold(in_layer(shape, i), |i, (port, suffix, width)| {
                        let valid = port == "word_valid";
                        i.input(port, width, if valid { experts::row_valid(chip, unit, feed, &from) } else { format!("{from}{suffix}") })
                    });
                    return Ok(Site { instances: vec![give(i)], nets, ovf: Some(net("_ovf")) });
                }
            }
            let f = (f, feed_shape(chip, feed, f));
            mvm::emit(shape, folder, unit, silicon, s, rounds, &f)?;
            further_layers(chip, folder, id)?;
            let i = in_layer(shape, i).input("row_valid", 1, experts::row_valid(chip, unit, feed, &from)).input(
                "row",
                f.1.row_bits,
                format!("{from}_row"),
            );
            let i = i.input("row_end", 1, format!("{from}_row_end")).input("row_last", 1, format!("{from}_row_last"));
            let i = i.input("a", f.1.bands * f.1.act, format!("{from}_a")).input("h", 5, format!("{from}_h"));
            give(i.input("asum", f.1.bands * f.1.sum_bits, format!("{from}_asum")))
        }
        UnitKind::Rope(s) => give(stream(rope::parameters(chip, shape, id, s, &instance)?, "in_valid", "in_data", 0)),
        UnitKind::Attention(s) => {
            let i = attention::parameters(chip, shape, folder, id, s, instance("hw_attention", attention::title(s)))?;
            let i = layered(shape, rounds, sequence(shape, i.clocked().input("pos", shape.pos_bits, "pos")));
            let i = stream(stream(i, "q_valid", "q_data", 0), "k_valid", "k_data", 1);
            give(stream(i, "v_valid", "v_data", 2))
        }
        UnitKind::GatedAct(s) => {
            let i =
                gated_act::parameters(shape, s, &instance).param("V", v).param("GB", s.gate.bits).param("OB", out).param("SHIFT", s.shift);
            match s.up {
                Some(up) if s.holds => {
                    nets.push((net("_gate"), v * u32::from(s.gate.bits)));
                    let hold = Instance::new("hw_hold", format!("{name}_hold_i"), vec![format!("{}: the gate waits for up", unit.path)]);
                    let hold = hold.param("V", v).param("B", s.gate.bits).param("LEN", unit.out_len).clocked();
                    let hold = stream(hold, "in_valid", "in_data", 0).input("take", 1, &inputs[1].valid);
                    let hold = hold.output("out_data", v * u32::from(s.gate.bits), net("_gate"));
                    let i = i.param("UB", up.bits).clocked().input("in_valid", 1, &inputs[1].valid);
                    let i = i.input("gate", v * u32::from(s.gate.bits), net("_gate")).input("up", v * inputs[1].bits, &inputs[1].data);
                    return Ok(Site { instances: vec![hold, give(i)], nets, ovf: Some(net("_ovf")) });
                }
                Some(up) => {
                    gated_act::together(chip, id)?;
                    let i = stream(i.param("UB", up.bits).clocked(), "in_valid", "gate", 0);
                    give(i.input("up", v * inputs[1].bits, &inputs[1].data))
                }
                // Without a gate: times one.
                None => {
                    let i = stream(i.param("UB", 2).clocked(), "in_valid", "gate", 0);
                    give(i.input("up", v * 2, format!("{{{v}{{2'b01}}}}")))
                }
            }
        }
        UnitKind::Route(s) => {
            let index = index_bits(s.experts);
            nets.extend([(net("_last"), 1), (net("_chosen"), s.experts), (net("_sel"), s.active * index), (net("_weight"), s.active * 18)]);
            let i = instance("hw_route", format!("{} of {} experts", s.active, s.experts)).param("V", v);
            let i = give(stream(experts::route(shape, s, i).clocked(), "in_valid", "in_data", 0)).output("out_last", 1, net("_last"));
            let i = i.output("chosen", s.experts, net("_chosen")).output("sel", s.active * index, net("_sel"));
            i.output("weight", s.active * 18, net("_weight"))
        }
        UnitKind::Mix(s) => {
            let i = experts::mix(chip, shape, id, s, inputs, instance("hw_mix", format!("{} experts", s.experts)))?;
            let mut instances = Vec::new();
            if s.shared {
                nets.push((net("_shared"), v * out));
                instances.push(experts::shared(chip, shape, id, inputs));
            }
            instances.push(give(i));
            return Ok(Site { instances, nets, ovf: Some(net("_ovf")) });
        }
        UnitKind::Conv(s) => {
            let what = format!("{} taps of {} elements, {} users", s.taps, s.len, s.users);
            let i = recurrent::conv(chip, shape, folder, id, s, instance("hw_conv", what))?;
            let i = sequence(shape, i.clocked().input("pos", shape.pos_bits, "pos"));
            give(stream(layered(shape, rounds, i), "in_valid", "in_data", 0))
        }
        UnitKind::Decay(s) => {
            let i = recurrent::decay(chip, shape, folder, id, s, instance("hw_decay", format!("{} heads", s.len)))?;
            give(stream(layered(shape, rounds, i.clocked()), "in_valid", "in_data", 0))
        }
        UnitKind::Delta(s) => {
            let what = format!("{} states of {} by {}, {} users", s.value_heads, s.key_dim, s.value_dim, s.users);
            let i = recurrent::delta(chip, shape, id, s, instance("hw_delta", what));
            let i = sequence(shape, i.clocked().input("pos", shape.pos_bits, "pos"));
            let i = stream(stream(i, "q_valid", "q_data", 0), "k_valid", "k_data", 1);
            let i = stream(stream(i, "v_valid", "v_data", 2), "decay_valid", "decay_data", 3);
            give(stream(i, "step_valid", "step_data", 4))
        }
        UnitKind::Add => {
            let i = stream(add::parameters(shape, unit, last, &instance).clocked(), "a_valid", "a_data", 0);
            let i = stream(i, "b_valid", "b_data", 1).input("next_ready", 1, if last { "next_ready" } else { "1'b1" });
            let drives = add::nets(shape);
            nets.extend(named(&drives));
            give(feeds(i, &drives))
        }
        UnitKind::Argmax => return argmax::site(chip, shape, id, inputs),
    };
    let ovf = (!matches!(unit.kind, UnitKind::RowFeed(_))).then(|| net("_ovf"));
    Ok(Site { instances: vec![instance], nets, ovf })
}
