//! Blocks kept as stored: the same codes, and the same scales and offsets as exact mantissas under one exponent a row.

use super::row::{Mantissas, RowOut, mantissas};
use crate::error::Error;
use hardwire_models::{BlockFormat, Tensor};

/// Bits of a code on the chip and the values that codes stand for: all the stored ones.
pub(super) fn codebook(stored: &BlockFormat) -> (u8, Vec<i32>) {
    let mut values: Vec<i32> = match stored.values {
        Some(values) => values.iter().map(|&v| i32::from(v)).collect(),
        None => (stored.code_min..=stored.code_max).collect(),
    };
    let bits = match values.len() {
        0..=4 => 2,
        5..=8 => 3,
        9..=16 => 4,
        17..=64 => 6,
        _ => 8,
    };
    let missing = (1 << bits) - values.len();
    if bits > 4 {
        // Wide codes count up: their columns multiply instead of selecting.
        values.extend((1..=missing as i32).map(|i| stored.code_max + i));
    } else {
        // Zeros leave in pairs what lies in pairs, so that a column needs half a selector.
        let middle = values.partition_point(|&v| v < 0);
        values.splice(middle..middle, std::iter::repeat_n(0, missing));
    }
    (bits, values)
}

/// Row `n` of a block-quantised tensor. Groups of the chip divide the stored ones, whose scales they repeat, or join whole ones that
/// share a scale.
pub(super) fn row(
    tensor: &Tensor<'_>,
    n: usize,
    stored: &BlockFormat,
    codebook: &[i32],
    group: usize,
    out: &mut RowOut<'_>,
) -> Result<Mantissas, Error> {
    let cols = tensor.cols();
    let fits = stored.group.is_multiple_of(group) || stored.one_scale && (group >= cols || group.is_multiple_of(stored.group));
    if !fits {
        return Err(Error::model(tensor.name, format!("blocks of {} cannot share a feed with groups of {group}", stored.group)));
    }
    let blocks = cols / stored.group;
    let (mut codes, mut values, mut offsets) = (vec![0i16; cols], vec![0f32; blocks], vec![0f32; blocks]);
    tensor.row_blocks(n, &mut codes, &mut values, &mut offsets)?;
    // Where every code is zero, any scale is the same: it shall not widen those that matter.
    for (scale, codes) in values.iter_mut().zip(codes.chunks(stored.group)) {
        if codes.iter().all(|&c| c == 0) {
            *scale = 0.0;
        }
    }
    if stored.has_offset {
        values.extend(offsets);
    }
    // Codebooks rise, and code 0 is the least stored value: the first of equal values has the code.
    let mut code_of = [0u8; 256];
    for (code, &v) in codebook.iter().enumerate().rev().filter(|(_, v)| (stored.code_min..=stored.code_max).contains(*v)) {
        code_of[(v - stored.code_min) as usize] = code as u8;
    }
    out.codes.iter_mut().zip(&codes).for_each(|(to, &c)| *to = code_of[(i32::from(c) - stored.code_min) as usize]);
    let made = mantissas(&values);
    out.scales.iter_mut().enumerate().for_each(|(g, s)| *s = made.values[g * group / stored.group]);
    out.offsets.iter_mut().enumerate().for_each(|(g, o)| *o = made.values[blocks + g * group / stored.group]);
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codebooks_hold_every_stored_value_and_pair_where_they_can() {
        let format =
            |code_min, code_max, values| BlockFormat { group: 32, code_min, code_max, has_offset: false, values, one_scale: false };
        assert_eq!(codebook(&format(-1, 1, None)), (2, vec![-1, 0, 0, 1]));
        assert_eq!(codebook(&format(-4, 3, None)), (3, (-4..4).collect()));
        assert_eq!(codebook(&format(0, 31, None)), (6, (0..64).collect()));
        assert_eq!(codebook(&format(-128, 127, None)), (8, (-128..128).collect()));
        let (bits, values) = codebook(&format(-6, 6, Some(&[-6, -4, -2, 0, 2, 4, 6])));
        assert_eq!((bits, values), (3, vec![-6, -4, -2, 0, 0, 2, 4, 6]));
    }
}
