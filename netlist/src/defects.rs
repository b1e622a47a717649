//! Manufacturing defects in ROM: a via that is missing, or one too many, is a stored bit that is not what it was meant to be. A chip with defects
//! is a chip with another program, so simulators and ROM images read the same wrong bits, and what is computed with them stays
//! defined.
//!
//! A word line or a bit line that is stuck makes a whole row or column of a ROM of codes read 0.
//!
//! Places are drawn from a seed, each stored bit of the places asked for with the same chance ([`Silicon`](crate::silicon) says which bits stand for a
//! code). Two kinds of draw are left out, and counted: a mantissa's one pattern that the number system does not have, and bits whose
//! sums would leave the widths proven for the sound codes, where silicon would wrap and the simulators do not.

use crate::chip::{Chip, ChipWriter, HostTexts};
use crate::error::Error;
use crate::graph::UnitId;
use crate::program::{MatrixData, ProgramId, Record, pack_row, unpack};
use crate::silicon::{Silicon, TileIndex};
use crate::unit::{MatrixSpec, Stored, UnitKind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A kind of place in ROM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Codes of the embedding,
    Embedding,
    /// of matrices before and behind attention, or a recurrence,
    Attention,
    /// of the other matrices of a layer,
    Mlp,
    /// and of the head.
    Head,
    /// Gains and biases of norms, and what else units keep beside matrices.
    Norms,
    /// Scales, offsets and shifts of all matrices.
    Scales,
}

impl Place {
    pub const ALL: [Place; 6] = [Place::Embedding, Place::Attention, Place::Mlp, Place::Head, Place::Norms, Place::Scales];

    pub fn name(self) -> &'static str {
        match self {
            Place::Embedding => "embedding",
            Place::Attention => "attention",
            Place::Mlp => "mlp",
            Place::Head => "head",
            Place::Norms => "norms",
            Place::Scales => "scales",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(s: &str) -> Result<Place, String> {
        let names: Vec<&str> = Place::ALL.map(Place::name).to_vec();
        Place::ALL.into_iter().find(|p| p.name() == s).ok_or_else(|| format!("{s}, expected {}", names.join(", ")))
    }
}

/// What is wrong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// A stored bit, whatever it was.
    #[default]
    Bit,
    /// A word of a ROM of codes reads 0.
    Row,
    /// A bit of all words of a ROM of codes reads 0.
    Column,
}

impl FromStr for Extent {
    type Err = String;

    fn from_str(s: &str) -> Result<Extent, String> {
        match s {
            "bit" => Ok(Extent::Bit),
            "row" => Ok(Extent::Row),
            "column" => Ok(Extent::Column),
            _ => Err(format!("{s}, expected bit, row or column")),
        }
    }
}

/// What to inflict.
#[derive(Clone, Debug, PartialEq)]
pub struct Defects {
    /// Share of the stored bits of `places` that are wrong, or of the rows or columns of their codes, 0 to 1.
    pub density: f64,
    pub extent: Extent,
    /// The same seed gives the same defects.
    pub seed: u64,
    pub places: Vec<Place>,
}

/// What was inflicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inflicted {
    /// Stored bits of the places; of codes alone where rows or columns are wrong.
    pub bits: u64,
    /// Of them, wrong.
    pub wrong: u64,
    /// Drawn and left as they were.
    pub left_out: u64,
}

/// Writes `chip` with defects as the chip folder `target`.
///
/// # Errors
/// As [`ChipWriter::create`].
pub fn inflict(chip: &Chip, defects: &Defects, target: &Path) -> Result<(Chip, Inflicted), Error> {
    let mut work = Work { defects, draw: Draw::new(defects.seed, defects.density), done: Inflicted::default() };
    let owners: BTreeMap<ProgramId, UnitId> = chip.netlist().units().flat_map(|(id, u)| programs(u).map(move |p| (p, id))).collect();
    let mut writer = ChipWriter::create(target)?;
    for (i, record) in chip.programs.records().iter().enumerate() {
        let program = ProgramId(i as u32);
        match (record, owners.get(&program)) {
            (Record::Matrix { name, .. }, Some(&id)) => {
                let all = Silicon::of(chip, id);
                let silicon = all.iter().find(|s| s.matrix.program == program).expect("its unit holds it");
                work.matrix(chip, id, name, silicon, &mut writer)?;
                chip.programs.release(program);
            }
            (Record::Gain { name, .. }, Some(&id)) => {
                let most = chip.netlist().unit(id).stored().iter().find_map(|s| match s {
                    Stored::Values { program: p, most, .. } if *p == program => Some(*most),
                    _ => None,
                });
                let mut values = chip.programs.gain(program).to_vec();
                if work.asked(Place::Norms) && defects.extent == Extent::Bit {
                    let wide = 65 - most.unwrap_or(i64::from(i32::MAX)).unsigned_abs().leading_zeros();
                    work.fields(&mut values, wide);
                }
                writer.programs().gain(name, &values)?;
            }
            (record, None) => {
                let name = match record {
                    Record::Matrix { name, .. } | Record::Gain { name, .. } => name,
                };
                return Err(Error::Structure { unit: name.clone(), what: "program: no unit's, expected one".into() });
            }
        }
    }
    let texts = HostTexts { tokenizer: chip.tokenizer_json()?, chat_template: chip.chat_template_json()? };
    Ok((writer.finish(chip.structure.clone(), &texts)?, work.done))
}

fn programs(u: &crate::unit::Unit) -> impl Iterator<Item = ProgramId> {
    u.stored().into_iter().map(|s| match s {
        Stored::Matrix { matrix, .. } => matrix.program,
        Stored::Values { program, .. } => program,
    })
}

struct Work<'a> {
    defects: &'a Defects,
    draw: Draw,
    done: Inflicted,
}

impl Work<'_> {
    fn asked(&self, place: Place) -> bool {
        self.defects.places.contains(&place)
    }

    /// Two's complement fields of `wide` bits each.
    fn fields(&mut self, values: &mut [i32], wide: u32) {
        for value in values {
            let sound = *value;
            let mut wrong = 0;
            for bit in self.draw.of(wide) {
                *value ^= 1 << bit;
                wrong += 1;
            }
            // Sign extension, and the pattern that stands for nothing.
            let extended = (i64::from(*value) << (64 - wide)) >> (64 - wide);
            *value = extended as i32;
            self.count(u64::from(wide), wrong, extended != -(1i64 << (wide - 1)), value, sound);
        }
    }

    /// Stuck rows or columns, where they cross an output's codes.
    fn lines(&mut self, silicon: &Silicon<'_>, n: u32, row: &mut [u8]) {
        let bits = u32::from(silicon.matrix.code_bits);
        let stuck = |tile: TileIndex, line: u64| {
            let place = [silicon.matrix.program.0, tile.0, tile.1].iter().fold(line, |h, &p| mixed(h ^ u64::from(p)));
            uniform(mixed(place ^ self.defects.seed)) < self.defects.density
        };
        let mut done = Inflicted::default();
        for (k, code) in (0..).zip(row) {
            let (tile, line, bit) = silicon.place(n, k);
            let sound = silicon.stored(*code);
            let reads = match self.defects.extent {
                Extent::Row if stuck(tile, line) => 0,
                Extent::Column => (0..bits).filter(|b| !stuck(tile, u64::from(bit + b))).fold(0, |all, b| all | sound & 1 << b),
                Extent::Row | Extent::Bit => sound,
            };
            let wrong = u64::from((sound ^ reads).count_ones());
            match silicon.code_of(reads) {
                Some(other) => (*code, done.wrong) = (other, done.wrong + wrong),
                None => done.left_out += wrong,
            }
            done.bits += u64::from(bits);
        }
        self.done.bits += done.bits;
        self.done.wrong += done.wrong;
        self.done.left_out += done.left_out;
    }

    fn count<T: Clone>(&mut self, bits: u64, wrong: u64, stands: bool, value: &mut T, sound: T) {
        self.done.bits += bits;
        if stands {
            self.done.wrong += wrong;
        } else {
            *value = sound;
            self.done.left_out += wrong;
        }
    }

    fn matrix(&mut self, chip: &Chip, id: UnitId, name: &str, silicon: &Silicon<'_>, writer: &mut ChipWriter) -> Result<(), Error> {
        let (m, view) = (silicon.matrix, silicon.program());
        let (codes_asked, single) = (self.asked(place_of(chip, id)), self.defects.extent == Extent::Bit);
        let scales_asked = self.asked(Place::Scales) && single;
        let groups = view.groups as usize;
        let (mut scales, mut shifts) = (view.scales.to_vec(), view.shifts.to_vec());
        let mut offsets = view.offsets.map(|o| o.to_vec()).unwrap_or_default();
        let mut packed = view.codes.to_vec();
        let mut row = vec![0u8; m.inputs as usize];
        for n in 0..m.outputs as usize {
            let before = self.done;
            let bytes = &mut packed[n * view.stride as usize..][..view.stride as usize];
            let sound = bytes.to_vec();
            (0..row.len()).for_each(|k| row[k] = unpack(bytes, m.code_bits, k));
            if codes_asked && !single {
                self.lines(silicon, n as u32, &mut row);
                pack_row(&row, m.code_bits, bytes);
            } else if codes_asked {
                let bits = m.inputs * u32::from(m.code_bits);
                for bit in self.draw.of(bits) {
                    let k = (bit / u32::from(m.code_bits)) as usize;
                    let stored = silicon.stored(row[k]) ^ 1 << (bit % u32::from(m.code_bits));
                    match silicon.code_of(stored) {
                        Some(code) => (row[k], self.done.wrong) = (code, self.done.wrong + 1),
                        None => self.done.left_out += 1,
                    }
                }
                self.done.bits += u64::from(bits);
                pack_row(&row, m.code_bits, bytes);
            }
            let (own, own_offsets) = (n * groups..(n + 1) * groups, if offsets.is_empty() { 0..0 } else { n * groups..(n + 1) * groups });
            let kept = (scales[own.clone()].to_vec(), offsets[own_offsets.clone()].to_vec(), shifts[n]);
            if scales_asked {
                self.fields(&mut scales[own.clone()], m.scale_bits.into());
                if m.offset_bits > 0 {
                    self.fields(&mut offsets[own_offsets.clone()], m.offset_bits.into());
                }
                self.fields(&mut shifts[n..=n], silicon.shift_bits());
            }
            let wrong = self.done.wrong - before.wrong;
            if wrong > 0 && !fits(chip, id, m, &row, &scales[own.clone()], &offsets[own_offsets.clone()]) {
                bytes.copy_from_slice(&sound);
                scales[own].copy_from_slice(&kept.0);
                offsets[own_offsets].copy_from_slice(&kept.1);
                shifts[n] = kept.2;
                self.done.wrong -= wrong;
                self.done.left_out += wrong;
            }
        }
        let shifts: Vec<i16> = shifts.iter().map(|&k| k as i16).collect();
        let bias = view.bias.map(|b| b.to_vec());
        writer.programs().matrix(&MatrixData {
            name,
            outputs: m.outputs,
            inputs: m.inputs,
            code_bits: m.code_bits,
            codes: &packed,
            groups: view.groups,
            scales: &scales,
            scale_bits: m.scale_bits,
            offsets: view.offsets.map(|_| (&offsets[..], m.offset_bits)),
            shifts: &shifts,
            bias: bias.as_deref(),
        })?;
        Ok(())
    }
}

/// Where the codes of a unit's matrices count.
fn place_of(chip: &Chip, id: UnitId) -> Place {
    let n = chip.netlist();
    let u = n.unit(id);
    let attends = |station: u32| {
        n.station_units(station).into_iter().any(|id| matches!(n.unit(id).kind, UnitKind::Attention(_) | UnitKind::Delta(_)))
    };
    match () {
        () if matches!(u.kind, UnitKind::Embed(_)) => Place::Embedding,
        () if n.stations[u.station as usize].layer.is_none() => Place::Head,
        () if attends(u.station) => Place::Attention,
        () => Place::Mlp,
    }
}

/// Whether the sums of an output stay within the widths of its unit, whatever the activations.
fn fits(chip: &Chip, id: UnitId, m: &MatrixSpec, codes: &[u8], scales: &[i32], offsets: &[i32]) -> bool {
    let UnitKind::Mvm(s) = &chip.netlist().unit(id).kind else { return true };
    let most = |bits: u8| (1i128 << (bits - 1)) - 1;
    let act = most(s.act_bits);
    let sums = codes.chunks(m.group.min(m.inputs) as usize).map(|codes| {
        let sum: i128 = codes.iter().map(|&c| i128::from(m.codebook[usize::from(c)].unsigned_abs())).sum();
        (sum, codes.len() as i128)
    });
    let mut total = 0;
    for (g, (sum, len)) in sums.enumerate() {
        if sum * act > most(s.acc_bits) {
            return false;
        }
        total += i128::from(scales[g].unsigned_abs()) * sum + offsets.get(g).map_or(0, |o| i128::from(o.unsigned_abs()) * len);
    }
    total * act <= most(s.tot_bits)
}

/// Of splitmix64 (Steele et al. 2014): its step, and what it gives for a state.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn scattered(state: u64) -> u64 {
    let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn mixed(value: u64) -> u64 {
    scattered(value.wrapping_add(STEP))
}

/// Between 0 and 1, neither of them.
fn uniform(bits: u64) -> f64 {
    ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// Wrong bits by their distances, which are geometric.
struct Draw {
    state: u64,
    /// Logarithm of the share of sound bits; none are wrong at 0.
    sound: f64,
    /// Sound bits before the next wrong one.
    left: f64,
}

impl Draw {
    fn new(seed: u64, density: f64) -> Draw {
        let mut draw = Draw { state: seed, sound: libm::log1p(-density.clamp(0.0, 1.0)), left: 0.0 };
        draw.left = draw.distance();
        draw
    }

    fn distance(&mut self) -> f64 {
        self.state = self.state.wrapping_add(STEP);
        let drawn = uniform(scattered(self.state));
        if self.sound == 0.0 { f64::INFINITY } else { libm::floor(libm::log(drawn) / self.sound) }
    }

    /// Of the next `bits`, the wrong ones.
    fn of(&mut self, bits: u32) -> Vec<u32> {
        let (mut wrong, mut at) = (Vec::new(), 0.0);
        while at + self.left < f64::from(bits) {
            at += self.left;
            wrong.push(at as u32);
            at += 1.0;
            self.left = self.distance();
        }
        self.left -= f64::from(bits) - at;
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_bits_are_wrong_as_asked_for_however_they_are_taken() {
        let count = |pieces: u32, density: f64| {
            let mut draw = Draw::new(7, density);
            (0..1_000_000 / pieces).map(|_| draw.of(pieces).len()).sum::<usize>()
        };
        for density in [1e-3, 0.02, 0.5] {
            let all = [1, 8, 1000].map(|pieces| count(pieces, density));
            assert!(all[0] == all[1] && all[1] == all[2], "{all:?}");
            let expected = 1e6 * density;
            assert!((all[0] as f64 - expected).abs() < 5.0 * expected.sqrt(), "{} of {expected}", all[0]);
        }
        assert_eq!((count(8, 0.0), count(8, 1.0)), (0, 1_000_000));
    }
}
