//! One row in the chip's number system: where an encoder puts it, what it proves, and floats as mantissas under one exponent.

/// Widest scale or offset mantissa kept exactly: an `f16` times a sub-scale is 18 bits, the rest is room for the scales of a row to
/// differ. Past it they are rounded to this width and the matrix is not lossless.
pub(super) const MAX_MANTISSA_BITS: u32 = 28;

/// Where an encoder puts one row.
pub(super) struct RowOut<'a> {
    /// Index into the codebook, one an input.
    pub codes: &'a mut [u8],
    /// One a group: `scale = mantissa * 2^exponent`.
    pub scales: &'a mut [i32],
    /// Empty where the coding has none.
    pub offsets: &'a mut [i32],
}

/// What one encoded row proves and loses.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub exponent: i32,
    pub lossless: bool,
    /// Of [`Mantissas`].
    pub exact_bits: u32,
    /// Greatest sum of code magnitudes in a group.
    pub max_group_sum: u64,
    /// Greatest magnitude of the scaled sum, for activations of one.
    pub max_total: u64,
    pub error: f64,
    pub energy: f64,
}

impl Facts {
    /// Takes in a group of `len` codes whose magnitudes sum to `code_sum`.
    pub fn group(&mut self, scale: u64, offset: u64, code_sum: u64, len: usize) {
        self.max_group_sum = self.max_group_sum.max(code_sum);
        self.max_total = self.max_total.saturating_add(scale * code_sum + offset * len as u64);
    }
}

/// Bits of a signed number of this magnitude.
pub(super) fn bits(magnitude: u64) -> u8 {
    (64 - magnitude.leading_zeros() + 1) as u8
}

/// Floats under one exponent.
pub(super) struct Mantissas {
    pub values: Vec<i32>,
    pub exponent: i32,
    /// That exact ones need, sign included; rounded where [`MAX_MANTISSA_BITS`] do not hold them.
    pub bits: u32,
}

/// The mantissas of `values` under the greatest exponent that keeps them exact, or the least that keeps them narrow.
pub(super) fn mantissas(values: &[f32]) -> Mantissas {
    let parts: Vec<(i64, i32)> = values.iter().map(|&v| split(v)).collect();
    let some = || parts.iter().filter(|p| p.0 != 0);
    let Some(low) = some().map(|p| p.1).min() else { return Mantissas { values: vec![0; values.len()], exponent: 0, bits: 0 } };
    let top = some().map(|p| p.1 + (64 - p.0.unsigned_abs().leading_zeros()) as i32).max().unwrap_or(low);
    let exact_bits = top - low + 1;
    let over = (exact_bits - MAX_MANTISSA_BITS as i32).max(0);
    // Rounding may carry into one bit more.
    let exponent = if over > 0 { low + over + 1 } else { low };
    let scaled = |&(m, e): &(i64, i32)| {
        let up = e - exponent;
        if up >= 0 { (m << up) as i32 } else { libm::round(m as f64 * libm::exp2(f64::from(up))) as i32 }
    };
    Mantissas { values: parts.iter().map(scaled).collect(), exponent, bits: exact_bits as u32 }
}

/// `x = m * 2^e` with odd `m`, or (0, 0).
fn split(x: f32) -> (i64, i32) {
    if x == 0.0 {
        return (0, 0);
    }
    let bits = x.to_bits();
    let (field, fraction) = ((bits >> 23 & 0xff) as i32, i64::from(bits & 0x7f_ffff));
    let (m, e) = if field == 0 { (fraction, -149) } else { (fraction | 1 << 23, field - 150) };
    let zeros = m.trailing_zeros();
    let m = m >> zeros;
    (if x < 0.0 { -m } else { m }, e + zeros as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mantissas_reproduce_the_floats() {
        let values = [0.75f32, -3.0, 0.0, 1.0 / 1024.0];
        let made = mantissas(&values);
        // 3072 units of 2^-10, and a sign.
        assert_eq!(made.bits, 13);
        for (v, m) in values.iter().zip(&made.values) {
            assert_eq!(f64::from(*v), f64::from(*m) * libm::exp2(f64::from(made.exponent)));
        }
        let made = mantissas(&[1.0e20, 1.0e-20]);
        assert!(made.bits > MAX_MANTISSA_BITS && made.values[1] == 0);
        assert!((f64::from(made.values[0]) * libm::exp2(f64::from(made.exponent)) / 1.0e20 - 1.0).abs() < 1e-7);
        let zeros = mantissas(&[0.0, 0.0]);
        assert_eq!((zeros.bits, zeros.values), (0, vec![0, 0]));
    }

    #[test]
    fn mantissas_of_28_bits_are_kept_and_wider_ones_rounded() {
        let top = (1 << 26) as f32;
        let made = mantissas(&[top, 1.0, -3.0]);
        assert_eq!((made.bits, made.exponent, made.values), (28, 0, vec![1 << 26, 1, -3]));
        let made = mantissas(&[2.0 * top, 1.0, -3.0]);
        assert_eq!((made.bits, made.exponent, made.values), (29, 2, vec![1 << 25, 0, -1]));
    }
}
