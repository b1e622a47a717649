//! Small charts as inline SVG, coloured by the page's own style so that they follow light and dark.

use super::format::{escape, number};
use std::fmt::Write;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Linear,
    Log,
}

pub struct Bar {
    pub label: String,
    pub value: f64,
    /// Shown at the bar's end and on hover.
    pub note: String,
    pub highlight: bool,
}

pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 720.0;
const LABEL: f64 = 190.0;
const ROW: f64 = 22.0;
/// Room at a bar's end for its note.
const NOTE: f64 = 120.0;

fn open(height: f64, title: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>", escape(title))
}

/// Horizontal bars in the order given.
pub fn bars(bars: &[Bar], scale: Scale, title: &str) -> String {
    let mut svg = open(bars.len() as f64 * ROW + 8.0, title);
    let positive = || bars.iter().map(|b| b.value).filter(|v| *v > 0.0);
    let max = positive().fold(0.0, f64::max);
    // A logarithmic axis starts a decade below the least, so that the least still shows.
    let low = positive().fold(f64::INFINITY, f64::min) / 10.0;
    for (i, b) in bars.iter().enumerate() {
        let y = i as f64 * ROW + 4.0;
        let share = match scale {
            _ if b.value <= 0.0 || max <= 0.0 => 0.0,
            Scale::Linear => b.value / max,
            Scale::Log => (b.value / low).log10() / (max / low).log10(),
        };
        let w = share * (WIDTH - LABEL - NOTE);
        let class = if b.highlight { "bar own" } else { "bar" };
        let _ = write!(
            svg,
            "<g><title>{l}: {n}</title><text class=\"label\" x=\"{lx}\" y=\"{ty:.1}\">{l}</text>\
             <rect class=\"{class}\" x=\"{LABEL}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h}\"/>\
             <text class=\"note\" x=\"{nx:.1}\" y=\"{ty:.1}\">{n}</text></g>",
            l = escape(&b.label),
            n = escape(&b.note),
            lx = LABEL - 8.0,
            ty = y + 13.0,
            h = ROW - 5.0,
            nx = LABEL + w + 6.0,
        );
    }
    svg + "</svg>"
}

/// Parts that add up, each starting where the last ended, and their sum.
pub fn waterfall(parts: &[(String, f64)], title: &str) -> String {
    let total: f64 = parts.iter().map(|p| p.1).sum();
    let mut svg = open((parts.len() + 1) as f64 * ROW + 8.0, title);
    let scale = if total > 0.0 { (WIDTH - LABEL - NOTE) / total } else { 0.0 };
    let mut at = 0.0;
    let all = parts.iter().map(|p| (p.0.as_str(), p.1, false)).chain([("all", total, true)]);
    for (i, (name, value, sum)) in all.enumerate() {
        let y = i as f64 * ROW + 4.0;
        let x = LABEL + if sum { 0.0 } else { at * scale };
        let share = if total > 0.0 { 100.0 * value / total } else { 0.0 };
        let note = if sum { format!("{} µJ", number(value)) } else { format!("{} µJ, {share:.0} %", number(value)) };
        let _ = write!(
            svg,
            "<g><title>{n}: {note}</title><text class=\"label\" x=\"{lx}\" y=\"{ty:.1}\">{n}</text>\
             <rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h}\"/>\
             <text class=\"note\" x=\"{nx:.1}\" y=\"{ty:.1}\">{note}</text></g>",
            n = escape(name),
            lx = LABEL - 8.0,
            ty = y + 13.0,
            class = if sum { "bar own" } else { "bar" },
            w = (value * scale).max(0.5),
            h = ROW - 5.0,
            nx = x + value * scale + 6.0,
        );
        at += value;
    }
    svg + "</svg>"
}

/// Lines over logarithmic axes, each named where it ends.
pub fn lines(series: &[Series], x_name: &str, y_name: &str, title: &str) -> String {
    let (height, left, right, top, bottom) = (320.0, 70.0, 170.0, 16.0, 44.0);
    let mut svg = open(height, title);
    let points = || series.iter().flat_map(|s| s.points.iter()).filter(|p| p.0 > 0.0 && p.1 > 0.0);
    let range = |get: fn(&(f64, f64)) -> f64| {
        let (lo, hi) = points().map(get).fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        (lo, if hi > lo { hi } else { lo * 10.0 })
    };
    if points().next().is_none() {
        return svg + "</svg>";
    }
    let ((x0, x1), (y0, y1)) = (range(|p| p.0), range(|p| p.1));
    let (y0, y1) = (10f64.powf(y0.log10().floor()), 10f64.powf(y1.log10().ceil()));
    let px = |x: f64| left + (x / x0).log10() / (x1 / x0).log10() * (WIDTH - left - right);
    let py = |y: f64| top + (1.0 - (y / y0).log10() / (y1 / y0).log10()) * (height - top - bottom);
    let mut decade = y0;
    while decade <= y1 * 1.001 {
        let y = py(decade);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"label\" x=\"{}\" y=\"{:.1}\">{}</text>",
            WIDTH - right,
            left - 8.0,
            y + 4.0,
            number(decade)
        );
        decade *= 10.0;
    }
    let ticks: Vec<f64> = series.first().map(|s| s.points.iter().map(|p| p.0).collect()).unwrap_or_default();
    let every = ticks.len().div_ceil(8).max(1);
    for (i, x) in ticks.iter().enumerate().filter(|(i, _)| (ticks.len() - 1 - i) % every == 0) {
        let anchor = if i == 0 { "start" } else { "middle" };
        let _ = write!(
            svg,
            "<text class=\"tick\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            px(*x),
            height - bottom + 18.0,
            number(*x)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text><text class=\"tick\" x=\"4\" y=\"12\">{}</text>",
        (left + WIDTH - right) / 2.0,
        height - 6.0,
        escape(x_name),
        escape(y_name)
    );
    for (i, s) in series.iter().enumerate() {
        let path: Vec<String> = s.points.iter().map(|p| format!("{:.1},{:.1}", px(p.0), py(p.1))).collect();
        let _ = write!(svg, "<polyline class=\"line s{i}\" points=\"{}\"/>", path.join(" "));
        for p in &s.points {
            let _ = write!(
                svg,
                "<circle class=\"dot s{i}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{}: {} at {}</title></circle>",
                px(p.0),
                py(p.1),
                escape(&s.name),
                number(p.1),
                number(p.0)
            );
        }
        if let Some(last) = s.points.last() {
            let _ = write!(
                svg,
                "<text class=\"name s{i}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                px(last.0) + 8.0,
                py(last.1) + 4.0,
                escape(&s.name)
            );
        }
    }
    svg + "</svg>"
}
