//! The critical path through a station: every unit starts when its streams arrive. Stations of the same shape are worked
//! out once.

use super::{StationTiming, UnitTiming};
use hardwire_netlist::unit::{Activation, CentreSpec, Fabric, Play};
use hardwire_netlist::{Netlist, UnitId, UnitKind};
use std::collections::HashMap;

/// Cycles from a token's acceptance to the first residual beat.
const EMBED: u64 = 7;
/// Learned positions: their sum with the token's row.
const POSITIONS: u64 = 1;
/// RmsNorm: after its last input beat, for one group, the tree over a beat's squares left out; each further group adds one.
const NORM: u64 = 14;
const ROW_FEED: u64 = 3;
/// Mvm of tiles: after its last row, reduction tree left out.
const MVM: u64 = 9;
/// Mvm in metal: after its last bit, both trees left out.
const METAL: u64 = 6;
const ROPE: u64 = 4;
/// Attention at one position word, the quantisation replay and the trees over elements and positions left out.
const ATTENTION: u64 = 25;
/// LayerNorm: after its last input beat, before its first centred one, the tree over a beat left out; its bias.
const CENTRE: u64 = 4;
const NORM_BIAS: u64 = 2;
/// One more word of scores, in the second pass.
const SINK: u64 = 1;
const GATED_ACT: u64 = 9;
const LIMITS: u64 = 1;
const RELU2: u64 = 5;
/// Route: after its last input beat, rounds and experts left out.
const ROUTE: u64 = 17;
const MIX: u64 = 3;
pub const ADD: u64 = 2;

/// How the output of a unit follows from its inputs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    /// Producers in the same station; `None` is the station's input.
    inputs: Vec<Option<usize>>,
    /// The port that decides, if not all of them.
    port: Option<usize>,
    /// Counted from the last input beat's end, not from the first beat.
    buffers: bool,
    delay: u64,
    /// Positions a cycle and window of an attention unit.
    scan: Option<(u32, Option<u32>)>,
    out_beats: u64,
}

impl Node {
    fn of(netlist: &Netlist, id: UnitId, at: &HashMap<UnitId, usize>) -> Node {
        let unit = netlist.unit(id);
        let beats = |n: u32| u64::from(n.div_ceil(netlist.lanes));
        let inputs = netlist.inputs(id).iter().map(|p| at.get(p).copied()).collect();
        let mut node = Node { inputs, port: None, buffers: false, delay: 0, scan: None, out_beats: beats(unit.out_len) };
        match &unit.kind {
            UnitKind::Embed(s) => node.delay = EMBED + if s.positions.is_some() { POSITIONS } else { 0 },
            UnitKind::RmsNorm(s) => {
                let bias = |c: &CentreSpec| if c.bias.is_some() { NORM_BIAS } else { 0 };
                let own = s.centre.as_ref().map_or(0, |c| CENTRE + tree(netlist.lanes, 8) + beats(s.len) + bias(c));
                let of_a_group = if s.groups == 1 { netlist.lanes } else { netlist.lanes.min(s.len / s.groups) };
                (node.buffers, node.delay) = (true, own + NORM + tree(of_a_group, 8) + u64::from(s.groups) - 1);
            }
            UnitKind::RowFeed(s) => {
                // Bits wait until the whole vector has been quantised, a beat a cycle.
                node.delay = if s.play == Play::Bits { beats(s.len) + 2 } else { ROW_FEED };
                node.buffers = true;
                node.out_beats = u64::from(s.played_cycles());
            }
            UnitKind::Mvm(s) => {
                let (before, parts) = match s.fabric {
                    Fabric::Tile(t) => (MVM, t.k_tiles(s.matrix.inputs)),
                    Fabric::Metal(t) => (METAL + u64::from(t.levels(&s.matrix)), s.matrix.groups()),
                };
                (node.buffers, node.delay) = (true, before + tree(parts, 2) + u64::from(s.matrix.bias));
            }
            UnitKind::Rope(_) => node.delay = ROPE,
            UnitKind::Attention(s) => {
                let replay = beats(s.heads * s.head_dim).max(beats(s.kv_heads * s.head_dim));
                let trees = ceil_log(s.head_dim, 8) + ceil_log(s.pos_lanes, 4) + ceil_log(s.pos_lanes, 8);
                (node.buffers, node.delay) = (true, ATTENTION + replay + u64::from(trees));
                if s.sinks.is_some() {
                    node.delay += SINK;
                }
                node.scan = Some((s.pos_lanes, s.window));
            }
            UnitKind::GatedAct(s) => {
                node.delay = match s.activation {
                    Activation::Silu | Activation::GeluTanh | Activation::Gelu => GATED_ACT,
                    Activation::SwigluClamped { .. } => LIMITS + GATED_ACT,
                    Activation::Relu2 => RELU2,
                }
            }
            UnitKind::Route(s) => {
                let round = u64::from(ceil_log(s.experts, 4)).max(1) + 1;
                let shares = u64::from(s.active) + if s.of_all { u64::from(s.experts) } else { 0 };
                (node.buffers, node.delay) = (true, ROUTE + u64::from(s.active) * round + shares + u64::from(s.active));
            }
            UnitKind::Mix(s) => node.delay = MIX + tree(2 * s.active, 8),
            UnitKind::Add => (node.port, node.delay) = (Some(1), ADD),
            UnitKind::Argmax => {
                (node.buffers, node.delay) = (true, tree(netlist.lanes, 4));
                node.out_beats = 1;
            }
        }
        node
    }
}

/// Least `n` with `base^n >= x`.
fn ceil_log(x: u32, base: u32) -> u32 {
    let (mut n, mut left) = (0, x);
    while left > 1 {
        left = left.div_ceil(base);
        n += 1;
    }
    n
}

/// Rounds of comparisons, each a stage more than its tree, bring the greatest logits out one by one after the token.
pub(super) fn top(lanes: u32, token_cycle: u64, rank: u32) -> u64 {
    token_cycle + 1 + u64::from(rank) * (tree(lanes, 4) + 1)
}

/// Stages of a tree that joins `x` values `base` to one each; one at least.
fn tree(x: u32, base: u32) -> u64 {
    u64::from(ceil_log(x, base)).max(1)
}

/// Words of `pos_lanes` positions that attention reads for a token at `pos`: the positions `0..=pos`, or the last `window`.
fn position_words(pos_lanes: u32, window: Option<u32>, pos: u32) -> u64 {
    let first = window.map_or(0, |w| (pos + 1).saturating_sub(w));
    u64::from(pos / pos_lanes - first / pos_lanes + 1)
}

/// First and one past the last cycle of each unit's input and output.
struct Span {
    start: u64,
    out: u64,
    end: u64,
}

fn spans(nodes: &[Node], in_beats: u64, pos: u32) -> Vec<Span> {
    let mut done: Vec<Span> = Vec::with_capacity(nodes.len());
    for n in nodes {
        let (mut first, mut begin, mut last) = (u64::MAX, 0, 0);
        for (port, input) in n.inputs.iter().enumerate() {
            let (out, end) = input.map_or((0, in_beats), |i| (done[i].out, done[i].end));
            first = first.min(out);
            if n.port.is_none_or(|p| p == port) {
                begin = begin.max(out);
                last = last.max(end);
            }
        }
        let scan = n.scan.map_or(0, |(lanes, window)| 2 * (position_words(lanes, window, pos) - 1));
        let out = if n.buffers { last } else { begin } + n.delay + scan;
        done.push(Span { start: if n.inputs.is_empty() { 0 } else { first }, out, end: out + n.out_beats });
    }
    done
}

/// The stations of a netlist, those of equal shape shared.
pub struct Paths {
    shapes: Vec<Vec<Node>>,
    /// Shape and units of each station.
    stations: Vec<(usize, Vec<UnitId>)>,
    /// Beats of the residual stream.
    pub beats: u64,
    /// From a token's acceptance to the first of them.
    pub embed: u64,
}

impl Paths {
    pub fn new(netlist: &Netlist) -> Paths {
        let mut members: Vec<Vec<UnitId>> = vec![Vec::new(); netlist.stations.len()];
        for (id, u) in netlist.units() {
            members[u.station as usize].push(id);
        }
        let (mut shapes, mut stations) = (Vec::new(), Vec::with_capacity(members.len()));
        let mut known: HashMap<Vec<Node>, usize> = HashMap::new();
        for ids in members {
            let at: HashMap<UnitId, usize> = ids.iter().enumerate().map(|(i, &id)| (id, i)).collect();
            let nodes: Vec<Node> = ids.iter().map(|&id| Node::of(netlist, id, &at)).collect();
            let shape = *known.entry(nodes).or_insert_with_key(|nodes| {
                shapes.push(nodes.clone());
                shapes.len() - 1
            });
            stations.push((shape, ids));
        }
        let residual = stations.first().and_then(|(_, ids)| ids.last()).map_or(0, |&id| netlist.unit(id).out_len);
        let embed = shapes.first().and_then(|nodes: &Vec<Node>| nodes.first()).map_or(0, |n| n.delay);
        Paths { shapes, stations, embed, beats: u64::from(residual.div_ceil(netlist.lanes)) }
    }

    pub fn len(&self) -> usize {
        self.stations.len()
    }

    pub fn station(&self, station: u32, pos: u32) -> StationTiming {
        let (shape, ids) = &self.stations[station as usize];
        let spans = spans(&self.shapes[*shape], self.beats, pos);
        StationTiming {
            station,
            latency_cycles: spans.last().map_or(0, |s| s.out),
            units: ids.iter().zip(&spans).map(|(&unit, s)| UnitTiming { unit, start_cycle: s.start, end_cycle: s.end }).collect(),
        }
    }

    /// Latency of every shape of station at `pos`, then of every station by its shape.
    pub fn latencies(&self, pos: u32, by_shape: &mut Vec<u64>) {
        by_shape.clear();
        by_shape.extend(self.shapes.iter().map(|nodes| spans(nodes, self.beats, pos).last().map_or(0, |s| s.out)));
    }

    pub fn shape(&self, station: usize) -> usize {
        self.stations[station].0
    }
}
