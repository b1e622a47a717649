//! One tensor as stored: borrowed bytes, a shape, a dtype, and the ways to read it.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use half::f16;
use rayon::prelude::*;

use crate::Error;
use crate::blocks::{self, BlockFormat};

/// Bytes hashed at a time.
const DIGEST_PIECE: usize = 1 << 20;
/// Exponent field of an f32; full for NaN and infinities.
const EXPONENT: u32 = 0x7f80_0000;

/// How a tensor's numbers are stored.
///
/// The block types are those of ggml (`ggml-common.h`); their names keep its spelling in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Dtype {
    F32,
    F16,
    BF16,
    /// Rounded to `f32` where rows are read.
    F64,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    MxFp4,
    TQ1_0,
    TQ2_0,
    /// BitNet's packed rows, four in a byte, with one scale a tensor.
    Ternary,
}

impl Dtype {
    /// Values in one stored block and its bytes; plain types have blocks of one.
    pub fn block(self) -> (usize, usize) {
        match self {
            Dtype::F32 => (1, 4),
            Dtype::F16 | Dtype::BF16 => (1, 2),
            Dtype::F64 => (1, 8),
            Dtype::Q8_0 => (32, 34),
            Dtype::Q4_0 => (32, 18),
            Dtype::Q4_1 => (32, 20),
            Dtype::Q5_0 => (32, 22),
            Dtype::Q5_1 => (32, 24),
            Dtype::Q2K => (256, 84),
            Dtype::Q3K => (256, 110),
            Dtype::Q4K => (256, 144),
            Dtype::Q5K => (256, 176),
            Dtype::Q6K => (256, 210),
            Dtype::MxFp4 => (32, 17),
            Dtype::TQ1_0 => (256, 54),
            Dtype::TQ2_0 => (256, 66),
            // As a row is read: a scale and a byte a code. Files hold a quarter, and one scale.
            Dtype::Ternary => (32, 36),
        }
    }

    /// Bytes of a tensor of this type; `None` on overflow, or if a row is not whole blocks.
    pub fn bytes_for(self, shape: &[usize]) -> Option<usize> {
        let (values, bytes) = self.block();
        let columns = *shape.last()?;
        if !columns.is_multiple_of(values) {
            return None;
        }
        let rows = shape[..shape.len() - 1].iter().try_fold(1usize, |rows, &extent| rows.checked_mul(extent))?;
        rows.checked_mul((columns / values).checked_mul(bytes)?)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
            Dtype::F64 => "F64",
            Dtype::Q8_0 => "Q8_0",
            Dtype::Q4_0 => "Q4_0",
            Dtype::Q4_1 => "Q4_1",
            Dtype::Q5_0 => "Q5_0",
            Dtype::Q5_1 => "Q5_1",
            Dtype::Q2K => "Q2_K",
            Dtype::Q3K => "Q3_K",
            Dtype::Q4K => "Q4_K",
            Dtype::Q5K => "Q5_K",
            Dtype::Q6K => "Q6_K",
            Dtype::MxFp4 => "MXFP4",
            Dtype::TQ1_0 => "TQ1_0",
            Dtype::TQ2_0 => "TQ2_0",
            Dtype::Ternary => "ternary",
        })
    }
}

/// Where a tensor's elements lie from its first on, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// From a row to the next; whole blocks.
    pub row_pitch: usize,
    /// From an element of a row to the next; 1 for block types.
    pub col_pitch: usize,
    /// Rows that follow one another so, and from the first of so many to the first of the next.
    pub block_rows: usize,
    pub block_pitch: usize,
    /// Order of the heads that rows, or the elements of each row, belong to, where a file has another than the model's.
    pub row_heads: Option<Tiled>,
    pub col_heads: Option<Tiled>,
}

/// Heads that the model groups, each group's one after another, and a file tiles: the first of each group, then the second of each. So
/// llama.cpp stores value heads that share a key head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tiled {
    /// Rows or elements of a head.
    pub width: usize,
    pub groups: usize,
    /// Heads of a group.
    pub heads: usize,
}

impl Tiled {
    /// Where the file has what the model has at `at`.
    fn place(&self, at: usize) -> usize {
        let (head, within) = (at / self.width, at % self.width);
        (head % self.heads * self.groups + head / self.heads) * self.width + within
    }

    /// Brings runs of `unit` elements of a row from the file's order to the model's.
    fn sort<T: Copy>(&self, unit: usize, row: &mut [T]) {
        let (stored, heads) = (row.to_vec(), Tiled { width: self.width / unit, ..*self });
        row.iter_mut().enumerate().for_each(|(i, x)| *x = stored[heads.place(i)]);
    }
}

impl Layout {
    /// Row after row of `cols`.
    pub fn rows_of(cols: usize) -> Layout {
        Layout::even(cols, 1)
    }

    /// All rows at one distance.
    pub fn even(row_pitch: usize, col_pitch: usize) -> Layout {
        Layout { row_pitch, col_pitch, block_rows: usize::MAX, block_pitch: 0, row_heads: None, col_heads: None }
    }

    /// Where a row begins.
    pub fn row(&self, row: usize) -> usize {
        let row = self.row_heads.map_or(row, |heads| heads.place(row));
        row / self.block_rows * self.block_pitch + row % self.block_rows * self.row_pitch
    }
}

/// A tensor borrowed from a checkpoint's mapping, of which nothing is copied until a row is read; or values that were made of one.
#[derive(Clone)]
pub struct Tensor<'a> {
    /// Hugging Face name.
    pub name: &'a str,
    /// Row-major, outermost first: `[out, in]` for a matrix, `[n]` for a vector.
    pub shape: Vec<usize>,
    pub dtype: Dtype,
    path: &'a Path,
    bytes: Cow<'a, [u8]>,
    layout: Layout,
    /// MXFP4's scales, one a block, where they lie apart; `bytes` then holds 16 a block. Of ternary tensors the one scale.
    scales: Option<&'a [u8]>,
    /// The mapping the bytes lie in, if they do.
    map: Option<&'a memmap2::Mmap>,
}

impl<'a> Tensor<'a> {
    /// View `bytes` as a tensor; `path` is named in errors.
    ///
    /// # Errors
    /// The bytes are not exactly those of the shape, or a row is not whole blocks.
    pub fn new(path: &'a Path, name: &'a str, shape: Vec<usize>, dtype: Dtype, bytes: &'a [u8]) -> Result<Tensor<'a>, Error> {
        if dtype.bytes_for(&shape) != Some(bytes.len()) {
            let found = format!("{} bytes for {shape:?} of {dtype}", bytes.len());
            let expected = match dtype.bytes_for(&shape) {
                Some(n) => format!("{n} bytes"),
                None => format!("rows of whole {}-value blocks", dtype.block().0),
            };
            return Err(Error::field(path, format!("tensor {name}"), found, expected));
        }
        let layout = Layout::rows_of(shape[shape.len() - 1]);
        Ok(Tensor::trusted(path, name, shape, dtype, bytes, layout))
    }

    /// As [`Tensor::new`] for parts that were checked before.
    pub(crate) fn trusted(path: &'a Path, name: &'a str, shape: Vec<usize>, dtype: Dtype, bytes: &'a [u8], layout: Layout) -> Tensor<'a> {
        Tensor { name, shape, dtype, path, bytes: Cow::Borrowed(bytes), layout, scales: None, map: None }
    }

    /// Values that no file holds, in the place of a stored tensor of the same shape.
    pub(crate) fn made(&self, name: &'a str, values: Vec<f32>) -> Tensor<'a> {
        let bytes = values.into_iter().map(f32::to_le_bytes).collect::<Vec<_>>().into_flattened();
        let layout = Layout::rows_of(self.cols());
        Tensor {
            name,
            shape: self.shape.clone(),
            dtype: Dtype::F32,
            path: self.path,
            bytes: Cow::Owned(bytes),
            layout,
            scales: None,
            map: None,
        }
    }

    /// Says which mapping the bytes lie in, and where MXFP4's scales do if apart.
    pub(crate) fn within(mut self, map: Option<&'a memmap2::Mmap>, scales: Option<&'a [u8]>) -> Tensor<'a> {
        self.map = map;
        self.scales = scales;
        self
    }

    /// As [`crate::Checkpoint::prefetch`].
    pub(crate) fn prefetch(&self) {
        if let Some(map) = self.map {
            let _ = map.advise_range(memmap2::Advice::WillNeed, place(map, &self.bytes), self.bytes.len());
        }
    }

    /// Lets the system take the bytes out of this process's memory; reading them again is still right, only slower. A model
    /// larger than memory is read a matrix at a time this way.
    pub fn release(&self) {
        release(self.map, &self.bytes);
    }

    /// BLAKE3 of the digests of the bytes' mebibytes, each taken as its turn comes and released, by all threads.
    pub fn digest(&self) -> [u8; 32] {
        let pieces: Vec<[u8; 32]> = self
            .bytes
            .par_chunks(DIGEST_PIECE)
            .map(|piece| {
                let digest = *blake3::hash(piece).as_bytes();
                release(self.map, piece);
                digest
            })
            .collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(pieces.as_flattened());
        if let Some(scales) = self.scales {
            hasher.update(scales);
        }
        *hasher.finalize().as_bytes()
    }

    /// Whether both hold the same numbers, however stored.
    ///
    /// # Errors
    /// As [`Tensor::row_f32`].
    pub(crate) fn same_values(&self, other: &Tensor) -> Result<bool, Error> {
        if self.shape != other.shape {
            return Ok(false);
        }
        let plain = |t: &Tensor| t.scales.is_none() && t.layout == Layout::rows_of(t.cols());
        let mut same = self.dtype == other.dtype && plain(self) && plain(other) && self.bytes == other.bytes;
        if !same {
            let (mut mine, mut theirs) = (vec![0.0; self.cols()], vec![0.0; self.cols()]);
            same = true;
            for row in (0..self.rows()).take_while(|_| self.cols() > 0) {
                self.row_f32(row, &mut mine)?;
                other.row_f32(row, &mut theirs)?;
                if mine != theirs {
                    same = false;
                    break;
                }
            }
        }
        self.release();
        other.release();
        Ok(same)
    }

    /// Product of all dimensions but the last; 1 for a vector.
    pub fn rows(&self) -> usize {
        self.shape[..self.shape.len() - 1].iter().product()
    }

    /// The last dimension.
    pub fn cols(&self) -> usize {
        self.shape[self.shape.len() - 1]
    }

    /// Write one row, dequantised, into `out` of `cols()` values.
    ///
    /// # Errors
    /// `row` or `out` does not fit; or a weight is NaN or infinite: named by row and column.
    pub fn row_f32(&self, row: usize, out: &mut [f32]) -> Result<(), Error> {
        self.expect_row(row)?;
        self.expect_len("output length", out.len(), self.cols())?;
        match self.dtype {
            Dtype::F32 => self.each(row, out, |b: [u8; 4]| f32::from_le_bytes(b)),
            Dtype::F16 => self.each(row, out, |b: [u8; 2]| f16::from_le_bytes(b).to_f32()),
            // The upper half of an f32; whether it is a number is asked below.
            Dtype::BF16 => self.each(row, out, |b: [u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
            Dtype::F64 => self.each(row, out, |b: [u8; 8]| f64::from_le_bytes(b) as f32),
            _ => blocks::dequantize_row(self.dtype, &self.row_blocks_bytes(row)?, out),
        }
        if let Some(heads) = self.layout.col_heads {
            heads.sort(1, out);
        }
        // All exponents first, without a branch a weight; then, if one is full, which.
        let full = out.iter().fold(false, |full, w| full | (w.to_bits() & EXPONENT == EXPONENT));
        if !full {
            return Ok(());
        }
        match out.iter().position(|w| !w.is_finite()) {
            Some(column) => Err(self.not_finite(row, column, out[column])),
            None => Ok(()),
        }
    }

    /// All values, row after row: `rows() * cols()` of them.
    ///
    /// # Errors
    /// As [`Tensor::row_f32`].
    pub fn to_f32(&self) -> Result<Vec<f32>, Error> {
        let cols = self.cols();
        let mut out = vec![0.0; self.rows() * cols];
        if cols > 0 {
            for (row, values) in out.chunks_exact_mut(cols).enumerate() {
                self.row_f32(row, values)?;
            }
        }
        Ok(out)
    }

    /// The integer grid of a block-quantised type; `None` for F32, F16, BF16, F64.
    pub fn block_format(&self) -> Option<BlockFormat> {
        blocks::format(self.dtype)
    }

    /// One row as stored: `cols()` integer codes and, for each group of
    /// [`BlockFormat::group`] columns, the scale and offset of `w = scale * code + offset`.
    ///
    /// Scales and offsets are exact in `f32`. `offsets` are zero where the format has none.
    /// The product and the sum, each rounded once to `f32`, are ggml's dequantised value.
    ///
    /// # Errors
    /// The type is not block-quantised, a buffer has the wrong length, or a scale is NaN or
    /// infinite.
    pub fn row_blocks(&self, row: usize, codes: &mut [i16], scales: &mut [f32], offsets: &mut [f32]) -> Result<(), Error> {
        let Some(format) = self.block_format() else {
            let field = format!("tensor {}", self.name);
            return Err(Error::field(self.path, field, self.dtype, "a block-quantised type"));
        };
        self.expect_row(row)?;
        let groups = self.cols() / format.group;
        self.expect_len("code buffer length", codes.len(), self.cols())?;
        self.expect_len("scale buffer length", scales.len(), groups)?;
        self.expect_len("offset buffer length", offsets.len(), groups)?;
        blocks::decode_row(self.dtype, &self.row_blocks_bytes(row)?, codes, scales, offsets);
        if let Some(heads) = self.layout.col_heads {
            heads.sort(1, codes);
            heads.sort(format.group, scales);
            heads.sort(format.group, offsets);
        }
        for group in 0..groups {
            for value in [scales[group], offsets[group]] {
                if !value.is_finite() {
                    return Err(self.not_finite(row, group * format.group, value));
                }
            }
        }
        Ok(())
    }

    /// One row of a plain type.
    fn each<const N: usize>(&self, row: usize, out: &mut [f32], convert: impl Fn([u8; N]) -> f32) {
        let (elements, _) = self.bytes.as_chunks::<N>();
        let row = &elements[self.layout.row(row)..];
        if self.layout.col_pitch == 1 {
            out.iter_mut().zip(row).for_each(|(w, b)| *w = convert(*b));
        } else {
            out.iter_mut().zip(row.iter().step_by(self.layout.col_pitch)).for_each(|(w, b)| *w = convert(*b));
        }
    }

    /// One row of a block type, in ggml's form.
    fn row_blocks_bytes(&self, row: usize) -> Result<Cow<'_, [u8]>, Error> {
        let (values, size) = self.dtype.block();
        let (first, count) = (self.layout.row(row) / values, self.cols() / values);
        Ok(match self.scales {
            None => Cow::Borrowed(&self.bytes[first * size..(first + count) * size]),
            Some(scale) if self.dtype == Dtype::Ternary => {
                let scale = match scale {
                    [a, b] => f32::from_bits(u32::from(u16::from_le_bytes([*a, *b])) << 16),
                    other => f32::from_le_bytes(*other.first_chunk().expect("a scale of two or four bytes")),
                };
                let joined = blocks::joined_ternary(&self.bytes, row, self.rows(), self.cols(), scale);
                let field = format!("tensor {}: row {row}", self.name);
                Cow::Owned(joined.ok_or_else(|| Error::field(self.path, field, "the code 3", "0, 1 or 2 for a ternary weight"))?)
            }
            Some(scales) => {
                let size = size - 1;
                let pairs = &self.bytes[first * size..(first + count) * size];
                Cow::Owned(blocks::joined_mxfp4(pairs, &scales[first..first + count]))
            }
        })
    }

    fn expect_row(&self, row: usize) -> Result<(), Error> {
        if row < self.rows() {
            return Ok(());
        }
        Err(Error::Access { tensor: self.name.to_owned(), what: "row", found: row, expected: format!("below {}", self.rows()) })
    }

    fn expect_len(&self, what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
        if found == expected {
            return Ok(());
        }
        Err(Error::Access { tensor: self.name.to_owned(), what, found, expected: expected.to_string() })
    }

    fn not_finite(&self, row: usize, column: usize, value: f32) -> Error {
        Error::NotFinite { path: self.path.to_owned(), tensor: self.name.to_owned(), row, column, value }
    }
}

/// Where in its mapping a slice begins.
fn place(map: &memmap2::Mmap, bytes: &[u8]) -> usize {
    bytes.as_ptr() as usize - map.as_ptr() as usize
}

/// Drops `bytes` of a mapping from this process's memory; the system's cache of the file keeps them.
fn release(map: Option<&memmap2::Mmap>, bytes: &[u8]) {
    if let Some(map) = map {
        // SAFETY: the mapping is shared and read-only: what is dropped is read again from the file when it is next touched.
        let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, place(map, bytes), bytes.len()) };
    }
}

impl fmt::Debug for Tensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.name, self.shape, self.dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of two heads of 32: the file has heads 0, 2, 1, 3.
    #[test]
    fn tiled_heads_come_back_in_their_groups() {
        let heads = Tiled { width: 32, groups: 2, heads: 2 };
        let blocks = |scale: f32| {
            let block = |head: usize| (0..32).map(move |i| (head * 32 + i) as u8);
            [0, 2, 1, 3]
                .map(|head| [&f16::from_f32(scale * (head + 1) as f32).to_le_bytes()[..], &block(head).collect::<Vec<_>>()].concat())
        };
        let bytes = [blocks(1.0), blocks(0.5)].as_flattened().concat();
        let layout = Layout { col_heads: Some(heads), ..Layout::rows_of(128) };
        let tensor = Tensor::trusted(Path::new("x"), "x", vec![2, 128], Dtype::Q8_0, &bytes, layout);
        let (mut codes, mut scales, mut offsets) = ([0; 128], [0.0; 4], [0.0; 4]);
        tensor.row_blocks(1, &mut codes, &mut scales, &mut offsets).unwrap();
        assert_eq!((codes, scales), (std::array::from_fn(|i| i as i16), [0.5, 1.0, 1.5, 2.0]));
        let values = tensor.to_f32().unwrap();
        assert!(values[128..].iter().enumerate().all(|(i, &w)| w == f32::from(codes[i]) * scales[i / 32]), "{values:?}");

        let rows: Vec<u8> = [0u8, 2, 1, 3].iter().flat_map(|&head| f32::from(head).to_le_bytes()).collect();
        let layout = Layout { row_heads: Some(Tiled { width: 1, ..heads }), ..Layout::rows_of(1) };
        let tensor = Tensor::trusted(Path::new("x"), "x", vec![4, 1], Dtype::F32, &rows, layout);
        assert_eq!(tensor.to_f32().unwrap(), [0.0, 1.0, 2.0, 3.0]);
    }
}
