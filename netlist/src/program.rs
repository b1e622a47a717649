//! The program of a chip: every code, scale, offset, shift and gain, in one file that is written as a stream and read
//! through a memory map. Layout: sections one after another, each aligned to 64 bytes, located by the records in `chip.json`.
//!
//! - here: the records, which say where everything lies;
//! - `pack`: codes of 2 to 8 bits in bytes; `write`: the file front to back; `store`: the mapped file and views into it.

mod pack;
mod store;
mod write;

pub use pack::{pack_row, row_stride, storage_bytes, unpack};
pub use store::{Ints, MatrixView, ProgramStore};
pub use write::{MatrixData, ProgramWriter};

use serde::{Deserialize, Serialize};

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

impl Record {
    /// Whether every section has the size its shape asks for and lies within a file of `len` bytes; else field and complaint.
    pub(crate) fn check(&self, len: u64) -> Result<(), (String, String)> {
        let within = |name: &str, part: &str, s: &Section, want: u128| {
            if u128::from(s.bytes) != want {
                return Err((format!("program {name}.{part}"), format!("{} bytes, expected {want}", s.bytes)));
            }
            match s.offset.checked_add(s.bytes) {
                Some(end) if end <= len => Ok(()),
                _ => Err((format!("program {name}.{part}"), format!("ends past the file's {len} bytes"))),
            }
        };
        match self {
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
}
