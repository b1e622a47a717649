//! GGUF blocks kept as stored: the same codes, and the same scales and offsets as exact mantissas under one exponent a row.

use super::encode::{Row, mantissas};
use crate::error::Error;
use hardwire_models::Tensor;

/// Row `n` of a block-quantised tensor. `group` divides the `stored` block: finer groups repeat its scale.
pub(super) fn row(tensor: &Tensor<'_>, n: usize, stored: usize, code_min: i32, has_offset: bool, group: usize) -> Result<Row, Error> {
    if !stored.is_multiple_of(group) {
        return Err(Error::model(tensor.name, format!("blocks of {stored} cannot share a feed with groups of {group}")));
    }
    let cols = tensor.cols();
    let blocks = cols / stored;
    let (mut codes, mut scales, mut offsets) = (vec![0i16; cols], vec![0f32; blocks], vec![0f32; blocks]);
    tensor.row_blocks(n, &mut codes, &mut scales, &mut offsets)?;
    let mut values = scales;
    if has_offset {
        values.extend(offsets);
    }
    let (m, exponent, lossless) = mantissas(&values);
    let repeat = |m: &[i32]| m.iter().flat_map(|&v| std::iter::repeat_n(v, stored / group)).collect::<Vec<i32>>();
    Ok(Row {
        codes: codes.iter().map(|&c| (i32::from(c) - code_min) as u8).collect(),
        scales: repeat(&m[..blocks]),
        offsets: if has_offset { repeat(&m[blocks..]) } else { Vec::new() },
        exponent,
        lossless,
    })
}
