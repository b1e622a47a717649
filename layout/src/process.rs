//! A process's rules: layers, enclosures, transistors and a few electrical values, read from a TOML file. All lengths are nanometres.

use crate::error::Error;
use serde::Deserialize;
use std::collections::BTreeMap;

const SKY130: &str = include_str!("../data/sky130.toml");
const ASAP7: &str = include_str!("../data/asap7.toml");

/// What a layer is for. A process calls it what it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Nwell,
    Diff,
    /// Diffusion that ties a well or the substrate.
    Tap,
    Poly,
    Nplus,
    Pplus,
    /// Where contacts on poly are opened, in processes that have such a mask.
    Npc,
    /// From diffusion or poly to local.
    Contact,
    Local,
    /// From local to metal 1.
    Cut1,
    Metal1,
    /// From metal 1 to metal 2: the layer of the program.
    Cut2,
    Metal2,
    Boundary,
}

impl Layer {
    pub const ALL: [Layer; 14] = {
        use Layer::{Boundary, Contact, Cut1, Cut2, Diff, Local, Metal1, Metal2, Npc, Nplus, Nwell, Poly, Pplus, Tap};
        [Nwell, Diff, Tap, Poly, Nplus, Pplus, Npc, Contact, Local, Cut1, Metal1, Cut2, Metal2, Boundary]
    };

    /// Whether its shapes are squares of one size.
    pub fn is_cut(self) -> bool {
        matches!(self, Layer::Contact | Layer::Cut1 | Layer::Cut2)
    }
}

/// The layer whose shapes are the program: all that a new model changes.
pub const PROGRAM: Layer = Layer::Cut2;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRule {
    /// What the process calls it.
    pub name: String,
    /// GDS layer and datatype of its shapes,
    pub gds: (u16, u16),
    /// and of its labels.
    pub label: Option<(u16, u16)>,
    /// Least width; side of a cut.
    pub width: i64,
    pub space: i64,
    /// Least area, nm².
    #[serde(default)]
    pub area: i64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enclosure {
    pub outer: Layer,
    pub inner: Layer,
    /// On every side, and on two opposite ones.
    pub all: i64,
    pub two: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    pub end_cap_nm: i64,
    pub poly_to_diff_nm: i64,
    pub contact_to_gate_nm: i64,
    pub poly_contact_to_diff_nm: i64,
    pub poly_contact_to_pplus_nm: i64,
    pub diff_contact_to_npc_nm: i64,
    pub nwell_to_ndiff_nm: i64,
    pub cell_width_nm: i64,
    pub driver_n_nm: i64,
    pub driver_p_nm: i64,
    pub inverter_p_nm: i64,
    pub most_rows: u32,
    pub most_columns: u32,
    pub columns_between_taps: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Electrical {
    pub vdd_v: f64,
    pub poly_ohm_per_square: f64,
    pub gate_ff_per_um2: f64,
    pub metal2_ff_per_um: f64,
    pub junction_ff_per_um: f64,
    /// Resistance of a conducting transistor a micrometre wide.
    pub nmos_kohm_um: f64,
    pub pmos_kohm_um: f64,
    pub leakage_pw_per_cell: f64,
    pub source: String,
}

/// A process file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    pub name: String,
    /// Nodes of the technology file that are drawn by it.
    pub nodes: Vec<String>,
    pub source: String,
    pub grid_nm: i64,
    layer: BTreeMap<Layer, LayerRule>,
    enclosure: BTreeMap<String, Enclosure>,
    pub device: Device,
    pub electrical: Electrical,
}

impl Process {
    /// The processes that come with the program.
    pub fn bundled() -> Vec<Process> {
        [("sky130.toml", SKY130), ("asap7.toml", ASAP7)].map(|(name, text)| Process::parse(name, text).expect("bundled")).into()
    }

    /// The one that draws a node.
    ///
    /// # Errors
    /// [`Error::Process`] where no bundled file does.
    pub fn of_node(node: &str) -> Result<Process, Error> {
        let all = Process::bundled();
        let known: Vec<String> = all.iter().flat_map(|p| p.nodes.clone()).collect();
        let found = all.into_iter().find(|p| p.nodes.iter().any(|n| n == node));
        found.ok_or_else(|| Error::Process { file: node.into(), what: format!("no process file draws it; known are {}", known.join(", ")) })
    }

    /// Reads a process file; `file` is its name in errors.
    ///
    /// # Errors
    /// [`Error::Process`]: a field that is missing, unknown or out of range.
    pub fn parse(file: &str, text: &str) -> Result<Process, Error> {
        let fail = |what: String| Error::Process { file: file.into(), what };
        let process: Process = toml::from_str(text).map_err(|e| fail(e.to_string()))?;
        for layer in Layer::ALL.into_iter().filter(|&l| l != Layer::Npc) {
            if !process.layer.contains_key(&layer) {
                return Err(fail(format!("layer {layer:?} is missing")));
            }
        }
        let lengths = process.layer.values().flat_map(|l| [l.width, l.space]);
        let lengths = lengths.chain(process.enclosure.values().flat_map(|e| [e.all, e.two]));
        if !(1..=1000).contains(&process.grid_nm) {
            return Err(fail(format!("grid_nm is {}, expected 1 to 1000", process.grid_nm)));
        }
        if let Some(bad) = lengths.into_iter().find(|l| !(0..=100_000).contains(l) || l % process.grid_nm != 0) {
            return Err(fail(format!("{bad} nm is not a multiple of grid_nm from 0 to 100000")));
        }
        let d = &process.device;
        // Drawn about a middle that is on the grid.
        let halved = [Layer::Contact, Layer::Cut1, Layer::Cut2, Layer::Poly, Layer::Local].map(|l| process.rule(l).width);
        let halved = halved.into_iter().chain([d.cell_width_nm, d.driver_n_nm, d.driver_p_nm, d.inverter_p_nm]);
        if let Some(bad) = halved.into_iter().find(|w| !(1..=100_000).contains(w) || w % (2 * process.grid_nm) != 0) {
            return Err(fail(format!("a width of {bad} nm: cuts, poly, local and transistors are a multiple of twice grid_nm, to 100000")));
        }
        let clear = [
            d.end_cap_nm,
            d.poly_to_diff_nm,
            d.contact_to_gate_nm,
            d.poly_contact_to_diff_nm,
            d.poly_contact_to_pplus_nm,
            d.diff_contact_to_npc_nm,
            d.nwell_to_ndiff_nm,
        ];
        if let Some(bad) = clear.into_iter().find(|l| !(0..=100_000).contains(l) || l % process.grid_nm != 0) {
            return Err(fail(format!("{bad} nm of [device] is not a multiple of grid_nm from 0 to 100000")));
        }
        if !(2..=4096).contains(&d.most_rows)
            || !d.most_columns.is_multiple_of(d.columns_between_taps.max(1))
            || d.columns_between_taps != 64
        {
            return Err(fail("most_rows, most_columns or columns_between_taps: expected 2 to 4096, and multiples of 64".into()));
        }
        Ok(process)
    }

    /// Rules of a layer; `None` for a mask that the process does not have.
    pub fn find(&self, layer: Layer) -> Option<&LayerRule> {
        self.layer.get(&layer)
    }

    /// Rules of a layer that every process has.
    pub fn rule(&self, layer: Layer) -> &LayerRule {
        &self.layer[&layer]
    }

    pub fn layers(&self) -> impl Iterator<Item = (Layer, &LayerRule)> {
        self.layer.iter().map(|(l, r)| (*l, r))
    }

    pub fn enclosures(&self) -> impl Iterator<Item = &Enclosure> {
        self.enclosure.values()
    }

    /// By how much `outer` surrounds `inner`, on every side and on two; nought where there is no rule.
    pub fn enclosure(&self, outer: Layer, inner: Layer) -> (i64, i64) {
        self.enclosure.values().find(|e| e.outer == outer && e.inner == inner).map_or((0, 0), |e| (e.all, e.two))
    }

    /// The next length on the grid.
    pub fn up(&self, nm: i64) -> i64 {
        nm.div_euclid(self.grid_nm) * self.grid_nm + if nm.rem_euclid(self.grid_nm) > 0 { self.grid_nm } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file may say wrongly is said back, and nothing is drawn by it.
    #[test]
    fn a_bad_rule_is_refused_by_what_it_says() {
        for (from, to, said) in [
            ("grid_nm = 5", "grid_nm = 0", "grid_nm is 0"),
            ("width = 170, space = 170 }", "width = 165, space = 170 }", "165"),
            ("all = 40, two = 60", "all = 41, two = 60", "41"),
            ("most_rows = 256", "most_rows = 1", "most_rows"),
            ("columns_between_taps = 64", "columns_between_taps = 0", "columns_between_taps"),
            ("end_cap_nm = 130", "end_cap_nm = -130", "-130"),
            ("end_cap_nm = 130", "end_cup_nm = 130", "end_cup_nm"),
            ("poly     =", "# poly =", "Poly"),
        ] {
            assert!(SKY130.contains(from), "{from}");
            let error = Process::parse("mine.toml", &SKY130.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with("mine.toml: ") && error.contains(said), "{error}");
        }
        assert!(Process::of_node("N2").unwrap_err().to_string().contains("N6"));
    }
}
