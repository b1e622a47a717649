//! What every kind of unit says of itself, and what it may ask of the netlist around it. One file a kind implements [`Kind`];
//! [`UnitKind::kind`](super::UnitKind::kind) is the one place that knows them all.

use super::fixed::Fixed;
use super::matrix::MatrixSpec;
use crate::activity::events::Activity;
use crate::census::counts::{Census, Module};
use crate::error::Error;
use crate::program::ProgramId;
use crate::tables::Tables;

/// An input port: what it asks of its producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub name: &'static str,
    /// Elements; `None`: as many as there are.
    pub len: Option<u32>,
    /// Format; `None`: any.
    pub format: Option<Fixed>,
}

impl Port {
    pub fn new(name: &'static str, len: u32, format: Fixed) -> Port {
        Port { name, len: Some(len), format: Some(format) }
    }
}

/// A stream as its consumer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Producer<'a> {
    pub path: &'a str,
    pub out: Fixed,
    pub out_len: u32,
}

/// What a kind may ask about the place of its unit in the netlist. Kinds see each other through nothing else.
pub trait Around {
    /// The unit's own path, format and elements of its output.
    fn path(&self) -> &str;
    fn out(&self) -> Fixed;
    fn out_len(&self) -> u32;
    /// V: elements a stream moves a cycle.
    fn lanes(&self) -> u32;
    fn tables(&self) -> &Tables;
    /// Who feeds a port; `None` in a netlist that was not checked.
    fn producer(&self, port: usize) -> Option<Producer<'_>>;
    /// Whether the unit hands the residual to the next station.
    fn is_last(&self) -> bool;
    /// Whether a matrix that it feeds needs the sums of each group's activations.
    fn group_sums(&self) -> bool;
    /// Most positions of a sequence: those of the caches; 1 without any.
    fn positions(&self) -> u32;
    /// Elements of a head that is rotated, if any is.
    fn head_dim(&self) -> Option<u32>;
    /// The embedding's rotation phases by table; `None` without an embedding.
    fn phases(&self) -> Option<&[Vec<u32>]>;
}

/// A unit at work on one token.
#[derive(Clone, Copy, Debug)]
pub struct Working {
    /// The token's position in its sequence.
    pub position: u32,
    /// Counts of the unit.
    pub census: Census,
    /// Its placed area, um², in the chip's technology: lengths of wires follow from it.
    pub area_um2: f64,
}

/// What a unit keeps in `program.bin`.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'a> {
    Matrix {
        matrix: &'a MatrixSpec,
        /// Bits of the activations that multiply it; `None` for a table of rows.
        act_bits: Option<u8>,
    },
    /// Gains, biases of a norm, scores of sinks.
    Values {
        program: ProgramId,
        len: u32,
        /// Greatest magnitude.
        most: i64,
    },
}

/// What a unit keeps of a sequence from token to token: a cache, or a state of constant size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Sequences it is kept for.
    pub users: u32,
    /// Of all of them; `u64::MAX` where they do not fit.
    pub bits: u64,
    /// Whether positions can be taken back: a cache is written over, a recurrent state is not.
    pub rewinds: bool,
}

/// A kind of unit, by its specification.
pub trait Kind {
    /// Name of the kind as it appears in reports and in the Verilog.
    fn name(&self) -> &'static str;

    /// Input ports, numbered from 0.
    fn port_count(&self) -> usize {
        1
    }

    /// What one of them takes.
    fn port(&self, port: usize, around: &dyn Around) -> Port;

    /// Elements of its output.
    fn out_len(&self, around: &dyn Around) -> u32;

    /// Checks its parameters, taken alone, and its output's format where that follows from them.
    ///
    /// # Errors
    /// `Error::Structure` names the unit, the field and what was expected.
    fn check(&self, around: &dyn Around) -> Result<(), Error>;

    /// The library modules it is emitted as, with the counts of each.
    fn modules(&self, around: &dyn Around) -> Vec<Module>;

    /// What of these every layer has for itself where several share the silicon: weights, their ROM, and caches. Logic there is once, and for
    /// no layer more: a layer is the upper part of an address.
    fn own(&self, around: &dyn Around) -> Census {
        let _ = around;
        Census::default()
    }

    /// What it remembers of sequences.
    fn memory(&self) -> Option<Memory> {
        None
    }

    /// Events of one token, the hand-over of its output left out.
    fn activity(&self, around: &dyn Around, working: &Working) -> Activity;

    /// What it has in the program file, for an output of the format `out`.
    fn stored(&self, out: Fixed) -> Vec<Stored<'_>> {
        let _ = out;
        Vec::new()
    }
}
