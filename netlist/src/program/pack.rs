//! Codes of 2 to 8 bits in bytes.

/// Bytes a row of codes takes in the file.
pub fn row_stride(inputs: u32, code_bits: u8) -> u32 {
    (inputs * u32::from(code_bits)).div_ceil(8).div_ceil(16) * 16
}

/// Smallest of 1, 2, 4 bytes that holds a signed integer of `bits` bits.
pub fn storage_bytes(bits: u8) -> u8 {
    match bits {
        0 => 0,
        1..=8 => 1,
        9..=16 => 2,
        _ => 4,
    }
}

/// Packs `codes` (one a byte) into `row`, first code in the low bits; `row` is zeroed first.
pub fn pack_row(codes: &[u8], code_bits: u8, row: &mut [u8]) {
    row.fill(0);
    if code_bits == 8 {
        row[..codes.len()].copy_from_slice(codes);
        return;
    }
    if code_bits == 4 {
        let (pairs, last) = codes.as_chunks::<2>();
        row.iter_mut().zip(pairs).for_each(|(byte, [low, high])| *byte = low | high << 4);
        if let Some(&code) = last.first() {
            row[pairs.len()] = code;
        }
        return;
    }
    for (i, &c) in codes.iter().enumerate() {
        let bit = i * usize::from(code_bits);
        let wide = u16::from(c) << (bit % 8);
        row[bit / 8] |= wide as u8;
        if wide > 0xff {
            row[bit / 8 + 1] |= (wide >> 8) as u8;
        }
    }
}

/// Code `i` of a packed row.
pub fn unpack(row: &[u8], code_bits: u8, i: usize) -> u8 {
    let bit = i * usize::from(code_bits);
    let lo = u16::from(row[bit / 8]);
    let hi = if bit % 8 + usize::from(code_bits) > 8 { u16::from(row[bit / 8 + 1]) } else { 0 };
    ((lo | hi << 8) >> (bit % 8)) as u8 & (((1u16 << code_bits) - 1) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_every_width_survive_packing() {
        for bits in [2u8, 3, 4, 6, 8] {
            let codes: Vec<u8> = (0..77u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u8 & (((1u16 << bits) - 1) as u8)).collect();
            let mut row = vec![0xff; row_stride(77, bits) as usize];
            pack_row(&codes, bits, &mut row);
            let back: Vec<u8> = (0..77).map(|i| unpack(&row, bits, i)).collect();
            assert_eq!(codes, back, "{bits} bits");
        }
    }
}
