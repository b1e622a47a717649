//! An adder graph as a pipelined module: a wire for each adder as wide as its values can be, registers between the stages.

use crate::error::Error;
use crate::folder::{Emitted, Folder};
use crate::gate::{Code, filters};
use askama::Template;
use hardwire_adders::{Graph, Operand};
use std::fmt::Write;
use std::path::Path;

/// How a graph becomes a module.
#[derive(Clone, Copy, Debug)]
pub struct Pipeline {
    /// Least and greatest input.
    pub range: (i64, i64),
    /// Bits of an input; signed where `range` begins below zero.
    pub input_bits: u32,
    /// Adders one after another between two registers, at least 1.
    pub adders_a_stage: u32,
    /// Stages that the module has at least, so that graphs of one kind take as long.
    pub stages: u32,
}

impl Pipeline {
    /// Cycles from a vector on `x` to its product on `y`.
    pub fn latency(&self, graph: &Graph) -> u32 {
        graph.depth().div_ceil(self.adders_a_stage).max(self.stages).max(1)
    }
}

#[derive(Template)]
#[template(path = "adders.v")]
struct Text<'a> {
    name: &'a str,
    inputs: usize,
    outputs: usize,
    adders: usize,
    depth: u32,
    latency: u32,
    input_bits: u32,
    output_bits: u32,
    low: i64,
    high: i64,
    wires: Vec<Wire>,
    registers: Vec<Register>,
    results: Vec<String>,
}

/// One adder: `name = a ± b`.
struct Wire {
    name: String,
    bits: u32,
    sum: String,
}

/// A value a stage later.
struct Register {
    name: String,
    bits: u32,
    from: String,
}

/// What stands between the module's ports.
struct Body<'a> {
    graph: &'a Graph,
    bits: Vec<u32>,
    /// Stage in which each value comes about, inputs in the first.
    stage: Vec<u32>,
    /// Stages each value is kept for.
    kept: Vec<u32>,
}

/// Bits of a signed number that holds both ends.
fn bits(range: (i128, i128)) -> u32 {
    let magnitude = |v: i128| 128 - if v < 0 { !v } else { v }.leading_zeros();
    1 + magnitude(range.0).max(magnitude(range.1))
}

impl Body<'_> {
    fn of<'a>(graph: &'a Graph, pipeline: &Pipeline, last: u32) -> Body<'a> {
        let stage: Vec<u32> = graph.depths().iter().map(|d| d.saturating_sub(1) / pipeline.adders_a_stage).collect();
        let mut kept = vec![0; stage.len()];
        let mut keep = |o: Operand, until: u32| kept[o.value] = kept[o.value].max(until - stage[o.value]);
        for (n, adder) in graph.adders.iter().enumerate() {
            keep(adder.a, stage[graph.inputs + n]);
            keep(adder.b, stage[graph.inputs + n]);
        }
        graph.outputs.iter().flatten().for_each(|o| keep(*o, last));
        let mut wide: Vec<u32> = graph.ranges(pipeline.range).into_iter().map(bits).collect();
        // A port's bits as they are, and no sum shorter than what it adds.
        wide[..graph.inputs].fill(pipeline.input_bits + u32::from(pipeline.range.0 >= 0));
        for (n, adder) in graph.adders.iter().enumerate() {
            let value = graph.inputs + n;
            wide[value] = [adder.a, adder.b].iter().map(|o| wide[o.value] + o.shift).fold(wide[value], u32::max);
        }
        Body { graph, bits: wide, stage, kept }
    }

    /// Bits of every output: the negative of a number takes a bit more where the number is the lowest of its bits.
    fn output_bits(&self) -> u32 {
        let of = |o: &Operand| self.bits[o.value] + o.shift + u32::from(o.negative);
        self.graph.outputs.iter().flatten().map(of).max().unwrap_or(1)
    }

    /// A value as it stands `later` stages after it came about.
    fn name(&self, value: usize, later: u32) -> String {
        let base = match value.checked_sub(self.graph.inputs) {
            Some(adder) => format!("s{adder}"),
            None => format!("x{value}"),
        };
        if later == 0 { base } else { format!("{base}_{later}") }
    }

    /// A shifted operand in a stage, wide enough for `bits`.
    fn operand(&self, o: Operand, stage: u32, bits: u32) -> String {
        let name = self.name(o.value, stage - self.stage[o.value]);
        let wide = bits.saturating_sub(self.bits[o.value] + o.shift);
        let sign = format!("{{{wide}{{{name}[{}]}}}}", self.bits[o.value] - 1);
        let parts = [(wide > 0).then_some(sign), Some(name.clone()), (o.shift > 0).then(|| format!("{}'d0", o.shift))];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        format!("{{{text}}}")
    }

    fn wires(&self) -> Vec<Wire> {
        let wire = |(n, adder): (usize, &hardwire_adders::Adder)| {
            let value = self.graph.inputs + n;
            let (stage, bits) = (self.stage[value], self.bits[value]);
            let (first, second) = if adder.a.negative { (adder.b, adder.a) } else { (adder.a, adder.b) };
            let sign = if second.negative { '-' } else { '+' };
            Wire {
                name: self.name(value, 0),
                bits,
                sum: format!("{} {sign} {}", self.operand(first, stage, bits), self.operand(second, stage, bits)),
            }
        };
        self.graph.adders.iter().enumerate().map(wire).collect()
    }

    fn registers(&self) -> Vec<Register> {
        let each = |value: usize| {
            (1..=self.kept[value]).map(move |later| Register {
                name: self.name(value, later),
                bits: self.bits[value],
                from: self.name(value, later - 1),
            })
        };
        (0..self.stage.len()).flat_map(each).collect()
    }
}

/// The module's text.
///
/// # Errors
/// A name that is no plain word; a stage of no adders; inputs that do not fit their bits.
pub fn module(graph: &Graph, name: &str, pipeline: &Pipeline) -> Result<Code, Error> {
    let option = |what: &str| Error::Option { option: "adders", what: what.into() };
    if pipeline.adders_a_stage == 0 {
        return Err(option("a stage holds at least one adder"));
    }
    let needed = bits((i128::from(pipeline.range.0), i128::from(pipeline.range.1)));
    if pipeline.range.0 > pipeline.range.1 || needed > pipeline.input_bits + u32::from(pipeline.range.0 >= 0) || pipeline.input_bits > 64 {
        return Err(option("the range does not fit the bits of an input"));
    }
    let latency = pipeline.latency(graph);
    let body = Body::of(graph, pipeline, latency - 1);
    let output_bits = body.output_bits();
    let result = |o: &Option<Operand>| match o {
        None => format!("{{{output_bits}{{1'b0}}}}"),
        Some(o) => format!("{}{}", if o.negative { "-" } else { "" }, body.operand(*o, latency - 1, output_bits)),
    };
    let mut text = Text {
        name,
        inputs: graph.inputs,
        outputs: graph.outputs.len(),
        adders: graph.adders.len(),
        depth: graph.depth(),
        latency,
        input_bits: pipeline.input_bits,
        output_bits,
        low: pipeline.range.0,
        high: pipeline.range.1,
        wires: Vec::new(),
        registers: body.registers(),
        results: graph.outputs.iter().map(result).collect(),
    };
    text.wires.extend((0..graph.inputs).map(|i| {
        let sign = if pipeline.range.0 < 0 { "" } else { "1'b0, " };
        let from = format!("{{{sign}x[{} +: {}]}}", i as u32 * pipeline.input_bits, pipeline.input_bits);
        Wire { name: format!("x{i}"), bits: body.bits[i], sum: from }
    }));
    text.wires.extend(body.wires());
    Code::render("adders.v", &text)
}

/// Writes a folder with the graph's module and a testbench that holds it against products it is given.
///
/// # Errors
/// A folder that cannot be written or holds something else, and what [`module`] refuses.
pub fn emit(graph: &Graph, name: &str, pipeline: &Pipeline, vectors: &[(Vec<i64>, Vec<i128>)], out_dir: &Path) -> Result<Emitted, Error> {
    let mut folder = Folder::create(out_dir)?;
    let text = module(graph, name, pipeline)?;
    folder.text(&format!("rtl/{name}.v"), text.as_str())?;
    let (mut xs, mut ys) = (String::new(), String::new());
    for (x, y) in vectors {
        let field = |out: &mut String, v: i128, bits: u32| (0..bits).rev().for_each(|b| out.push(if v >> b & 1 == 1 { '1' } else { '0' }));
        x.iter().rev().for_each(|v| field(&mut xs, i128::from(*v), pipeline.input_bits));
        y.iter().rev().for_each(|v| field(&mut ys, *v, 128));
        let _ = writeln!(xs);
        let _ = writeln!(ys);
    }
    folder.text("tb/x.mem", &xs)?;
    folder.text("tb/y.mem", &ys)?;
    let latency = pipeline.latency(graph);
    let bench = Bench {
        name,
        latency,
        vectors: vectors.len(),
        inputs: graph.inputs,
        outputs: graph.outputs.len(),
        input_bits: pipeline.input_bits,
        output_bits: Body::of(graph, pipeline, latency - 1).output_bits(),
    };
    folder.text("tb/tb.v", Code::render("adders_tb.v", &bench)?.as_str())?;
    folder.finish()
}

#[derive(Template)]
#[template(path = "adders_tb.v")]
struct Bench<'a> {
    name: &'a str,
    latency: u32,
    vectors: usize,
    inputs: usize,
    outputs: usize,
    input_bits: u32,
    output_bits: u32,
}
