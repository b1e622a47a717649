//! Graphs of many matrices: exact, within their depth, the same again, and no larger than stored.

use hardwire_adders::{Depth, Error, Graph, Matrix, Options, least_depth, optimize, vectors};
use proptest::prelude::*;

/// Entries of a generator of its own (Knuth's MMIX), so that the matrices do not depend on a crate.
fn matrix(inputs: usize, outputs: usize, seed: u64, entry: impl Fn(u64) -> i64) -> Matrix {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    Matrix::new(inputs, outputs, (0..inputs * outputs).map(|_| entry(next())).collect()).unwrap()
}

fn graph(m: &Matrix, depth: Depth) -> Graph {
    optimize(m, &Options { depth, effort: 1 }).unwrap()
}

/// Every output equals the integer product: for all inputs by linearity, and for corners and random vectors by evaluation.
#[track_caller]
fn exact(m: &Matrix, g: &Graph) {
    assert!(g.computes(m));
    for x in vectors(m.inputs(), (-128, 127), 64) {
        assert_eq!(g.evaluate(&x), m.product(&x));
    }
    let depths = g.depths();
    for (n, adder) in g.adders.iter().enumerate() {
        assert!(adder.a.value.max(adder.b.value) < m.inputs() + n && !(adder.a.negative && adder.b.negative));
        assert!(depths[m.inputs() + n] > depths[adder.a.value]);
    }
}

#[test]
fn every_kind_and_depth_is_exact_and_within_it() {
    let kinds: [fn(u64) -> i64; 4] =
        [|r| (r % 256) as i64 - 128, |r| (r % 16) as i64 - 8, |r| (r % 3) as i64 - 1, |r| [-1, 0, 0, 1][r as usize % 4]];
    for (k, kind) in kinds.into_iter().enumerate() {
        for (inputs, outputs) in [(16, 16), (7, 33), (33, 7), (1, 9), (9, 1), (48, 32)] {
            let m = matrix(inputs, outputs, k as u64, kind);
            let free = graph(&m, Depth::Free);
            exact(&m, &free);
            assert_eq!(graph(&m, Depth::Free), free, "the same again");
            for more in 0..3 {
                let g = graph(&m, Depth::Above(more));
                exact(&m, &g);
                assert!(g.depth() <= least_depth(&m) + more);
                assert_eq!(graph(&m, Depth::Most(least_depth(&m) + more)), g);
            }
        }
    }
}

/// da4ml 0.6.0 on the same matrices (docs/lab/adders.md): no size of any kind takes more adders at any depth limit.
#[test]
fn no_more_adders_than_da4ml() {
    let mut totals = std::collections::BTreeMap::<_, (usize, usize)>::new();
    for (side, seed, kind, theirs) in DA4ML {
        let entry: fn(u64) -> i64 = match *kind {
            "8-bit" => |r| (r % 256) as i64 - 128,
            "4-bit" => |r| (r % 16) as i64 - 8,
            _ => |r| (r % 3) as i64 - 1,
        };
        let m = matrix(*side, *side, *seed, entry);
        for (at, depth) in [Depth::Free, Depth::Above(0), Depth::Above(1), Depth::Above(2)].into_iter().enumerate() {
            let total = totals.entry((kind, side, at)).or_default();
            *total = (total.0 + graph(&m, depth).adders.len(), total.1 + theirs[at]);
        }
    }
    for ((kind, side, at), (ours, theirs)) in totals {
        assert!(ours <= theirs, "{kind} {side}, hard_dc {}: {ours} adders, da4ml {theirs}", at as i32 - 1);
    }
}

/// Side, seed, kind, da4ml's adders at `hard_dc` -1, 0, 1, 2.
const DA4ML: &[(usize, u64, &str, [usize; 4])] = &[
    (16, 1, "8-bit", [366, 396, 377, 376]),
    (16, 2, "8-bit", [357, 380, 360, 360]),
    (24, 1, "8-bit", [782, 841, 789, 789]),
    (24, 2, "8-bit", [779, 835, 779, 779]),
    (32, 1, "8-bit", [1326, 1442, 1353, 1353]),
    (32, 2, "8-bit", [1322, 1430, 1348, 1329]),
    (16, 1, "4-bit", [197, 215, 200, 200]),
    (16, 2, "4-bit", [197, 216, 204, 203]),
    (24, 1, "4-bit", [436, 473, 449, 449]),
    (24, 2, "4-bit", [428, 468, 448, 437]),
    (32, 1, "4-bit", [747, 804, 756, 747]),
    (32, 2, "4-bit", [739, 799, 755, 755]),
    (48, 1, "4-bit", [1594, 1698, 1605, 1605]),
    (64, 1, "4-bit", [2739, 2926, 2752, 2752]),
    (16, 1, "ternary", [88, 95, 89, 89]),
    (16, 2, "ternary", [85, 95, 95, 94]),
    (24, 1, "ternary", [190, 215, 190, 190]),
    (24, 2, "ternary", [186, 204, 186, 186]),
    (32, 1, "ternary", [324, 347, 347, 324]),
    (32, 2, "ternary", [319, 346, 319, 319]),
    (48, 1, "ternary", [691, 746, 691, 691]),
    (64, 1, "ternary", [1148, 1255, 1255, 1148]),
];

#[test]
fn what_is_alike_is_built_once() {
    // Equal columns, shifted ones, negated ones, zero ones, single inputs.
    let m = Matrix::new(3, 7, [[1, 1, 2, -1, 0, 5, 0], [3, 3, 6, -3, 0, 0, 0], [7, 7, 14, -7, 0, 0, 8]].concat()).unwrap();
    let g = graph(&m, Depth::Free);
    exact(&m, &g);
    let one = graph(&Matrix::new(3, 2, vec![1, 5, 3, 0, 7, 0]).unwrap(), Depth::Free);
    assert_eq!(g.adders.len(), one.adders.len());
    assert_eq!(g.outputs[4], None);
    assert_eq!(g.outputs[6].unwrap().shift, 3);
    assert_eq!(graph(&Matrix::new(2, 2, vec![0; 4]).unwrap(), Depth::Free).adders, []);
}

#[test]
fn refusals_say_what_and_why() {
    assert_eq!(Matrix::new(0, 3, vec![]), Err(Error::Empty { inputs: 0, outputs: 3 }));
    assert!(matches!(Matrix::new(2, 2, vec![1; 3]), Err(Error::Shape { .. })));
    assert!(matches!(Matrix::new(1, 2, vec![1, 1 << 40]), Err(Error::Weight { output: 1, .. })));
    assert!(matches!(Matrix::new(1, 1, vec![i64::MIN]), Err(Error::Weight { .. })));
    let large = Matrix::new(2048, 1024, vec![85; 2048 * 1024]).unwrap_err();
    assert!(large.to_string().contains("2048 inputs and 1024 outputs"), "{large}");
    let m = matrix(16, 4, 0, |_| 85);
    let asked = optimize(&m, &Options { depth: Depth::Most(5), effort: 1 });
    assert_eq!(asked, Err(Error::Depth { asked: 5, least: 6 }));
}

#[test]
fn cost_counts_bits_as_da4ml() {
    // x0 + x1 of 8 bits: 8 cells; (x0 + x1) - (x0 << 3): as long as the 11 bits of the shifted one, from bit 3 up.
    let m = Matrix::new(2, 1, vec![1, 1]).unwrap();
    let g = graph(&m, Depth::Free);
    assert_eq!((g.cost((-128, 127), None), g.cost((-128, 127), Some(1)), g.cost((-128, 127), Some(4))), (1, 8, 2));
    let g = graph(&Matrix::new(2, 1, vec![1, 8]).unwrap(), Depth::Free);
    assert_eq!(g.cost((-128, 127), Some(1)), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_matrix_is_exact(inputs in 1usize..12, outputs in 1usize..12, seed in any::<u64>(), bits in 1u32..31, above in proptest::option::of(0u32..4), effort in 0u32..4) {
        let m = matrix(inputs, outputs, seed, |r| (r as i64 & ((1 << bits) - 1)) - (1 << (bits - 1)));
        let depth = above.map_or(Depth::Free, Depth::Above);
        let g = optimize(&m, &Options { depth, effort }).unwrap();
        exact(&m, &g);
        if let Some(above) = above {
            prop_assert!(g.depth() <= least_depth(&m) + above);
        }
    }
}
