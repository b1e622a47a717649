//! A netlist as text, to read and to write by hand: a test of a rule or of a pass is text in, text out. What is written is stable, and parses back to
//! the same netlist.
//!
//! ```text
//! netlist lanes=8 swish_alpha=1.702
//!
//! station embed
//! unit embed = embed -> 16 x 32q16
//!   matrix.tensor="embed" matrix.inputs=16 matrix.codebook=[-8..=7] ...
//!
//! station layers.0.attn layer=0
//! unit layers.0.norm = rms_norm [embed] -> 16 x 24q12
//!   len=16 groups=1 epsilon=1048576 gain=1 input=32q16 shift=19
//! ```
//!
//! A unit is its path, kind, producers by input port (`2:path` where a port is not the next one), length and format of its output (`24q12`: 24
//! bits, 12 of them fractional), then the fields of its kind as they stand in `chip.json`: nested ones with dots, absent ones left out, runs of numbers
//! as `first..=last`. `expert=N` behind the format is its expert, `@N` before the kind a station other than the one it stands under. A kind needs
//! nothing of its own here. `ring=N` behind the first line: so many stations between embedding and head are built. Function tables are not written but for `swish_alpha`: they follow from it.

mod parse;

use crate::graph::{Netlist, UnitId};
use crate::unit::Unit;
use petgraph::Direction;
use petgraph::visit::EdgeRef;
use serde_json::Value;
use std::fmt::Write;

/// Columns that a line of fields is filled to.
const COLUMNS: usize = 120;
/// Numbers in a row that are written as a run.
const LEAST_RUN: usize = 4;

/// Why a text is no netlist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("line {line}: {found}, expected {expected}")]
    Syntax { line: usize, found: String, expected: &'static str },
    /// The fields are not those of the kind.
    #[error("line {line}: unit {unit}: {what}")]
    Fields { line: usize, unit: String, what: String },
    #[error("line {line}: unit {unit}: {producer} names {found} units, expected one")]
    Producer { line: usize, unit: String, producer: String, found: usize },
}

impl Netlist {
    /// The netlist as text.
    pub fn to_text(&self) -> String {
        let ring = self.ring.map_or(String::new(), |ring| format!(" ring={ring}"));
        let mut out = format!("netlist lanes={} swish_alpha={}{ring}\n", self.lanes, self.tables.swish_alpha());
        let mut units = self.units().peekable();
        for (i, station) in self.stations.iter().enumerate() {
            let layer = station.layer.map_or(String::new(), |l| format!(" layer={l}"));
            let _ = writeln!(out, "\nstation {}{layer}", name(&station.path));
            let last = i + 1 == self.stations.len();
            while let Some((id, u)) = units.next_if(|(_, u)| last || u.station as usize <= i) {
                unit(self, id, u, i as u32, &mut out);
            }
        }
        out
    }

    /// The netlist that a text says. It is not checked: [`Netlist::validate`] is another step.
    ///
    /// # Errors
    /// The first line that is none, whose fields are not those of its kind, or whose producer is not one unit.
    pub fn from_text(text: &str) -> Result<Netlist, TextError> {
        parse::netlist(text)
    }
}

/// A path bare, or quoted where it is not of plain characters.
fn name(path: &str) -> String {
    let plain = !path.is_empty() && path.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    if plain { path.into() } else { Value::from(path).to_string() }
}

fn unit(netlist: &Netlist, id: UnitId, u: &Unit, station: u32, out: &mut String) {
    let mut fields = match serde_json::to_value(&u.kind) {
        Ok(Value::Object(fields)) => fields,
        // Kinds are structures of numbers and strings.
        _ => unreachable!("a kind serialises to an object"),
    };
    let kind = fields.remove("kind").and_then(|k| k.as_str().map(String::from)).unwrap_or_default();
    let elsewhere = if u.station == station { String::new() } else { format!(" @{}", u.station) };
    let mut edges: Vec<(u16, UnitId)> =
        netlist.graph.edges_directed(id, Direction::Incoming).map(|e| (e.weight().port, e.source())).collect();
    edges.sort();
    let mut inputs = Vec::new();
    for (i, (port, from)) in edges.into_iter().enumerate() {
        let from = name(&netlist.unit(from).path);
        inputs.push(if usize::from(port) == i { from } else { format!("{port}:{from}") });
    }
    let inputs = if inputs.is_empty() { String::new() } else { format!(" [{}]", inputs.join(", ")) };
    let expert = u.expert.map_or(String::new(), |e| format!(" expert={e}"));
    let format = format!("{}q{}", u.out.bits, u.out.frac);
    let _ = writeln!(out, "unit {}{elsewhere} = {kind}{inputs} -> {} x {format}{expert}", name(&u.path), u.out_len);
    let mut all = Vec::new();
    flatten("", &Value::Object(fields), &mut all);
    let mut line = String::new();
    for field in all {
        if !line.is_empty() && line.len() + field.len() + 1 > COLUMNS {
            let _ = writeln!(out, " {line}");
            line.clear();
        }
        line.push(' ');
        line.push_str(&field);
    }
    if !line.is_empty() {
        let _ = writeln!(out, " {line}");
    }
}

/// The fields of a value with their whole names; what is absent is left out.
fn flatten(prefix: &str, v: &Value, out: &mut Vec<String>) {
    match v {
        Value::Null => {}
        Value::Object(fields) if fixed(v).is_none() => {
            // In order of their names, whatever order the map keeps.
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|f| f.0);
            for (key, value) in fields {
                let whole = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&whole, value, out);
            }
        }
        _ => out.push(format!("{prefix}={}", value(v))),
    }
}

/// A fixed-point format.
fn fixed(v: &Value) -> Option<String> {
    let fields = v.as_object().filter(|f| f.len() == 2)?;
    Some(format!("{}q{}", fields.get("bits")?.as_u64()?, fields.get("frac")?.as_i64()?))
}

fn value(v: &Value) -> String {
    match v {
        Value::Array(items) => {
            let mut parts = Vec::new();
            let mut at = 0;
            while at < items.len() {
                let run = run(&items[at..]);
                if run >= LEAST_RUN {
                    parts.push(format!("{}..={}", items[at], items[at + run - 1]));
                    at += run;
                } else {
                    parts.push(value(&items[at]));
                    at += 1;
                }
            }
            format!("[{}]", parts.join(", "))
        }
        _ => fixed(v).unwrap_or_else(|| v.to_string()),
    }
}

/// Items from the first that count up by one.
fn run(items: &[Value]) -> usize {
    let Some(first) = items.first().and_then(Value::as_i64) else { return 1 };
    items.iter().zip(first..).take_while(|(v, n)| v.as_i64() == Some(*n)).count()
}
