//! What makes the emitted folder one an engineer can use without this program: the file lists, the timing constraints, and a page that says
//! which module is which tensor and how to lint, simulate and synthesise.

use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::instance::Instance;
use askama::Template;
use hardwire_netlist::{Chip, Unit};

/// One unit of the emitted netlist, where it is instantiated and as what.
pub struct Place {
    /// The module that holds its instances.
    pub inside: String,
    pub path: String,
    pub modules: Vec<String>,
    /// Its tensor or size, in words.
    pub what: String,
}

impl Place {
    pub fn new(inside: &str, unit: &Unit, instances: &[Instance]) -> Place {
        let said = instances.first().and_then(|i| i.comment.first()).map_or("", String::as_str);
        let what = said.strip_prefix(&format!("{}: ", unit.path)).unwrap_or(said);
        let modules = instances.iter().map(|i| i.module.clone()).collect();
        Place { inside: inside.into(), path: unit.path.clone(), modules, what: what.into() }
    }
}

/// The top module of what was emitted.
pub struct Top {
    pub module: String,
    pub text: Code,
    pub places: Vec<Place>,
    pub bench: Bench,
}

/// The testbench beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bench {
    /// Token ids in and out.
    Tokens,
    /// Residual vectors in and out.
    Residuals,
    /// None: a unit alone.
    Absent,
}

struct Group<'a> {
    inside: &'a str,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    path: &'a str,
    modules: String,
    what: &'a str,
    images: u64,
}

#[derive(Template)]
#[template(path = "guide.md")]
struct Guide<'a> {
    title: String,
    top: &'a str,
    bench: Bench,
    clock: String,
    groups: Vec<Group<'a>>,
}

#[derive(Template)]
#[template(path = "constraints.sdc")]
struct Constraints<'a> {
    top: &'a str,
    clock: String,
    period_ns: String,
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
}

/// Names of a module's inputs or outputs, from its text as this crate writes it: a port a line.
fn ports<'a>(text: &'a str, direction: &str) -> Vec<&'a str> {
    let header = text.split("\n);").next().unwrap_or(text);
    let code = header.lines().map(|l| l.split("//").next().unwrap_or(l).trim());
    let of = code.filter_map(|l| l.strip_prefix(direction)?.starts_with(' ').then_some(l));
    of.filter_map(|l| l.trim_end_matches(',').split_whitespace().last()).collect()
}

/// Writes the lists, the constraints and the page. Everything else must be in the folder already.
pub fn emit(chip: &Chip, folder: &mut Folder, top: &Top) -> Result<(), Error> {
    let list: String = folder.sources().map(|f| format!("{f}\n")).collect();
    folder.text("files.f", &format!("+incdir+rtl\n{list}"))?;
    let script: String = list.lines().map(|f| format!("read_verilog -sv -defer -Irtl {f}\n")).collect();
    folder.text("files.ys", &script)?;

    let mhz = &chip.structure.technology.clock_mhz;
    let period_ns = format!("{:.4}", 1e3 / mhz.value);
    let clock = format!("{} MHz in {}, {}: {}", mhz.value, chip.structure.technology.node, mhz.provenance, mhz.source);
    let mut inputs = ports(top.text.as_str(), "input");
    inputs.retain(|p| !["clk", "rst"].contains(p));
    let outputs = ports(top.text.as_str(), "output");
    let constraints = Constraints { top: &top.module, clock: clock.clone(), period_ns, inputs, outputs };
    folder.text("constraints.sdc", Code::render("constraints.sdc", &constraints)?.as_str())?;

    let mut groups: Vec<Group> = Vec::new();
    for p in &top.places {
        let row = Row { path: &p.path, modules: p.modules.join(", "), what: &p.what, images: folder.images(&p.path) };
        match groups.last_mut().filter(|g| g.inside == p.inside) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { inside: &p.inside, rows: vec![row] }),
        }
    }
    let title = title(chip);
    let guide = Guide { title, top: &top.module, bench: top.bench, clock, groups };
    folder.text("README.md", Code::render("guide.md", &guide)?.as_str())
}

/// The chip in a line.
pub fn title(chip: &Chip) -> String {
    let m = chip.model();
    format!("{}: {} layers of {}, context {}, {} users", m.die_name(), m.layers, m.hidden, m.context, m.users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_a_header() {
        let text =
            "module m (\n  input clk,\n  // input no,\n  input [3:0] a, // output x\n  output reg signed [7:0] b\n);\n  input late;\n";
        assert_eq!(ports(text, "input"), ["clk", "a"]);
        assert_eq!(ports(text, "output"), ["b"]);
    }
}
