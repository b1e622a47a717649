//! Numbers of heat maps made off the UI thread: of all blocks for a token, and of the tiles of one block.

use crate::die::Die;
use crate::heat::{self, Heat, Key, Metric};
use crate::rom::RomGrid;
use crate::worker::Worker;
use egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};
use hardwire_netlist::WeightSite;
use std::collections::HashMap;
use std::sync::Arc;

/// Share of a tile's weights whose value is 0, band by band: tile `(n_tile, k_tile)` at `k_tile * across + n_tile`.
pub type Shares = Arc<Vec<f32>>;

/// What a picture of tiles depends on: metric, map, ends of the scale, logarithm.
type Look = (Metric, crate::maps::Map, u64, u64, bool);

pub struct HeatWork {
    values: Worker<Key, Vec<Option<f64>>>,
    ready: Option<(Key, Vec<Option<f64>>)>,
    zeros: Worker<usize, Shares>,
    pictures: HashMap<usize, (Look, TextureHandle)>,
}

impl HeatWork {
    pub fn new(die: Arc<Die>, ctx: Context) -> HeatWork {
        let counted = die.clone();
        HeatWork {
            values: Worker::new("heat", ctx.clone(), move |key| heat::values_over(&die, key)),
            ready: None,
            zeros: Worker::new("tiles", ctx, move |b| {
                let shares = zero_shares(&counted, b);
                counted.release(b);
                Arc::new(shares)
            }),
            pictures: HashMap::new(),
        }
    }

    /// Takes what is finished: zero shares go to `heat`.
    pub fn begin(&mut self, heat: &mut Heat) {
        self.ready = self.values.begin(usize::MAX).pop().or(self.ready.take());
        heat.zeros.extend(self.zeros.begin(usize::MAX));
    }

    pub fn end(&mut self) {
        self.values.end();
        self.zeros.end();
    }

    pub fn missing(&self) -> usize {
        self.values.missing() + self.zeros.missing()
    }

    /// `None`: not known yet, and asked for.
    pub fn values(&mut self, key: Key) -> Option<Vec<Option<f64>>> {
        if self.ready.as_ref().is_some_and(|r| r.0 == key) {
            return self.ready.take().map(|r| r.1);
        }
        self.values.want(key);
        None
    }

    /// A block's tiles in the colours of a map, a texel a tile; `None` where its metric has no value by tile, or none yet.
    pub fn picture(&mut self, ctx: &Context, die: &Die, heat: &Heat, block: usize) -> Option<TextureId> {
        let (metric, rom) = (heat.metric?, die.blocks[block].rom?);
        if !metric.by_tile() {
            return None;
        }
        if metric == Metric::Sparsity && !heat.zeros.contains_key(&block) {
            self.zeros.want(block);
            return None;
        }
        let (lo, hi) = heat.ends();
        let look = (metric, heat.map, lo.to_bits(), hi.to_bits(), heat.log);
        if let Some((made, texture)) = self.pictures.get(&block)
            && *made == look
        {
            return Some(texture.id());
        }
        let mut pixels = Vec::with_capacity((rom.across * rom.down) as usize);
        // The top line is the last band: pictures are the right way up on screen.
        for k_tile in (0..rom.down).rev() {
            for n_tile in 0..rom.across {
                pixels.push(heat.map.colour(heat.place(heat.tile_value(die, block, n_tile, k_tile)?)));
            }
        }
        let image = ColorImage::new([rom.across as usize, rom.down as usize], pixels);
        let texture = ctx.load_texture(format!("heat of {block}"), image, TextureOptions::NEAREST);
        let id = texture.id();
        self.pictures.insert(block, (look, texture));
        Some(id)
    }
}

/// Share of a tile's cells that hold a weight.
pub fn used_share(rom: &RomGrid, n_tile: u32, k_tile: u32) -> f64 {
    let holds = |row, col| rom.weight_at(WeightSite { n_tile, k_tile, row, col }).is_some();
    let rows = (0..rom.rows).filter(|&row| (0..rom.cols).any(|col| holds(row, col))).count();
    let cols = (0..rom.cols).filter(|&col| (0..rom.rows).any(|row| holds(row, col))).count();
    rows as f64 * cols as f64 / (f64::from(rom.rows) * f64::from(rom.cols))
}

/// See [`Shares`]. Every code is read.
pub fn zero_shares(die: &Die, block: usize) -> Vec<f32> {
    let (Some(rom), Some((spec, view))) = (die.blocks[block].rom, die.matrix(block)) else { return Vec::new() };
    let mut zeros = vec![0u32; (rom.across * rom.down) as usize];
    let mut weights = zeros.clone();
    let is_zero: Vec<bool> = spec.codebook.iter().map(|v| *v == 0).collect();
    for n in 0..spec.outputs {
        let mut k = 0;
        while k < spec.inputs {
            // A row of weights lies in one tile after another.
            let Some(site) = rom.site(n, k) else { break };
            let end = rom.band_end(k);
            let at = (site.k_tile * rom.across + site.n_tile) as usize;
            zeros[at] += (k..end).filter(|&k| is_zero[usize::from(view.code(n, k))]).count() as u32;
            weights[at] += end - k;
            k = end;
        }
    }
    zeros.iter().zip(&weights).map(|(&z, &w)| if w == 0 { 0.0 } else { z as f32 / w as f32 }).collect()
}
