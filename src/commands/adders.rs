//! `hardwire adders`: a constant matrix as shifts and adds.

use crate::cli::{Adders, Global};
use crate::out::{self, note, outln};
use anyhow::{Context, Result, bail};
use hardwire_adders::{Depth, Matrix, Options, least_depth, optimize, read, vectors};
use hardwire_netlist::input;
use hardwire_rtl_gen::adders::{Pipeline, emit};
use serde_json::json;

/// Vectors that go with emitted Verilog, corners first.
const VECTORS: usize = 256;

pub fn run(args: &Adders, global: &Global) -> Result<()> {
    let path = args.matrix.display().to_string();
    let matrix = open(args).with_context(|| path.clone())?;
    let depth = match (args.depth, args.depth_above) {
        (Some(most), _) => Depth::Most(most),
        (None, Some(more)) => Depth::Above(more),
        (None, None) => Depth::Free,
    };
    let start = std::time::Instant::now();
    let graph = optimize(&matrix, &Options { depth, effort: args.effort }).with_context(|| path.clone())?;
    let seconds = start.elapsed().as_secs_f64();
    if !graph.computes(&matrix) {
        bail!("{path}: the graph does not compute the matrix; this is an error of the program, please report the matrix");
    }
    let high = 1i64 << (args.bits - 1);
    let range = (-high, high - 1);
    let pipeline = Pipeline { range, input_bits: args.bits, adders_a_stage: args.stage, stages: 1 };
    if let Some(folder) = &args.verilog {
        let given = vectors(matrix.inputs(), range, VECTORS).into_iter().map(|x| (matrix.product(&x), x)).map(|(y, x)| (x, y));
        emit(&graph, "adders", &pipeline, &given.collect::<Vec<_>>(), folder)?;
    }
    let (adders, bits) = (graph.adders.len(), graph.cost(range, Some(1)));
    let negated = graph.outputs.iter().flatten().filter(|o| o.negative).count();
    if global.json {
        return out::json(&json!({
            "inputs": matrix.inputs(), "outputs": matrix.outputs(), "adders": adders, "depth": graph.depth(), "least_depth": least_depth(&matrix),
            "cost": graph.cost(range, None), "adder_bits": bits, "negated_outputs": negated, "latency_cycles": pipeline.latency(&graph),
            "input_bits": args.bits, "wall_s": seconds, "verilog": args.verilog,
        }));
    }
    outln!("{adders} adders, depth {} (least {}), {bits} adder bits at {}-bit inputs", graph.depth(), least_depth(&matrix), args.bits);
    outln!("da4ml's cost: {} (adder_size -1), {bits} (adder_size 1); {negated} outputs negated", graph.cost(range, None));
    if !global.quiet {
        note!("{} inputs x {} outputs in {:.2} ms", matrix.inputs(), matrix.outputs(), seconds * 1e3);
        if let Some(folder) = &args.verilog {
            note!(
                "{}: a vector a cycle, {} cycles; cd there and `iverilog -g2012 -o sim rtl/*.v tb/tb.v && vvp sim`",
                folder.display(),
                pipeline.latency(&graph)
            );
        }
    }
    Ok(())
}

fn open(args: &Adders) -> Result<Matrix> {
    let extension = args.matrix.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let Some(format) = read::Format::of(extension) else { bail!("a matrix is read from a .npy, .csv or .json file") };
    let matrix = read::read(&input::read(&args.matrix, input::MOST_TEXT)?, format)?;
    Ok(if args.transpose { matrix.transposed() } else { matrix })
}
