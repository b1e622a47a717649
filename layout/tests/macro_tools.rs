//! ROM macros before other people's programs: KLayout reads both formats alike and finds the transistors of the schematic; the rule deck
//! finds nothing in the macro and every violation that is planted; the foundry's public deck finds nothing either.

use hardwire_layout::process::{Layer, Process};
use hardwire_layout::rom::{Dims, Frame, Macro, macro_cells, pattern_cells, program, spice};
use hardwire_layout::sink::{Place, Sink};
use hardwire_layout::{deck, gds::GdsWriter, oasis::OasisWriter};
use hardwire_netlist::Rect;
use std::path::Path;
use std::process::Command;

/// A bit of a made-up content.
fn bit(address: u32, place: u32) -> bool {
    let h = (address * 977 + place * 131 + 7).wrapping_mul(2_654_435_761);
    h >> 13 & 1 == 1
}

fn whole(sink: &mut dyn Sink, process: &Process, of: Macro, planted: &dyn Fn(&mut dyn Sink)) {
    let d = Dims::of(process);
    let f = Frame::of(process, &d, of);
    macro_cells(sink, process, &d, &[of]).unwrap();
    pattern_cells(sink, process, &d).unwrap();
    sink.begin("program").unwrap();
    program(sink, &d, &f, &mut |row, bytes| {
        for column in 0..of.columns() {
            let (address, place) = of.word_at(row, column);
            bytes[column as usize / 8] |= u8::from(address < of.words && bit(address, place)) << (column % 8);
        }
    })
    .unwrap();
    sink.end().unwrap();
    sink.begin("whole").unwrap();
    sink.place(&of.to_string(), Place::at(0, 0)).unwrap();
    sink.place("program", Place::at(0, 0)).unwrap();
    planted(sink);
    sink.end().unwrap();
    sink.finish().unwrap();
}

fn gds(process: &Process, of: Macro, planted: &dyn Fn(&mut dyn Sink)) -> Vec<u8> {
    let mut writer = GdsWriter::new(Vec::new()).unwrap();
    whole(&mut writer, process, of, planted);
    writer.into_inner()
}

fn process(node: &str) -> Process {
    Process::of_node(node).unwrap()
}

/// Small enough for every tool, with several pairs of rows, a full segment and a short one.
const SMALL: Macro = Macro { words: 22, bits: 18, mux: 4 };

#[test]
fn klayout_reads_both_formats_and_finds_the_schematic() {
    for node in ["SKY130", "ASAP7"] {
        let process = process(node);
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("a.gds"), gds(&process, SMALL, &|_| {})).unwrap();
        let mut oasis = OasisWriter::new(Vec::new()).unwrap();
        whole(&mut oasis, &process, SMALL, &|_| {});
        std::fs::write(path("a.oas"), oasis.into_inner()).unwrap();
        let f = Frame::of(&process, &Dims::of(&process), SMALL);
        let circuit = spice(&process, &f, &bit).replace(&format!(".SUBCKT {SMALL} "), ".SUBCKT whole ");
        std::fs::write(path("a.sp"), circuit).unwrap();
        let layers: serde_json::Map<String, serde_json::Value> = process
            .layers()
            .map(|(l, r)| {
                (format!("{l:?}").to_lowercase(), serde_json::json!({"gds": [r.gds.0, r.gds.1], "label": r.label.map(|l| [l.0, l.1])}))
            })
            .collect();
        std::fs::write(path("layers.json"), serde_json::to_vec(&layers).unwrap()).unwrap();
        let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/extract.py");
        // The schematic of another content has as many transistors, and is another.
        let other = spice(&process, &f, &|address, place| bit(address, place) != ((address, place) == (9, 7)));
        std::fs::write(path("b.sp"), other.replace(&format!(".SUBCKT {SMALL} "), ".SUBCKT whole ")).unwrap();
        for (circuit, same) in [("a.sp", "same"), ("b.sp", "different")] {
            let files = ["a.gds", "a.oas", circuit].map(path);
            let Ok(run) = Command::new(&python).arg(&script).args(files).arg("whole").arg(path("layers.json")).arg(same).output() else {
                eprintln!("skipped: no {python}");
                return;
            };
            let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
            match run.status.code() {
                Some(0) => eprintln!("{node}: {said}"),
                Some(77) => eprintln!("skipped: {said}"),
                code => panic!("{node}: {code:?}\n{said}"),
            }
        }
    }
}

/// The rules that a script finds broken, and where; `None` where KLayout is not installed.
fn violations(script: &Path, layout: &Path, extra: &[&str]) -> Option<Vec<String>> {
    let report = layout.with_extension("lyrdb");
    let pair = |name: &str, value: &Path| format!("{name}={}", value.display());
    let run = Command::new("klayout")
        .args(["-b", "-r"])
        .arg(script)
        .args(["-rd", &pair("input", layout), "-rd", &pair("report", &report), "-rd", "thr=1", "-rd", "top=whole", "-rd", "top_cell=whole"])
        .args(extra)
        .output();
    let Ok(run) = run else {
        eprintln!("skipped: klayout is not installed");
        return None;
    };
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    let text = std::fs::read_to_string(&report).unwrap();
    let between = |item: &str, tag: &str| {
        let found = item.split(&format!("<{tag}>")).nth(1).and_then(|t| t.split(&format!("</{tag}>")).next());
        found.unwrap_or_default().trim_matches('\'').to_string()
    };
    Some(text.split("<item>").skip(1).map(|i| format!("{} at {}", between(i, "category"), between(i, "value"))).collect())
}

#[test]
fn the_deck_is_clean_on_the_macro_and_catches_what_is_planted() {
    for node in ["SKY130", "ASAP7"] {
        let process = process(node);
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("deck.drc");
        std::fs::write(&script, deck::deck(&process)).unwrap();
        let layout = dir.path().join("clean.gds");
        std::fs::write(&layout, gds(&process, SMALL, &|_| {})).unwrap();
        let Some(found) = violations(&script, &layout, &[]) else { return };
        assert_eq!(found, Vec::<String>::new(), "{node}");
        if node != "SKY130" {
            continue;
        }
        // Beside the macro, far from one another, each of another kind.
        let box_of = |layer: Layer, w: i64, h: i64, y: i64| (layer, Rect::new(0, y, w, y + h));
        let plants: [(&str, Vec<(Layer, Rect)>); 12] = [
            ("poly.width", vec![box_of(Layer::Poly, 140, 2000, 0)]),
            ("metal1.space", vec![box_of(Layer::Metal1, 500, 500, 0), box_of(Layer::Metal1, 500, 500, 630)]),
            ("local.area", vec![box_of(Layer::Local, 200, 200, 0)]),
            ("cut1.size", vec![box_of(Layer::Cut1, 180, 170, 0)]),
            ("metal2.grid", vec![box_of(Layer::Metal2, 1003, 500, 0)]),
            ("metal2.cut2.all", vec![(Layer::Cut2, Rect::new(50, 300, 200, 450)), box_of(Layer::Metal2, 1000, 1000, 0)]),
            ("local.cut1.out", vec![box_of(Layer::Cut1, 170, 170, 0)]),
            ("implant.none", vec![box_of(Layer::Diff, 500, 500, 0)]),
            ("pdiff.well", vec![box_of(Layer::Diff, 500, 500, 0), box_of(Layer::Pplus, 1500, 1500, -500)]),
            ("nwell.space", vec![box_of(Layer::Nwell, 2000, 2000, 0), box_of(Layer::Nwell, 2000, 2000, 3000)]),
            ("gate.end", vec![box_of(Layer::Diff, 1000, 500, 0), (Layer::Poly, Rect::new(400, -50, 550, 900))]),
            ("contact.none", vec![box_of(Layer::Contact, 170, 170, 0)]),
        ];
        let place = |plant: usize, r: &Rect| {
            let (x, y) = (-20_000, 20_000 * plant as i64);
            Rect::new(r.x0_nm + x, r.y0_nm + y, r.x1_nm + x, r.y1_nm + y)
        };
        let plant = |sink: &mut dyn Sink| {
            for (n, (_, shapes)) in plants.iter().enumerate() {
                shapes.iter().for_each(|(l, r)| sink.rect(process.rule(*l).gds, place(n, r)).unwrap());
            }
        };
        let layout = dir.path().join("planted.gds");
        std::fs::write(&layout, gds(&process, SMALL, &plant)).unwrap();
        let found = violations(&script, &layout, &[]).unwrap();
        for (n, (rule, _)) in plants.iter().enumerate() {
            // Every violation is where its shapes are: its first coordinates say which.
            let there = found.iter().filter(|f| f.starts_with(&format!("{rule} at"))).any(|f| {
                let y = f.split(['(', ';', ',', ')']).nth(2).and_then(|y| y.parse::<f64>().ok());
                y.is_some_and(|y| (y / 20.0).round() == n as f64)
            });
            assert!(there, "{rule} was planted; found {found:?}");
        }
        assert!(found.iter().all(|f| f.contains("(-")), "the macro is as clean as before: {found:?}");
    }
}

/// SkyWater's rules as PyPI's `cf-precheck` carries them, run and not copied: `HARDWIRE_SKY130_DECK` names its `sky130A_mr.drc`.
#[test]
fn the_public_deck_finds_nothing_in_the_macro() {
    let Some(script) = std::env::var_os("HARDWIRE_SKY130_DECK").filter(|p| Path::new(p).exists()) else {
        eprintln!("skipped: HARDWIRE_SKY130_DECK does not name the deck of PyPI's cf-precheck");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("macro.gds");
    std::fs::write(&layout, gds(&process("SKY130"), SMALL, &|_| {})).unwrap();
    let on = ["-rd", "feol=true", "-rd", "beol=true", "-rd", "offgrid=true"];
    if let Some(found) = violations(Path::new(&script), &layout, &on) {
        assert_eq!(found, Vec::<String>::new());
    }
}

/// Every bit has a via's place of its own, and a place its bit.
#[test]
fn bits_and_vias_are_a_bijection() {
    for (node, of) in
        [("SKY130", SMALL), ("ASAP7", Macro { words: 100, bits: 37, mux: 2 }), ("ASAP7", Macro { words: 64, bits: 9, mux: 16 })]
    {
        let process = process(node);
        let d = Dims::of(&process);
        let f = Frame::of(&process, &d, of);
        let mut seen = std::collections::HashSet::new();
        for address in 0..of.words {
            for place in 0..of.bits {
                let (row, column) = of.site(address, place);
                assert_eq!(of.word_at(row, column), (address, place));
                let (x, y) = f.via(&d, row, column);
                assert!((0..f.width).contains(&x) && (0..f.height).contains(&y));
                assert!(seen.insert((x, y)));
                assert_eq!(f.bit_at(&d, x, y), Some((row, column)));
                assert_eq!(f.bit_at(&d, x + process.grid_nm, y), None);
            }
        }
    }
}
