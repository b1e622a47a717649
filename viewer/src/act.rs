//! What each command does.

use crate::app::{App, State};
use crate::bookmarks;
use crate::command::Command;
use crate::heat::{Metric, Over};
use crate::item::Item;
use crate::live::Status;
use crate::panels::{Tab, heat};
use crate::view::{DEPTHS, Ruler, View};
use egui::Context;
use std::path::PathBuf;

impl App {
    /// Does what a command says.
    pub fn run(&mut self, ctx: &Context, command: Command) {
        ctx.request_repaint();
        // What the command before had to say is past.
        self.note = None;
        self.panel(ctx, command);
        if let Command::AddBookmark | Command::RemoveBookmark = command {
            self.keep_bookmarks(command);
        }
        let log = &mut self.note;
        let State::Open(view) = &mut self.state else { return };
        let now = ctx.time();
        match command {
            Command::SaveCsv => heat::save(ctx, &mut self.panels, view, log),
            Command::CopyPath => {
                let path = view.selection.unwrap_or(Item::Die).path(&view.die);
                ctx.copy_text(path.clone());
                *log = Some(format!("copied {path}"));
            }
            Command::CopyVerilog => match view.selection.and_then(Item::block).and_then(|b| view.verilog.text(b)) {
                Some(text) => ctx.copy_text(text),
                None => *log = Some("no Verilog is shown: select a unit and press V first".into()),
            },
            Command::NextBookmark if view.bookmarks.is_empty() => *log = Some("no bookmark yet: Ctrl+B keeps this view".into()),
            Command::PlayPause | Command::NextToken | Command::PreviousToken if view.live.status == Status::Idle => {
                *log = Some("nothing to play yet: press L and run a prompt".into());
            }
            _ => {
                moves(view, command, now);
                colours(view, command);
                time(view, command);
            }
        }
    }

    /// Panels, windows and files.
    fn panel(&mut self, ctx: &Context, command: Command) {
        let panels = &mut self.panels;
        let mut tab = |tab| {
            panels.inspector = true;
            panels.tab = tab;
        };
        match command {
            Command::OpenChip => {
                if self.panels.open_path.trim().is_empty() || self.view().is_some() {
                    self.state = State::Empty;
                } else {
                    let path = PathBuf::from(self.panels.open_path.trim());
                    self.load(ctx, &path);
                }
            }
            Command::ToggleTheme => {
                self.theme.dark = !self.theme.dark;
                self.restyle(ctx);
            }
            Command::ToggleHierarchy => panels.hierarchy = !panels.hierarchy,
            Command::ToggleInspector => panels.inspector = !panels.inspector,
            Command::Search => {
                panels.hierarchy = true;
                panels.search.focus = true;
            }
            Command::Palette => panels.palette.open = true,
            Command::Keys => panels.keys = !panels.keys,
            Command::Export => panels.export.open = true,
            Command::ShowInspector => tab(Tab::Inspect),
            Command::ShowVerilog => tab(Tab::Verilog),
            Command::ShowHeat | Command::Heat(_) | Command::NextHeat => tab(Tab::Heat),
            Command::ShowDiff => tab(Tab::Diff),
            Command::ToggleLive => panels.live = !panels.live,
            Command::EditPrompt => (panels.live, panels.edit_prompt) = (true, true),
            Command::RunPrompt => panels.live = true,
            Command::Unselect => (panels.export.open, panels.keys) = (false, false),
            Command::Depth(depth) => panels.search.show_depth(depth),
            _ => {}
        }
    }

    fn keep_bookmarks(&mut self, command: Command) {
        let (folder, note) = (self.options.settings.clone(), &mut self.note);
        let State::Open(view) = &mut self.state else { return };
        let changed = if command == Command::AddBookmark { view.bookmark() } else { view.forget() };
        if !changed {
            *note = Some(if command == Command::AddBookmark { "kept already" } else { "this view is no bookmark" }.into());
        } else if let Some(folder) = folder {
            *note = bookmarks::save(&folder, &view.die, &view.bookmarks).err();
        }
    }
}

/// Camera, selection and depth.
fn moves(view: &mut View, command: Command, now: f64) {
    let step = 0.2 * f64::from(view.canvas.width().min(view.canvas.height()));
    let mut pan = |dx: f64, dy: f64, zoom: f64| {
        view.grab();
        view.camera.pan((dx * step) as f32, (dy * step) as f32);
        view.camera.zoom(view.canvas, view.canvas.center(), zoom);
    };
    match command {
        Command::ZoomIn => pan(0.0, 0.0, 1.5),
        Command::ZoomOut => pan(0.0, 0.0, 1.0 / 1.5),
        Command::PanLeft => pan(1.0, 0.0, 1.0),
        Command::PanRight => pan(-1.0, 0.0, 1.0),
        Command::PanUp => pan(0.0, 1.0, 1.0),
        Command::PanDown => pan(0.0, -1.0, 1.0),
        Command::FitDie => {
            let camera = view.camera_for(Item::Die);
            view.fly(camera, now);
        }
        Command::SelectMiddle => {
            let (x, y) = (view.camera.x_nm, view.camera.y_nm);
            if view.ruler.on {
                view.ruler.point(x, y);
            } else {
                view.selection = view.hit(x, y).filter(|i| *i != Item::Die);
            }
        }
        Command::FitSelection => go(view, view.selection, now),
        Command::SelectParent => go(view, view.selection.and_then(|s| s.parent(&view.die)), now),
        Command::SelectChild => go(view, view.selection.unwrap_or(Item::Die).first_child(&view.die), now),
        Command::SelectNext => go(view, view.selection.and_then(|s| s.sibling(&view.die, false)), now),
        Command::SelectPrevious => go(view, view.selection.and_then(|s| s.sibling(&view.die, true)), now),
        Command::Back => view.back(now),
        Command::Forward => view.forward(now),
        Command::NextBookmark => view.next_bookmark(now),
        Command::Depth(depth) => view.depth = depth,
        Command::LessDepth => view.depth = (view.depth - 1).max(1),
        Command::MoreDepth => view.depth = (view.depth + 1).min(DEPTHS.len() as u8),
        Command::ToggleRuler => view.ruler = Ruler { on: !view.ruler.on, from: None, to: None },
        Command::Unselect => (view.selection, view.ruler) = (None, Ruler::default()),
        _ => {}
    }
}

fn go(view: &mut View, item: Option<Item>, now: f64) {
    if let Some(item) = item {
        view.go(item, now);
    }
}

/// What colours the map.
fn colours(view: &mut View, command: Command) {
    let heat = &mut view.heat;
    match command {
        Command::Heat(metric) => heat.metric = metric,
        Command::NextHeat => {
            let at = Metric::ALL.iter().position(|m| heat.metric == Some(*m)).map_or(0, |i| i + 1);
            heat.metric = Metric::ALL.get(at).copied();
        }
        Command::HeatLog => heat.log = !heat.log,
        Command::FollowToken => heat.over = if heat.over == Over::Live { Over::Token } else { Over::Live },
        Command::ToggleKind(kind) => view.show_kind(kind, view.hidden.contains(&kind)),
        Command::ToggleChanges => view.diff.on = !view.diff.on,
        Command::ToggleBlink => view.diff.blink = !view.diff.blink,
        _ => {}
    }
}

/// The prompt that plays.
fn time(view: &mut View, command: Command) {
    let live = &mut view.live;
    match command {
        Command::RunPrompt => live.run(),
        Command::StopPrompt => live.stop(),
        Command::PlayPause => live.toggle(),
        Command::NextToken => live.step(),
        Command::PreviousToken => live.step_back(),
        Command::ToStart => (live.now_cycle, live.playing) = (0.0, false),
        Command::ToEnd => (live.now_cycle, live.playing) = (live.end_cycle() as f64, false),
        Command::Faster => live.slow_us = (live.slow_us * 1.5).min(1e5),
        Command::Slower => live.slow_us = (live.slow_us / 1.5).max(0.01),
        _ => {}
    }
}
