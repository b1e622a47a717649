//! Prompt, play head and the text as it comes out; beside it what a GPU does in the same time.

use crate::live::{Live, Status};
use crate::theme::Theme;
use egui::text::LayoutJob;
use egui::{Button, ComboBox, DragValue, FontId, Key, ProgressBar, ScrollArea, Slider, TextEdit, TextFormat, Ui};

pub fn show(ui: &mut Ui, live: &mut Live, users: u32, theme: Theme, edit: &mut bool) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label("Prompt");
        let field = ui.add(TextEdit::singleline(&mut live.prompt).desired_width(320.0)).accessible_name("Prompt");
        if std::mem::take(edit) {
            field.request_focus();
        }
        let enter = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        ui.add(DragValue::new(&mut live.tokens).range(1..=4096).suffix(" tokens"));
        if users > 1 {
            ui.add(DragValue::new(&mut live.users).range(1..=users).suffix(" users"));
        }
        if ui.button("Run").clicked() || enter {
            live.run();
        }
        if live.status == Status::Running {
            ui.spinner();
            if live.held() {
                ui.weak("waits until the chip is checked");
            }
            if ui.button("Stop").clicked() {
                live.stop();
            }
        }
        if let Some(problem) = &live.problem {
            ui.colored_label(ui.visuals().error_fg_color, problem);
        }
    });
    if live.lanes.is_empty() {
        ui.weak("Run a prompt: the chip's simulator writes, and the tokens pass through the layers on the die.");
        return;
    }
    controls(ui, live);
    ui.separator();
    ScrollArea::vertical().auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
        for lane in 0..live.lanes.len() {
            ui.horizontal_top(|ui| {
                let (r, _) = ui.allocate_exact_size(egui::vec2(10.0, 14.0), egui::Sense::hover());
                ui.painter().rect_filled(r, 2.0, theme.lane(lane));
                ui.label(text(ui, live, lane));
            });
        }
        gpu(ui, live);
    });
}

fn controls(ui: &mut Ui, live: &mut Live) {
    ui.horizontal(|ui| {
        if ui.add(Button::new(if live.playing { "Pause" } else { "Play" }).min_size(egui::vec2(52.0, 0.0))).clicked() {
            live.toggle();
        }
        if ui.button("Next token").clicked() {
            live.step();
        }
        let end = live.end_cycle() as f64;
        ui.spacing_mut().slider_width = (ui.available_width() - 420.0).clamp(120.0, 700.0);
        let head = Slider::new(&mut live.now_cycle, 0.0..=end.max(1.0)).show_value(false);
        if ui.add(head).accessible_name("Time").dragged() {
            live.playing = false;
        }
        ui.monospace(format!("{:8.2} µs", live.now_us()));
        ui.separator();
        ui.label("1 s =");
        let step = live.slow_us * 0.01;
        let speed = DragValue::new(&mut live.slow_us).range(0.01..=100_000.0).speed(step).suffix(" µs");
        ui.add(speed).on_hover_text("Time on the chip for one second on screen");
        ui.monospace(format!("{} in flight", live.in_flight().len()));
    });
}

fn text(ui: &Ui, live: &Live, lane: usize) -> LayoutJob {
    let mut job = LayoutJob::default();
    let font = FontId::proportional(14.0);
    for piece in &live.lanes[lane].pieces {
        if piece.cycle as f64 > live.now_cycle {
            break;
        }
        let color = if piece.prompt { ui.visuals().weak_text_color() } else { ui.visuals().strong_text_color() };
        job.append(&piece.text, 0.0, TextFormat { font_id: font.clone(), color, ..TextFormat::default() });
    }
    job.wrap.max_width = ui.available_width() - 24.0;
    job
}

fn gpu(ui: &mut Ui, live: &mut Live) {
    let now_ms = live.now_us() * 1e-3;
    let chip_tokens = live.lanes.iter().flat_map(|l| &l.pieces).filter(|p| !p.prompt && p.cycle as f64 <= live.now_cycle).count();
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        let name = live.gpu.devices.get(live.gpu.chosen).map_or_else(String::new, |d| d.device.name.clone());
        ComboBox::from_id_salt("gpu").selected_text(name).show_ui(ui, |ui| {
            for (i, d) in live.gpu.devices.iter().enumerate() {
                ui.selectable_value(&mut live.gpu.chosen, i, &d.device.name);
            }
        });
        match live.gpu.token() {
            Err(e) => {
                ui.label(e);
            }
            Ok(token) => {
                let ms = token.ms;
                let done = (now_ms / ms).floor();
                let part = (now_ms / ms).fract();
                let megabytes = token.bytes * 1e-6;
                let text = format!("token {}: {:.1} of {megabytes:.1} MB of weights", done + 1.0, part * megabytes);
                ui.add(ProgressBar::new(part as f32).desired_width(300.0).text(text));
                ui.label(format!(
                    "{done} tokens here, {chip_tokens} from the chip; {ms:.3} ms a token (estimated, one user, {})",
                    token.serving_mode
                ));
            }
        }
    });
}
