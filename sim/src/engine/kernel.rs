//! The inner loops. A weight costs half a byte of memory traffic at four bits; everything here serves to stay near that.

#[cfg(target_arch = "x86_64")]
use super::{
    activations::Vector,
    lanes::ROWS,
    mantissas::Mantissas,
    packed::{Layout, Packed},
};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Sum of products, exact. Written so that the compiler makes multiply-add vectors of it; 32-bit partial sums over 64 products of
/// 12 by 8 bits cannot overflow, and 16 by 8 bits neither.
pub(super) fn dot(w: &[i16], a: &[i16]) -> i64 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the feature was just detected.
        return unsafe { dot_avx2(w, a) };
    }
    dot_any(w, a)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_avx2(w: &[i16], a: &[i16]) -> i64 {
    dot_any(w, a)
}

#[inline(always)]
fn dot_any(w: &[i16], a: &[i16]) -> i64 {
    w.chunks(64).zip(a.chunks(64)).map(|(w, a)| i64::from(w.iter().zip(a).map(|(&w, &a)| i32::from(w) * i32::from(a)).sum::<i32>())).sum()
}

/// `z[t][i]`: the sum over groups of `scales[g][i] * (row i of the block . vector t in group g) + offsets[g][i] * sums[t][g]`.
#[cfg(target_arch = "x86_64")]
pub(super) fn multiply<const T: usize>(
    packed: &Packed,
    block: usize,
    vectors: [&Vector<'_>; T],
    scales: &Mantissas,
    offsets: Option<&Mantissas>,
) -> [[i64; ROWS]; T] {
    assert!(vectors.iter().all(|v| v.a.len() >= packed.steps * 2 * packed.layout.pairs()));
    // SAFETY: lanes are packed only where avx2 was detected, and the lengths were just checked.
    unsafe { multiply_avx2(packed, block, vectors, scales, offsets) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn multiply_avx2<const T: usize>(
    packed: &Packed,
    block: usize,
    vectors: [&Vector<'_>; T],
    scales: &Mantissas,
    offsets: Option<&Mantissas>,
) -> [[i64; ROWS]; T] {
    let (nibble, low, byte) = (_mm256_set1_epi16(15), _mm256_set1_epi8(15), _mm256_set1_epi16(255));
    match packed.layout {
        Layout::Nibbles => run(packed, block, vectors, scales, offsets, |x| {
            let [x4, x8] = [_mm256_srli_epi16(x, 4), _mm256_srli_epi16(x, 8)];
            [_mm256_and_si256(x, nibble), _mm256_and_si256(x4, nibble), _mm256_and_si256(x8, nibble), _mm256_srli_epi16(x, 12)]
        }),
        Layout::Looked(table) => {
            // SAFETY: sixteen bytes are one vector.
            let table = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) });
            run(packed, block, vectors, scales, offsets, |x| {
                let even = _mm256_shuffle_epi8(table, _mm256_and_si256(x, low));
                let odd = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
                [_mm256_and_si256(even, byte), _mm256_and_si256(odd, byte), _mm256_srli_epi16(even, 8), _mm256_srli_epi16(odd, 8)]
            })
        }
        Layout::Bytes => run(packed, block, vectors, scales, offsets, |x| [_mm256_and_si256(x, byte), _mm256_srli_epi16(x, 8)]),
    }
}

/// Bytes between what is multiplied and what is asked for from memory. The machine's own look-ahead ends at every 4 KiB: asking makes a
/// token of SmolLM2 a fifth faster here.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 2048;

/// `unpack` makes of one register the pairs of 16-bit values of a step.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn run<const T: usize, const PAIRS: usize>(
    packed: &Packed,
    block: usize,
    vectors: [&Vector<'_>; T],
    scales: &Mantissas,
    offsets: Option<&Mantissas>,
    unpack: impl Fn(__m256i) -> [__m256i; PAIRS],
) -> [[i64; ROWS]; T] {
    let lanes = packed.block(block);
    let first_mantissa = block * lanes.len().div_ceil(packed.per_group) * ROWS;
    let mut totals: [Totals; T] = std::array::from_fn(|_| Totals::new());
    for (g, lanes) in lanes.chunks(packed.per_group).enumerate() {
        // What the lanes leave out of every value is the same for the whole group.
        let mut sums: [__m256i; T] = std::array::from_fn(|t| _mm256_set1_epi32(packed.least.wrapping_mul(vectors[t].sums[g] as i32)));
        for (s, step) in lanes.iter().enumerate() {
            let first = (g * packed.per_group + s) * 2 * PAIRS;
            // SAFETY: a step is one register, and the caller checked that every vector has `2 * PAIRS` elements a step.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>((&raw const *step).cast::<i8>().wrapping_add(AHEAD));
                let w = unpack(_mm256_load_si256((&raw const step.0).cast()));
                for t in 0..T {
                    let pairs: *const i32 = vectors[t].a.as_ptr().add(first).cast();
                    let product = |p: usize| _mm256_madd_epi16(w[p], _mm256_set1_epi32(pairs.add(p).read_unaligned()));
                    let mut of_step = product(0);
                    for p in 1..PAIRS {
                        of_step = _mm256_add_epi32(of_step, product(p));
                    }
                    sums[t] = _mm256_add_epi32(sums[t], of_step);
                }
            }
        }
        let scale = scales.load(first_mantissa + g * ROWS);
        for t in 0..T {
            totals[t].add(sums[t], scale);
        }
        if let Some(offsets) = offsets {
            let offset = offsets.load(first_mantissa + g * ROWS);
            for t in 0..T {
                totals[t].add(_mm256_set1_epi32(vectors[t].sums[g] as i32), offset);
            }
        }
    }
    std::array::from_fn(|t| totals[t].values())
}

/// 64-bit totals of [`ROWS`] outputs: even rows and odd rows apart.
#[cfg(target_arch = "x86_64")]
struct Totals {
    even: __m256i,
    odd: __m256i,
}

#[cfg(target_arch = "x86_64")]
impl Totals {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new() -> Self {
        Totals { even: _mm256_setzero_si256(), odd: _mm256_setzero_si256() }
    }

    /// Adds the products of 32-bit lanes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn add(&mut self, x: __m256i, y: __m256i) {
        self.even = _mm256_add_epi64(self.even, _mm256_mul_epi32(x, y));
        self.odd = _mm256_add_epi64(self.odd, _mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32)));
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn values(&self) -> [i64; ROWS] {
        let (mut even, mut odd) = ([0i64; ROWS / 2], [0i64; ROWS / 2]);
        // SAFETY: arrays of four 64-bit integers are one vector each.
        unsafe {
            _mm256_storeu_si256(even.as_mut_ptr().cast(), self.even);
            _mm256_storeu_si256(odd.as_mut_ptr().cast(), self.odd);
        }
        std::array::from_fn(|i| if i % 2 == 0 { even[i / 2] } else { odd[i / 2] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{activations::Activations, arena::Arena, packed::Shape};
    use hardwire_netlist::program::ProgramId;
    use hardwire_netlist::unit::{MatrixSpec, RowPermutation};

    fn noise(n: usize, seed: u64) -> Vec<u64> {
        let mut s = seed;
        (0..n)
            .map(|_| {
                s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                s >> 33
            })
            .collect()
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn packed_products_equal_plain_sums_at_the_extremes_too() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            eprintln!("skipped: this processor has no AVX2");
            return;
        }
        let spread: Vec<i32> = (0..16).map(|i| if i == 0 { -128 } else { i * 17 - 128 }).collect();
        let consecutive = |bits: u8| (0..1i32 << bits).map(|i| i - (1 << (bits - 1))).collect::<Vec<i32>>();
        for (bits, codebook) in
            [(2, consecutive(2)), (3, consecutive(3)), (4, consecutive(4)), (4, spread), (6, consecutive(6)), (8, consecutive(8))]
        {
            for (inputs, group) in [(32, 32), (576, 32), (172, 32), (256, 64), (100, 100), (100, 7), (75, 24), (4096, 4096)] {
                check(bits, &codebook, inputs, group);
            }
        }
    }

    /// A random matrix of some rows, its first activation and scale as large as they come.
    #[cfg(target_arch = "x86_64")]
    fn check(bits: u8, codebook: &[i32], inputs: usize, group: usize) {
        let outputs = ROWS + 3;
        let stride = hardwire_netlist::program::row_stride(inputs as u32, bits) as usize;
        let mut packed_rows = vec![0; stride * outputs];
        let codes: Vec<Vec<u8>> =
            (0..outputs as u64).map(|n| noise(inputs, n + 9).iter().map(|&x| (x % (1 << bits)) as u8).collect()).collect();
        codes.iter().zip(packed_rows.chunks_mut(stride)).for_each(|(codes, row)| hardwire_netlist::program::pack_row(codes, bits, row));
        let rows: Vec<&[u8]> = packed_rows.chunks(stride).collect();
        let spec = MatrixSpec {
            tensor: String::new(),
            inputs: inputs as u32,
            outputs: outputs as u32,
            code_bits: bits,
            codebook: codebook.to_vec(),
            group: group as u32,
            scale_bits: 31,
            offset_bits: 31,
            bias: false,
            shift_bits: 0,
            rows: RowPermutation::Identity,
            program: ProgramId(0),
        };
        let shape = Shape::new(&spec, 32).expect("there are vector units");
        let mut arena = Arena::new(shape.len());
        shape.pack(|n| rows[n], arena.lanes_mut());
        let packed = Packed::new(shape, arena.into(), 0);
        let values: [Vec<i32>; 2] = [3, 4].map(|seed| noise(inputs, seed).iter().map(|&x| (x % 65535) as i32 - 32767).collect());
        let activations = [0, 1].map(|t| {
            let mut a = Activations::default();
            a.fill(&values[t], 16);
            a
        });
        let vectors = [0, 1].map(|t| activations[t].vector(group, Some(&packed)));
        let groups = inputs.div_ceil(group);
        let random = |seed| noise(outputs * groups, seed).iter().map(|&x| x as i32 - (1 << 30)).collect::<Vec<i32>>();
        let (scales, offsets) = (random(5), random(6));
        let mantissas = |values: &[i32]| Mantissas::new(outputs, groups, |n, g| values[n as usize * groups + g as usize]);
        let (packed_scales, packed_offsets) = (mantissas(&scales), mantissas(&offsets));
        for block in 0..2 {
            let z = multiply(&packed, block, [&vectors[0], &vectors[1]], &packed_scales, Some(&packed_offsets));
            for (t, a) in activations.iter().map(Activations::values).enumerate() {
                for n in block * ROWS..outputs.min((block + 1) * ROWS) {
                    let plain = (0..inputs).map(|k| {
                        let at = n * groups + k / group;
                        let (s, o) = (i64::from(scales[at]), i64::from(offsets[at]));
                        (s * i64::from(codebook[usize::from(codes[n][k])]) + o) * i64::from(a[k])
                    });
                    assert_eq!(z[t][n % ROWS], plain.sum::<i64>(), "{bits} bits, {inputs} inputs, group {group}, row {n}");
                }
            }
        }
    }
}
