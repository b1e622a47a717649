//! Units whose memory has one size: short convolutions, decays and the gated delta rule (`docs/numerics.md`, section 11).

use super::arith::{lerp, rsr, sat, shift_sat};
use super::multiversion::multiversion;
use super::team::Team;
use hardwire_netlist::unit::{ConvSpec, DecaySpec, DeltaSpec, Fixed};
use hardwire_netlist::{Function, Tables};

/// What such a unit remembers of every user, made when a user first speaks. A user at position 0 has nothing: what an ended sequence left is
/// cleared then.
pub(super) struct Memory {
    users: Vec<Vec<i32>>,
}

impl Memory {
    pub(super) fn new(users: u32) -> Self {
        Memory { users: vec![Vec::new(); users as usize] }
    }

    /// That of a user whose token has this position.
    fn of(&mut self, user: u32, position: u32, len: usize) -> &mut [i32] {
        let memory = &mut self.users[user as usize];
        if position == 0 {
            memory.clear();
        }
        memory.resize(len, 0);
        memory
    }
}

pub(super) struct Conv<'c> {
    pub spec: &'c ConvSpec,
    /// `[taps][len]`: those of the newest inputs last.
    weights: Vec<i32>,
}

impl<'c> Conv<'c> {
    /// `weights` has an element's taps together.
    pub(super) fn new(spec: &'c ConvSpec, weights: &[i32]) -> Self {
        let taps = spec.taps as usize;
        let weights = (0..taps).flat_map(|tap| weights.iter().skip(tap).step_by(taps).copied()).collect();
        Conv { spec, weights }
    }

    /// Memory: the last inputs, `[taps - 1][len]`, oldest first.
    pub(super) fn run(&self, memory: &mut Memory, user: u32, position: u32, x: &[i32], format: Fixed, out: &mut Vec<i32>) -> u64 {
        let (len, taps) = (self.spec.len as usize, self.spec.taps as usize);
        let past = memory.of(user, position, (taps - 1) * len);
        let mut sums = vec![0i64; len];
        for (weights, inputs) in self.weights.chunks_exact(len).zip(past.chunks_exact(len).chain([x])) {
            accumulate(&mut sums, weights, inputs);
        }
        past.copy_within(len.min(past.len()).., 0);
        let last = past.len() - len;
        past[last..].copy_from_slice(x);
        let mut clamped = 0;
        out.clear();
        out.extend(sums.iter().map(|&s| sat(rsr(s, i32::from(self.spec.shift)), format.max(), &mut clamped)));
        clamped
    }
}

multiversion! {
    fn accumulate(sums: &mut [i64], weights: &[i32], inputs: &[i32]) {
        for ((sum, &w), &x) in sums.iter_mut().zip(weights).zip(inputs) {
            *sum += i64::from(w) * i64::from(x);
        }
    }
}

/// Shares of 20 fractional bits.
pub(super) fn decay(spec: &DecaySpec, rates: &[i32], x: &[i32], tables: &Tables, out: &mut Vec<i32>) {
    const MOST: i32 = i32::MAX;
    let frac = i32::from(spec.input.frac);
    out.clear();
    out.extend(x.iter().zip(rates).map(|(&x, &rate)| {
        let z = i64::from(shift_sat(i64::from(x).abs(), frac - 12, 65535, &mut 0));
        let small = lerp(&tables[Function::Softplus], (z >> 8) as usize, z & 0xff, 8);
        let positive = shift_sat(i64::from(x.max(0)), frac - 20, i64::from(MOST), &mut 0);
        let softplus = (small + i64::from(positive)).min(i64::from(MOST));
        let logarithm = rsr(softplus * i64::from(rate), i32::from(spec.shift)).min((1 << 25) - 1);
        let f = logarithm & 0xf_ffff;
        rsr(lerp(&tables[Function::Exp2], (f >> 13) as usize, f & 0x1fff, 13), (logarithm >> 20) as i32) as i32
    }));
}

/// The streams of one token into a delta rule.
#[derive(Clone, Copy)]
pub(super) struct DeltaInputs<'a> {
    pub q: &'a [i32],
    pub k: &'a [i32],
    pub v: &'a [i32],
    pub decay: &'a [i32],
    pub step: &'a [i32],
}

/// With this many elements of state and more the heads are shared among threads: some microseconds of work.
const PARALLEL_ELEMENTS: usize = 1 << 13;

/// Memory: for each value head its last answer `[value_dim]`, so that one piece of memory is a head's whole work, and its state
/// `[key_dim][value_dim]`.
#[allow(clippy::too_many_arguments)]
pub(super) fn delta(
    spec: &DeltaSpec,
    memory: &mut Memory,
    user: u32,
    position: u32,
    inputs: DeltaInputs<'_>,
    format: Fixed,
    team: &Team,
    out: &mut Vec<i32>,
) -> u64 {
    let (dk, dv) = (spec.key_dim as usize, spec.value_dim as usize);
    let piece = (1 + dk) * dv;
    let memory = memory.of(user, position, piece * spec.value_heads as usize);
    let head = |h: usize, piece: &mut [i32]| {
        let (answer, state) = piece.split_at_mut(dv);
        one_head(spec, h, state, inputs, format, answer)
    };
    let clamped = if memory.len() >= PARALLEL_ELEMENTS {
        team.pieces(memory, piece, head)
    } else {
        memory.chunks_mut(piece).enumerate().map(|(h, piece)| head(h, piece)).sum()
    };
    out.clear();
    memory.chunks_exact(piece).for_each(|piece| out.extend_from_slice(&piece[..dv]));
    clamped
}

fn one_head(spec: &DeltaSpec, head: usize, state: &mut [i32], inputs: DeltaInputs<'_>, format: Fixed, out: &mut [i32]) -> u64 {
    let (dk, dv) = (spec.key_dim as usize, spec.value_dim as usize);
    let key = head / (spec.value_heads / spec.key_heads) as usize * dk;
    let (q, k, v) = (&inputs.q[key..key + dk], &inputs.k[key..key + dk], &inputs.v[head * dv..(head + 1) * dv]);
    let (decay, step) = (i64::from(inputs.decay[head]), i64::from(inputs.step[head]));
    let (most, kf, shift) = (spec.state.max(), i32::from(spec.k.frac), i32::from(spec.part_shift(format)));
    let mut clamped = 0;
    let (mut held, mut asked) = (vec![0i64; dv], vec![0i64; dv]);
    for ((row, &k), &q) in state.chunks_exact(dv).zip(k).zip(q) {
        add_row(&mut held, i64::from(k), row);
        add_row(&mut asked, i64::from(q), row);
    }
    let shared: i64 = q.iter().zip(k).map(|(&q, &k)| i64::from(q) * i64::from(k)).sum();
    let shared = i64::from(sat(rsr(shared, kf), (1 << (spec.q.bits + 1)) - 1, &mut clamped));
    let align = i32::from(spec.v.frac - spec.state.frac);
    let mut written = vec![0i32; dv];
    for j in 0..dv {
        let predicted = rsr(decay * i64::from(sat(rsr(held[j], kf), most, &mut clamped)), 20);
        let error = sat(rsr(i64::from(v[j]), align) - predicted, most, &mut clamped);
        written[j] = sat(rsr(step * i64::from(error), i32::from(DeltaSpec::STEP.frac)), most, &mut clamped);
        let kept = rsr(decay * i64::from(sat(rsr(asked[j], shift), i64::from(i32::MAX), &mut clamped)), 20);
        let new = rsr(shared * i64::from(written[j]), shift);
        out[j] = sat(rsr(kept + new, i32::from(DeltaSpec::guard())), format.max(), &mut clamped);
    }
    for (row, &k) in state.chunks_exact_mut(dv).zip(k) {
        clamped += rewrite(row, decay, i64::from(k) << (20 - kf), &written, most);
    }
    clamped
}

multiversion! {
    fn add_row(sums: &mut [i64], factor: i64, row: &[i32]) {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += factor * i64::from(x);
        }
    }

    /// A row of state, decayed and joined by what is new.
    fn rewrite(row: &mut [i32], decay: i64, key: i64, written: &[i32], most: i64) -> u64 {
        let mut clamped = 0;
        for (x, &u) in row.iter_mut().zip(written) {
            *x = sat(rsr(decay * i64::from(*x) + key * i64::from(u), 20), most, &mut clamped);
        }
        clamped
    }
}
