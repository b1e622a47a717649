//! Codes become pictures, off the UI thread, and the finished pictures are kept in a small cache.

use crate::die::Die;
use crate::diff::layer_colour;
use crate::theme::Theme;
use crate::worker::Worker;
use egui::{Color32, ColorImage, Context, TextureFilter, TextureHandle, TextureId, TextureOptions};
use hardwire_netlist::WeightSite;
use std::collections::HashMap;
use std::sync::Arc;

/// Largest side of a whole block's picture, texels; smaller ones halve it.
const OVERVIEW: u32 = 512;
/// Weights read for one block's picture, at most.
const SAMPLES: u32 = 1 << 17;
/// Pictures kept: 256 KiB each for a 256 x 256 tile.
const KEPT: usize = 192;
/// Pictures handed to the GPU in one frame.
const UPLOADS: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Picture {
    /// A block's weights, sampled: the mean magnitude of each part. `side` texels along.
    Overview { block: usize, side: u32 },
    /// Every weight of a tile, one texel each.
    Tile { block: usize, n_tile: u32, k_tile: u32 },
}

/// What a picture depends on beside the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    pub theme: Theme,
    /// Codes that differ from the other chip's instead of values.
    pub changes: bool,
}

pub struct Materialiser {
    worker: Worker<(Picture, Look), ColorImage>,
    cache: HashMap<Picture, (TextureHandle, u64)>,
    look: Look,
    frame: u64,
}

impl Picture {
    /// The picture of a whole block that suits its size on screen.
    pub fn overview(block: usize, points: f64) -> Picture {
        Picture::Overview { block, side: (points.max(1.0) as u32).next_power_of_two().clamp(32, OVERVIEW) }
    }
}

impl Materialiser {
    /// `other` is the chip that changes are held against.
    pub fn new(die: Arc<Die>, other: Option<Arc<Die>>, ctx: Context, theme: Theme) -> Materialiser {
        let make = move |(picture, look): (Picture, Look)| {
            let (Picture::Overview { block, .. } | Picture::Tile { block, .. }) = picture;
            let image = match picture {
                Picture::Overview { block, side } => overview(&die, look.theme, block, side),
                Picture::Tile { block, n_tile, k_tile } => {
                    let other = other.as_deref().filter(|_| look.changes);
                    tile(&die, other, look.theme, block, n_tile, k_tile)
                }
            };
            die.release(block);
            image.unwrap_or_else(|| ColorImage::filled([1, 1], Color32::TRANSPARENT))
        };
        let look = Look { theme, changes: false };
        Materialiser { worker: Worker::new("materialise", ctx, make), cache: HashMap::new(), look, frame: 0 }
    }

    /// The picture if it is there, else another of the same block, and it is asked for.
    pub fn get(&mut self, p: Picture) -> Option<TextureId> {
        if let Some((texture, used)) = self.cache.get_mut(&p) {
            *used = self.frame;
            return Some(texture.id());
        }
        self.worker.want((p, self.look));
        let Picture::Overview { block, .. } = p else { return None };
        let mut side = OVERVIEW;
        while side >= 32 {
            if let Some((texture, used)) = self.cache.get_mut(&Picture::Overview { block, side }) {
                *used = self.frame;
                return Some(texture.id());
            }
            side /= 2;
        }
        None
    }

    /// Takes finished pictures; called before painting.
    pub fn begin(&mut self, ctx: &Context, look: Look) {
        self.frame += 1;
        if look != self.look {
            self.look = look;
            self.cache.clear();
        }
        // Texels as squares when large, mixed when small.
        let options = TextureOptions { minification: TextureFilter::Linear, ..TextureOptions::NEAREST };
        for ((p, made), image) in self.worker.begin(UPLOADS) {
            if made == self.look {
                self.cache.insert(p, (ctx.load_texture(format!("{p:?}"), image, options), self.frame));
            }
        }
    }

    /// Hands over the wishes and forgets what was not looked at for longest; called after painting.
    pub fn end(&mut self) {
        if self.cache.len() > KEPT {
            let mut by_age: Vec<(u64, Picture)> = self.cache.iter().map(|(p, (_, used))| (*used, *p)).collect();
            by_age.sort_by_key(|(used, _)| *used);
            for (used, p) in by_age.into_iter().take(self.cache.len() - KEPT) {
                if used < self.frame {
                    self.cache.remove(&p);
                }
            }
        }
        self.worker.end();
    }

    /// Pictures that the last frame had to do without.
    pub fn missing(&self) -> usize {
        self.worker.missing()
    }

    /// Bytes of the pictures kept.
    pub fn bytes(&self) -> usize {
        self.cache.values().map(|(t, _)| t.byte_size()).sum()
    }
}

/// The top line of a picture is the greatest y: pictures are the right way up on screen.
fn tile(die: &Die, other: Option<&Die>, theme: Theme, block: usize, n_tile: u32, k_tile: u32) -> Option<ColorImage> {
    let rom = die.blocks[block].rom?;
    let (w, h) = (rom.cols as usize, rom.rows as usize);
    let (norm, reader) = (die.norm(block), die.reader(block)?);
    let other = match other {
        Some(o) => Some(o.reader(block)?),
        None => None,
    };
    let changed = layer_colour(die, block, theme);
    let mut pixels = vec![theme.unused(); w * h];
    for row in 0..rom.rows {
        for col in 0..rom.cols {
            let site = WeightSite { k_tile, n_tile, row, col };
            if let Some(weight) = reader.weight(site) {
                pixels[(h - 1 - row as usize) * w + col as usize] = match &other {
                    None => theme.weight((weight.real / norm) as f32),
                    Some(o) => theme.change(o.weight(site).is_some_and(|b| b.stored != weight.stored).then_some(changed)),
                };
            }
        }
    }
    Some(ColorImage::new([w, h], pixels))
}

fn overview(die: &Die, theme: Theme, block: usize, side: u32) -> Option<ColorImage> {
    let rom = die.blocks[block].rom?;
    let (kind, reader) = (die.plan().blocks[block].kind, die.reader(block)?);
    let (w, h) = (texels(rom.across, rom.cols, side), texels(rom.down, rom.rows, side));
    let (all_w, all_h) = (u64::from(rom.across * rom.cols), u64::from(rom.down * rom.rows));
    let each = f64::from(SAMPLES / (w * h).max(1)).sqrt().floor().clamp(1.0, 6.0) as u64;
    let mut mean = vec![f64::NAN; (w * h) as usize];
    for y in 0..h {
        for x in 0..w {
            let span = |i: u32, of: u32, all: u64| (u64::from(i) * all / u64::from(of), (u64::from(i) + 1) * all / u64::from(of));
            let ((x0, x1), (y0, y1)) = (span(x, w, all_w), span(y, h, all_h));
            let (mut sum, mut count) = (0.0, 0u32);
            let (steps_x, steps_y) = (each.min(x1 - x0).max(1), each.min(y1 - y0).max(1));
            for sy in 0..steps_y {
                for sx in 0..steps_x {
                    let (px, py) = ((x0 + sx * (x1 - x0) / steps_x) as u32, (y0 + sy * (y1 - y0) / steps_y) as u32);
                    let site = WeightSite { n_tile: px / rom.cols, k_tile: py / rom.rows, row: py % rom.rows, col: px % rom.cols };
                    if let Some(weight) = reader.weight(site) {
                        sum += weight.real.abs();
                        count += 1;
                    }
                }
            }
            if count > 0 {
                mean[((h - 1 - y) * w + x) as usize] = sum / f64::from(count);
            }
        }
    }
    let mut sorted: Vec<f64> = mean.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let top = sorted.get(sorted.len().saturating_sub(1 + sorted.len() / 50)).copied().unwrap_or(1.0).max(1e-30);
    let colour = |m: &f64| if m.is_finite() { theme.magnitude(kind, (m / top).min(1.0) as f32) } else { theme.unused() };
    Some(ColorImage::new([w as usize, h as usize], mean.iter().map(colour).collect()))
}

/// Texels along `tiles` tiles of `cells` cells: whole texels a tile where they fit.
fn texels(tiles: u32, cells: u32, side: u32) -> u32 {
    let tiles = tiles.max(1);
    if tiles >= side { side } else { tiles * (side / tiles).clamp(1, cells.max(1)) }
}
