//! The program of a chip: every code, scale, offset, shift and gain, in one file that is written as a stream and read
//! through a memory map. Layout: sections one after another, each aligned to 64 bytes, located by the records in `chip.json`.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes hashed at a time.
const DIGEST_PIECE: usize = 16 << 20;

/// Index into the chip's program records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProgramId(pub u32);

/// Byte range of one section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub offset: u64,
    pub bytes: u64,
}

/// Where one program's parts lie and how they are packed. Little-endian throughout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    Matrix {
        name: String,
        outputs: u32,
        inputs: u32,
        code_bits: u8,
        groups: u32,
        /// Bytes of a row of codes: `inputs * code_bits` bits, first input in the low bits, padded to 16 bytes.
        stride: u32,
        codes: Section,
        /// `[outputs][groups]`, signed, 1, 2 or 4 bytes each.
        scales: Section,
        scale_bytes: u8,
        /// The same, or empty.
        offsets: Section,
        offset_bytes: u8,
        /// `[outputs]`, i16: the output shift `k[n]`.
        shifts: Section,
        /// `[outputs]`, i32, or empty.
        bias: Section,
    },
    /// i32 values.
    Gain { name: String, values: Section },
}

/// Most inputs of a matrix: a row of 8-bit codes counts its bits in 32.
const MOST_INPUTS: u32 = 1 << 28;

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

/// One matrix as the compiler hands it over.
pub struct MatrixData<'a> {
    pub name: &'a str,
    pub outputs: u32,
    pub inputs: u32,
    pub code_bits: u8,
    /// Already packed rows, `row_stride` bytes each.
    pub codes: &'a [u8],
    pub groups: u32,
    pub scales: &'a [i32],
    pub scale_bits: u8,
    pub offsets: Option<(&'a [i32], u8)>,
    pub shifts: &'a [i16],
    pub bias: Option<&'a [i32]>,
}

/// Packs `codes` (one a byte) into `row`, first code in the low bits; `row` is zeroed first.
pub fn pack_row(codes: &[u8], code_bits: u8, row: &mut [u8]) {
    row.fill(0);
    if code_bits == 8 {
        row[..codes.len()].copy_from_slice(codes);
        return;
    }
    if code_bits == 4 {
        for (byte, pair) in row.iter_mut().zip(codes.chunks(2)) {
            *byte = pair[0] | pair.get(1).map_or(0, |&c| c << 4);
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

/// Writes a program file front to back; nothing is held in memory but the records.
pub struct ProgramWriter {
    path: PathBuf,
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    at: u64,
    records: Vec<Record>,
}

impl ProgramWriter {
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(|e| Error::io(path, e))?;
        Ok(ProgramWriter {
            path: path.to_path_buf(),
            out: BufWriter::with_capacity(1 << 20, file),
            hasher: blake3::Hasher::new(),
            at: 0,
            records: Vec::new(),
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(|e| Error::io(&self.path, e))?;
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn section(&mut self, bytes: &[u8]) -> Result<Section, Error> {
        let pad = (64 - self.at % 64) % 64;
        self.put(&[0u8; 64][..pad as usize])?;
        let offset = self.at;
        self.put(bytes)?;
        Ok(Section { offset, bytes: bytes.len() as u64 })
    }

    pub fn matrix(&mut self, m: &MatrixData<'_>) -> Result<ProgramId, Error> {
        let stride = row_stride(m.inputs, m.code_bits);
        assert_eq!(m.codes.len() as u64, u64::from(stride) * u64::from(m.outputs), "packed codes of {}", m.name);
        assert_eq!(m.scales.len() as u64, u64::from(m.groups) * u64::from(m.outputs), "scales of {}", m.name);
        let codes = self.section(m.codes)?;
        let scale_bytes = storage_bytes(m.scale_bits);
        let scales = self.section(&narrow(m.scales, scale_bytes))?;
        let (offsets, offset_bytes) = match m.offsets {
            Some((values, bits)) => (self.section(&narrow(values, storage_bytes(bits)))?, storage_bytes(bits)),
            None => (Section::default(), 0),
        };
        let shifts: Vec<u8> = m.shifts.iter().flat_map(|s| s.to_le_bytes()).collect();
        let shifts = self.section(&shifts)?;
        let bias = match m.bias {
            Some(b) => self.section(&narrow(b, 4))?,
            None => Section::default(),
        };
        Ok(self.record(Record::Matrix {
            name: m.name.into(),
            outputs: m.outputs,
            inputs: m.inputs,
            code_bits: m.code_bits,
            groups: m.groups,
            stride,
            codes,
            scales,
            scale_bytes,
            offsets,
            offset_bytes,
            shifts,
            bias,
        }))
    }

    pub fn gain(&mut self, name: &str, values: &[i32]) -> Result<ProgramId, Error> {
        let values = self.section(&narrow(values, 4))?;
        Ok(self.record(Record::Gain { name: name.into(), values }))
    }

    fn record(&mut self, r: Record) -> ProgramId {
        self.records.push(r);
        ProgramId(self.records.len() as u32 - 1)
    }

    /// Flushes to disk; gives the records, the file's length and its digest.
    pub fn finish(mut self) -> Result<(Vec<Record>, u64, String), Error> {
        self.out.flush().map_err(|e| Error::io(&self.path, e))?;
        self.out.get_ref().sync_all().map_err(|e| Error::io(&self.path, e))?;
        Ok((self.records, self.at, self.hasher.finalize().to_hex().to_string()))
    }
}

fn narrow(values: &[i32], bytes: u8) -> Vec<u8> {
    match bytes {
        1 => values.iter().map(|&v| v as i8 as u8).collect(),
        2 => values.iter().flat_map(|&v| (v as i16).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|&v| v.to_le_bytes()).collect(),
    }
}

/// The mapped program file with its records; sections are checked against the file when it is opened.
pub struct ProgramStore {
    map: Option<memmap2::Mmap>,
    records: Vec<Record>,
}

impl ProgramStore {
    pub fn open(path: &Path, records: Vec<Record>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let len = file.metadata().map_err(|e| Error::io(path, e))?.len();
        for r in &records {
            check_record(r, len).map_err(|(field, what)| Error::format(path, field, what))?;
        }
        // SAFETY: the map is read-only; a chip folder is replaced by renaming, never written in place.
        let map = if len == 0 { None } else { Some(unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, e))?) };
        Ok(ProgramStore { map, records })
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Digest of the mapped bytes. They are dropped from this process's memory as they are hashed: a program may be larger than it.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        if let Some(map) = &self.map {
            for (i, piece) in map.chunks(DIGEST_PIECE).enumerate() {
                hasher.update(piece);
                // SAFETY: the mapping is shared and read-only: what is dropped is read again from the file when it is next touched.
                let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, i * DIGEST_PIECE, piece.len()) };
            }
        }
        hasher.finalize().to_hex().to_string()
    }

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

fn check_record(r: &Record, len: u64) -> Result<(), (String, String)> {
    let within = |name: &str, part: &str, s: &Section, want: u128| {
        if u128::from(s.bytes) != want {
            return Err((format!("program {name}.{part}"), format!("{} bytes, expected {want}", s.bytes)));
        }
        match s.offset.checked_add(s.bytes) {
            Some(end) if end <= len => Ok(()),
            _ => Err((format!("program {name}.{part}"), format!("ends past the file's {len} bytes"))),
        }
    };
    match r {
        Record::Gain { name, values } => within(name, "values", values, u128::from(values.bytes / 4 * 4)),
        Record::Matrix {
            name,
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
        } => {
            let n = u128::from(*outputs);
            if !matches!(code_bits, 2 | 3 | 4 | 6 | 8) {
                return Err((format!("program {name}.code_bits"), format!("{code_bits}, expected 2, 3, 4, 6 or 8")));
            }
            if !(1..=MOST_INPUTS).contains(inputs) {
                return Err((format!("program {name}.inputs"), format!("{inputs}, expected 1 to {MOST_INPUTS}")));
            }
            for (part, bytes) in [("scale_bytes", scale_bytes), ("offset_bytes", offset_bytes)] {
                let absent = part == "offset_bytes" && *bytes == 0;
                if !absent && !matches!(bytes, 1 | 2 | 4) {
                    return Err((format!("program {name}.{part}"), format!("{bytes}, expected 1, 2 or 4")));
                }
            }
            if *stride != row_stride(*inputs, *code_bits) {
                return Err((format!("program {name}.stride"), format!("{stride}, expected {}", row_stride(*inputs, *code_bits))));
            }
            within(name, "codes", codes, n * u128::from(*stride))?;
            within(name, "scales", scales, n * u128::from(*groups) * u128::from(*scale_bytes))?;
            within(name, "offsets", offsets, n * u128::from(*groups) * u128::from(*offset_bytes))?;
            within(name, "shifts", shifts, n * 2)?;
            within(name, "bias", bias, if bias.bytes > 0 { n * 4 } else { 0 })
        }
    }
}

/// Little-endian signed integers of 1, 2 or 4 bytes.
#[derive(Clone, Copy)]
pub struct Ints<'a>(&'a [u8], u8);

impl Ints<'_> {
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

    pub fn to_vec(&self) -> Vec<i32> {
        (0..self.len()).map(|i| self.get(i)).collect()
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
