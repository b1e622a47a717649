//! The Verilog of units, as whoever starts the viewer can give it: the generator is no part of the viewer. Asked for off the UI thread,
//! when someone looks.

use crate::die::Die;
use crate::worker::Worker;
use egui::Context;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

type Give = dyn Fn(&Path, &str) -> Result<String, String> + Send + Sync;

/// Gives the Verilog of one unit from the chip's folder and the unit's path.
#[derive(Clone)]
pub struct Source(Arc<Give>);

impl Source {
    pub fn new(give: impl Fn(&Path, &str) -> Result<String, String> + Send + Sync + 'static) -> Source {
        Source(Arc::new(give))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// A module's text, line by line: those of large matrices have tens of thousands.
pub struct Text {
    pub lines: Vec<String>,
    /// Characters of the longest line.
    pub columns: usize,
}

pub struct Verilog {
    worker: Option<Worker<usize, Result<Text, String>>>,
    known: HashMap<usize, Result<Text, String>>,
}

impl Verilog {
    pub fn new(die: Arc<Die>, ctx: Context, source: Option<Source>) -> Verilog {
        let worker = source.map(|Source(give)| {
            Worker::new("verilog", ctx, move |block: usize| {
                if die.planned() {
                    return Err("planned from a shape: Verilog comes of a chip with weights; compile the checkpoint".into());
                }
                let text = give(&die.chip.folder, &die.plan().blocks[block].path)?;
                let lines: Vec<String> = text.lines().map(String::from).collect();
                let columns = lines.iter().map(|l| l.chars().count()).max().unwrap_or(0);
                Ok(Text { lines, columns })
            })
        });
        Verilog { worker, known: HashMap::new() }
    }

    /// Someone gives Verilog at all.
    pub fn has_source(&self) -> bool {
        self.worker.is_some()
    }

    pub fn begin(&mut self) {
        if let Some(worker) = &mut self.worker {
            self.known.extend(worker.begin(usize::MAX));
        }
    }

    pub fn end(&mut self) {
        if let Some(worker) = &mut self.worker {
            worker.end();
        }
    }

    /// `None`: not known yet, and asked for.
    pub fn get(&mut self, block: usize) -> Option<&Result<Text, String>> {
        if !self.known.contains_key(&block)
            && let Some(worker) = &mut self.worker
        {
            worker.want(block);
        }
        self.known.get(&block)
    }

    /// The whole text of a block's unit, if it is here.
    pub fn text(&self, block: usize) -> Option<String> {
        let found = self.known.get(&block)?.as_ref().ok()?;
        Some(found.lines.join("\n") + "\n")
    }

    pub fn missing(&self) -> usize {
        self.worker.as_ref().map_or(0, Worker::missing)
    }
}
