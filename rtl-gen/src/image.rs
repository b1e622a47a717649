//! Memory images for `$readmemh`: one word a line, most significant digit first, every line ended (Verilator 5.006 drops an
//! unterminated last one).

use crate::error::Error;
use crate::folder::{Folder, OutFile};
use hardwire_netlist::silicon::Word;

pub struct Image<'a> {
    file: OutFile<'a>,
    /// The word being built.
    word: Word,
    line: Vec<u8>,
}

impl<'a> Image<'a> {
    pub fn create(folder: &'a mut Folder, name: &str, bits: u32) -> Result<Image<'a>, Error> {
        let digits = bits.div_ceil(4).max(1) as usize;
        Ok(Image { file: folder.file(name)?, word: Word::new(bits), line: vec![b'\n'; digits + 1] })
    }

    /// Goes on with an image at the word of address `first`, where a further layer's words begin; creates it where that is 0.
    pub fn layer(folder: &'a mut Folder, name: &str, bits: u32, first: u64) -> Result<Image<'a>, Error> {
        if first == 0 {
            return Image::create(folder, name, bits);
        }
        let digits = bits.div_ceil(4).max(1) as usize;
        let mut file = folder.more(name)?;
        file.put(format!("@{first:x}\n").as_bytes(), 1)?;
        Ok(Image { file, word: Word::new(bits), line: vec![b'\n'; digits + 1] })
    }

    /// Sets `bits` bits at bit `at` of the word being built; they must still be zero.
    pub fn field(&mut self, at: u32, bits: u32, value: i64) {
        self.word.field(at, bits, value);
    }

    /// Writes the word and clears it.
    pub fn word(&mut self) -> Result<(), Error> {
        hex(&self.word, &mut self.line);
        self.word.clear(self.word.bits());
        self.file.put(&self.line, 1)
    }

    /// Writes a word built elsewhere, of as many bits as this image's.
    pub fn put(&mut self, word: &Word) -> Result<(), Error> {
        hex(word, &mut self.line);
        self.file.put(&self.line, 1)
    }

    pub fn close(self) -> Result<(), Error> {
        self.file.close()
    }
}

/// The digits of a word before the line's end, highest first.
fn hex(word: &Word, line: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (bytes, digits) = (word.bytes(), line.len() - 1);
    for (i, c) in line[..digits].iter_mut().enumerate() {
        let d = digits - 1 - i;
        let byte = bytes.get(d / 2).copied().unwrap_or(0);
        *c = DIGITS[usize::from(byte >> (4 * (d % 2)) & 15)];
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
