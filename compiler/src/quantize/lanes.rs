//! Eight single-precision lanes: as an array anywhere, as one register with AVX2. Both do the same operations in the same order, so
//! they give the same bits; the compiler does not find the registers by itself.

pub(super) const LANES: usize = 8;

/// Eight numbers that are worked on at once.
pub(super) trait Lanes: Copy {
    fn load(from: &[f32; LANES]) -> Self;
    fn splat(x: f32) -> Self;
    fn store(self) -> [f32; LANES];
    fn add(self, o: Self) -> Self;
    fn sub(self, o: Self) -> Self;
    fn mul(self, o: Self) -> Self;
    /// `self > o ? self : o`, lane by lane.
    fn max(self, o: Self) -> Self;
    /// `self < o ? self : o`, lane by lane.
    fn min(self, o: Self) -> Self;
    fn abs(self) -> Self;
}

impl Lanes for [f32; LANES] {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        *from
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        [x; LANES]
    }
    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        self
    }
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        std::array::from_fn(|i| self[i] + o[i])
    }
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        std::array::from_fn(|i| self[i] - o[i])
    }
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        std::array::from_fn(|i| self[i] * o[i])
    }
    #[inline(always)]
    fn max(self, o: Self) -> Self {
        std::array::from_fn(|i| if self[i] > o[i] { self[i] } else { o[i] })
    }
    #[inline(always)]
    fn min(self, o: Self) -> Self {
        std::array::from_fn(|i| if self[i] < o[i] { self[i] } else { o[i] })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }
}

/// One AVX register. Made only where the processor has been asked for AVX2.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx(std::arch::x86_64::__m256);

// SAFETY of every block: an `Avx` exists only inside `row_avx2`, which is entered only on processors with AVX2; loads and stores take
// unaligned addresses of whole arrays.
#[cfg(target_arch = "x86_64")]
impl Lanes for Avx {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_loadu_ps(from.as_ptr()) })
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_set1_ps(x) })
    }
    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        let mut out = [0f32; LANES];
        unsafe { std::arch::x86_64::_mm256_storeu_ps(out.as_mut_ptr(), self.0) };
        out
    }
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_add_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_sub_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_mul_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn max(self, o: Self) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_max_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn min(self, o: Self) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_min_ps(self.0, o.0) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Avx(unsafe { std::arch::x86_64::_mm256_andnot_ps(std::arch::x86_64::_mm256_set1_ps(-0.0), self.0) })
    }
}
