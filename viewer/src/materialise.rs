//! Codes become pictures, off the UI thread. The canvas says each frame which pictures it wants; a worker makes the newest wish
//! first, wishes that went out of view are dropped, and finished pictures are kept in a small cache.

use crate::die::Die;
use crate::theme::Theme;
use egui::{Color32, ColorImage, Context, TextureHandle, TextureOptions};
use hardwire_netlist::WeightSite;
use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Texels along the longer side of a whole block's picture.
const OVERVIEW: u32 = 512;
/// Pictures kept: 256 KiB each for a 256 x 256 tile.
const KEPT: usize = 192;
/// Pictures handed to the GPU in one frame.
const UPLOADS: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Picture {
    /// A block's weights, sampled: the mean magnitude of each part.
    Overview { block: usize },
    /// Every weight of a tile, one texel each.
    Tile { block: usize, n_tile: u32, k_tile: u32 },
}

#[derive(Default)]
struct Wishes {
    /// Newest last.
    list: Vec<(Picture, Theme)>,
    doing: Option<(Picture, Theme)>,
    stop: bool,
}

struct Shared {
    wishes: Mutex<Wishes>,
    wake: Condvar,
}

pub struct Materialiser {
    shared: Arc<Shared>,
    done: Receiver<(Picture, Theme, ColorImage)>,
    worker: Option<thread::JoinHandle<()>>,
    cache: HashMap<Picture, (TextureHandle, u64)>,
    wanted: HashSet<Picture>,
    theme: Theme,
    frame: u64,
}

impl Materialiser {
    pub fn new(die: Arc<Die>, ctx: Context, theme: Theme) -> Materialiser {
        let shared = Arc::new(Shared { wishes: Mutex::default(), wake: Condvar::new() });
        let (send, done) = channel();
        let worker = thread::Builder::new().name("materialise".into()).spawn({
            let shared = shared.clone();
            move || work(&die, &shared, &send, &ctx)
        });
        Materialiser { shared, done, worker: worker.ok(), cache: HashMap::new(), wanted: HashSet::new(), theme, frame: 0 }
    }

    /// The picture if it is there; else it is asked for.
    pub fn get(&mut self, p: Picture) -> Option<egui::TextureId> {
        if let Some((texture, used)) = self.cache.get_mut(&p) {
            *used = self.frame;
            return Some(texture.id());
        }
        self.wanted.insert(p);
        None
    }

    /// Takes finished pictures; called before painting.
    pub fn begin(&mut self, ctx: &Context, theme: Theme) {
        self.frame += 1;
        self.wanted.clear();
        if theme != self.theme {
            self.theme = theme;
            self.cache.clear();
        }
        for (p, theme, image) in self.done.try_iter().take(UPLOADS) {
            if theme == self.theme {
                let texture = ctx.load_texture(format!("{p:?}"), image, TextureOptions::NEAREST);
                self.cache.insert(p, (texture, self.frame));
            }
        }
    }

    /// Hands over the wishes; called after painting.
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
        let Ok(mut wishes) = self.shared.wishes.lock() else { return };
        let theme = self.theme;
        wishes.list.retain(|(p, t)| *t == theme && self.wanted.contains(p));
        for p in &self.wanted {
            let wish = (*p, theme);
            if wishes.doing != Some(wish) && !wishes.list.contains(&wish) {
                wishes.list.push(wish);
            }
        }
        drop(wishes);
        self.shared.wake.notify_one();
    }

    /// Pictures that the last frame had to do without.
    pub fn missing(&self) -> usize {
        self.wanted.len()
    }

    /// Bytes of the pictures kept.
    pub fn bytes(&self) -> usize {
        self.cache.values().map(|(t, _)| t.byte_size()).sum()
    }
}

impl Drop for Materialiser {
    fn drop(&mut self) {
        if let Ok(mut wishes) = self.shared.wishes.lock() {
            wishes.stop = true;
        }
        self.shared.wake.notify_all();
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

fn work(die: &Die, shared: &Shared, done: &Sender<(Picture, Theme, ColorImage)>, ctx: &Context) {
    loop {
        let Ok(mut wishes) = shared.wishes.lock() else { return };
        wishes.doing = None;
        let wish = loop {
            if wishes.stop {
                return;
            }
            if let Some(wish) = wishes.list.pop() {
                break wish;
            }
            match shared.wake.wait(wishes) {
                Ok(guard) => wishes = guard,
                Err(_) => return,
            }
        };
        wishes.doing = Some(wish);
        drop(wishes);
        let image = match wish.0 {
            Picture::Overview { block } => overview(die, wish.1, block),
            Picture::Tile { block, n_tile, k_tile } => tile(die, wish.1, block, n_tile, k_tile),
        };
        if done.send((wish.0, wish.1, image.unwrap_or_else(|| ColorImage::filled([1, 1], Color32::TRANSPARENT)))).is_err() {
            return;
        }
        ctx.request_repaint();
    }
}

/// The top line of a picture is the greatest y: pictures are the right way up on screen.
fn tile(die: &Die, theme: Theme, block: usize, n_tile: u32, k_tile: u32) -> Option<ColorImage> {
    let rom = die.blocks[block].rom?;
    let (spec, view) = die.matrix(block)?;
    let max = spec.max_value().max(1) as f32;
    let colours: Vec<Color32> = spec.codebook.iter().map(|&v| theme.weight(v as f32 / max)).collect();
    let (w, h) = (rom.cols as usize, rom.rows as usize);
    let mut pixels = vec![theme.unused(); w * h];
    for row in 0..rom.rows {
        for col in 0..rom.cols {
            if let Some((n, k)) = rom.weight_at(WeightSite { k_tile, n_tile, row, col }) {
                pixels[(h - 1 - row as usize) * w + col as usize] = colours[usize::from(view.code(n, k))];
            }
        }
    }
    Some(ColorImage::new([w, h], pixels))
}

fn overview(die: &Die, theme: Theme, block: usize) -> Option<ColorImage> {
    let rom = die.blocks[block].rom?;
    let kind = die.plan().blocks[block].kind;
    let (spec, view) = die.matrix(block)?;
    let (w, h) = overview_size(rom.across, rom.down, rom.cols, rom.rows);
    let (all_w, all_h) = (u64::from(rom.across * rom.cols), u64::from(rom.down * rom.rows));
    let mut mean = vec![f32::NAN; w * h];
    // Up to 3 x 3 samples a texel: enough for a picture, and nine reads of the mapped codes at most.
    for y in 0..h {
        for x in 0..w {
            let span = |i: usize, of: usize, all: u64| (i as u64 * all / of as u64, ((i as u64 + 1) * all / of as u64));
            let ((x0, x1), (y0, y1)) = (span(x, w, all_w), span(y, h, all_h));
            let (mut sum, mut count) = (0.0f32, 0u32);
            for sy in 0..3.min(y1 - y0).max(1) {
                for sx in 0..3.min(x1 - x0).max(1) {
                    let (px, py) = ((x0 + sx * (x1 - x0) / 3) as u32, (y0 + sy * (y1 - y0) / 3) as u32);
                    let site = WeightSite { n_tile: px / rom.cols, k_tile: py / rom.rows, row: py % rom.rows, col: px % rom.cols };
                    if let Some((n, k)) = rom.weight_at(site) {
                        let v = spec.codebook[usize::from(view.code(n, k))];
                        sum += (v as f32 * view.scale(n, k / spec.group) as f32).abs();
                        count += 1;
                    }
                }
            }
            if count > 0 {
                mean[(h - 1 - y) * w + x] = sum / count as f32;
            }
        }
    }
    let mut sorted: Vec<f32> = mean.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f32::total_cmp);
    let top = sorted.get(sorted.len().saturating_sub(1 + sorted.len() / 50)).copied().unwrap_or(1.0).max(1e-6);
    let pixels = mean.iter().map(|&m| if m.is_finite() { theme.magnitude(kind, (m / top).min(1.0)) } else { theme.unused() }).collect();
    Some(ColorImage::new([w, h], pixels))
}

/// Texels of a block's picture: whole texels a tile where they fit.
fn overview_size(across: u32, down: u32, cols: u32, rows: u32) -> (usize, usize) {
    let side = |tiles: u32, cells: u32| (tiles * (OVERVIEW / tiles.max(1)).clamp(1, cells)).min(2048) as usize;
    (side(across, cols), side(down, rows))
}
