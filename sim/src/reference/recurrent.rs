//! Section 11: short convolutions, decays, and the gated delta rule.

use super::arith::{lerp, rsr, sat};
use hardwire_netlist::unit::{ConvSpec, DecaySpec, DeltaSpec};
use hardwire_netlist::{Fixed, Function, Tables};

/// Convolution of `x` with the inputs of the last positions, `past`, oldest first, to which it is added. `weights` has `taps` an element, the
/// newest input's last. `past` is empty before the first token of a sequence.
pub fn conv(spec: &ConvSpec, weights: &[i32], past: &mut Vec<Vec<i32>>, x: &[i32], out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let taps = spec.taps as usize;
    past.push(x.to_vec());
    let mut y = Vec::new();
    for i in 0..x.len() {
        let mut sum = 0i128;
        for ago in 0..taps {
            // Before the first position there was zero.
            if ago < past.len() {
                sum += i128::from(weights[i * taps + taps - 1 - ago]) * i128::from(past[past.len() - 1 - ago][i]);
            }
        }
        y.push(sat(rsr(sum, i64::from(spec.shift)), out.bits, clamped));
    }
    if past.len() == taps {
        past.remove(0);
    }
    y
}

/// The share of a state that stays, 20 fractional bits. `rates` has a mantissa an element.
pub fn decay(spec: &DecaySpec, rates: &[i32], x: &[i32], tables: &Tables) -> Vec<i32> {
    let frac = i64::from(spec.input.frac);
    let mut y = Vec::new();
    for (&x, &rate) in x.iter().zip(rates) {
        let x = i128::from(x);
        let z = rsr(x.abs(), frac - 12).min(65535);
        let small = lerp(&tables[Function::Softplus], (z >> 8) as usize, z % (1 << 8), 8);
        let softplus = (small + rsr(x.max(0), frac - 20).min((1 << 31) - 1)).min((1 << 31) - 1);
        let logarithm = rsr(softplus * i128::from(rate), i64::from(spec.shift)).min((1 << 25) - 1);
        let f = logarithm % (1 << 20);
        let power = lerp(&tables[Function::Exp2], (f >> 13) as usize, f % (1 << 13), 13);
        y.push(rsr(power, (logarithm >> 20) as i64) as i32);
    }
    y
}

/// One user's states: a matrix a value head, `key_dim` rows of `value_dim`. Empty before the first token of a sequence.
pub type DeltaState = Vec<Vec<Vec<i32>>>;

/// The streams of one token into a delta rule.
#[derive(Clone, Copy, Debug)]
pub struct DeltaInputs<'a> {
    pub q: &'a [i32],
    pub k: &'a [i32],
    pub v: &'a [i32],
    pub decay: &'a [i32],
    pub step: &'a [i32],
}

/// What the states give for the queries once they have taken the token in.
pub fn delta(spec: &DeltaSpec, states: &mut DeltaState, inputs: DeltaInputs<'_>, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let (dk, dv) = (spec.key_dim as usize, spec.value_dim as usize);
    let (bits, kf) = (spec.state.bits, i64::from(spec.k.frac));
    if states.is_empty() {
        *states = vec![vec![vec![0; dv]; dk]; spec.value_heads as usize];
    }
    let mut y = Vec::new();
    for (head, state) in states.iter_mut().enumerate() {
        let key_head = head / (spec.value_heads / spec.key_heads) as usize;
        let q = &inputs.q[key_head * dk..(key_head + 1) * dk];
        let k = &inputs.k[key_head * dk..(key_head + 1) * dk];
        let v = &inputs.v[head * dv..(head + 1) * dv];
        let (decay, step) = (i128::from(inputs.decay[head]), i128::from(inputs.step[head]));

        // 1: exact sums.
        let dot = |a: &[i32], column: &dyn Fn(usize) -> i32| -> i128 {
            a.iter().enumerate().map(|(i, &a)| i128::from(a) * i128::from(column(i))).sum()
        };
        let shared = sat(rsr(dot(q, &|i| k[i]), kf), spec.q.bits + 2, clamped);

        for j in 0..dv {
            let held = dot(k, &|i| state[i][j]);
            let asked = dot(q, &|i| state[i][j]);

            // 2: what the key's place should hold more.
            let predicted = rsr(decay * i128::from(sat(rsr(held, kf), bits, clamped)), 20);
            let wanted = rsr(i128::from(v[j]), i64::from(spec.v.frac) - i64::from(spec.state.frac));
            let error = sat(wanted - predicted, bits, clamped);
            let written = sat(rsr(step * i128::from(error), i64::from(DeltaSpec::STEP.frac)), bits, clamped);

            // 3: the query's answer from what was held and what is new.
            let shift = i64::from(spec.part_shift(out));
            let kept = rsr(decay * i128::from(sat(rsr(asked, shift), 32, clamped)), 20);
            let new = rsr(i128::from(shared) * i128::from(written), shift);
            y.push(sat(rsr(kept + new, i64::from(DeltaSpec::guard())), out.bits, clamped));

            // 4: the state after the token.
            for i in 0..dk {
                let sum = decay * i128::from(state[i][j]) + rsr(i128::from(k[i]) * i128::from(written), kf - 20);
                state[i][j] = sat(rsr(sum, 20), bits, clamped);
            }
        }
    }
    y
}
