//! Memory images for `$readmemh`: one word a line, most significant digit first, every line ended (Verilator 5.006 drops an
//! unterminated last one). A word is built in a little-endian buffer and written at once.

use crate::error::Error;
use crate::folder::{Folder, OutFile};

pub struct Image<'a> {
    file: OutFile<'a>,
    digits: usize,
    word: Vec<u8>,
    line: Vec<u8>,
}

impl<'a> Image<'a> {
    pub fn create(folder: &'a mut Folder, name: &str, bits: usize) -> Result<Image<'a>, Error> {
        let digits = bits.div_ceil(4).max(1);
        // Seven bytes to spare, so that a field can be put with one unaligned 64-bit access.
        Ok(Image { file: folder.file(name)?, digits, word: vec![0; digits.div_ceil(2) + 8], line: vec![b'\n'; digits + 1] })
    }

    /// Sets `bits` bits at bit `at` of the word being built; they must still be zero.
    pub fn field(&mut self, at: usize, bits: usize, value: i64) {
        debug_assert!(bits <= 56);
        let byte = at / 8;
        let masked = (value as u64) & ((1u64 << bits) - 1);
        let slot: &mut [u8; 8] = (&mut self.word[byte..byte + 8]).try_into().expect("eight bytes");
        *slot = (u64::from_le_bytes(*slot) | masked << (at % 8)).to_le_bytes();
    }

    /// Writes the word and clears it.
    pub fn word(&mut self) -> Result<(), Error> {
        hex(&self.word, &mut self.line[..self.digits]);
        self.word.fill(0);
        self.file.put(&self.line, 1)
    }

    /// Writes a word already packed, first byte lowest.
    pub fn packed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        hex(bytes, &mut self.line[..self.digits]);
        self.file.put(&self.line, 1)
    }

    pub fn close(self) -> Result<(), Error> {
        self.file.close()
    }
}

/// The lowest `line.len()` digits of `bytes`, highest first.
fn hex(bytes: &[u8], line: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = line.len();
    for (i, c) in line.iter_mut().enumerate() {
        let d = digits - 1 - i;
        *c = DIGITS[usize::from(bytes[d / 2] >> (4 * (d % 2)) & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_highest_digit_first_and_terminated() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let mut folder = Folder::create(&target).unwrap();
        let mut image = Image::create(&mut folder, "a.hex", 13).unwrap();
        image.field(0, 4, -1);
        image.field(4, 9, 0x155);
        image.word().unwrap();
        image.field(12, 1, 1);
        image.word().unwrap();
        image.close().unwrap();
        folder.finish().unwrap();
        assert_eq!(std::fs::read_to_string(target.join("a.hex")).unwrap(), "155f\n1000\n");
    }
}
