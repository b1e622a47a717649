//! What a chip is made of: counted per unit from its parameters, summed, never estimated twice. One function counts one library module of
//! the Verilog, in the pieces of [`cells`]; `docs/calibration.md` holds every module against synthesis.

use crate::graph::{Netlist, UnitId};
use crate::unit::{Fabric, MatrixSpec, Play, UnitKind};
use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign};

mod attention;
pub mod cells;
mod ends;
mod experts;
mod feed;
mod metal;
mod norm;
mod stream;
mod tile;

/// Counts of hardware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Weights held.
    pub weights: u64,
    pub rom_bits: u64,
    pub sram_bits: u64,
    pub flops: u64,
    /// Of carry chains and carry-save rows.
    pub full_adders: u64,
    /// Bits of prefix adders.
    pub adder_bits: u64,
    /// Two-input multiplexer bits.
    pub mux2: u64,
    /// Other two-input gates.
    pub gates: u64,
}

impl AddAssign for Census {
    fn add_assign(&mut self, o: Census) {
        self.weights += o.weights;
        self.rom_bits += o.rom_bits;
        self.sram_bits += o.sram_bits;
        self.flops += o.flops;
        self.full_adders += o.full_adders;
        self.adder_bits += o.adder_bits;
        self.mux2 += o.mux2;
        self.gates += o.gates;
    }
}

impl Add for Census {
    type Output = Census;
    fn add(mut self, o: Census) -> Census {
        self += o;
        self
    }
}

impl std::iter::Sum for Census {
    fn sum<I: Iterator<Item = Census>>(iter: I) -> Census {
        iter.fold(Census::default(), Add::add)
    }
}

impl Census {
    /// 28 a full adder, 24 a flop (OpenTaalas); 6 an SRAM bit, 1 a ROM bit, 6 a multiplexer and 4 a gate in static CMOS; 40 a bit of a prefix
    /// adder: two exclusive ors and two or three prefix cells.
    pub fn transistors(&self) -> u64 {
        let adders = 28 * self.full_adders + 40 * self.adder_bits;
        self.rom_bits + 6 * self.sram_bits + 24 * self.flops + adders + 6 * self.mux2 + 4 * self.gates
    }

    /// `n` of the same.
    pub fn times(self, n: u64) -> Census {
        Census {
            weights: self.weights * n,
            rom_bits: self.rom_bits * n,
            sram_bits: self.sram_bits * n,
            flops: self.flops * n,
            full_adders: self.full_adders * n,
            adder_bits: self.adder_bits * n,
            mux2: self.mux2 * n,
            gates: self.gates * n,
        }
    }
}

/// A library module of a unit, and how many there are of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    pub name: &'static str,
    pub count: u64,
    /// Of one.
    pub census: Census,
}

impl Module {
    fn new(name: &'static str, census: Census) -> Module {
        Module { name, count: 1, census }
    }
}

/// Counts of one unit.
pub fn unit(netlist: &Netlist, id: UnitId) -> Census {
    modules(netlist, id).iter().map(|m| m.census.times(m.count)).sum()
}

/// The modules a unit is emitted as, with the counts of each.
pub fn modules(netlist: &Netlist, id: UnitId) -> Vec<Module> {
    let u = netlist.unit(id);
    let (v, out) = (u64::from(netlist.lanes), u64::from(u.out.bits));
    let tables = &netlist.tables;
    match &u.kind {
        UnitKind::Embed(s) => ends::embed(s, netlist, out),
        UnitKind::RmsNorm(s) => norm::modules(s, tables, netlist.lanes, out),
        UnitKind::RowFeed(s) if s.play == Play::Bits => vec![Module::new("hw_bit_feed", feed::bits_out(s, v))],
        UnitKind::RowFeed(s) => vec![Module::new("hw_row_feed", feed::rows(s, v, netlist.group_sums(id)))],
        UnitKind::Mvm(s) => match s.fabric {
            Fabric::Tile(t) => tile::modules(s, t, out),
            Fabric::Metal(t) => metal::modules(s, t, out),
        },
        UnitKind::Rope(s) => vec![Module::new("hw_rope", stream::rope(s, v, out))],
        UnitKind::Attention(s) => attention::modules(s, tables, v, out),
        UnitKind::GatedAct(s) => vec![stream::gated_act(s, tables, v, out)],
        UnitKind::Add => {
            let holds = netlist.station_units(u.station).last() == Some(&id);
            vec![Module::new("hw_add", stream::add(u64::from(u.out_len), v, out, holds))]
        }
        UnitKind::Argmax => {
            let from = netlist.inputs(id).first().map(|&p| netlist.unit(p));
            let (len, bits) = from.map_or((1, 32), |u| (u.out_len, u64::from(u.out.bits)));
            vec![Module::new("hw_argmax", ends::argmax(len, bits, v)), Module::new("hw_topk", ends::top_k(len, bits, v))]
        }
        UnitKind::Route(s) => vec![Module::new("hw_route", experts::route(s, tables, v))],
        UnitKind::Mix(s) => vec![Module::new("hw_mix", experts::mix(s, v, out))],
    }
}

/// All of a netlist.
pub fn total(netlist: &Netlist) -> Census {
    netlist.units().map(|(id, _)| unit(netlist, id)).sum()
}

fn matrix_rom(m: &MatrixSpec) -> Census {
    let per_group = u64::from(m.scale_bits) + u64::from(m.offset_bits);
    let scales = u64::from(m.outputs) * u64::from(m.groups()) * per_group;
    Census { weights: m.weights(), rom_bits: m.weights() * u64::from(m.code_bits) + scales + output_rom(m), ..Census::default() }
}

/// Shift and bias of every output.
fn output_rom(m: &MatrixSpec) -> u64 {
    u64::from(m.outputs) * (8 + if m.bias { 32 } else { 0 })
}
