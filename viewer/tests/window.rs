//! A real window on a virtual screen, and the headless pictures beside it.

mod common;

use common::tales;
use egui::Color32;
use hardwire_viewer::headless::Headless;
use hardwire_viewer::raster::Image;
use hardwire_viewer::{App, Options, screenshot};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pixels of an XWD file of 32 bits a pixel: the header is big-endian words, then a colour map, then rows.
fn xwd(path: &Path) -> Option<(usize, Vec<u32>)> {
    let bytes = std::fs::read(path).ok()?;
    let word = |i: usize| Some(u32::from_be_bytes(bytes.get(4 * i..4 * i + 4)?.try_into().ok()?) as usize);
    let (header, width, height, line, colours) = (word(0)?, word(4)?, word(5)?, word(12)?, word(19)?);
    let data = bytes.get(header + colours * 12..)?;
    let row = |y: usize| data.get(y * line..y * line + width * 4);
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        pixels.extend(row(y)?.chunks_exact(4).map(|p| u32::from_le_bytes([p[0], p[1], p[2], 0])));
    }
    Some((width, pixels))
}

/// What a window on a virtual screen shows once `seen` says that it is all there; `None` where the machine has no screen to give.
fn window(name: &str, args: &[&str], seen: impl Fn(&[u32]) -> bool) -> Option<(usize, Vec<u32>)> {
    let folder = tempfile::tempdir().unwrap();
    let server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-fbdir"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut server = match server {
        Ok(child) => Ended(child),
        Err(e) => {
            eprintln!("skipped: no window was opened: Xvfb: {e}");
            return None;
        }
    };
    let mut display = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut display).unwrap();
    let mut window = Ended(
        Command::new(env!("CARGO_BIN_EXE_hardwire-viewer"))
            .arg(tales())
            .args(args)
            .env("DISPLAY", format!(":{}", display.trim()))
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("XDG_CONFIG_HOME", folder.path())
            .env_remove("WAYLAND_DISPLAY")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let (start, screen) = (Instant::now(), folder.path().join("Xvfb_screen0"));
    let mut last = Vec::new();
    loop {
        if let Some(status) = window.0.try_wait().unwrap() {
            let mut said = String::new();
            let _ = std::io::Read::read_to_string(window.0.stderr.as_mut().unwrap(), &mut said);
            // A server without OpenGL is the machine's lack, not the viewer's; anything else is a failure.
            let lacks = ["OpenGL", "GLX", "EGL", "glutin", "librar"];
            assert!(lacks.iter().any(|l| said.contains(l)), "{status}: {said}");
            eprintln!("skipped: no OpenGL on the virtual screen: {said}");
            return None;
        }
        let (width, pixels) = xwd(&screen).unwrap_or_default();
        // All there, and twice the same.
        if !pixels.is_empty() && pixels == last && seen(&pixels) {
            let image = Image { width, height: pixels.len() / width, pixels: pixels.iter().map(|p| colour(*p)).collect() };
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("window-{name}.png"));
            std::fs::write(&file, image.png().unwrap()).unwrap();
            eprintln!("the window as it looked: {}", file.display());
            return Some((width, pixels));
        }
        last = pixels;
        assert!(start.elapsed() < Duration::from_secs(180), "three minutes, and the window is not there");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn colour(pixel: u32) -> Color32 {
    Color32::from_rgb((pixel >> 16) as u8, (pixel >> 8) as u8, pixel as u8)
}

/// The window and the headless application show the same picture, up to the rounding of another painter.
#[test]
fn a_window_opens_and_shows_what_the_headless_picture_does() {
    let weight = "layers.1.mlp.down_proj[7,30]";
    for (name, goto, theme) in [("die", None, "--dark"), ("weight", Some(weight), "--light")] {
        let options = Options { goto: goto.map(String::from), dark: Some(theme == "--dark"), ..Options::default() };
        let mut shot = Headless::new(|ctx| App::open(ctx, tales(), options), 1440, 900).unwrap();
        shot.settle().unwrap();
        let want = shot.image();
        let mut args = vec![theme];
        args.extend(goto.map(|g| ["--goto", g]).iter().flatten());
        let near = |pixels: &[u32]| {
            let far = pixels.iter().zip(&want.pixels).filter(|(p, w)| {
                let p = colour(**p);
                [(p.r(), w.r()), (p.g(), w.g()), (p.b(), w.b())].iter().any(|(a, b)| a.abs_diff(*b) > 40)
            });
            pixels.len() == want.pixels.len() && far.count() * 50 < pixels.len()
        };
        let Some((width, pixels)) = window(name, &args, near) else { return };
        let colours: HashSet<u32> = pixels.iter().copied().collect();
        assert!(width == 1440 && colours.len() > 50, "{name}: {} colours", colours.len());
    }
}

#[test]
fn the_same_view_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { goto: Some("layers.1.mlp.down_proj/tile[0,0]".into()), ..Options::default() };
    let shots: Vec<Vec<u8>> = ["a.png", "b.png"]
        .iter()
        .map(|name| {
            screenshot(tales(), options.clone(), (640, 400), &folder.path().join(name)).unwrap();
            std::fs::read(folder.path().join(name)).unwrap()
        })
        .collect();
    assert_eq!(shots[0], shots[1]);
}

#[test]
fn weights_are_painted_in_the_colours_of_their_values() {
    let mut shot = Headless::new(
        |ctx| {
            App::map_of(
                ctx,
                std::sync::Arc::new(hardwire_viewer::die::Die::new(hardwire_netlist::Chip::open(tales()).unwrap())),
                Options::default(),
                None,
            )
        },
        600,
        600,
    )
    .unwrap();
    shot.settle().unwrap();
    let path = "layers.1.mlp.down_proj[7,30]";
    shot.app.view_mut().unwrap().go_path(path, 0.0).unwrap();
    shot.settle().unwrap();
    shot.app.view_mut().unwrap().selection = None;
    let image = shot.image();
    let view = shot.app.view().unwrap();
    let hardwire_viewer::item::Item::Weight { block, site } = hardwire_viewer::item::Item::parse(&view.die, path).unwrap() else {
        panic!("{path} is a weight")
    };
    let rom = view.die.blocks[block].rom.unwrap();
    let mut seen = 0;
    for row in site.row.saturating_sub(2)..=site.row + 2 {
        let site = hardwire_netlist::WeightSite { row, ..site };
        let r = rom.weight_rect(&view.die.plan().blocks[block], site).unwrap();
        // A corner of the cell, clear of vias, text and the lines between cells.
        let at = |f: f64, lo: i64, len: i64| lo as f64 + f * len as f64;
        let (x, y) = view.camera.to_screen(view.canvas, at(0.04, r.x0_nm, r.width_nm()), at(0.1, r.y0_nm, r.height_nm()));
        if !(2.0..598.0).contains(&x) || !(2.0..598.0).contains(&y) {
            continue;
        }
        let want = shot.app.theme.weight((view.die.weight(block, site).unwrap().real / view.die.norm(block)) as f32);
        assert_eq!(image.pixels[y as usize * image.width + x as usize], want, "row {row}");
        seen += 1;
    }
    assert!(seen >= 3, "{seen} cells were in view");
}

#[test]
fn a_screenshot_that_cannot_be_is_one_clear_error() {
    let out = Path::new("/nonexistent/folder/shot.png");
    let shot = |goto: Option<&str>, size| {
        screenshot(tales(), Options { goto: goto.map(String::from), ..Options::default() }, size, out).unwrap_err().to_string()
    };
    assert!(shot(None, (10, 10)).contains("64 and 8192"));
    assert!(shot(Some("layers.9"), (640, 400)).contains("no such unit"));
    assert!(shot(None, (640, 400)).contains("/nonexistent/folder/shot.png"));
}
