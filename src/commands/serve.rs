//! `hardwire serve`: a chip behind an HTTP server.

use super::source::Source;
use crate::cli::{Global, Serve};
use crate::out::{self, note, outln};
use crate::report;
use crate::scratch::Scratch;
use crate::signals;
use anyhow::{Context, Result, bail};
use hardwire_serve::{Options, Server};
use tokio::sync::oneshot;

pub fn run(args: &Serve, global: &Global) -> Result<()> {
    if args.queue == 0 {
        bail!("--queue 0: expected at least 1");
    }
    let scratch = Scratch::new()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, scratch.path(), global)?;
    let options = Options { host: args.host, port: args.port, queue: args.queue, die_svg: report::floorplan_file(&chip.structure) };
    let (name, users) = (chip.model().name.clone(), chip.model().users);
    let runtime = tokio::runtime::Runtime::new().context("threads of the server")?;
    runtime.block_on(async {
        let server = Server::bind(chip, options).await?;
        let address = server.address();
        if !args.host.is_loopback() && !global.quiet {
            note!("warning: {address} is reachable from other machines, and there is no password");
        }
        if global.json {
            out::json(&serde_json::json!({"address": address.to_string(), "model": name, "users": users}))?;
        } else {
            outln!("{name} at http://{address}/ with the API under http://{address}/v1, {users} user(s) at once; Ctrl-C stops it");
        }
        // For who started it as a child, at once, whatever stdout is.
        out::flush()?;
        // The first signal stops it, one more ends it.
        let (told, stop) = oneshot::channel();
        let mut told = Some(told);
        let _taken = signals::take(move |_| told.take().is_some_and(|told| told.send(()).is_ok()));
        let stop = async {
            let _ = stop.await;
        };
        server.run(stop).await?;
        Ok(())
    })
}
