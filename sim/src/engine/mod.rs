//! The fast engine: the chip's integers at the speed of this machine's vector units.
//!
//! Bit for bit the same as the scalar reference and the Verilog (`docs/numerics.md`). One token at a time it must read every code
//! once, so its ceiling is memory bandwidth over the chip's program bytes; `benches/engine.rs` holds it against that.

mod arith;
mod attention;
mod kernel;
mod matrix;
mod vector;

use crate::step::{Probe, Step, StepError};
use attention::{Attention, Cache};
use hardwire_netlist::unit::{Fixed, GatedActSpec, NormSpec, RopeSpec};
use hardwire_netlist::{Chip, Tables, UnitId, UnitKind};
use matrix::{Activations, Embedding, Matrix};

/// A chip made ready to run: scales unpacked, kernels chosen. Holds no state of any sequence.
pub struct Engine<'c> {
    units: Vec<Unit<'c>>,
    tables: &'c Tables,
    vocab: u32,
    context: u32,
    users: u32,
    /// Unit whose output is the logits.
    head: usize,
}

struct Unit<'c> {
    inputs: Vec<usize>,
    out: Fixed,
    kind: Kind<'c>,
}

enum Kind<'c> {
    Embed(Embedding<'c>, &'c [Vec<u32>]),
    RmsNorm(&'c NormSpec, Vec<i32>),
    RowFeed { act_bits: u8 },
    Mvm(Box<Matrix<'c>>),
    Rope(&'c RopeSpec),
    Attention(Attention),
    GatedAct(&'c GatedActSpec),
    Add,
    Argmax,
}

/// What a chip remembers between tokens, and the buffers of one pass.
pub struct State {
    positions: Vec<u32>,
    caches: Vec<Option<Cache>>,
    values: Vec<Vec<i32>>,
    feeds: Vec<Option<Activations>>,
    phases: Vec<Vec<(i32, i32)>>,
    /// Clamped outputs by unit index since the state began; above zero, the unit's overflow flag is set.
    pub saturations: Vec<u64>,
}

impl State {
    /// Positions `user` has filled.
    pub fn position(&self, user: u32) -> u32 {
        self.positions[user as usize]
    }

    /// Forgets a sequence.
    pub fn reset(&mut self, user: u32) {
        self.truncate(user, 0);
    }

    /// Forgets all but the first `positions` of a sequence.
    pub fn truncate(&mut self, user: u32, positions: u32) {
        let filled = &mut self.positions[user as usize];
        *filled = positions.min(*filled);
    }
}

impl<'c> Engine<'c> {
    /// Prepares `chip`. Costs one pass over its scales; codes stay mapped.
    pub fn new(chip: &'c Chip) -> Self {
        let netlist = chip.netlist();
        let mut head = 0;
        let units = netlist
            .units()
            .map(|(id, unit)| {
                let kind = match &unit.kind {
                    UnitKind::Embed(s) => Kind::Embed(Embedding::new(&s.matrix, chip.programs.matrix(s.matrix.program)), &s.omega),
                    UnitKind::RmsNorm(s) => Kind::RmsNorm(s, chip.programs.gain(s.gain).to_vec()),
                    UnitKind::RowFeed(s) => Kind::RowFeed { act_bits: s.act_bits },
                    UnitKind::Mvm(s) => {
                        head = id.index();
                        Kind::Mvm(Box::new(Matrix::new(s, chip.programs.matrix(s.matrix.program))))
                    }
                    UnitKind::Rope(s) => Kind::Rope(s),
                    UnitKind::Attention(s) => Kind::Attention(Attention::new(s)),
                    UnitKind::GatedAct(s) => Kind::GatedAct(s),
                    UnitKind::Add => Kind::Add,
                    UnitKind::Argmax => Kind::Argmax,
                };
                Unit { inputs: netlist.inputs(id).iter().map(|i| i.index()).collect(), out: unit.out, kind }
            })
            .collect();
        let model = chip.model();
        Engine { units, tables: &netlist.tables, vocab: model.vocab, context: model.context, users: model.users, head }
    }

    /// Empty sequences for every user.
    pub fn start(&self) -> State {
        let cache = |u: &Unit<'_>| match &u.kind {
            Kind::Attention(_) => Some(Cache::new(self.users)),
            _ => None,
        };
        State {
            positions: vec![0; self.users as usize],
            caches: self.units.iter().map(cache).collect(),
            values: vec![Vec::new(); self.units.len()],
            feeds: (0..self.units.len()).map(|_| None).collect(),
            phases: Vec::new(),
            saturations: vec![0; self.units.len()],
        }
    }

    /// Takes one token of `user` through the chip.
    ///
    /// # Errors
    /// A token or user that does not exist, or a full context. The state is then unchanged.
    pub fn step(&self, state: &mut State, user: u32, token: u32) -> Result<Step, StepError> {
        self.run(state, user, token, None)
    }

    /// As [`Engine::step`], showing `probe` every unit's output.
    pub fn step_probed(&self, state: &mut State, user: u32, token: u32, probe: Probe<'_>) -> Result<Step, StepError> {
        self.run(state, user, token, Some(probe))
    }

    fn run(&self, state: &mut State, user: u32, token: u32, mut probe: Option<Probe<'_>>) -> Result<Step, StepError> {
        if token >= self.vocab {
            return Err(StepError::Token { token, vocab: self.vocab });
        }
        if user >= self.users {
            return Err(StepError::User { user, users: self.users });
        }
        let position = state.positions[user as usize];
        if position >= self.context {
            return Err(StepError::ContextFull { context: self.context });
        }
        for i in 0..self.units.len() {
            let mut out = std::mem::take(&mut state.values[i]);
            self.unit(i, state, user, position, token, &mut out);
            if let Some(probe) = probe.as_mut() {
                let id = UnitId::new(i);
                match &state.feeds[i] {
                    Some(a) => probe(id, &a.values().map(i32::from).collect::<Vec<i32>>()),
                    None => probe(id, &out),
                }
            }
            state.values[i] = out;
        }
        state.positions[user as usize] += 1;
        let logits = state.values[self.head].clone();
        let top = state.values[self.units.len() - 1][0] as u32;
        Ok(Step { logits, top })
    }

    fn unit(&self, i: usize, state: &mut State, user: u32, position: u32, token: u32, out: &mut Vec<i32>) {
        let unit = &self.units[i];
        let input = |port: usize| &state.values[unit.inputs[port]];
        let mut clamped = 0;
        match &unit.kind {
            Kind::Embed(embedding, omega) => {
                state.phases = omega.iter().map(|t| vector::phases(t, position, self.tables)).collect();
                clamped = embedding.row(token, unit.out, out);
            }
            Kind::RmsNorm(spec, gain) => clamped = vector::rms_norm(spec, gain, input(0), self.tables, unit.out, out),
            Kind::RowFeed { act_bits } => {
                let mut a = state.feeds[i].take().unwrap_or_default();
                a.fill(input(0), *act_bits);
                state.feeds[i] = Some(a);
            }
            Kind::Mvm(m) => {
                let a = state.feeds[unit.inputs[0]].as_ref().expect("a feed precedes its matrices");
                clamped = m.multiply(a, unit.out, out);
            }
            Kind::Rope(spec) => clamped = vector::rope(spec, input(0), &state.phases[usize::from(spec.table)], unit.out, out),
            Kind::Attention(a) => {
                let mut cache = state.caches[i].take().expect("made by start");
                clamped = a.run(&mut cache, user, position, [input(0), input(1), input(2)], self.tables, unit.out, out);
                state.caches[i] = Some(cache);
            }
            Kind::GatedAct(spec) => clamped = vector::gated_act(spec, input(0), input(1), self.tables, unit.out, out),
            Kind::Add => clamped = vector::add(input(0), input(1), unit.out, out),
            Kind::Argmax => {
                out.clear();
                out.push(vector::argmax(input(0)) as i32);
            }
        }
        state.saturations[i] += clamped;
    }
}
