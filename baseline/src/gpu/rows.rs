//! A CSV text from outside, row by row: every refusal names file, line and column.

use super::error::GpuError;

/// Longest text taken, bytes: a thousand times the bundled tables.
const LONGEST: usize = 256 << 20;

/// A reader at one row.
pub(super) struct Rows<'a> {
    file: String,
    reader: csv::Reader<&'a [u8]>,
    head: csv::StringRecord,
    record: csv::StringRecord,
}

impl<'a> Rows<'a> {
    /// Opens `text`, whose first line must have the columns of `needed`.
    pub fn open(text: &'a str, file: &str, needed: &[&str]) -> Result<Self, GpuError> {
        let bad = |detail: String| GpuError::File { file: file.into(), detail, hint: "give a CSV with the columns of the bundled tables" };
        if text.len() > LONGEST {
            return Err(bad(format!("{} bytes, at most {LONGEST} are read", text.len())));
        }
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let head = reader.headers().map_err(|error| bad(format!("line 1: {error}")))?.clone();
        if let Some(missing) = needed.iter().find(|name| !head.iter().any(|have| have == **name)) {
            return Err(bad(format!("line 1: no column `{missing}`")));
        }
        Ok(Rows { file: file.into(), reader, head, record: csv::StringRecord::new() })
    }

    /// Goes to the next row; false at the end.
    pub fn next(&mut self) -> Result<bool, GpuError> {
        self.reader.read_record(&mut self.record).map_err(|error| {
            let line = error.position().map_or(self.line() + 1, csv::Position::line);
            let detail = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("line {line}: {len} columns, {expected_len} in line 1"),
                _ => format!("line {line}: {error}"),
            };
            GpuError::File { file: self.file.clone(), detail, hint: "quote text that holds commas" }
        })
    }

    pub fn line(&self) -> u64 {
        self.record.position().map_or(1, csv::Position::line)
    }

    pub fn has(&self, column: &str) -> bool {
        self.head.iter().any(|have| have == column)
    }

    /// The text of a column, empty where there is none.
    pub fn text(&self, column: &str) -> String {
        let at = self.head.iter().position(|have| have == column);
        at.and_then(|at| self.record.get(at)).unwrap_or("").to_owned()
    }

    /// The text of a column that may not be empty.
    pub fn required(&self, column: &str) -> Result<String, GpuError> {
        let text = self.text(column);
        if text.is_empty() { Err(self.refuse(column, "something")) } else { Ok(text) }
    }

    /// A number above 0.
    pub fn positive(&self, column: &str) -> Result<f64, GpuError> {
        let number = self.text(column).parse::<f64>().ok().filter(|x| x.is_finite() && *x > 0.0);
        number.ok_or_else(|| self.refuse(column, "a finite number above 0"))
    }

    /// A number above 0, or nothing.
    pub fn optional_positive(&self, column: &str) -> Result<Option<f64>, GpuError> {
        if self.text(column).is_empty() { Ok(None) } else { self.positive(column).map(Some) }
    }

    /// What is wrong with a column of this row.
    pub fn refuse(&self, column: &str, expected: &'static str) -> GpuError {
        let value: String = self.text(column).chars().take(80).collect();
        GpuError::Cell { file: self.file.clone(), line: self.line(), column: column.into(), value, expected }
    }
}

/// `8x B200 SXM` as 8 and the name; 1 where no count stands before it.
pub(super) fn leading_count(text: &str) -> (u32, String) {
    let counted = text.split_once("x ").and_then(|(count, name)| Some((count.trim().parse::<u32>().ok()?, name.trim().to_owned())));
    counted.unwrap_or((1, text.to_owned()))
}
