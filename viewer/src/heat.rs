//! Heat maps: one number a block, from its counts, its cycles or its codes, as a colour with a legend. Numbers of the running
//! chip are for one token position, or the mean or maximum over a range of positions.

use crate::die::Die;
use crate::rom::matrix;
use crate::stats::Stats;
use egui::Color32;
use hardwire_netlist::UnitKind;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_sim::{energy, timing};
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

    /// The number depends on the position of the token.
    pub fn moves(self) -> bool {
        matches!(self, Metric::Power | Metric::Activity | Metric::Utilisation)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The token at position `from`.
    Token,
    Mean,
    Max,
}

/// Perceptually even maps that keep their order for colour-blind eyes (viridis and magma of matplotlib, cividis of Nuñez et al. 2018).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    Viridis,
    Cividis,
    Magma,
}

impl Map {
    pub const ALL: [(Map, &'static str); 3] = [(Map::Viridis, "viridis"), (Map::Cividis, "cividis"), (Map::Magma, "magma")];

    /// Nine evenly spaced stops of the published tables, straight lines between them.
    pub fn colour(self, t: f64) -> Color32 {
        let stops: [u32; 9] = match self {
            Map::Viridis => [0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725],
            Map::Cividis => [0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369, 0xfee838],
            Map::Magma => [0x000004, 0x1c1044, 0x4f127b, 0x812581, 0xb5367a, 0xe55064, 0xfb8761, 0xfec287, 0xfcfdbf],
        };
        let at = t.clamp(0.0, 1.0) * 8.0;
        let (i, f) = ((at as usize).min(7), at - (at as usize).min(7) as f64);
        let part = |shift: u32| {
            let (a, b) = (f64::from(stops[i] >> shift & 255), f64::from(stops[i + 1] >> shift & 255));
            (a + (b - a) * f).round() as u8
        };
        Color32::from_rgb(part(16), part(8), part(0))
    }
}

pub struct Heat {
    pub metric: Option<Metric>,
    pub map: Map,
    pub log: bool,
    /// `None`: from the least to the greatest value.
    pub range: Option<(f64, f64)>,
    pub over: Over,
    pub from: u32,
    pub to: u32,
    values: Vec<Option<f64>>,
    /// What `values` were made for.
    made: Option<(Metric, Over, u32, u32)>,
}

impl Default for Heat {
    fn default() -> Self {
        Heat { metric: None, map: Map::Viridis, log: false, range: None, over: Over::Token, from: 0, to: 0, values: Vec::new(), made: None }
    }
}

impl Heat {
    /// Makes the values anew where what they depend on has changed; `fresh` statistics have come.
    pub fn update(&mut self, die: &Die, stats: &mut Stats, fresh: bool) {
        let Some(metric) = self.metric else { return };
        let key = (metric, self.over, self.from, self.to);
        if metric == Metric::Sparsity {
            if self.made != Some(key) || fresh || self.values.iter().zip(&die.blocks).any(|(v, b)| v.is_none() && b.rom.is_some()) {
                self.values = (0..die.blocks.len()).map(|b| die.blocks[b].rom.and_then(|_| stats.get(b)).map(|c| c.zero_share())).collect();
            }
        } else if self.made != Some(key) {
            self.values = self.positions().map(|p| values(die, metric, p)).reduce(|a, b| join(&a, &b, self.over)).unwrap_or_default();
            if self.over == Over::Mean {
                let n = self.positions().count().max(1) as f64;
                self.values.iter_mut().flatten().for_each(|v| *v /= n);
            }
        }
        self.made = Some(key);
    }

    /// Positions looked at: all of a short range, seventeen of a long one.
    fn positions(&self) -> impl Iterator<Item = u32> + use<> {
        let (from, to) = (self.from, if self.over == Over::Token { self.from } else { self.to.max(self.from) });
        let step = ((to - from) / 16).max(1);
        (from..=to).step_by(step as usize)
    }

    pub fn value(&self, block: usize) -> Option<f64> {
        self.values.get(block).copied().flatten()
    }

    /// Ends of the scale.
    pub fn ends(&self) -> (f64, f64) {
        if let Some(range) = self.range {
            return range;
        }
        let found = self.values.iter().flatten().filter(|v| !self.log || **v > 0.0);
        let (lo, hi) = found.fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        if lo > hi { (0.0, 1.0) } else { (lo, hi) }
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

    /// All values as CSV: path, part, kind, value.
    pub fn csv(&self, die: &Die) -> String {
        let metric = self.metric.map_or("none", Metric::name);
        let mut out = format!("path,part,kind,{}\n", metric.to_lowercase().replace(' ', "_"));
        for (b, block) in die.plan().blocks.iter().enumerate() {
            if let Some(v) = self.value(b) {
                let kind = format!("{:?}", block.kind).to_lowercase();
                // Writing to a string cannot fail.
                let _ = writeln!(out, "{},{},{kind},{v}", block.path, block.part);
            }
        }
        out
    }
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
        busy[unit.unit.index()] = unit.end_cycle.saturating_sub(unit.start_cycle);
    }
    let latency = token.as_ref().map_or(1, |t| t.latency_cycles.max(1)) as f64;
    let one = |b: usize| -> Option<f64> {
        let (block, info) = (&plan.blocks[b], &die.blocks[b]);
        match metric {
            Metric::Area => Some(block.rect.area_um2() * 1e-6),
            Metric::Power => {
                let id = info.unit?;
                let switching_pj = energy::cost(technology, &energy::unit_events(netlist, technology, id, position)).total_pj();
                let seconds = latency / (technology.clock_mhz.value * 1e6);
                let watts = switching_pj * 1e-12 / seconds + technology.leakage_w(&info.census);
                Some(watts * 1e3 / (technology.area_um2(&info.census) * 1e-6).max(1e-12))
            }
            Metric::Activity => Some(busy[info.unit?.index()] as f64 / latency),
            Metric::Utilisation => match (&netlist.unit(info.unit?).kind, info.rom) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_from_nought_to_one_linear_and_logarithmic() {
        let mut heat = Heat { metric: Some(Metric::Area), values: vec![Some(1.0), Some(10.0), None, Some(100.0)], ..Heat::default() };
        assert_eq!((heat.ends(), heat.place(1.0), heat.place(100.0)), ((1.0, 100.0), 0.0, 1.0));
        heat.log = true;
        assert!((heat.place(10.0) - 0.5).abs() < 1e-12);
        heat.range = Some((10.0, 100.0));
        assert_eq!((heat.place(1.0), heat.place(1e9)), (0.0, 1.0));
        assert_eq!(heat.colour(2), None);
    }

    #[test]
    fn maps_grow_lighter_all_the_way() {
        let light = |c: Color32| 0.2126 * f64::from(c.r()) + 0.7152 * f64::from(c.g()) + 0.0722 * f64::from(c.b());
        for (map, name) in Map::ALL {
            let steps: Vec<f64> = (0..=64).map(|i| light(map.colour(f64::from(i) / 64.0))).collect();
            assert!(steps.windows(2).all(|w| w[1] >= w[0]), "{name}: {steps:?}");
        }
    }
}
