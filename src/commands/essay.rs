//! `hardwire essay`: the essay's claims one by one, and the three queues they come down to.

use crate::cli::Global;
use crate::out::{self, out, outln};
use crate::report::number;
use crate::summary::at_the_wall;
use crate::table::{Cell, Table};
use anyhow::Result;
use hardwire_baseline::headline::Side;
use hardwire_study::essay::{Essay, Verdict, essay};

pub fn run(global: &Global) -> Result<()> {
    let essay = essay()?;
    if global.json {
        out::json(&essay)?;
        return Ok(());
    }
    for c in &essay.claims {
        outln!("{}. {}", c.number, c.claimed);
        outln!("   ours      {}\n   elsewhere {}", c.ours, c.measured_elsewhere);
        outln!("   verdict   {}: {}\n   source    {}\n", verdict(c.verdict), c.because, c.source);
    }
    out!("{}", queues(&essay));
    Ok(())
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::HoldsInPart => "holds in part",
        Verdict::DoesNotHold => "does not hold",
        Verdict::Open => "open",
    }
}

/// The queues, chip and GPU, at the wall.
fn queues(essay: &Essay) -> String {
    let h = &essay.headline;
    let mut table = Table::new(&["load", "in", "out", "machine", "users", "tokens/s each", "tokens/s all", "W at the wall", "mJ a token"]);
    for q in &h.queues {
        let mut line = |side: Result<&Side, &String>| {
            let head: [Cell; 3] = [q.load.name.into(), q.load.prompt_tokens.into(), q.load.output_tokens.into()];
            let cells: Vec<Cell> = match side {
                Ok(side) => at_the_wall(side).into(),
                Err(why) => vec![format!("Taalas HC1: {why}").into(), Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty],
            };
            table.row(head.into_iter().chain(cells));
        };
        line(Ok(&q.gpu));
        line(q.chip.as_ref());
    }
    let mut text = format!("{}: one user, a full queue, a prompt-heavy full queue, at the wall\n{}", h.model, table.text());
    for a in &h.anchors {
        text += &format!("{}: {} mJ published, {} ours ({})\n", a.what, number(a.published_mj), number(a.ours_mj), a.source);
    }
    for c in &h.crossovers {
        text += &match c.users {
            Some(users) => format!("{}: the GPUs take no more energy a token than busy cards from {users} users at once on\n", c.load.name),
            None => format!("{}: the GPUs take more energy a token than busy cards at any number of users\n", c.load.name),
        };
    }
    text += &format!("HC1 reads a prompt at no more than {} us a token (telemetry).\n", number(h.hc1.prompt_token_us.value));
    text + "GPU figures are estimated (docs/baseline.md); HC1's are its service's own timers and a published server power.\n"
}
