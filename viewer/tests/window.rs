//! A real window on a virtual screen, and the headless pictures beside it.

mod common;

use common::tales;
use hardwire_viewer::headless::Headless;
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

#[test]
fn a_window_opens_and_paints() {
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
            return;
        }
    };
    let mut display = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut display).unwrap();
    let mut window = Ended(
        Command::new(env!("CARGO_BIN_EXE_hardwire-viewer"))
            .arg(tales())
            .env("DISPLAY", format!(":{}", display.trim()))
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let (start, screen) = (Instant::now(), folder.path().join("Xvfb_screen0"));
    loop {
        if let Some(status) = window.0.try_wait().unwrap() {
            let mut said = String::new();
            let _ = std::io::Read::read_to_string(window.0.stderr.as_mut().unwrap(), &mut said);
            // A server without OpenGL is the machine's lack, not the viewer's; anything else is a failure.
            assert!(
                said.contains("OpenGL")
                    || said.contains("GLX")
                    || said.contains("EGL")
                    || said.contains("glutin")
                    || said.contains("librar"),
                "{status}: {said}"
            );
            eprintln!("skipped: no OpenGL on the virtual screen: {said}");
            return;
        }
        let (_, pixels) = xwd(&screen).unwrap_or_default();
        let colours: HashSet<u32> = pixels.iter().copied().collect();
        let orange = pixels.iter().filter(|p| (*p >> 16 & 255) > 140 && (*p >> 8 & 255) > 90 && (*p & 255) < 60).count();
        // The map is there once vector units and many shades of weights are.
        if colours.len() > 200 && orange > 5_000 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(180), "three minutes, and {} colours on screen", colours.len());
        std::thread::sleep(Duration::from_millis(200));
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
