//! The application in a window without a screen, driven through AccessKit.
#![allow(dead_code)]

use egui::{Key, Modifiers, Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use hardwire_viewer::{App, Options};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

pub type Window = Harness<'static, Option<App>>;

pub fn open(path: &Path) -> Window {
    open_with(path, Options::default())
}

pub fn open_with(path: &Path, options: Options) -> Window {
    let path = path.to_path_buf();
    let mut window = Harness::builder().with_size([1440.0, 900.0]).build_ui_state(
        move |ui, app: &mut Option<App>| {
            let app = app.get_or_insert_with(|| App::open(ui.ctx(), &path, options.clone()));
            app.ui(ui);
        },
        None,
    );
    settle(&mut window);
    window
}

pub fn app(window: &Window) -> &App {
    window.state().as_ref().unwrap()
}

/// Frames until nothing moves and no thread is at work.
pub fn settle(window: &mut Window) {
    for _ in 0..30_000 {
        window.step();
        if !app(window).busy() {
            window.run_steps(3);
            if !app(window).busy() {
                return;
            }
        }
        sleep(Duration::from_millis(2));
    }
    panic!("the view did not settle");
}

pub fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    settle(window);
}

/// Types into a field and presses Enter.
pub fn enter(window: &mut Window, field: &str, text: &str) {
    fill(window, field, text);
    window.key_press(Key::Enter);
    settle(window);
}

/// Replaces what a field holds.
pub fn fill(window: &mut Window, field: &str, text: &str) {
    window.get_by_role_and_label(Role::TextInput, field).focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(1);
    window.get_by_role_and_label(Role::TextInput, field).type_text(text);
    window.run_steps(2);
}
