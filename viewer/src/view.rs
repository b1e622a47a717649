//! One open chip and how it is looked at: camera, flight, selection, history, bookmarks, ruler. No widget is drawn here.

use crate::bookmarks::Bookmark;
use crate::camera::Camera;
use crate::check::{self, Check};
use crate::die::Die;
use crate::diff::{self, Diff, Found};
use crate::error::Error;
use crate::heat::{Heat, Over};
use crate::heat_tiles::HeatWork;
use crate::item::Item;
use crate::live::{Lane, Live};
use crate::materialise::Materialiser;
use crate::stats::Stats;
use crate::theme::Theme;
use crate::verilog::{Source, Verilog};
use egui::{Context, Rect as Screen};
use hardwire_netlist::Rect;
use hardwire_netlist::floorplan::BlockKind;
use std::sync::Arc;

/// Seconds a flight takes.
const FLIGHT_S: f64 = 0.6;

#[derive(Clone, Copy)]
struct Flight {
    from: Camera,
    to: Camera,
    start: f64,
}

/// Levels of the hierarchy, from the first: what the map shows at a depth of 1, 2, 3, 4.
pub const DEPTHS: [&str; 4] = ["stations", "units", "tiles", "weights"];

/// What colours a map beside its theme, to be had again elsewhere.
#[derive(Clone)]
pub struct Dress {
    heat: Heat,
    diff: Option<Arc<Found>>,
    hidden: Vec<BlockKind>,
    depth: u8,
    lanes: Vec<Lane>,
    now_cycle: f64,
    slow_us: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ruler {
    pub on: bool,
    pub from: Option<(f64, f64)>,
    pub to: Option<(f64, f64)>,
}

impl Ruler {
    /// Sets the first point, or the second where the first is set.
    pub fn point(&mut self, x_nm: f64, y_nm: f64) {
        if self.from.is_none() || self.to.is_some() {
            (self.from, self.to) = (Some((x_nm, y_nm)), None);
        } else {
            self.to = Some((x_nm, y_nm));
        }
    }
}

pub struct View {
    pub die: Arc<Die>,
    pub check: Check,
    pub pictures: Materialiser,
    pub camera: Camera,
    /// Where the canvas was in the last frame.
    pub canvas: Screen,
    pub selection: Option<Item>,
    pub hover: Option<(f64, f64, Option<Item>)>,
    pub ruler: Ruler,
    pub bookmarks: Vec<Bookmark>,
    pub stats: Stats,
    pub heat: Heat,
    pub heat_work: HeatWork,
    pub verilog: Verilog,
    pub live: Live,
    pub diff: Diff,
    /// Kinds of block that are not drawn.
    pub hidden: Vec<BlockKind>,
    /// Levels of the hierarchy that are shown; see [`DEPTHS`].
    pub depth: u8,
    /// Changes are what is drawn in this frame.
    pub changes: bool,
    flight: Option<Flight>,
    fitted: bool,
    wish: Option<Item>,
    past: Vec<Bookmark>,
    future: Vec<Bookmark>,
}

impl View {
    pub fn new(die: Arc<Die>, ctx: &Context, theme: Theme, check: Check, verilog: Option<Source>) -> View {
        View {
            check,
            pictures: Materialiser::new(die.clone(), None, ctx.clone(), theme),
            camera: Camera { x_nm: 0.0, y_nm: 0.0, scale: 1e-4 },
            canvas: Screen::NOTHING,
            selection: None,
            hover: None,
            ruler: Ruler::default(),
            bookmarks: Vec::new(),
            stats: Stats::new(die.clone(), ctx.clone()),
            heat: Heat::default(),
            heat_work: HeatWork::new(die.clone(), ctx.clone()),
            verilog: Verilog::new(die.clone(), ctx.clone(), verilog),
            live: Live::new(die.clone(), ctx.clone()),
            diff: Diff::default(),
            hidden: Vec::new(),
            depth: DEPTHS.len() as u8,
            changes: false,
            flight: None,
            fitted: false,
            wish: None,
            past: Vec::new(),
            future: Vec::new(),
            die,
        }
    }

    /// Takes what other threads have made since the last frame.
    pub fn collect(&mut self, ctx: &Context, theme: Theme, now: f64, seconds: f64) {
        let fresh = self.stats.begin();
        self.verilog.begin();
        self.check.poll();
        self.live.advance(seconds, &self.check.state);
        if self.heat.over == Over::Live {
            self.heat.from = self.live.position().unwrap_or(self.heat.from);
        }
        self.heat_work.begin(&mut self.heat);
        self.heat.update(&self.die, &mut self.stats, &mut self.heat_work, fresh);
        if let Some(other) = self.diff.poll() {
            self.pictures = Materialiser::new(self.die.clone(), Some(other), ctx.clone(), theme);
        }
        self.changes = self.diff.shown(now);
    }

    /// Hands the wishes of this frame over, after it is painted.
    pub fn end(&mut self) {
        self.stats.end();
        self.heat_work.end();
        self.verilog.end();
    }

    /// What colours this map now.
    pub fn dress(&self) -> Dress {
        let diff = match &self.diff.state {
            diff::State::Done(found) if self.diff.on => Some(found.clone()),
            _ => None,
        };
        Dress {
            heat: self.heat.clone(),
            diff,
            hidden: self.hidden.clone(),
            depth: self.depth,
            lanes: self.live.lanes.clone(),
            now_cycle: self.live.now_cycle,
            slow_us: self.live.slow_us,
        }
    }

    /// Colours this map as another one of the same chip.
    pub fn put_on(&mut self, dress: Dress, ctx: &Context, theme: Theme) {
        if let Some(found) = dress.diff {
            self.pictures = Materialiser::new(self.die.clone(), Some(found.other.clone()), ctx.clone(), theme);
            self.diff.state = diff::State::Done(found);
        }
        (self.heat, self.hidden, self.depth) = (dress.heat, dress.hidden, dress.depth);
        (self.live.lanes, self.live.now_cycle, self.live.slow_us) = (dress.lanes, dress.now_cycle, dress.slow_us);
    }

    /// Work on other threads that the picture still waits for.
    pub fn waiting(&self) -> bool {
        let checking = matches!(self.check.state, check::State::Running(_));
        let missing = self.pictures.missing() + self.stats.missing() + self.heat_work.missing() + self.verilog.missing();
        let working = missing > 0 || self.diff.running();
        checking || working || self.live.status == crate::live::Status::Running
    }

    /// Called with the canvas of this frame, before it is painted.
    pub fn advance(&mut self, canvas: Screen, now: f64) {
        // Who sees the whole die goes on to see it when the map grows or shrinks.
        if self.fitted && canvas != self.canvas && self.camera == Camera::fit(&self.die.plan().die, self.canvas) {
            self.camera = Camera::fit(&self.die.plan().die, canvas);
        }
        self.canvas = canvas;
        if !self.fitted && canvas.width() > 1.0 {
            self.fitted = true;
            self.camera = Camera::fit(&self.die.plan().die, canvas);
            if let Some(item) = self.wish.take() {
                self.camera = self.camera_for(item);
            }
        }
        if let Some(f) = self.flight {
            let t = ((now - f.start) / FLIGHT_S).clamp(0.0, 1.0);
            self.camera = f.from.towards(f.to, t * t * (3.0 - 2.0 * t));
            if t >= 1.0 {
                self.camera = f.to;
                self.flight = None;
            }
        }
    }

    pub fn flying(&self) -> bool {
        self.flight.is_some() || !self.fitted
    }

    /// The camera that shows an item with enough around it to know where one is.
    pub fn camera_for(&self, item: Item) -> Camera {
        let Some(mut r) = item.rect(&self.die) else { return self.camera };
        if let Item::Weight { .. } = item {
            let (w, h) = (r.width_nm(), r.height_nm());
            r = Rect::new(r.x0_nm - w / 2, r.y0_nm - h, r.x1_nm + w / 2, r.y1_nm + h);
        }
        Camera::fit(&r, self.canvas)
    }

    pub fn fly(&mut self, to: Camera, now: f64) {
        self.remember();
        self.flight = Some(Flight { from: self.camera, to, start: now });
    }

    /// Selects an item and flies there.
    pub fn go(&mut self, item: Item, now: f64) {
        self.selection = Some(item);
        if self.fitted {
            self.fly(self.camera_for(item), now);
        } else {
            self.wish = Some(item);
        }
    }

    /// # Errors
    /// `Error::Place` where the path names nothing.
    pub fn go_path(&mut self, path: &str, now: f64) -> Result<Item, Error> {
        let item = Item::parse(&self.die, path)?;
        self.go(item, now);
        Ok(item)
    }

    fn here(&self) -> Bookmark {
        let name = self.selection.map_or_else(|| "view".into(), |s| s.path(&self.die));
        Bookmark { name, camera: self.camera, selection: self.selection }
    }

    fn remember(&mut self) {
        let here = self.here();
        if self.past.last() != Some(&here) {
            self.past.push(here);
        }
        self.future.clear();
    }

    pub fn back(&mut self, now: f64) {
        if let Some(there) = self.past.pop() {
            self.future.push(self.here());
            self.visit(there, now);
        }
    }

    pub fn forward(&mut self, now: f64) {
        if let Some(there) = self.future.pop() {
            self.past.push(self.here());
            self.visit(there, now);
        }
    }

    pub fn can_go(&self) -> (bool, bool) {
        (!self.past.is_empty(), !self.future.is_empty())
    }

    pub fn visit(&mut self, there: Bookmark, now: f64) {
        self.selection = there.selection;
        self.flight = Some(Flight { from: self.camera, to: there.camera, start: now });
    }

    /// Keeps this view; false if it is kept already.
    pub fn bookmark(&mut self) -> bool {
        let here = self.here();
        let new = !self.bookmarks.contains(&here);
        if new {
            self.bookmarks.push(here);
        }
        new
    }

    pub fn is_bookmarked(&self) -> bool {
        self.bookmarks.contains(&self.here())
    }

    /// Forgets this view; false if it was not kept.
    pub fn forget(&mut self) -> bool {
        let (here, before) = (self.here(), self.bookmarks.len());
        self.bookmarks.retain(|b| *b != here);
        self.bookmarks.len() < before
    }

    /// To the bookmark after this one, round and round.
    pub fn next_bookmark(&mut self, now: f64) {
        let at = self.bookmarks.iter().position(|b| b.camera == self.camera).map_or(0, |i| i + 1);
        if let Some(b) = self.bookmarks.get(at).or(self.bookmarks.first()).cloned() {
            self.fly(b.camera, now);
            self.selection = b.selection;
        }
    }

    /// What lies under a point of the die, as deep as the map shows it.
    pub fn hit(&self, x_nm: f64, y_nm: f64) -> Option<Item> {
        self.die.hit(x_nm, y_nm, self.camera.scale, self.depth).filter(|i| i.block().is_none_or(|b| self.draws(b)))
    }

    pub fn show_kind(&mut self, kind: BlockKind, show: bool) {
        self.hidden.retain(|k| *k != kind);
        if !show {
            self.hidden.push(kind);
        }
    }

    /// Whether a block is drawn at all.
    pub fn draws(&self, block: usize) -> bool {
        !self.hidden.contains(&self.die.plan().blocks[block].kind)
    }

    /// Fill of a block.
    pub fn block_colour(&self, block: usize, theme: Theme) -> egui::Color32 {
        if self.changes {
            return self.diff.colour(&self.die, block, theme).unwrap_or(theme.station());
        }
        if self.heat.metric.is_some() {
            return self.heat.colour(block).unwrap_or(theme.station());
        }
        theme.kind(self.die.plan().blocks[block].kind)
    }

    /// Weights are not drawn: something else colours the blocks.
    pub fn hides_weights(&self) -> bool {
        self.heat.metric.is_some()
    }

    /// Stops a flight: the user took the controls.
    pub fn grab(&mut self) {
        self.flight = None;
    }
}
