//! A chip of 8 B weights: it opens without its program being read, it can be flown through, and it stays small in memory. In a program of
//! its own, since memory is counted by process. Times are the bench's to tell.

#[path = "common/large.rs"]
mod large;

use hardwire_netlist::Chip;
use hardwire_viewer::headless::Headless;
use hardwire_viewer::item::Item;
use hardwire_viewer::{App, Options};
use std::path::Path;

/// Resident, mapped pages included.
const MOST_MB: f64 = 500.0;

#[test]
fn an_8_b_chip_is_looked_at_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = large::write(folder.path(), |_| "never looked at here".into());
    assert!(bytes > 4_000_000_000, "{bytes}");
    let chip = Chip::open_structure(&path).unwrap();
    let mut window = Headless::new(|ctx| App::with_chip(ctx, chip, Options::default()), 1600, 1000).unwrap();
    for (name, place) in large::PLACES {
        window.app.view_mut().unwrap().go_path(place, 0.0).unwrap();
        window.settle().unwrap();
        let triangles = window.frame();
        assert!(triangles < 300_000, "{place}: {triangles} triangles");
        let (_, _, most) = large::memory_mb();
        assert!(most < MOST_MB, "{place}: {most:.0} MB");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("large-{name}.png"));
        std::fs::write(&file, window.image().png().unwrap()).unwrap();
        eprintln!("{most:.0} MB at most; as it looked: {}", file.display());
    }
    let view = window.app.view().unwrap();
    let Some(Item::Weight { block, site }) = view.selection else { panic!("{:?}", view.selection) };
    let weight = view.die.weight(block, site).unwrap();
    assert_eq!((weight.row, weight.k, weight.code), (1100, 900, 0), "codes of a hole are 0");
}
