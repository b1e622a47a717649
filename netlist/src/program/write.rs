//! A program file written front to back; nothing is held in memory but the records.

use super::{ProgramId, Record, Section, row_stride, storage_bytes};
use crate::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

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
