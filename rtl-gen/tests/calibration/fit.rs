//! Least squares: the areas of the counted things that make the fit rows' areas, each residual as a share of its row's area.

use hardwire_netlist::Census;

/// The counted things that have an area of logic, by the names of their constants.
pub const NAMES: [&str; 5] = ["flop_um2", "full_adder_um2", "adder_bit_um2", "mux2_um2", "gate_um2"];

pub fn counts(c: &Census) -> [f64; 5] {
    [c.flops, c.full_adders, c.adder_bits, c.mux2, c.gates].map(|n| n as f64)
}

/// Area of logic of a census, um2.
pub fn area(c: &Census, constants: &[f64; 5]) -> f64 {
    counts(c).iter().zip(constants).map(|(n, a)| n * a).sum()
}

/// The constants that minimise `sum (area / measured - 1)^2`, none below its floor: by descent along one constant after another,
/// which converges for a convex sum and has no choice of step. Four digits are kept.
pub fn fit(rows: &[(Census, f64)], floors: &[f64; 5]) -> [f64; 5] {
    let shares: Vec<[f64; 5]> = rows.iter().map(|(c, um2)| counts(c).map(|n| n / um2)).collect();
    let mut x = *floors;
    for _ in 0..20_000 {
        for i in 0..x.len() {
            let (mut up, mut down) = (0.0, 0.0);
            for s in &shares {
                let rest: f64 = (0..x.len()).filter(|&j| j != i).map(|j| s[j] * x[j]).sum();
                up += s[i] * (1.0 - rest);
                down += s[i] * s[i];
            }
            x[i] = (up / down).max(floors[i]);
        }
    }
    x.map(|v| (v * 1e4).round() / 1e4)
}

#[test]
fn a_fit_finds_the_constants_that_made_the_areas() {
    let truth = [0.35, 0.28, 0.55, 0.16, 0.075];
    let rows: Vec<(Census, f64)> = (1..20u64)
        .map(|i| {
            let c = Census {
                flops: 100 * i % 731,
                full_adders: 37 * i * i % 911,
                adder_bits: 53 * i % 397,
                mux2: 71 * i * i % 1033,
                gates: 91 * i % 517,
                ..Census::default()
            };
            (c, area(&c, &truth))
        })
        .collect();
    let found = fit(&rows, &[0.0; 5]);
    assert!(found.iter().zip(truth).all(|(a, b)| (a - b).abs() < 2e-4), "{found:?}");
}
