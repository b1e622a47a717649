//! Small charts as inline SVG, coloured by the page's own style so that they follow light and dark.

use super::format::{escape, number};
use std::fmt::Write;

pub struct Bar {
    pub label: String,
    pub value: f64,
    /// Shown at the bar's end and on hover.
    pub note: String,
}

const WIDTH: f64 = 620.0;
const LABEL: f64 = 170.0;
const ROW: f64 = 22.0;
/// Room at a bar's end for its note.
const NOTE: f64 = 120.0;

fn open(height: f64, title: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>", escape(title))
}

/// Horizontal bars in the order given.
pub fn bars(bars: &[Bar], title: &str) -> String {
    let mut svg = open(bars.len() as f64 * ROW + 8.0, title);
    let max = bars.iter().map(|b| b.value).fold(0.0, f64::max);
    for (i, b) in bars.iter().enumerate() {
        let y = i as f64 * ROW + 4.0;
        let share = if max > 0.0 { b.value / max } else { 0.0 };
        let w = share * (WIDTH - LABEL - NOTE);
        let _ = write!(
            svg,
            "<g><title>{l}: {n}</title><text class=\"label\" x=\"{lx}\" y=\"{ty:.1}\">{l}</text>\
             <rect class=\"bar\" x=\"{LABEL}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h}\"/>\
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

/// One input of a tornado: the outcome with it at its low and at its high.
pub struct Swing {
    pub label: String,
    /// Absent where the outcome does not exist.
    pub at_low: Option<f64>,
    pub at_high: Option<f64>,
    /// Shown on hover.
    pub note: String,
}

/// Horizontal bars around the outcome as assumed, widest first; logarithmic, as ratios are.
pub fn tornado(swings: &[Swing], now: f64, title: &str) -> String {
    let (left, right, top) = (190.0, 70.0, 24.0);
    let mut svg = open(top + swings.len() as f64 * ROW + 8.0, title);
    let ends = || swings.iter().flat_map(|s| [s.at_low, s.at_high]).flatten().chain([now]).filter(|v| *v > 0.0);
    let (low, high) = ends().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    if now <= 0.0 || high <= low {
        return svg + "</svg>";
    }
    // Room for the numbers at both ends.
    let x = |v: f64| left + 46.0 + (v / low).log10() / (high / low).log10() * (WIDTH - left - right - 46.0);
    let bottom = top + swings.len() as f64 * ROW;
    let _ = write!(
        svg,
        "<line class=\"axis\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{top}\" y2=\"{bottom}\"/><text class=\"tick\" text-anchor=\"middle\" x=\"{0:.1}\" y=\"14\">{1}</text>",
        x(now),
        number(now)
    );
    for (i, s) in swings.iter().enumerate() {
        let y = top + i as f64 * ROW + 2.0;
        let _ = write!(
            svg,
            "<g><title>{}</title><text class=\"label\" x=\"{}\" y=\"{:.1}\">{}</text>",
            escape(&s.note),
            left - 8.0,
            y + 13.0,
            escape(&s.label)
        );
        for (end, class) in [(s.at_low, "bar"), (s.at_high, "bar own")] {
            let Some(end) = end.filter(|v| *v > 0.0) else { continue };
            let (from, to) = (x(now).min(x(end)), x(now).max(x(end)));
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\"/>",
                (to - from).max(0.5),
                ROW - 6.0
            );
        }
        let texts = [s.at_low, s.at_high].into_iter().flatten().filter(|v| *v > 0.0);
        let (least, most) = texts.fold((now, now), |(l, h), v| (l.min(v), h.max(v)));
        for (v, anchor, dx) in [(least, "end", -4.0), (most, "start", 4.0)] {
            if v != now {
                let _ = write!(
                    svg,
                    "<text class=\"note\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    x(v) + dx,
                    y + 13.0,
                    number(v)
                );
            }
        }
        svg += "</g>";
    }
    svg + "</svg>"
}
