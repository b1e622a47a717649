//! The application: a chip being opened, one that could not be, or a view of one; and what every command does.

use crate::canvas;
use crate::command::Command;
use crate::die::Die;
use crate::error::Error;
use crate::panels;
use crate::theme::Theme;
use crate::view::View;
use egui::{CentralPanel, Context, Frame, Panel, Ui};
use hardwire_netlist::Chip;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// How the viewer starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Path of the thing to fly to, e.g. `layers.0.mlp.down_proj/tile[0,1]`.
    pub goto: Option<String>,
    /// `None`: as the system says, dark where it says nothing.
    pub dark: Option<bool>,
}

pub enum State {
    /// Nothing asked for yet.
    Empty,
    Opening {
        path: PathBuf,
        result: Receiver<Result<Die, Error>>,
    },
    Failed {
        path: PathBuf,
        message: String,
    },
    Open(Box<View>),
}

pub struct App {
    pub state: State,
    pub theme: Theme,
    pub panels: panels::Panels,
    /// What the last command had to say.
    pub note: Option<String>,
    options: Options,
}

impl App {
    pub fn new(ctx: &Context, options: Options) -> App {
        let theme = Theme { dark: options.dark.unwrap_or(true) };
        let app = App { state: State::Empty, theme, panels: panels::Panels::default(), note: None, options };
        app.restyle(ctx);
        app
    }

    /// As [`App::new`], and starts to open a chip folder.
    pub fn open(ctx: &Context, path: &Path, options: Options) -> App {
        let mut app = App::new(ctx, options);
        app.load(ctx, path);
        app
    }

    /// With a chip that is in memory already.
    pub fn with_chip(ctx: &Context, chip: Chip, options: Options) -> App {
        let mut app = App::new(ctx, options);
        app.show_die(ctx, Die::new(chip));
        app
    }

    /// Opens a chip folder in the background; the window stays alive.
    pub fn load(&mut self, ctx: &Context, path: &Path) {
        let (send, result) = channel();
        let (path, ctx) = (path.to_path_buf(), ctx.clone());
        let from = path.clone();
        // A thread that cannot start shows as a failure to open: the channel is closed.
        let _ = thread::Builder::new().name("open".into()).spawn(move || {
            let _ = send.send(Chip::open(&from).map(Die::new).map_err(Error::from));
            ctx.request_repaint();
        });
        self.state = State::Opening { path, result };
    }

    fn show_die(&mut self, ctx: &Context, die: Die) {
        let mut view = View::new(Arc::new(die), ctx, self.theme);
        self.note = None;
        if let Some(path) = &self.options.goto
            && let Err(e) = view.go_path(path, ctx.time())
        {
            self.note = Some(e.to_string());
        }
        self.state = State::Open(Box::new(view));
    }

    fn restyle(&self, ctx: &Context) {
        ctx.set_theme(if self.theme.dark { egui::Theme::Dark } else { egui::Theme::Light });
    }

    /// Something still moves or is being made.
    pub fn busy(&self) -> bool {
        match &self.state {
            State::Empty | State::Failed { .. } => false,
            State::Opening { .. } => true,
            State::Open(view) => view.flying() || view.pictures.missing() > 0,
        }
    }

    /// Another thread is at work.
    pub fn waiting(&self) -> bool {
        match &self.state {
            State::Opening { .. } => true,
            State::Open(view) => view.pictures.missing() > 0,
            _ => false,
        }
    }

    pub fn view(&self) -> Option<&View> {
        if let State::Open(view) = &self.state { Some(view) } else { None }
    }

    pub fn view_mut(&mut self) -> Option<&mut View> {
        if let State::Open(view) = &mut self.state { Some(view) } else { None }
    }

    fn poll(&mut self, ctx: &Context) {
        let State::Opening { path, result } = &self.state else { return };
        match result.try_recv() {
            Ok(Ok(die)) => self.show_die(ctx, die),
            Ok(Err(e)) => self.state = State::Failed { path: path.clone(), message: e.to_string() },
            Err(TryRecvError::Disconnected) => {
                self.state = State::Failed { path: path.clone(), message: "the reader stopped without an answer".into() };
            }
            Err(TryRecvError::Empty) => {}
        }
    }

    /// One frame.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.poll(&ctx);
        let mut commands = Command::pressed(&ctx);
        Panel::top("menu").show(ui, |ui| panels::menu::show(ui, self, &mut commands));
        if let State::Open(view) = &mut self.state {
            Panel::bottom("status").show(ui, |ui| panels::status::show(ui, view, self.note.as_deref()));
            if self.panels.hierarchy {
                Panel::left("hierarchy").default_size(250.0).show(ui, |ui| {
                    panels::hierarchy::show(ui, view, &mut self.panels.search, &mut self.note);
                });
            }
            if self.panels.inspector {
                Panel::right("inspector").default_size(290.0).show(ui, |ui| panels::inspector::show(ui, view, self.theme));
            }
        }
        let frame = Frame::new().fill(self.theme.background());
        CentralPanel::default().frame(frame).show(ui, |ui| match &mut self.state {
            State::Open(view) => canvas::show(ui, view, self.theme),
            _ => panels::welcome::show(ui, &self.state, &mut self.panels.open_path, &mut commands),
        });
        for command in commands {
            self.run(&ctx, command);
        }
    }

    /// Does what a command says.
    pub fn run(&mut self, ctx: &Context, command: Command) {
        let now = ctx.time();
        match command {
            Command::OpenChip => {
                if self.panels.open_path.trim().is_empty() || self.view().is_some() {
                    self.state = State::Empty;
                } else {
                    let path = PathBuf::from(self.panels.open_path.trim());
                    self.load(ctx, &path);
                }
                return;
            }
            Command::ToggleTheme => {
                self.theme.dark = !self.theme.dark;
                self.restyle(ctx);
            }
            Command::ToggleHierarchy => self.panels.hierarchy = !self.panels.hierarchy,
            Command::ToggleInspector => self.panels.inspector = !self.panels.inspector,
            Command::Search => {
                self.panels.hierarchy = true;
                self.panels.search.focus = true;
            }
            Command::Palette => self.panels.palette = !self.panels.palette,
            _ => {}
        }
        let Some(view) = self.view_mut() else { return };
        let step = 0.2 * f64::from(view.canvas.width().min(view.canvas.height()));
        let mut move_by = |dx: f64, dy: f64, zoom: f64| {
            let mut to = view.camera;
            to.pan((dx * step) as f32, (dy * step) as f32);
            to.zoom(view.canvas, view.canvas.center(), zoom);
            view.grab();
            view.camera = to;
        };
        match command {
            Command::FitDie => {
                let camera = view.camera_for(crate::item::Item::Die);
                view.fly(camera, now);
            }
            Command::FitSelection => {
                if let Some(item) = view.selection {
                    view.go(item, now);
                }
            }
            Command::ZoomIn => move_by(0.0, 0.0, 1.5),
            Command::ZoomOut => move_by(0.0, 0.0, 1.0 / 1.5),
            Command::PanLeft => move_by(1.0, 0.0, 1.0),
            Command::PanRight => move_by(-1.0, 0.0, 1.0),
            Command::PanUp => move_by(0.0, 1.0, 1.0),
            Command::PanDown => move_by(0.0, -1.0, 1.0),
            Command::SelectParent => {
                if let Some(parent) = view.selection.and_then(|s| s.parent(&view.die)) {
                    view.go(parent, now);
                }
            }
            Command::Back => view.back(now),
            Command::Forward => view.forward(now),
            Command::AddBookmark => view.bookmark(),
            Command::ToggleRuler => view.ruler = crate::view::Ruler { on: !view.ruler.on, from: None, to: None },
            Command::CopyPath => {
                if let Some(item) = view.selection {
                    let path = item.path(&view.die);
                    ctx.copy_text(path.clone());
                    self.note = Some(format!("copied {path}"));
                }
            }
            Command::Unselect => {
                view.selection = None;
                view.ruler = crate::view::Ruler::default();
                self.panels.palette = false;
            }
            _ => {}
        }
        ctx.request_repaint();
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        App::ui(self, ui);
    }
}
