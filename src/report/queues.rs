//! The three queues as one figure: two panels of dots over logarithmic axes, speed and energy at the wall, a group of rows a load.
//!
//! Each panel is an image of its own as wide as a phone, so that both stand side by side where there is room and one over the other
//! where there is not, with letters of one size.

use super::chart::Axis;
use super::format::{escape, number};
use hardwire_baseline::headline::Side;
use hardwire_study::compare::Queue;
use std::fmt::Write;

const WIDTH: f64 = 400.0;
/// Where the axis begins: right of the machines' names.
const LEFT: f64 = 176.0;
/// Room for a value right of its dot.
const RIGHT: f64 = 62.0;
const TOP: f64 = 40.0;
const ROW: f64 = 20.0;
/// A load's heading, and the air over it.
const HEAD: f64 = 34.0;
/// Ticks under the rows.
const BOTTOM: f64 = 26.0;

/// A panel: what it is called and the value of a machine.
struct Panel {
    title: &'static str,
    better: &'static str,
    value: fn(&Side) -> f64,
}

const PANELS: [Panel; 2] = [
    Panel { title: "tokens/s of all users", better: "more is better", value: |side| side.tokens_per_s },
    Panel { title: "mJ a token at the wall", better: "less is better", value: |side| side.mj_per_token },
];

/// Both panels.
pub fn figure(queues: &[Queue]) -> String {
    let panels: Vec<String> = PANELS.iter().map(|panel| drawn(panel, queues)).collect();
    format!("<div class=\"panels\">{}</div>", panels.concat())
}

/// The machines of a queue with their colours: the chip's own first, a colour a device.
fn rows<'a>(queue: &'a Queue, devices: &[&str]) -> Vec<(usize, &'a Side)> {
    let colour = |side: &Side| 1 + devices.iter().position(|name| *name == side.machine).unwrap_or(devices.len());
    let gpus = queue.gpus.iter().map(|side| (colour(side), side));
    queue.chips.iter().map(|side| (0, side)).chain(gpus).collect()
}

fn drawn(panel: &Panel, queues: &[Queue]) -> String {
    let devices: Vec<&str> = queues.first().map(|q| q.gpus.iter().map(|side| side.machine.as_str()).collect()).unwrap_or_default();
    let lines: Vec<Vec<(usize, &Side)>> = queues.iter().map(|queue| rows(queue, &devices)).collect();
    let height = TOP + lines.iter().map(|rows| HEAD + rows.len() as f64 * ROW).sum::<f64>() + BOTTOM;
    let title = format!("{}, by load and machine", panel.title);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>");
    let _ = write!(
        svg,
        "<text class=\"title\" x=\"0\" y=\"14\">{}</text><text class=\"tick\" text-anchor=\"end\" x=\"{WIDTH}\" y=\"14\">{}</text>",
        panel.title, panel.better
    );
    let values = lines.iter().flatten().map(|(_, side)| (panel.value)(side));
    let axis = Axis::around(values, LEFT, WIDTH - RIGHT);
    let bottom = height - BOTTOM;
    for tick in axis.decades() {
        let x = axis.at(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            TOP - 12.0,
            bottom + 16.0,
            number(tick)
        );
    }
    let mut y = TOP;
    for (queue, rows) in queues.iter().zip(&lines) {
        let load = &queue.load;
        let _ = write!(
            svg,
            "<text class=\"group\" x=\"0\" y=\"{:.1}\">{}: {} in, {} out</text>",
            y + 16.0,
            escape(load.name),
            number(f64::from(load.prompt_tokens)),
            number(f64::from(load.output_tokens))
        );
        y += HEAD - 8.0;
        for (colour, side) in rows {
            row(&mut svg, panel, &axis, y, *colour, side);
            y += ROW;
        }
        y += 8.0;
    }
    svg + "</svg>"
}

fn row(svg: &mut String, panel: &Panel, axis: &Axis, y: f64, colour: usize, side: &Side) {
    let value = (panel.value)(side);
    let (x, middle) = (axis.at(value), y + ROW / 2.0);
    let users = if side.users == 1 { "one user".into() } else { format!("{} users", number(f64::from(side.users))) };
    let _ = write!(
        svg,
        "<g><title>{}, {users}: {} tokens/s of all, {} of each, {} W at the wall, {} mJ a token</title>\
         <text class=\"label s{colour}\" x=\"{}\" y=\"{:.1}\">{}</text>\
         <line class=\"stem s{colour}\" x1=\"{LEFT}\" x2=\"{x:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\
         <circle class=\"dot s{colour}\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"4.5\"/>\
         <text class=\"value\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
        escape(&side.machine),
        number(side.tokens_per_s),
        number(side.tokens_per_s_per_user),
        number(side.wall_w),
        number(side.mj_per_token),
        LEFT - 8.0,
        middle + 4.0,
        escape(&side.machine),
        x + 9.0,
        middle + 4.0,
        number(value)
    );
}
