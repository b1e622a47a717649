//! Runs the open tools in a folder that was written, and reads what they report. A tool that is not there is told, never passed over.

use crate::error::Error;
use crate::estimate::Used;
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What the tools made of a design.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Built {
    /// As synthesised.
    pub used: Option<Used>,
    /// Slowest clock after routing, MHz.
    pub mhz: Option<f64>,
    /// What routing used, by the tool's own names: used and there.
    pub utilization: Vec<(String, u64, u64)>,
    pub bitstream: Option<String>,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Synthesis,
    Bitstream,
}

/// Runs `make` in `folder`.
///
/// # Errors
/// A tool that fails or is missing, with the end of what it said.
pub fn build(folder: &Path, until: Until) -> Result<Built, Error> {
    let target = if until == Until::Synthesis { "synth" } else { "all" };
    let done = Command::new("make").arg("--no-print-directory").arg("-C").arg(folder).arg(target).output();
    let done = done.map_err(|e| Error::Tool { tool: "make".into(), what: e.to_string() })?;
    if !done.status.success() {
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        let lines: Vec<&str> = said.lines().collect();
        let what = format!("make {target} failed:\n{}", lines[lines.len().saturating_sub(12)..].join("\n"));
        return Err(Error::Tool { tool: folder.display().to_string(), what });
    }
    read(folder)
}

/// Reads the reports in `folder/build`, as far as they are there.
///
/// # Errors
/// A report that is none.
pub fn read(folder: &Path) -> Result<Built, Error> {
    let json = |name: &str| -> Result<Option<Value>, Error> {
        let path = folder.join("build").join(name);
        let Ok(text) = std::fs::read(&path) else { return Ok(None) };
        let fail = |e: serde_json::Error| Error::Tool { tool: path.display().to_string(), what: e.to_string() };
        serde_json::from_slice(&text).map(Some).map_err(fail)
    };
    let mut built = Built::default();
    if let Some(s) = json("synth.json")? {
        let n = |name: &str| s[name].as_f64().unwrap_or_default();
        built.used = Some(Used { luts: n("luts"), flops: n("flops"), dsps: n("dsps"), brams: n("brams") });
    }
    if let Some(p) = json("pnr.json")? {
        let clocks = p["fmax"].as_object().into_iter().flatten().filter_map(|(_, c)| c["achieved"].as_f64());
        built.mhz = clocks.min_by(f64::total_cmp);
        let used = p["utilization"].as_object().into_iter().flatten();
        let counts = used.map(|(name, u)| (name.clone(), u["used"].as_u64().unwrap_or(0), u["available"].as_u64().unwrap_or(0)));
        built.utilization = counts.filter(|u| u.1 > 0).collect();
    }
    let bitstreams = ["board.bit", "board.bin", "board.fs"].map(|b| folder.join("build").join(b));
    built.bitstream = bitstreams.into_iter().find(|b| b.exists()).map(|b| b.display().to_string());
    Ok(built)
}
