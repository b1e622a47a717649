//! Lines over two logarithmic axes, each named where it ends; names never overlap.

use super::format::{escape, number};
use std::fmt::Write;

/// One line.
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub dashed: bool,
    /// Colour, 0 the chip's own.
    pub colour: usize,
    /// A dot with its figures at every point.
    pub dots: bool,
}

/// A point apart from the lines, with its name on hover.
pub struct Mark {
    pub x: f64,
    pub y: f64,
    pub colour: usize,
    pub note: String,
    /// Hollow or filled.
    pub filled: bool,
}

pub struct Chart<'a> {
    pub title: &'a str,
    pub x_name: &'a str,
    pub y_name: &'a str,
    pub series: Vec<Series>,
    pub marks: Vec<Mark>,
}

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 140.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;
/// Least distance of two names.
const NAME: f64 = 16.0;

/// A logarithmic axis: its range and where values fall on it.
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Whole decades around `values`, at least one.
    pub fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let inside = values.filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = inside.fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low <= high { (low.log10().floor(), high.log10().ceil()) } else { (0.0, 1.0) };
        Axis { low: 10f64.powf(low), high: 10f64.powf(high.max(low + 1.0)), from, to }
    }

    /// Powers of ten, few enough to stand apart.
    pub fn decades(&self) -> Vec<f64> {
        let (first, last) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
        let every = ((last - first) / 4 + 1).max(1) as usize;
        (first..=last).step_by(every).map(|exponent| 10f64.powi(exponent)).collect()
    }

    pub fn at(&self, value: f64) -> f64 {
        self.from + (value / self.low).log10() / (self.high / self.low).log10() * (self.to - self.from)
    }

    /// Decades, with 2 and 5 between where there are few.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let steps: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let every = if decades > 9.0 { 2 } else { 1 };
        let inside = |v: &f64| *v >= self.low * 0.999 && *v <= self.high * 1.001;
        (first..=last).step_by(every).flat_map(|e| steps.iter().map(move |s| s * 10f64.powi(e))).filter(inside).collect()
    }
}

pub fn log_chart(chart: &Chart) -> String {
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>", escape(chart.title));
    let points = || {
        let marks = chart.marks.iter().map(|m| (m.x, m.y));
        chart.series.iter().flat_map(|s| s.points.iter().copied()).chain(marks).filter(|p| p.0 > 0.0 && p.1 > 0.0)
    };
    if points().next().is_none() {
        return svg + "</svg>";
    }
    let range = |get: fn((f64, f64)) -> f64| {
        let (low, high) = points().map(get).fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        (low, if high > low { high } else { low * 10.0 })
    };
    let ((x_low, x_high), (y_low, y_high)) = (range(|p| p.0), range(|p| p.1));
    let x = Axis { low: x_low, high: x_high, from: LEFT, to: WIDTH - RIGHT };
    // A little air above and below, to whole decades where there are many.
    let whole = |v: f64, up: bool| 10f64.powf(if up { v.log10().ceil() } else { v.log10().floor() });
    let (y_low, y_high) =
        if y_high / y_low > 300.0 { (whole(y_low, false), whole(y_high * 1.2, true)) } else { (y_low / 1.6, y_high * 1.6) };
    let y = Axis { low: y_low, high: y_high, from: HEIGHT - BOTTOM, to: TOP };
    grid(&mut svg, chart, &x, &y);
    for s in &chart.series {
        line(&mut svg, s, &x, &y);
    }
    for m in &chart.marks {
        let _ = write!(
            svg,
            "<circle class=\"{} s{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{}</title></circle>",
            if m.filled { "dot" } else { "ring" },
            m.colour,
            x.at(m.x),
            y.at(m.y),
            escape(&m.note)
        );
    }
    names(&mut svg, &chart.series, &x, &y);
    svg + "</svg>"
}

fn grid(svg: &mut String, chart: &Chart, x: &Axis, y: &Axis) {
    for tick in y.ticks() {
        let at = y.at(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"label\" x=\"{}\" y=\"{:.1}\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            number(tick)
        );
    }
    for tick in x.ticks() {
        let at = x.at(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{}\"/><text class=\"tick\" text-anchor=\"middle\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 16.0,
            number(tick)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text><text class=\"tick\" x=\"4\" y=\"14\">{}</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 8.0,
        escape(chart.x_name),
        escape(chart.y_name)
    );
}

fn line(svg: &mut String, s: &Series, x: &Axis, y: &Axis) {
    let path: Vec<String> = s.points.iter().map(|p| format!("{:.1},{:.1}", x.at(p.0), y.at(p.1))).collect();
    let dashed = if s.dashed { " dashed" } else { "" };
    let _ = write!(svg, "<polyline class=\"line s{}{dashed}\" points=\"{}\"/>", s.colour, path.join(" "));
    for p in s.points.iter().filter(|_| s.dots) {
        let _ = write!(
            svg,
            "<circle class=\"dot s{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{}: {} at {}</title></circle>",
            s.colour,
            x.at(p.0),
            y.at(p.1),
            escape(&s.name),
            number(p.1),
            number(p.0)
        );
    }
}

/// Names beside the plot at the height of their lines' ends, pushed apart, with a thin leader to a line that ends early.
fn names(svg: &mut String, series: &[Series], x: &Axis, y: &Axis) {
    let mut ends: Vec<(f64, &Series)> = series.iter().filter_map(|s| s.points.last().map(|p| (y.at(p.1), s))).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut at: Vec<f64> = Vec::with_capacity(ends.len());
    for (wanted, _) in &ends {
        at.push(wanted.max(at.last().map_or(f64::MIN, |last| last + NAME)));
    }
    // Names that were pushed past the bottom go up again, in their order.
    let mut limit = HEIGHT - BOTTOM + 2.0;
    for place in at.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - NAME;
    }
    for ((_, s), place) in ends.iter().zip(&at) {
        if let Some(last) = s.points.last().filter(|last| x.at(last.0) < x.to - 4.0) {
            let _ = write!(
                svg,
                "<line class=\"leader s{}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{place:.1}\"/>",
                s.colour,
                x.at(last.0),
                y.at(last.1),
                x.to + 5.0
            );
        }
        let _ =
            write!(svg, "<text class=\"name s{}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", s.colour, x.to + 8.0, place + 4.0, escape(&s.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_distance() {
        let flat = |name: &str, y: f64, colour| Series {
            name: name.into(),
            points: vec![(1.0, y), (100.0, y)],
            dashed: false,
            colour,
            dots: true,
        };
        let series = vec![flat("a", 1.0, 0), flat("b", 1.01, 1), flat("c", 1.02, 2), flat("d", 400.0, 3)];
        let svg = log_chart(&Chart { title: "t", x_name: "x", y_name: "y", series, marks: Vec::new() });
        let heights: Vec<f64> = svg
            .split("class=\"name")
            .skip(1)
            .map(|t| t.split(" y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(heights.len(), 4);
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= NAME - 0.1), "{heights:?}");
        assert!(heights.iter().all(|h| *h < HEIGHT - BOTTOM + 10.0), "{heights:?}");
    }
}
