//! The other way: from text to a netlist.

use super::TextError;
use crate::graph::{Netlist, Station, Stream, UnitId};
use crate::tables::Tables;
use crate::unit::fixed::Fixed;
use crate::unit::{Unit, UnitKind};
use petgraph::graph::DiGraph;
use serde_json::{Map, Number, Value};

/// Most numbers that a run may stand for, and deepest list in a list: a text from outside must not be able to ask for more.
const LONGEST_RUN: i64 = 1 << 16;
const DEEPEST: usize = 4;

/// A unit whose producers are still names.
struct Draft {
    line: usize,
    path: String,
    station: u32,
    kind: String,
    inputs: Vec<(u16, String)>,
    out: Fixed,
    out_len: u32,
    expert: Option<u32>,
    fields: Map<String, Value>,
}

pub(super) fn netlist(text: &str) -> Result<Netlist, TextError> {
    let mut at = Cursor { line: 1, rest: text };
    at.word("netlist")?;
    at.word("lanes=")?;
    let lanes = at.number("a number of lanes")?;
    at.word("swish_alpha=")?;
    let swish_alpha = at.number("a number")?;
    let ring = if at.skip() && at.take("ring=") { Some(at.number("a number of stations")?) } else { None };
    let mut stations: Vec<Station> = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    while at.skip() {
        if at.take("station ") {
            let path = at.path()?;
            let layer = if at.skip() && at.take("layer=") { Some(at.number("a layer")?) } else { None };
            stations.push(Station { path, layer });
        } else if at.take("unit ") {
            drafts.push(draft(&mut at, stations.len().saturating_sub(1) as u32)?);
        } else {
            return Err(at.wrong("`station` or `unit`"));
        }
    }
    let mut graph = DiGraph::default();
    for d in &drafts {
        graph.add_node(unit(d)?);
    }
    for (i, d) in drafts.iter().enumerate() {
        for (port, producer) in &d.inputs {
            let mut found = drafts.iter().enumerate().filter(|(_, p)| p.path == *producer).map(|(n, _)| n);
            let (Some(from), None) = (found.next(), found.next()) else {
                let count = drafts.iter().filter(|p| p.path == *producer).count();
                return Err(TextError::Producer { line: d.line, unit: d.path.clone(), producer: producer.clone(), found: count });
            };
            graph.add_edge(UnitId::new(from), UnitId::new(i), Stream { port: *port });
        }
    }
    Ok(Netlist { lanes, stations, ring, tables: Tables::new(swish_alpha), graph })
}

fn draft(at: &mut Cursor<'_>, station: u32) -> Result<Draft, TextError> {
    let line = at.line;
    let path = at.path()?;
    let station = if at.skip() && at.take("@") { at.number("a station")? } else { station };
    at.word("=")?;
    at.skip();
    let kind = at.plain("a kind")?;
    let mut inputs = Vec::new();
    if at.skip() && at.take("[") {
        while at.skip() && !at.take("]") {
            let digits = at.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
            let explicit = digits > 0 && at.rest[digits..].starts_with(':');
            let port = if explicit { at.number("a port")? } else { inputs.len() as u16 };
            at.take(":");
            inputs.push((port, at.path()?));
            at.skip();
            at.take(",");
        }
    }
    at.word("->")?;
    at.skip();
    let out_len = at.number("a length")?;
    at.word("x")?;
    at.skip();
    let out = at.fixed()?.ok_or_else(|| at.wrong("a format such as 24q12"))?;
    let expert = if at.skip() && at.take("expert=") { Some(at.number("an expert")?) } else { None };
    let mut fields = Map::new();
    while at.skip() && !at.rest.starts_with("unit ") && !at.rest.starts_with("station ") {
        let key = at.plain("a field")?;
        at.word("=")?;
        let value = at.value(0)?;
        place(&mut fields, &key, value).ok_or_else(|| at.wrong("a field once"))?;
    }
    Ok(Draft { line, path, station, kind, inputs, out, out_len, expert, fields })
}

/// Puts a value where its dotted name says; `None` where something else is.
fn place(fields: &mut Map<String, Value>, key: &str, value: Value) -> Option<()> {
    match key.split_once('.') {
        None => fields.insert(key.into(), value).is_none().then_some(()),
        Some((first, rest)) => {
            let inner = fields.entry(first).or_insert_with(|| Value::Object(Map::new()));
            place(inner.as_object_mut()?, rest, value)
        }
    }
}

fn unit(d: &Draft) -> Result<Unit, TextError> {
    let mut fields = d.fields.clone();
    fields.insert("kind".into(), Value::from(d.kind.as_str()));
    let kind: UnitKind = serde_json::from_value(Value::Object(fields)).map_err(|e| TextError::Fields {
        line: d.line,
        unit: d.path.clone(),
        what: e.to_string(),
    })?;
    Ok(Unit { path: d.path.clone(), station: d.station, kind, out: d.out, out_len: d.out_len, expert: d.expert })
}

struct Cursor<'a> {
    line: usize,
    rest: &'a str,
}

impl Cursor<'_> {
    /// Passes over blanks; whether anything is left.
    fn skip(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        self.line += self.rest[..self.rest.len() - trimmed.len()].matches('\n').count();
        self.rest = trimmed;
        !trimmed.is_empty()
    }

    fn take(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), TextError> {
        self.skip();
        if self.take(word) { Ok(()) } else { Err(self.wrong(word)) }
    }

    fn wrong(&self, expected: &'static str) -> TextError {
        let found: String = self.rest.lines().next().unwrap_or("").chars().take(40).flat_map(char::escape_default).collect();
        let found = if found.is_empty() { "the end of the line".into() } else { format!("`{found}`") };
        TextError::Syntax { line: self.line, found, expected }
    }

    /// Letters, digits and `.`, `_`, `-`.
    fn plain(&mut self, expected: &'static str) -> Result<String, TextError> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(self.wrong(expected));
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word.into())
    }

    fn path(&mut self) -> Result<String, TextError> {
        self.skip();
        if self.rest.starts_with('"') { self.quoted() } else { self.plain("a path") }
    }

    fn quoted(&mut self) -> Result<String, TextError> {
        let mut strings = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        match strings.next() {
            Some(Ok(s)) => {
                let end = strings.byte_offset();
                self.rest = &self.rest[end..];
                Ok(s)
            }
            _ => Err(self.wrong("a string that ends")),
        }
    }

    fn number<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T, TextError> {
        let sign = usize::from(self.rest.starts_with('-'));
        let digits = |s: &str, from: usize| from + s[from..].find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len() - from);
        let mut end = digits(self.rest, sign);
        let fraction = self.rest[end..].strip_prefix('.').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
        if fraction {
            end = digits(self.rest, end + 1);
        }
        let n = self.rest[..end].parse().map_err(|_| self.wrong(expected))?;
        self.rest = &self.rest[end..];
        Ok(n)
    }

    /// A format, if one stands here.
    fn fixed(&mut self) -> Result<Option<Fixed>, TextError> {
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        if digits == 0 || !self.rest[digits..].starts_with('q') {
            return Ok(None);
        }
        let bits = self.number("at most 255 bits")?;
        self.take("q");
        Ok(Some(Fixed { bits, frac: self.number("fractional bits")? }))
    }

    fn value(&mut self, depth: usize) -> Result<Value, TextError> {
        if self.rest.starts_with('"') {
            return Ok(Value::from(self.quoted()?));
        }
        if let Some(f) = self.fixed()? {
            return Ok(Value::Object(Map::from_iter([("bits".into(), f.bits.into()), ("frac".into(), f.frac.into())])));
        }
        if self.rest.starts_with('[') && depth < DEEPEST {
            self.take("[");
            let mut items = Vec::new();
            while self.skip() && !self.take("]") {
                match (self.value(depth + 1)?, self.take("..=")) {
                    (first, true) => {
                        let last: i64 = self.number("the last number of a run")?;
                        let first = first.as_i64().filter(|f| (0..LONGEST_RUN).contains(&last.saturating_sub(*f)));
                        let first = first.ok_or_else(|| self.wrong("a run of at most 65536 numbers that count up"))?;
                        items.extend((first..=last).map(Value::from));
                    }
                    (one, false) => items.push(one),
                }
                self.skip();
                self.take(",");
            }
            return Ok(Value::Array(items));
        }
        for (word, value) in [("true", true), ("false", false)] {
            if self.take(word) {
                return Ok(Value::Bool(value));
            }
        }
        if self.rest.starts_with('-') {
            return self.number::<i64>("a value").map(|n| Value::Number(Number::from(n)));
        }
        self.number::<u64>("a value").map(|n| Value::Number(Number::from(n)))
    }
}
