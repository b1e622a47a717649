//! Which fabric for which matrix: the area-time frontier of a chip whose matrices may each be held in several ways.
//!
//! A token passes the feeds of a layer one after another, so their times add, as their areas do. Matrices of one place in every layer are
//! held alike. Then the frontier is walked greedily: all as fast as can be, and step by step the change that saves most area for a cycle.

use crate::Result;
use hardwire_compiler::Options;
use hardwire_compiler::fabric::{FabricChoice, Rule};
use hardwire_compiler::shape::{self, Shape, ShapeChip};
use hardwire_netlist::{Technology, UnitId, UnitKind};
use hardwire_sim::timing;
use std::collections::{BTreeMap, HashMap};

/// The matrices on one feed, in every layer: their paths without the layer, and the ways to hold them.
type Place = (Vec<String>, Vec<Way>);

/// Cycles and area of all layers with one choice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Way {
    choice: usize,
    cycles: f64,
    area_um2: f64,
}

/// One way to hold a chip's matrices: the fabric of each place, by its matrices' names.
pub type Mix = BTreeMap<String, FabricChoice>;

/// The frontier's mixes, the fastest first; a single choice is its only mix. A choice that cannot hold the model is passed over.
///
/// # Errors
/// None can: what the first is refused for.
pub fn mixes(shape: &Shape, options: &Options, technology: &Technology, choices: &[FabricChoice]) -> Result<Vec<Mix>> {
    let mut places: BTreeMap<Vec<String>, Vec<Way>> = BTreeMap::new();
    let mut refused = None;
    for (at, &choice) in choices.iter().enumerate() {
        let options = Options { fabric: vec![Rule { matrix: None, choice }], ..options.clone() };
        match shape::plan(shape, &options) {
            Ok(chip) => measure(&chip, technology, at, &mut places),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if let (true, Some(error)) = (places.is_empty(), refused) {
        return Err(error.into());
    }
    let places: Vec<Place> = places.into_iter().map(|(matrices, ways)| (matrices, hull(&ways))).collect();
    Ok(walk(&places, choices))
}

/// Adds the times and areas of one uniform chip.
fn measure(chip: &ShapeChip, technology: &Technology, choice: usize, places: &mut BTreeMap<Vec<String>, Vec<Way>>) {
    let times = timing::token(&chip.netlist, 0);
    let at: HashMap<UnitId, &timing::UnitTiming> = times.stations.iter().flat_map(|s| &s.units).map(|u| (u.unit, u)).collect();
    for (feed, _) in chip.netlist.units().filter(|(_, u)| matches!(u.kind, UnitKind::RowFeed(_))) {
        let matrices: Vec<UnitId> = chip.netlist.consumers(feed).iter().map(|&(id, _)| id).collect();
        let mut names: Vec<String> = matrices.iter().map(|&m| place_of(&chip.netlist.unit(m).path)).collect();
        names.sort();
        names.dedup();
        let ways = places.entry(names).or_default();
        if ways.last().is_none_or(|w| w.choice != choice) {
            ways.push(Way { choice, ..Way::default() });
        }
        let Some(way) = ways.last_mut() else { continue };
        let done = matrices.iter().filter_map(|m| at.get(m)).map(|t| t.end_cycle).max().unwrap_or(0);
        // Experts work side by side: one of them tells the time of all.
        if chip.netlist.unit(feed).expert.is_none_or(|expert| expert == 0) {
            way.cycles += at.get(&feed).map_or(0.0, |t| done.saturating_sub(t.start_cycle) as f64);
        }
        let built = matrices.iter().chain([&feed]).filter(|&&id| chip.netlist.built(id) == id);
        way.area_um2 += built.map(|&id| technology.area_um2(&chip.census_of(id))).sum::<f64>();
    }
}

/// A path without its layer, the same for all experts: `mlp.down_proj` of `layers.3.mlp.down_proj`, `mlp.experts.*.down_proj` of
/// `layers.3.mlp.experts.17.down_proj`.
fn place_of(path: &str) -> String {
    let rest = path.strip_prefix("layers.").and_then(|p| p.split_once('.'));
    let place = rest.map_or(path, |(_, place)| place);
    match place.split_once(".experts.").and_then(|(before, after)| Some((before, after.split_once('.')?.1))) {
        Some((before, part)) => format!("{before}.experts.*.{part}"),
        None => place.to_string(),
    }
}

/// The ways no mixture of others beats: each slower than the one before, and saving less area a cycle.
fn hull(ways: &[Way]) -> Vec<Way> {
    let mut sorted = ways.to_vec();
    sorted.sort_by(|a, b| a.cycles.total_cmp(&b.cycles).then(a.area_um2.total_cmp(&b.area_um2)));
    let mut out: Vec<Way> = Vec::new();
    for way in sorted {
        if out.last().is_some_and(|last| way.area_um2 >= last.area_um2) {
            continue;
        }
        while out.len() >= 2 && saving(&out[out.len() - 2], &out[out.len() - 1]) <= saving(&out[out.len() - 1], &way) {
            out.pop();
        }
        out.push(way);
    }
    out
}

/// Area saved for a cycle by the step from one way to a slower one.
fn saving(from: &Way, to: &Way) -> f64 {
    (from.area_um2 - to.area_um2) / (to.cycles - from.cycles).max(1e-9)
}

fn walk(places: &[Place], choices: &[FabricChoice]) -> Vec<Mix> {
    let mut at = vec![0; places.len()];
    let mut out = vec![mix(places, &at, choices)];
    loop {
        let step = |p: usize| places[p].1.get(at[p] + 1).map(|next| saving(&places[p].1[at[p]], next));
        let best = (0..places.len()).filter_map(|p| step(p).map(|s| (p, s))).max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((place, _)) = best else { return out };
        at[place] += 1;
        out.push(mix(places, &at, choices));
    }
}

fn mix(places: &[Place], at: &[usize], choices: &[FabricChoice]) -> Mix {
    let named = places.iter().zip(at).filter_map(|((matrices, ways), &i)| Some((matrices, choices[ways.get(i)?.choice])));
    named.flat_map(|(matrices, choice)| matrices.iter().map(move |m| (m.clone(), choice))).collect()
}

/// The rules that make a mix.
pub fn rules(mix: &Mix) -> Vec<Rule> {
    mix.iter().map(|(matrix, &choice)| Rule { matrix: Some(matrix.clone()), choice }).collect()
}

/// A mix as `--fabric` takes it; one word where all are alike.
pub fn text(mix: &Mix) -> String {
    let mut held = mix.values();
    match held.next() {
        Some(first) if held.all(|h| h == first) => first.to_string(),
        _ => mix.iter().map(|(m, h)| format!("{m}={h}")).collect::<Vec<_>>().join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardwire_netlist::Fabric;

    fn way(choice: usize, cycles: f64, area_um2: f64) -> Way {
        Way { choice, cycles, area_um2 }
    }

    #[test]
    fn a_hull_keeps_only_what_no_mixture_beats() {
        // The second lies above the line from the first to the third; the last is slower and larger.
        let kept = hull(&[way(0, 10.0, 100.0), way(1, 20.0, 95.0), way(2, 30.0, 60.0), way(3, 90.0, 50.0), way(4, 95.0, 50.0)]);
        assert_eq!(kept.iter().map(|w| w.choice).collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn the_walk_takes_the_best_saving_first_and_ends_with_the_smallest() {
        let choices = [FabricChoice::of(Fabric::Metal), FabricChoice::tiles(256)];
        let place = |name: &str, saved: f64| (vec![name.to_string()], vec![way(0, 10.0, 100.0), way(1, 20.0, 100.0 - saved)]);
        let mixes = walk(&[place("a", 10.0), place("b", 30.0)], &choices);
        let texts: Vec<String> = mixes.iter().map(text).collect();
        assert_eq!(texts, ["metal", "a=metal,b=256", "256"]);
    }
}
