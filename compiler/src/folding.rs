//! Which layers share silicon. A station of silicon works stations of the model that are of one kind; what they have in common, the formats of
//! their streams and the widths proven from their codes, is planned for all of them together.

use crate::error::Error;
use crate::fabric::{FabricChoice, FabricChoices};
use crate::order;
use hardwire_models::{Node, Numbers, Op, OpGraph, Shape};
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Layers of a model that share silicon, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// So many at most; 1: every layer its own.
    Layers(u32),
    /// All that are alike.
    All,
    /// As few as fit one die within the reticle: the most tokens in flight.
    Auto,
}

impl FromStr for Fold {
    type Err = String;

    fn from_str(s: &str) -> Result<Fold, String> {
        match s.parse() {
            Ok(n) if n > 0 => Ok(Fold::Layers(n)),
            _ if s == "all" => Ok(Fold::All),
            _ if s == "auto" => Ok(Fold::Auto),
            _ => Err(format!("{s}, expected a number of layers, all or auto")),
        }
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fold::Layers(n) => write!(f, "{n}"),
            Fold::All => f.write_str("all"),
            Fold::Auto => f.write_str("auto"),
        }
    }
}

/// As it is written.
impl serde::Serialize for Fold {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Fold {
    /// Layers that may share silicon, of a model of `layers`.
    ///
    /// # Errors
    /// `auto`: what fits a die is chosen by the figures of a plan.
    pub(crate) fn most(self, layers: u32) -> Result<u32, Error> {
        match self {
            Fold::Layers(n) => Ok(n),
            Fold::All => Ok(layers),
            Fold::Auto => Err(Error::option(
                "fold",
                "auto is chosen by `hardwire plan`, before there are weights; give the number that it names, or all",
            )),
        }
    }
}

/// Where every station of the model is worked. Stations of one kind, such as the attention of layers that differ in their windows alone, may
/// share silicon; where several kinds stand in the ring, a token passes what is not of its layer's kind.
#[derive(Clone, Debug, Default)]
pub struct Folding {
    /// Stations of the netlist between embedding and head, in order: the model's, and `None` for each that is passed.
    route: Vec<Option<u32>>,
    ring: Option<u32>,
    /// Layer whose silicon a node shares, by path, where that is another layer's.
    first: BTreeMap<String, u32>,
    /// Rotations of the silicon that an attention lies in, where its own layer has none: of queries and keys, as another layer has them.
    turned: BTreeMap<String, Vec<Turned>>,
}

/// A rotation that passes all elements: its place in the layer, heads and their elements.
#[derive(Clone, Debug)]
pub(crate) struct Turned {
    pub path: String,
    pub heads: u32,
    pub head_dim: u32,
}

impl Folding {
    /// Of a model's graph. The ring has the kinds of station in the order in which a token meets them, as often as it takes for none to work more
    /// than was asked for.
    ///
    /// # Errors
    /// More than one layer was to share silicon, and no two are alike in any part.
    pub(crate) fn of_graph(shape: &Shape, fold: Fold, fabrics: &FabricChoices) -> Result<Folding, Error> {
        let graph = &shape.graph;
        let stations = order::stations(graph);
        let count = stations[&graph.output].saturating_sub(1) as usize;
        let mut places: Vec<Vec<Place>> = vec![Vec::new(); count];
        let mut nodes: Vec<Vec<NodeIndex>> = vec![Vec::new(); count];
        for (&id, &station) in &stations {
            let at = (station as usize).wrapping_sub(1);
            if at >= count {
                continue;
            }
            nodes[at].push(id);
            let node = &graph.graph[id];
            // Whether and by which table heads are turned is read by layer.
            if !matches!(node.op, Op::Rope { .. }) {
                let stored = node.matrix().map(|tensor| shape.numbers(tensor));
                places[at].push((place_of(&node.path).into(), nameless(&node.op), node.width, node.expert, fabrics.of(&node.path), stored));
            }
        }
        let mut kinds: Vec<usize> = Vec::new();
        for (at, own) in places.iter().enumerate() {
            let known = places[..at].iter().position(|p| p == own);
            kinds.push(known.map_or(at, |known| kinds[known]));
        }
        let most = fold.most(shape.config.layers as u32)?;
        let route = route(&kinds, most);
        let alone = (1..=count as u32).map(Some).collect();
        if route.ring == count {
            if most > 1 && shape.config.layers > 1 {
                return Err(Error::option("fold", "no two layers are alike in any part, so none can share silicon; use 1"));
            }
            return Ok(Folding { route: alone, ..Folding::default() });
        }
        let mut folding = Folding { ring: Some(route.ring as u32), ..Folding::default() };
        folding.route = route.stations.iter().map(|s| s.map(|s| s as u32 + 1)).collect();
        folding.share(graph, &nodes, route.ring);
        Ok(folding)
    }

    /// Says whose silicon each node has.
    fn share(&mut self, graph: &OpGraph, nodes: &[Vec<NodeIndex>], ring: usize) {
        let layer = |station: usize| nodes[station].iter().find_map(|&id| layer_of(&graph.graph[id].path)).map_or(0, |(layer, _)| layer);
        for place in 0..ring {
            let worked: Vec<usize> = self.route.iter().skip(place).step_by(ring).flatten().map(|&s| s as usize - 1).collect();
            let Some(&first) = worked.first() else { continue };
            let theirs: Vec<Turned> = worked.iter().map(|&s| ropes(graph, &nodes[s])).find(|r| !r.is_empty()).unwrap_or_default();
            for &station in &worked {
                for &id in &nodes[station] {
                    let node = &graph.graph[id];
                    if station != first {
                        self.first.insert(node.path.clone(), layer(first));
                    }
                    if matches!(node.op, Op::Attention { .. }) && ropes(graph, &nodes[station]).is_empty() && !theirs.is_empty() {
                        let here = |t: &Turned| Turned { path: format!("layers.{}.{}", layer(station), place_of(&t.path)), ..t.clone() };
                        self.turned.insert(node.path.clone(), theirs.iter().map(here).collect());
                    }
                }
            }
        }
    }

    pub fn is_folded(&self) -> bool {
        self.ring.is_some()
    }

    /// Path of the node whose silicon a node shares: its own, or the same place in a layer before.
    pub(crate) fn built_path(&self, path: &str) -> String {
        self.first.get(path).map_or_else(|| path.into(), |layer| format!("layers.{layer}.{}", place_of(path)))
    }

    /// Stations of the ring.
    pub(crate) fn ring(&self) -> Option<u32> {
        self.ring
    }

    /// Stations of the netlist between embedding and head: of the model's, numbered from 1, or `None` where a token passes.
    pub(crate) fn route(&self) -> &[Option<u32>] {
        &self.route
    }

    /// Rotations that pass all elements, before an attention whose silicon turns the heads of other layers: of queries and keys.
    pub(crate) fn turned(&self, attention: &str) -> &[Turned] {
        self.turned.get(attention).map_or(&[], Vec::as_slice)
    }

    /// By node, the greatest of `values` over the nodes that share its silicon.
    pub(crate) fn greatest(&self, graph: &OpGraph, values: &BTreeMap<NodeIndex, f64>) -> BTreeMap<NodeIndex, f64> {
        let built = |id: &NodeIndex| self.built_path(&graph.graph[*id].path);
        let mut most: BTreeMap<String, f64> = BTreeMap::new();
        for (id, &v) in values {
            most.entry(built(id)).and_modify(|m| *m = m.max(v)).or_insert(v);
        }
        values.keys().map(|id| (*id, most[&built(id)])).collect()
    }
}

/// The way of a token: the model's stations with those between them that it passes, in a ring of so many.
struct Route {
    stations: Vec<Option<usize>>,
    ring: usize,
}

/// The shortest way round a ring in which no station works more than `most` of the model's; `kinds` has the kind of each.
fn route(kinds: &[usize], most: u32) -> Route {
    let mut pattern: Vec<usize> = Vec::new();
    for &kind in kinds {
        if !pattern.contains(&kind) {
            pattern.push(kind);
        }
    }
    for copies in 1..=kinds.len().max(1) {
        let ring: Vec<usize> = pattern.iter().copied().cycle().take(pattern.len() * copies).collect();
        let mut works = vec![0; ring.len()];
        walk(kinds, &ring).iter().enumerate().filter(|(_, s)| s.is_some()).for_each(|(at, _)| works[at % ring.len()] += 1);
        if works.iter().all(|&n| n <= most.max(1)) {
            // Of the copies, those that nothing needs are not built.
            let used: Vec<usize> = ring.iter().zip(&works).filter(|(_, n)| **n > 0).map(|(kind, _)| *kind).collect();
            return Route { stations: walk(kinds, &used), ring: used.len() };
        }
    }
    Route { stations: (0..kinds.len()).map(Some).collect(), ring: kinds.len() }
}

/// Every station of the model at the next of its kind in the ring, round and round.
fn walk(kinds: &[usize], ring: &[usize]) -> Vec<Option<usize>> {
    let mut out = Vec::with_capacity(kinds.len());
    for (station, kind) in kinds.iter().enumerate() {
        while ring[out.len() % ring.len()] != *kind {
            out.push(None);
        }
        out.push(Some(station));
    }
    out
}

/// What a node is to the silicon: where in its layer, what it computes, how wide, for which expert, how its matrix is asked to be held, and what
/// it is made of.
type Place = (String, Op, usize, Option<u32>, Option<FabricChoice>, Option<Numbers>);

/// The rotations of a station.
fn ropes(graph: &OpGraph, nodes: &[NodeIndex]) -> Vec<Turned> {
    let of = |&id: &NodeIndex| match &graph.graph[id] {
        Node { path, op: Op::Rope { heads, head_dim, .. }, .. } => {
            Some(Turned { path: path.clone(), heads: *heads as u32, head_dim: *head_dim as u32 })
        }
        _ => None,
    };
    nodes.iter().filter_map(of).collect()
}

/// Layer and place in it: `3` and `mlp.down_proj` of `layers.3.mlp.down_proj`.
fn layer_of(path: &str) -> Option<(u32, &str)> {
    let (layer, place) = path.strip_prefix("layers.")?.split_once('.')?;
    Some((layer.parse().ok()?, place))
}

fn place_of(path: &str) -> &str {
    layer_of(path).map_or(path, |(_, place)| place)
}

/// An operator without the names of its tensors and what is read by layer.
fn nameless(op: &Op) -> Op {
    let mut op = op.clone();
    let clear = |names: &mut Option<String>| names.iter_mut().for_each(String::clear);
    match &mut op {
        Op::RmsNorm { gain, .. } => gain.clear(),
        Op::LayerNorm { gain, bias, .. } => {
            gain.clear();
            clear(bias);
        }
        Op::Linear { weight, bias, .. } => {
            weight.clear();
            clear(bias);
        }
        // A window is read by layer.
        Op::Attention { sinks, window, .. } => {
            clear(sinks);
            *window = None;
        }
        Op::ShortConv { weight, .. } => weight.clear(),
        Op::Decay { rate, .. } => rate.clear(),
        Op::Embed { .. } | Op::Rope { .. } | Op::GatedAct { .. } | Op::Act { .. } => {}
        Op::Route { .. } | Op::Mix { .. } | Op::Add | Op::UnitNorm { .. } | Op::DeltaRule { .. } => {}
    }
    op
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ring, and a token's way: the place in the ring of each of the model's stations, `-` for one that is passed.
    fn way(kinds: &str, most: u32) -> (String, String) {
        let of: Vec<usize> = kinds.bytes().map(usize::from).collect();
        let found = route(&of, most);
        let mut ring = vec!['?'; found.ring];
        for (at, station) in found.stations.iter().enumerate() {
            if let Some(s) = station {
                let kind = of[*s] as u8 as char;
                assert!(ring[at % found.ring] == '?' || ring[at % found.ring] == kind, "{kinds}: two kinds in one silicon");
                ring[at % found.ring] = kind;
            }
        }
        let stations: Vec<usize> = found.stations.iter().flatten().copied().collect();
        assert_eq!(stations, (0..of.len()).collect::<Vec<_>>(), "every station once, in order");
        let text = found.stations.iter().map(|s| s.map_or('-', |s| of[s] as u8 as char)).collect();
        (ring.into_iter().collect(), text)
    }

    #[test]
    fn stations_share_silicon_by_kind() {
        let said = |kinds: &str, most| {
            let (ring, way) = way(kinds, most);
            format!("{ring} {way}")
        };
        assert_eq!(said("amamamam", 1), "amamamam amamamam");
        assert_eq!(said("amamamam", 2), "amam amamamam");
        assert_eq!(said("amamamam", 3), "amam amamamam");
        assert_eq!(said("amamamam", 4), "am amamamam");
        // Another feed-forward in one layer; a delta rule in three of four.
        assert_eq!(said("axamam", 9), "axm ax-a-ma-m");
        assert_eq!(said("dmdmdmfmdmdm", 9), "dmf dm-dm-dmf-m-dm-dm");
        // No more than was asked for: a copy of what would work more.
        for most in 1..8 {
            let (ring, way) = way("dmdmdmfmdmdmdmfm", most);
            let works = |place: usize| way.chars().skip(place).step_by(ring.len()).filter(|&k| k != '-').count();
            assert!((0..ring.len()).all(|place| (1..=most as usize).contains(&works(place))), "{most}: {ring} {way}");
        }
        assert_eq!(said("ab", 9), "ab ab");
        assert_eq!(said("a", 4), "a a");
    }

    #[test]
    fn options_are_read_as_they_are_written() {
        for text in ["1", "8", "all", "auto"] {
            assert_eq!(text.parse::<Fold>().unwrap().to_string(), text);
        }
        for bad in ["0", "-1", "most", ""] {
            assert!(bad.parse::<Fold>().unwrap_err().contains("expected"), "{bad}");
        }
    }
}
