//! Floats that were trained on a grid: in each group of 32 every weight is `q * s` with `|q| <= 7` and a short mantissa `s`.
//! Recognised and kept exactly, so that the chip holds the very weights that were trained.

use super::encode::{Row, mantissas};
use crate::error::Error;
use hardwire_models::Tensor;

/// Inputs that share a scale.
pub(super) const GROUP: usize = 32;
/// A scale of more significant bits than this is no grid but chance.
const MAX_SCALE_BITS: u32 = 12;

/// True if every group of every row lies on the grid. Gives up at the first group that does not.
pub(super) fn is_on_grid(tensor: &Tensor<'_>) -> Result<bool, Error> {
    let mut row = vec![0f32; tensor.cols()];
    for n in 0..tensor.rows() {
        tensor.row_f32(n, &mut row)?;
        if row.chunks(GROUP).any(|g| group_scale(g).is_none()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The largest `s` with every weight exactly `q * s`, `|q| <= 7`; 0 for an all-zero group.
fn group_scale(weights: &[f32]) -> Option<f32> {
    let max = weights.iter().fold(0f32, |m, w| m.max(w.abs()));
    if max == 0.0 {
        return Some(0.0);
    }
    (1..=7u8).map(|q| max / f32::from(q)).find(|&s| {
        short(s)
            && weights.iter().all(|&w| {
                let q = (w / s).round();
                q.abs() <= 7.0 && q * s == w
            })
    })
}

/// Few significant bits. Then `q * s` is exact in f32.
fn short(s: f32) -> bool {
    let fraction = s.to_bits() & 0x7f_ffff;
    s.is_normal() && 24 - (fraction | 1 << 23).trailing_zeros() <= MAX_SCALE_BITS
}

/// A row on the grid; `None` if it is not. `group` divides 32.
pub(super) fn row(weights: &[f32], group: usize) -> Option<Row> {
    if !GROUP.is_multiple_of(group) {
        return None;
    }
    let scales = weights.chunks(GROUP).map(group_scale).collect::<Option<Vec<f32>>>()?;
    let code = |(k, &w): (usize, &f32)| {
        let s = scales[k / GROUP];
        let q = if s == 0.0 { 0 } else { (w / s).round() as i32 };
        (q + 8) as u8
    };
    let codes = weights.iter().enumerate().map(code).collect();
    let groups = weights.len().div_ceil(group);
    let spread: Vec<f32> = (0..groups).map(|g| scales[g * group / GROUP]).collect();
    let (scales, exponent, lossless) = mantissas(&spread);
    Some(Row { codes, scales, offsets: Vec::new(), exponent, lossless })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_found_and_noise_is_not() {
        let s = 0.011_718_75; // 3 * 2^-8
        let on: Vec<f32> = (0..32).map(|i| ((i % 15) - 7) as f32 * s).collect();
        assert_eq!(group_scale(&on), Some(s));
        let row = row(&on, 32).unwrap();
        assert!(row.lossless && row.codes[0] == 1 && row.codes[14] == 15);
        let off: Vec<f32> = (0..32).map(|i| (i as f32 * 0.7).sin()).collect();
        assert_eq!(group_scale(&off), None);
        assert_eq!(group_scale(&[0.0; 32]), Some(0.0));
    }
}
