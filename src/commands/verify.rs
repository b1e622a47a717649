//! `hardwire verify`: the same prompt through the scalar reference, the fast engine and the Verilated chip, side by side.

use super::defects::{applied, told};
use super::source::Source;
use crate::cli::{Global, Verify};
use crate::out::{self, note, outln};
use crate::scratch::Scratch;
use anyhow::{Context, Result, bail};
use hardwire_netlist::Chip;
use hardwire_rtl_gen::harness::{Feed, RunOptions, Trace, Waveform, run_verilated};
use hardwire_rtl_gen::{Options, emit};
use hardwire_sim::engine::Engine;
use hardwire_sim::reference::Reference;
use hardwire_sim::timing;
use hardwire_study::generate::{check_prompt, prompt_ids};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// One generated token as all three see it.
#[derive(Serialize)]
struct Line {
    position: u32,
    reference: (u32, i32),
    engine: (u32, i32),
    verilog: Option<(u32, i32)>,
    cycles_simulator: u64,
    cycles_verilog: Option<u64>,
    /// All logits of reference and engine.
    same_logits: bool,
    /// Token, logit and cycle of the greatest logits, greatest first: what the `top` port should give, and what it gave.
    top_simulator: Vec<(u32, i32, u64)>,
    top_verilog: Vec<(u32, i32, u64)>,
}

impl Line {
    fn agrees(&self) -> bool {
        self.reference == self.engine
            && self.same_logits
            && self.verilog == Some(self.engine)
            && self.cycles_verilog == Some(self.cycles_simulator)
            && self.top_verilog == self.top_simulator
    }

    /// The first entry of the `top` port that is not the simulator's.
    fn wrong_top(&self) -> Option<String> {
        let entry =
            |e: Option<&(u32, i32, u64)>| e.map_or("nothing".into(), |(id, logit, cycle)| format!("{id} ({logit}) in cycle {cycle}"));
        (0..self.top_simulator.len().max(self.top_verilog.len()))
            .map(|rank| (rank, self.top_simulator.get(rank), self.top_verilog.get(rank)))
            .find(|(_, simulator, verilog)| simulator != verilog)
            .map(|(rank, simulator, verilog)| format!("top-k rank {rank}: simulator {}, Verilog {}", entry(simulator), entry(verilog)))
    }
}

#[derive(Serialize)]
struct Outcome {
    agrees: bool,
    prompt_ids: Vec<u32>,
    overflow: bool,
    /// The first value that differs, if any.
    first_difference: Option<String>,
    lines: Vec<Line>,
    build_s: f64,
    verilog_cycles: u64,
    verilog_cycles_per_s: f64,
    verilog_tokens_per_s: f64,
}

pub fn run(args: &Verify, global: &Global) -> Result<()> {
    args.trace.as_deref().map(Waveform::of).transpose()?;
    let source = Source::open(&args.source)?;
    let tokenizer = source.tokenizer_for(args.ids.as_deref())?;
    let prompt = prompt_ids(tokenizer.as_ref(), args.prompt.as_deref(), args.ids.as_deref(), source.bos())?;
    let scratch = Scratch::new()?;
    let chip = source.into_chip(&args.options, scratch.path(), global)?;
    let (chip, inflicted) = applied(chip, &args.defects, &scratch.path().join("defects"))?;
    if let Some(inflicted) = &inflicted {
        say(global, &told(inflicted));
    }
    let model = chip.model();
    check_prompt(&prompt, model.vocab, model.context)?;
    let n = args.tokens.min(model.context + 1 - prompt.len() as u32);
    if n == 0 {
        bail!("--tokens 0: expected one or more");
    }
    let (folder, _keep) = folder(args, scratch)?;
    emit(&chip, &folder, &Options { probe: args.probe, ..Options::default() })?;
    let options = RunOptions { probe: args.probe, trace: args.trace.clone(), ..RunOptions::default() };
    say(global, "building the Verilated chip");
    let start = Instant::now();
    hardwire_rtl_gen::harness::build(&folder, &options)?;
    let build_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let trace = run_verilated(&folder, &Feed::prompt(0, &prompt), n, &options)?;
    let run_s = start.elapsed().as_secs_f64();
    let lines = lines(&chip, &prompt, n, &trace)?;
    let first_difference = if args.probe { first_difference(&chip, &prompt, &lines, &trace)? } else { None };
    let outcome = Outcome {
        agrees: lines.iter().all(Line::agrees) && first_difference.is_none(),
        prompt_ids: prompt.clone(),
        overflow: trace.flags.overflow,
        first_difference,
        build_s,
        verilog_cycles: trace.cycles,
        verilog_cycles_per_s: trace.cycles as f64 / run_s,
        verilog_tokens_per_s: (prompt.len() as f64 + f64::from(n)) / run_s,
        lines,
    };
    print(&outcome, global)?;
    if !outcome.agrees {
        bail!("{}: reference, engine and Verilog differ; --probe names the first value", args.source.display());
    }
    Ok(())
}

fn say(global: &Global, text: &str) {
    if !global.quiet {
        note!("{text}");
    }
}

/// Where the Verilog goes: kept if the user named a folder.
fn folder(args: &Verify, scratch: Scratch) -> Result<(PathBuf, Scratch)> {
    let folder = match &args.output {
        Some(folder) => folder.clone(),
        None => scratch.path().join("rtl"),
    };
    Ok((folder, scratch))
}

/// Greedy generation by both simulators, beside what the Verilog printed.
fn lines(chip: &Chip, prompt: &[u32], n: u32, trace: &Trace) -> Result<Vec<Line>> {
    let (engine, reference) = (Engine::new(chip), Reference::new(chip));
    let (mut a, mut b) = (engine.start(), reference.start());
    let (mut fast, mut slow) = (None, None);
    for &id in prompt {
        fast = Some(engine.step(&mut a, 0, id)?);
        slow = Some(reference.step(&mut b, 0, id)?);
    }
    let cycles = timing::generate(chip.netlist(), prompt.len() as u32, n);
    let mut lines = Vec::new();
    for i in 0..n {
        let (f, s) = (fast.take().context("a prompt has a token")?, slow.take().context("a prompt has a token")?);
        let out = trace.tokens.get(i as usize);
        let best = f.best(timing::TOP as usize);
        let came = timing::top_cycles(chip.netlist(), cycles[i as usize]);
        lines.push(Line {
            position: prompt.len() as u32 + i - 1,
            reference: (s.top, s.logits[s.top as usize]),
            engine: (f.top, f.logits[f.top as usize]),
            verilog: out.map(|o| (o.id, o.logit)),
            cycles_simulator: cycles[i as usize],
            cycles_verilog: out.map(|o| o.cycle),
            same_logits: f.logits == s.logits,
            top_simulator: best.into_iter().zip(came).map(|((id, logit), cycle)| (id, logit, cycle)).collect(),
            top_verilog: trace.tops_of(i as usize).iter().map(|t| (t.id, t.logit, t.cycle)).collect(),
        });
        if i + 1 < n {
            fast = Some(engine.step(&mut a, 0, f.top)?);
            slow = Some(reference.step(&mut b, 0, f.top)?);
        }
    }
    Ok(lines)
}

/// The first probed value of the Verilog that is not the reference's, as `layers.2.mlp.down_proj[17], position 5`.
fn first_difference(chip: &Chip, prompt: &[u32], lines: &[Line], trace: &Trace) -> Result<Option<String>> {
    let reference = Reference::new(chip);
    let mut state = reference.start();
    let fed = prompt.iter().copied().chain(lines.iter().map(|l| l.reference.0)).take(prompt.len() + lines.len() - 1);
    for (pos, id) in fed.enumerate() {
        let mut found = None;
        reference.step_probed(&mut state, 0, id, &mut |unit, values| {
            let path = &chip.netlist().unit(unit).path;
            let wrong = trace
                .probes
                .iter()
                .filter(|p| p.pos as usize == pos && p.unit == *path)
                .find(|p| values.get(p.index as usize).is_some_and(|v| *v != p.value));
            if let (None, Some(p)) = (&found, wrong) {
                found = Some(format!("{path}[{}], position {pos}: reference {}, Verilog {}", p.index, values[p.index as usize], p.value));
            }
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn print(o: &Outcome, global: &Global) -> Result<()> {
    if global.json {
        out::json(o)?;
        return Ok(());
    }
    let show = |v: Option<(u32, i32)>| v.map_or("-".into(), |(id, logit)| format!("{id} ({logit})"));
    outln!("{:>8} {:>20} {:>20} {:>20} {:>12} {:>12}", "position", "reference", "engine", "Verilog", "cycles sim", "Verilog");
    for l in &o.lines {
        outln!(
            "{:>8} {:>20} {:>20} {:>20} {:>12} {:>12}{}",
            l.position,
            show(Some(l.reference)),
            show(Some(l.engine)),
            show(l.verilog),
            l.cycles_simulator,
            l.cycles_verilog.map_or("-".into(), |c| c.to_string()),
            if l.agrees() { "" } else { "  differs" }
        );
        if let Some(wrong) = l.wrong_top() {
            outln!("{:>8} {wrong}", "");
        }
    }
    if let Some(d) = &o.first_difference {
        outln!("first difference: {d}");
    }
    let verdict = if o.agrees { "all agree: token, greatest logits and their cycles at every position" } else { "they differ" };
    outln!("{verdict}; overflow flag {}", if o.overflow { "set" } else { "clear" });
    if !global.quiet {
        note!("Verilator: built in {:.0} s, {:.0} cycles/s, {:.1} tokens/s", o.build_s, o.verilog_cycles_per_s, o.verilog_tokens_per_s);
    }
    Ok(())
}
