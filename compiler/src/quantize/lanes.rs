//! Eight single-precision lanes: as an array anywhere, as one register with AVX2; and twice eight, which hold the same numbers for two
//! questions, as one register with AVX-512. All do the same operations in the same order, so they give the same bits; the compiler does not find
//! the registers by itself.

pub(super) const LANES: usize = 8;

/// What can be done lane by lane.
pub(super) trait Arith: Copy {
    fn splat(x: f32) -> Self;
    fn add(self, o: Self) -> Self;
    fn sub(self, o: Self) -> Self;
    fn mul(self, o: Self) -> Self;
    /// `self > o ? self : o`, lane by lane.
    fn max(self, o: Self) -> Self;
    /// `self < o ? self : o`, lane by lane.
    fn min(self, o: Self) -> Self;
}

/// Eight numbers that are worked on at once.
pub(super) trait Lanes: Arith {
    fn load(from: &[f32; LANES]) -> Self;
    fn store(self) -> [f32; LANES];
    fn abs(self) -> Self;
    /// Their sum, in the order of [`total`].
    fn total(self) -> f32;
}

/// Twice eight.
pub(super) trait Twin: Arith {
    /// The same eight in both.
    fn load(from: &[f32; LANES]) -> Self;
    /// One number in all lanes of each.
    fn pair(of: [f32; 2]) -> Self;
    /// The sum of each, in the order of [`total`].
    fn totals(self) -> [f32; 2];
}

/// The one order in which eight lanes are added.
fn total(lanes: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

impl Arith for [f32; LANES] {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        [x; LANES]
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
}

impl Lanes for [f32; LANES] {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        *from
    }
    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        self
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }
    #[inline(always)]
    fn total(self) -> f32 {
        total(self)
    }
}

impl<L: Lanes> Arith for (L, L) {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        (L::splat(x), L::splat(x))
    }
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        (self.0.add(o.0), self.1.add(o.1))
    }
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        (self.0.sub(o.0), self.1.sub(o.1))
    }
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        (self.0.mul(o.0), self.1.mul(o.1))
    }
    #[inline(always)]
    fn max(self, o: Self) -> Self {
        (self.0.max(o.0), self.1.max(o.1))
    }
    #[inline(always)]
    fn min(self, o: Self) -> Self {
        (self.0.min(o.0), self.1.min(o.1))
    }
}

impl<L: Lanes> Twin for (L, L) {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        (L::load(from), L::load(from))
    }
    #[inline(always)]
    fn pair(of: [f32; 2]) -> Self {
        (L::splat(of[0]), L::splat(of[1]))
    }
    #[inline(always)]
    fn totals(self) -> [f32; 2] {
        [self.0.total(), self.1.total()]
    }
}
