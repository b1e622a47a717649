//! Two chips of one base die: which vias change when another model is made.

use crate::die::Die;
use crate::maps::Map;
use crate::theme::{Theme, mix};
use egui::{Color32, Context};
use hardwire_netlist::Chip;
use hardwire_netlist::diff::{self, MatrixDiff};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// Changes of all matrices of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerDiff {
    pub name: String,
    /// A block of it, for its colour.
    pub block: usize,
    pub weights: u64,
    pub changed: u64,
}

/// What the comparison found.
pub struct Found {
    pub other: Arc<Die>,
    /// Most changed first, both.
    pub layers: Vec<LayerDiff>,
    pub matrices: Vec<MatrixDiff>,
    /// Units whose cells are counted otherwise on the other chip: accumulators are as wide as the codes ask for.
    pub other_cells: usize,
    by_block: HashMap<usize, f64>,
}

pub enum State {
    Idle,
    Running(PathBuf, Receiver<Result<Found, String>>),
    Failed(String),
    Done(Arc<Found>),
}

pub struct Diff {
    pub path: String,
    pub state: State,
    /// Colour the blocks by their changes.
    pub on: bool,
    pub blink: bool,
}

impl Default for Diff {
    fn default() -> Self {
        Diff { path: String::new(), state: State::Idle, on: true, blink: false }
    }
}

impl Diff {
    /// Opens the chip in `self.path` and compares, in the background.
    pub fn start(&mut self, die: &Arc<Die>, ctx: &Context) {
        let (send, result) = channel();
        let path = PathBuf::from(self.path.trim());
        let (from, die, ctx) = (path.clone(), die.clone(), ctx.clone());
        // A thread that cannot start shows as a failure: the channel is closed.
        let _ = thread::Builder::new().name("diff".into()).spawn(move || {
            let _ = send.send(compare(&die, &from));
            ctx.request_repaint();
        });
        self.state = State::Running(path, result);
    }

    /// The other chip, in the frame in which the comparison is done.
    pub fn poll(&mut self) -> Option<Arc<Die>> {
        let State::Running(_, result) = &self.state else { return None };
        match result.try_recv() {
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.state = State::Failed("the comparison stopped without an answer".into());
                None
            }
            Ok(Err(e)) => {
                self.state = State::Failed(e);
                None
            }
            Ok(Ok(found)) => {
                let other = found.other.clone();
                self.on = true;
                self.state = State::Done(Arc::new(found));
                Some(other)
            }
        }
    }

    pub fn running(&self) -> bool {
        matches!(self.state, State::Running(..))
    }

    /// Whether changes are what is drawn now; blinking shows them every other half second.
    pub fn shown(&self, now: f64) -> bool {
        matches!(self.state, State::Done(_)) && self.on && (!self.blink || (now * 2.0) as i64 % 2 == 0)
    }

    /// A block in its layer's colour, the fuller the more of its codes changed; grey where nothing did.
    pub fn colour(&self, die: &Die, block: usize, theme: Theme) -> Option<Color32> {
        let State::Done(found) = &self.state else { return None };
        let share = *found.by_block.get(&block)?;
        if share == 0.0 {
            return Some(theme.change(None));
        }
        Some(mix(theme.change(None), layer_colour(die, block, theme), (0.35 + 0.65 * share.sqrt()) as f32))
    }
}

/// Colour of the layer a block belongs to: along a map that keeps its order, first layer to last.
pub fn layer_colour(die: &Die, block: usize, theme: Theme) -> Color32 {
    let (at, all) = layer_of(die, block);
    let t = f64::from(at) / f64::from(all.max(2) - 1);
    Map::Viridis.colour(if theme.dark { 0.3 + 0.7 * t } else { 0.85 * t })
}

/// Place of a block's layer among all: the embedding first, the head last.
fn layer_of(die: &Die, block: usize) -> (u32, u32) {
    let netlist = die.chip.netlist();
    let layers = die.chip.model().layers;
    let station = die.blocks[block].unit.map_or(0, |id| netlist.unit(id).station);
    let at = netlist.stations.get(station as usize).and_then(|s| s.layer).map_or(if station == 0 { 0 } else { layers + 1 }, |l| l + 1);
    (at, layers + 2)
}

fn compare(die: &Arc<Die>, path: &Path) -> Result<Found, String> {
    let other = Arc::new(Die::new(Chip::open(path).map_err(|e| e.to_string())?));
    let mut matrices = diff::codes(&die.chip, &other.chip)
        .map_err(|what| format!("not of the same base die: {what}. Compile the other checkpoint with the same options."))?;
    let by_block = matrices.iter().filter_map(|m| Some((die.find_block(&m.path)?, m.changed as f64 / m.weights.max(1) as f64))).collect();
    let mut layers: BTreeMap<u32, LayerDiff> = BTreeMap::new();
    for m in &matrices {
        let Some(block) = die.find_block(&m.path) else { continue };
        let (at, all) = layer_of(die, block);
        let name = || match at {
            0 => "embedding".into(),
            at if at + 1 == all => "head".into(),
            at => format!("layer {}", at - 1),
        };
        let layer = layers.entry(at).or_insert_with(|| LayerDiff { name: name(), block, weights: 0, changed: 0 });
        layer.weights += m.weights;
        layer.changed += m.changed;
    }
    let mut layers: Vec<LayerDiff> = layers.into_values().collect();
    layers.sort_by_key(|l| std::cmp::Reverse(l.changed));
    matrices.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.path.cmp(&b.path)));
    let cells = |d: &Die| d.blocks.iter().map(|b| b.census).collect::<Vec<_>>();
    let other_cells = cells(die).iter().zip(&cells(&other)).filter(|(a, b)| a != b).count();
    Ok(Found { other, layers, matrices, other_cells, by_block })
}
