//! The fast engine: the chip's integers at the speed of this machine's vector units.
//!
//! Bit for bit the same as the scalar reference and the Verilog (`docs/numerics.md`). One token at a time it must read every code
//! once, so its ceiling is memory bandwidth over those bytes; `tests/benches/engine.rs` holds it against that.
//!
//! | file | what |
//! |---|---|
//! | `lanes`, `packed`, `arena`, `mantissas` | codes, scales and offsets in the order and form in which they are streamed |
//! | `activations`, `kernel`, `matrix` | a matrix times one vector or many |
//! | `vector`, `attention`, `recurrent`, `experts`, `embedding` | the other units |
//! | `arith`, `multiversion` | integer primitives; loops compiled for wide registers too |
//! | `team`, `block` | the threads of one token; several tokens at once |

mod activations;
mod arena;
mod arith;
mod attention;
mod block;
mod embedding;
mod experts;
mod kernel;
mod lanes;
mod mantissas;
mod matrix;
mod multiversion;
mod packed;
mod recurrent;
mod team;
mod vector;

use crate::step::{BlockProbe, Probe, Step, StepError};
use activations::Activations;
use attention::{Attention, Cache};
use embedding::Embedding;
use hardwire_netlist::program::ProgramId;
use hardwire_netlist::unit::{DecaySpec, DeltaSpec, Fixed, GatedActSpec, MatrixSpec, RopeSpec, RouteSpec};
use hardwire_netlist::{Chip, Tables, UnitId, UnitKind};
use matrix::Matrix;
use recurrent::{Conv, DeltaInputs, Memory};
use team::{Team, with_team};
use vector::Norm;

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
    out_len: usize,
    /// It works only where this expert was chosen.
    expert: Option<usize>,
    kind: Kind<'c>,
}

enum Kind<'c> {
    Embed { tokens: Box<Embedding<'c>>, positions: Option<Box<Embedding<'c>>>, omega: &'c [Vec<u32>] },
    RmsNorm(Norm<'c>),
    RowFeed { act_bits: u8 },
    Mvm(Box<Matrix<'c>>),
    Rope(&'c RopeSpec),
    Attention(Attention),
    GatedAct(&'c GatedActSpec),
    Add,
    Argmax,
    Route(&'c RouteSpec),
    Mix,
    Conv(Conv<'c>),
    Decay { spec: &'c DecaySpec, rates: Vec<i32> },
    Delta(&'c DeltaSpec),
}

/// What a chip remembers between tokens, and the buffers of the passes.
pub struct State {
    positions: Vec<u32>,
    caches: Vec<Option<Cache>>,
    memories: Vec<Option<Memory>>,
    /// One a token that is taken at once.
    passes: Vec<Pass>,
    /// Clamped outputs by unit index since the state began; above zero, the unit's overflow flag is set.
    pub saturations: Vec<u64>,
}

/// The streams of one token on its way through the chip.
struct Pass {
    token: u32,
    position: u32,
    values: Vec<Vec<i32>>,
    feeds: Vec<Option<Activations>>,
    phases: Vec<Vec<(i32, i32)>>,
    /// The experts that the last Route chose.
    chosen: Vec<bool>,
}

impl Pass {
    fn new(units: usize) -> Self {
        let feeds = (0..units).map(|_| None).collect();
        Pass { token: 0, position: 0, values: vec![Vec::new(); units], feeds, phases: Vec::new(), chosen: Vec::new() }
    }

    fn show(&self, i: usize, probe: &mut dyn FnMut(UnitId, &[i32])) {
        match &self.feeds[i] {
            Some(a) => probe(UnitId::new(i), &a.values().iter().map(|&a| i32::from(a)).collect::<Vec<i32>>()),
            None => probe(UnitId::new(i), &self.values[i]),
        }
    }
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

    /// Forgets all but the first `positions` of a sequence. A recurrent state cannot go back: a chip that has one forgets all or nothing.
    ///
    /// # Panics
    /// Some positions are to stay and others to go, and the chip has a recurrent state.
    pub fn truncate(&mut self, user: u32, positions: u32) {
        let filled = &mut self.positions[user as usize];
        let recurs = self.memories.iter().any(Option::is_some);
        assert!(!recurs || positions == 0 || positions >= *filled, "a recurrent state cannot go back to position {positions}");
        *filled = positions.min(*filled);
    }
}

impl<'c> Engine<'c> {
    /// Prepares `chip`. Costs one pass over its program, and as much memory ([`Engine::bytes_per_token`]); the mapped pages are given back.
    pub fn new(chip: &'c Chip) -> Self {
        Self::with(chip, true)
    }

    /// As [`Engine::new`] without code of its own for this machine's vector units: the same bits, slower.
    pub fn portable(chip: &'c Chip) -> Self {
        Self::with(chip, false)
    }

    fn with(chip: &'c Chip, vector_units: bool) -> Self {
        let netlist = chip.netlist();
        let values = |p: ProgramId| chip.programs.gain(p).to_vec();
        let mut head = 0;
        let mut packed = if vector_units { packed::pack(chip) } else { Vec::new() };
        let units = netlist
            .units()
            .map(|(id, unit)| {
                let kind = match &unit.kind {
                    UnitKind::Embed(s) => {
                        let rows = |m: &MatrixSpec| Box::new(Embedding::new(m, chip.programs.matrix(m.program)));
                        Kind::Embed { tokens: rows(&s.matrix), positions: s.positions.as_ref().map(rows), omega: &s.omega }
                    }
                    UnitKind::RmsNorm(s) => {
                        let bias = s.centre.as_ref().and_then(|c| c.bias).map(values);
                        Kind::RmsNorm(Norm { spec: s, gain: values(s.gain), bias })
                    }
                    UnitKind::RowFeed(s) => Kind::RowFeed { act_bits: s.act_bits },
                    UnitKind::Mvm(s) => {
                        head = id.index();
                        let packed = packed.get_mut(id.index()).and_then(Option::take);
                        let copied = packed.is_some();
                        let matrix = Matrix::new(s, chip.programs.matrix(s.matrix.program), packed);
                        if copied {
                            chip.programs.release(s.matrix.program);
                        }
                        Kind::Mvm(Box::new(matrix))
                    }
                    UnitKind::Rope(s) => Kind::Rope(s),
                    UnitKind::Attention(s) => Kind::Attention(Attention::new(s, s.sinks.map_or(Vec::new(), values))),
                    UnitKind::GatedAct(s) => Kind::GatedAct(s),
                    UnitKind::Add => Kind::Add,
                    UnitKind::Argmax => Kind::Argmax,
                    UnitKind::Route(s) => Kind::Route(s),
                    UnitKind::Mix(_) => Kind::Mix,
                    UnitKind::Conv(s) => Kind::Conv(Conv::new(s, &values(s.weights))),
                    UnitKind::Decay(s) => Kind::Decay { spec: s, rates: values(s.rates) },
                    UnitKind::Delta(s) => Kind::Delta(s),
                };
                let inputs = netlist.inputs(id).iter().map(|i| i.index()).collect();
                Unit { inputs, out: unit.out, out_len: unit.out_len as usize, expert: unit.expert.map(|e| e as usize), kind }
            })
            .collect();
        let model = chip.model();
        Engine { units, tables: &netlist.tables, vocab: model.vocab, context: model.context, users: model.users, head }
    }

    /// Bytes of codes, scales and offsets that a token reads where every expert works: what bounds its speed. For the vector units they
    /// are a copy of the chip's program, in memory of the engine's own: codes of 2 and 3 bits take 4 there, those of 6 take 8, and
    /// mantissas the fewest bytes that hold all of a matrix.
    pub fn bytes_per_token(&self) -> usize {
        let of = |u: &Unit<'_>| if let Kind::Mvm(m) = &u.kind { m.bytes() } else { 0 };
        self.units.iter().map(of).sum()
    }

    /// Empty sequences for every user.
    pub fn start(&self) -> State {
        let cache = |u: &Unit<'_>| match &u.kind {
            Kind::Attention(_) => Some(Cache::new(self.users)),
            _ => None,
        };
        let memory = |u: &Unit<'_>| match &u.kind {
            Kind::Conv(_) | Kind::Delta(_) => Some(Memory::new(self.users)),
            _ => None,
        };
        State {
            positions: vec![0; self.users as usize],
            caches: self.units.iter().map(cache).collect(),
            memories: self.units.iter().map(memory).collect(),
            passes: vec![Pass::new(self.units.len())],
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

    /// As [`Engine::step`], showing `probe` the output of every unit that works on this token.
    pub fn step_probed(&self, state: &mut State, user: u32, token: u32, probe: Probe<'_>) -> Result<Step, StepError> {
        self.run(state, user, token, Some(probe))
    }

    /// Takes the next tokens of one sequence, as known from a text, through the chip together: every code is unpacked once for all
    /// of them. Gives what [`Engine::step`] would give for each, bit for bit. Memory: all streams of all `tokens`.
    ///
    /// # Errors
    /// As [`Engine::step`]; no token is taken then.
    pub fn block(&self, state: &mut State, user: u32, tokens: &[u32]) -> Result<Vec<Step>, StepError> {
        self.run_block(state, user, tokens, None)
    }

    /// As [`Engine::block`], showing `probe` every unit's output, unit by unit.
    ///
    /// # Errors
    /// As [`Engine::block`].
    pub fn block_probed(&self, state: &mut State, user: u32, tokens: &[u32], probe: BlockProbe<'_>) -> Result<Vec<Step>, StepError> {
        self.run_block(state, user, tokens, Some(probe))
    }

    /// The user's position, if these tokens can be taken.
    fn admit(&self, state: &State, user: u32, tokens: &[u32]) -> Result<u32, StepError> {
        if let Some(&token) = tokens.iter().find(|&&t| t >= self.vocab) {
            return Err(StepError::Token { token, vocab: self.vocab });
        }
        if user >= self.users {
            return Err(StepError::User { user, users: self.users });
        }
        let position = state.positions[user as usize];
        if tokens.len() > (self.context - position) as usize {
            return Err(StepError::ContextFull { context: self.context });
        }
        Ok(position)
    }

    fn run(&self, state: &mut State, user: u32, token: u32, probe: Option<Probe<'_>>) -> Result<Step, StepError> {
        let position = self.admit(state, user, &[token])?;
        with_team(|team| self.pass(state, user, token, position, probe, team));
        state.positions[user as usize] += 1;
        Ok(self.outcome(&state.passes[0]))
    }

    fn pass(&self, state: &mut State, user: u32, token: u32, position: u32, mut probe: Option<Probe<'_>>, team: &Team) {
        let pass = &mut state.passes[0];
        (pass.token, pass.position) = (token, position);
        for i in 0..self.units.len() {
            if !self.works(i, pass) {
                continue;
            }
            state.saturations[i] += match (&self.units[i].kind, &mut state.caches[i], &mut state.memories[i]) {
                (Kind::Attention(a), Some(cache), _) => {
                    self.remember(i, a, cache, user, pass);
                    self.attend(i, a, cache, user, pass, team)
                }
                (_, _, Some(memory)) => self.recur(i, memory, user, pass, team),
                _ => self.unit(i, pass, team),
            };
            if let Some(probe) = probe.as_mut() {
                pass.show(i, probe);
            }
        }
    }

    /// Whether a unit works on this token: an expert's do where it was chosen.
    fn works(&self, i: usize, pass: &Pass) -> bool {
        self.units[i].expert.is_none_or(|e| pass.chosen[e])
    }

    /// What the last units of a finished pass say.
    fn outcome(&self, pass: &Pass) -> Step {
        Step { logits: pass.values[self.head].clone(), top: pass.values[self.units.len() - 1][0] as u32 }
    }

    /// Writes the keys and values of a pass to the cache.
    fn remember(&self, i: usize, attention: &Attention, cache: &mut Cache, user: u32, pass: &Pass) {
        let [_, k, v] = [0, 1, 2].map(|port| &pass.values[self.units[i].inputs[port]]);
        attention.remember(cache, user, pass.position, k, v);
    }

    /// Attention of a pass whose keys and values are in the cache.
    fn attend(&self, i: usize, attention: &Attention, cache: &Cache, user: u32, pass: &mut Pass, team: &Team) -> u64 {
        let mut out = std::mem::take(&mut pass.values[i]);
        let q = &pass.values[self.units[i].inputs[0]];
        let clamped = attention.attend(cache, user, pass.position, q, self.tables, self.units[i].out, team, &mut out);
        pass.values[i] = out;
        clamped
    }

    /// A unit with a recurrent state, for one pass; gives the number of clamped values.
    fn recur(&self, i: usize, memory: &mut Memory, user: u32, pass: &mut Pass, team: &Team) -> u64 {
        let unit = &self.units[i];
        let mut out = std::mem::take(&mut pass.values[i]);
        let input = |port: usize| pass.values[unit.inputs[port]].as_slice();
        let clamped = match &unit.kind {
            Kind::Conv(conv) => conv.run(memory, user, pass.position, input(0), unit.out, &mut out),
            Kind::Delta(spec) => {
                let inputs = DeltaInputs { q: input(0), k: input(1), v: input(2), decay: input(3), step: input(4) };
                recurrent::delta(spec, memory, user, pass.position, inputs, unit.out, team, &mut out)
            }
            _ => unreachable!("start gives a memory to these alone"),
        };
        pass.values[i] = out;
        clamped
    }

    /// Any unit that remembers nothing, for one pass; gives the number of clamped outputs.
    fn unit(&self, i: usize, pass: &mut Pass, team: &Team) -> u64 {
        let unit = &self.units[i];
        let mut values = std::mem::take(&mut pass.values[i]);
        let out = &mut values;
        let input = |port: usize| &pass.values[unit.inputs[port]];
        let mut clamped = 0;
        match &unit.kind {
            Kind::Embed { tokens, positions, omega } => {
                pass.phases = omega.iter().map(|t| vector::phases(t, pass.position, self.tables)).collect();
                clamped = tokens.row(pass.token, unit.out, out);
                if let Some(positions) = positions {
                    let (token, mut learned) = (std::mem::take(out), Vec::new());
                    clamped += positions.row(pass.position, unit.out, &mut learned) + vector::add(&token, &learned, unit.out, out);
                }
            }
            Kind::RmsNorm(norm) => clamped = vector::rms_norm(norm, input(0), self.tables, unit.out, out),
            Kind::RowFeed { act_bits } => {
                let mut a = pass.feeds[i].take().unwrap_or_default();
                a.fill(input(0), *act_bits);
                pass.feeds[i] = Some(a);
            }
            Kind::Mvm(m) => {
                let a = pass.feeds[unit.inputs[0]].as_ref().expect("a feed precedes its matrices");
                clamped = m.multiply(a, unit.out, team, out);
            }
            Kind::Rope(spec) => clamped = vector::rope(spec, input(0), &pass.phases[usize::from(spec.table)], unit.out, out),
            Kind::Attention(_) | Kind::Conv(_) | Kind::Delta(_) => unreachable!("what remembers has its own way"),
            Kind::Decay { spec, rates } => recurrent::decay(spec, rates, input(0), self.tables, out),
            Kind::GatedAct(spec) => {
                let up: &[i32] = if spec.up.is_some() { input(1) } else { &[] };
                clamped = vector::gated_act(spec, input(0), up, self.tables, unit.out, out);
            }
            Kind::Add => clamped = vector::add(input(0), input(1), unit.out, out),
            Kind::Argmax => {
                out.clear();
                out.push(vector::argmax(input(0)) as i32);
            }
            Kind::Route(spec) => {
                let mut chosen = std::mem::take(&mut pass.chosen);
                clamped = experts::route(spec, &pass.values[unit.inputs[0]], self.tables, &mut chosen, out);
                pass.chosen = chosen;
            }
            Kind::Mix => {
                let weights = input(0);
                let weighed = |(e, &weight): (usize, &i32)| pass.chosen[e].then(|| (weight, input(e + 1).as_slice()));
                // The shared expert's weight and output come after the others'.
                let shared =
                    (unit.inputs.len() > 1 + weights.len()).then(|| (input(1 + weights.len())[0], input(2 + weights.len()).as_slice()));
                clamped = experts::mix(weights.iter().enumerate().filter_map(weighed).chain(shared), unit.out, unit.out_len, out);
            }
        }
        pass.values[i] = values;
        clamped
    }
}
