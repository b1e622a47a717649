//! What differs between two chips: of their silicon, where they are of different dies, and of the stored bits, and so the vias, that a new
//! model changes on the same one. [`Silicon`] is the owner of stored bits; here they are counted, not laid out.

use crate::chip::Chip;
use crate::graph::{Netlist, UnitId};
use crate::program::{MatrixView, unpack};
use crate::silicon::{Silicon, TileIndex};
use crate::unit::{Stored, UnitKind};
use crate::validate::difference;
use serde::Serialize;
use std::collections::BTreeMap;

/// The first place where two chips are not of one die.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherSilicon {
    /// Unit, or `netlist`.
    pub path: String,
    pub field: String,
    pub a: String,
    pub b: String,
}

impl std::fmt::Display for OtherSilicon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} is {} on one and {} on the other", self.path, self.field, self.a, self.b)
    }
}

/// What of the silicon of two netlists differs first, contents of ROM apart: then they do not share a die.
pub fn silicon(a: &Netlist, b: &Netlist) -> Option<OtherSilicon> {
    let other = |path: &str, field: &str, a: String, b: String| Some(OtherSilicon { path: path.into(), field: field.into(), a, b });
    let whole = |field: &str, a: String, b: String| if a == b { None } else { other("netlist", field, a, b) };
    let built = |n: &Netlist| n.ring.map_or("none".to_string(), |r| r.to_string());
    let known = whole("lanes", a.lanes.to_string(), b.lanes.to_string())
        .or_else(|| whole("stations", a.stations.len().to_string(), b.stations.len().to_string()))
        .or_else(|| whole("ring", built(a), built(b)))
        .or_else(|| whole("units", a.graph.node_count().to_string(), b.graph.node_count().to_string()))
        .or_else(|| if a.tables == b.tables { None } else { other("netlist", "tables", "one set".into(), "another".into()) });
    let unit = |id: UnitId| {
        let (x, y) = (a.unit(id), b.unit(id));
        if x.path != y.path {
            return other(&x.path, "path", x.path.clone(), y.path.clone());
        }
        if a.inputs(id) != b.inputs(id) {
            return other(&x.path, "inputs", "some units".into(), "others".into());
        }
        difference(x, y).and_then(|(field, of_a, of_b)| other(&x.path, &field, of_a, of_b))
    };
    known.or_else(|| a.graph.node_indices().find_map(unit))
}

/// Changed stored codes of one matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatrixDiff {
    pub path: String,
    pub weights: u64,
    pub changed: u64,
}

/// Matrices of `a` in order, with how many stored codes differ in `b`. `Err` names the first unit whose hardware differs: then the two
/// do not share a base die.
pub fn codes(a: &Chip, b: &Chip) -> Result<Vec<MatrixDiff>, String> {
    let (ma, mb) = (matrices(a), matrices(b));
    if ma.len() != mb.len() {
        return Err(format!("{} matrices against {}", ma.len(), mb.len()));
    }
    ma.iter()
        .zip(&mb)
        .map(|(x, y)| {
            let shape = |s: &Silicon<'_>| (s.matrix.outputs, s.matrix.inputs, s.matrix.code_bits);
            if x.path() != y.path() || shape(x) != shape(y) {
                return Err(x.path().to_string());
            }
            let mut changed = 0u64;
            for n in 0..x.matrix.outputs {
                let stored = |s: &Silicon<'_>, k| s.stored(s.program().code(n, k));
                changed += (0..x.matrix.inputs).filter(|&k| stored(x, k) != stored(y, k)).count() as u64;
            }
            a.programs.release(x.matrix.program);
            b.programs.release(y.matrix.program);
            Ok(MatrixDiff { path: x.path().to_string(), weights: x.matrix.weights(), changed })
        })
        .collect()
}

fn matrices(chip: &Chip) -> Vec<Silicon<'_>> {
    chip.netlist().units().flat_map(|(id, _)| Silicon::of(chip, id)).collect()
}

/// Stored bits, and how many of them differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bits {
    pub stored: u64,
    pub changed: u64,
    /// Those of the changed that are one on the second chip: vias that appear. The others vanish.
    pub added: u64,
}

impl Bits {
    /// A field of `bits` bits of each.
    fn field(&mut self, bits: u32, a: i32, b: i32) {
        let ones = |value: i32| (u64::from(value as u32) & ((1u64 << bits) - 1)).count_ones();
        self.stored += u64::from(bits);
        self.changed += u64::from(ones(a ^ b));
        self.added += u64::from(ones(!a & b));
    }
}

impl std::ops::AddAssign for Bits {
    fn add_assign(&mut self, other: Bits) {
        self.stored += other.stored;
        self.changed += other.changed;
        self.added += other.added;
    }
}

impl std::iter::Sum for Bits {
    fn sum<I: Iterator<Item = Bits>>(all: I) -> Bits {
        all.fold(Bits::default(), |mut sum, b| {
            sum += b;
            sum
        })
    }
}

/// Those of one ROM of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TileBits {
    /// Band of inputs, and tile along the outputs.
    pub band: u32,
    pub tile: u32,
    #[serde(flatten)]
    pub bits: Bits,
}

/// Stored bits of one tensor that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorBits {
    /// Unit that holds it.
    pub path: String,
    /// Tensor of the first chip; what it is, where it is no matrix.
    pub tensor: String,
    /// The weights are wires, and no vias.
    pub wired: bool,
    pub all: Bits,
    /// Codes, scales and offsets by where they lie.
    pub tiles: Vec<TileBits>,
}

impl TensorBits {
    /// Whether they are a matrix's, in ROM that a via programs; not gains, rotations, or weights that are wires.
    pub fn in_rom_macros(&self) -> bool {
        !self.wired && !self.tiles.is_empty()
    }
}

/// What of a unit of two chips is in ROM, tensor by tensor, for units whose silicon is the same ([`silicon`]).
pub fn bits(a: &Chip, b: &Chip, id: UnitId) -> Vec<TensorBits> {
    let unit = a.netlist().unit(id);
    let mut all: Vec<TensorBits> = Silicon::of(a, id).iter().zip(&Silicon::of(b, id)).map(|(x, y)| matrix(x, y)).collect();
    for m in a.netlist().unit(id).matrices().map(|m| (a, m)).chain(b.netlist().unit(id).matrices().map(|m| (b, m))) {
        m.0.programs.release(m.1.program);
    }
    let values =
        |tensor: &str, all: Bits| TensorBits { path: unit.path.clone(), tensor: tensor.into(), wired: false, all, tiles: Vec::new() };
    for (x, y) in unit.stored().into_iter().zip(b.netlist().unit(id).stored()) {
        if let (Stored::Values { program, most, .. }, Stored::Values { program: other, .. }) = (x, y) {
            let wide = 65 - most.unsigned_abs().leading_zeros();
            let mut bits = Bits::default();
            a.programs.gain(program).iter().zip(b.programs.gain(other).iter()).for_each(|(x, y)| bits.field(wide, x, y));
            all.push(values("values", bits));
        }
    }
    if let (UnitKind::Embed(x), UnitKind::Embed(y)) = (&unit.kind, &b.netlist().unit(id).kind)
        && !x.omega.is_empty()
    {
        let mut bits = Bits::default();
        x.omega.iter().flatten().zip(y.omega.iter().flatten()).for_each(|(&x, &y)| bits.field(32, x as i32, y as i32));
        all.push(values("rotations", bits));
    }
    all
}

/// Every band of inputs holds, of every output, its codes and a scale, and perhaps an offset, of each group that it touches; shifts and
/// biases are an output's own.
fn matrix(a: &Silicon<'_>, b: &Silicon<'_>) -> TensorBits {
    let m = a.matrix;
    let codes = Codes::new(a, b);
    let (x, y) = (a.program(), b.program());
    let mut tiles: BTreeMap<TileIndex, Bits> = BTreeMap::new();
    let mut own = Bits::default();
    let group = m.group.min(m.inputs);
    for n in 0..m.outputs {
        let mut k = 0;
        while k < m.inputs {
            let end = a.band_end(k);
            let (changed, added) = codes.changed(x, y, n, k..end);
            let mut bits = Bits { stored: u64::from(end - k) * u64::from(m.code_bits), changed, added };
            for g in k / group..end.div_ceil(group) {
                bits.field(u32::from(m.scale_bits), x.scale(n, g), y.scale(n, g));
                bits.field(u32::from(m.offset_bits), x.offset(n, g), y.offset(n, g));
            }
            *tiles.entry(a.tile(n, k)).or_default() += bits;
            k = end;
        }
        own.field(a.shift_bits(), x.shift(n), y.shift(n));
        if let (Some(x), Some(y)) = (&x.bias, &y.bias) {
            own.field(32, x.get(n as usize), y.get(n as usize));
        }
    }
    let mut all: Bits = tiles.values().copied().sum();
    all += own;
    let tiles = tiles.into_iter().map(|((band, tile), bits)| TileBits { band, tile, bits }).collect();
    TensorBits { path: a.path().into(), tensor: m.tensor.clone(), wired: a.wired(), all, tiles }
}

/// Stored bits that differ, and those of them that are one in the second, between two codes, or between the codes of two bytes where codes
/// fill bytes.
struct Codes {
    code_bits: u8,
    by_byte: Vec<(u8, u8)>,
    stored: [Vec<u8>; 2],
}

impl Codes {
    fn new(a: &Silicon<'_>, b: &Silicon<'_>) -> Codes {
        let code_bits = a.matrix.code_bits;
        let all = |s: &Silicon<'_>| (0..=u8::MAX >> (8 - code_bits)).map(|c| s.stored(c)).collect::<Vec<u8>>();
        let stored = [all(a), all(b)];
        let byte = |of: &[u8], byte: usize| {
            (0..8 / code_bits).fold(0u8, |sum, i| {
                let code = byte >> (i * code_bits) & ((1 << code_bits) - 1);
                sum | of[code] << (i * code_bits)
            })
        };
        let by_byte = if 8 % code_bits == 0 {
            let [a, b] = [0, 1].map(|i: usize| (0..256).map(|v| byte(&stored[i], v)).collect::<Vec<u8>>());
            (0..1 << 16).map(|v| differ(a[v >> 8], b[v & 0xff])).collect()
        } else {
            Vec::new()
        };
        Codes { code_bits, by_byte, stored }
    }

    /// Of inputs `band` of output `n`.
    fn changed(&self, x: &MatrixView<'_>, y: &MatrixView<'_>, n: u32, band: std::ops::Range<u32>) -> (u64, u64) {
        let (x, y, bits) = (x.row(n), y.row(n), u32::from(self.code_bits));
        let (first, end) = (band.start * bits, band.end * bits);
        let sum = |(changed, added): (u64, u64), (c, a): (u8, u8)| (changed + u64::from(c), added + u64::from(a));
        if !self.by_byte.is_empty() && first % 8 == 0 && end % 8 == 0 {
            let bytes = (first / 8) as usize..(end / 8) as usize;
            let pair = |(&x, &y): (&u8, &u8)| self.by_byte[usize::from(x) << 8 | usize::from(y)];
            return x[bytes.clone()].iter().zip(&y[bytes]).map(pair).fold((0, 0), sum);
        }
        let stored = |of: &[u8], row: &[u8], k: u32| of[usize::from(unpack(row, self.code_bits, k as usize))];
        band.map(|k| differ(stored(&self.stored[0], x, k), stored(&self.stored[1], y, k))).fold((0, 0), sum)
    }
}

/// Bits that differ, and those that are one in `b` alone.
fn differ(a: u8, b: u8) -> (u8, u8) {
    ((a ^ b).count_ones() as u8, (!a & b).count_ones() as u8)
}
