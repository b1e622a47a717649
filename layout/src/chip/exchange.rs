//! The placed chip in DEF, and the LEF of its macros' technology: layers and sites as far as macros and pins need them.

use super::draw::identifier;
use super::plan::Plan;
use crate::process::{Layer, Process};
use crate::stored::Stored;
use std::fmt::Write;

/// DEF of the macros and of the units' regions.
pub fn def(name: &str, plan: &Plan, stored: &Stored<'_>) -> String {
    let d = plan.die;
    let mut out =
        format!("VERSION 5.8 ;\nDIVIDERCHAR \"/\" ;\nBUSBITCHARS \"[]\" ;\nDESIGN {} ;\nUNITS DISTANCE MICRONS 1000 ;\n", identifier(name));
    let _ = writeln!(out, "DIEAREA ( {} {} ) ( {} {} ) ;", d.x0_nm, d.y0_nm, d.x1_nm, d.y1_nm);
    let _ = writeln!(out, "REGIONS {} ;", plan.outlines.len());
    for (i, o) in plan.outlines.iter().enumerate() {
        let r = o.rect;
        let _ = writeln!(out, "- r{i}_{} ( {} {} ) ( {} {} ) ;", identifier(&o.name), r.x0_nm, r.y0_nm, r.x1_nm, r.y1_nm);
    }
    let _ = writeln!(out, "END REGIONS\nCOMPONENTS {} ;", plan.instances.len());
    for (n, i) in plan.instances.iter().enumerate() {
        let file = &stored.roms[i.rom as usize].file;
        let path = identifier(file.strip_prefix("rom/").unwrap_or(file).trim_end_matches(".hex"));
        let _ = writeln!(out, "- m{n}_{path}_b{}s{} {} + FIXED ( {} {} ) N ;", i.bank, i.slice, i.of, i.x_nm, i.y_nm);
    }
    let _ = writeln!(out, "END COMPONENTS\nEND DESIGN");
    out
}

/// Technology LEF: units, grid, the layers that abstracts name.
pub fn technology_lef(process: &Process) -> String {
    let um = |nm: i64| nm as f64 / 1000.0;
    let mut out = format!(
        "VERSION 5.8 ;\nBUSBITCHARS \"[]\" ;\nDIVIDERCHAR \"/\" ;\nUNITS\n  DATABASE MICRONS 1000 ;\nEND UNITS\nMANUFACTURINGGRID {} ;\n",
        um(process.grid_nm)
    );
    for layer in [Layer::Local, Layer::Cut1, Layer::Metal1, Layer::Cut2, Layer::Metal2] {
        let r = process.rule(layer);
        let _ = writeln!(out, "LAYER {}", r.name);
        if layer.is_cut() {
            let _ = writeln!(out, "  TYPE CUT ;\n  WIDTH {} ;\n  SPACING {} ;", um(r.width), um(r.space));
        } else {
            let direction = if layer == Layer::Metal1 { "HORIZONTAL" } else { "VERTICAL" };
            let _ = writeln!(
                out,
                "  TYPE ROUTING ;\n  DIRECTION {direction} ;\n  PITCH {} ;\n  WIDTH {} ;\n  SPACING {} ;",
                um(r.width + r.space),
                um(r.width),
                um(r.space)
            );
        }
        let _ = writeln!(out, "END {}", r.name);
    }
    out.push_str("END LIBRARY\n");
    out
}
