//! The chip that comparisons and books speak of, compiled or planned from a shape: its rates, its size, the model it holds.

use crate::load::{Compiled, Rates, Request};
use crate::model_shape::{model_shape, shape_of_config};
use crate::plan::{Plan, Planned, Process, Setting};
use crate::sources::die_area_mm2;
use crate::{Result, plan};
use hardwire_baseline::economics::silicon::RETICLE_MM2;
use hardwire_baseline::gpu::{ModelShape, WeightFormat};
use hardwire_compiler::Options;
use hardwire_compiler::shape::Shape;
use hardwire_netlist::{Chip, Netlist, UnitKind};

/// A chip in the figures that others are held against.
pub struct Subject<'a> {
    pub name: String,
    pub node: String,
    /// The model as a GPU would run it, at the bits a weight that the chip holds it in.
    pub model: ModelShape,
    /// Positions that the cache holds for each user.
    pub positions: u32,
    /// Users whom the cache is built for.
    pub users: u32,
    /// All dies together.
    pub area_mm2: f64,
    pub dies: u32,
    /// Stored bits of a cached key or value element.
    pub kv_bits: f64,
    /// Whether positions can be taken back; a recurrent state cannot.
    pub rewinds: bool,
    /// Whether it comes from a shape alone.
    pub planned: bool,
    rates: Box<dyn Rates + 'a>,
}

/// Whether all that a chip remembers of a sequence can be taken back.
fn rewinds(netlist: &Netlist) -> bool {
    netlist.units().filter_map(|(_, u)| u.memory()).all(|memory| memory.rewinds)
}

impl Subject<'_> {
    /// Of a compiled chip; past the reticle it counts as equal dies.
    pub fn of(chip: &Chip) -> Subject<'_> {
        let area_mm2 = die_area_mm2(chip).value;
        Subject {
            name: chip.model().name.clone(),
            node: chip.structure.technology.node.clone(),
            model: model_shape(chip),
            positions: chip.model().context,
            users: chip.model().users,
            area_mm2,
            dies: (area_mm2 / RETICLE_MM2).ceil().max(1.0) as u32,
            kv_bits: f64::from(chip.model().kv_bits),
            rewinds: rewinds(chip.netlist()),
            planned: false,
            rates: Box::new(Compiled(chip)),
        }
    }

    /// Times and energies.
    pub fn rates(&self) -> &dyn Rates {
        &*self.rates
    }

    /// The requests that it is asked unless told otherwise.
    pub fn request(&self) -> Request {
        Request::within(self.positions)
    }
}

/// A planned chip with all that its rates need.
pub struct PlannedChip {
    plan: Plan,
    process: Process,
    setting: Setting,
}

impl PlannedChip {
    /// Plans `shape` as [`plan::plan`] does, on as few dies as the reticle lets.
    ///
    /// # Errors
    /// An option out of range; dies past the reticle; a node without prices.
    pub fn new(shape: &Shape, options: &Options) -> Result<PlannedChip> {
        let cut = plan::Cut::Pipeline;
        let plan = plan::plan(shape, options, cut, None)?;
        let (context, users) = (plan.chip.plan.context, plan.chip.plan.users);
        let dies = plan.all_stations_busy.dies;
        let setting = Setting { dies, cut, context, users, extra_sram_bits: 0, extra_mm2: 0.0 };
        Ok(PlannedChip { process: Process::node(&plan.node)?, plan, setting })
    }

    pub fn subject(&self) -> Subject<'_> {
        let chip = &self.plan.chip;
        let config = &chip.shape.config;
        let (mut bits, mut weights) = (0.0, 0.0);
        for (id, unit) in chip.netlist.units() {
            let copies = f64::from(chip.repeat(id).copies);
            for matrix in unit.matrices() {
                bits += copies * matrix.bits_per_weight() * matrix.weights() as f64;
                weights += copies * matrix.weights() as f64;
            }
        }
        let kv_bits = chip.netlist.units().find_map(|(_, u)| match &u.kind {
            UnitKind::Attention(a) => Some(f64::from(a.kv_bits)),
            _ => None,
        });
        Subject {
            name: chip.shape.name.clone(),
            node: self.plan.node.clone(),
            model: shape_of_config(&chip.shape.name, config).quantized(bits / weights, WeightFormat::Block, 16.0),
            positions: chip.plan.context,
            users: chip.plan.users,
            area_mm2: self.plan.all_stations_busy.area_mm2,
            dies: self.setting.dies,
            kv_bits: kv_bits.unwrap_or(16.0),
            rewinds: rewinds(&chip.netlist),
            planned: true,
            rates: Box::new(Planned::new(chip, &self.process, &self.setting)),
        }
    }
}
