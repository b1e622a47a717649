//! Pictures of the map as files: PNG through the CPU rasteriser, SVG from the floorplan itself. The view or the whole die.

use crate::app::{App, Options};
use crate::camera::Camera;
use crate::die::Die;
use crate::errand::write_whole;
use crate::error::Error;
use crate::headless::Headless;
use crate::item::Item;
use crate::panels::Panels;
use crate::theme::Theme;
use crate::view::{Dress, View};
use egui::{Color32, Rect as Screen, Ui, pos2, vec2};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Weights drawn one by one in an SVG, at most; more would make a file that nothing opens.
const MOST_WEIGHTS: u32 = 4_000;

/// Makes the picture that the panel asks for, on a thread of its own.
pub fn start(ui: &Ui, panels: &mut Panels, view: &View, theme: Theme) {
    let e = &panels.export;
    let (path, width) = (e.path.trim().to_string(), e.width);
    let svg = path.ends_with(".svg").then(|| svg(view, theme, e.whole, width));
    let (die, dress, camera) = (view.die.clone(), view.dress(), (!e.whole).then_some((view.camera, view.canvas)));
    panels.errand.start("export", ui.ctx(), move || {
        let bytes = match svg {
            Some(text) => Ok(text.into_bytes()),
            None => png(die, dress, theme, camera, width).map_err(|e| e.to_string()),
        };
        match bytes.and_then(|b| write_whole(Path::new(&path), &b).map_err(|e| e.to_string())) {
            Ok(()) => format!("wrote {path}"),
            Err(e) => format!("{path}: {e}"),
        }
    });
}

/// A camera of its own, so that an export does not wait for the window or disturb it.
pub fn png(die: Arc<Die>, dress: Dress, theme: Theme, camera: Option<(Camera, Screen)>, width: u32) -> Result<Vec<u8>, Error> {
    let options = Options { dark: Some(theme.dark), ..Options::default() };
    let (w, h) = size(&die, camera, width);
    let mut headless = Headless::new(|ctx| App::map_of(ctx, die, options, Some(dress)), w, h)?;
    headless.settle()?;
    if let (Some((mut c, canvas)), Some(view)) = (camera, headless.app.view_mut()) {
        c.scale *= f64::from(w) / f64::from(canvas.width());
        view.camera = c;
    }
    headless.settle()?;
    headless.image().png().map_err(|source| Error::Png { path: "export".into(), source })
}

fn size(die: &Die, camera: Option<(Camera, Screen)>, width: u32) -> (u32, u32) {
    let (w, h) = match camera {
        Some((_, canvas)) => (f64::from(canvas.width()), f64::from(canvas.height())),
        None => (die.plan().die.width_nm() as f64, die.plan().die.height_nm() as f64),
    };
    let height = (f64::from(width) * h / w.max(1.0)).round().clamp(64.0, 8192.0);
    (width, height as u32)
}

/// The floorplan as SVG: blocks, tiles where they are large enough, weights where there are few. One user unit is a point.
pub fn svg(view: &View, theme: Theme, whole: bool, width: u32) -> String {
    let die = &view.die;
    let (w, h) = size(die, (!whole).then_some((view.camera, view.canvas)), width);
    let canvas = Screen::from_min_size(pos2(0.0, 0.0), vec2(w as f32, h as f32));
    let camera = if whole {
        Camera::fit(&die.plan().die, canvas)
    } else {
        Camera { scale: view.camera.scale * f64::from(w) / f64::from(view.canvas.width()), ..view.camera }
    };
    let sees = camera.visible(canvas);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" font-family=\"sans-serif\">\n"
    );
    rect(&mut out, canvas, theme.background(), None);
    let plan = die.plan();
    if let Some(r) = camera.rect(canvas, plan.die.into()) {
        rect(&mut out, r, theme.die(), Some(theme.line()));
    }
    for region in plan.regions.iter().filter(|r| sees.sees(&r.rect)) {
        if let Some(r) = camera.rect(canvas, region.rect.into()) {
            rect(&mut out, r, theme.station(), None);
        }
    }
    for (b, block) in plan.blocks.iter().enumerate().filter(|(_, b)| sees.sees(&b.rect)) {
        let Some(r) = camera.rect(canvas, block.rect.into()) else { continue };
        let path = die.block_path(b);
        let fill = view.block_colour(b, theme);
        let _ = writeln!(out, "<g><title>{}</title>", escape(&path));
        rect(&mut out, r, fill, None);
        tiles(&mut out, view, camera, canvas, b, theme);
        let seen = r.intersect(canvas);
        let short = path.rsplit('.').next().unwrap_or(&path);
        if seen.height() > 14.0 && seen.width() > short.len() as f32 * 6.5 + 6.0 {
            let name = if seen.width() > path.len() as f32 * 6.5 + 6.0 { path.as_str() } else { short };
            text(&mut out, seen.left() + 4.0, seen.top() + 12.0, 11.0, Theme::on(fill), name);
        }
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn tiles(out: &mut String, view: &View, camera: Camera, canvas: Screen, b: usize, theme: Theme) {
    let die = &view.die;
    let (block, Some(rom)) = (&die.plan().blocks[b], die.blocks[b].rom) else { return };
    if view.hides_weights() {
        return;
    }
    let sees = camera.visible(canvas);
    let (across, down) = rom.tiles_in(block, &sees);
    if across.len() * down.len() > MOST_WEIGHTS as usize {
        return;
    }
    for k_tile in down {
        for n_tile in across.clone() {
            let tile = Item::Tile { block: b, n_tile, k_tile };
            let (Some(outer), Some(store)) = (tile.rect(die), rom.rom_rect(block, n_tile, k_tile)) else { continue };
            let (Some(r), Some(inner)) = (camera.rect(canvas, outer.into()), camera.rect(canvas, store.into())) else { continue };
            if r.width().min(r.height()) < 6.0 {
                return;
            }
            rect(out, r, theme.logic(block.kind), Some(theme.die()));
            rect(out, inner, theme.magnitude(block.kind, 0.5), None);
            let (cols, rows) = rom.cells_in(&store, &sees);
            if cols.len() * rows.len() > MOST_WEIGHTS as usize {
                continue;
            }
            for row in rows {
                for col in cols.clone() {
                    let site = hardwire_netlist::WeightSite { k_tile, n_tile, row, col };
                    let place = rom.weight_rect(block, site).and_then(|r| camera.rect(canvas, r.into()));
                    if let (Some(r), Some(w)) = (place, die.weight(b, site)) {
                        rect(out, r, theme.weight((w.real / die.norm(b)) as f32), Some(theme.die()));
                    }
                }
            }
        }
    }
}

fn hex(c: Color32) -> String {
    format!("#{:02x}{:02x}{:02x}", c.r(), c.g(), c.b())
}

// Writing to a string cannot fail; the results are dropped for that.
fn rect(out: &mut String, r: Screen, fill: Color32, line: Option<Color32>) {
    let line = line.map_or(String::new(), |l| format!(" stroke=\"{}\" stroke-width=\"0.5\"", hex(l)));
    let _ = writeln!(
        out,
        "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\"{line}/>",
        r.left(),
        r.top(),
        r.width(),
        r.height(),
        hex(fill)
    );
}

fn text(out: &mut String, x: f32, y: f32, size: f32, colour: Color32, what: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{}\">{}</text>", hex(colour), escape(what));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
