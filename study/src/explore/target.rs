//! What a user asks of a chip, in TOML, and the plan that meets it. A field may be a list: then every combination is a point of a sweep.
//! What cannot be met is refused with what binds and what would meet it.

use super::frontier::{self, Mix};
use crate::plan::{self, Cut, Figures, Process, Setting};
use crate::{Error, Result};
use hardwire_baseline::economics::silicon::RETICLE_MM2;
use hardwire_baseline::gpu::toml_detail;
use hardwire_compiler::Options;
use hardwire_compiler::fabric::FabricChoice;
use hardwire_compiler::folding::Fold;
use hardwire_compiler::shape::{self, Shape, ShapeChip};
use hardwire_compiler::technology::Silicon;
use hardwire_netlist::Fabric;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// A value or several to sweep.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Many<T> {
    One(T),
    List(Vec<T>),
}

/// Every point once for each value of the field, if it is given.
fn expand<T: Clone>(points: &mut Vec<Target>, field: &Option<Many<T>>, set: impl Fn(&mut Target, T) -> Result<()>) -> Result<()> {
    let values = match field {
        None => return Ok(()),
        Some(Many::One(v)) => std::slice::from_ref(v),
        Some(Many::List(v)) => v,
    };
    let mut out = Vec::with_capacity(points.len() * values.len());
    for point in points.iter() {
        for value in values {
            let mut point = point.clone();
            set(&mut point, value.clone())?;
            out.push(point);
        }
    }
    if out.len() > MOST_POINTS || out.is_empty() {
        return Err(Error::asked("target", format!("{} points in this sweep, expected 1 to {MOST_POINTS}", out.len())));
    }
    *points = out;
    Ok(())
}

/// As [`expand`] for a field that takes any value.
fn assign<T: Clone>(points: &mut Vec<Target>, field: &Option<Many<T>>, set: impl Fn(&mut Target, T)) -> Result<()> {
    expand(points, field, |point, value| {
        set(point, value);
        Ok(())
    })
}

/// A number, or a word such as `"auto"`: the planner's choice.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Auto {
    Number(u32),
    Word(String),
}

/// A target file as written. Fields left out take the value said at each.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// "N6".
    node: Option<Many<String>>,
    /// The node's own.
    clock_mhz: Option<Many<f64>>,
    /// The reticle.
    die_limit_mm2: Option<f64>,
    /// "auto": as few as it takes.
    dies: Option<Many<Auto>>,
    /// 4.
    bits: Option<Many<u8>>,
    group: Option<Many<u32>>,
    /// "tiles"; "group" for group columns, "metal" for metal embedding, "auto" for the best of all, matrix by matrix.
    fabric: Option<Many<String>>,
    /// 1: layers that share silicon, or "all".
    fold: Option<Many<Auto>>,
    /// Elements a cycle, and cached positions a cycle; the compiler's own choice.
    lanes: Option<Many<u32>>,
    pos_lanes: Option<Many<u32>>,
    /// "auto": 128, 256, 512 or 1024, matrix by matrix, the fastest that meets the rest.
    tile_rows: Option<Many<Auto>>,
    users: Option<Many<u32>>,
    context: Option<Many<u32>>,
    kv_bits: Option<Many<u8>>,
    /// Least speed of one user, tokens/s.
    min_tokens_per_s: Option<f64>,
}

/// One combination of a target file.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    pub node: String,
    pub clock_mhz: Option<f64>,
    pub die_limit_mm2: f64,
    /// `None`: the planner's choice, as for `fabric` and `tile_rows`.
    pub dies: Option<u32>,
    pub bits: u8,
    pub group: u32,
    pub fabric: Option<&'static str>,
    pub tile_rows: Option<u32>,
    pub fold: Fold,
    pub lanes: Option<u32>,
    pub pos_lanes: Option<u32>,
    pub users: u32,
    pub context: u32,
    pub kv_bits: u8,
    pub min_tokens_per_s: f64,
}

/// A target that is met, with what was chosen for it.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub target: Target,
    /// How every matrix is held: the most rows of its tiles, or metal.
    #[serde(serialize_with = "as_option")]
    pub fabric: Mix,
    pub figures: Figures,
    /// How far each limit is used, largest first.
    pub limits: Vec<Limit>,
    pub modelled_only: Vec<&'static str>,
}

/// A limit and the part of it that is used; above 1 it is broken.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    pub name: &'static str,
    pub used: f64,
}

/// A target that is not met.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    pub target: Target,
    pub binds: String,
    /// What would meet it, each tried.
    pub would_meet: Vec<String>,
}

/// Positions unless asked, where the model has as many.
const CONTEXT: u32 = 2048;
/// Tile heights tried, most dies, and most points of a sweep.
const ROWS: [u32; 4] = [128, 256, 512, 1024];
const MOST_POINTS: usize = 100_000;
/// Rows tried of group columns: they read a scale group a cycle, and the head, which no layer shares, wants deep ones.
const COLUMN_ROWS: [u32; 7] = [128, 256, 512, 1024, 2048, 4096, 8192];
/// Bytes of a target file.
const MOST_BYTES: u64 = 16 << 20;

/// Reads a target file into its points.
///
/// # Errors
/// TOML that does not parse, a field that is unknown or not understood, by name.
pub fn read(path: &Path, positions: u32) -> Result<Vec<Target>> {
    let text = hardwire_netlist::input::text(path, MOST_BYTES)?;
    parse(&text, positions).map_err(|e| Error::file(path, e))
}

/// As [`read`]. Fields left out take their defaults; the context is the `positions` of the model, at most 2,048.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, positions: u32) -> Result<Vec<Target>> {
    let f: TargetFile = toml::from_str(text).map_err(|e| Error::asked("target", toml_detail(text, &e)))?;
    let auto = |field: &str, a: Auto| match a {
        Auto::Number(n) if n > 0 => Ok(Some(n)),
        Auto::Word(w) if w == "auto" => Ok(None),
        other => Err(Error::asked(field, format!("{other:?}, expected a positive number or \"auto\""))),
    };
    let mut points = vec![Target {
        node: "N6".into(),
        clock_mhz: None,
        die_limit_mm2: f.die_limit_mm2.unwrap_or(f64::INFINITY),
        dies: None,
        bits: 4,
        group: 32,
        fabric: Some("tiles"),
        tile_rows: None,
        fold: Fold::Layers(1),
        lanes: None,
        pos_lanes: None,
        users: 1,
        context: CONTEXT.min(positions),
        kv_bits: 8,
        min_tokens_per_s: f.min_tokens_per_s.unwrap_or(0.0),
    }];
    assign(&mut points, &f.node, |t, v| t.node = v)?;
    expand(&mut points, &f.clock_mhz, |t, v| match v {
        v if v.is_finite() && v > 0.0 => {
            t.clock_mhz = Some(v);
            Ok(())
        }
        v => Err(Error::asked("clock_mhz", format!("{v}, expected a positive number"))),
    })?;
    expand(&mut points, &f.dies, |t, v| {
        t.dies = auto("dies", v)?;
        Ok(())
    })?;
    assign(&mut points, &f.bits, |t, v| t.bits = v)?;
    assign(&mut points, &f.group, |t, v| t.group = v)?;
    expand(&mut points, &f.fabric, |t, v| {
        t.fabric = fabric(&v)?;
        Ok(())
    })?;
    expand(&mut points, &f.tile_rows, |t, v| {
        t.tile_rows = auto("tile_rows", v)?;
        Ok(())
    })?;
    expand(&mut points, &f.fold, |t, v| {
        t.fold = match v {
            Auto::Number(n) if n > 0 => Fold::Layers(n),
            Auto::Word(w) if w == "all" => Fold::All,
            other => return Err(Error::asked("fold", format!("{other:?}, expected a positive number or \"all\""))),
        };
        Ok(())
    })?;
    assign(&mut points, &f.lanes, |t, v| t.lanes = Some(v))?;
    assign(&mut points, &f.pos_lanes, |t, v| t.pos_lanes = Some(v))?;
    assign(&mut points, &f.users, |t, v| t.users = v)?;
    assign(&mut points, &f.context, |t, v| t.context = v)?;
    assign(&mut points, &f.kv_bits, |t, v| t.kv_bits = v)?;
    for t in &mut points {
        // A node is known or the file is wrong.
        Process::node(&t.node)?;
        t.die_limit_mm2 = t.die_limit_mm2.min(RETICLE_MM2);
    }
    if points.iter().any(|t| t.die_limit_mm2.is_nan() || t.die_limit_mm2 <= 0.0 || t.min_tokens_per_s.is_nan()) {
        return Err(Error::asked("die_limit_mm2 and min_tokens_per_s", "expected positive numbers"));
    }
    Ok(points)
}

fn fabric(name: &str) -> Result<Option<&'static str>> {
    match name {
        "tiles" => Ok(Some("tiles")),
        "metal" => Ok(Some("metal")),
        "group" => Ok(Some("group")),
        "auto" => Ok(None),
        other => Err(Error::asked("fabric", format!("{other}, expected tiles, group, metal or auto"))),
    }
}

/// The plan that meets a target, or why none does. Of several tile heights and fabrics, the fastest for one user is taken; of several
/// numbers of dies, the fewest.
///
/// # Errors
/// An option out of range, by name. `Ok(Err(_))` is a target that is well put and cannot be met.
pub fn plan(shape: &Shape, target: &Target) -> Result<std::result::Result<Point, Refusal>> {
    let tried = attempts(shape, target)?;
    let met =
        tried.iter().filter(|p| meets(p)).max_by(|a, b| a.figures.tokens_per_s_single_user.total_cmp(&b.figures.tokens_per_s_single_user));
    if let Some(point) = met {
        return Ok(Ok(point.clone()));
    }
    // The attempt that misses by least says what binds.
    let Some(nearest) = tried.iter().min_by(|a, b| a.limits[0].used.total_cmp(&b.limits[0].used)) else {
        return Err(Error::asked("fabric", "none to try"));
    };
    let worst = &nearest.limits[0];
    let binds = format!("{}: {:.2} times what there is ({})", worst.name, worst.used, describe(nearest));
    Ok(Err(Refusal { target: target.clone(), binds, would_meet: remedies(shape, target)? }))
}

fn describe(p: &Point) -> String {
    let f = &p.figures;
    format!(
        "{} dies of at most {:.0} mm2, the largest station {} of {:.0} mm2, KV and state {:.0} mm2, {:.0} tokens/s for one user",
        f.dies, f.largest_die_mm2, f.largest_station, f.largest_station_mm2, f.state_mm2, f.tokens_per_s_single_user
    )
}

fn meets(p: &Point) -> bool {
    p.limits.iter().all(|l| l.used <= 1.0)
}

/// One attempt for each mix of fabrics on the frontier of what the target leaves open.
fn attempts(shape: &Shape, target: &Target) -> Result<Vec<Point>> {
    let given = |open: Vec<u32>| target.tile_rows.map_or(open, |rows| vec![rows]).into_iter();
    let tiles = || given(heights(shape, target.group)).map(FabricChoice::tiles);
    let columns = || given(COLUMN_ROWS.to_vec()).map(|rows| FabricChoice { fabric: Fabric::Group, rows: Some(rows) });
    let metal = FabricChoice::of(Fabric::Metal);
    let choices: Vec<FabricChoice> = match target.fabric {
        Some("metal") => vec![metal],
        Some("group") => columns().collect(),
        Some(_) => tiles().collect(),
        None => tiles().chain(columns()).chain([metal]).collect(),
    };
    let options = Options {
        bits: Some(target.bits),
        group: Some(target.group),
        kv_bits: Some(target.kv_bits),
        context: Some(target.context),
        users: Some(target.users),
        fold: Some(target.fold),
        lanes: target.lanes,
        pos_lanes: target.pos_lanes,
        node: Some(target.node.clone()),
        ..Options::default()
    };
    let mut process = Process::node(&target.node)?;
    if let Some(clock) = target.clock_mhz {
        process.technology.clock_mhz.value = clock;
    }
    let mixes = frontier::mixes(shape, &options, &process.technology, &choices)?;
    mixes.into_par_iter().map(|mix| attempt(shape, target, &options, &process, mix)).collect()
}

/// [`ROWS`], and every height between them that divides a matrix of the model into bands of whole scale groups with no row left over.
fn heights(shape: &Shape, group: u32) -> Vec<u32> {
    let c = &shape.config;
    let inputs = [c.hidden, c.ffn, c.heads * c.head_dim].map(|n| n as u32);
    let (least, most) = (ROWS[0], ROWS[ROWS.len() - 1]);
    let whole = |n: u32| (least..=most).filter(move |rows| n > 0 && n.is_multiple_of(*rows) && rows.is_multiple_of(group.max(1)));
    let all: BTreeSet<u32> = inputs.into_iter().flat_map(whole).chain(ROWS).collect();
    all.into_iter().collect()
}

fn attempt(shape: &Shape, target: &Target, options: &Options, process: &Process, fabric: Mix) -> Result<Point> {
    let chip = shape::plan(shape, &Options { fabric: frontier::rules(&fabric), ..options.clone() })?;
    let figures = fewest_dies(&chip, process, target);
    let limits = limits(&figures, &chip, &process.silicon, target);
    Ok(Point { target: target.clone(), fabric, figures, limits, modelled_only: chip.modelled_only() })
}

fn as_option<S: serde::Serializer>(mix: &Mix, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(&frontier::text(mix))
}

/// On the dies asked for, or as few as keep each within the limit.
fn fewest_dies(chip: &ShapeChip, process: &Process, target: &Target) -> Figures {
    let on = |dies: u32| {
        let setting =
            Setting { dies, cut: Cut::Pipeline, context: target.context, users: target.users, extra_sram_bits: 0, extra_mm2: 0.0 };
        plan::figures(chip, process, &setting)
    };
    if let Some(dies) = target.dies {
        return on(dies);
    }
    plan::fewest_dies(Cut::Pipeline, target.die_limit_mm2, &on)
}

fn limits(f: &Figures, chip: &ShapeChip, silicon: &Silicon, target: &Target) -> Vec<Limit> {
    let crossing_bits = chip.shape.config.hidden as f64 * 32.0 * f.tokens_per_s_aggregate;
    let mut out = vec![
        Limit { name: "die area", used: f.largest_die_mm2 / target.die_limit_mm2 },
        Limit { name: "KV cache and state area", used: f.state_mm2 / (target.die_limit_mm2 * f64::from(f.dies)) },
        Limit { name: "power density", used: f.power_aggregate_w / f.area_mm2 / silicon.power_limit_w_per_mm2.value },
        Limit { name: "link bandwidth", used: if f.dies > 1 { crossing_bits / (silicon.link_gb_per_s.value * 8e9) } else { 0.0 } },
        Limit { name: "speed asked for", used: target.min_tokens_per_s / f.tokens_per_s_single_user },
    ];
    out.sort_by(|a, b| b.used.total_cmp(&a.used));
    out
}

/// Single changes to the target after which it is met, each tried.
fn remedies(shape: &Shape, target: &Target) -> Result<Vec<String>> {
    let mut out = Vec::new();
    let mut consider = |say: String, t: Target| -> Result<bool> {
        let met = attempts(shape, &t)?.iter().any(meets);
        if met {
            out.push(say);
        }
        Ok(met)
    };
    if target.dies.is_some() {
        consider("dies = \"auto\"".into(), Target { dies: None, ..target.clone() })?;
    }
    if target.tile_rows.is_some() {
        consider("tile_rows = \"auto\"".into(), Target { tile_rows: None, ..target.clone() })?;
    }
    for bits in [3, 2].into_iter().filter(|&b| b < target.bits) {
        if consider(format!("bits = {bits}"), Target { bits, ..target.clone() })? {
            break;
        }
    }
    let halved = |n: u32| std::iter::successors(Some(n / 2), |n| (*n > 1).then_some(n / 2)).filter(|&n| n > 0);
    for users in halved(target.users) {
        if consider(format!("users = {users}"), Target { users, ..target.clone() })? {
            break;
        }
    }
    for context in halved(target.context).filter(|&c| c >= 128) {
        if consider(format!("context = {context}"), Target { context, ..target.clone() })? {
            break;
        }
    }
    if target.kv_bits > 4 {
        consider("kv_bits = 4".into(), Target { kv_bits: 4, ..target.clone() })?;
    }
    if target.node != "N5" {
        consider("node = \"N5\"".into(), Target { node: "N5".into(), ..target.clone() })?;
    }
    if target.die_limit_mm2 < RETICLE_MM2 {
        consider(format!("die_limit_mm2 = {RETICLE_MM2}"), Target { die_limit_mm2: RETICLE_MM2, ..target.clone() })?;
    }
    if target.min_tokens_per_s > 0.0 {
        let best = attempts(shape, target)?.iter().map(|p| p.figures.tokens_per_s_single_user).fold(0.0, f64::max).floor();
        consider(format!("min_tokens_per_s = {best}"), Target { min_tokens_per_s: best, ..target.clone() })?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"model_type": "llama", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 8,
        "num_attention_heads": 16, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 131072}"#;

    fn small() -> Shape {
        Shape::from_json(SMALL.as_bytes(), "small", Path::new("small.json")).unwrap()
    }

    fn one(text: &str) -> std::result::Result<Point, Box<Refusal>> {
        plan(&small(), &parse(text, CONTEXT).unwrap()[0]).unwrap().map_err(Box::new)
    }

    #[test]
    fn lists_make_every_combination_and_unknown_fields_are_refused() {
        assert_eq!(parse("bits = [2, 3, 4]\ncontext = [512, 1024]\nnode = \"N5\"", CONTEXT).unwrap().len(), 6);
        for (text, field) in [
            ("bitz = 4", "bitz"),
            ("node = \"N3\"", "N3"),
            ("dies = \"many\"", "dies"),
            ("fabric = \"wood\"", "fabric"),
            ("fold = 0", "fold"),
            ("fold = \"most\"", "fold"),
            ("clock_mhz = -1.0", "clock_mhz"),
            ("bits = []", "points"),
        ] {
            let error = format!("{:#}", parse(text, CONTEXT).unwrap_err());
            assert!(error.contains(field), "{field}: {error}");
        }
    }

    #[test]
    fn what_fits_is_met_and_more_dies_are_taken_only_when_needed() {
        let point = one("die_limit_mm2 = 800").unwrap();
        assert_eq!(point.figures.dies, 1);
        assert!(point.limits.iter().all(|l| l.used <= 1.0));
        let area = point.figures.area_mm2;
        let cut = one(&format!("die_limit_mm2 = {}\ntile_rows = {}", area / 3.0, 128)).unwrap();
        assert!((3..=8).contains(&cut.figures.dies) && cut.figures.largest_die_mm2 <= area / 3.0, "{:?}", cut.figures);
        assert!(cut.figures.tokens_per_s_single_user < point.figures.tokens_per_s_single_user, "links cost time");
    }

    #[test]
    fn layers_that_share_silicon_in_group_columns_take_less_area() {
        let area = |text: &str| one(text).unwrap().figures.area_mm2;
        let (single, folded) = (area("tile_rows = 256\nfabric = \"group\""), area("tile_rows = 256\nfabric = \"group\"\nfold = \"all\""));
        assert!(folded < single / 2.0, "{folded} of {single}");
        // Wider streams, at several positions a cycle, are faster.
        let fast = |lanes: &str| one(&format!("fold = \"all\"\n{lanes}")).unwrap().figures.tokens_per_s_single_user;
        assert!(fast("lanes = 256\npos_lanes = 16") > fast("lanes = 64\npos_lanes = 4"));
    }

    #[test]
    fn what_cannot_be_met_says_what_binds_and_what_would_meet_it() {
        // A cache for a million positions fits nowhere.
        let refusal = one("users = 4096\ncontext = 131072").unwrap_err();
        assert!(refusal.binds.contains("area"), "{}", refusal.binds);
        assert!(refusal.would_meet.iter().any(|w| w.starts_with("users") || w.starts_with("context")), "{refusal:?}");
        // One station over the limit: no number of dies helps.
        let refusal = one("die_limit_mm2 = 1.0").unwrap_err();
        assert!(refusal.binds.starts_with("die area") && refusal.binds.contains("largest station"), "{}", refusal.binds);
        assert!(refusal.would_meet.iter().any(|w| w.starts_with("die_limit_mm2")), "{refusal:?}");
        // Faster than the fabric goes.
        let refusal = one("min_tokens_per_s = 1e9").unwrap_err();
        assert!(refusal.binds.starts_with("speed asked for"), "{}", refusal.binds);
        // Each remedy, taken, meets the target.
        assert!(refusal.would_meet.iter().any(|w| w.starts_with("min_tokens_per_s")), "{refusal:?}");
    }
}
