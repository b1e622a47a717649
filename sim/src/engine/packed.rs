//! Codes as the vector units stream them: eight outputs lie side by side, one a 32-bit lane, so that no sum ever crosses lanes and a
//! token reads the whole matrix front to back.

use super::arena::Arena;
use super::lanes::{Lanes, ROWS, has_vector_units, unpack};
use hardwire_netlist::Chip;
use hardwire_netlist::program::ProgramId;
use hardwire_netlist::unit::{MatrixSpec, Unit, UnitKind};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::Arc;

/// How a lane holds its codes. A step of a layout is one register; pair `p` of it, the inputs `2p` and `2p + 1`, is in as many bits as
/// a weight has, from bit `bits * p` on, of the low and of the high half of the lane.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Layout {
    /// Four bits a weight: the value less the least.
    Nibbles,
    /// Four bits a weight: the code, for values further apart. The table has the values less the least.
    Looked([u8; 16]),
    /// Eight bits a weight: the value less the least.
    Bytes,
}

impl Layout {
    /// Pairs of inputs in a step.
    pub(super) fn pairs(self) -> usize {
        match self {
            Layout::Nibbles | Layout::Looked(_) => 4,
            Layout::Bytes => 2,
        }
    }
}

/// The codes of a matrix: `[block][group][step]`, a group padded to whole steps unless it has whole ones already.
pub(super) struct Packed {
    /// Those of all matrices; its own begin at `first`.
    arena: Arc<Arena>,
    first: usize,
    shape: Shape,
}

/// How a matrix is packed.
#[derive(Clone)]
pub(super) struct Shape {
    code_bits: u8,
    inputs: usize,
    outputs: usize,
    group: usize,
    pub(super) layout: Layout,
    /// What is stored for each code.
    stored: Vec<i16>,
    /// Steps a group.
    pub(super) per_group: usize,
    /// Steps a block.
    pub(super) steps: usize,
    /// The least value of the codebook, which the lanes leave out.
    pub(super) least: i32,
}

/// Most inputs for which the sum of 16-bit activations is sure to fit 32 bits.
const MOST_INPUTS: u32 = 1 << 16;

impl Shape {
    /// `None` where this machine has no kernel for the matrix: without vector units, or with sums of more than 32 bits.
    pub(super) fn new(m: &MatrixSpec, acc_bits: u8) -> Option<Self> {
        if !has_vector_units() || acc_bits > 32 || m.inputs > MOST_INPUTS {
            return None;
        }
        let least = m.codebook.iter().copied().min().unwrap_or(0);
        // Values have eight bits, and so has a value less the least.
        let above: Vec<i16> = m.codebook.iter().map(|&v| (v - least) as i16).collect();
        let layout = match m.code_bits {
            _ if above.iter().all(|&v| v < 16) => Layout::Nibbles,
            ..=4 => Layout::Looked(std::array::from_fn(|c| above.get(c).map_or(0, |&v| v as u8))),
            _ => Layout::Bytes,
        };
        let stored = match layout {
            Layout::Looked(_) => (0..above.len() as i16).collect(),
            _ => above,
        };
        let (inputs, group, step) = (m.inputs as usize, m.group.min(m.inputs) as usize, 2 * layout.pairs());
        let per_group = group.div_ceil(step);
        let steps = if group.is_multiple_of(step) { inputs.div_ceil(step) } else { inputs.div_ceil(group) * per_group };
        Some(Shape { code_bits: m.code_bits, inputs, outputs: m.outputs as usize, group, layout, stored, per_group, steps, least })
    }

    /// Registers the matrix takes.
    pub(super) fn len(&self) -> usize {
        self.outputs.div_ceil(ROWS) * self.steps
    }

    /// Fills its registers, which are zero, from the rows of codes.
    pub(super) fn pack<'r>(&self, row: impl Fn(usize) -> &'r [u8] + Sync, lanes: &mut [Lanes]) {
        let bits = 16 / self.layout.pairs();
        let pack = |values: &mut Vec<i16>, (block, lanes): (usize, &mut [Lanes])| {
            values.resize(self.inputs, 0);
            for i in 0..ROWS.min(self.outputs - block * ROWS) {
                unpack(row(block * ROWS + i), self.code_bits, &self.stored, values);
                for (lanes, weights) in lanes.chunks_mut(self.per_group).zip(values.chunks(self.group)) {
                    for (lanes, weights) in lanes.iter_mut().zip(weights.chunks(2 * self.layout.pairs())) {
                        let in_place = weights.iter().enumerate().map(|(k, &w)| (w as u32) << (k % 2 * 16 + k / 2 * bits));
                        lanes.0[i] = in_place.fold(0, |lane, code| lane | code);
                    }
                }
            }
        };
        lanes.par_chunks_mut(self.steps).enumerate().for_each_init(Vec::new, pack);
    }
}

/// The matrices of a chip that can be, packed, by unit index.
pub(super) fn pack(chip: &Chip) -> Vec<Option<Packed>> {
    let matrix =
        |unit: &Unit| if let UnitKind::Mvm(s) = &unit.kind { Some((Shape::new(&s.matrix, s.acc_bits)?, s.matrix.program)) } else { None };
    let found: Vec<Option<(Shape, ProgramId)>> = chip.netlist().units().map(|(_, unit)| matrix(unit)).collect();
    let mut arena = Arena::new(found.iter().flatten().map(|(shape, _)| shape.len()).sum());
    let mut rest = arena.lanes_mut();
    for (shape, program) in found.iter().flatten() {
        let (lanes, after) = rest.split_at_mut(shape.len());
        let view = chip.programs.matrix(*program);
        shape.pack(|n| view.row(n as u32), lanes);
        rest = after;
    }
    let arena = Arc::new(arena);
    let mut first = 0;
    let mut place = |(shape, _): (Shape, ProgramId)| {
        let at = first;
        first += shape.len();
        Packed::new(shape, arena.clone(), at)
    };
    found.into_iter().map(|m| m.map(&mut place)).collect()
}

impl Packed {
    /// `first`: where its registers begin.
    pub(super) fn new(shape: Shape, arena: Arc<Arena>, first: usize) -> Self {
        Packed { arena, first, shape }
    }

    pub(super) fn bytes(&self) -> usize {
        self.shape.len() * size_of::<Lanes>()
    }

    pub(super) fn block(&self, block: usize) -> &[Lanes] {
        &self.arena.lanes()[self.first + block * self.shape.steps..][..self.shape.steps]
    }

    /// The activations of a row feed in the order of the steps; `padded` to whole steps as a whole.
    pub(super) fn arrange<'a>(&self, values: &[i16], padded: &'a [i16]) -> Cow<'a, [i16]> {
        let s = &self.shape;
        let step = 2 * s.layout.pairs();
        if s.per_group * step == s.group || s.per_group == s.steps {
            return Cow::Borrowed(padded);
        }
        let mut a = vec![0; s.steps * step];
        for (to, from) in a.chunks_mut(s.per_group * step).zip(values.chunks(s.group)) {
            to[..from.len()].copy_from_slice(from);
        }
        Cow::Owned(a)
    }
}

impl std::ops::Deref for Packed {
    type Target = Shape;

    fn deref(&self) -> &Shape {
        &self.shape
    }
}
