//! Floats that were trained on a grid: in each group of 32 every weight is `q * s` with `|q| <= 7` and a short mantissa `s`.
//! Recognised and kept exactly, so that the chip holds the very weights that were trained.

use super::row::{Mantissas, RowOut, mantissas};
use crate::error::Error;
use hardwire_models::Tensor;
use rayon::prelude::*;

/// Inputs that share a scale.
pub(super) const GROUP: usize = 32;
/// A scale of more significant bits than this is no grid but chance.
const MAX_SCALE_BITS: u32 = 12;

/// Bits of the codes if every group of every row lies on the grid. Gives up at the first group that does not.
pub(super) fn bits(tensor: &Tensor<'_>) -> Result<Option<u8>, Error> {
    let greatest = |n: usize, row: &mut Vec<f32>| {
        row.resize(tensor.cols(), 0.0);
        tensor.row_f32(n, row)?;
        Ok::<_, Error>(row.chunks(GROUP).try_fold(0, |most, g| Some(group_scale(g)?.1.max(most))))
    };
    // A row tells nearly always, and reading one is cheap.
    if tensor.rows() > 0 && greatest(0, &mut Vec::new())?.is_none() {
        return Ok(None);
    }
    let rows = (0..tensor.rows()).into_par_iter();
    // An error without one in it is a row off the grid.
    let one = |row: &mut Vec<f32>, n| -> Result<u8, Option<Error>> { greatest(n, row).map_err(Some)?.ok_or(None) };
    let found = rows.map_init(Vec::new, one).try_reduce(|| 0, |a, b| Ok(a.max(b)));
    match found {
        Ok(0..=1) => Ok(Some(2)),
        Ok(2..=3) => Ok(Some(3)),
        Ok(_) => Ok(Some(4)),
        Err(None) => Ok(None),
        // Which bad row was found depends on timing; whether there is one does not. The first is named.
        Err(Some(_)) => (0..tensor.rows()).try_fold(None, |_, n| greatest(n, &mut Vec::new()).map(|_| None)),
    }
}

/// What codes of `bits` stand for. Ternary ones lie in pairs, so that a column needs half a selector.
pub(super) fn codebook(bits: u8) -> Vec<i32> {
    if bits == 2 { vec![-1, 0, 0, 1] } else { (-(1 << (bits - 1))..1 << (bits - 1)).collect() }
}

/// The largest `s` with every weight exactly `q * s`, `|q| <= 7`, and the greatest `|q|`; zeros for an all-zero group.
fn group_scale(weights: &[f32]) -> Option<(f32, u8)> {
    let max = weights.iter().fold(0f32, |m, w| m.max(w.abs()));
    if max == 0.0 {
        return Some((0.0, 0));
    }
    (1..=7u8).map(|q| (max / f32::from(q), q)).find(|&(s, _)| {
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

/// Encodes a row on the grid; `None` if it is not on it. `group` divides 32.
pub(super) fn row(weights: &[f32], codebook: &[i32], group: usize, out: &mut RowOut<'_>) -> Option<Mantissas> {
    if !GROUP.is_multiple_of(group) {
        return None;
    }
    let scales = weights.chunks(GROUP).map(|g| Some(group_scale(g)?.0)).collect::<Option<Vec<f32>>>()?;
    for (k, (code, &w)) in out.codes.iter_mut().zip(weights).enumerate() {
        let s = scales[k / GROUP];
        let q = if s == 0.0 { 0 } else { (w / s).round() as i32 };
        *code = codebook.partition_point(|&v| v < q) as u8;
    }
    let spread: Vec<f32> = (0..out.scales.len()).map(|g| scales[g * group / GROUP]).collect();
    let made = mantissas(&spread);
    out.scales.copy_from_slice(&made.values);
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_found_and_noise_is_not() {
        let s = 0.011_718_75; // 3 * 2^-8
        let on: Vec<f32> = (0..32).map(|i| ((i % 15) - 7) as f32 * s).collect();
        assert_eq!(group_scale(&on), Some((s, 7)));
        let (mut codes, mut scales) = ([0u8; 32], [0i32; 1]);
        let mut out = RowOut { codes: &mut codes, scales: &mut scales, offsets: &mut [] };
        assert_eq!(row(&on, &codebook(4), 32, &mut out).unwrap().bits, 3);
        assert!(codes[0] == 1 && codes[14] == 15);
        let off: Vec<f32> = (0..32).map(|i| (i as f32 * 0.7).sin()).collect();
        assert_eq!(group_scale(&off), None);
        assert_eq!(group_scale(&[0.0; 32]), Some((0.0, 0)));
    }
}
