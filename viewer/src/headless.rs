//! The same application without a window: frames are run by hand and painted by [`crate::raster`]. Screenshots for docs and CI
//! come from here, and so do the pictures of the tests and the frame times of the bench.

use crate::app::App;
use crate::error::Error;
use crate::raster::{Image, Rasteriser};
use crate::theme::Theme;
use egui::{Color32, Context, Event, RawInput, Rect, pos2, vec2};
use std::thread;
use std::time::{Duration, Instant};

/// Time after which a view that still changes is an error: a prompt through a large model takes minutes.
const PATIENCE: Duration = Duration::from_secs(600);

pub struct Headless {
    pub ctx: Context,
    pub app: App,
    raster: Rasteriser,
    width: u32,
    height: u32,
    time: f64,
    events: Vec<Event>,
}

impl Headless {
    /// # Errors
    /// `Error::Size` for a picture too small to hold the panels or too large to hold in memory.
    pub fn new(app: impl FnOnce(&Context) -> App, width: u32, height: u32) -> Result<Headless, Error> {
        if !(64..=8192).contains(&width) || !(64..=8192).contains(&height) {
            return Err(Error::Size { width, height });
        }
        let ctx = Context::default();
        // Nothing fades in: a picture shows what is there.
        ctx.all_styles_mut(|s| s.animation_time = 0.0);
        let app = app(&ctx);
        Ok(Headless { app, ctx, raster: Rasteriser::default(), width, height, time: 0.0, events: Vec::new() })
    }

    /// An event of the next frame.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn run(&mut self) -> egui::FullOutput {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(self.width as f32, self.height as f32))),
            time: Some(self.time),
            events: std::mem::take(&mut self.events),
            max_texture_side: Some(8192),
            focused: true,
            ..RawInput::default()
        };
        let app = &mut self.app;
        self.ctx.run_ui(input, |ui| app.ui(ui))
    }

    /// One frame: layout and tessellation, as a window would do them, without pixels. Gives the number of triangles.
    pub fn frame(&mut self) -> usize {
        let mut out = self.run();
        self.raster.apply(&mut out.textures_delta);
        let primitives = self.ctx.tessellate(out.shapes, out.pixels_per_point);
        primitives
            .iter()
            .map(|p| match &p.primitive {
                egui::epaint::Primitive::Mesh(m) => m.indices.len() / 3,
                egui::epaint::Primitive::Callback(_) => 0,
            })
            .sum()
    }

    /// Runs frames until nothing moves and nothing is being made.
    pub fn settle(&mut self) -> Result<(), Error> {
        let mut calm = 0;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            self.frame();
            calm = if self.app.busy() { 0 } else { calm + 1 };
            // Panels take a frame or two to find their sizes.
            if calm >= 4 {
                return Ok(());
            }
            if self.app.waiting() {
                thread::sleep(Duration::from_millis(2));
            }
        }
        Err(Error::Unsettled(PATIENCE.as_secs()))
    }

    /// One frame as pixels.
    pub fn image(&mut self) -> Image {
        let mut out = self.run();
        self.raster.apply(&mut out.textures_delta);
        let primitives = self.ctx.tessellate(out.shapes, out.pixels_per_point);
        let back = Theme { dark: true }.background();
        let back = Color32::from_rgb(back.r(), back.g(), back.b());
        self.raster.paint(self.width as usize, self.height as usize, out.pixels_per_point, back, &primitives)
    }
}
