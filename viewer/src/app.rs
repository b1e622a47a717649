//! The application: a chip being opened, one that could not be, or a view of one; and what every command does.

use crate::bookmarks;
use crate::canvas;
use crate::check::{self, Check};
use crate::command::Command;
use crate::die::{self, Die};
use crate::error::Error;
use crate::export;
use crate::heat::Metric;
use crate::panels::palette::Pick;
use crate::panels::{self, Tab};
pub use crate::state::State;
use crate::theme::Theme;
use crate::verilog;
use crate::view::{Dress, View};
use egui::{CentralPanel, Color32, Context, Frame, Panel, Ui};
use hardwire_netlist::Chip;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;

/// How the viewer starts.
#[derive(Clone, Debug, Default)]
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
    /// Folder of the user's settings, where bookmarks are kept. `None`: they end with the window.
    pub settings: Option<PathBuf>,
    /// Who gives the Verilog of a unit.
    pub verilog: Option<verilog::Source>,
}

pub struct App {
    pub state: State,
    pub theme: Theme,
    pub panels: panels::Panels,
    /// What the last command had to say.
    pub note: Option<String>,
    /// Only the map.
    bare: bool,
    pub(crate) options: Options,
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

    /// With a chip that is in memory already and was checked whole.
    pub fn with_chip(ctx: &Context, chip: Chip, options: Options) -> App {
        let mut app = App::new(ctx, options);
        let check = if chip.structure.is_planned() { Check::of_nothing() } else { Check::done() };
        app.show_die(ctx, Arc::new(Die::new(chip)), check);
        app
    }

    /// Another look at a chip that is open already: only the map, no panels, coloured as another view of it.
    pub fn map_of(ctx: &Context, die: Arc<Die>, options: Options, dress: Option<Dress>) -> App {
        let mut app = App::new(ctx, options);
        app.bare = true;
        app.show_die(ctx, die, Check::done());
        let theme = app.theme;
        if let (Some(view), Some(dress)) = (app.view_mut(), dress) {
            view.put_on(dress, ctx, theme);
        }
        app
    }

    /// Opens a chip folder in the background; the window stays alive. The chip is shown when its structure was read, and its program
    /// is checked after that.
    pub fn load(&mut self, ctx: &Context, path: &Path) {
        let (send, result) = channel();
        let (path, ctx) = (path.to_path_buf(), ctx.clone());
        let from = path.clone();
        // A thread that cannot start shows as a failure to open: the channel is closed.
        let _ = thread::Builder::new().name("open".into()).spawn(move || {
            let _ = send.send(die::open(&from).map(Die::new).map_err(Error::from));
            ctx.request_repaint();
        });
        self.state = State::Opening { path, result };
    }

    fn show_die(&mut self, ctx: &Context, die: Arc<Die>, check: Check) {
        let mut view = View::new(die, ctx, self.theme, check, self.options.verilog.clone());
        self.note = None;
        self.panels.search = Default::default();
        if let Some(folder) = &self.options.settings {
            match bookmarks::load(folder, &view.die) {
                Ok(kept) => view.bookmarks = kept,
                Err(what) => self.note = Some(what),
            }
        }
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

    pub(crate) fn restyle(&self, ctx: &Context) {
        ctx.style_mut_of(egui::Theme::Dark, |s| s.visuals.error_fg_color = Color32::from_rgb(255, 128, 104));
        ctx.style_mut_of(egui::Theme::Light, |s| s.visuals.error_fg_color = Color32::from_rgb(176, 32, 0));
        ctx.set_theme(if self.theme.dark { egui::Theme::Dark } else { egui::Theme::Light });
    }

    /// Something still moves or is being made.
    pub fn busy(&self) -> bool {
        match &self.state {
            State::Empty | State::Failed { .. } => false,
            State::Opening { .. } => true,
            State::Open(view) => view.flying() || view.waiting() || self.panels.errand.running(),
        }
    }

    /// Another thread is at work.
    pub fn waiting(&self) -> bool {
        match &self.state {
            State::Opening { .. } => true,
            State::Open(view) => view.waiting() || self.panels.errand.running(),
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
            Ok(Ok(die)) => {
                let die = Arc::new(die);
                let check = if die.planned() { Check::of_nothing() } else { Check::start(die.clone(), ctx.clone()) };
                self.show_die(ctx, die, check);
            }
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
        self.note = self.panels.errand.poll().or(self.note.take());
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
            view.end();
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
            if panels::export::show(ui, &mut self.panels) {
                export::start(ui, &mut self.panels, view, self.theme);
            }
            panels::keys::show(ui, &mut self.panels.keys);
        }
        for command in commands {
            self.run(&ctx, command);
        }
    }

    /// The panels around the map.
    fn around(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        Panel::top("menu").show(ui, |ui| panels::menu::show(ui, self.view(), commands));
        let State::Open(view) = &mut self.state else { return };
        let panels = &mut self.panels;
        if let check::State::Failed(what) = &view.check.state {
            Panel::top("broken").show(ui, |ui| panels::welcome::broken(ui, what));
        }
        Panel::bottom("status").show(ui, |ui| panels::status::show(ui, view, self.note.as_deref()));
        if panels.live {
            let users = view.die.chip.model().users;
            let panel = Panel::bottom("live").resizable(true).default_size(190.0);
            panel.show(ui, |ui| panels::live::show(ui, &mut view.live, users, self.theme, &mut panels.edit_prompt));
        }
        if panels.hierarchy {
            Panel::left("hierarchy").default_size(250.0).show(ui, |ui| {
                panels::hierarchy::show(ui, view, &mut panels.search, self.theme, &mut self.note, commands);
            });
        }
        if panels.inspector {
            Panel::right("inspector").default_size(300.0).show(ui, |ui| {
                ui.horizontal(|ui| {
                    for (tab, name) in [(Tab::Inspect, "Inspect"), (Tab::Verilog, "Verilog"), (Tab::Heat, "Heat"), (Tab::Diff, "Compare")] {
                        ui.selectable_value(&mut panels.tab, tab, name);
                    }
                });
                ui.separator();
                match panels.tab {
                    Tab::Inspect => panels::inspector::show(ui, view, self.theme, commands),
                    Tab::Verilog => panels::verilog::show(ui, view),
                    Tab::Heat => panels::heat::show(ui, view, panels, commands),
                    Tab::Diff => panels::diff::show(ui, view, self.theme),
                }
            });
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        App::ui(self, ui);
    }
}
