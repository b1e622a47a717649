//! Section 7, attention.

use crate::support::{Random, assert_close, tables};
use hardwire_netlist::Fixed;
use hardwire_netlist::unit::AttentionSpec;
use hardwire_sim::reference::{attention, row_feed};

const FRAC: i16 = 10;
const OUT: Fixed = Fixed { bits: 16, frac: FRAC };

/// `heads` of `head_dim` on `kv_heads`, 16-bit streams of 10 fractional bits; scores are scaled by `1 / sqrt(head_dim)`.
fn spec(heads: u32, kv_heads: u32, head_dim: u32) -> AttentionSpec {
    let base_2 = std::f64::consts::LOG2_E / f64::from(head_dim).sqrt();
    let exponent = 15 - base_2.log2().floor() as i32;
    AttentionSpec {
        heads,
        kv_heads,
        head_dim,
        context: 64,
        users: 1,
        window: None,
        act_bits: 12,
        kv_bits: 12,
        pos_lanes: 1,
        q: OUT,
        k: OUT,
        v: OUT,
        score_mantissa: (base_2 * f64::from(exponent).exp2()).round() as u32,
        // d has Fq + Fk fractional bits, the score 16.
        score_shift: exponent + 2 * i32::from(FRAC) - 16,
        sinks: None,
    }
}

/// Softmax attention over all positions in `f64`, with the score scale the mantissa stands for.
fn real_attention(s: &AttentionSpec, q: &[i32], keys: &[Vec<i32>], values: &[Vec<i32>]) -> Vec<f64> {
    let d = s.head_dim as usize;
    let scale = f64::from(s.score_mantissa) * f64::from(-s.score_shift - 16).exp2();
    let mut y = Vec::new();
    for h in 0..s.heads as usize {
        let kv = h / (s.heads / s.kv_heads) as usize * d;
        let dot = |k: &Vec<i32>| -> f64 { (0..d).map(|i| f64::from(q[h * d + i]) * f64::from(k[kv + i])).sum() };
        let scores: Vec<f64> = keys.iter().map(|k| dot(k) * scale).collect();
        let greatest = scores.iter().copied().fold(f64::MIN, f64::max);
        let weights: Vec<f64> = scores.iter().map(|w| (w - greatest).exp2()).collect();
        let total: f64 = weights.iter().sum();
        y.extend((0..d).map(|i| weights.iter().zip(values).map(|(w, v)| w * f64::from(v[kv + i])).sum::<f64>() / total));
    }
    y
}

/// Relative to the greatest value: `P` to 16 bits 3.1e-5, reciprocal 3.5e-5, scores and exponential 1.7e-5, together below
/// 2^-13; and half a unit of 2^-20 for each position's weight, in numerator and sum.
fn softmax_error(positions: usize) -> f64 {
    2f64.powi(-13) + positions as f64 * 2f64.powi(-20)
}

#[test]
fn softmax_is_within_its_error_when_the_inputs_fit_their_codes() {
    let (t, mut random, mut clamped) = (tables(), Random(11), 0);
    for (heads, kv_heads, head_dim) in [(1, 1, 4), (4, 2, 8), (6, 1, 16)] {
        let s = spec(heads, kv_heads, head_dim);
        let (mut cache, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for position in 0..s.context as usize {
            // Twelve bits: nothing is lost in the codes. Scores spread over several powers of two.
            let q = random.vector((heads * head_dim) as usize, 2047);
            keys.push(random.vector((kv_heads * head_dim) as usize, 2047));
            values.push(random.vector((kv_heads * head_dim) as usize, 2047));
            let y = attention(&s, &[], &mut cache, &q, &keys[position], &values[position], &t, OUT, &mut clamped);
            let bound = 2047.0 * softmax_error(position + 1) + 1.0;
            assert_close(&y, &real_attention(&s, &q, &keys, &values), |_| bound);
        }
    }
    assert_eq!(clamped, 0);
}

#[test]
fn wide_inputs_lose_only_what_their_codes_lose() {
    let (t, mut random, mut clamped) = (tables(), Random(12), 0);
    let s = spec(2, 2, 8);
    let (mut cache, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
    // What the codes of each head stand for.
    let coded = |x: &[i32]| -> Vec<i32> {
        let heads = x.chunks(8).map(|head| row_feed(head, 12));
        heads.flat_map(|c| c.a.iter().map(|a| a << c.h).collect::<Vec<i32>>()).collect()
    };
    for _ in 0..24 {
        // Queries and keys lose one bit or two, values four; scores still spread over a few powers of two only.
        let (q, k, v) = (random.vector(16, 5000), random.vector(16, 3000), random.vector(16, 32767));
        keys.push(coded(&k));
        values.push(coded(&v));
        let y = attention(&s, &[], &mut cache, &q, &k, &v, &t, OUT, &mut clamped);
        let bound = 32767.0 * softmax_error(keys.len()) + 1.0;
        assert_close(&y, &real_attention(&s, &coded(&q), &keys, &values), |_| bound);
    }
    assert_eq!(clamped, 0);
}

#[test]
fn one_position_returns_its_value_exactly() {
    let (t, mut random) = (tables(), Random(13));
    let mut s = spec(2, 1, 4);
    for kv_bits in [4u8, 8, 12] {
        s.kv_bits = kv_bits;
        for bits in [3, 8, 12, 15] {
            let max = (1i64 << bits) - 1;
            let (q, k, v) = (random.vector(8, max), random.vector(4, max), random.vector(4, max));
            let mut clamped = 0;
            let y = attention(&s, &[], &mut Vec::new(), &q, &k, &v, &t, OUT, &mut clamped);
            let code = row_feed(&v, kv_bits);
            let want: Vec<i32> = code.a.iter().map(|a| (a << code.h).clamp(-32767, 32767)).collect();
            assert_eq!(y, [want.clone(), want].concat(), "{kv_bits} bits");
        }
    }
}

#[test]
fn equal_scores_average_and_a_far_greater_score_decides() {
    let (t, mut clamped) = (tables(), 0);
    let s = spec(1, 1, 2);
    let mut cache = Vec::new();
    for v in [100, 300, 500] {
        attention(&s, &[], &mut cache, &[0, 0], &[9, 9], &[v, -v], &t, OUT, &mut clamped);
    }
    assert_eq!(attention(&s, &[], &mut cache, &[0, 0], &[9, 9], &[700, -700], &t, OUT, &mut clamped), [400, -400]);

    // 16 * 16 / sqrt(2) natural units apart: the other weights are 0.
    let mut cache = Vec::new();
    attention(&s, &[], &mut cache, &[0, 0], &[16 << FRAC, 0], &[1234, -77], &t, OUT, &mut clamped);
    let y = attention(&s, &[], &mut cache, &[16 << FRAC, 0], &[0, 16 << FRAC], &[5, 5], &t, OUT, &mut clamped);
    assert_eq!((y, clamped), (vec![1234, -77], 0));
}

#[test]
fn a_weight_of_half_a_unit_counts_and_less_does_not() {
    // score_mantissa 1 with shift 0 makes the score the dot product itself: a step of 2^16 halves the weight.
    let mut s = spec(1, 1, 2);
    (s.score_mantissa, s.score_shift, s.act_bits, s.kv_bits) = (1, 0, 16, 16);
    let weigh = |halvings: i32| {
        let (mut cache, mut clamped) = (Vec::new(), 0);
        let t = tables();
        let far = -halvings * (1 << 6);
        attention(&s, &[], &mut cache, &[0, 0], &[0, 0], &[0, 0], &t, OUT, &mut clamped);
        attention(&s, &[], &mut cache, &[1 << 10, 0], &[far, 0], &[32767, 0], &t, Fixed::new(32, 0), &mut clamped)[0]
    };
    // The weights are 1 and 2^-h of the greatest: 32767 / (2^h + 1).
    for (halvings, want) in [(0, 16384), (1, 10922), (4, 1927), (10, 32), (14, 2), (15, 1), (16, 0)] {
        assert!((weigh(halvings) - want).abs() <= 1, "{halvings}: {} for {want}", weigh(halvings));
    }
    // 2^20 >> 21 rounds to one unit, 2^20 >> 22 to none; a value of 2^31 - 1 shows one unit of 2^-20 as 2048.
    s.v = Fixed::new(32, 0);
    let wide = |halvings: i32| {
        let (mut cache, mut clamped) = (Vec::new(), 0);
        let t = tables();
        attention(&s, &[], &mut cache, &[0, 0], &[0, 0], &[0, 0], &t, Fixed::new(32, 0), &mut clamped);
        let far = -halvings * (1 << 6);
        attention(&s, &[], &mut cache, &[1 << 10, 0], &[far, 0], &[i32::MAX, 0], &t, Fixed::new(32, 0), &mut clamped)[0]
    };
    assert_eq!((wide(20), wide(21), wide(22), wide(30)), (2048, 2048, 0, 0));
}

#[test]
fn query_heads_share_the_key_heads_in_order() {
    let (t, mut clamped) = (tables(), 0);
    let s = spec(6, 3, 2);
    let v = [10, 11, 20, 21, 30, 31];
    let y = attention(&s, &[], &mut Vec::new(), &[1; 12], &[1; 6], &v, &t, OUT, &mut clamped);
    assert_eq!(y, [10, 11, 10, 11, 20, 21, 20, 21, 30, 31, 30, 31]);
}

#[test]
fn a_window_sees_the_last_positions_only() {
    let (t, mut random, mut clamped) = (tables(), Random(14), 0);
    let all = spec(2, 1, 4);
    for window in [1usize, 3, 8, 100] {
        let windowed = AttentionSpec { window: Some(window as u32), ..all.clone() };
        let mut cache = Vec::new();
        for position in 0..10 {
            let (q, k, v) = (random.vector(8, 2000), random.vector(4, 2000), random.vector(4, 2000));
            let mut recent = cache[position - position.min(window - 1)..].to_vec();
            let y = attention(&windowed, &[], &mut cache, &q, &k, &v, &t, OUT, &mut clamped);
            assert_eq!(y, attention(&all, &[], &mut recent, &q, &k, &v, &t, OUT, &mut clamped), "window {window}, position {position}");
        }
        assert_eq!(cache.len(), 10);
    }
}

#[test]
fn attention_at_the_edges() {
    let t = tables();
    let mut s = spec(1, 1, 4);
    let mut cache = Vec::new();
    let mut clamped = 0;
    for _ in 0..5 {
        assert_eq!(attention(&s, &[], &mut cache, &[0; 4], &[0; 4], &[0; 4], &t, OUT, &mut clamped), [0; 4]);
    }
    assert_eq!(clamped, 0);

    // Scores of either sign beyond 32 bits are clamped and counted, and the difference of the two extremes is no overflow.
    s.score_shift = i32::MIN;
    let mut cache = Vec::new();
    attention(&s, &[], &mut cache, &[1; 4], &[-1; 4], &[5; 4], &t, OUT, &mut clamped);
    assert_eq!(clamped, 1);
    assert_eq!(attention(&s, &[], &mut cache, &[1; 4], &[1; 4], &[7; 4], &t, OUT, &mut clamped), [7; 4]);
    assert_eq!(clamped, 3);
    s.score_shift = i32::MAX;
    assert_eq!(attention(&s, &[], &mut cache, &[1; 4], &[1; 4], &[9; 4], &t, OUT, &mut clamped), [7; 4]);
    assert_eq!(clamped, 3);

    // The most negative input of all, and an output that leaves its format.
    let s = spec(1, 1, 4);
    let lowest = [i32::MIN; 4];
    let y = attention(&s, &[], &mut Vec::new(), &lowest, &lowest, &lowest, &t, Fixed::new(32, 0), &mut clamped);
    assert_eq!((y, clamped), (vec![-i32::MAX; 4], 8), "a score and four outputs");
}

#[test]
fn scores_have_32_bits() {
    // The score is the dot product itself: of two greatest codes 2147352578, of three over 2^31.
    let mut s = spec(1, 1, 4);
    (s.score_mantissa, s.score_shift, s.act_bits, s.kv_bits) = (1, 0, 16, 16);
    for (sign, used, want) in [(1, 2, 0), (-1, 2, 0), (1, 3, 1), (-1, 3, 1)] {
        let q: Vec<i32> = (0..4).map(|i| if i < used { 32767 } else { 0 }).collect();
        let k: Vec<i32> = q.iter().map(|q| q * sign).collect();
        let mut clamped = 0;
        attention(&s, &[], &mut Vec::new(), &q, &k, &[0; 4], &tables(), OUT, &mut clamped);
        assert_eq!(clamped, want, "{used} of sign {sign}");
    }
}
