//! The mapped program file, and views of the matrices and gains in it.

use super::{ProgramId, Record, Section, unpack};
use crate::error::Error;
use std::path::Path;

/// Bytes hashed at a time.
const DIGEST_PIECE: usize = 16 << 20;
/// Pages are this long at most (Arm's 64 KiB), and their length divides it.
#[cfg(unix)]
const LARGEST_PAGE: usize = 1 << 16;

/// The mapped program file with its records; sections are checked against the file when it is opened. By default neither.
#[derive(Default)]
pub struct ProgramStore {
    map: Option<memmap2::Mmap>,
    records: Vec<Record>,
}

impl ProgramStore {
    pub fn open(path: &Path, records: Vec<Record>) -> Result<Self, Error> {
        let file = crate::input::open(path)?;
        let len = file.metadata().map_err(|e| Error::io(path, e))?.len();
        for r in &records {
            r.check(len).map_err(|(field, what)| Error::format(path, field, what))?;
        }
        // SAFETY: the map is read-only; a chip folder is replaced by renaming, never written in place.
        let map = if len == 0 { None } else { Some(unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, e))?) };
        Ok(ProgramStore { map, records })
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Bytes of the mapped file.
    pub fn len(&self) -> u64 {
        self.map.as_ref().map_or(0, |m| m.len() as u64)
    }

    pub fn is_empty(&self) -> bool {
        self.map.is_none()
    }

    /// Digest of the mapped bytes; `progress` is told how many are done and says whether to go on. `None`: it said no. Pages are dropped
    /// from this process's memory as they are hashed: a program may be larger than it.
    pub(crate) fn digest(&self, progress: &mut dyn FnMut(u64) -> bool) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        if let Some(map) = &self.map {
            for (i, piece) in map.chunks(DIGEST_PIECE).enumerate() {
                let at = i * DIGEST_PIECE;
                if !progress(at as u64) {
                    return None;
                }
                hasher.update(piece);
                self.drop_pages(at, piece.len());
            }
        }
        Some(hasher.finalize().to_hex().to_string())
    }

    /// Gives back the memory that reading a matrix or gain has made resident. The file's pages stay in the system's cache; only this
    /// process no longer counts them as its own.
    pub fn release(&self, id: ProgramId) {
        let sections: Vec<Section> = match self.records.get(id.0 as usize) {
            Some(Record::Matrix { codes, scales, offsets, shifts, bias, .. }) => vec![*codes, *scales, *offsets, *shifts, *bias],
            Some(Record::Gain { values, .. }) => vec![*values],
            None => return,
        };
        for s in sections {
            self.drop_pages(s.offset as usize, s.bytes as usize);
        }
    }

    /// Drops the whole pages inside a range that lies within the file.
    #[cfg(unix)]
    fn drop_pages(&self, offset: usize, bytes: usize) {
        let Some(map) = &self.map else { return };
        let (from, to) = (offset.next_multiple_of(LARGEST_PAGE), (offset + bytes) / LARGEST_PAGE * LARGEST_PAGE);
        if from < to {
            // SAFETY: the mapping is shared and read-only: what is dropped is read again from the file when it is next touched.
            let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, from, to - from) };
        }
    }

    #[cfg(not(unix))]
    fn drop_pages(&self, _: usize, _: usize) {}

    fn bytes(&self, s: Section) -> &[u8] {
        match &self.map {
            Some(m) => &m[s.offset as usize..(s.offset + s.bytes) as usize],
            None => &[],
        }
    }

    /// The matrix `id` names. Structures are checked on opening, so a wrong kind is a bug of the caller.
    pub fn matrix(&self, id: ProgramId) -> MatrixView<'_> {
        match &self.records[id.0 as usize] {
            Record::Matrix {
                outputs,
                inputs,
                code_bits,
                groups,
                stride,
                codes,
                scales,
                scale_bytes,
                offsets,
                offset_bytes,
                shifts,
                bias,
                ..
            } => MatrixView {
                outputs: *outputs,
                inputs: *inputs,
                code_bits: *code_bits,
                groups: *groups,
                stride: *stride,
                codes: self.bytes(*codes),
                scales: Ints(self.bytes(*scales), *scale_bytes),
                offsets: (*offset_bytes > 0).then(|| Ints(self.bytes(*offsets), *offset_bytes)),
                shifts: Ints(self.bytes(*shifts), 2),
                bias: (bias.bytes > 0).then(|| Ints(self.bytes(*bias), 4)),
            },
            Record::Gain { name, .. } => panic!("program {name} is a gain, not a matrix"),
        }
    }

    pub fn gain(&self, id: ProgramId) -> Ints<'_> {
        match &self.records[id.0 as usize] {
            Record::Gain { values, .. } => Ints(self.bytes(*values), 4),
            Record::Matrix { name, .. } => panic!("program {name} is a matrix, not a gain"),
        }
    }
}

/// Little-endian signed integers of 1, 2 or 4 bytes.
#[derive(Clone, Copy)]
pub struct Ints<'a>(&'a [u8], u8);

impl<'a> Ints<'a> {
    pub fn len(&self) -> usize {
        self.0.len() / usize::from(self.1)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, i: usize) -> i32 {
        match self.1 {
            1 => i32::from(self.0[i] as i8),
            2 => i32::from(i16::from_le_bytes([self.0[2 * i], self.0[2 * i + 1]])),
            _ => i32::from_le_bytes([self.0[4 * i], self.0[4 * i + 1], self.0[4 * i + 2], self.0[4 * i + 3]]),
        }
    }

    pub fn iter(self) -> impl Iterator<Item = i32> + 'a {
        (0..self.len()).map(move |i| self.get(i))
    }

    pub fn to_vec(&self) -> Vec<i32> {
        self.iter().collect()
    }
}

/// A matrix of the mapped program.
pub struct MatrixView<'a> {
    pub outputs: u32,
    pub inputs: u32,
    pub code_bits: u8,
    pub groups: u32,
    pub stride: u32,
    pub codes: &'a [u8],
    pub scales: Ints<'a>,
    pub offsets: Option<Ints<'a>>,
    pub shifts: Ints<'a>,
    pub bias: Option<Ints<'a>>,
}

impl<'a> MatrixView<'a> {
    /// Packed codes of output `n`.
    pub fn row(&self, n: u32) -> &'a [u8] {
        &self.codes[n as usize * self.stride as usize..][..self.stride as usize]
    }

    pub fn code(&self, n: u32, k: u32) -> u8 {
        unpack(self.row(n), self.code_bits, k as usize)
    }

    pub fn scale(&self, n: u32, g: u32) -> i32 {
        self.scales.get(n as usize * self.groups as usize + g as usize)
    }

    /// 0 where the matrix has no offsets.
    pub fn offset(&self, n: u32, g: u32) -> i32 {
        self.offsets.map_or(0, |o| o.get(n as usize * self.groups as usize + g as usize))
    }

    pub fn shift(&self, n: u32) -> i32 {
        self.shifts.get(n as usize)
    }
}
