//! A vector register as the engine uses it: its lanes, whether this machine has them, and the values that go into them.

/// Outputs computed together: the 32-bit lanes of a register.
pub(super) const ROWS: usize = 8;

/// One vector register: [`ROWS`] lanes of 32 bits, lane `i` of output `i` of the block.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Lanes(pub [u32; ROWS]);

/// Whether the kernels for vector units may be used on this machine.
pub(super) fn has_vector_units() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacking_matches_the_packing() {
        for bits in [2u8, 3, 4, 6, 8] {
            let codes: Vec<u8> = (0..75).map(|i| ((i * 37 % 251) & ((1 << bits) - 1)) as u8).collect();
            let codebook: Vec<i16> = (0..1 << bits).map(|i| i as i16 * 3 - 5).collect();
            let mut row = vec![0; hardwire_netlist::program::row_stride(75, bits) as usize];
            hardwire_netlist::program::pack_row(&codes, bits, &mut row);
            let mut out = vec![0; 75];
            unpack(&row, bits, &codebook, &mut out);
            assert!(codes.iter().zip(&out).all(|(&c, &o)| codebook[usize::from(c)] == o), "{bits} bits");
        }
    }
}
