//! Two chips of one base die: which vias change when another model is made.

use crate::die::Die;
use egui::{Color32, Context};
use hardwire_netlist::Chip;
use hardwire_netlist::diff::{self, MatrixDiff};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// What the comparison found.
pub struct Found {
    pub other: Arc<Die>,
    /// Most changed first.
    pub matrices: Vec<MatrixDiff>,
    by_block: HashMap<usize, f64>,
}

pub enum State {
    Idle,
    Running(PathBuf, Receiver<Result<Found, String>>),
    Failed(String),
    Done(Found),
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
                self.state = State::Done(found);
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

    /// Changed share of a block's codes as a colour; grey where nothing changed.
    pub fn colour(&self, block: usize) -> Option<Color32> {
        let State::Done(found) = &self.state else { return None };
        let share = *found.by_block.get(&block)?;
        if share == 0.0 {
            return Some(Color32::from_rgb(90, 94, 100));
        }
        Some(crate::heat::Map::Cividis.colour(0.25 + 0.75 * share))
    }
}

fn compare(die: &Arc<Die>, path: &Path) -> Result<Found, String> {
    let other = Arc::new(Die::new(Chip::open(path).map_err(|e| e.to_string())?));
    let mut matrices = diff::codes(&die.chip, &other.chip)
        .map_err(|what| format!("not of the same base die: {what}. Compile the other checkpoint with the same options."))?;
    let by_block = matrices.iter().filter_map(|m| Some((die.find_block(&m.path)?, m.changed as f64 / m.weights.max(1) as f64))).collect();
    matrices.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.path.cmp(&b.path)));
    Ok(Found { other, matrices, by_block })
}
