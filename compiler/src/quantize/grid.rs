//! Floats that were trained on a grid: in each group of 32 every weight is `q * s` with `|q| <= 7` and a short mantissa `s`.
//! Recognised and kept exactly, so that the chip holds the very weights that were trained.

use super::encode::{RowOut, mantissas};
use crate::error::Error;
use hardwire_models::Tensor;
use rayon::prelude::*;

/// Inputs that share a scale.
pub(super) const GROUP: usize = 32;
/// A scale of more significant bits than this is no grid but chance.
const MAX_SCALE_BITS: u32 = 12;

/// True if every group of every row lies on the grid. Gives up at the first group that does not.
pub(super) fn is_on_grid(tensor: &Tensor<'_>) -> Result<bool, Error> {
    // A row tells nearly always, and reading one is cheap.
    if tensor.rows() > 0 && !row_on_grid(tensor, 0, &mut Vec::new())? {
        return Ok(false);
    }
    let rows = (0..tensor.rows()).into_par_iter();
    let off = rows.map_init(Vec::new, |row, n| row_on_grid(tensor, n, row)).find_any(|r| !matches!(r, Ok(true)));
    match off {
        None => Ok(true),
        Some(Ok(_)) => Ok(false),
        // Which bad row was found depends on timing; whether there is one does not. The first is named.
        Some(Err(_)) => (0..tensor.rows()).try_fold(true, |on, n| Ok(row_on_grid(tensor, n, &mut Vec::new())? && on)),
    }
}

fn row_on_grid(tensor: &Tensor<'_>, n: usize, row: &mut Vec<f32>) -> Result<bool, Error> {
    row.resize(tensor.cols(), 0.0);
    tensor.row_f32(n, row)?;
    Ok(row.chunks(GROUP).all(|g| group_scale(g).is_some()))
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

/// Encodes a row on the grid; gives its exponent and whether every mantissa is exact, `None` if it is not on the grid. `group`
/// divides 32.
pub(super) fn row(weights: &[f32], group: usize, out: &mut RowOut<'_>) -> Option<(i32, bool)> {
    if !GROUP.is_multiple_of(group) {
        return None;
    }
    let scales = weights.chunks(GROUP).map(group_scale).collect::<Option<Vec<f32>>>()?;
    for (k, (code, &w)) in out.codes.iter_mut().zip(weights).enumerate() {
        let s = scales[k / GROUP];
        let q = if s == 0.0 { 0 } else { (w / s).round() as i32 };
        *code = (q + 8) as u8;
    }
    let spread: Vec<f32> = (0..out.scales.len()).map(|g| scales[g * group / GROUP]).collect();
    let (m, exponent, lossless) = mantissas(&spread);
    out.scales.copy_from_slice(&m);
    Some((exponent, lossless))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_found_and_noise_is_not() {
        let s = 0.011_718_75; // 3 * 2^-8
        let on: Vec<f32> = (0..32).map(|i| ((i % 15) - 7) as f32 * s).collect();
        assert_eq!(group_scale(&on), Some(s));
        let (mut codes, mut scales) = ([0u8; 32], [0i32; 1]);
        let (_, lossless) = row(&on, 32, &mut RowOut { codes: &mut codes, scales: &mut scales, offsets: &mut [] }).unwrap();
        assert!(lossless && codes[0] == 1 && codes[14] == 15);
        let off: Vec<f32> = (0..32).map(|i| (i as f32 * 0.7).sin()).collect();
        assert_eq!(group_scale(&off), None);
        assert_eq!(group_scale(&[0.0; 32]), Some(0.0));
    }
}
