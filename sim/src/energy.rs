//! Energy of a token, from counted events.
//!
//! Every unit's events follow from its shape and the position, as its cycles do: bits read from ROM and SRAM, flops clocked, full
//! adders and multiplexers that switch, bits moved over millimetres. Each has one cost in the chip's [`Technology`]. Idle units are
//! clock-gated: they leak but do not switch.

use hardwire_netlist::activity::events::TOGGLE;
use hardwire_netlist::unit::{Activation, AttentionSpec, Fabric, Fixed, GatedActSpec, MatrixSpec, MixSpec, MvmSpec, RouteSpec};
use hardwire_netlist::{Activity, Census, Chip, Netlist, Technology, TileShape, UnitId, UnitKind, census};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Picojoules by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Split {
    pub rom_pj: f64,
    pub sram_pj: f64,
    pub flops_pj: f64,
    pub arithmetic_pj: f64,
    pub wires_pj: f64,
}

impl Split {
    pub fn total_pj(&self) -> f64 {
        self.rom_pj + self.sram_pj + self.flops_pj + self.arithmetic_pj + self.wires_pj
    }
}

impl AddAssign for Split {
    fn add_assign(&mut self, o: Split) {
        self.rom_pj += o.rom_pj;
        self.sram_pj += o.sram_pj;
        self.flops_pj += o.flops_pj;
        self.arithmetic_pj += o.arithmetic_pj;
        self.wires_pj += o.wires_pj;
    }
}

/// Energy of one token at one position.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenEnergy {
    /// Switching energy by cause.
    pub split: Split,
    /// Switching energy by kind of unit, pJ.
    pub by_kind_pj: BTreeMap<&'static str, f64>,
    /// Static power of the whole die, W: what a token costs beyond switching is this times the time it takes.
    pub leakage_w: f64,
    pub events: Activity,
}

impl TokenEnergy {
    /// Joules of a token that keeps the die for `seconds`.
    pub fn joules(&self, seconds: f64) -> f64 {
        self.split.total_pj() * 1e-12 + self.leakage_w * seconds
    }
}

/// Length of an average metal-embedding net: HNLPU's 7.8 fF at 0.2 pF a millimetre.
const METAL_NET_MM: f64 = 0.039;

/// Energy of the token at `position` of a sequence.
pub fn token(chip: &Chip, position: u32) -> TokenEnergy {
    let (netlist, technology) = (chip.netlist(), &chip.structure.technology);
    let mut out = TokenEnergy {
        split: Split::default(),
        by_kind_pj: BTreeMap::new(),
        leakage_w: technology.leakage_w(&census::total(netlist)),
        events: Activity::default(),
    };
    for (id, unit) in netlist.units() {
        let events = unit_events(netlist, technology, id, position);
        let split = cost(technology, &events);
        *out.by_kind_pj.entry(unit.kind.name()).or_default() += split.total_pj();
        out.split += split;
        out.events += events;
    }
    out
}

/// Picojoules of counted events.
pub fn cost(t: &Technology, e: &Activity) -> Split {
    let c = &t.energy;
    Split {
        rom_pj: e.rom_bits_read * c.rom_bit_read_pj.value,
        sram_pj: e.sram_bits_read * c.sram_bit_read_pj.value + e.sram_bits_written * c.sram_bit_write_pj.value,
        flops_pj: e.flop_cycles * c.flop_cycle_pj.value,
        arithmetic_pj: e.full_adder_ops * c.full_adder_pj.value + e.mux2_ops * c.mux2_pj.value,
        wires_pj: e.wire_bit_mm * c.wire_bit_mm_pj.value,
    }
}

/// Activity of one unit for the token at `position`.
pub fn unit_events(netlist: &Netlist, technology: &Technology, id: UnitId, position: u32) -> Activity {
    let unit = netlist.unit(id);
    let (n, bits) = (f64::from(unit.out_len), f64::from(unit.out.bits));
    let side_mm = (technology.area_um2(&census::unit(netlist, id))).sqrt() * 1e-3;
    // Every unit hands its output over about its own width.
    let mut e = Activity { wire_bit_mm: n * bits * side_mm * TOGGLE, ..Activity::default() };
    e += match &unit.kind {
        UnitKind::Embed(s) => {
            let mut e = embed(&s.matrix, bits);
            if let Some(p) = &s.positions {
                e += embed(p, bits);
            }
            e
        }
        UnitKind::RmsNorm(s) => {
            let b = f64::from(s.input.bits);
            let mut e = s.centre.as_ref().map_or(Activity::default(), |c| {
                let bias = if c.bias.is_some() { 32.0 } else { 0.0 };
                Activity {
                    sram_bits_read: n * b,
                    sram_bits_written: n * b,
                    rom_bits_read: n * bias,
                    full_adder_ops: n * (2.0 * b + 17.0 + bias),
                    flop_cycles: n * 2.0 * b,
                    ..Activity::default()
                }
            });
            e += Activity {
                sram_bits_read: n * b,
                sram_bits_written: n * b,
                rom_bits_read: n * 20.0,
                full_adder_ops: n * (b * b + b * 18.0 + 32.0 * 20.0 + 2.0 * 80.0),
                flop_cycles: n * 4.0 * (b + 40.0),
                ..Activity::default()
            };
            e
        }
        UnitKind::RowFeed(s) => {
            let (b, a) = (f64::from(s.input.bits), f64::from(s.act_bits));
            Activity {
                sram_bits_read: n * b,
                sram_bits_written: n * b,
                full_adder_ops: n * (b + a),
                mux2_ops: n * b * 5.0,
                flop_cycles: n * 2.0 * (b + a),
                ..Activity::default()
            }
        }
        UnitKind::Mvm(s) => match s.fabric {
            Fabric::Tile(t) => tiles(s, t, technology, netlist, id),
            Fabric::Metal(_) => metal(s, &census::unit(netlist, id)),
        },
        UnitKind::Rope(s) => Activity::product(2.0, f64::from(s.input.bits), 16.0).times(n),
        UnitKind::Attention(s) => attention(s, f64::from(position) + 1.0),
        UnitKind::GatedAct(s) => gated_act(s, n),
        UnitKind::Route(s) => route(s),
        UnitKind::Mix(s) => mix(s, n),
        UnitKind::Add => Activity {
            sram_bits_read: n * bits,
            sram_bits_written: n * bits,
            full_adder_ops: n * bits,
            flop_cycles: n * bits,
            ..Activity::default()
        },
        UnitKind::Argmax => {
            let logits = netlist.inputs(id).first().map_or(Fixed::new(32, 0), |&i| netlist.unit(i).out);
            let len = netlist.inputs(id).first().map_or(0, |&i| netlist.unit(i).out_len);
            Activity { full_adder_ops: f64::from(len) * f64::from(logits.bits), ..Activity::default() }
        }
    };
    e.times(netlist.duty(id))
}

fn gated_act(s: &GatedActSpec, n: f64) -> Activity {
    let gate = f64::from(s.gate.bits);
    let mut e = Activity::product(1.0, gate, if s.activation == Activation::Relu2 { gate } else { 21.0 }).times(n);
    if let Some(up) = s.up {
        e += Activity::product(1.0, gate, f64::from(up.bits)).times(n);
    }
    e
}

/// Every round compares all logits; then an exponential and a product for each share.
fn route(s: &RouteSpec) -> Activity {
    let (e, k, bits) = (f64::from(s.experts), f64::from(s.active), f64::from(s.logits.bits));
    let shares = if s.of_all { e + k } else { k };
    let mut events = Activity::product(1.0, bits, 16.0).times(shares);
    events += Activity::product(1.0, 21.0, 17.0).times(k);
    events +=
        Activity { full_adder_ops: k * e * bits, mux2_ops: k * e * bits, flop_cycles: e * (bits + k * bits / 2.0), ..Activity::default() };
    events
}

fn mix(s: &MixSpec, n: f64) -> Activity {
    let mut e = Activity::product(f64::from(s.active), f64::from(s.input.bits), 18.0).times(n);
    e.mux2_ops += n * f64::from(s.active) * f64::from(s.input.bits);
    e
}

fn embed(m: &MatrixSpec, out_bits: f64) -> Activity {
    let n = f64::from(m.inputs);
    let scales = f64::from(m.groups()) * (f64::from(m.scale_bits) + f64::from(m.offset_bits));
    let mut e = Activity::product(1.0, f64::from(m.scale_bits), f64::from(m.code_bits) + 1.0).times(n);
    e.rom_bits_read = n * f64::from(m.code_bits) + scales;
    e.flop_cycles += n * out_bits;
    e
}

/// Every code is read once; every column adds once a row played.
fn tiles(s: &MvmSpec, t: TileShape, technology: &Technology, netlist: &Netlist, id: UnitId) -> Activity {
    let m = &s.matrix;
    let group = m.group.min(t.rows);
    let played = f64::from(m.inputs.min(t.rows).div_ceil(group) * group);
    let k_tiles = f64::from(t.k_tiles(m.inputs));
    let n_tiles = f64::from(t.n_tiles(m.outputs));
    let n = f64::from(m.outputs);
    let (acc, tot, act) = (f64::from(s.column_bits()), f64::from(s.tot_bits), f64::from(s.act_bits));
    let (scale, offset) = (f64::from(m.scale_bits), f64::from(m.offset_bits));
    // What a column selects from, and in how many levels: magnitudes of a folded codebook or of two digits, whose sign then inverts.
    let (values, digits) = (m.bank(), m.digits().is_some());
    let (signed, picks) = (digits || m.fold().is_some(), if digits { 2.0 } else { 1.0 });
    let value_bits = f64::from(33 - values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0).leading_zeros());
    let product = act + value_bits;
    let adds = n * played * k_tiles;
    let captures = n * k_tiles * played / f64::from(group);
    let bank = values.len() as f64;
    let levels = bank.log2() + if signed { 1.0 } else { 0.0 };
    let tile_mm = (technology.area_um2(&census::unit(netlist, id)) / (k_tiles * n_tiles)).sqrt() * 1e-3;
    Activity {
        rom_bits_read: m.weights() as f64 * f64::from(m.code_bits)
            + n * f64::from(m.groups()) * (scale + offset)
            + n * (8.0 + if m.bias { 32.0 } else { 0.0 }),
        sram_bits_read: captures * tot,
        sram_bits_written: captures * tot,
        flop_cycles: adds * (acc + picks * product) + captures * acc + played * k_tiles * n_tiles * product * bank,
        full_adder_ops: adds * (acc + (picks - 1.0) * product)
            + captures * (acc * scale + acc * offset + tot * if m.offset_bits > 0 { 2.0 } else { 1.0 })
            + played * k_tiles * n_tiles * product * (bank / 4.0).min(8.0)
            + n * (k_tiles - 1.0) * tot,
        mux2_ops: adds * picks * product * levels + captures * acc * 5.0 + n * tot * 6.0,
        wire_bit_mm: played * k_tiles * n_tiles * bank * product * tile_mm * TOGGLE,
    }
}

/// Every bit of the activations passes every weight's adder; half of them are ones.
fn metal(s: &MvmSpec, c: &Census) -> Activity {
    let bits = f64::from(s.act_bits);
    Activity {
        rom_bits_read: c.rom_bits as f64,
        full_adder_ops: (c.full_adders + c.adder_bits) as f64 * bits * TOGGLE,
        mux2_ops: c.mux2 as f64,
        flop_cycles: c.flops as f64 * bits,
        wire_bit_mm: c.weights as f64 * bits * TOGGLE * METAL_NET_MM,
        ..Activity::default()
    }
}

/// `cached` positions: all keys and all values are read once, by every query head of their group at once.
fn attention(s: &AttentionSpec, cached: f64) -> Activity {
    let cached = s.window.map_or(cached, |w| cached.min(f64::from(w)));
    let (a, b, d) = (f64::from(s.act_bits), f64::from(s.kv_bits), f64::from(s.head_dim));
    let (heads, kv) = (f64::from(s.heads), f64::from(s.kv_heads));
    let vector = d * b + 5.0;
    let scored = heads * cached;
    Activity {
        sram_bits_read: 2.0 * kv * cached * vector + scored * 32.0,
        sram_bits_written: 2.0 * kv * vector + scored * 32.0,
        full_adder_ops: scored * d * (a * b + a + b) + scored * (48.0 * 16.0 + 21.0 * 9.0) + scored * d * (21.0 * b + 60.0),
        mux2_ops: scored * d * (21.0 + b) * 5.0,
        flop_cycles: scored * d * (a + b + 60.0) + heads * d * 120.0,
        ..Activity::default()
    }
}
