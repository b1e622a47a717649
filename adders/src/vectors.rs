//! Inputs to hold a graph against its matrix with: corners first, then what looks random.

use crate::random::Random;

/// `count` vectors of `inputs` values in `range`: all lowest, all highest, both alternating, single inputs at both ends, random ones.
pub fn vectors(inputs: usize, range: (i64, i64), count: usize) -> Vec<Vec<i64>> {
    let (low, high) = range;
    let mut random = Random(1);
    let of = |n: usize, random: &mut Random| -> Vec<i64> {
        let end = |yes: bool| if yes { high } else { low };
        let one = n.wrapping_sub(4);
        let each = |i: usize| match n {
            0 | 1 => end(n == 1),
            2 | 3 => end((i + n).is_multiple_of(2)),
            // A third of the rest are single inputs, so that random ones are never crowded out.
            _ if one < count / 3 && one / 2 < inputs => {
                if i == one / 2 {
                    end(one.is_multiple_of(2))
                } else {
                    0.clamp(low, high)
                }
            }
            _ => low + ((u128::from(random.next()) * ((i128::from(high) - i128::from(low) + 1) as u128)) >> 64) as i64,
        };
        (0..inputs).map(each).collect()
    };
    (0..count).map(|n| of(n, &mut random)).collect()
}
