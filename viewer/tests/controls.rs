//! What the viewer keeps, checks and is steered by: the check of an open chip, bookmarks between runs, depth, keys, Verilog, heat by tile.

mod common;
#[path = "common/window.rs"]
mod window;

use common::{die, tales};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_viewer::bookmarks;
use hardwire_viewer::camera::Camera;
use hardwire_viewer::check;
use hardwire_viewer::command::Command;
use hardwire_viewer::heat::{Metric, Over};
use hardwire_viewer::item::Item;
use hardwire_viewer::verilog::Source;
use hardwire_viewer::{App, Options};
use std::fs;
use std::path::{Path, PathBuf};
use window::{Window, app, enter, open, open_with, press, settle};

/// A copy of the chip with its program changed.
fn copy(folder: &Path, change: impl Fn(&mut Vec<u8>)) -> PathBuf {
    let copy = folder.join("copy.chip");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(tales()).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, copy.join(from.file_name().unwrap())).unwrap();
    }
    let mut program = fs::read(copy.join("program.bin")).unwrap();
    change(&mut program);
    fs::write(copy.join("program.bin"), program).unwrap();
    copy
}

fn selected(window: &Window) -> String {
    let view = app(window).view().unwrap();
    view.selection.unwrap_or(Item::Die).path(&view.die)
}

#[test]
fn a_query_row_reads_as_the_checkpoint_has_it() {
    let mut window = open(tales());
    enter(&mut window, "Search", "layers.1.self_attn.q_proj[37,30]");
    let tensor = Checkpoint::bundled();
    let want = tensor.tensor("model.layers.1.self_attn.q_proj.weight").unwrap().to_f32().unwrap()[37 * 128 + 30];
    window.get_by_label(&format!("{:+.6e}", f64::from(want)));
    window.get_by_label("[37, 30]");
    let view = app(&window).view().unwrap();
    let Some(Item::Weight { block, site }) = view.selection else { panic!("{:?}", view.selection) };
    let weight = view.die.weight(block, site).unwrap();
    assert_ne!(weight.row, weight.n, "the compiler put the halves of the head side by side");
}

#[test]
fn a_chip_whose_program_was_changed_is_shown_and_said_to_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = copy(folder.path(), |program| program[100_000] ^= 1);
    let mut window = open(&path);
    let check::State::Failed(what) = &app(&window).view().unwrap().check.state else { panic!("the check has passed") };
    assert!(what.contains("program.bin: digest"), "{what}");
    window.get_by_label("This chip is not what was compiled");
    window.get_by_label("not as compiled");
    app_mut(&mut window).run(&egui::Context::default(), Command::RunPrompt);
    settle(&mut window);
    let live = &app(&window).view().unwrap().live;
    assert!(live.problem.as_deref().unwrap().contains("no prompt runs on it") && live.lanes.iter().all(|l| l.passes.is_empty()));
    let checked = open(tales());
    checked.get_by_label("checked");
    assert_eq!(app(&checked).view().unwrap().check.state, check::State::Done);
}

fn app_mut(window: &mut Window) -> &mut App {
    window.state_mut().as_mut().unwrap()
}

/// Before the check is done, and after it has failed, anything may stand in the program.
#[test]
fn a_program_of_nonsense_can_be_looked_at_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    for (i, byte) in [0xffu8, 0x80, 0x7f].into_iter().enumerate() {
        let folder = folder.path().join(i.to_string());
        fs::create_dir(&folder).unwrap();
        let mut window = open(&copy(&folder, |program| program.fill(byte)));
        for place in ["layers.1.mlp", "embed_tokens", "layers.0.self_attn.q_proj/tile[0,0]", "layers.2.mlp.down_proj[7,30]"] {
            enter(&mut window, "Search", place);
            for metric in Metric::ALL {
                app_mut(&mut window).view_mut().unwrap().heat.metric = Some(metric);
                settle(&mut window);
            }
            app_mut(&mut window).view_mut().unwrap().heat.metric = None;
            settle(&mut window);
        }
    }
}

#[test]
fn bookmarks_are_there_in_the_next_run_and_a_broken_file_is_left_alone() {
    let settings = tempfile::tempdir().unwrap();
    let options = || Options { settings: Some(settings.path().into()), ..Options::default() };
    let mut window = open_with(tales(), options());
    window.get_by_label_contains("Ctrl+B keeps the view");
    enter(&mut window, "Search", "layers.2.mlp.up_proj/tile[0,1]");
    press(&mut window, Modifiers::COMMAND, Key::B);
    let kept = app(&window).view().unwrap().camera;
    press(&mut window, Modifiers::NONE, Key::Num0);
    drop(window);

    let mut window = open_with(tales(), options());
    assert_eq!(app(&window).view().unwrap().bookmarks.len(), 1);
    press(&mut window, Modifiers::NONE, Key::G);
    assert_eq!(app(&window).view().unwrap().camera, kept);
    assert_eq!(selected(&window), "layers.2.mlp.up_proj/tile[0,1]");
    press(&mut window, Modifiers::ALT, Key::ArrowLeft);
    assert_ne!(app(&window).view().unwrap().camera, kept);
    press(&mut window, Modifiers::ALT, Key::ArrowRight);
    assert_eq!(app(&window).view().unwrap().camera, kept);
    window.get_by_label("Remove this one").click();
    settle(&mut window);
    assert!(bookmarks::load(settings.path(), die()).unwrap().is_empty());

    let file = settings.path().join("bookmarks").join(format!("{}.json", die().chip.digest));
    for broken in ["{", r#"{"bookmarks": [{"name": "x", "x_nm": 0, "y_nm": 0, "scale": 0, "selection": null}]}"#] {
        fs::write(&file, broken).unwrap();
        let window = open_with(tales(), options());
        assert!(app(&window).note.as_deref().unwrap().contains("bookmarks not read"), "{broken}");
        assert!(app(&window).view().unwrap().bookmarks.is_empty());
        assert_eq!(fs::read_to_string(&file).unwrap(), broken, "a broken file is the user's to mend");
    }
}

#[test]
fn depth_keys_open_the_tree_and_end_the_map() {
    let mut window = open(tales());
    let tile = "layers.1.mlp.down_proj/tile[0,0]";
    let middle = |window: &Window| {
        let view = app(window).view().unwrap();
        view.hit(view.camera.x_nm, view.camera.y_nm).unwrap()
    };
    for (depth, key, lines) in [(1, Key::Num1, 0), (2, Key::Num2, 1), (3, Key::Num3, 1)] {
        press(&mut window, Modifiers::COMMAND, key);
        assert_eq!(app(&window).view().unwrap().depth, depth);
        let units = window.query_all_by_label_contains("Open layers.0.mlp.").count()
            + window.query_all_by_label_contains("Close layers.0.mlp.").count();
        assert!(units >= lines, "depth {depth}: {units} units with tiles in the tree");
        assert!(depth > 1 || units == 0);
    }
    let camera = {
        let view = app(&window).view().unwrap();
        // Over the tile's ROM, which the middle of the tile need not be.
        let weight = view.camera_for(Item::parse(&view.die, "layers.1.mlp.down_proj[7,30]").unwrap());
        Camera { scale: view.camera_for(Item::parse(&view.die, tile).unwrap()).scale, ..weight }
    };
    app_mut(&mut window).view_mut().unwrap().camera = Camera { scale: camera.scale * 8.0, ..camera };
    settle(&mut window);
    assert_eq!(middle(&window).depth(), 3);
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert_eq!(middle(&window).depth(), 2);
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert_eq!(middle(&window).depth(), 1);
    for _ in 0..5 {
        press(&mut window, Modifiers::NONE, Key::CloseBracket);
    }
    assert_eq!((app(&window).view().unwrap().depth, middle(&window).depth()), (4, 4));
}

#[test]
fn the_keyboard_walks_the_hierarchy() {
    let mut window = open(tales());
    let mut walk = |key| {
        press(&mut window, Modifiers::NONE, key);
        selected(&window)
    };
    let first = walk(Key::D);
    assert_eq!(first, die().plan().regions[0].path);
    let second = walk(Key::J);
    assert_eq!(second, die().plan().regions[1].path);
    assert_eq!(walk(Key::K), first);
    let unit = walk(Key::D);
    let tile = walk(Key::D);
    assert_eq!(tile, format!("{unit}/tile[0,0]"));
    assert_eq!(walk(Key::D), format!("{tile}/w[0,0]"));
    assert_eq!(walk(Key::J), format!("{tile}/w[0,1]"));
    assert_eq!(walk(Key::U), tile);
    assert_eq!(walk(Key::Escape), "die");
    // What is in the middle of the view is that tile.
    assert!(walk(Key::X).starts_with(&unit));
}

#[test]
fn every_command_is_in_the_palette_and_every_key_on_the_page_of_keys() {
    let mut window = open(tales());
    for (command, name, ..) in Command::ALL.iter().filter(|c| c.0 != Command::Palette) {
        app_mut(&mut window).panels.palette.open = true;
        app_mut(&mut window).panels.palette.text = name.to_string();
        window.run_steps(2);
        assert!(window.query_all_by_label_contains(name).count() > 0, "{command:?}");
    }
    app_mut(&mut window).panels.palette.text = "all keys".into();
    window.run_steps(2);
    window.key_press(Key::Enter);
    settle(&mut window);
    assert!(app(&window).panels.keys && !app(&window).panels.palette.open);
    for (_, name, ..) in Command::ALL.iter().filter(|c| c.3.is_some()) {
        assert!(window.query_all_by_label(name).count() > 0, "{name}");
    }
}

#[test]
fn the_verilog_of_the_selection_stands_in_the_inspector() {
    let source = Source::new(|chip, path| match path {
        "layers.1.mlp.down_proj" => Ok(format!("// {path} of {}\nmodule x;\n{}endmodule\n", chip.display(), "  wire w;\n".repeat(50_000))),
        _ => Err(format!("{path} has none")),
    });
    let mut window = open_with(tales(), Options { verilog: Some(source), ..Options::default() });
    press(&mut window, Modifiers::NONE, Key::V);
    window.get_by_label("No unit is selected.");
    enter(&mut window, "Search", "layers.1.mlp.down_proj");
    window.get_by_label(&format!("// layers.1.mlp.down_proj of {}", tales().display()));
    window.get_by_label("50003 lines");
    window.get_by_label("Copy Verilog").click();
    window.run_steps(1);
    enter(&mut window, "Search", "layers.1.mlp.up_proj");
    window.get_by_label("layers.1.mlp.up_proj has none");
    let mut window = open(tales());
    press(&mut window, Modifiers::NONE, Key::V);
    window.get_by_label_contains("Start the viewer with");
}

#[test]
fn tiles_have_heat_of_their_own_and_the_file_has_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heat.csv");
    let mut window = open(tales());
    app_mut(&mut window).panels.csv_path = file.display().to_string();
    press(&mut window, Modifiers::COMMAND, Key::S);
    assert!(app(&window).note.as_deref().unwrap().contains("no heat map is shown"));
    let unit = die().find_block("layers.1.mlp.down_proj").unwrap();
    let rom = die().blocks[unit].rom.unwrap();
    for metric in [Metric::Utilisation, Metric::Sparsity] {
        enter(&mut window, "Search", "layers.1.mlp.down_proj");
        app_mut(&mut window).view_mut().unwrap().heat.metric = Some(metric);
        settle(&mut window);
        let view = app(&window).view().unwrap();
        let tiles: Vec<f64> = (0..rom.down)
            .flat_map(|k| (0..rom.across).map(move |n| (k, n)))
            .map(|(k, n)| view.heat.tile_value(&view.die, unit, n, k).unwrap())
            .collect();
        let mean = tiles.iter().sum::<f64>() / tiles.len() as f64;
        assert!((mean / view.heat.value(unit).unwrap() - 1.0).abs() < 0.02, "{}: {mean} of tiles", metric.name());
        press(&mut window, Modifiers::COMMAND, Key::S);
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().filter(|l| l.starts_with("layers.1.mlp.down_proj,")).count();
        assert_eq!(lines, 1 + tiles.len(), "the unit and its tiles");
    }
}

#[test]
fn heat_follows_the_token_on_the_die() {
    let mut window = open(tales());
    {
        let view = app_mut(&mut window).view_mut().unwrap();
        (view.heat.metric, view.heat.over, view.live.tokens) = (Some(Metric::Utilisation), Over::Live, 12);
        view.live.prompt = "The old king".into();
        view.live.run();
    }
    settle(&mut window);
    let cache = die().plan().blocks.iter().position(|b| b.kind == hardwire_netlist::floorplan::BlockKind::KvCache).unwrap();
    let mut last = 0.0;
    for part in [0.1, 0.5, 1.0] {
        let view = app_mut(&mut window).view_mut().unwrap();
        view.live.playing = false;
        view.live.now_cycle = view.live.end_cycle() as f64 * part;
        let position = view.live.position().unwrap();
        settle(&mut window);
        let view = app(&window).view().unwrap();
        let (filled, context) = (view.heat.value(cache).unwrap(), view.die.chip.model().context * view.die.chip.model().users);
        assert!((filled * f64::from(context) - f64::from(position + 1)).abs() < 1e-6, "{filled} at {position}");
        assert!(filled > last);
        last = filled;
    }
}

#[test]
fn keys_play_step_and_scrub() {
    let mut window = open(tales());
    press(&mut window, Modifiers::NONE, Key::Space);
    assert!(app(&window).note.as_deref().unwrap().contains("run a prompt"));
    app_mut(&mut window).view_mut().unwrap().live.tokens = 6;
    press(&mut window, Modifiers::COMMAND, Key::R);
    let live = |window: &Window| {
        let live = &app(window).view().unwrap().live;
        (live.now_cycle, live.end_cycle() as f64, live.slow_us)
    };
    press(&mut window, Modifiers::NONE, Key::End);
    assert_eq!(live(&window).0, live(&window).1);
    press(&mut window, Modifiers::NONE, Key::P);
    let before = live(&window).0;
    assert!(before < live(&window).1 && before > 0.0);
    press(&mut window, Modifiers::NONE, Key::N);
    assert_eq!(live(&window).0, live(&window).1);
    press(&mut window, Modifiers::NONE, Key::Home);
    assert_eq!(live(&window).0, 0.0);
    press(&mut window, Modifiers::NONE, Key::Period);
    assert_eq!(live(&window).2, 60.0);
}

/// The chip is opened twice: in two steps, and whole. Both give the same.
#[test]
fn opening_in_two_steps_checks_what_opening_whole_does() {
    let chip = Chip::open_structure(tales()).unwrap();
    let mut told = Vec::new();
    assert!(
        chip.check_program(&mut |done, all| {
            told.push((done, all));
            true
        })
        .unwrap()
    );
    assert!(told.windows(2).all(|w| w[0].0 <= w[1].0) && told.last().is_some_and(|t| t.0 == t.1));
    assert!(!chip.check_program(&mut |_, _| false).unwrap(), "it can be stopped");
    assert_eq!(Chip::open(tales()).unwrap().digest, chip.digest);
}
