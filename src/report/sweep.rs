//! A sweep as an SVG: area against tokens/s of one user, both on logarithmic axes, the front joined.

use super::format::{escape, number};
use hardwire_study::explore::target::Point;
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const MARGIN: f64 = 64.0;

/// Stands at the beginning of every plot, and says that it may be replaced.
pub const MARK: &str = "<!-- hardwire explore -->";

/// `front` are indices into `points`; `title` is escaped here.
pub fn svg(points: &[Point], front: &[usize], title: &str) -> String {
    let x = Axis::over(points.iter().map(|p| p.figures.area_mm2), MARGIN, WIDTH - MARGIN / 2.0);
    let y = Axis::over(points.iter().map(|p| p.figures.tokens_per_s_single_user), HEIGHT - MARGIN, MARGIN / 2.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">{MARK}\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{MARGIN}\" y=\"20\" font-size=\"14\">{}</text>\n",
        escape(title)
    );
    for t in x.ticks() {
        let at = x.at(t);
        let _ = writeln!(out, "<path d=\"M{at:.1} {}V{}\" stroke=\"#ddd\"/>", MARGIN / 2.0, HEIGHT - MARGIN);
        let _ = writeln!(out, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", HEIGHT - MARGIN + 18.0, number(t));
    }
    for t in y.ticks() {
        let at = y.at(t);
        let _ = writeln!(out, "<path d=\"M{MARGIN} {at:.1}H{}\" stroke=\"#ddd\"/>", WIDTH - MARGIN / 2.0);
        let _ = writeln!(out, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", MARGIN - 6.0, at + 4.0, number(t));
    }
    let _ = writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">all dies, mm²</text>", WIDTH / 2.0, HEIGHT - 18.0);
    let _ =
        writeln!(out, "<text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">tokens/s, one user</text>", HEIGHT / 2.0);
    for (i, p) in points.iter().enumerate() {
        let e = &p.figures;
        let on = front.contains(&i);
        let (fill, r) = if on { ("#0a6", 5) } else { ("#bbb", 3) };
        let (cx, cy) = (x.at(e.area_mm2), y.at(e.tokens_per_s_single_user));
        let _ = writeln!(
            out,
            "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"{r}\" fill=\"{fill}\"><title>{} mm², {} tokens/s, {} dies</title></circle>",
            number(e.area_mm2),
            number(e.tokens_per_s_single_user),
            e.dies
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A logarithmic axis from `from` to `to` in pixels.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (low, high) =
            values.filter(|v| v.is_finite() && *v > 0.0).fold((f64::MAX, f64::MIN_POSITIVE), |(l, h), v| (l.min(v), h.max(v)));
        Axis { low: low / 1.2, high: high * 1.2, from, to }
    }

    fn at(&self, v: f64) -> f64 {
        self.from + (self.to - self.from) * (v / self.low).ln() / (self.high / self.low).ln()
    }

    /// One, two and five times powers of ten.
    fn ticks(&self) -> Vec<f64> {
        let decades = -3..=12;
        decades.flat_map(|d| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(d))).filter(|t| (self.low..=self.high).contains(t)).collect()
    }
}
