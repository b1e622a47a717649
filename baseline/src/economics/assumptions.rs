//! The inputs of the books: each a value with a low, a high and a source, all in one table a user can override.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{EconomicsError, within};
use crate::gpu::toml_detail;

const BUNDLED: &str = include_str!("../../data/economics.toml");
const BUNDLED_NAME: &str = "economics.toml";
/// The node whose silicon costs hold until [`Assumptions::at_node`] says otherwise: HC1's.
const DEFAULT_NODE: &str = "N6";

macro_rules! inputs {
    ($($variant:ident = $name:literal, $low:expr, $high:expr;)*) => {
        /// One input of the books, named by what it is and its unit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Input { $(#[doc = $name] $variant,)* }

        impl Input {
            /// Every input.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The input's name in files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The range that has a meaning.
            fn limits(self) -> (f64, f64) {
                match self { $(Self::$variant => ($low, $high),)* }
            }
        }
    };
}

const ABOVE_ZERO: f64 = f64::MIN_POSITIVE;
const ANY: f64 = f64::MAX;

inputs! {
    SiteMw = "site_mw", ABOVE_ZERO, ANY;
    Pue = "pue", 1.0, 10.0;
    ElectricityUsdPerKwh = "electricity_usd_per_kwh", 0.0, ANY;
    GridGPerKwh = "grid_g_per_kwh", 0.0, ANY;
    Utilisation = "utilisation", ABOVE_ZERO, 1.0;
    LifetimeYears = "lifetime_years", ABOVE_ZERO, 100.0;
    DiscountRate = "discount_rate", 0.0, 1.0;
    BuildingUsdPerW = "building_usd_per_w", 0.0, ANY;
    BuildingYears = "building_years", ABOVE_ZERO, 100.0;
    PackageUsd = "package_usd", 0.0, ANY;
    CardUsd = "card_usd", 0.0, ANY;
    ChipGrossMargin = "chip_gross_margin", 0.0, 0.99;
    ChipHostUsd = "chip_host_usd", 0.0, ANY;
    ChipHostW = "chip_host_w", 0.0, ANY;
    ChipPowerFactor = "chip_power_factor", ABOVE_ZERO, ANY;
    ChipSpeedFactor = "chip_speed_factor", ABOVE_ZERO, ANY;
    ChipCardEmbodiedKg = "chip_card_embodied_kg", 0.0, ANY;
    WaferKgPerCm2 = "wafer_kg_per_cm2", 0.0, ANY;
    DesignNreUsd = "design_nre_usd", 0.0, ANY;
    RespinEngineeringUsd = "respin_engineering_usd", 0.0, ANY;
    RespinWeeks = "respin_weeks", 0.0, ANY;
    ModelChangesPerYear = "model_changes_per_year", 0.0, 52.0;
    GpuPricePosition = "gpu_price_position", 0.0, 1.0;
    GpuHostUsd = "gpu_host_usd", 0.0, ANY;
    GpuHostW = "gpu_host_w", 0.0, ANY;
    GpuPowerFactor = "gpu_power_factor", ABOVE_ZERO, ANY;
    GpuSpeedFactor = "gpu_speed_factor", ABOVE_ZERO, ANY;
    GpuEmbodiedKg = "gpu_embodied_kg", 0.0, ANY;
    WaferMm = "wafer_mm", ABOVE_ZERO, 450.0;
    WaferUsd = "wafer_usd", ABOVE_ZERO, ANY;
    DefectsPerCm2 = "defects_per_cm2", 0.0, ANY;
    MaskSetUsd = "mask_set_usd", 0.0, ANY;
    RespinMasksUsd = "respin_masks_usd", 0.0, ANY;
    UsdPerEur = "usd_per_eur", ABOVE_ZERO, ANY;
    RackKw = "rack_kw", ABOVE_ZERO, ANY;
}

/// An input's value, its range and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assumption {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub unit: String,
    pub source: String,
}

/// All inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assumptions {
    pub inputs: BTreeMap<Input, Assumption>,
    /// Node whose silicon costs stand in `inputs`.
    pub node: String,
    /// Preset applied, if any.
    pub preset: Option<String>,
    /// Inputs a user's file set; no node or preset overwrites them.
    pub set_by_user: BTreeSet<Input>,
    #[serde(skip)]
    nodes: BTreeMap<String, BTreeMap<Input, Assumption>>,
    #[serde(skip)]
    presets: BTreeMap<String, BTreeMap<Input, Assumption>>,
}

#[derive(Deserialize)]
struct Tables {
    inputs: BTreeMap<Input, Assumption>,
    nodes: BTreeMap<String, BTreeMap<Input, Assumption>>,
    presets: BTreeMap<String, BTreeMap<Input, Assumption>>,
}

impl Assumptions {
    /// The cited defaults: US electricity, N6 silicon.
    pub fn defaults() -> Result<Self, EconomicsError> {
        let tables: Tables = toml::from_str(BUNDLED).map_err(|error| EconomicsError::File {
            file: BUNDLED_NAME.into(),
            detail: error.to_string(),
            hint: "restore the bundled table",
        })?;
        let mut assumptions = Self {
            inputs: tables.inputs,
            node: String::new(),
            preset: None,
            set_by_user: BTreeSet::new(),
            nodes: tables.nodes,
            presets: tables.presets,
        };
        assumptions = assumptions.at_node(DEFAULT_NODE)?;
        for input in Input::ALL {
            if !assumptions.inputs.contains_key(input) {
                return Err(unknown(BUNDLED_NAME, "missing input", input.name(), ""));
            }
        }
        assumptions.check()?;
        Ok(assumptions)
    }

    /// The defaults with a country's electricity: `us`, `france`, `germany` or `italy`.
    pub fn preset(name: &str) -> Result<Self, EconomicsError> {
        Self::defaults()?.with_preset(name)
    }

    /// The same with a country's electricity, but for what the user set.
    pub fn with_preset(mut self, name: &str) -> Result<Self, EconomicsError> {
        let key = name.trim().to_lowercase();
        let Some(changes) = self.presets.get(&key).cloned() else {
            return Err(unknown(BUNDLED_NAME, "preset", name, &keys(&self.presets)));
        };
        self.inputs.extend(changes.into_iter().filter(|(input, _)| !self.set_by_user.contains(input)));
        self.preset = Some(key);
        Ok(self)
    }

    /// Nodes that have prices.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// The same with wafers, defects and masks of a node, but for what the user set.
    pub fn at_node(mut self, node: &str) -> Result<Self, EconomicsError> {
        let Some(costs) = self.nodes.get(node).cloned() else {
            return Err(unknown(BUNDLED_NAME, "node", node, &keys(&self.nodes)));
        };
        self.inputs.extend(costs.into_iter().filter(|(input, _)| !self.set_by_user.contains(input)));
        self.node = node.into();
        Ok(self)
    }

    /// The defaults with a user's TOML over them: optional `preset` and `node`, then any input as a number or a table.
    pub fn from_toml(path: &Path) -> Result<Self, EconomicsError> {
        let file = path.display().to_string();
        let text = hardwire_input::text(path, crate::MOST_TABLE).map_err(|error| EconomicsError::File {
            file: file.clone(),
            detail: error.to_string(),
            hint: "give a readable TOML file",
        })?;
        Self::parse(&text, &file)
    }

    /// As [`Self::from_toml`], from text; `file` is only named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, EconomicsError> {
        let malformed = |detail: String| EconomicsError::File {
            file: file.into(),
            detail,
            hint: "an input is `name = number` or a table of value, low, high, unit, source",
        };
        let mut table: toml::Table = toml::from_str(text).map_err(|error| malformed(toml_detail(text, &error)))?;
        let mut assumptions = Self::defaults()?;
        let mut word = |key: &str| match table.remove(key) {
            None => Ok(None),
            Some(toml::Value::String(word)) => Ok(Some(word)),
            Some(other) => Err(malformed(format!("`{key}` is {other}, expected a name in quotes"))),
        };
        if let Some(preset) = word("preset")? {
            assumptions = assumptions.with_preset(&preset)?;
        }
        if let Some(node) = word("node")? {
            assumptions = assumptions.at_node(&node)?;
        }
        for (name, value) in table {
            let Some(input) = Input::ALL.iter().find(|input| input.name() == name) else {
                let known = Input::ALL.iter().map(|input| input.name()).collect::<Vec<_>>().join(", ");
                return Err(unknown(file, "input", &name, &known));
            };
            let changed = overridden(assumptions.get(*input), &value, file).ok_or_else(|| malformed(format!("`{name}` is {value}")))?;
            assumptions.inputs.insert(*input, changed);
            assumptions.set_by_user.insert(*input);
        }
        assumptions.check()?;
        Ok(assumptions)
    }

    /// An input's assumption.
    pub fn get(&self, input: Input) -> &Assumption {
        // `defaults` refuses a table that lacks an input, and nothing removes one.
        &self.inputs[&input]
    }

    /// An input's value.
    pub fn value(&self, input: Input) -> f64 {
        self.get(input).value
    }

    /// The same with one input at another value.
    pub fn with(&self, input: Input, value: f64) -> Result<Self, EconomicsError> {
        let mut changed = self.clone();
        if let Some(assumption) = changed.inputs.get_mut(&input) {
            assumption.value = value;
        }
        changed.check()?;
        Ok(changed)
    }

    /// The same with one input set by whoever asks, exactly; `by` says how, such as the option's name.
    ///
    /// # Errors
    /// A value that means nothing.
    pub fn set(mut self, input: Input, value: f64, by: &str) -> Result<Self, EconomicsError> {
        let unit = self.get(input).unit.clone();
        self.inputs.insert(input, given(value, unit, by));
        self.set_by_user.insert(input);
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), EconomicsError> {
        for (input, assumption) in &self.inputs {
            let (low, high) = input.limits();
            for (part, value) in [("value", assumption.value), ("low", assumption.low), ("high", assumption.high)] {
                let field = if part == "value" { input.name().to_owned() } else { format!("{}.{part}", input.name()) };
                within("economics", &field, value, low, high)?;
            }
        }
        Ok(())
    }
}

/// A value without a range, as somebody gave it.
fn given(value: f64, unit: String, by: &str) -> Assumption {
    Assumption { value, low: value, high: value, unit, source: format!("set in {by}") }
}

/// An assumption with a user's number or table over it.
fn overridden(old: &Assumption, value: &toml::Value, file: &str) -> Option<Assumption> {
    let number = |value: &toml::Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
    if let Some(value) = number(value) {
        return Some(given(value, old.unit.clone(), file));
    }
    let table = value.as_table()?;
    let known = ["value", "low", "high", "unit", "source"];
    if table.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let part = |key: &str| table.get(key).map(number);
    let word = |key: &str| table.get(key).map(|value| value.as_str().map(str::to_owned));
    let value = part("value").map_or(Some(old.value), |given| given)?;
    Some(Assumption {
        value,
        low: part("low").map_or(Some(old.low.min(value)), |given| given)?,
        high: part("high").map_or(Some(old.high.max(value)), |given| given)?,
        unit: word("unit").map_or(Some(old.unit.clone()), |given| given)?,
        source: word("source").map_or(Some(format!("set in {file}")), |given| given)?,
    })
}

fn unknown(file: &str, what: &'static str, name: &str, known: &str) -> EconomicsError {
    EconomicsError::Unknown { file: file.into(), what, name: name.into(), known: known.into() }
}

fn keys<T>(map: &BTreeMap<String, T>) -> String {
    map.keys().cloned().collect::<Vec<_>>().join(", ")
}
