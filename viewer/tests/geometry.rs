//! What must hold of places: transforms invert at every zoom, a weight and its rectangle are one to one, and what lies under a
//! point agrees with the hierarchy.

mod common;

use common::die;
use egui::{Rect as Screen, pos2};
use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_netlist::{Fabric, WeightSite};
use hardwire_viewer::camera::Camera;
use hardwire_viewer::die::Die;
use hardwire_viewer::item::Item;
use proptest::prelude::*;

fn view() -> Screen {
    Screen::from_min_max(pos2(250.0, 30.0), pos2(1190.0, 870.0))
}

/// Blocks that hold weights.
fn roms() -> Vec<usize> {
    (0..die().blocks.len()).filter(|&b| die().blocks[b].rom.is_some()).collect()
}

proptest! {
    #[test]
    fn screen_and_die_invert_at_every_zoom(
        x in -1e3..3e7f64, y in -1e3..3e7f64, zoom in -7.0..1.3f64, px in 250.0..1190.0f32, py in 30.0..870.0f32,
    ) {
        let camera = Camera { x_nm: x, y_nm: y, scale: 10f64.powf(zoom) };
        let (wx, wy) = camera.to_world(view(), pos2(px, py));
        let (sx, sy) = camera.to_screen(view(), wx, wy);
        // f64 carries 3e7 nm to 4e-9 nm; at 20 points a nanometre that is far below a pixel.
        prop_assert!((sx - f64::from(px)).abs() < 1e-4 && (sy - f64::from(py)).abs() < 1e-4, "{sx} {sy}");
    }

    #[test]
    fn zoom_keeps_what_is_under_the_cursor(zoom in -5.0..1.0f64, factor in 0.2..5.0f64, px in 250.0..1190.0f32, py in 30.0..870.0f32) {
        let mut camera = Camera { x_nm: 1.2e7, y_nm: 3.4e6, scale: 10f64.powf(zoom) };
        let before = camera.to_world(view(), pos2(px, py));
        camera.zoom(view(), pos2(px, py), factor);
        let after = camera.to_world(view(), pos2(px, py));
        prop_assert!((before.0 - after.0).abs() * camera.scale < 1e-4 && (before.1 - after.1).abs() * camera.scale < 1e-4);
    }

    #[test]
    fn every_point_of_a_weight_is_that_weight(pick in any::<prop::sample::Index>(), a in 0.0..1.0f64, b in 0.0..1.0f64, u in 0.0..1.0f64, v in 0.0..1.0f64) {
        let roms = roms();
        let block = roms[pick.index(roms.len())];
        let (rom, plan) = (die().blocks[block].rom.unwrap(), &die().plan().blocks[block]);
        let (n, k) = ((a * f64::from(rom.outputs)) as u32, (b * f64::from(rom.inputs)) as u32);
        let site = rom.site(n, k).unwrap();
        prop_assert_eq!(rom.weight_at(site), Some((n, k)));
        let r = rom.weight_rect(plan, site).unwrap();
        prop_assert!(r.width_nm() > 0 && r.height_nm() > 0 && plan.rect.contains(&r));
        let at = (r.x0_nm + (u * r.width_nm() as f64) as i64, r.y0_nm + (v * r.height_nm() as f64) as i64);
        prop_assert_eq!(rom.site_at(plan, at.0, at.1), Some(site));
        prop_assert_eq!(die().hit(at.0 as f64, at.1 as f64, 20.0, 4), Some(Item::Weight { block, site }));
    }

    #[test]
    fn what_is_hit_holds_the_point_and_lies_in_its_parents(x in 0.0..1.0f64, y in 0.0..1.0f64, zoom in -6.0..1.3f64) {
        let d = die().plan().die;
        let (x, y) = (x * d.width_nm() as f64, y * d.height_nm() as f64);
        let hit = die().hit(x, y, 10f64.powf(zoom), 4).unwrap();
        let mut item = hit;
        prop_assert!(item.rect(die()).unwrap().contains_point(x.floor() as i64, y.floor() as i64));
        prop_assert_eq!(Item::parse(die(), &item.path(die())).unwrap(), item);
        while let Some(parent) = item.parent(die()) {
            prop_assert!(parent.rect(die()).unwrap().contains(&item.rect(die()).unwrap()), "{} in {}", item.path(die()), parent.path(die()));
            item = parent;
        }
        prop_assert_eq!(item, Item::Die);
    }
}

#[test]
fn cells_of_a_tile_partition_its_rom() {
    for block in roms() {
        let (rom, plan) = (die().blocks[block].rom.unwrap(), &die().plan().blocks[block]);
        let store = rom.rom_rect(plan, 0, 0).unwrap();
        assert!(rom.tile_rect(plan, 0, 0).unwrap().contains(&store));
        let mut area = 0.0;
        for row in 0..rom.rows {
            for col in 0..rom.cols {
                area += rom.weight_rect(plan, WeightSite { k_tile: 0, n_tile: 0, row, col }).unwrap().area_um2();
            }
        }
        assert!((area / store.area_um2() - 1.0).abs() < 1e-9, "{}", die().block_path(block));
    }
}

#[test]
fn weights_read_on_the_die_are_the_checkpoints() {
    let checkpoint = Checkpoint::bundled();
    let mut rotated = 0;
    for block in roms() {
        let (spec, _) = die().matrix(block).unwrap();
        let tensor = checkpoint.tensor(&spec.tensor).unwrap().to_f32().unwrap();
        for row in 0..spec.outputs {
            for k in (row % 7..spec.inputs).step_by(7) {
                let weight = die().weight(block, die().site_of(block, row, k).unwrap()).unwrap();
                let want = f64::from(tensor[(row * spec.inputs + k) as usize]);
                assert_eq!((weight.row, weight.k), (row, k));
                assert!((weight.real - want).abs() <= want.abs() * 1e-6, "{} [{row}, {k}]: {} is not {want}", spec.tensor, weight.real);
                rotated += u32::from(weight.row != weight.n);
            }
        }
        assert_eq!(die().site_of(block, spec.outputs, 0), None);
    }
    assert!(rotated > 10_000, "queries and keys of five layers stand in another order: {rotated}");
}

/// A matrix whose weights are wires has no tiles, and is looked at all the same.
#[test]
fn weights_of_metal_are_found_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { fabric: vec!["down_proj=metal".parse().unwrap()], context: Some(64), ..Options::default() };
    let chip = compile(&Checkpoint::bundled(), &options, &folder.path().join("metal.chip"), &|_| {}).unwrap();
    let die = Die::new(chip);
    let block = die.find_block("layers.1.mlp.down_proj").unwrap();
    assert_eq!(die.plan().blocks[block].kind, BlockKind::Matrix(Fabric::Metal));
    let checkpoint = Checkpoint::bundled();
    let tensor = checkpoint.tensor("model.layers.1.mlp.down_proj.weight").unwrap().to_f32().unwrap();
    let (rom, plan) = (die.blocks[block].rom.unwrap(), &die.plan().blocks[block]);
    for row in 0..128 {
        for k in (row % 5..384).step_by(5) {
            let site = die.site_of(block, row, k).unwrap();
            let r = rom.weight_rect(plan, site).unwrap();
            assert_eq!(rom.site_at(plan, r.x0_nm, r.y0_nm), Some(site));
            let (weight, want) = (die.weight(block, site).unwrap(), f64::from(tensor[(row * 384 + k) as usize]));
            assert!((weight.real - want).abs() <= want.abs() * 1e-6, "[{row}, {k}]: {} is not {want}", weight.real);
        }
    }
}

#[test]
fn paths_that_name_nothing_say_what_is_there() {
    let say = |path: &str| Item::parse(die(), path).unwrap_err().to_string();
    assert!(say("layers.1.mlp.down").contains("layers.1.mlp.down_proj"), "{}", say("layers.1.mlp.down"));
    assert!(say("layers.1.mlp.down_proj[5000,0]").contains("is [128, 384]"));
    assert!(say("layers.1.mlp.down_proj/tile[9,0]").contains("tiles"));
    assert!(say("layers.1.mlp.add[1,2]").contains("holds no weights") || say("layers.1.mlp.add[1,2]").contains("no such unit"));
    assert_eq!(Item::parse(die(), "layers.1.mlp").unwrap().kind(), "station");
}
