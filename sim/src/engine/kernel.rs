//! The inner loops. A weight costs half a byte of memory traffic at four bits; everything here serves to stay near that.

/// Codes one vector step takes: 32 nibbles, 16 bytes.
pub(super) const LANES: usize = 32;
/// Outputs computed together, so that their group sums are reduced by one transposition.
pub(super) const ROWS: usize = 8;

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

/// Values of a packed row.
pub(super) fn unpack(row: &[u8], code_bits: u8, codebook: &[i16], out: &mut [i16]) {
    match code_bits {
        8 => {
            for (o, &c) in out.iter_mut().zip(row) {
                *o = codebook[usize::from(c)];
            }
        }
        4 => {
            for (o, &c) in out.chunks_mut(2).zip(row) {
                o[0] = codebook[usize::from(c & 15)];
                if let Some(high) = o.get_mut(1) {
                    *high = codebook[usize::from(c >> 4)];
                }
            }
        }
        _ => {
            let mask = (1u32 << code_bits) - 1;
            let (mut bits, mut have, mut bytes) = (0u32, 0u8, row.iter());
            for o in out {
                while have < code_bits {
                    bits |= u32::from(*bytes.next().expect("rows hold all their codes")) << have;
                    have += 8;
                }
                *o = codebook[(bits & mask) as usize];
                bits >>= code_bits;
                have -= code_bits;
            }
        }
    }
}

/// Adds to `z[i]` the sum over groups of `scales[g][i] * (row i . a in group g)`.
///
/// `rows`: 16-byte multiples of nibbles. `codebook`: 16 values of 8 bits. `a`: activations, even and odd of every 32 apart, zero past
/// the inputs. `group`: a multiple of 32, or at least the inputs. `scales`: `[group][ROWS]`.
#[cfg(target_arch = "x86_64")]
pub(super) fn nibbles(rows: &[&[u8]; ROWS], codebook: &[i16], a: &[i16], group: usize, scales: &[i32], z: &mut [i64; ROWS]) {
    let steps = rows[0].len() / (LANES / 2);
    assert!(a.len() >= steps * LANES && codebook.len() == 16 && rows.iter().all(|r| r.len() == rows[0].len()));
    let per_group = group.div_ceil(LANES).max(1);
    assert!(scales.len() >= steps.div_ceil(per_group) * ROWS);
    let table: [i8; 16] = std::array::from_fn(|i| codebook[i] as i8);
    // SAFETY: `choose` picks this kernel only where avx2 was detected, and the lengths were just checked.
    unsafe { nibbles_avx2(rows, &table, a, steps, per_group, scales, z) }
}

/// As [`nibbles`] for 8-bit codes whose values are `first..first + 256`, `first` = -128; `a` in its own order.
#[cfg(target_arch = "x86_64")]
pub(super) fn bytes(rows: &[&[u8]; ROWS], first: i16, a: &[i16], group: usize, scales: &[i32], z: &mut [i64; ROWS]) {
    let steps = rows[0].len().div_ceil(LANES);
    assert!(first == -128 && a.len() >= steps * LANES && rows.iter().all(|r| r.len() == rows[0].len()));
    let per_group = group.div_ceil(LANES).max(1);
    assert!(scales.len() >= steps.div_ceil(per_group) * ROWS);
    // SAFETY: `choose` picks this kernel only where avx2 was detected, and the lengths were just checked.
    unsafe { bytes_avx2(rows, a, per_group, scales, z) }
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn nibbles_avx2(rows: &[&[u8]; ROWS], table: &[i8; 16], a: &[i16], steps: usize, per_group: usize, scales: &[i32], z: &mut [i64; ROWS]) {
    let low = _mm_set1_epi8(15);
    let mut total = Totals::new();
    for (g, first) in (0..steps).step_by(per_group).enumerate() {
        let mut sums = [_mm256_setzero_si256(); ROWS];
        for step in first..(first + per_group).min(steps) {
            // SAFETY: `step < steps`, and the caller checked all lengths for that many steps.
            unsafe {
                let table = _mm_loadu_si128(table.as_ptr().cast());
                let a0 = _mm256_loadu_si256(a.as_ptr().add(step * LANES).cast());
                let a1 = _mm256_loadu_si256(a.as_ptr().add(step * LANES + LANES / 2).cast());
                for i in 0..ROWS {
                    let packed = _mm_loadu_si128(rows[i].as_ptr().add(step * LANES / 2).cast());
                    let w0 = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(table, _mm_and_si128(packed, low)));
                    let w1 = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(table, _mm_and_si128(_mm_srli_epi16(packed, 4), low)));
                    let products = _mm256_add_epi32(_mm256_madd_epi16(w0, a0), _mm256_madd_epi16(w1, a1));
                    sums[i] = _mm256_add_epi32(sums[i], products);
                }
            }
        }
        total.add(&sums, &scales[g * ROWS..(g + 1) * ROWS]);
    }
    total.store(z);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn bytes_avx2(rows: &[&[u8]; ROWS], a: &[i16], per_group: usize, scales: &[i32], z: &mut [i64; ROWS]) {
    // Rows are padded to 16 bytes, half of a step of 32 codes.
    let halves = rows[0].len() / (LANES / 2);
    let flip = _mm_set1_epi8(-128);
    let mut total = Totals::new();
    for (g, first) in (0..halves).step_by(2 * per_group).enumerate() {
        let mut sums = [_mm256_setzero_si256(); ROWS];
        for half in first..(first + 2 * per_group).min(halves) {
            // SAFETY: `half < halves`, and the caller checked that rows and activations hold that many.
            unsafe {
                let a = _mm256_loadu_si256(a.as_ptr().add(half * LANES / 2).cast());
                for i in 0..ROWS {
                    let codes = _mm_loadu_si128(rows[i].as_ptr().add(half * LANES / 2).cast());
                    let w = _mm256_cvtepi8_epi16(_mm_xor_si128(codes, flip));
                    sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(w, a));
                }
            }
        }
        total.add(&sums, &scales[g * ROWS..(g + 1) * ROWS]);
    }
    total.store(z);
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
    fn new() -> Self {
        Totals { even: _mm256_setzero_si256(), odd: _mm256_setzero_si256() }
    }

    /// Reduces each row's partial sums of one group and adds them times their scales.
    #[target_feature(enable = "avx2")]
    fn add(&mut self, sums: &[__m256i; ROWS], scales: &[i32]) {
        let pairs = [
            _mm256_hadd_epi32(sums[0], sums[1]),
            _mm256_hadd_epi32(sums[2], sums[3]),
            _mm256_hadd_epi32(sums[4], sums[5]),
            _mm256_hadd_epi32(sums[6], sums[7]),
        ];
        let (x, y) = (_mm256_hadd_epi32(pairs[0], pairs[1]), _mm256_hadd_epi32(pairs[2], pairs[3]));
        let total = _mm256_add_epi32(_mm256_permute2x128_si256(x, y, 0x20), _mm256_permute2x128_si256(x, y, 0x31));
        let scales: &[i32; ROWS] = scales.try_into().expect("one scale a row");
        // SAFETY: an array of eight 32-bit integers is one vector.
        let scale = unsafe { _mm256_loadu_si256(scales.as_ptr().cast()) };
        self.even = _mm256_add_epi64(self.even, _mm256_mul_epi32(total, scale));
        self.odd = _mm256_add_epi64(self.odd, _mm256_mul_epi32(_mm256_srli_epi64(total, 32), _mm256_srli_epi64(scale, 32)));
    }

    #[target_feature(enable = "avx2")]
    fn store(&self, z: &mut [i64; ROWS]) {
        let (mut even, mut odd) = ([0i64; ROWS / 2], [0i64; ROWS / 2]);
        // SAFETY: arrays of four 64-bit integers are one vector each.
        unsafe {
            _mm256_storeu_si256(even.as_mut_ptr().cast(), self.even);
            _mm256_storeu_si256(odd.as_mut_ptr().cast(), self.odd);
        }
        for i in 0..ROWS / 2 {
            z[2 * i] += even[i];
            z[2 * i + 1] += odd[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u64) -> Vec<u64> {
        let mut s = seed;
        (0..n)
            .map(|_| {
                s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                s >> 33
            })
            .collect()
    }

    #[test]
    fn unpacking_matches_the_packing() {
        for bits in [2u8, 3, 4, 6, 8] {
            let codes: Vec<u8> = noise(75, 3).iter().map(|&x| (x & ((1 << bits) - 1)) as u8).collect();
            let codebook: Vec<i16> = (0..1 << bits).map(|i| i as i16 * 3 - 5).collect();
            let mut row = vec![0; hardwire_netlist::program::row_stride(75, bits) as usize];
            hardwire_netlist::program::pack_row(&codes, bits, &mut row);
            let mut out = vec![0; 75];
            unpack(&row, bits, &codebook, &mut out);
            assert!(codes.iter().zip(&out).all(|(&c, &o)| codebook[usize::from(c)] == o), "{bits} bits");
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn nibbles_equal_plain_sums_at_the_extremes_too() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            eprintln!("skipped: this processor has no AVX2");
            return;
        }
        for (inputs, group) in [(32, 32), (576, 32), (172, 32), (256, 64), (100, 100), (4096, 4096)] {
            let steps = (inputs as usize).div_ceil(LANES);
            let bytes = steps * LANES / 2;
            let rows: Vec<Vec<u8>> = (0..ROWS).map(|i| noise(bytes, i as u64 + 9).iter().map(|&x| x as u8).collect()).collect();
            let codebook: Vec<i16> = (0..16).map(|i| if i == 0 { -128 } else { i * 17 - 128 }).collect();
            let mut a: Vec<i16> = noise(steps * LANES, 77).iter().map(|&x| (x % 4095) as i16 - 2047).collect();
            a[0] = -2047;
            a[inputs as usize..].fill(0);
            let mut split = Vec::new();
            for b in a.chunks(LANES) {
                split.extend(b.iter().step_by(2));
                split.extend(b.iter().skip(1).step_by(2));
            }
            let groups = (inputs as usize).div_ceil(group);
            let scales: Vec<i32> = noise(groups * ROWS, 5).iter().map(|&x| (x % (1 << 27)) as i32 - (1 << 26)).collect();
            let mut z = [1i64; ROWS];
            let views: [&[u8]; ROWS] = std::array::from_fn(|i| &rows[i][..]);
            nibbles(&views, &codebook, &split, group, &scales, &mut z);
            for i in 0..ROWS {
                let mut plain = 1i64;
                for k in 0..inputs as usize {
                    let code = rows[i][k / 2] >> (k % 2 * 4) & 15;
                    plain += i64::from(codebook[usize::from(code)]) * i64::from(a[k]) * i64::from(scales[k / group * ROWS + i]);
                }
                assert_eq!(z[i], plain, "{inputs} inputs, row {i}");
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn bytes_equal_plain_sums() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            eprintln!("skipped: this processor has no AVX2");
            return;
        }
        for (inputs, group) in [(16, 32), (576, 32), (172, 32), (100, 100), (1536, 64)] {
            let stride = hardwire_netlist::program::row_stride(inputs as u32, 8) as usize;
            let rows: Vec<Vec<u8>> = (0..ROWS).map(|i| noise(stride, i as u64 + 1).iter().map(|&x| x as u8).collect()).collect();
            let mut a: Vec<i16> = noise(stride.next_multiple_of(2 * LANES), 7).iter().map(|&x| (x % 4095) as i16 - 2047).collect();
            a[inputs as usize..].fill(0);
            let groups = (inputs as usize).div_ceil(group);
            let scales: Vec<i32> = noise(groups * ROWS, 5).iter().map(|&x| (x % (1 << 20)) as i32 - (1 << 19)).collect();
            let mut z = [0i64; ROWS];
            bytes(&std::array::from_fn(|i| &rows[i][..]), -128, &a, group, &scales, &mut z);
            for (i, z) in z.iter().enumerate() {
                let term = |k: usize| (i64::from(rows[i][k]) - 128) * i64::from(a[k]) * i64::from(scales[k / group * ROWS + i]);
                assert_eq!(*z, (0..inputs as usize).map(term).sum::<i64>(), "{inputs} inputs, row {i}");
            }
        }
    }
}
