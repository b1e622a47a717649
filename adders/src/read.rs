//! A matrix from a file's bytes: NumPy's `.npy`, comma-separated values, or JSON. Whole numbers only; what stands there is not trusted.

use crate::error::Error;
use crate::matrix::Matrix;

/// How a file holds a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Npy,
    Csv,
    Json,
}

impl Format {
    /// What a file name's extension says.
    pub fn of(extension: &str) -> Option<Format> {
        match extension {
            "npy" => Some(Format::Npy),
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            _ => None,
        }
    }
}

/// Rows and columns as they stand in the file: a row for each input of `y = x · M`.
///
/// # Errors
/// What is wrong and where: line and column, or the header's field; and what [`Matrix::new`] refuses.
pub fn read(bytes: &[u8], format: Format) -> Result<Matrix, Error> {
    match format {
        Format::Npy => npy(bytes),
        Format::Csv => csv(bytes),
        Format::Json => json(bytes),
    }
}

fn bad(at: impl ToString, what: impl ToString) -> Error {
    Error::Read { at: at.to_string(), what: what.to_string() }
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|e| bad("text", e))
}

/// A float that is a whole number; none else is a weight.
fn whole(value: f64) -> Option<i64> {
    // Whole floats up to 2^53 are exact; Matrix::new has the tighter bound.
    (value.fract() == 0.0 && value.abs() <= (1u64 << 53) as f64).then_some(value as i64)
}

fn rows(rows: Vec<Vec<i64>>) -> Result<Matrix, Error> {
    let outputs = rows.first().map_or(0, Vec::len);
    if let Some(at) = rows.iter().position(|r| r.len() != outputs) {
        return Err(bad(format!("row {}", at + 1), format!("{} values, the first row has {outputs}", rows[at].len())));
    }
    Matrix::new(rows.len(), outputs, rows.concat())
}

fn csv(bytes: &[u8]) -> Result<Matrix, Error> {
    let lines = text(bytes)?.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let value = |line: usize, column: usize, field: &str| {
        let parsed = field.parse().ok().or_else(|| whole(field.parse().ok()?));
        parsed.ok_or_else(|| bad(format!("line {}, value {}", line + 1, column + 1), format!("{field:?}, expected a whole number")))
    };
    let row = |(line, l): (usize, &str)| l.split(',').enumerate().map(|(column, f)| value(line, column, f.trim())).collect();
    rows(lines.map(row).collect::<Result<_, _>>()?)
}

fn json(bytes: &[u8]) -> Result<Matrix, Error> {
    let all: Vec<Vec<serde_json::Number>> = serde_json::from_slice(bytes).map_err(|e| bad("JSON, expected an array of rows", e))?;
    let value = |(n, row): (usize, &Vec<serde_json::Number>)| {
        let each = row.iter().enumerate().map(|(k, v)| {
            let parsed = v.as_i64().or_else(|| whole(v.as_f64()?));
            parsed.ok_or_else(|| bad(format!("[{n}][{k}]"), format!("{v}, expected a whole number")))
        });
        each.collect()
    };
    rows(all.iter().enumerate().map(value).collect::<Result<_, _>>()?)
}

/// NumPy's format: magic, version, length of a header, the header as a Python literal, the array
/// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
fn npy(bytes: &[u8]) -> Result<Matrix, Error> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(|| bad("magic", "not a .npy file"))?;
    let (version, rest) = rest.split_at_checked(2).ok_or_else(|| bad("version", "truncated"))?;
    let wide = if version[0] == 1 { 2 } else { 4 };
    let (length, rest) = rest.split_at_checked(wide).ok_or_else(|| bad("header length", "truncated"))?;
    let length = length.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
    let (header, data) = rest.split_at_checked(length).ok_or_else(|| bad("header", "truncated"))?;
    let header = text(header)?;
    let field =
        |name: &str| header.split_once(&format!("'{name}':")).map(|(_, v)| v.trim_start()).ok_or_else(|| bad(name, "not in the header"));
    let dtype = field("descr")?.split('\'').nth(1).unwrap_or_default();
    let fortran = field("fortran_order")?.starts_with("True");
    let shape = field("shape")?;
    let shape = shape.strip_prefix('(').and_then(|s| s.split_once(')')).map(|(s, _)| s).ok_or_else(|| bad("shape", "no tuple"))?;
    let sides: Vec<usize> = shape.split(',').filter_map(|s| s.trim().parse().ok()).collect();
    let [inputs, outputs] = sides[..] else { return Err(bad("shape", format!("({shape}), expected two dimensions"))) };
    let size = dtype.get(2..).and_then(|s| s.parse().ok()).filter(|s| matches!(s, 1 | 2 | 4 | 8));
    let known = size.filter(|s| matches!(dtype.as_bytes()[1], b'i' | b'u') || dtype.as_bytes()[1] == b'f' && *s >= 4);
    let size: usize = known.ok_or_else(|| bad("descr", format!("{dtype:?}, expected integers, float32 or float64")))?;
    let count = inputs.checked_mul(outputs).filter(|c| c.checked_mul(size) == Some(data.len()));
    count.ok_or_else(|| bad("data", format!("{} bytes do not fill ({shape}) of {dtype}", data.len())))?;
    let (order, kind) = (dtype.as_bytes()[0], dtype.as_bytes()[1]);
    let value = |(at, raw): (usize, &[u8])| {
        let byte = |i: usize| u64::from(raw[if order == b'>' { size - 1 - i } else { i }]);
        let bits = (0..size).fold(0u64, |n, i| n | byte(i) << (8 * i));
        let unused = 64 - 8 * size as u32;
        let parsed = match kind {
            b'i' => Some((bits << unused) as i64 >> unused),
            b'u' => i64::try_from(bits).ok(),
            _ if size == 4 => whole(f64::from(f32::from_bits(bits as u32))),
            _ => whole(f64::from_bits(bits)),
        };
        parsed.ok_or_else(|| bad(format!("element {at}"), "expected a whole number"))
    };
    let values = data.chunks_exact(size).enumerate().map(value).collect::<Result<Vec<i64>, _>>()?;
    // Fortran's order is the transposed matrix in C's.
    if fortran { Ok(Matrix::new(outputs, inputs, values)?.transposed()) } else { Matrix::new(inputs, outputs, values) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn formats_give_the_same_matrix() {
        let want = Matrix::new(2, 3, vec![1, -2, 3, 4, 5, -6]).unwrap();
        assert_eq!(read(b"1,-2,3\n4, 5.0,-6\n\n", Format::Csv).unwrap(), want);
        assert_eq!(read(b"[[1,-2,3.0],[4,5,-6]]", Format::Json).unwrap(), want);
        assert_eq!(read(&file("|i1", "False", "(2, 3)", &[1, 254, 3, 4, 5, 250]), Format::Npy).unwrap(), want);
        assert_eq!(read(&file("|i1", "True", "(2, 3)", &[1, 4, 254, 5, 3, 250]), Format::Npy).unwrap(), want);
        let big: Vec<u8> = [1i16, -2, 3, 4, 5, -6].iter().flat_map(|v| v.to_be_bytes()).collect();
        assert_eq!(read(&file(">i2", "False", "(2, 3)", &big), Format::Npy).unwrap(), want);
        let float: Vec<u8> = [1f32, -2.0, 3.0, 4.0, 5.0, -6.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(read(&file("<f4", "False", "(2, 3)", &float), Format::Npy).unwrap(), want);
    }

    #[test]
    fn what_is_no_matrix_is_told_where() {
        let refused = |bytes: &[u8], format, part: &str| {
            let said = read(bytes, format).unwrap_err().to_string();
            assert!(said.contains(part), "{said:?} does not say {part:?}");
        };
        refused(b"1,2\n3,x\n", Format::Csv, "line 2, value 2");
        refused(b"1,2\n3,4.5\n", Format::Csv, "4.5");
        refused(b"1,2\n3\n", Format::Csv, "row 2");
        refused(b"", Format::Csv, "nothing to add");
        refused(b"[[1],[null]]", Format::Json, "array of rows");
        refused(b"[[1],[0.5]]", Format::Json, "[1][0]");
        refused(b"[[1],[1e300]]", Format::Json, "[1][0]");
        refused(b"[[4294967296]]", Format::Json, "2^31");
        refused(b"PK", Format::Npy, "magic");
        refused(&file("<c8", "False", "(1, 1)", &[0; 8]), Format::Npy, "descr");
        refused(&file("<", "False", "(1, 1)", &[0; 8]), Format::Npy, "descr");
        refused(&file("<i4", "False", "(2, 1)", &[0; 4]), Format::Npy, "4 bytes");
        refused(&file("<i4", "False", "(2,)", &[0; 8]), Format::Npy, "two dimensions");
        refused(&file("<f8", "False", "(1, 1)", &f64::NAN.to_le_bytes()), Format::Npy, "element 0");
        refused(&file("<i4", "False", "(18446744073709551615, 2)", &[]), Format::Npy, "do not fill");
        refused(b"\x93NUMPY\x01\x00\xff\xff{", Format::Npy, "header");
    }
}
