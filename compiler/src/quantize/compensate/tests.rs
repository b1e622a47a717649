//! What the quantizer must keep to, on weights made for it.

use super::*;

fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..n).map(|_| next() + next() + next()).collect()
}

fn grid(offset_max: f32) -> Grid {
    Grid { values: GridValues::new(&[-4, -3, -2, -1, 0, 1, 2, 3]), group: 32, scale_max: 31.0, offset_max }
}

/// What row `i` stands for.
fn back(rows: &Rows, grid: &Grid, i: usize) -> Vec<f64> {
    let unit = libm::exp2(f64::from(rows.exponents[i]));
    let value = |(k, c): (usize, &[u8; BLOCK_ROWS])| {
        let (s, o) = (rows.scales[k / grid.group][i], rows.offsets[k / grid.group][i]);
        assert!(s.fract() == 0.0 && o.fract() == 0.0 && s.abs() <= grid.scale_max && o.abs() <= grid.offset_max);
        (f64::from(s) * (f64::from(c[i]) - 4.0) + f64::from(o)) * unit
    };
    rows.codes.iter().enumerate().map(value).collect()
}

/// Vectors whose elements go together, as those of real layers do.
fn vectors(n: usize, tokens: usize) -> Vec<f32> {
    let (common, own) = (noise(tokens * 8, 5), noise(tokens * n, 6));
    (0..tokens * n).map(|i| 0.3 * own[i] + common[i / n * 8 + i % n % 8] * (1.0 + (i % n) as f32 / 50.0)).collect()
}

#[test]
fn errors_that_are_made_up_for_cost_less_and_drift_is_followed() {
    let (n, tokens) = (96, 400);
    let x = vectors(n, tokens);
    let weights: Vec<RowBlock> = noise(n * BLOCK_ROWS, 2).as_chunks::<BLOCK_ROWS>().0.to_vec();
    for offsets in [0.0, 63.0] {
        let grid = grid(offsets);
        // Square error of the outputs against those that `wanted` vectors give with the exact weights.
        let lost = |rows: &Rows, entering: &[f32], wanted: &[f32]| -> f64 {
            let one = |i: usize| {
                let w = back(rows, &grid, i);
                let apart = |(a, b): (&[f32], &[f32])| {
                    let y = |k: usize| w[k] * f64::from(a[k]) - f64::from(weights[k][i]) * f64::from(b[k]);
                    (0..n).map(y).sum::<f64>().powi(2)
                };
                entering.chunks(n).zip(wanted.chunks(n)).map(apart).sum::<f64>()
            };
            (0..BLOCK_ROWS).map(one).sum()
        };
        let nearest = rows(weights.clone(), None, &grid);
        let c = Curvature::new(Some(&x), &x, n, None);
        let made_up = rows(weights.clone(), Some(&c), &grid);
        let (near, far) = (lost(&made_up, &x, &x), lost(&nearest, &x, &x));
        assert!(near < 0.5 * far, "{near} against {far}, offsets {offsets}");

        let wanted: Vec<f32> = x.iter().enumerate().map(|(i, x)| x * if i % 3 == 0 { 1.3 } else { 1.0 }).collect();
        let followed = rows(weights.clone(), Some(&Curvature::new(Some(&wanted), &x, n, None)), &grid);
        let (near, far) = (lost(&followed, &x, &wanted), lost(&made_up, &x, &wanted));
        assert!(near < 0.5 * far, "{near} against {far} with drift, offsets {offsets}");
    }
}

#[test]
fn zeros_constants_and_any_magnitude_are_taken() {
    let x = vectors(64, 100);
    let c = Curvature::new(Some(&x), &x, 64, None);
    for curvature in [None, Some(&c)] {
        for offsets in [0.0, 63.0] {
            let grid = grid(offsets);
            let zero = rows(vec![[0.0; BLOCK_ROWS]; 64], curvature, &grid);
            assert!(back(&zero, &grid, 3).iter().all(|w| *w == 0.0));
            let level = rows(vec![[0.75; BLOCK_ROWS]; 64], curvature, &grid);
            assert!(back(&level, &grid, 0).iter().all(|w| (w - 0.75).abs() < 0.03), "{:?}", back(&level, &grid, 0));
            for magnitude in [1e-30f32, 1e-6, 1e6, 1e30] {
                let weights: Vec<RowBlock> =
                    noise(64 * BLOCK_ROWS, 4).as_chunks::<BLOCK_ROWS>().0.iter().map(|w| w.map(|w| w * magnitude)).collect();
                let r = rows(weights.clone(), None, &grid);
                let w = back(&r, &grid, 5);
                let error: f64 = w.iter().zip(&weights).map(|(a, b)| (a - f64::from(b[5])).powi(2)).sum();
                let energy: f64 = weights.iter().map(|w| f64::from(w[5]).powi(2)).sum();
                assert!(error < 0.05 * energy, "{error} of {energy} at {magnitude}");
            }
        }
    }
}

#[test]
fn weights_on_a_grid_come_back_exactly() {
    let grid = grid(63.0);
    let weights: Vec<RowBlock> =
        (0..64).map(|k| std::array::from_fn(|i| ((k * 5 + i) % 8) as f32 * 0.25 - 1.0 + (k / 32) as f32)).collect();
    let rows = rows(weights.clone(), None, &grid);
    for i in 0..BLOCK_ROWS {
        assert!(back(&rows, &grid, i).iter().zip(&weights).all(|(a, b)| *a == f64::from(b[i])));
    }
}

#[test]
fn weights_on_the_grid_stay_there_unless_following_the_drift_is_worth_it() {
    let (n, tokens) = (96, 300);
    let x = vectors(n, tokens);
    let grid = Grid { scale_max: 127.0, ..grid(511.0) };
    // Codes that reach both ends of every group, scales and offsets of few bits.
    let value = |k: usize, i: usize| ((k * 5 + i * 3) % 8) as f32 - 4.0;
    let weights: Vec<RowBlock> =
        (0..n).map(|k| std::array::from_fn(|i| (3.0 + ((k / 32 + i) % 5) as f32) * value(k, i) + ((k / 32 * 7 + i) % 11) as f32)).collect();
    let lost = |rows: &Rows| -> f64 {
        let row = |i: usize| back(rows, &grid, i).iter().zip(&weights).map(|(b, w)| (b - f64::from(w[i])).powi(2)).sum::<f64>();
        (0..BLOCK_ROWS).map(row).sum()
    };
    let drifted = |by: f32| -> Vec<f32> { x.iter().enumerate().map(|(i, x)| x * if i % 3 == 0 { 1.0 + by } else { 1.0 }).collect() };
    for (by, stay) in [(0.0, true), (0.002, true), (0.5, false)] {
        let c = Curvature::new(Some(&drifted(by)), &x, n, None);
        assert_eq!(lost(&rows(weights.clone(), Some(&c), &grid)) == 0.0, stay, "drift of {by}");
    }
}
