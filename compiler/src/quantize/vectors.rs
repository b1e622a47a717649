//! Lanes as the registers of x86.
//!
//! SAFETY of every block: an `Avx` exists only inside functions that are entered only on processors with AVX2, an `Avx512` with AVX-512F and
//! DQ too; loads and stores take unaligned addresses of whole arrays.

use super::lanes::{Arith, LANES, Lanes, Twin};
use std::arch::x86_64::*;

/// One AVX register. Made only where the processor has been asked for AVX2.
#[derive(Clone, Copy)]
pub(super) struct Avx(__m256);

/// One AVX-512 register. Made only where the processor has been asked for AVX-512F and DQ.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

impl Arith for Avx {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Avx(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        Avx(unsafe { _mm256_add_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        Avx(unsafe { _mm256_sub_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        Avx(unsafe { _mm256_mul_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn max(self, o: Self) -> Self {
        Avx(unsafe { _mm256_max_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn min(self, o: Self) -> Self {
        Avx(unsafe { _mm256_min_ps(self.0, o.0) })
    }
}

impl Lanes for Avx {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        Avx(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }
    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        let mut out = [0f32; LANES];
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), self.0) };
        out
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Avx(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
    }
    #[inline(always)]
    fn total(self) -> f32 {
        unsafe {
            let fours = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps(self.0, 1));
            let twos = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
            _mm_cvtss_f32(_mm_add_ss(twos, _mm_shuffle_ps(twos, twos, 1)))
        }
    }
}

impl Arith for Avx512 {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Avx512(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        Avx512(unsafe { _mm512_add_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        Avx512(unsafe { _mm512_sub_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        Avx512(unsafe { _mm512_mul_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn max(self, o: Self) -> Self {
        Avx512(unsafe { _mm512_max_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn min(self, o: Self) -> Self {
        Avx512(unsafe { _mm512_min_ps(self.0, o.0) })
    }
}

impl Twin for Avx512 {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        Avx512(unsafe { _mm512_broadcast_f32x8(_mm256_loadu_ps(from.as_ptr())) })
    }
    #[inline(always)]
    fn pair(of: [f32; 2]) -> Self {
        Avx512(unsafe { _mm512_insertf32x8(_mm512_set1_ps(of[0]), _mm256_set1_ps(of[1]), 1) })
    }
    #[inline(always)]
    fn totals(self) -> [f32; 2] {
        let halves = unsafe { [_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps(self.0, 1)] };
        halves.map(|half| Avx(half).total())
    }
}
