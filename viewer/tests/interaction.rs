//! The viewer driven through AccessKit, as a screen reader would: what is asked for by name happens, and what is shown is true.

mod common;
#[path = "common/window.rs"]
mod window;

use common::{changed, die, tales};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use hardwire_models::{Checkpoint, Tokenizer};
use hardwire_netlist::Chip;
use hardwire_sim::engine::Engine;
use hardwire_viewer::app::State;
use hardwire_viewer::diff;
use hardwire_viewer::heat::Metric;
use hardwire_viewer::item::Item;
use hardwire_viewer::live::Status;
use window::{app, enter, fill, open, press, settle};

#[test]
fn opening_shows_the_model_and_its_stations() {
    let window = open(tales());
    assert!(window.query_all_by_label("tales").count() > 0);
    assert!(window.query_all_by_label("layers.0.attn").count() > 0);
    window.get_by_label("Die");
    assert!(app(&window).note.is_none());
}

#[test]
fn a_weight_found_by_its_tensor_index_shows_the_checkpoints_value() {
    let mut window = open(tales());
    enter(&mut window, "Search", "layers.1.mlp.down_proj[7,30]");
    let tensor = Checkpoint::bundled();
    let want = tensor.tensor("model.layers.1.mlp.down_proj.weight").unwrap().to_f32().unwrap()[7 * 384 + 30];
    window.get_by_label(&format!("{:+.6e}", f64::from(want)));
    window.get_by_label("[7, 30]");
    let view = app(&window).view().unwrap();
    let Some(item @ Item::Weight { .. }) = view.selection else { panic!("{:?}", view.selection) };
    let r = item.rect(&view.die).unwrap();
    assert!(r.width_nm() as f64 * view.camera.scale > 100.0, "zoomed until the cell is large");
    assert!((view.camera.x_nm - (r.x0_nm + r.x1_nm) as f64 / 2.0).abs() < r.width_nm() as f64);
}

#[test]
fn going_back_and_forward_returns_to_where_one_was() {
    let mut window = open(tales());
    let die_view = app(&window).view().unwrap().camera;
    enter(&mut window, "Search", "layers.2.mlp.up_proj/tile[0,1]");
    let tile_view = app(&window).view().unwrap().camera;
    assert_ne!(die_view, tile_view);
    press(&mut window, Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(app(&window).view().unwrap().camera, die_view);
    press(&mut window, Modifiers::ALT, Key::ArrowRight);
    assert_eq!(app(&window).view().unwrap().camera, tile_view);
    press(&mut window, Modifiers::NONE, Key::U);
    let view = app(&window).view().unwrap();
    assert_eq!(view.selection.unwrap().path(&view.die), "layers.2.mlp.up_proj");
}

#[test]
fn a_glob_goes_from_match_to_match() {
    let mut window = open(tales());
    let mut found = Vec::new();
    for _ in 0..6 {
        enter(&mut window, "Search", "layers.*.down_proj");
        let view = app(&window).view().unwrap();
        found.push(view.selection.unwrap().path(&view.die));
    }
    let want: Vec<String> = [0, 1, 2, 3, 4, 0].iter().map(|l| format!("layers.{l}.mlp.down_proj")).collect();
    assert_eq!(found, want);
}

#[test]
fn a_part_of_a_name_flies_to_the_first_match_and_on() {
    let mut window = open(tales());
    let mut found = Vec::new();
    for _ in 0..3 {
        enter(&mut window, "Search", "down_proj");
        let view = app(&window).view().unwrap();
        found.push(view.selection.unwrap().path(&view.die));
    }
    let want: Vec<String> = (0..3).map(|l| format!("layers.{l}.mlp.down_proj")).collect();
    assert_eq!(found, want);
}

#[test]
fn a_wrong_path_says_so_and_changes_nothing() {
    let mut window = open(tales());
    let before = app(&window).view().unwrap().camera;
    enter(&mut window, "Search", "layers.77.mlp.up_proj");
    assert!(app(&window).note.as_deref().unwrap().contains("no such unit"));
    assert_eq!(app(&window).view().unwrap().camera, before);
}

#[test]
fn the_palette_runs_commands_by_name() {
    let mut window = open(tales());
    press(&mut window, Modifiers::COMMAND, Key::P);
    window.get_by_label("Command").type_text("ruler");
    window.run_steps(2);
    window.key_press(Key::Enter);
    settle(&mut window);
    assert!(app(&window).view().unwrap().ruler.on);
    press(&mut window, Modifiers::NONE, Key::T);
    assert!(!app(&window).theme.dark);
}

/// What `simulate` prints: greedy tokens through the engine, streamed through the tokenizer.
fn simulated(prompt: &str, n: usize) -> String {
    let chip = Chip::open(tales()).unwrap();
    let tokenizer = Tokenizer::from_json(&chip.tokenizer_json().unwrap().unwrap()).unwrap();
    let (engine, mut stream, mut text) = (Engine::new(&chip), tokenizer.stream(), String::new());
    let mut state = engine.start();
    let mut next = 0;
    for id in tokenizer.encode(prompt).unwrap() {
        next = engine.step(&mut state, 0, id).unwrap().top;
        stream.push(id);
    }
    for i in 0..n {
        text.push_str(&stream.push(next));
        if chip.model().eos.contains(&next) || i + 1 == n {
            break;
        }
        next = engine.step(&mut state, 0, next).unwrap().top;
    }
    text
}

#[test]
fn a_prompt_runs_and_can_be_paused_and_scrubbed() {
    let mut window = open(tales());
    press(&mut window, Modifiers::NONE, Key::L);
    // So slow that it still plays when a loaded machine has simulated it all.
    window.state_mut().as_mut().unwrap().view_mut().unwrap().live.slow_us = 0.5;
    enter(&mut window, "Prompt", "The old king");
    let live = &app(&window).view().unwrap().live;
    assert_eq!((live.status, live.problem.as_deref()), (Status::Done, None));
    assert_eq!(live.text(0, true), simulated("The old king", 40));
    // The command itself, where it was built beside the viewer.
    let hardwire = std::path::Path::new(env!("CARGO_BIN_EXE_hardwire-viewer")).with_file_name("hardwire");
    match std::process::Command::new(&hardwire).arg("simulate").arg(tales()).args(["--prompt", "The old king", "-n", "40", "-q"]).output() {
        Ok(said) => {
            assert_eq!(String::from_utf8(said.stdout).unwrap().trim_end(), format!("The old king{}", live.text(0, true)).trim_end())
        }
        Err(e) => eprintln!("skipped: `hardwire simulate` is not beside the viewer: {e}"),
    }
    window.get_by_label("Pause").click();
    window.run_steps(2);
    let paused = app(&window).view().unwrap().live.now_cycle;
    window.run_steps(20);
    assert_eq!(app(&window).view().unwrap().live.now_cycle, paused);
    window.get_by_label("Next token").click();
    window.run_steps(2);
    let live = &app(&window).view().unwrap().live;
    assert!(live.now_cycle > paused);
    let end = live.end_cycle() as f64;
    window.get_by_label("Time").set_value_accesskit(end / 2.0);
    window.run_steps(2);
    let live = &app(&window).view().unwrap().live;
    assert!((live.now_cycle / end - 0.5).abs() < 0.05, "{} of {end}", live.now_cycle);
    assert_eq!(live.in_flight().len(), 1, "one user, one token in the chip");
    let some = live.text(0, false);
    assert!(!some.is_empty() && live.text(0, true).starts_with(&some) && some.len() < live.text(0, true).len());
    assert!(live.cached(1) > 0 && live.cached(1) <= live.lanes[0].passes.len() as u32);
}

#[test]
fn users_share_the_pipeline() {
    let mut window = open(tales());
    {
        let live = &mut window.state_mut().as_mut().unwrap().view_mut().unwrap().live;
        (live.users, live.tokens) = (2, 8);
        live.run();
    }
    settle(&mut window);
    let view = app(&window).view().unwrap();
    assert_eq!(view.live.lanes.len(), 2);
    let middle = |l: usize| view.live.lanes[l].passes[4].enter_cycle;
    assert!(middle(0) < middle(1) && middle(1) < view.live.lanes[0].passes[4].leave_cycle, "both in the chip at once");
}

#[test]
fn a_prompt_past_the_context_is_refused_in_words() {
    let mut window = open(tales());
    let live = &mut window.state_mut().as_mut().unwrap().view_mut().unwrap().live;
    live.prompt = "a ".repeat(5_000);
    live.run();
    settle(&mut window);
    assert!(app(&window).view().unwrap().live.problem.as_deref().unwrap().contains("context"));
}

#[test]
fn heat_maps_switch_and_tell_their_numbers() {
    let mut window = open(tales());
    press(&mut window, Modifiers::NONE, Key::Num2);
    for metric in Metric::ALL {
        window.get_by_label(metric.name()).click();
        settle(&mut window);
        let view = app(&window).view().unwrap();
        assert_eq!(view.heat.metric, Some(metric));
        let csv = view.heat.csv(&view.die);
        let rows: Vec<f64> = csv.lines().skip(1).map(|l| l.rsplit(',').next().unwrap().parse().unwrap()).collect();
        assert!(rows.len() > 5 && rows.iter().all(|v| v.is_finite() && *v >= 0.0), "{}: {csv}", metric.name());
        if metric == Metric::Area {
            let sum: f64 = rows.iter().sum();
            assert!(sum <= die().plan().die.area_um2() * 1e-6 * 1.000_001 && sum > 0.5 * die().plan().die.area_um2() * 1e-6);
        }
    }
}

#[test]
fn a_second_chip_is_compared_via_by_via() {
    let unit = "layers.3.mlp.up_proj";
    let other = changed(unit);
    let mut window = open(tales());
    press(&mut window, Modifiers::NONE, Key::Num3);
    enter(&mut window, "Second chip", &other.display().to_string());
    let view = app(&window).view().unwrap();
    let diff::State::Done(found) = &view.diff.state else { panic!("the comparison is not done") };
    assert_eq!((found.matrices[0].path.as_str(), found.matrices[0].changed), (unit, 128));
    assert!(found.matrices[1..].iter().all(|m| m.changed == 0));
    assert_eq!((found.layers[0].name.as_str(), found.layers[0].changed, found.other_cells), ("layer 3", 128, 0));
    let colour = |path| view.diff.colour(die(), die().find_block(path).unwrap(), app(&window).theme);
    assert!(view.changes && colour(unit) != colour("lm_head"));
}

#[test]
fn the_view_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = open(tales());
    for (name, magic) in [("view.png", &b"\x89PNG"[..]), ("view.svg", &b"<svg"[..])] {
        let path = folder.path().join(name);
        window.key_press_modifiers(Modifiers::COMMAND, Key::E);
        window.run_steps(3);
        fill(&mut window, "File", &path.display().to_string());
        window.get_by_label("Save").click();
        settle(&mut window);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(magic) && bytes.len() > 2_000, "{name}: {} bytes", bytes.len());
    }
    // What colours the view colours its picture.
    let plain = std::fs::read(folder.path().join("view.png")).unwrap();
    let path = folder.path().join("heat.png");
    window.state_mut().as_mut().unwrap().view_mut().unwrap().heat.metric = Some(Metric::Area);
    settle(&mut window);
    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.run_steps(3);
    fill(&mut window, "File", &path.display().to_string());
    window.get_by_label("Save").click();
    settle(&mut window);
    assert_ne!(std::fs::read(&path).unwrap(), plain);
}

#[test]
fn folders_that_are_no_chips_get_words_and_advice() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.chip");
    let empty = folder.path().join("empty.chip");
    std::fs::create_dir(&empty).unwrap();
    let cut = folder.path().join("cut.chip");
    std::fs::create_dir(&cut).unwrap();
    for entry in std::fs::read_dir(tales()).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, cut.join(from.file_name().unwrap())).unwrap();
    }
    let bytes = std::fs::read(cut.join("program.bin")).unwrap();
    std::fs::write(cut.join("program.bin"), &bytes[..bytes.len() / 2]).unwrap();
    let foreign = folder.path().join("checkpoint.gguf");
    std::fs::write(&foreign, b"GGUF").unwrap();
    for (path, advice) in
        [(&missing, "nothing at this path"), (&empty, "no manifest.json"), (&cut, "cut or changed"), (&foreign, "compile it first")]
    {
        let mut window = open(path);
        assert!(matches!(app(&window).state, State::Failed { .. }), "{}", path.display());
        window.get_by_label("This chip cannot be shown");
        assert!(window.query_all_by_label_contains(advice).count() > 0, "{}: {advice}", path.display());
        // The way out is on the same page.
        window.state_mut().as_mut().unwrap().panels.open_path = tales().display().to_string();
        window.run_steps(2);
        window.get_by_label("Open").click();
        settle(&mut window);
        assert!(app(&window).view().is_some());
    }
}
