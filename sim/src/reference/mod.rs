//! The scalar reference: `docs/numerics.md` written down once more as the plainest Rust, to be read beside it.
//!
//! One file a unit kind, one function a unit, straight loops. Sums are 128 bits wide wherever their width would need a
//! proof, so nothing here can be wrong for being narrow. What may not come in: anything of the fast engine, threads, SIMD,
//! a cleverer order of the same sum.
//!
//! | file | section of `docs/numerics.md` |
//! |---|---|
//! | `arith` | 1, notation |
//! | `embed` | 3 |
//! | `norm` | 4 |
//! | `row_feed` | 5 |
//! | `mvm` | 2 and 6 |
//! | `rope`, `attention` | 7 |
//! | `gated_act`, `add`, `argmax` | 8 |
//! | `experts` | 10 |
//! | `recurrent` | 11 |
//! | here | one token through all units |
//!
//! The functions of the units take plain slices and are public: tests hold the Verilog of a single unit against them. Each
//! takes a counter `clamped`, to which it adds the clamps that changed a value: the unit's sticky flag is `clamped > 0`.

mod add;
mod argmax;
pub mod arith;
mod attention;
mod embed;
mod experts;
mod gated_act;
mod mvm;
mod norm;
mod recurrent;
mod rope;
mod row_feed;

pub use add::add;
pub use argmax::argmax;
pub use attention::{CachedToken, attention};
pub use embed::{Rotation, embed, rotations};
pub use experts::{Choice, mix, route};
pub use gated_act::gated_act;
pub use mvm::mvm;
pub use norm::rms_norm;
pub use recurrent::{DeltaInputs, DeltaState, conv, decay, delta};
pub use rope::rope;
pub use row_feed::{Activations, group_sums, row_feed};

use crate::step::{Probe, Step, StepError};
use hardwire_netlist::{Chip, UnitId, UnitKind};
use std::collections::BTreeMap;

/// The chip as the scalar reference runs it. It changes nothing: what a token leaves behind is in a [`State`].
pub struct Reference<'c> {
    chip: &'c Chip,
}

/// What outlives a token: the KV caches, recurrent states and positions of all users, and the counts behind the overflow flags.
#[derive(Clone, Debug)]
pub struct State {
    /// Tokens taken, by user.
    positions: Vec<u32>,
    /// By attention unit: the cached tokens of each user.
    caches: BTreeMap<UnitId, Vec<Vec<CachedToken>>>,
    /// By convolution: the last inputs of each user. By delta rule: the states of each.
    pasts: BTreeMap<UnitId, Vec<Vec<Vec<i32>>>>,
    deltas: BTreeMap<UnitId, Vec<DeltaState>>,
    /// By unit index: clamps that changed a value, of all users since [`Reference::start`]. The sticky flag is `> 0`.
    pub saturations: Vec<u64>,
}

impl State {
    /// Tokens `user` has taken, which is the position of the next one; 0 for a user the chip does not have.
    pub fn position(&self, user: u32) -> u32 {
        self.positions.get(user as usize).copied().unwrap_or(0)
    }

    /// Empties the sequence of `user`. The saturation counts stay.
    pub fn reset(&mut self, user: u32) {
        if let Some(position) = self.positions.get_mut(user as usize) {
            *position = 0;
            for cache in self.caches.values_mut() {
                cache[user as usize].clear();
            }
            self.pasts.values_mut().for_each(|past| past[user as usize].clear());
            self.deltas.values_mut().for_each(|states| states[user as usize].clear());
        }
    }
}

impl<'c> Reference<'c> {
    pub fn new(chip: &'c Chip) -> Self {
        Reference { chip }
    }

    /// A state in which no user has taken a token.
    pub fn start(&self) -> State {
        let users = self.chip.model().users as usize;
        let netlist = self.chip.netlist();
        let of = |kind: fn(&UnitKind) -> bool| netlist.units().filter(move |(_, u)| kind(&u.kind)).map(|(id, _)| id);
        State {
            positions: vec![0; users],
            caches: of(|k| matches!(k, UnitKind::Attention(_))).map(|id| (id, vec![Vec::new(); users])).collect(),
            pasts: of(|k| matches!(k, UnitKind::Conv(_))).map(|id| (id, vec![Vec::new(); users])).collect(),
            deltas: of(|k| matches!(k, UnitKind::Delta(_))).map(|id| (id, vec![Vec::new(); users])).collect(),
            saturations: vec![0; netlist.units().count()],
        }
    }

    /// Takes `token` as the next of `user`'s sequence.
    ///
    /// # Errors
    /// The token, the user or the position does not exist; `state` is then as before.
    pub fn step(&self, state: &mut State, user: u32, token: u32) -> Result<Step, StepError> {
        self.step_probed(state, user, token, &mut |_, _| ())
    }

    /// [`Reference::step`], and `probe` sees the output of every unit that works on this token. An Argmax shows its index.
    ///
    /// # Errors
    /// As [`Reference::step`].
    pub fn step_probed(&self, state: &mut State, user: u32, token: u32, probe: Probe<'_>) -> Result<Step, StepError> {
        self.check(state, user, token)?;
        let (netlist, programs) = (self.chip.netlist(), &self.chip.programs);
        let tables = &netlist.tables;
        let position = state.position(user);

        let mut step = Step { logits: Vec::new(), top: 0 };
        // Output streams by unit index, what the row feeds give to their matrices, and the rotations by rope table.
        let mut streams: Vec<Vec<i32>> = Vec::new();
        let mut fed: BTreeMap<UnitId, Activations> = BTreeMap::new();
        let mut turned: Vec<Vec<Rotation>> = Vec::new();
        let mut choice: Option<Choice> = None;

        for (id, unit) in netlist.units() {
            // An expert that was not chosen does nothing.
            if let (Some(expert), Some(choice)) = (unit.expert, &choice)
                && !choice.chosen[expert as usize]
            {
                streams.push(Vec::new());
                continue;
            }
            let out = unit.out;
            let from = netlist.inputs(id);
            let input = |port: usize| streams[from[port].index()].as_slice();
            let clamped = &mut state.saturations[id.index()];
            let y = match &unit.kind {
                UnitKind::Embed(s) => {
                    turned = s.omega.iter().map(|omega| rotations(omega, position, tables)).collect();
                    let x = embed(&s.matrix, &programs.matrix(s.matrix.program), token, out, clamped);
                    match &s.positions {
                        Some(p) => {
                            let learned = embed(p, &programs.matrix(p.program), position, out, clamped);
                            add(&x, &learned, out, clamped)
                        }
                        None => x,
                    }
                }
                UnitKind::RmsNorm(s) => {
                    let bias = s.centre.as_ref().and_then(|c| c.bias).map(|b| programs.gain(b).to_vec());
                    rms_norm(s, input(0), &programs.gain(s.gain).to_vec(), bias.as_deref(), tables, out, clamped)
                }
                UnitKind::RowFeed(s) => {
                    let activations = row_feed(input(0), s.act_bits);
                    let a = activations.a.clone();
                    fed.insert(id, activations);
                    a
                }
                UnitKind::Mvm(s) => mvm(&s.matrix, &programs.matrix(s.matrix.program), &fed[&from[0]], out, clamped),
                UnitKind::Rope(s) => rope(input(0), s.head_dim, s.rotated, &turned[usize::from(s.table)], out, clamped),
                UnitKind::Attention(s) => {
                    let cache = &mut state.caches.get_mut(&id).expect("start gives every attention unit a cache")[user as usize];
                    let sinks = s.sinks.map_or(Vec::new(), |p| programs.gain(p).to_vec());
                    attention(s, &sinks, cache, input(0), input(1), input(2), tables, out, clamped)
                }
                UnitKind::GatedAct(s) => gated_act(s, input(0), s.up.is_some().then(|| input(1)), tables, out, clamped),
                UnitKind::Add => add(input(0), input(1), out, clamped),
                UnitKind::Argmax => {
                    step.logits = input(0).to_vec();
                    step.top = argmax(input(0));
                    vec![step.top as i32]
                }
                UnitKind::Route(s) => choice.insert(route(s, input(0), tables, clamped)).weights.clone(),
                UnitKind::Mix(s) => {
                    let outputs: Vec<&[i32]> = (1..=s.experts as usize).map(input).collect();
                    let choice = choice.as_ref().expect("a mix follows its route");
                    let shared = s.shared.then(|| (input(1 + s.experts as usize)[0], input(2 + s.experts as usize)));
                    mix(choice, &outputs, shared, unit.out_len as usize, out, clamped)
                }
                UnitKind::Conv(s) => {
                    let past = &mut state.pasts.get_mut(&id).expect("start gives every convolution a past")[user as usize];
                    conv(s, &programs.gain(s.weights).to_vec(), past, input(0), out, clamped)
                }
                UnitKind::Decay(s) => decay(s, &programs.gain(s.rates).to_vec(), input(0), tables),
                UnitKind::Delta(s) => {
                    let states = &mut state.deltas.get_mut(&id).expect("start gives every delta rule states")[user as usize];
                    let inputs = DeltaInputs { q: input(0), k: input(1), v: input(2), decay: input(3), step: input(4) };
                    delta(s, states, inputs, out, clamped)
                }
            };
            probe(id, &y);
            streams.push(y);
        }
        state.positions[user as usize] += 1;
        Ok(step)
    }

    fn check(&self, state: &State, user: u32, token: u32) -> Result<(), StepError> {
        let (users, context) = (self.chip.model().users, self.chip.model().context);
        for (_, unit) in self.chip.netlist().units() {
            if let UnitKind::Embed(s) = &unit.kind
                && token >= s.matrix.outputs
            {
                return Err(StepError::Token { token, vocab: s.matrix.outputs });
            }
        }
        if user >= users {
            return Err(StepError::User { user, users });
        }
        if state.position(user) >= context {
            return Err(StepError::ContextFull { context });
        }
        Ok(())
    }
}
