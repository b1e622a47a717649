//! How often each code occurs in a matrix: counted off the UI thread when someone looks.

use crate::die::Die;
use crate::worker::Worker;
use egui::Context;
use hardwire_netlist::Silicon;
use std::collections::HashMap;
use std::sync::Arc;

/// Weights counted for one matrix, at most; larger ones are sampled by whole rows, evenly.
const COUNTED: u64 = 1 << 23;

#[derive(Clone, Debug, PartialEq)]
pub struct CodeCounts {
    /// By code.
    pub counts: Vec<u64>,
    /// Weights looked at, and all there are.
    pub seen: u64,
    pub weights: u64,
    /// Of those seen, weights whose codebook value is 0.
    pub zeros: u64,
    /// Of the weights themselves, those seen.
    pub mean: f64,
    pub deviation: f64,
    pub least: f64,
    pub most: f64,
}

impl CodeCounts {
    pub fn zero_share(&self) -> f64 {
        self.zeros as f64 / self.seen.max(1) as f64
    }

    /// Shannon entropy of the codes, bits.
    pub fn entropy_bits(&self) -> f64 {
        let all = self.seen.max(1) as f64;
        self.counts.iter().filter(|c| **c > 0).map(|&c| -(c as f64 / all) * (c as f64 / all).log2()).sum()
    }

    pub fn of(die: &Die, block: usize) -> Option<CodeCounts> {
        let (spec, _) = die.matrix(block)?;
        let reader = die.reader(block)?;
        let mut counts = vec![0u64; spec.codebook.len()];
        let step = spec.weights().div_ceil(COUNTED).max(1);
        let (mut seen, mut sum, mut squares) = (0u64, 0.0, 0.0);
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        for n in (0..spec.outputs).step_by(step as usize) {
            for k in 0..spec.inputs {
                let weight = Silicon::weight(&reader, n, k);
                counts[usize::from(weight.code)] += 1;
                sum += weight.real;
                squares += weight.real * weight.real;
                least = least.min(weight.real);
                most = most.max(weight.real);
            }
            seen += u64::from(spec.inputs);
        }
        let mean = sum / seen.max(1) as f64;
        let deviation = (squares / seen.max(1) as f64 - mean * mean).max(0.0).sqrt();
        let zeros = counts.iter().zip(&spec.codebook).filter(|(_, v)| **v == 0).map(|(c, _)| c).sum();
        Some(CodeCounts { counts, seen, weights: spec.weights(), zeros, mean, deviation, least, most })
    }
}

/// Counts by block, made as they are asked for.
pub struct Stats {
    worker: Worker<usize, Option<CodeCounts>>,
    known: HashMap<usize, Option<CodeCounts>>,
}

impl Stats {
    pub fn new(die: Arc<Die>, ctx: Context) -> Stats {
        Stats {
            worker: Worker::new("stats", ctx, move |b| {
                let counts = CodeCounts::of(&die, b);
                die.release(b);
                counts
            }),
            known: HashMap::new(),
        }
    }

    /// Takes what is finished; true if there was anything.
    pub fn begin(&mut self) -> bool {
        let new = self.worker.begin(usize::MAX);
        let any = !new.is_empty();
        self.known.extend(new);
        any
    }

    pub fn end(&mut self) {
        self.worker.end();
    }

    /// `None`: not known yet, and asked for.
    pub fn get(&mut self, block: usize) -> Option<&CodeCounts> {
        if !self.known.contains_key(&block) {
            self.worker.want(block);
        }
        self.known.get(&block)?.as_ref()
    }

    pub fn missing(&self) -> usize {
        self.worker.missing()
    }
}
