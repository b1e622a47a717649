//! GGUF blocks kept as stored: the same codes, and the same scales and offsets as exact mantissas under one exponent a row.

use super::encode::{RowOut, mantissas};
use crate::error::Error;
use hardwire_models::Tensor;

/// How a tensor's blocks are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    /// Inputs that share a scale in the file.
    pub group: usize,
    pub code_min: i32,
    pub has_offset: bool,
}

/// Row `n` of a block-quantised tensor; gives the row's exponent and whether every mantissa is exact. `group` divides the stored
/// one: finer groups repeat its scale.
pub(super) fn row(tensor: &Tensor<'_>, n: usize, stored: Stored, group: usize, out: &mut RowOut<'_>) -> Result<(i32, bool), Error> {
    if !stored.group.is_multiple_of(group) {
        return Err(Error::model(tensor.name, format!("blocks of {} cannot share a feed with groups of {group}", stored.group)));
    }
    let cols = tensor.cols();
    let blocks = cols / stored.group;
    let (mut codes, mut values, mut offsets) = (vec![0i16; cols], vec![0f32; blocks], vec![0f32; blocks]);
    tensor.row_blocks(n, &mut codes, &mut values, &mut offsets)?;
    if stored.has_offset {
        values.extend(offsets);
    }
    let (m, exponent, lossless) = mantissas(&values);
    let repeat = stored.group / group;
    out.codes.iter_mut().zip(&codes).for_each(|(to, &c)| *to = (i32::from(c) - stored.code_min) as u8);
    out.scales.iter_mut().enumerate().for_each(|(g, s)| *s = m[g / repeat]);
    out.offsets.iter_mut().enumerate().for_each(|(g, o)| *o = m[blocks + g / repeat]);
    Ok((exponent, lossless))
}
