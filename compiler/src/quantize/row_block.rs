//! Eight rows of a matrix side by side: every sum of the quantizer runs over inputs, for eight outputs at once, in one order on every
//! machine. Products are fused, by the processor where it can.

/// One number of each of eight rows.
pub(super) type RowBlock = [f32; BLOCK_ROWS];
pub(super) const BLOCK_ROWS: usize = 8;

/// `sum over j of c[j] * x[j]`.
#[inline(always)]
pub(super) fn dot(c: &[f32], x: &[RowBlock]) -> RowBlock {
    // Four sums, so that one product need not wait for the last.
    let mut sums = [[0f32; BLOCK_ROWS]; 4];
    let (c4, x4) = (c.chunks_exact(4), x[..c.len()].chunks_exact(4));
    for (i, (&c, x)) in c4.remainder().iter().zip(x4.remainder()).enumerate() {
        add_scaled(&mut sums[i], c, x);
    }
    for (c, x) in c4.zip(x4) {
        for i in 0..4 {
            add_scaled(&mut sums[i], c[i], &x[i]);
        }
    }
    std::array::from_fn(|i| (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]))
}

/// `y[k] += c[k] * by`.
#[inline(always)]
pub(super) fn add_outer(y: &mut [RowBlock], c: &[f32], by: &RowBlock) {
    for (y, &c) in y.iter_mut().zip(c) {
        add_scaled(y, c, by);
    }
}

#[inline(always)]
pub(super) fn add_scaled(y: &mut RowBlock, c: f32, x: &RowBlock) {
    for i in 0..BLOCK_ROWS {
        y[i] = x[i].mul_add(c, y[i]);
    }
}

#[inline(always)]
pub(super) fn zip_with(a: RowBlock, b: RowBlock, f: impl Fn(f32, f32) -> f32) -> RowBlock {
    std::array::from_fn(|i| f(a[i], b[i]))
}

/// The values that codes of a matrix select, and how a number finds the nearest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GridValues {
    /// In rising order.
    values: Vec<f32>,
    /// Half-way between neighbours; empty where values are consecutive integers.
    cuts: Vec<f32>,
}

/// Adding and subtracting 1.5 * 2^23 rounds a small float to the nearest integer.
const ROUND: f32 = 12_582_912.0;

impl GridValues {
    /// `values` rise.
    pub fn new(values: &[i32]) -> GridValues {
        let consecutive = values.windows(2).all(|v| v[1] == v[0] + 1);
        let cuts = if consecutive { Vec::new() } else { values.windows(2).map(|v| (v[0] + v[1]) as f32 / 2.0).collect() };
        GridValues { values: values.iter().map(|&v| v as f32).collect(), cuts }
    }

    pub fn least(&self) -> f32 {
        self.values[0]
    }

    pub fn greatest(&self) -> f32 {
        self.values[self.values.len() - 1]
    }

    /// Nearest values and their codes.
    #[inline(always)]
    pub fn nearest(&self, x: &RowBlock) -> (RowBlock, RowBlock) {
        if self.cuts.is_empty() {
            let (low, high) = (self.least(), self.greatest());
            let v = x.map(|x| (x.max(low).min(high) + ROUND) - ROUND);
            return (v, v.map(|v| v - low));
        }
        let mut code = [0f32; BLOCK_ROWS];
        let mut value = [self.values[0]; BLOCK_ROWS];
        for (&cut, &next) in self.cuts.iter().zip(&self.values[1..]) {
            for i in 0..BLOCK_ROWS {
                let above = x[i] > cut;
                code[i] += if above { 1.0 } else { 0.0 };
                value[i] = if above { next } else { value[i] };
            }
        }
        (value, code)
    }
}
