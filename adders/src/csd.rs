//! Canonical signed digits: the shortest sum of signed powers of two, no two of them neighbours.

/// Shift and sign of each digit of `n`, lowest first.
pub(crate) fn digits(n: i64) -> impl Iterator<Item = (u32, bool)> {
    let (mut rest, mut shift) = (i128::from(n), 0);
    std::iter::from_fn(move || {
        while rest != 0 {
            let at = shift;
            let digit = if rest & 1 == 0 { 0 } else { 2 - (rest & 3) };
            rest = (rest - digit) >> 1;
            shift += 1;
            if digit != 0 {
                return Some((at, digit < 0));
            }
        }
        None
    })
}
