//! Section 7, attention: a new token joins the cache of its sequence and looks back over it.

use super::arith::{bitlen, lerp, rsr, sat};
use super::row_feed::{Activations, row_feed};
use hardwire_netlist::unit::AttentionSpec;
use hardwire_netlist::{Fixed, Function, Tables};

/// What the cache holds of one position: a key and a value for each KV head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedToken {
    pub keys: Vec<Activations>,
    pub values: Vec<Activations>,
}

/// Attention output of the token at position `cache.len()`, after it has been put into the cache. `sinks` has one score a query head, or
/// none.
///
/// `q` has `heads * head_dim` elements, `k` and `v` `kv_heads * head_dim`; the output has as many as `q`, in the format of
/// `v` with `out.bits` bits.
#[allow(clippy::too_many_arguments, reason = "three streams in, one out: as the unit's ports")]
pub fn attention(
    spec: &AttentionSpec,
    sinks: &[i32],
    cache: &mut Vec<CachedToken>,
    q: &[i32],
    k: &[i32],
    v: &[i32],
    tables: &Tables,
    out: Fixed,
    clamped: &mut u64,
) -> Vec<i32> {
    let head_dim = spec.head_dim as usize;
    let heads_of = |x: &[i32], bits: u8| x.chunks(head_dim).map(|head| row_feed(head, bits)).collect();
    cache.push(CachedToken { keys: heads_of(k, spec.kv_bits), values: heads_of(v, spec.kv_bits) });

    let window = spec.window.map_or(cache.len(), |w| w as usize);
    let seen = &cache[cache.len().saturating_sub(window)..];
    let mut y = Vec::new();
    for (h, query) in q.chunks(head_dim).enumerate() {
        let kv_head = h / (spec.heads / spec.kv_heads) as usize;
        let query = row_feed(query, spec.act_bits);
        let mut scores = Vec::new();
        for token in seen {
            scores.push(score(spec, &query, &token.keys[kv_head], clamped));
        }
        let values: Vec<&Activations> = seen.iter().map(|token| &token.values[kv_head]).collect();
        y.extend(weighted_mean(&scores, sinks.get(h).copied(), &values, tables, out, clamped));
    }
    y
}

/// Step 2: a score in base-2 logarithms, 16 fractional bits.
fn score(spec: &AttentionSpec, query: &Activations, key: &Activations, clamped: &mut u64) -> i32 {
    let mut dot = 0i128;
    for (&qq, &kk) in query.a.iter().zip(&key.a) {
        dot += i128::from(qq) * i128::from(kk);
    }
    let shift = i64::from(spec.score_shift) - i64::from(query.h) - i64::from(key.h);
    sat(rsr(dot * i128::from(spec.score_mantissa), shift), 32, clamped)
}

/// Steps 3 to 5: the mean of the values, weighted with 2 to the power of their scores. A sink takes a share and gives nothing.
fn weighted_mean(scores: &[i32], sink: Option<i32>, values: &[&Activations], tables: &Tables, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let greatest = scores.iter().copied().chain(sink).max().unwrap_or(0);
    let weight = |w: i32| power(i64::from(greatest) - i64::from(w), tables);
    let weights: Vec<i128> = scores.iter().map(|&w| weight(w)).collect();
    let total: i128 = weights.iter().sum::<i128>() + sink.map_or(0, weight);
    let z = i64::from(bitlen(total as u128));
    let reciprocal = reciprocal(total, tables);

    let mut y = Vec::new();
    for d in 0..values[0].a.len() {
        let mut sum = 0i128;
        for (&p, value) in weights.iter().zip(values) {
            sum += p * (i128::from(value.a[d]) << value.h);
        }
        y.push(sat(rsr(rsr(sum, z - 16) * reciprocal, 31), out.bits, clamped));
    }
    y
}

/// `1 / total ~ reciprocal * 2^(-31 - (z - 16))`, where `z` is the length of `total`, at least 21.
pub(super) fn reciprocal(total: i128, tables: &Tables) -> i128 {
    let mantissa = total >> (bitlen(total as u128) - 16);
    lerp(&tables[Function::Recip], ((mantissa - (1 << 15)) >> 7) as usize, mantissa % (1 << 7), 7)
}

/// `2^(-below)` with 20 fractional bits, for `below >= 0` with 16.
pub(super) fn power(below: i64, tables: &Tables) -> i128 {
    let (whole, f) = (below >> 16, below % (1 << 16));
    rsr(lerp(&tables[Function::Exp2], (f >> 9) as usize, i128::from(f % (1 << 9)), 9), whole)
}
