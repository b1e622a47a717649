//! Heat maps: one number a block, from its counts, its cycles or its codes, as a colour with a legend. Numbers of the running
//! chip are for one token position, or the mean or maximum over a range of positions.

use crate::die::Die;
use crate::heat_tiles::{HeatWork, Shares, used_share, zero_shares};
use crate::item::Item;
use crate::maps::Map;
use crate::rom::matrix;
use crate::stats::Stats;
use egui::Color32;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_netlist::{UnitKind, activity};
use hardwire_sim::{energy, timing};
use std::collections::HashMap;
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    Area,
    Power,
    Activity,
    Utilisation,
    Sparsity,
    QuantizationError,
}

impl Metric {
    pub const ALL: [Metric; 6] =
        [Metric::Area, Metric::Power, Metric::Activity, Metric::Utilisation, Metric::Sparsity, Metric::QuantizationError];

    /// By name, case and spaces aside.
    pub fn named(name: &str) -> Option<Metric> {
        let plain = |s: &str| s.to_lowercase().replace([' ', '-', '_'], "");
        Metric::ALL.into_iter().find(|m| plain(m.name()).starts_with(&plain(name)))
    }

    pub fn name(self) -> &'static str {
        match self {
            Metric::Area => "Area",
            Metric::Power => "Power density",
            Metric::Activity => "Activity",
            Metric::Utilisation => "Utilisation",
            Metric::Sparsity => "Sparsity",
            Metric::QuantizationError => "Quantization error",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Metric::Area => "mm²",
            Metric::Power => "mW/mm²",
            Metric::Activity => "share of a token's time",
            Metric::Utilisation => "share of cells used",
            Metric::Sparsity => "share of weights that are 0",
            Metric::QuantizationError => "relative square error",
        }
    }

    /// What the number is, for the panel.
    pub fn meaning(self) -> &'static str {
        match self {
            Metric::Area => "Placed area of the block.",
            Metric::Power => "Switching and leakage of the unit while one user decodes, over its area. Estimated from counted events.",
            Metric::Activity => "Cycles the unit works on a token, over the token's latency. From the timing model.",
            Metric::Utilisation => "ROM cells that hold a weight; cache positions that are filled.",
            Metric::Sparsity => "Share of codes whose value is 0. Counted.",
            Metric::QuantizationError => "||w - q||² / ||w||² against the checkpoint. Measured when the chip was compiled.",
        }
    }

    /// Tiles of a block have numbers of their own.
    pub fn by_tile(self) -> bool {
        matches!(self, Metric::Utilisation | Metric::Sparsity)
    }

    /// The number depends on the position of the token.
    pub fn moves(self) -> bool {
        matches!(self, Metric::Power | Metric::Activity | Metric::Utilisation)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// The token at position `from`.
    Token,
    /// The token that is on the die while a prompt plays; `from` follows it.
    Live,
    Mean,
    Max,
}

/// What values of all blocks are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub metric: Metric,
    pub over: Over,
    pub from: u32,
    pub to: u32,
}

#[derive(Clone)]
pub struct Heat {
    pub metric: Option<Metric>,
    pub map: Map,
    pub log: bool,
    /// `None`: from the least to the greatest value.
    pub range: Option<(f64, f64)>,
    pub over: Over,
    pub from: u32,
    pub to: u32,
    /// Share of zeros of the tiles of blocks that were looked at closely.
    pub zeros: HashMap<usize, Shares>,
    values: Vec<Option<f64>>,
    made: Option<Key>,
    /// Least and greatest value known.
    found: (f64, f64),
}

impl Default for Heat {
    fn default() -> Self {
        Heat {
            metric: None,
            map: Map::Viridis,
            log: false,
            range: None,
            over: Over::Token,
            from: 0,
            to: 0,
            zeros: HashMap::new(),
            values: Vec::new(),
            made: None,
            found: (0.0, 1.0),
        }
    }
}

impl Heat {
    /// Takes new values where what they depend on has changed; `fresh` statistics have come.
    pub fn update(&mut self, die: &Die, stats: &mut Stats, work: &mut HeatWork, fresh: bool) {
        let Some(metric) = self.metric else { return };
        let key = Key { metric, over: self.over, from: self.from, to: self.to };
        if self.made.is_some_and(|m| m.metric != metric) {
            self.values.clear();
            self.made = None;
        }
        if metric == Metric::Sparsity {
            if self.made != Some(key) || fresh || self.values.iter().zip(&die.blocks).any(|(v, b)| v.is_none() && b.rom.is_some()) {
                self.values = (0..die.blocks.len()).map(|b| die.blocks[b].rom.and_then(|_| stats.get(b)).map(|c| c.zero_share())).collect();
                self.made = Some(key);
            }
        } else if self.made != Some(key)
            && let Some(values) = work.values(key)
        {
            self.values = values;
            self.made = Some(key);
        }
        self.found = self.find_ends();
    }

    fn find_ends(&self) -> (f64, f64) {
        let zeros = self.zeros.values().filter(|_| self.metric == Some(Metric::Sparsity));
        let tiles = zeros.flat_map(|z| z.iter()).map(|v| f64::from(*v));
        let known = self.values.iter().flatten().copied().chain(tiles).filter(|v| !self.log || *v > 0.0);
        let (lo, hi) = known.fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
        if lo > hi { (0.0, 1.0) } else { (lo, hi) }
    }

    pub fn value(&self, block: usize) -> Option<f64> {
        self.values.get(block).copied().flatten()
    }

    /// Value of one tile, where the metric has one; `None` too where it is not known yet.
    pub fn tile_value(&self, die: &Die, block: usize, n_tile: u32, k_tile: u32) -> Option<f64> {
        let rom = die.blocks[block].rom?;
        match self.metric? {
            Metric::Utilisation if rom.wired => None,
            Metric::Utilisation => Some(used_share(&rom, n_tile, k_tile)),
            Metric::Sparsity => self.zeros.get(&block)?.get((k_tile * rom.across + n_tile) as usize).map(|v| f64::from(*v)),
            _ => None,
        }
    }

    /// Value of what an item lies in: its tile's, or its block's.
    pub fn value_of(&self, die: &Die, item: Item) -> Option<f64> {
        let block = item.block()?;
        let tile = match item {
            Item::Tile { n_tile, k_tile, .. } => Some((n_tile, k_tile)),
            Item::Weight { site, .. } => Some((site.n_tile, site.k_tile)),
            _ => None,
        };
        tile.and_then(|(n, k)| self.tile_value(die, block, n, k)).or(self.value(block))
    }

    /// Whether every value that is known is nought: a map of one colour then, with nothing to see.
    pub fn all_zero(&self) -> bool {
        self.values.iter().flatten().next().is_some() && self.values.iter().flatten().all(|v| *v == 0.0)
    }

    /// Ends of the scale.
    pub fn ends(&self) -> (f64, f64) {
        self.range.unwrap_or(self.found)
    }

    /// Place of a value on the scale, `0..=1`.
    pub fn place(&self, value: f64) -> f64 {
        let (lo, hi) = self.ends();
        let at = |v: f64| if self.log { v.max(lo.max(1e-30)).ln() } else { v };
        let (a, b) = (at(lo), at(hi));
        if b > a { ((at(value) - a) / (b - a)).clamp(0.0, 1.0) } else { 0.5 }
    }

    pub fn colour(&self, block: usize) -> Option<Color32> {
        self.metric?;
        self.value(block).map(|v| self.map.colour(self.place(v)))
    }

    /// All values as CSV: path, part, kind, band and column of a tile, value. Tiles have lines of their own where the metric has values by
    /// tile; for sparsity every code is read.
    pub fn csv(&self, die: &Die) -> String {
        let Some(metric) = self.metric else { return String::new() };
        let mut out = format!("path,part,kind,k_tile,n_tile,{}\n", metric.name().to_lowercase().replace(' ', "_"));
        for (b, block) in die.plan().blocks.iter().enumerate() {
            let kind = format!("{:?}", block.kind).to_lowercase();
            // Writing to a string cannot fail.
            if let Some(v) = self.value(b) {
                let _ = writeln!(out, "{},{},{kind},,,{v}", block.path, block.part);
            }
            let Some(rom) = die.blocks[b].rom.filter(|r| metric.by_tile() && !(metric == Metric::Utilisation && r.wired)) else { continue };
            let zeros = if metric == Metric::Sparsity { zero_shares(die, b) } else { Vec::new() };
            for (k, n) in (0..rom.down).flat_map(|k| (0..rom.across).map(move |n| (k, n))) {
                let v = zeros.get((k * rom.across + n) as usize).map_or_else(|| used_share(&rom, n, k), |v| f64::from(*v));
                let _ = writeln!(out, "{},{},{kind},{k},{n},{v}", block.path, block.part);
            }
            die.release(b);
        }
        out
    }
}

/// Positions looked at: all of a short range, about seventeen of a long one with both its ends.
fn positions(key: Key) -> Vec<u32> {
    if matches!(key.over, Over::Token | Over::Live) {
        return vec![key.from];
    }
    let to = key.to.max(key.from);
    let step = ((to - key.from) / 16).max(1);
    let mut all: Vec<u32> = (key.from..=to).step_by(step as usize).collect();
    if all.last() != Some(&to) {
        all.push(to);
    }
    all
}

/// One metric of every block, over the positions of `key`.
pub fn values_over(die: &Die, key: Key) -> Vec<Option<f64>> {
    let positions = positions(key);
    let all = positions.iter().map(|&p| values(die, key.metric, p));
    let mut joined = all.reduce(|a, b| join(&a, &b, key.over)).unwrap_or_default();
    if key.over == Over::Mean {
        joined.iter_mut().flatten().for_each(|v| *v /= positions.len() as f64);
    }
    joined
}

fn join(a: &[Option<f64>], b: &[Option<f64>], over: Over) -> Vec<Option<f64>> {
    let both = |(a, b): (&Option<f64>, &Option<f64>)| {
        let (a, b) = ((*a)?, (*b)?);
        Some(if over == Over::Max { a.max(b) } else { a + b })
    };
    a.iter().zip(b).map(both).collect()
}

/// One metric of every block for the token at `position`.
fn values(die: &Die, metric: Metric, position: u32) -> Vec<Option<f64>> {
    let (netlist, technology) = (die.chip.netlist(), &die.chip.structure.technology);
    let plan = die.plan();
    let token = metric.moves().then(|| timing::token(netlist, position));
    let mut busy = vec![0u64; netlist.graph.node_count()];
    for unit in token.iter().flat_map(|t| t.stations.iter().flat_map(|s| &s.units)) {
        busy[netlist.built(unit.unit).index()] += unit.end_cycle.saturating_sub(unit.start_cycle);
    }
    let latency = token.as_ref().map_or(1, |t| t.latency_cycles.max(1)) as f64;
    let one = |b: usize| -> Option<f64> {
        let (block, info) = (&plan.blocks[b], &die.blocks[b]);
        match metric {
            Metric::Area => Some(block.rect.area_um2() * 1e-6),
            Metric::Power => {
                let id = info.unit?;
                let of = |id| energy::cost(technology, &activity::unit(netlist, technology, id, position)).total_pj();
                let switching_pj: f64 = netlist.worked(id).into_iter().map(of).sum();
                let seconds = latency / (technology.clock_mhz.value * 1e6);
                let watts = switching_pj * 1e-12 / seconds + technology.leakage_w(&info.census);
                Some(watts * 1e3 / (technology.area_um2(&info.census) * 1e-6).max(1e-12))
            }
            Metric::Activity => Some(busy[info.unit?.index()] as f64 / latency),
            Metric::Utilisation => match (&netlist.unit(info.unit?).kind, info.rom) {
                // Wires are where weights are: nothing is left unused.
                (_, Some(rom)) if rom.wired => None,
                (kind, Some(rom)) => {
                    let cells = f64::from(rom.across) * f64::from(rom.down) * f64::from(rom.rows) * f64::from(rom.cols);
                    Some(matrix(kind)?.weights() as f64 / cells)
                }
                (UnitKind::Attention(a), None) if block.kind == BlockKind::KvCache => {
                    Some(f64::from(position + 1) / (f64::from(a.context) * f64::from(a.users)))
                }
                _ => None,
            },
            Metric::Sparsity => None,
            Metric::QuantizationError => die.quality(b).map(|q| q.relative_square_error),
        }
    };
    (0..die.blocks.len()).map(one).collect()
}

/// Three figures.
pub fn number(v: f64) -> String {
    let a = v.abs();
    if a == 0.0 {
        "0".into()
    } else if !(1e-3..1e4).contains(&a) {
        format!("{v:.2e}")
    } else if a < 1.0 {
        format!("{v:.3}")
    } else {
        format!("{v:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_from_nought_to_one_linear_and_logarithmic() {
        let mut heat = Heat { metric: Some(Metric::Area), values: vec![Some(1.0), Some(10.0), None, Some(100.0)], ..Heat::default() };
        heat.found = heat.find_ends();
        assert_eq!((heat.ends(), heat.place(1.0), heat.place(100.0)), ((1.0, 100.0), 0.0, 1.0));
        heat.log = true;
        assert!((heat.place(10.0) - 0.5).abs() < 1e-12);
        heat.range = Some((10.0, 100.0));
        assert_eq!((heat.place(1.0), heat.place(1e9)), (0.0, 1.0));
        assert_eq!(heat.colour(2), None);
    }
}
