//! The comparison on the page: the summary of both sides, tables, curves, the roofline.

use super::chart::{Chart, Mark, Series, log_chart};
use super::format::{bare, escape, number, with_source};
use hardwire_netlist::Figure;
use hardwire_study::compare::{Comparison, Curve, GpuRow};

/// GPUs in the summary.
const COLUMNS: usize = 3;

/// A table whose cells are HTML.
pub struct HtmlTable {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The devices drawn, as rows: the same in the summary and in the charts.
fn drawn(b: &Comparison) -> Vec<&GpuRow> {
    let names = b.roofline.devices.iter().map(|roof| &roof.device);
    names.filter_map(|name| b.gpus.iter().find(|g| g.device == *name)).take(COLUMNS).collect()
}

/// One user and a full queue, the chip and a few GPUs: the page's first table.
pub fn both_sides(b: &Comparison) -> HtmlTable {
    let gpus = drawn(b);
    let c = &b.chip;
    let (unit, per_j) = b.chip.energy_unit();
    let busy = c.all_busy.users > c.as_built.users;
    let mut head = vec![String::new(), format!("this chip, {} in flight", c.as_built.users)];
    if busy {
        head.push(format!("this chip, {} in flight", c.all_busy.users));
    }
    head.extend(gpus.iter().map(|g| escape(&g.device)));
    let row = |name: &str, built: String, all: String, gpu: &dyn Fn(&GpuRow) -> String| {
        let mut out = vec![name.to_string(), built];
        if busy {
            out.push(all);
        }
        out.extend(gpus.iter().map(|g| gpu(g)));
        out
    };
    let of = |f: &Figure, scale: f64| bare(f, scale);
    HtmlTable {
        rows: vec![
            row("One user, tokens/s", of(&c.tokens_per_s, 1.0), String::new(), &|g| of(&g.single.tokens_per_s, 1.0)),
            row(&format!("One user, {unit}"), of(&c.j_per_token, per_j), String::new(), &|g| of(&g.single.j_per_token, per_j)),
            row("Full queue, tokens/s", of(&c.as_built.tokens_per_s, 1.0), of(&c.all_busy.tokens_per_s, 1.0), &|g| {
                of(&g.saturated.tokens_per_s, 1.0)
            }),
            row("… users at once", c.as_built.users.to_string(), c.all_busy.users.to_string(), &|g| number(f64::from(g.saturated.users))),
            row("… each sees, tokens/s", of(&c.as_built.tokens_per_s_per_user, 1.0), of(&c.all_busy.tokens_per_s_per_user, 1.0), &|g| {
                of(&g.saturated.tokens_per_s_per_user, 1.0)
            }),
            row(&format!("… {unit}"), of(&c.as_built.j_per_token, per_j), of(&c.all_busy.j_per_token, per_j), &|g| {
                of(&g.saturated.j_per_token, per_j)
            }),
            row("… power, W", of(&c.as_built.power_w, 1.0), of(&c.all_busy.power_w, 1.0), &|g| of(&g.saturated.power_w, 1.0)),
        ],
        head,
    }
}

fn device(g: &GpuRow) -> String {
    with_source("", &g.source, &g.device)
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> HtmlTable {
    HtmlTable { head: head.iter().map(ToString::to_string).collect(), rows }
}

/// One user on every device.
pub fn single(b: &Comparison) -> HtmlTable {
    let c = &b.chip;
    let (unit, per_j) = b.chip.energy_unit();
    let own = ["this chip".to_string(), bare(&c.tokens_per_s, 1.0), "–".into(), bare(&c.j_per_token, per_j), bare(&c.power_w, 1.0)];
    let mut rows = vec![own.into_iter().chain(["–", "–", "–", "–"].map(String::from)).collect()];
    rows.extend(b.gpus.iter().map(|g| {
        let s = &g.single;
        vec![
            device(g),
            bare(&s.tokens_per_s, 1.0),
            bare(&s.ceiling_tokens_per_s, 1.0),
            bare(&s.j_per_token, per_j),
            bare(&s.power_w, 1.0),
            number(g.user_speed_ratio),
            number(g.user_energy_ratio),
            format!("{:?}", s.bound).to_lowercase(),
            escape(&s.serving_mode),
        ]
    }));
    table(&["one user", "tokens/s", "ceiling", unit, "W", "chip faster, ×", "chip thriftier, ×", "bound by", "run as"], rows)
}

/// A full queue on every device.
pub fn saturated(b: &Comparison) -> HtmlTable {
    let c = &b.chip;
    let (unit, per_j) = b.chip.energy_unit();
    let chips = [("this chip as built", &c.as_built), ("this chip, all busy", &c.all_busy)];
    let shown = if c.all_busy.users > c.as_built.users { 2 } else { 1 };
    let mut rows: Vec<Vec<String>> = (chips.into_iter().take(shown))
        .map(|(name, f)| {
            vec![
                name.into(),
                f.users.to_string(),
                bare(&f.tokens_per_s, 1.0),
                bare(&f.tokens_per_s_per_user, 1.0),
                bare(&f.j_per_token, per_j),
                bare(&f.power_w, 1.0),
                "–".into(),
                "–".into(),
                "–".into(),
            ]
        })
        .collect();
    rows.extend(b.gpus.iter().map(|g| {
        let s = &g.saturated;
        vec![
            device(g),
            number(f64::from(s.users)),
            bare(&s.tokens_per_s, 1.0),
            bare(&s.tokens_per_s_per_user, 1.0),
            bare(&s.j_per_token, per_j),
            bare(&s.power_w, 1.0),
            number(g.queue_tokens_ratio),
            format!("{:?}", s.bound).to_lowercase(),
            escape(&s.serving_mode),
        ]
    }));
    table(&["full queue", "users", "tokens/s", "each sees", unit, "W", "× chip as built", "bound by", "run as"], rows)
}

fn series(curves: &[Curve], per_user: bool) -> Vec<Series> {
    (curves.iter().enumerate())
        .map(|(colour, curve)| Series {
            name: curve.name.clone(),
            points: curve.points.iter().map(|p| (f64::from(p.x), p.tokens_per_s / if per_user { f64::from(p.x) } else { 1.0 })).collect(),
            dashed: false,
            colour,
            dots: true,
        })
        .collect()
}

pub fn against_users(b: &Comparison) -> String {
    chart("Output tokens a second of all users", "users at once", "tokens/s, all users", series(&b.against_users, false))
}

pub fn each_against_users(b: &Comparison) -> String {
    chart("Tokens a second that each user sees", "users at once", "tokens/s, each user", series(&b.against_users, true))
}

pub fn against_context(b: &Comparison) -> String {
    chart("One user's tokens a second against context", "tokens cached", "tokens/s, one user", series(&b.against_context, false))
}

fn chart(title: &str, x_name: &str, y_name: &str, series: Vec<Series>) -> String {
    log_chart(&Chart { title, x_name, y_name, series, marks: Vec::new() })
}

/// Roofs, the model's decode at one user and at crossover, and the chip, whose weights cross no bus.
pub fn roofline(b: &Comparison) -> String {
    let r = &b.roofline;
    let knees = r.devices.iter().map(|d| d.rate_tops * 1e3 / d.bandwidth_gb_per_s);
    let intensities = r.devices.iter().flat_map(|d| d.points.iter().map(|p| p.ops_per_byte));
    let (low, high) = knees.chain(intensities).fold((1.0f64, 10.0f64), |(l, h), v| (l.min(v), h.max(v)));
    let (low, high) = (low / 2.0, high * 4.0);
    let mut series = Vec::new();
    let mut marks = Vec::new();
    let flat = |name: &str, tops: f64, dashed| Series {
        name: name.into(),
        points: vec![(low, tops), (high, tops)],
        dashed,
        colour: 0,
        dots: false,
    };
    series.push(flat("chip, one user", r.chip_one_user_tops, true));
    if r.chip_all_busy_tops > r.chip_one_user_tops * 1.01 {
        series.push(flat("chip, all busy", r.chip_all_busy_tops, false));
    }
    for (index, d) in r.devices.iter().enumerate() {
        let knee = d.rate_tops * 1e3 / d.bandwidth_gb_per_s;
        let roof = |x: f64| (d.bandwidth_gb_per_s * 1e-3 * x).min(d.rate_tops);
        series.push(Series {
            name: d.device.clone(),
            points: [low, knee.clamp(low, high), high].map(|x| (x, roof(x))).to_vec(),
            dashed: false,
            colour: index + 1,
            dots: false,
        });
        marks.extend(d.points.iter().enumerate().map(|(i, p)| Mark {
            x: p.ops_per_byte,
            y: p.tops,
            colour: index + 1,
            note: format!(
                "{}, {}: {} user(s), {} operations a byte, {} T operations/s",
                d.device,
                d.serving_mode,
                p.batch,
                number(p.ops_per_byte),
                number(p.tops)
            ),
            filled: i > 0,
        }));
    }
    log_chart(&Chart { title: "Roofline", x_name: "operations a byte read from memory", y_name: "10¹² operations/s", series, marks })
}
