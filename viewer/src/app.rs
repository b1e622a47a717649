//! The application: a chip being opened, one that could not be, or a view of one; and what every command does.

use crate::canvas;
use crate::command::Command;
use crate::die::Die;
use crate::error::Error;
use crate::heat::Metric;
use crate::panels::palette::Pick;
use crate::panels::{self, Tab};
use crate::theme::Theme;
use crate::view::View;
use egui::{CentralPanel, Color32, Context, Frame, Panel, Ui};
use hardwire_netlist::Chip;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// How the viewer starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Path of the thing to fly to, e.g. `layers.0.mlp.down_proj/tile[0,1]`.
    pub goto: Option<String>,
    /// `None`: dark.
    pub dark: Option<bool>,
    /// Name of a heat map, as in its panel, case and spaces aside.
    pub heat: Option<String>,
    /// A prompt to run at once.
    pub prompt: Option<String>,
    /// Where the play head stops, µs on the chip's clock.
    pub at_us: Option<f64>,
    /// A second chip to compare with.
    pub against: Option<PathBuf>,
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
    /// Only the map.
    bare: bool,
    options: Options,
}

impl App {
    pub fn new(ctx: &Context, options: Options) -> App {
        let theme = Theme { dark: options.dark.unwrap_or(true) };
        let app = App { state: State::Empty, theme, panels: panels::Panels::default(), note: None, bare: false, options };
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

    /// Another look at a chip that is open already: only the map, no panels.
    pub fn map_of(ctx: &Context, die: Arc<Die>, options: Options) -> App {
        let mut app = App::new(ctx, options);
        app.bare = true;
        app.show_shared(ctx, die);
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
        self.show_shared(ctx, Arc::new(die));
    }

    fn show_shared(&mut self, ctx: &Context, die: Arc<Die>) {
        let mut view = View::new(die, ctx, self.theme);
        self.note = None;
        if let Some(path) = &self.options.goto
            && let Err(e) = view.go_path(path, ctx.time())
        {
            self.note = Some(e.to_string());
        }
        if let Some(name) = &self.options.heat {
            view.heat.metric = Metric::named(name);
            view.heat.from = view.die.chip.model().context / 2;
            self.panels.tab = Tab::Heat;
        }
        if let Some(prompt) = &self.options.prompt {
            view.live.prompt = prompt.clone();
            view.live.stop_at_us = self.options.at_us;
            view.live.run();
            self.panels.live = true;
        }
        if let Some(other) = &self.options.against {
            view.diff.path = other.display().to_string();
            let die = view.die.clone();
            view.diff.start(&die, ctx);
            self.panels.tab = Tab::Diff;
        }
        self.state = State::Open(Box::new(view));
    }

    fn restyle(&self, ctx: &Context) {
        ctx.style_mut_of(egui::Theme::Dark, |s| s.visuals.error_fg_color = Color32::from_rgb(255, 128, 104));
        ctx.style_mut_of(egui::Theme::Light, |s| s.visuals.error_fg_color = Color32::from_rgb(176, 32, 0));
        ctx.set_theme(if self.theme.dark { egui::Theme::Dark } else { egui::Theme::Light });
    }

    /// Something still moves or is being made.
    pub fn busy(&self) -> bool {
        match &self.state {
            State::Empty | State::Failed { .. } => false,
            State::Opening { .. } => true,
            State::Open(view) => view.flying() || view.waiting() || self.panels.export.running(),
        }
    }

    /// Another thread is at work.
    pub fn waiting(&self) -> bool {
        match &self.state {
            State::Opening { .. } => true,
            State::Open(view) => view.waiting() || self.panels.export.running(),
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
        let mut commands = if self.panels.palette.open { Vec::new() } else { Command::pressed(&ctx) };
        let (now, seconds) = ui.input(|i| (i.time, f64::from(i.stable_dt)));
        if let State::Open(view) = &mut self.state {
            view.collect(&ctx, self.theme, now, seconds);
        }
        if !self.bare {
            self.around(ui, &mut commands);
        }
        let frame = Frame::new().fill(self.theme.background());
        CentralPanel::default().frame(frame).show(ui, |ui| match &mut self.state {
            State::Open(view) => canvas::show(ui, view, self.theme),
            _ => panels::welcome::show(ui, &self.state, &mut self.panels.open_path, &mut commands),
        });
        if let State::Open(view) = &mut self.state {
            view.stats.end();
        }
        match panels::palette::show(ui, &mut self.panels.palette) {
            Some(Pick::Command(c)) => commands.push(c),
            Some(Pick::Path(path)) => {
                if let Some(view) = self.view_mut() {
                    self.note = view.go_path(&path, now).err().map(|e| e.to_string());
                }
            }
            None => {}
        }
        if let State::Open(view) = &self.state {
            panels::export::show(ui, &mut self.panels.export, view, self.theme, &mut self.note);
        }
        for command in commands {
            self.run(&ctx, command);
        }
    }

    /// The panels around the map.
    fn around(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        Panel::top("menu").show(ui, |ui| panels::menu::show(ui, self, commands));
        let State::Open(view) = &mut self.state else { return };
        let panels = &mut self.panels;
        Panel::bottom("status").show(ui, |ui| panels::status::show(ui, view, self.note.as_deref()));
        if panels.live {
            let users = view.die.chip.model().users;
            let panel = Panel::bottom("live").resizable(true).default_size(190.0);
            panel.show(ui, |ui| panels::live::show(ui, &mut view.live, users, self.theme));
        }
        if panels.hierarchy {
            Panel::left("hierarchy").default_size(250.0).show(ui, |ui| {
                panels::hierarchy::show(ui, view, &mut panels.search, &mut self.note);
            });
        }
        if panels.inspector {
            Panel::right("inspector").default_size(300.0).show(ui, |ui| {
                ui.horizontal(|ui| {
                    for (tab, name) in [(Tab::Inspect, "Inspect"), (Tab::Heat, "Heat"), (Tab::Diff, "Compare")] {
                        ui.selectable_value(&mut panels.tab, tab, name);
                    }
                });
                ui.separator();
                match panels.tab {
                    Tab::Inspect => panels::inspector::show(ui, view, self.theme),
                    Tab::Heat => panels::heat::show(ui, view, &mut panels.csv_path, &mut self.note),
                    Tab::Diff => panels::diff::show(ui, view),
                }
            });
        }
    }

    fn show_tab(&mut self, tab: Tab) {
        self.panels.inspector = true;
        self.panels.tab = tab;
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
            Command::Palette => self.panels.palette.open = true,
            Command::Export => self.panels.export.open = true,
            Command::ShowInspector => self.show_tab(Tab::Inspect),
            Command::ShowHeat => self.show_tab(Tab::Heat),
            Command::ShowDiff => self.show_tab(Tab::Diff),
            Command::ToggleLive => self.panels.live = !self.panels.live,
            Command::RunPrompt => self.panels.live = true,
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
                self.panels.export.open = false;
            }
            Command::RunPrompt => view.live.run(),
            Command::PlayPause => view.live.playing = !view.live.playing,
            Command::NextToken => view.live.step(),
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
