//! Attention over the integer KV cache (`docs/numerics.md`, section 7).

use super::arith::{lerp, quantize, rsr, shift_sat};
use super::experts::reciprocal;
use super::multiversion::multiversion;
use super::team::Team;
use hardwire_netlist::unit::{AttentionSpec, Fixed};
use hardwire_netlist::{Function, Tables};

pub(super) struct Attention {
    spec: AttentionSpec,
    /// One score a query head, or none.
    sinks: Vec<i32>,
}

/// Keys and values of every user, made when a user first speaks: a chip may hold far more sequences than a run uses.
pub(super) struct Cache {
    users: Vec<Option<Sequence>>,
}

/// Keys and values of one user: codes `[pos][kv_head][head_dim]`, shifts `[pos][kv_head]`.
struct Sequence {
    keys: Vec<i16>,
    values: Vec<i16>,
    key_shifts: Vec<u8>,
    value_shifts: Vec<u8>,
}

/// With this many cached elements and more the query heads are shared among threads: some microseconds of work.
const PARALLEL_ELEMENTS: usize = 1 << 13;

impl Cache {
    pub(super) fn new(users: u32) -> Self {
        Cache { users: (0..users).map(|_| None).collect() }
    }
}

impl Sequence {
    fn new(s: &AttentionSpec) -> Self {
        let vectors = s.context as usize * s.kv_heads as usize;
        let elements = vectors * s.head_dim as usize;
        // Zeroed pages cost nothing until a position is written.
        Sequence { keys: vec![0; elements], values: vec![0; elements], key_shifts: vec![0; vectors], value_shifts: vec![0; vectors] }
    }
}

impl Attention {
    pub(super) fn new(spec: &AttentionSpec, sinks: Vec<i32>) -> Self {
        Attention { spec: spec.clone(), sinks }
    }

    /// Writes the key and value heads of a new position to the cache.
    pub(super) fn remember(&self, cache: &mut Cache, user: u32, position: u32, k: &[i32], v: &[i32]) {
        let s = &self.spec;
        let (d, kv) = (s.head_dim as usize, s.kv_heads as usize);
        let cache = cache.users[user as usize].get_or_insert_with(|| Sequence::new(s));
        for head in 0..kv {
            let at = position as usize * kv + head;
            let part = head * d..(head + 1) * d;
            cache.key_shifts[at] = quantize(&k[part.clone()], s.kv_bits, &mut cache.keys[at * d..][..d]) as u8;
            cache.value_shifts[at] = quantize(&v[part], s.kv_bits, &mut cache.values[at * d..][..d]) as u8;
        }
    }

    /// The queries of `position` over what the cache holds up to it.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn attend(
        &self,
        cache: &Cache,
        user: u32,
        position: u32,
        q: &[i32],
        tables: &Tables,
        format: Fixed,
        team: &Team,
        out: &mut Vec<i32>,
    ) -> u64 {
        let s = &self.spec;
        let (d, kv) = (s.head_dim as usize, s.kv_heads as usize);
        let cache = cache.users[user as usize].as_ref().expect("a position is remembered before it is attended to");
        let end = position as usize + 1;
        let first = s.window.map_or(0, |w| end.saturating_sub(w as usize));
        out.clear();
        out.resize(s.heads as usize * d, 0);
        let head = |h: usize, out: &mut [i32]| {
            let kv_head = h / (s.heads as usize / kv);
            self.head(cache, |pos| pos * kv + kv_head, first..end, &q[h * d..(h + 1) * d], self.sinks.get(h).copied(), tables, format, out)
        };
        if (end - first) * s.heads as usize * d >= PARALLEL_ELEMENTS {
            team.pieces(out, d, head)
        } else {
            out.chunks_mut(d).enumerate().map(|(h, out)| head(h, out)).sum()
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn head(
        &self,
        cache: &Sequence,
        vector: impl Fn(usize) -> usize,
        positions: std::ops::Range<usize>,
        q: &[i32],
        sink: Option<i32>,
        tables: &Tables,
        format: Fixed,
        out: &mut [i32],
    ) -> u64 {
        let s = &self.spec;
        let d = s.head_dim as usize;
        let mut clamped = 0;
        let mut qq = vec![0i16; d];
        let hq = quantize(q, s.act_bits, &mut qq);
        let score_max = i64::from(i32::MAX);
        let narrow = d as u64 * ((1 << (s.act_bits - 1)) * (1u64 << (s.kv_bits - 1))) < 1 << 31;
        let scores: Vec<i32> = positions
            .clone()
            .map(|pos| {
                let at = vector(pos);
                let key = &cache.keys[at * d..][..d];
                let dot = if narrow { i64::from(narrow_dot(&qq, key)) } else { dot(&qq, key) };
                let shift = s.score_shift - hq - i32::from(cache.key_shifts[at]);
                shift_sat(dot * i64::from(s.score_mantissa), shift, score_max, &mut clamped)
            })
            .collect();
        let max = i64::from(scores.iter().copied().chain(sink).max().unwrap_or(0));
        let power = |w: i32| {
            let delta = max - i64::from(w);
            let f = delta & 0xffff;
            rsr(lerp(&tables[Function::Exp2], (f >> 9) as usize, f & 0x1ff, 9), (delta >> 16) as i32)
        };
        let mut total = sink.map_or(0, power);
        let mut sums = vec![0i64; d];
        for (&w, pos) in scores.iter().zip(positions) {
            let p = power(w);
            if p == 0 {
                continue;
            }
            total += p;
            let at = vector(pos);
            add_shifted(&mut sums, p, cache.value_shifts[at], &cache.values[at * d..][..d]);
        }
        let (z, r) = reciprocal(total, tables);
        for (o, &sum) in out.iter_mut().zip(&sums) {
            *o = shift_sat(rsr(sum, z - 16) * r, 31, format.max(), &mut clamped);
        }
        clamped
    }
}

/// Exact: sixteen products of 16-bit queries and 12-bit keys (the widest the compiler allows) fit 32 bits.
fn dot(a: &[i16], b: &[i16]) -> i64 {
    a.chunks(16).zip(b.chunks(16)).map(|(a, b)| i64::from(narrow_dot(a, b))).sum()
}

multiversion! {
    /// Sum of products that fits 32 bits.
    fn narrow_dot(a: &[i16], b: &[i16]) -> i32 {
        a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
    }

    /// Adds `(p v) << h` to the sums.
    fn add_shifted(sums: &mut [i64], p: i64, h: u8, values: &[i16]) {
        match i32::try_from(p << h) {
            Ok(p) => sums.iter_mut().zip(values).for_each(|(sum, &v)| *sum += i64::from(p) * i64::from(v)),
            Err(_) => sums.iter_mut().zip(values).for_each(|(sum, &v)| *sum += (p * i64::from(v)) << h),
        }
    }
}
