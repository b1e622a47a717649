//! Which layers share silicon. A layer of silicon works layers of the model that are alike; what they have in common, the formats of their
//! streams and the widths proven from their codes, is planned for all of them together.

use crate::error::Error;
use crate::fabric::{FabricChoice, FabricChoices};
use hardwire_models::{Op, OpGraph};
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

/// Layers of silicon: layer `l` of the model is worked by layer `l % built`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folding {
    pub layers: u32,
    pub built: u32,
}

impl Folding {
    /// The fewest layers of silicon that work `kinds.len()` layers of the model, `most` of them at most on one, so that all of one silicon
    /// are of one kind.
    ///
    /// # Errors
    /// More than one layer was to share silicon, and none can.
    pub(crate) fn of<K: PartialEq>(kinds: &[K], most: u32) -> Result<Folding, Error> {
        let layers = kinds.len() as u32;
        let fewest = layers.div_ceil(most.max(1)).max(1);
        let fits = |built: &u32| (*built..layers).all(|l| kinds[l as usize] == kinds[(l % built) as usize]);
        let built = (fewest..=layers).find(fits).unwrap_or(layers);
        if built == layers && most > 1 && layers > 1 {
            let at = (0..layers as usize - 1).find(|&l| kinds[l] != kinds[l + 1]).unwrap_or(0);
            let what = format!("layers {at} and {} differ in kind, and no regular order of kinds lets layers share silicon; use 1", at + 1);
            return Err(Error::option("fold", what));
        }
        Ok(Folding { layers, built })
    }

    /// Of a checkpoint's graph.
    pub(crate) fn of_graph(graph: &OpGraph, layers: u32, fold: Fold, fabrics: &FabricChoices) -> Result<Folding, Error> {
        let most = fold.most(layers)?;
        let mut kinds: Vec<Vec<Place>> = vec![Vec::new(); layers as usize];
        for id in graph.topological_order() {
            let node = &graph.graph[id];
            if let Some((layer, place)) = layer_of(&node.path)
                && let Some(kind) = kinds.get_mut(layer as usize)
            {
                kind.push((place.into(), nameless(&node.op), node.width, node.expert, fabrics.of(&node.path)));
            }
        }
        Folding::of(&kinds, most)
    }

    pub fn is_folded(&self) -> bool {
        self.built < self.layers
    }

    /// Path of the node whose silicon a node shares: its own, or the same place in a layer before.
    pub(crate) fn built_path(&self, path: &str) -> String {
        match layer_of(path) {
            Some((layer, place)) => format!("layers.{}.{place}", layer % self.built.max(1)),
            None => path.into(),
        }
    }

    /// Stations of the ring, of `stations` between embedding and head.
    pub(crate) fn ring(&self, stations: u32) -> Option<u32> {
        self.is_folded().then(|| stations / self.layers * self.built)
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

/// What a node is to the silicon: where in its layer, what it computes, how wide, for which expert, and how its matrix is asked to be held.
type Place = (String, Op, usize, Option<u32>, Option<FabricChoice>);

/// Layer and place in it: `3` and `mlp.down_proj` of `layers.3.mlp.down_proj`.
fn layer_of(path: &str) -> Option<(u32, &str)> {
    let (layer, place) = path.strip_prefix("layers.")?.split_once('.')?;
    Some((layer.parse().ok()?, place))
}

/// An operator without the names of its tensors.
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
        Op::Attention { sinks, .. } => clear(sinks),
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

    #[test]
    fn layers_share_silicon_in_the_fewest_that_keep_their_kinds_apart() {
        let built = |kinds: &str, most: u32| Folding::of(kinds.as_bytes(), most).map(|f| f.built).ok();
        assert_eq!(built("aaaaaaaa", 1), Some(8));
        assert_eq!(built("aaaaaaaa", 3), Some(3));
        assert_eq!(built("aaaaaaaa", 8), Some(1));
        // A window in five of six layers, and two more at the end.
        assert_eq!(built("aaaaabaaaaabaa", 14), Some(6));
        assert_eq!(built("abababab", 3), Some(4));
        assert_eq!(built("aab", 3), None);
        assert_eq!(built("aab", 1), Some(3));
        assert_eq!(built("a", 4), Some(1));
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
