//! A few small pictures of the map beside what they were: near enough, not to the pixel, since another machine rounds otherwise.
//! `HARDWIRE_GOLDENS=write` writes them anew; look at them before they are kept.

mod common;

use common::{changed, tales};
use hardwire_netlist::{Chip, Rect};
use hardwire_viewer::camera::Camera;
use hardwire_viewer::die::Die;
use hardwire_viewer::headless::Headless;
use hardwire_viewer::heat::Metric;
use hardwire_viewer::raster::Image;
use hardwire_viewer::view::View;
use hardwire_viewer::{App, Options};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const WIDTH: u32 = 360;
const HEIGHT: u32 = 240;
/// Mean difference of a channel, of 255.
const MEAN: f64 = 1.5;
/// Share of pixels that may differ by more than 32 in some channel.
const FAR: f64 = 0.01;

fn picture(dark: bool, set: impl Fn(&mut View, &egui::Context)) -> Image {
    let options = Options { dark: Some(dark), ..Options::default() };
    let die = Arc::new(Die::new(laid_out(Chip::open(tales()).unwrap())));
    let mut shot = Headless::new(|ctx| App::map_of(ctx, die, options, None), WIDTH, HEIGHT).unwrap();
    shot.settle().unwrap();
    let ctx = shot.ctx.clone();
    set(shot.app.view_mut().unwrap(), &ctx);
    shot.settle().unwrap();
    shot.image()
}

/// The chip with a floorplan of its own: stations side by side, blocks on top of each other. The planner's changes as cells are counted
/// better, and these are pictures of the viewer.
fn laid_out(mut chip: Chip) -> Chip {
    const SIDE: (i64, i64) = (900_000, 600_000);
    let stations: Vec<Option<usize>> = Die::new(Chip::open(tales()).unwrap()).blocks.iter().map(|b| b.station).collect();
    let plan = &mut chip.structure.floorplan;
    plan.die = Rect::new(0, 0, SIDE.0, SIDE.1);
    let wide = SIDE.0 / plan.regions.len() as i64;
    for (s, region) in plan.regions.iter_mut().enumerate() {
        let x = wide * s as i64;
        region.rect = Rect::new(x + 2_000, 20_000, x + wide - 2_000, SIDE.1 - 4_000);
        let mine: Vec<usize> = (0..stations.len()).filter(|&b| stations[b] == Some(s)).collect();
        let high = region.rect.height_nm() / mine.len() as i64;
        for (i, b) in mine.into_iter().enumerate() {
            let y = region.rect.y0_nm + high * i as i64;
            plan.blocks[b].rect = Rect::new(region.rect.x0_nm, y, region.rect.x1_nm, y + high);
        }
    }
    for (b, block) in plan.blocks.iter_mut().enumerate().filter(|(b, _)| stations[*b].is_none()) {
        block.rect = Rect::new(20_000 * b as i64 % SIDE.0, 2_000, 20_000 * b as i64 % SIDE.0 + 15_000, 16_000);
    }
    chip
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(format!("{name}.png"))
}

fn read(name: &str) -> Vec<u8> {
    let path = golden(name);
    let file = fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}: write it with HARDWIRE_GOLDENS=write", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

/// Mean difference of a channel, and share of pixels that differ much.
fn distance(a: &[u8], b: &[u8]) -> (f64, f64) {
    assert_eq!(a.len(), b.len(), "sizes");
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let far = a.chunks(3).zip(b.chunks(3)).filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 32)).count();
    (sum as f64 / a.len() as f64, far as f64 / (a.len() / 3) as f64)
}

fn rgb(image: &Image) -> Vec<u8> {
    image.pixels.iter().flat_map(|c| [c.r(), c.g(), c.b()]).collect()
}

fn go(path: &'static str) -> impl Fn(&mut View, &egui::Context) {
    move |view, _| {
        view.go_path(path, 0.0).unwrap();
    }
}

/// The ROM of a unit's first tile, and nothing around it: how large it is depends on how cells are counted.
fn rom(path: &'static str) -> impl Fn(&mut View, &egui::Context) {
    move |view, _| {
        let block = view.die.find_block(path).unwrap();
        let store = view.die.blocks[block].rom.unwrap().rom_rect(&view.die.plan().blocks[block], 0, 0).unwrap();
        let fit = Camera::fit(&store, view.canvas);
        view.camera = Camera { scale: fit.scale * 1.5, ..fit };
    }
}

#[test]
fn the_map_looks_as_it_did() {
    let other = changed("layers.3.mlp.up_proj");
    let all = [
        ("die-dark", picture(true, go("die"))),
        ("die-light", picture(false, go("die"))),
        ("tile", picture(true, rom("layers.1.mlp.down_proj"))),
        ("weight", picture(false, go("layers.1.mlp.down_proj[7,30]"))),
        ("heat", picture(true, |view, _| view.heat.metric = Some(Metric::Area))),
        (
            "diff",
            picture(true, |view, ctx| {
                view.diff.path = other.display().to_string();
                let die = view.die.clone();
                view.diff.start(&die, ctx);
            }),
        ),
    ];
    if std::env::var_os("HARDWIRE_GOLDENS").is_some_and(|v| v == "write") {
        for (name, image) in &all {
            fs::create_dir_all(golden(name).parent().unwrap()).unwrap();
            fs::write(golden(name), image.png().unwrap()).unwrap();
        }
    }
    for (name, image) in &all {
        let (mean, far) = distance(&rgb(image), &read(name));
        assert!(mean < MEAN && far < FAR, "{name}: {mean:.2} of 255 on average, {:.2} % of pixels far off", 100.0 * far);
        // The measure tells one picture from another.
        for (other, _) in all.iter().filter(|o| o.0 != *name) {
            let (mean, far) = distance(&rgb(image), &read(other));
            assert!(mean > MEAN || far > FAR, "{name} cannot be told from {other}: {mean:.2}, {far:.4}");
        }
    }
}
