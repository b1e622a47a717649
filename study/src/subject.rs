//! The chip that comparisons and books speak of, compiled or planned from a shape: its rates, its size, the model it holds.

use crate::efficiency::{Efficiencies, Made, area_shares, eur_per_mtoken};
use crate::load::{self, Compiled, Rates, Request, users_in_flight};
use crate::model_shape::model_shape;
use crate::plan::{Plan, Planned, Process, Setting};
use crate::sources::die_area_mm2;
use crate::{Result, plan, price};
use hardwire_baseline::economics::silicon::RETICLE_MM2;
use hardwire_baseline::economics::{Assumptions, ChipOption};
use hardwire_baseline::gpu::ModelShape;
use hardwire_compiler::Options;
use hardwire_compiler::shape::Shape;
use hardwire_netlist::{Chip, Netlist, Structure, census};

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
    pub structure: &'a Structure,
    rates: Box<dyn Rates + 'a>,
}

/// Whether all that a chip remembers of a sequence can be taken back.
fn rewinds(netlist: &Netlist) -> bool {
    netlist.units().filter_map(|(_, u)| u.memory()).all(|memory| memory.rewinds)
}

impl<'a> Subject<'a> {
    /// Of a compiled chip.
    pub fn of(chip: &Chip) -> Subject<'_> {
        Subject::drawn(&chip.structure, Box::new(Compiled(chip)))
    }

    /// As its structure says; past the reticle it counts as equal dies.
    fn drawn(structure: &'a Structure, rates: Box<dyn Rates + 'a>) -> Subject<'a> {
        let (m, area_mm2) = (&structure.model, die_area_mm2(structure).value);
        Subject {
            name: m.name.clone(),
            node: structure.technology.node.clone(),
            model: model_shape(structure),
            positions: m.context,
            users: m.users,
            area_mm2,
            dies: (area_mm2 / RETICLE_MM2).ceil().max(1.0) as u32,
            kv_bits: f64::from(m.kv_bits),
            rewinds: rewinds(&structure.netlist),
            structure,
            rates,
        }
    }

    /// Whether it comes from a shape alone.
    pub fn planned(&self) -> bool {
        self.structure.is_planned()
    }

    /// Times and energies.
    pub fn rates(&self) -> &dyn Rates {
        &*self.rates
    }

    /// What its tokens are made on.
    pub fn made(&self) -> Made {
        Made { area_mm2: self.area_mm2, leakage_w: self.rates.leakage_w() }
    }

    /// What it gives for a joule, a square millimetre and a million tokens of `request`s, the price of which is known or not.
    pub fn efficiencies(&self, request: Request, eur_per_mtoken: Option<f64>) -> Efficiencies {
        let rates = self.rates();
        let queue = load::full_queue(rates, request, users_in_flight(rates, self.users));
        let area = area_shares(&self.structure.technology, &census::total(&self.structure.netlist));
        self.made().efficiencies(load::one_user(rates, request.context), &queue, eur_per_mtoken, area)
    }

    /// What the books need to know of it under a full queue of `request`s, as many users in flight as its cache holds.
    pub(crate) fn option(&self, request: Request) -> ChipOption {
        let (rates, dies) = (self.rates(), (self.area_mm2, self.dies));
        let users = users_in_flight(rates, self.users);
        let queue = load::full_queue(rates, request, users);
        let source = format!("timing and energy models of this chip at context {}, {users} user(s) in flight", request.context);
        price::chip_option(&format!("{} chip", self.name), &self.node, dies, &queue, rates.leakage_w(), source)
    }

    /// The books' price of a million output tokens; none where they cannot be drawn up.
    pub fn eur_per_mtoken(&self, request: Request, prices: &Assumptions) -> Option<f64> {
        let prices = prices.clone().at_node(&self.node).ok()?;
        let account = price::account_of(&prices, request, &self.option(request)).ok()?;
        Some(eur_per_mtoken(&prices, &account))
    }

    /// [`Subject::efficiencies`] as they are told unless asked otherwise.
    pub fn usual_efficiencies(&self) -> Efficiencies {
        let eur = Assumptions::defaults().ok().and_then(|prices| self.eur_per_mtoken(self.request(), &prices));
        self.efficiencies(self.request(), eur)
    }

    /// The requests that it is asked unless told otherwise.
    pub fn request(&self) -> Request {
        Request::within(self.positions)
    }
}

/// A planned chip with all that its rates need.
pub struct PlannedChip {
    pub plan: Plan,
    /// Everything that a compiled chip's folder would hold but weights.
    pub structure: Structure,
    process: Process,
    setting: Setting,
}

impl PlannedChip {
    /// Plans `shape` as [`plan::plan`] does, on as few dies as the reticle lets.
    ///
    /// # Errors
    /// An option out of range; dies past the reticle; a node without prices.
    pub fn new(shape: &Shape, options: &Options) -> Result<PlannedChip> {
        PlannedChip::on(shape, options, None, None)
    }

    /// The same on `dies` dies, cut so.
    pub fn on(shape: &Shape, options: &Options, cut: Option<plan::Cut>, dies: Option<u32>) -> Result<PlannedChip> {
        let plan = plan::plan(shape, options, cut, dies)?;
        let (context, users) = (plan.chip.plan.context, plan.chip.plan.users);
        let (cut, dies) = (plan.cut, plan.all_stations_busy.dies);
        let setting = Setting { dies, cut, context, users, extra_sram_bits: 0, extra_mm2: 0.0 };
        let process = Process::node(&plan.node)?;
        Ok(PlannedChip { structure: plan.chip.structure(process.technology.clone()), process, plan, setting })
    }

    pub fn subject(&self) -> Subject<'_> {
        let rates = Planned::new(&self.plan.chip, &self.process, &self.setting);
        Subject { dies: self.setting.dies, ..Subject::drawn(&self.structure, Box::new(rates)) }
    }
}
