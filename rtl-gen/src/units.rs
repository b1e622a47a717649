//! One instance for each unit: parameters from its spec, ports onto the nets of its station.
//!
//! A unit's nets start with its identifier: `_valid`, `_data`, `_ovf`; a row feed has `_row_*`, `_a`, `_h`, `_asum`, or `_plane*` and `_h`.

use crate::embed;
use crate::error::Error;
use crate::experts;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::{Shape, TOP_K, bits, ceil_log, ident, index_bits};
use crate::{metal, mvm};
use hardwire_netlist::unit::{Activation, AttentionSpec, CentreSpec, Fabric, GatedActSpec, NormSpec, Play, RowFeedSpec};
use hardwire_netlist::{Chip, Function, Silicon, Unit, UnitId, UnitKind};

/// A stream as its consumer sees it: nets and width of an element.
pub struct Source {
    pub valid: String,
    pub data: String,
    pub bits: u32,
    /// The row feed, for a matrix.
    pub feed: Option<UnitId>,
}

/// What a station has to know about one of its units.
pub struct Site {
    pub instances: Vec<Instance>,
    /// Nets it drives: name, width.
    pub nets: Vec<(String, u32)>,
    pub ovf: Option<String>,
}

/// Row-stream widths shared by a feed and its matrices.
pub struct FeedShape {
    pub bands: u32,
    pub act: u32,
    pub sum_bits: u32,
    pub row_bits: u32,
    pub sums: bool,
}

pub fn feed_shape(chip: &Chip, id: UnitId, s: &RowFeedSpec) -> FeedShape {
    let sums = chip.netlist().group_sums(id);
    let act = u32::from(s.act_bits);
    FeedShape { bands: s.k_tiles(), act, sum_bits: act + index_bits(s.group), row_bits: bits(s.played_rows()), sums }
}

/// Builds a unit's instance and writes its ROM images. `last`: it hands the residual on.
pub fn site(chip: &Chip, shape: &Shape, folder: &mut Folder, id: UnitId, inputs: &[Source], last: bool) -> Result<Site, Error> {
    let unit = chip.netlist().unit(id);
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
    let instance = match &unit.kind {
        UnitKind::Embed(_) => {
            nets.push((net("_last"), 1));
            let instances = embed::instances(shape, folder, unit, &Silicon::of(chip, id))?;
            return Ok(Site { instances, nets, ovf: Some(net("_ovf")) });
        }
        UnitKind::RmsNorm(s) => {
            let file = format!("rom/{}/gain.hex", unit.path);
            norm_gains(chip, folder, &file, s, v)?;
            let i = match &s.centre {
                None => instance("hw_rms_norm", format!("{} elements in {} groups", s.len, s.groups)).param("GROUPS", s.groups),
                Some(c) => centre(chip, folder, unit, s, c, v, instance("hw_layer_norm", format!("{} elements", s.len)))?,
            };
            let i = i.param("V", v).param("LEN", s.len).param("SHIFT", s.shift).param("IB", s.input.bits).param("OB", out);
            let i = i
                .param("QB", s.square_bits())
                .param("EPSILON", format!("64'd{}", s.epsilon))
                .param("TREE", ceil_log(s.square_lanes(v), 8).max(1));
            let t = shape.table(Function::Rsqrt);
            let i = i
                .param("GAIN_WORDS", s.gain_words(v))
                .param("VALUE_BITS", t.value_bits)
                .param("SLOPE_BITS", t.slope_bits)
                .file("GAIN", &file)
                .file("RSQRT", &t.file);
            give(stream(i.clocked(), "in_valid", "in_data", 0))
        }
        UnitKind::RowFeed(s) if s.play == Play::Bits => {
            nets =
                vec![(net("_plane_valid"), 1), (net("_plane_first"), 1), (net("_plane_last"), 1), (net("_plane"), s.len), (net("_h"), 5)];
            let i = instance("hw_bit_feed", format!("{} elements as {} planes", s.len, s.act_bits));
            let i = i.param("V", v).param("LEN", s.len).param("IB", s.input.bits).param("A", s.act_bits);
            let i = stream(i.clocked(), "in_valid", "in_data", 0).output("plane_valid", 1, net("_plane_valid"));
            let i = i.output("plane_first", 1, net("_plane_first")).output("plane_last", 1, net("_plane_last"));
            i.output("plane", s.len, net("_plane")).output("h", 5, net("_h"))
        }
        UnitKind::RowFeed(s) => {
            let f = feed_shape(chip, id, s);
            nets = vec![(net("_row_valid"), 1), (net("_row"), f.row_bits), (net("_row_end"), 1), (net("_row_last"), 1)];
            nets.extend([(net("_a"), f.bands * f.act), (net("_h"), 5), (net("_asum"), f.bands * f.sum_bits)]);
            let what = format!("{} elements as {} rows of {} bands, {} bits", s.len, s.played_rows(), f.bands, f.act);
            let i = instance("hw_row_feed", what).param("V", v).param("LEN", s.len).param("IB", s.input.bits).param("A", f.act);
            let i = i.param("ROWS", s.rows).param("GROUP", s.group).param("PLAYED", s.played_rows()).param("BANDS", f.bands);
            let i = i.param("SUMS", u32::from(f.sums)).param("AB", f.sum_bits).param("RW", f.row_bits);
            let go =
                if s.waits { format!("{}_last", ident(&chip.netlist().unit(chip.netlist().inputs(id)[1]).path)) } else { "1'b0".into() };
            let i = stream(i.param("WAITS", u32::from(s.waits)).clocked(), "in_valid", "in_data", 0).input("go", 1, go);
            let i = i.output("row_valid", 1, net("_row_valid"));
            let i = i.output("row", f.row_bits, net("_row")).output("row_end", 1, net("_row_end")).output("row_last", 1, net("_row_last"));
            let i = i.output("a", f.bands * f.act, net("_a")).output("h", 5, net("_h"));
            i.output("asum", f.bands * f.sum_bits, net("_asum"))
        }
        UnitKind::Mvm(s) => {
            let feed = inputs[0].feed.ok_or_else(|| Error::unit(&unit.path, "is not fed by a row feed"))?;
            let UnitKind::RowFeed(f) = &chip.netlist().unit(feed).kind else {
                return Err(Error::unit(&unit.path, "is not fed by a row feed"));
            };
            let from = ident(&chip.netlist().unit(feed).path);
            let i = instance(&format!("mvm_{name}"), s.matrix.tensor.clone()).clocked();
            let silicon = &Silicon::of(chip, id)[0];
            let t = match s.fabric {
                Fabric::Tile(t) => t,
                Fabric::Metal(t) => {
                    metal::emit(shape, folder, unit, silicon, s, t)?;
                    let i = i.input("plane_valid", 1, format!("{from}_plane_valid")).input("plane_first", 1, format!("{from}_plane_first"));
                    let i = i.input("plane_last", 1, format!("{from}_plane_last")).input("plane", f.len, format!("{from}_plane"));
                    let i = give(i.input("h", 5, format!("{from}_h")));
                    return Ok(Site { instances: vec![i], nets, ovf: Some(net("_ovf")) });
                }
            };
            let f = (f, feed_shape(chip, feed, f));
            mvm::emit(shape, folder, unit, silicon, s, t, &f)?;
            let i = i.input("row_valid", 1, experts::row_valid(chip, unit, feed, &from)).input("row", f.1.row_bits, format!("{from}_row"));
            let i = i.input("row_end", 1, format!("{from}_row_end")).input("row_last", 1, format!("{from}_row_last"));
            let i = i.input("a", f.1.bands * f.1.act, format!("{from}_a")).input("h", 5, format!("{from}_h"));
            give(i.input("asum", f.1.bands * f.1.sum_bits, format!("{from}_asum")))
        }
        UnitKind::Rope(s) => {
            let (first, pairs) = *shape
                .rope_tables
                .get(usize::from(s.table))
                .ok_or_else(|| Error::unit(&unit.path, format!("rope table {} does not exist", s.table)))?;
            if !v.is_multiple_of(s.head_dim) && !s.head_dim.is_multiple_of(v) {
                return Err(Error::unit(&unit.path, format!("heads of {} do not fit {v} lanes; choose other lanes", s.head_dim)));
            }
            let i = instance("hw_rope", format!("{} heads of {}, {} rotated", s.heads, s.head_dim, s.rotated));
            let i = i.param("V", v).param("LEN", unit.out_len).param("HEAD_DIM", s.head_dim).param("ROTATED", s.rotated);
            let i = i.param("IB", s.input.bits).param("OB", out).param("PAIRS", pairs).clocked();
            let i = i.input("rotation", pairs * 32, format!("rotation[{} +: {}]", first * 32, pairs * 32));
            give(stream(i, "in_valid", "in_data", 0))
        }
        UnitKind::Attention(s) => {
            let i = attention(chip, shape, folder, unit, s, instance("hw_attention", attention_comment(s)))?;
            let i = i.clocked().input("pos", shape.pos_bits, "pos").input("user", shape.user_bits, "user");
            let i = stream(stream(i, "q_valid", "q_data", 0), "k_valid", "k_data", 1);
            give(stream(i, "v_valid", "v_data", 2))
        }
        UnitKind::GatedAct(s) => {
            let i = gated_act(shape, s, &instance).param("V", v).param("GB", s.gate.bits).param("OB", out).param("SHIFT", s.shift);
            match s.up {
                Some(up) => {
                    together(chip, id)?;
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
        UnitKind::Mix(s) => give(experts::mix(chip, shape, id, s, inputs, instance("hw_mix", format!("{} experts", s.experts)))?),
        UnitKind::Add => {
            nets.push((net("_last"), 1));
            let i = instance("hw_add", if last { "the station's result".into() } else { String::from("sum") });
            let i = i.param("V", v).param("BITS", out).param("LEN", unit.out_len).param("HOLD", u32::from(last));
            let i = stream(stream(i.clocked(), "a_valid", "a_data", 0), "b_valid", "b_data", 1);
            give(i.input("next_ready", 1, if last { "next_ready" } else { "1'b1" }).output("out_last", 1, net("_last")))
        }
        UnitKind::Argmax => {
            let (len, from) = logits(chip, id)?;
            let idw = index_bits(len);
            nets = vec![(net("_valid"), 1), (net("_data"), idw), (net("_logit"), from)];
            let i = instance("hw_argmax", format!("{len} logits")).param("V", v).param("LEN", len).param("IB", from).param("IDW", idw);
            let i = stream(i.clocked(), "in_valid", "in_data", 0).output("out_valid", 1, net("_valid"));
            let i = i.output("out_id", idw, net("_data")).output("out_logit", from, net("_logit"));
            let top = Instance::new("hw_topk", format!("{name}_top_i"), vec![format!("the {TOP_K} greatest logits")]);
            let top = top.param("V", v).param("LEN", len).param("IB", from).param("IDW", idw).param("K", TOP_K);
            let top = stream(top.param("KW", index_bits(TOP_K)).clocked(), "in_valid", "in_data", 0).output("out_valid", 1, "top_valid");
            let top = top.output("out_rank", index_bits(TOP_K), "top_rank").output("out_id", idw, "top_id");
            return Ok(Site { instances: vec![i, top.output("out_logit", from, "top_logit")], nets, ovf: None });
        }
    };
    let ovf = (!matches!(unit.kind, UnitKind::RowFeed(_))).then(|| net("_ovf"));
    Ok(Site { instances: vec![instance], nets, ovf })
}

/// Vocabulary and logit bits of an Argmax.
pub fn logits(chip: &Chip, argmax: UnitId) -> Result<(u32, u32), Error> {
    let netlist = chip.netlist();
    let from = netlist.inputs(argmax).first().map(|&p| netlist.unit(p));
    from.map(|u| (u.out_len, u32::from(u.out.bits))).ok_or_else(|| Error::unit(&netlist.unit(argmax).path, "has no input"))
}

fn norm_gains(chip: &Chip, folder: &mut Folder, file: &str, s: &NormSpec, lanes: u32) -> Result<(), Error> {
    let gain = chip.programs.gain(s.gain).to_vec();
    let m = s.len / s.groups;
    let words = s.gain_words(lanes);
    roms::beats(folder, file, lanes, (words * lanes).min(s.len), 20, &|i| gain[(i % m) as usize])
}

fn attention_comment(s: &AttentionSpec) -> String {
    format!("{} heads on {} KV heads of {}, {} users of {} positions", s.heads, s.kv_heads, s.head_dim, s.users, s.context)
}

fn attention(chip: &Chip, shape: &Shape, folder: &mut Folder, unit: &Unit, s: &AttentionSpec, i: Instance) -> Result<Instance, Error> {
    let v = shape.lanes;
    if !v.is_multiple_of(s.head_dim) && !s.head_dim.is_multiple_of(v) {
        return Err(Error::unit(&unit.path, format!("heads of {} do not fit {v} lanes; choose other lanes", s.head_dim)));
    }
    if !(-511..=511).contains(&s.score_shift) || s.score_mantissa >= 1 << 16 {
        return Err(Error::unit(&unit.path, format!("score shift {} or mantissa {} is out of range", s.score_shift, s.score_mantissa)));
    }
    let (exp2, recip) = (shape.table(Function::Exp2), shape.table(Function::Recip));
    let i = i.param("V", v).param("HEADS", s.heads).param("KV_HEADS", s.kv_heads).param("HEAD_DIM", s.head_dim);
    let i = i.param("CONTEXT", s.context).param("USERS", s.users).param("WINDOW", s.window.unwrap_or(0)).param("A", s.act_bits);
    let i = i.param("KVB", s.kv_bits).param("P", s.pos_lanes).param("QB", s.q.bits).param("KB", s.k.bits).param("VB", s.v.bits);
    let i = i.param("OB", unit.out.bits).param("POSW", shape.pos_bits).param("UW", shape.user_bits).param("TREE", ceil_log(s.head_dim, 8));
    let i = i.param("MOST", ceil_log(s.pos_lanes, 4)).param("SUM", ceil_log(s.pos_lanes, 8));
    let i = i.param("MANTISSA", s.score_mantissa).param("SHIFT", s.score_shift);
    let i = i.param("EXP2_VALUE", exp2.value_bits).param("EXP2_SLOPE", exp2.slope_bits);
    let i = i.param("RECIP_VALUE", recip.value_bits).param("RECIP_SLOPE", recip.slope_bits);
    let i = i.file("EXP2", &exp2.file).file("RECIP", &recip.file);
    let Some(sinks) = s.sinks else { return Ok(i) };
    let (file, scores) = (format!("rom/{}/sinks.hex", unit.path), chip.programs.gain(sinks).to_vec());
    roms::beats(folder, &file, s.heads, s.heads, 32, &|h| scores[h as usize])?;
    Ok(i.param("SINKS", 1).file("SINK_SCORES", &file))
}

/// LayerNorm's mean and bias.
fn centre(chip: &Chip, folder: &mut Folder, unit: &Unit, s: &NormSpec, c: &CentreSpec, lanes: u32, i: Instance) -> Result<Instance, Error> {
    let i = i.param("MEAN_MANTISSA", c.mantissa).param("MEAN_SHIFT", c.shift).param("MEAN_TREE", ceil_log(lanes, 8).max(1));
    let Some(bias) = c.bias else { return Ok(i) };
    let (file, values) = (format!("rom/{}/bias.hex", unit.path), chip.programs.gain(bias).to_vec());
    roms::beats(folder, &file, lanes, s.len, 32, &|n| values[n as usize])?;
    Ok(i.param("BIAS", 1).file("BIASES", &file))
}

/// The module of an activation, and what is its own.
fn gated_act(shape: &Shape, s: &GatedActSpec, instance: &dyn Fn(&str, String) -> Instance) -> Instance {
    let what = format!("{} of the gate{}", s.activation.title(), if s.up.is_some() { ", times up" } else { "" });
    let Some((function, argument)) = s.activation.table() else {
        return instance("hw_relu2", what).param("FRAC", s.gate.frac);
    };
    let i = match s.activation {
        Activation::SwigluClamped { gate_limit, up_limit } => {
            let i = instance("hw_swiglu", what).param("UP_FRAC", s.up.map_or(0, |f| f.frac));
            i.param("GATE_LIMIT", gate_limit).param("UP_LIMIT", up_limit)
        }
        _ => instance("hw_gated_act", what),
    };
    let t = shape.table(function);
    let i = i.param("GATE_SHIFT", s.gate.frac - argument);
    i.param("VALUE_BITS", t.value_bits).param("SLOPE_BITS", t.slope_bits).file("SIGMOID", &t.file)
}

/// Gate and up must come in the same cycles: matrices of one shape on one feed.
fn together(chip: &Chip, id: UnitId) -> Result<(), Error> {
    let netlist = chip.netlist();
    let inputs = netlist.inputs(id);
    let shape = |p: UnitId| match &netlist.unit(p).kind {
        UnitKind::Mvm(m) => Some((netlist.inputs(p), m.matrix.bias)),
        _ => None,
    };
    match (shape(inputs[0]), shape(inputs[1])) {
        (Some(a), Some(b)) if a == b => Ok(()),
        _ => Err(Error::unit(&netlist.unit(id).path, "gate and up must be matrices on the same row feed, both with bias or neither")),
    }
}
