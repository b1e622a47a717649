//! The bits of one ROM word.

/// A word of any width, lowest bit first.
#[derive(Clone, Debug, Default)]
pub struct Word {
    /// Little-endian, with eight bytes to spare, so that a field can be put with one unaligned 64-bit access.
    bytes: Vec<u8>,
    bits: u32,
}

impl Word {
    /// A word of `bits` zeros.
    pub fn new(bits: u32) -> Word {
        let mut word = Word::default();
        word.clear(bits);
        word
    }

    /// `bits` zeros again.
    pub fn clear(&mut self, bits: u32) {
        self.bits = bits;
        self.bytes.clear();
        self.bytes.resize(bits.div_ceil(8) as usize + 8, 0);
    }

    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The bits, lowest byte first.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.bits.div_ceil(8) as usize]
    }

    /// Sets `bits` bits from bit `at` on, which must still be zero, to the lowest of `value`.
    pub fn field(&mut self, at: u32, bits: u32, value: i64) {
        debug_assert!(bits <= 56 && at + bits <= self.bits);
        let byte = (at / 8) as usize;
        let masked = (value as u64) & ((1u64 << bits) - 1);
        let slot: &mut [u8; 8] = (&mut self.bytes[byte..byte + 8]).try_into().expect("eight bytes");
        *slot = (u64::from_le_bytes(*slot) | masked << (at % 8)).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_side_by_side_and_a_cleared_word_is_zero() {
        let mut word = Word::new(13);
        word.field(0, 4, -1);
        word.field(4, 9, 0x155);
        assert_eq!(word.bytes(), [0x5f, 0x15]);
        word.clear(20);
        word.field(19, 1, 1);
        assert_eq!(word.bytes(), [0, 0, 8]);
    }
}
