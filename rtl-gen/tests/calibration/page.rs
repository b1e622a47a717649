//! The tables of `docs/calibration.md` that follow from the rows, between markers in the page.

use crate::fit::{self, NAMES};
use crate::samples::{self, Sample};
use crate::table::{Row, root};
use hardwire_netlist::{Census, census};
use std::fs;

/// Holds the page's tables against the rows and the text of technology.toml, or writes them.
pub fn check(rows: &[Row], measured: &[(Sample, Census, f64)], constants: &[f64; 5], data: &str, write: bool) {
    let path = root().join("docs/calibration.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut new = between(&text, "modules", &modules(rows, measured, constants));
    new = between(&new, "constants", &fitted(measured, constants));
    new = between(&new, "area", &areas(constants, data));
    if write {
        fs::write(&path, &new).unwrap();
    }
    assert!(write || new == text, "docs/calibration.md shows other figures than synthesis.csv: run rtl-gen/synth.py");
}

/// HC1's die over its weights, um2 (hardwired_chips.csv: 815 mm2, 8.03 G).
const HC1_UM2: f64 = 0.10;

/// What a weight of a large matrix costs in each fabric: cells of ASAP7, and what that is placed in HC1's node.
fn areas(constants: &[f64; 5], data: &str) -> String {
    let base = |name: &str| value(data.split("[node.").next().unwrap(), name);
    let n6 = |name: &str| value(data.split("[node.N6]").nth(1).unwrap(), name);
    let used = base("utilisation");
    let mut out = String::from(
        "| fabric | bits | logic | ROM | totals' SRAM | sum, ASAP7 | placed in N6 | over HC1's |\n|---|---|---|---|---|---|---|---|\n",
    );
    for f in samples::fabrics() {
        let (id, n) = (f.unit, &f.netlist);
        let c = census::unit(n, id);
        let share = |um2: f64| um2 / c.weights as f64;
        let (logic, rom, sram) = (
            share(fit::area(&c, constants)),
            share(c.rom_bits as f64 * base("rom_bit_um2")),
            share(c.sram_bits as f64 * n6("sram_bit_um2")),
        );
        let n6 = (logic / used + rom) * n6("logic_scale") + sram;
        // A ROM's constant is that of a placed bit.
        let cells = logic + rom * used + sram;
        out.push_str(&format!(
            "| {} | {} | {logic:.3} | {:.3} | {sram:.4} | **{cells:.2}** | {n6:.2} | {:.1} |\n",
            f.row,
            f.bits,
            rom * used,
            n6 / HC1_UM2
        ));
    }
    out
}

/// A constant's value in a section of technology.toml.
fn value(section: &str, name: &str) -> f64 {
    let line = section.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("no {name} in technology.toml"));
    line.split("value = ").nth(1).unwrap().split([',', ' ']).next().unwrap().parse().unwrap()
}

/// Holds the rows of `docs/process.md` for the fitted constants against their lines in technology.toml, or writes them.
pub fn check_constants(data: &str, write: bool) {
    let path = root().join("docs/process.md");
    let mut text = fs::read_to_string(&path).unwrap();
    let old = text.clone();
    for name in NAMES {
        let line = data.lines().find(|l| l.starts_with(name)).unwrap();
        let field = |key: &str| line.split_once(&format!("{key} = ")).map_or("", |(_, t)| t.split([',', '}']).next().unwrap().trim());
        let source = line.split("source = \"").nth(1).unwrap().split('"').next().unwrap();
        let provenance = field("provenance").trim_matches('"');
        let row = format!("| `{name}` | {} | {} | {} | {provenance} | {source} |", field("value"), field("low"), field("high"));
        let there =
            text.lines().find(|l| l.starts_with(&format!("| `{name}` |"))).unwrap_or_else(|| panic!("no {name} in docs/process.md"));
        text = text.replacen(there, &row, 1);
    }
    if write {
        fs::write(&path, &text).unwrap();
    }
    assert!(write || text == old, "docs/process.md shows other constants than technology.toml: run rtl-gen/synth.py");
}

/// The page with what lies between the markers of a table replaced.
fn between(text: &str, name: &str, table: &str) -> String {
    let (open, close) = (format!("<!-- {name}: written by rtl-gen/tests/calibration -->\n"), format!("<!-- end of {name} -->"));
    let (head, rest) = text.split_once(&open).unwrap_or_else(|| panic!("docs/calibration.md has no marker {open}"));
    let (_, tail) = rest.split_once(&close).unwrap_or_else(|| panic!("docs/calibration.md has no marker {close}"));
    format!("{head}{open}{table}{close}{tail}")
}

fn modules(rows: &[Row], measured: &[(Sample, Census, f64)], constants: &[f64; 5]) -> String {
    let mut out = String::from(
        "| module | row | | census, µm² | synthesised, µm² | error | cells | flops: census, synthesised | full adders: the same | path, ps |\n",
    );
    out.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for (s, c, um2) in measured {
        let r = rows.iter().find(|r| r.module == s.module && r.row == s.row).unwrap();
        let area = fit::area(c, constants);
        let [_, _, cells, flops, adders, path] = &r.measured;
        out.push_str(&format!(
            "| {} | {} | {} | {:.0} | {:.0} | {:+.1} % | {cells} | {}, {flops} | {}, {adders} | {path} |\n",
            s.module,
            s.row,
            r.used,
            area,
            um2,
            100.0 * (area / um2 - 1.0),
            c.flops,
            c.full_adders
        ));
    }
    let missing: Vec<String> = rows.iter().filter(|r| r.um2().is_none()).map(|r| format!("{} ({})", r.module, r.row)).collect();
    if !missing.is_empty() {
        out.push_str(&format!("\nNot measured yet: {}.\n", missing.join("; ")));
    }
    let rms = |held: bool| {
        let e: Vec<f64> =
            measured.iter().filter(|m| m.0.held_out == held).map(|(_, c, um2)| (fit::area(c, constants) / um2 - 1.0).powi(2)).collect();
        let most = e.iter().fold(0.0f64, |a, &b| a.max(b)).sqrt();
        (e.len(), 100.0 * (e.iter().sum::<f64>() / e.len() as f64).sqrt(), 100.0 * most)
    };
    let ((n, fit, fit_most), (m, out_of, most)) = (rms(false), rms(true));
    out.push_str(&format!(
        "\nRoot mean square error of the {n} rows fitted to {fit:.1} %, at most {fit_most:.1} %; of the {m} held out {out_of:.1} %, at most {most:.1} %.\n"
    ));
    out
}

fn fitted(measured: &[(Sample, Census, f64)], constants: &[f64; 5]) -> String {
    let mut out = String::from("| constant | µm² | share of the area of all rows |\n|---|---|---|\n");
    let sums = measured.iter().fold([0.0; 5], |mut sums, (_, c, _)| {
        for (sum, n) in sums.iter_mut().zip(fit::counts(c)) {
            *sum += n;
        }
        sums
    });
    let all: f64 = sums.iter().zip(constants).map(|(n, a)| n * a).sum();
    for ((name, a), n) in NAMES.iter().zip(constants).zip(sums) {
        out.push_str(&format!("| `{name}` | {a} | {:.0} % |\n", 100.0 * n * a / all));
    }
    out
}
