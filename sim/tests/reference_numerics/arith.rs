//! Section 1.

use hardwire_sim::reference::arith::{bitlen, clamp, lerp, rsr, sat};
use proptest::prelude::*;

#[test]
fn halves_round_up_on_both_sides_of_zero() {
    for (x, s, want) in [(5, 1, 3), (-5, 1, -2), (1, 1, 1), (-1, 1, 0), (-3, 1, -1), (6, 2, 2), (-6, 2, -1), (-7, 2, -2), (7, 0, 7)] {
        assert_eq!(rsr(x, s), want, "rsr({x}, {s})");
    }
}

#[test]
fn shifts_past_every_width_behave_as_if_unbounded() {
    for x in [i128::MAX, i128::MIN, 1, -1] {
        for s in [128, 129, 1000, i64::MAX] {
            assert_eq!(rsr(x, s), 0, "rsr({x}, {s})");
        }
    }
    assert_eq!(rsr(i128::MAX, 127), 1);
    assert_eq!(rsr(i128::MIN, 127), -1);
    assert_eq!(rsr(i128::MIN, 1), i128::MIN / 2);
    assert_eq!(rsr(i128::MAX, 1), 1 << 126);
    for s in [-127, -128, -1000, i64::from(i32::MIN), i64::MIN + 1] {
        assert_eq!(rsr(0, s), 0);
        assert_eq!(clamp(rsr(1, s), 32), i32::MAX);
        assert_eq!(clamp(rsr(-1, s), 32), -i32::MAX);
    }
    assert_eq!(rsr(1, -126), 1 << 126);
    assert_eq!(rsr(3, -126), i128::MAX);
}

#[test]
fn a_clamp_is_symmetric_and_counted_only_where_it_changes() {
    let mut clamped = 0;
    assert_eq!(sat(127, 8, &mut clamped), 127);
    assert_eq!(sat(-127, 8, &mut clamped), -127);
    assert_eq!(clamped, 0);
    assert_eq!(sat(-128, 8, &mut clamped), -127);
    assert_eq!(sat(128, 8, &mut clamped), 127);
    assert_eq!(sat(i128::MIN, 32, &mut clamped), -i32::MAX);
    assert_eq!(clamped, 3);
}

#[test]
fn bit_lengths() {
    for (u, want) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (255, 8), (256, 9), (u128::MAX, 128)] {
        assert_eq!(bitlen(u), want, "bitlen({u})");
    }
}

#[test]
fn interpolation_meets_its_entries_and_rounds_between_them() {
    let falling = [100, 90, 0];
    assert_eq!(lerp(&falling, 0, 0, 4), 100);
    assert_eq!(lerp(&falling, 1, 0, 4), 90);
    // -10 * 4 / 16 = -2.5 rounds to -2; -10 * 15 / 16 = -9.375 to -9.
    assert_eq!(lerp(&falling, 0, 4, 4), 98);
    assert_eq!(lerp(&falling, 0, 15, 4), 91);
}

proptest! {
    #[test]
    fn rounding_is_the_floor_of_the_definition(x in -(1i128 << 125)..(1i128 << 125), s in 1i64..=125) {
        let want = (x + (1i128 << (s - 1))).div_euclid(1i128 << s);
        prop_assert_eq!(rsr(x, s), want);
    }

    #[test]
    fn a_left_shift_multiplies(x in any::<i64>(), s in 0i64..=62) {
        prop_assert_eq!(rsr(i128::from(x), -s), i128::from(x) * (1i128 << s));
    }
}
