//! How long each kind of unit takes: pipeline depths of the Verilog, and how a unit's output follows from its inputs. One match over the kinds:
//! each is a line or two over the same few fields, and they are read side by side with `docs/microarchitecture.md`.

use hardwire_netlist::fabric::{Fabric, metal};
use hardwire_netlist::unit::{Activation, CentreSpec, MvmSpec};
use hardwire_netlist::width::ceil_log;
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
/// Mvm of group columns: after its last group, reduction tree left out.
const GROUP: u64 = 6;
const ROPE: u64 = 4;
/// Attention at one position word, the quantisation replay and the trees over elements and positions left out.
const ATTENTION: u64 = 25;
/// LayerNorm: after its last input beat, before its first centred one, the tree over a beat left out; its bias.
const CENTRE: u64 = 4;
const NORM_BIAS: u64 = 2;
/// One more word of scores, in the second pass.
const SINK: u64 = 1;
const GATED_ACT: u64 = 9;
/// The share alone.
const SIGMOID: u64 = 7;
const CONV: u64 = 5;
const DECAY: u64 = 11;
/// Delta rule: after its last input beat, the rows of its state left out.
const DELTA: u64 = 13;
const LIMITS: u64 = 1;
const RELU2: u64 = 5;
/// Route: after its last input beat, rounds and experts left out.
const ROUTE: u64 = 17;
const MIX: u64 = 3;
pub(super) const ADD: u64 = 2;
/// A station that is passed: from the last residual beat in to the first out, that beat's own cycle left out.
pub(super) const PASS: u64 = 3;

/// How the output of a unit follows from its inputs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    /// Producers in the same station; `None` is the station's input.
    pub(super) inputs: Vec<Option<usize>>,
    /// The port that decides, if not all of them.
    pub(super) port: Option<usize>,
    /// Counted from the last input beat's end, not from the first beat.
    pub(super) buffers: bool,
    pub(super) delay: u64,
    /// Positions a cycle and window of an attention unit.
    pub(super) scan: Option<(u32, Option<u32>)>,
    pub(super) out_beats: u64,
}

impl Node {
    /// Of a unit; `at`: where the units of its station are.
    pub(super) fn of(netlist: &Netlist, id: UnitId, at: &HashMap<UnitId, usize>) -> Node {
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
                node.delay = match s.fabric {
                    Fabric::Tile | Fabric::Group => ROW_FEED,
                    Fabric::Metal => beats(s.len) + 2,
                };
                node.buffers = true;
                node.out_beats = u64::from(s.played_cycles());
            }
            UnitKind::Mvm(s) => {
                (node.buffers, node.delay) = (true, array(s) + tree(s.parts(), 2) + u64::from(s.matrix.bias));
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
                // A gate that waits is there before up is.
                node.port = s.holds.then_some(1);
                node.delay = match (s.activation, s.activation.table()) {
                    (Activation::Sigmoid, _) => SIGMOID,
                    (Activation::SwigluClamped { .. }, _) => LIMITS + GATED_ACT,
                    (_, Some(_)) => GATED_ACT,
                    (_, None) => RELU2,
                }
            }
            UnitKind::Route(s) => {
                let round = u64::from(ceil_log(s.experts, 4)).max(1) + 1;
                let shares = u64::from(s.active) + if s.of_all { u64::from(s.experts) } else { 0 };
                (node.buffers, node.delay) = (true, ROUTE + u64::from(s.active) * round + shares + u64::from(s.active));
            }
            UnitKind::Conv(_) => node.delay = CONV,
            UnitKind::Decay(_) => node.delay = DECAY,
            UnitKind::Delta(s) => (node.buffers, node.delay) = (true, DELTA + u64::from(s.key_dim)),
            UnitKind::Mix(s) => node.delay = MIX + tree(2 * s.weighed(), 8),
            UnitKind::Add => (node.port, node.delay) = (Some(1), ADD),
            UnitKind::Argmax => {
                (node.buffers, node.delay) = (true, tree(netlist.lanes, 4));
                node.out_beats = 1;
            }
        }
        node
    }
}

/// Rounds of comparisons, each a stage more than its tree, bring the greatest logits out one by one after the token.
pub(super) fn top(lanes: u32, token_cycle: u64, rank: u32) -> u64 {
    token_cycle + 1 + u64::from(rank) * (tree(lanes, 4) + 1)
}

/// Stages of a tree that joins `x` values `base` to one each; one at least.
fn tree(x: u32, base: u32) -> u64 {
    u64::from(ceil_log(x, base)).max(1)
}

/// From the end of what a matrix is fed to its first output beat, reduction tree and bias left out.
fn array(s: &MvmSpec) -> u64 {
    match s.fabric {
        Fabric::Tile => MVM,
        Fabric::Group => GROUP,
        Fabric::Metal => METAL + u64::from(metal::levels(&s.matrix)),
    }
}
