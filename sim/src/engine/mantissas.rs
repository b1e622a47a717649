//! Scales and offsets, held in as few bytes as their values allow: every token reads them all.

use super::lanes::ROWS;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Signed mantissas of a matrix, `[block][group][ROWS]`: those of [`ROWS`] outputs lie together.
pub(super) enum Mantissas {
    Bytes(Vec<i8>),
    Words(Vec<i16>),
    /// Twelve bits and, below them, a left shift of four: what was a 16-bit float in a checkpoint has no more.
    Shifted(Vec<i16>),
    Wide(Vec<i32>),
}

impl Mantissas {
    /// `get(n, g)` for every output and group; those past the last output are 0.
    pub(super) fn new(outputs: usize, groups: usize, get: impl Fn(u32, u32) -> i32) -> Self {
        let mut values = vec![0; outputs.div_ceil(ROWS) * groups * ROWS];
        for n in 0..outputs {
            for g in 0..groups {
                values[(n / ROWS * groups + g) * ROWS + n % ROWS] = get(n as u32, g as u32);
            }
        }
        if values.iter().all(|&v| i8::try_from(v).is_ok()) {
            Mantissas::Bytes(values.iter().map(|&v| v as i8).collect())
        } else if values.iter().all(|&v| i16::try_from(v).is_ok()) {
            Mantissas::Words(values.iter().map(|&v| v as i16).collect())
        } else if let Some(shifted) = values.iter().map(|&v| shifted(v)).collect() {
            Mantissas::Shifted(shifted)
        } else {
            Mantissas::Wide(values)
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Mantissas::Bytes(v) => v.len(),
            Mantissas::Words(v) | Mantissas::Shifted(v) => 2 * v.len(),
            Mantissas::Wide(v) => 4 * v.len(),
        }
    }

    pub(super) fn at(&self, i: usize) -> i32 {
        match self {
            Mantissas::Bytes(v) => i32::from(v[i]),
            Mantissas::Words(v) => i32::from(v[i]),
            Mantissas::Shifted(v) => i32::from(v[i] >> 4) << (v[i] & 15),
            Mantissas::Wide(v) => v[i],
        }
    }

    /// Those of one group of one block, which begin at `first`.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn load(&self, first: usize) -> __m256i {
        let end = first + ROWS;
        // SAFETY: eight integers are as many bytes as are loaded; the slices check that they are there.
        unsafe {
            match self {
                Mantissas::Bytes(v) => _mm256_cvtepi8_epi32(_mm_loadl_epi64(v[first..end].as_ptr().cast())),
                Mantissas::Words(v) => _mm256_cvtepi16_epi32(_mm_loadu_si128(v[first..end].as_ptr().cast())),
                Mantissas::Shifted(v) => {
                    let x = _mm256_cvtepi16_epi32(_mm_loadu_si128(v[first..end].as_ptr().cast()));
                    _mm256_sllv_epi32(_mm256_srai_epi32(x, 4), _mm256_and_si256(x, _mm256_set1_epi32(15)))
                }
                Mantissas::Wide(v) => _mm256_loadu_si256(v[first..end].as_ptr().cast()),
            }
        }
    }
}

/// `v` as twelve bits above a shift of four, where it has that form.
fn shifted(v: i32) -> Option<i16> {
    let shift = v.trailing_zeros().min(15);
    let mantissa = v >> shift;
    (-2048..2048).contains(&mantissa).then_some((mantissa << 4) as i16 | shift as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_back_what_went_in() {
        let form = |m: &Mantissas| match m {
            Mantissas::Bytes(_) => "bytes",
            Mantissas::Words(_) => "words",
            Mantissas::Shifted(_) => "shifted",
            Mantissas::Wide(_) => "wide",
        };
        for (values, expected) in [
            (&[0, 127, -128][..], "bytes"),
            (&[128, -32768, 32767], "words"),
            (&[2047 << 15, -2048 << 15, 1 << 25, 3, 0], "shifted"),
            (&[2049 << 15, 1, i32::MAX, i32::MIN], "wide"),
        ] {
            let (outputs, groups) = (11, 3);
            let value = |n: u32, g: u32| values[(n * 3 + g) as usize % values.len()];
            let m = Mantissas::new(outputs, groups, value);
            assert_eq!(form(&m), expected, "{values:?}");
            for i in 0..2 * groups * ROWS {
                let (n, g) = (i / ROWS / groups * ROWS + i % ROWS, i / ROWS % groups);
                assert_eq!(m.at(i), if n < outputs { value(n as u32, g as u32) } else { 0 });
            }
            #[cfg(target_arch = "x86_64")]
            if crate::engine::lanes::has_vector_units() {
                for first in (0..2 * groups * ROWS).step_by(ROWS) {
                    let mut loaded = [0i32; ROWS];
                    // SAFETY: the features were just detected, and the array is as large as the register.
                    unsafe { _mm256_storeu_si256(loaded.as_mut_ptr().cast(), m.load(first)) };
                    assert!(loaded.iter().enumerate().all(|(i, &v)| v == m.at(first + i)));
                }
            }
        }
    }
}
