//! Names that would be code: quotes, comment ends, line breaks, system tasks, escape sequences, marks of direction, ten thousand letters, in
//! every field of a chip that is text. Through every output and the tools that read it they are data.

mod cli;
mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_netlist::{Chip, UnitKind};
use hardwire_rtl_gen::harness::Feed;
use hardwire_rtl_gen::{Options as RtlOptions, emit, module};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each piece has been code somewhere: Verilog, its directives and pragmas, a shell, Tcl, HTML, Markdown, CSV, a terminal.
fn hostile() -> String {
    let code = "\"; */ \nendmodule initial $system(\"touch owned\"); /* `include \"owned\"\r\n// verilator lint_off\nsynopsys translate_off \\\n\
                [exec touch owned] $(touch owned) `touch owned` '; touch owned; #\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}2J\u{202e}desrever\u{2066} \
                <script>document.title='owned'</script><img src=x onerror=alert(1)> | a | [x](javascript:alert(1)) ```\n# owned\n\
                =HYPERLINK(\"owned\"),\"a\"\"b\" {{7*7}} {% raw %} \u{2028}\0\u{feff}";
    format!("{code}{}", "A".repeat(10_000))
}

const SMALL: Small = Small { hidden: 16, ffn: 12, layers: 1, heads: 2, kv_heads: 1, head_dim: 4, vocab: 11, context: 9 };

fn small(dir: &Path) -> Chip {
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(7), &dir.join("checkpoint"));
    let options =
        Options { lanes: Some(4), tile_rows: Some(8), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() };
    hardwire_compiler::compile(&checkpoint, &options, &dir.join("chip"), &|_| {}).unwrap()
}

/// Every text of a chip that its structure leaves free.
fn rename(chip: &mut Chip, name: &str) {
    let s = &mut chip.structure;
    (s.model.name, s.model.architecture, s.model.digest) = (name.into(), name.into(), name.into());
    s.technology.node = name.into();
    s.technology.clock_mhz.source = name.into();
    for unit in s.netlist.graph.node_weights_mut() {
        match &mut unit.kind {
            UnitKind::Mvm(m) => m.matrix.tensor = name.into(),
            UnitKind::Embed(e) => e.matrix.tensor = name.into(),
            _ => {}
        }
    }
    s.quality.iter_mut().for_each(|q| (q.tensor, q.coding) = (name.into(), name.into()));
}

/// Every file under a folder that a tool reads, comments of Verilog and Tcl left out: what is left is code.
fn code(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut out = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(d) = open.pop() {
        for path in fs::read_dir(d).unwrap().map(|e| e.unwrap().path()) {
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let mark = match kind {
                _ if path.is_dir() => {
                    open.push(path);
                    continue;
                }
                "md" | "json" => continue,
                "sdc" => "#",
                _ => "//",
            };
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().map(|l| l.split_once(mark).map_or(l, |(code, _)| code));
            out.insert(path.strip_prefix(dir).unwrap().to_path_buf(), lines.collect::<Vec<_>>().join("\n"));
        }
    }
    out
}

#[test]
fn verilog_and_its_folder_are_the_same_code_by_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut chip = small(dir.path());
    let (plain, named) = (dir.path().join("plain"), dir.path().join("named"));
    emit(&chip, &plain, &RtlOptions { probe: true, ..RtlOptions::default() }).unwrap();
    let path = "layers.0.mlp.down_proj";
    let (one, unit) = (module(&chip, path).unwrap(), RtlOptions { unit_kind: Some("mvm".into()), ..RtlOptions::default() });
    rename(&mut chip, &hostile());
    emit(&chip, &named, &RtlOptions { probe: true, ..RtlOptions::default() }).unwrap();
    assert_eq!(code(&plain), code(&named));
    let uncommented = |text: &str| text.lines().map(|l| l.split("//").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(uncommented(&one), uncommented(&module(&chip, path).unwrap()));
    emit(&chip, &dir.path().join("unit"), &unit).unwrap();

    // Nothing but visible ASCII in any Verilog or Tcl, so no tool can see another line than we do.
    for (file, text) in files_of(&named) {
        let fine = text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b));
        assert!(fine || file.ends_with(".md") || file.ends_with(".cpp"), "{file}");
    }
    let page = fs::read_to_string(named.join("README.md")).unwrap();
    let benign = fs::read_to_string(plain.join("README.md")).unwrap();
    assert_eq!(page.lines().count(), benign.lines().count(), "no line comes or goes");
    assert!(!page.contains('<') && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    let cells = |l: &str| l.replace("\\|", "").matches('|').count();
    assert!(page.lines().zip(benign.lines()).all(|(a, b)| cells(a) == cells(b)), "no table grows a cell");

    // And by the tools' own word.
    if rtl::has("verilator", "--version") {
        let args = ["--lint-only", "-Wall", "--top-module", "hardwire_tb", "lint.vlt", "-f", "files.f", "tb/hardwire_tb.v"];
        tool(&named, "verilator", &args);
    }
    if rtl::has("iverilog", "-V") {
        let trace = rtl::run_icarus(&named, &Feed::prompt(0, &[1, 4]), 1, false);
        assert_eq!(trace.tokens.len(), 1);
    }
    if rtl::has("yosys", "-V") {
        tool(&named, "yosys", &["-q", "-p", "script files.ys; hierarchy -check -top hardwire_chip"]);
    }
    if rtl::has("tclsh", "/dev/null") {
        let stubs = "proc unknown {args} {}\nsource constraints.sdc\n";
        fs::write(named.join("read.tcl"), stubs).unwrap();
        tool(&named, "tclsh", &["read.tcl"]);
    }
    assert!(!named.join("owned").exists() && !Path::new("owned").exists());
}

fn files_of(dir: &Path) -> Vec<(String, String)> {
    let files = code(dir).into_keys().map(|f| (f.display().to_string(), fs::read_to_string(dir.join(&f)).unwrap()));
    files.collect()
}

fn tool(dir: &Path, name: &str, args: &[&str]) {
    let out = Command::new(name).current_dir(dir).args(args).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    // Yosys says what it does with memories.
    assert!(out.status.success() && (out.stderr.is_empty() || name == "yosys"), "{name}: {said}");
}

/// The folder of a chip, every free text of it `name`, digests made to fit.
fn forged(dir: &Path, name: &str) -> PathBuf {
    let chip = cli::compiled(dir);
    let mut s: Value = serde_json::from_slice(&fs::read(chip.join("chip.json")).unwrap()).unwrap();
    for field in ["name", "architecture", "digest"] {
        s["model"][field] = json!(name);
    }
    s["technology"]["node"] = json!(name);
    s["technology"]["clock_mhz"]["source"] = json!(format!("=1+{name}"));
    for node in s["netlist"]["graph"]["nodes"].as_array_mut().unwrap() {
        if let Some(tensor) = node.pointer_mut("/kind/matrix/tensor") {
            *tensor = json!(name);
        }
    }
    for quality in s["quality"].as_array_mut().unwrap() {
        (quality["tensor"], quality["coding"]) = (json!(name), json!(name));
    }
    let text = serde_json::to_vec(&s).unwrap();
    let mut manifest: Value = serde_json::from_slice(&fs::read(chip.join("manifest.json")).unwrap()).unwrap();
    manifest["files"]["chip.json"] = json!(blake3::hash(&text).to_hex().to_string());
    fs::write(chip.join("chip.json"), text).unwrap();
    fs::write(chip.join("manifest.json"), manifest.to_string()).unwrap();
    chip
}

/// What a terminal does not take for letters.
fn steers(text: &str) -> Option<char> {
    text.chars().find(|&c| c != '\n' && hardwire_netlist::gate::is_unseen(c))
}

#[test]
fn what_is_printed_steers_no_terminal_and_json_and_csv_keep_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let (name, plain) = (hostile(), forged(&dir.path().join("plain"), "plain"));
    let chip = forged(dir.path(), &name);
    for args in [&["inspect"][..], &["compare"], &["books"], &["inspect", "--at", "layers.0.mlp.down_proj[0,0]"], &["compare", "--csv"]] {
        let (named, benign) = (cli::hardwire(args, &[&chip]), cli::hardwire(args, &[&plain]));
        // No book knows a process of that name, whatever it is.
        assert_eq!((named.code, named.ok()), (benign.code, args[0] != "books"), "{args:?}: {named:?}");
        assert_eq!((steers(&named.stdout), steers(&named.stderr)), (None, None), "{args:?}: {named:?}");
        assert_eq!(named.stderr.lines().count(), benign.stderr.lines().count(), "{args:?}");
        if !args.contains(&"--csv") {
            assert_eq!(named.stdout.lines().count(), benign.stdout.lines().count(), "{args:?}: no line comes or goes");
        }
    }
    let run = cli::hardwire(&["inspect", "--json"], &[&chip]);
    assert_eq!(steers(&run.stdout), None);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["model"]["name"].as_str(), Some(name.as_str()), "JSON has the very name");

    let report = dir.path().join("report");
    let run = cli::hardwire(&["report", "-q", "--csv", "-o"], &[&report, &chip]);
    assert!(run.ok(), "{run:?}");
    let read = |file: &str| fs::read_to_string(report.join(file)).unwrap();
    let value: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(value["model"]["name"].as_str(), Some(name.as_str()));
    let mut csv = csv::Reader::from_reader(read("report.csv").into_bytes().leak() as &[u8]);
    let rows: Vec<csv::StringRecord> = csv.records().collect::<Result<_, _>>().unwrap();
    assert!(
        rows.iter().all(|r| r.len() == 7) && rows.iter().any(|r| r[4].starts_with("'=1+\"; */ \n")),
        "every row whole, the source as it is"
    );
    assert!(rows.iter().all(|r| r.iter().all(|cell| !cell.starts_with(['=', '+', '@']))), "no cell that a spreadsheet computes");
    page(&report.join("report.html"));
}

/// A browser sees the name as text: no element of it, no script run.
fn page(html: &Path) {
    let text = fs::read_to_string(html).unwrap();
    assert!(!text.contains("<script") && !text.contains("<img") && steers(&text).is_none());
    if !rtl::has("chromium", "--version") {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    let out = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", html.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&out.stdout);
    assert!(dom.contains("</html>"), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!dom.contains("<script") && !dom.contains("<img") && !dom.contains("<title>owned"), "the name became an element");
    let h1 = dom.split("<h1>").nth(1).and_then(|t| t.split("</h1>").next()).unwrap();
    assert!(h1.contains("&lt;script&gt;document.title='owned'&lt;/script&gt;") && h1.contains(&"A".repeat(10_000)), "{}", &h1[..300]);
}

#[test]
fn errors_quote_on_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a\nerror: all is lost\u{1b}[2J\u{202e}");
    cli::hardwire(&["inspect"], &[&folder]).refuses(&["a\\nerror: all is lost\\u{1b}[2J\\u{202e}", "cannot open"]);
    cli::hardwire(&["plan"], &[&folder.join("config.json")]).refuses(&["\\u{1b}[2J"]);
}
