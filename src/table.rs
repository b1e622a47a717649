//! One table, two ways out: aligned text for a terminal, CSV for a spreadsheet.

use crate::out::one_line;
use crate::report::number;
use anyhow::Result;
use hardwire_netlist::Figure;
use hardwire_study::flat;

/// One cell. Numbers are rounded on a terminal and whole in CSV.
pub enum Cell {
    Text(String),
    Number(f64),
    Percent(f64),
    /// A number that brings its source.
    Figure(Figure),
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Cell::Number(value)
    }
}

impl From<Figure> for Cell {
    fn from(figure: Figure) -> Self {
        Cell::Figure(figure)
    }
}

impl From<u32> for Cell {
    fn from(value: u32) -> Self {
        Cell::Number(f64::from(value))
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Empty, Into::into)
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Cell::Text(text) => one_line(text),
            Cell::Number(value) => number(*value),
            Cell::Figure(figure) => number(figure.value),
            Cell::Percent(value) => format!("{:+.1} %", value * 100.0),
            Cell::Empty => "-".into(),
        }
    }

    fn whole(&self) -> String {
        match self {
            Cell::Text(text) => flat::text(text.clone()),
            Cell::Number(value) | Cell::Percent(value) => value.to_string(),
            Cell::Figure(figure) => figure.value.to_string(),
            Cell::Empty => String::new(),
        }
    }
}

/// Rows under a head.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Table { head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub fn of(head: Vec<String>, rows: Vec<Vec<Cell>>) -> Self {
        Table { head, rows }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Columns as wide as their widest cell: text to the left, numbers to the right.
    pub fn text(&self) -> String {
        let shown: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
        let head: Vec<String> = self.head.iter().map(|h| one_line(h)).collect();
        let width = |column: usize| {
            let cells = shown.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([head[column].chars().count()]).max().unwrap_or(0)
        };
        let left: Vec<bool> = (0..head.len()).map(|c| self.rows.iter().any(|row| matches!(row.get(c), Some(Cell::Text(_))))).collect();
        let line = |cells: &[&str]| {
            let padded = cells.iter().enumerate().map(|(c, cell)| {
                let gap = " ".repeat(width(c).saturating_sub(cell.chars().count()));
                if left[c] { format!("{cell}{gap}") } else { format!("{gap}{cell}") }
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let rows = shown.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        line(&head.iter().map(String::as_str).collect::<Vec<_>>()) + &rows.collect::<String>()
    }

    pub fn csv(&self) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.head)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::whole))?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_aligns_and_csv_quotes() {
        let mut table = Table::new(&["name", "tokens/s", "error"]);
        table.row(["a, \"b\"".into(), 1234.5.into(), Cell::Percent(-0.125)]);
        table.row(["µ".into(), Cell::Empty, Cell::Empty]);
        assert_eq!(table.text(), "name    tokens/s    error\na, \"b\"     1,234  -12.5 %\nµ              -        -\n");
        assert_eq!(table.csv().unwrap(), "name,tokens/s,error\n\"a, \"\"b\"\"\",1234.5,-0.125\nµ,,\n");
    }
}
