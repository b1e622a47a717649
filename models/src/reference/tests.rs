//! Options of the reference that no bundled model uses.

use super::*;

#[test]
fn a_window_sees_the_last_positions_only() {
    let keys: Vec<f32> = (0..5 * 4).map(|i| (i % 7) as f32 - 3.0).collect();
    let values: Vec<f32> = (0..5 * 4).map(|i| (i % 5) as f32).collect();
    let queries: Vec<f32> = (0..8).map(|i| i as f32 / 4.0 - 1.0).collect();
    let run = |window, skip: usize| {
        let heads = Heads { cache: 0, heads: 4, kv_heads: 2, head_dim: 2, scale: 0.5, window };
        let cache = Cache { keys: keys[skip * 4..].to_vec(), values: values[skip * 4..].to_vec() };
        let mut out = vec![0.0; 8];
        attend(&mut out, &heads, &queries, &cache, 5 - skip);
        out
    };
    assert_eq!(run(Some(2), 0), run(None, 3));
    assert_eq!(run(Some(9), 0), run(None, 0));
    assert_ne!(run(Some(2), 0), run(None, 0));
}

#[test]
fn norm_groups_are_norms_of_their_own() {
    let (x, gain) = ([1.0, -2.0, 3.0, 0.5], Array1::from_vec(vec![2.0, 0.5]));
    let (mut whole, mut parts) = ([0.0; 4], [0.0; 4]);
    rms_norm(&mut whole, &x, &gain, 1e-5, 2);
    for at in [0, 2] {
        rms_norm(&mut parts[at..at + 2], &x[at..at + 2], &gain, 1e-5, 1);
    }
    assert_eq!(whole, parts);
    let root = (2.5f32 + 1e-5).sqrt();
    assert_eq!(whole[..2], [1.0 / root * 2.0, -2.0 / root * 0.5]);
}

#[test]
fn row_orders_rotate_the_same_pairs_in_other_places() {
    let angles = [(0.6, 0.8), (0.0, 1.0)];
    let (mut half, mut interleaved) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
    rope(&mut half, 1, 4, RowOrder::Half, &angles);
    rope(&mut interleaved, 1, 4, RowOrder::Interleaved, &angles);
    assert_eq!(half, [0.6 - 3.0 * 0.8, -4.0, 0.8 + 3.0 * 0.6, 2.0]);
    assert_eq!(interleaved, [half[0], half[2], half[1], half[3]]);
}
