//! One open chip and how it is looked at: camera, flight, selection, history, bookmarks, ruler. No widget is drawn here.

use crate::camera::Camera;
use crate::die::Die;
use crate::diff::Diff;
use crate::error::Error;
use crate::heat::Heat;
use crate::item::Item;
use crate::live::Live;
use crate::materialise::Materialiser;
use crate::stats::Stats;
use crate::theme::Theme;
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

/// A place to come back to.
#[derive(Clone, Debug, PartialEq)]
pub struct Bookmark {
    pub name: String,
    pub camera: Camera,
    pub selection: Option<Item>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ruler {
    pub on: bool,
    pub from: Option<(f64, f64)>,
    pub to: Option<(f64, f64)>,
}

pub struct View {
    pub die: Arc<Die>,
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
    pub live: Live,
    pub diff: Diff,
    /// Kinds of block that are not drawn.
    pub hidden: Vec<BlockKind>,
    /// Changes are what is drawn in this frame.
    pub changes: bool,
    flight: Option<Flight>,
    fitted: bool,
    wish: Option<Item>,
    past: Vec<Bookmark>,
    future: Vec<Bookmark>,
}

impl View {
    pub fn new(die: Arc<Die>, ctx: &Context, theme: Theme) -> View {
        View {
            pictures: Materialiser::new(die.clone(), None, ctx.clone(), theme),
            camera: Camera { x_nm: 0.0, y_nm: 0.0, scale: 1e-4 },
            canvas: Screen::NOTHING,
            selection: None,
            hover: None,
            ruler: Ruler::default(),
            bookmarks: Vec::new(),
            stats: Stats::new(die.clone(), ctx.clone()),
            heat: Heat::default(),
            live: Live::new(die.clone(), ctx.clone()),
            diff: Diff::default(),
            hidden: Vec::new(),
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
        self.heat.update(&self.die, &mut self.stats, fresh);
        self.live.advance(seconds);
        if let Some(other) = self.diff.poll() {
            self.pictures = Materialiser::new(self.die.clone(), Some(other), ctx.clone(), theme);
        }
        self.changes = self.diff.shown(now);
    }

    /// Work on other threads that the picture still waits for.
    pub fn waiting(&self) -> bool {
        self.pictures.missing() > 0 || self.stats.missing() > 0 || self.diff.running() || self.live.status == crate::live::Status::Running
    }

    /// Called with the canvas of this frame, before it is painted.
    pub fn advance(&mut self, canvas: Screen, now: f64) {
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

    pub fn bookmark(&mut self) {
        let here = self.here();
        if !self.bookmarks.contains(&here) {
            self.bookmarks.push(here);
        }
    }

    /// Whether a block is drawn at all.
    pub fn draws(&self, block: usize) -> bool {
        !self.hidden.contains(&self.die.plan().blocks[block].kind)
    }

    /// Fill of a block.
    pub fn block_colour(&self, block: usize, theme: Theme) -> egui::Color32 {
        if self.changes {
            return self.diff.colour(block).unwrap_or(theme.station());
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
