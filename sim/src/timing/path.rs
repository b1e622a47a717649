//! The critical path through a station: every unit starts when its streams arrive. Stations of the same shape are worked
//! out once.

use super::depth::{Node, PASS};
use hardwire_netlist::{Netlist, UnitId};
use std::collections::HashMap;

/// Words of `pos_lanes` positions that attention reads for a token at `pos`: the positions `0..=pos`, or the last `window`.
fn position_words(pos_lanes: u32, window: Option<u32>, pos: u32) -> u64 {
    let first = window.map_or(0, |w| (pos + 1).saturating_sub(w));
    u64::from(pos / pos_lanes - first / pos_lanes + 1)
}

/// When one unit works, in cycles from its station's first input beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitTiming {
    pub unit: UnitId,
    /// Cycle of its first input beat (for the first unit of the chip: of the token's acceptance).
    pub start_cycle: u64,
    /// One past the cycle of its last output beat.
    pub end_cycle: u64,
}

/// One token's stay in a station whose successor is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationTiming {
    pub station: u32,
    /// From the first beat in (embed: the token's acceptance) to the first beat out (head: the token out).
    pub latency_cycles: u64,
    pub units: Vec<UnitTiming>,
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
    /// Stations between embedding and head that are built.
    pub ring: usize,
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
        let (beats, ring) = (u64::from(residual.div_ceil(netlist.lanes)), netlist.ring() as usize);
        Paths { shapes, stations, beats, embed, ring }
    }

    pub fn len(&self) -> usize {
        self.stations.len()
    }

    /// Whether tokens go round.
    pub fn is_folded(&self) -> bool {
        self.ring + 2 < self.stations.len()
    }

    pub fn station(&self, station: u32, pos: u32) -> StationTiming {
        let (shape, ids) = &self.stations[station as usize];
        let spans = spans(&self.shapes[*shape], self.beats, pos);
        StationTiming {
            station,
            latency_cycles: self.latency(&spans),
            units: ids.iter().zip(&spans).map(|(&unit, s)| UnitTiming { unit, start_cycle: s.start, end_cycle: s.end }).collect(),
        }
    }

    /// Latency of every shape of station at `pos`, then of every station by its shape.
    pub fn latencies(&self, pos: u32, by_shape: &mut Vec<u64>) {
        by_shape.clear();
        by_shape.extend(self.shapes.iter().map(|nodes| self.latency(&spans(nodes, self.beats, pos))));
    }

    /// Of a station, from its first beat in to its first beat out; one without units is passed.
    fn latency(&self, spans: &[Span]) -> u64 {
        spans.last().map_or(self.beats + PASS, |s| s.out)
    }

    pub fn shape(&self, station: usize) -> usize {
        self.stations[station].0
    }
}

#[cfg(test)]
impl Paths {
    /// Stations that take so many cycles at every position, the embedding first and the head last.
    pub fn of_latencies(latencies: &[u64], beats: u64, ring: usize) -> Paths {
        let node = |delay: u64| Node { inputs: vec![None], port: None, buffers: false, delay, scan: None, out_beats: beats };
        let shapes: Vec<Vec<Node>> = latencies.iter().map(|&delay| vec![node(delay)]).collect();
        let stations = (0..latencies.len()).map(|s| (s, vec![UnitId::new(s)])).collect();
        Paths { shapes, stations, beats, embed: latencies[0], ring }
    }
}
