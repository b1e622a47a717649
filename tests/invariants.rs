//! Invariants of the house, read from its manifests and sources: what must stay absent, and who may import whom. The reasons are in
//! `README.md` and `docs/`; this test only keeps them true.

#[path = "common/circles.rs"]
mod circles;

use circles::Imports;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Packages of the workspace by folder, with what each may import of ours. Data flows one way.
const PACKAGES: &[(&str, &str, &[&str])] = &[
    ("adders", "hardwire-adders", &[]),
    ("figure", "hardwire-figure", &[]),
    ("input", "hardwire-input", &[]),
    ("netlist", "hardwire-netlist", &["hardwire-figure", "hardwire-input"]),
    ("models", "hardwire-models", &["hardwire-input"]),
    ("compiler", "hardwire-compiler", &["hardwire-models", "hardwire-netlist"]),
    ("rtl-gen", "hardwire-rtl-gen", &["hardwire-adders", "hardwire-netlist"]),
    ("sim", "hardwire-sim", &["hardwire-netlist"]),
    ("baseline", "hardwire-baseline", &["hardwire-figure", "hardwire-input"]),
    ("study", "hardwire-study", &["hardwire-baseline", "hardwire-compiler", "hardwire-models", "hardwire-netlist", "hardwire-sim"]),
    ("serve", "hardwire-serve", &["hardwire-models", "hardwire-netlist", "hardwire-sim", "hardwire-study"]),
    ("fpga", "hardwire-fpga", &["hardwire-compiler", "hardwire-models", "hardwire-netlist", "hardwire-rtl-gen", "hardwire-sim"]),
    ("layout", "hardwire-layout", &["hardwire-netlist"]),
    ("viewer", "hardwire-viewer", &["hardwire-models", "hardwire-netlist", "hardwire-sim", "hardwire-study"]),
];

/// What may stand at the top level.
const TOP: &[&str] = &[
    ".ci",
    ".cargo",
    ".git",
    ".gitattributes",
    ".gitignore",
    ".rustfmt.toml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "adders",
    "askama.toml",
    "baseline",
    "clippy.toml",
    "compiler",
    "deny.toml",
    "docs",
    "examples",
    "figure",
    "fpga",
    "fuzz",
    "input",
    "layout",
    "models",
    "netlist",
    "python",
    "rtl-gen",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "serve",
    "sim",
    "src",
    "study",
    "target",
    "templates",
    "test",
    "tests",
    "viewer",
    "workflows",
];

/// Longest source file, lines.
const MOST_LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Path inside the checkout, with forward slashes.
fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// All files under `folder` with one of `extensions`, in order; build outputs left out.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return out };
    for entry in entries.map(|e| e.unwrap()) {
        let path = entry.path();
        let is_dir = entry.file_type().unwrap().is_dir();
        if is_dir && !matches!(entry.file_name().to_string_lossy().as_ref(), "target" | ".git") {
            out.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
            out.push(path);
        }
    }
    out.sort();
    out
}

fn sources() -> Vec<PathBuf> {
    files(root(), &["rs"])
}

/// Names of the dependencies in `sections` of a manifest.
fn dependencies(folder: &str, sections: &[&str]) -> BTreeSet<String> {
    let manifest: toml::Table = read(&root().join(folder).join("Cargo.toml")).parse().unwrap();
    sections.iter().filter_map(|s| manifest.get(*s)?.as_table()).flat_map(|t| t.keys().cloned()).collect()
}

#[test]
fn packages_import_what_their_place_in_the_flow_allows() {
    for (folder, package, allowed) in PACKAGES {
        let manifest: toml::Table = read(&root().join(folder).join("Cargo.toml")).parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(*package));
        let ours: BTreeSet<String> =
            dependencies(folder, &["dependencies", "build-dependencies"]).into_iter().filter(|d| d.starts_with("hardwire")).collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|a| a.to_string()).collect();
        assert_eq!(ours, allowed, "{folder}/Cargo.toml: dependencies");
    }
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let members: BTreeSet<&str> = manifest["workspace"]["members"].as_array().unwrap().iter().filter_map(|m| m.as_str()).collect();
    let known: BTreeSet<&str> = PACKAGES.iter().map(|p| p.0).collect();
    assert_eq!(members, known, "a new package needs its place in the flow");
}

#[test]
fn simulator_and_generator_stay_strangers() {
    for (folder, strangers) in [("sim", ["hardwire-rtl-gen", "hardwire-compiler"]), ("rtl-gen", ["hardwire-sim", "hardwire-compiler"])] {
        let all = dependencies(folder, &["dependencies", "build-dependencies", "dev-dependencies"]);
        for stranger in strangers {
            assert!(!all.contains(stranger), "{folder} depends on {stranger}: neither may borrow the other's mistake");
            let ident = stranger.replace('-', "_");
            for file in files(&root().join(folder).join("src"), &["rs"]) {
                let code = code(&read(&file));
                assert!(!code.contains(&ident), "{} names {ident}", name(&file));
            }
        }
    }
}

#[test]
fn windows_stay_in_the_viewer_and_arguments_in_the_command() {
    let manifests = PACKAGES.iter().map(|p| p.0).chain(["."]);
    let homes = BTreeMap::from([("egui", "viewer"), ("eframe", "viewer"), ("clap", "."), ("clap_complete", "."), ("indicatif", ".")]);
    for folder in manifests {
        for dependency in dependencies(folder, &["dependencies", "build-dependencies"]) {
            if let Some(home) = homes.get(dependency.as_str()) {
                assert_eq!(&folder, home, "{folder}/Cargo.toml depends on {dependency}");
            }
        }
    }
}

/// Source with comments and the insides of string literals blanked, line for line.
fn code(source: &str) -> String {
    let bytes: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut i = 0;
    while i < bytes.len() {
        let rest = |n: usize| bytes.get(i + n).copied().unwrap_or('\0');
        let word_before = i > 0 && (bytes[i - 1].is_alphanumeric() || bytes[i - 1] == '_');
        let hashes = bytes[i..].iter().skip(1).take_while(|c| **c == '#').count();
        let raw = bytes[i] == 'r' && !word_before && rest(1 + hashes) == '"';
        let end = if rest(0) == '/' && rest(1) == '/' {
            (i..bytes.len()).find(|&j| bytes[j] == '\n').unwrap_or(bytes.len())
        } else if raw {
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let start = i + 2 + hashes;
            (start..bytes.len()).find(|&j| bytes[j..].starts_with(&close)).map_or(bytes.len(), |j| j + close.len())
        } else if bytes[i] == '"' {
            let mut j = i + 1;
            while j < bytes.len() && bytes[j] != '"' {
                j += if bytes[j] == '\\' { 2 } else { 1 };
            }
            (j + 1).min(bytes.len())
        } else if bytes[i] == '\'' && (rest(1) == '\\' || rest(2) == '\'') {
            let from = if rest(1) == '\\' { i + 3 } else { i + 2 };
            (from..bytes.len()).find(|&j| bytes[j] == '\'').map_or(bytes.len(), |j| j + 1)
        } else {
            out.push(bytes[i]);
            i += 1;
            continue;
        };
        out.extend(bytes[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        i = end;
    }
    out
}

/// Code of a library file as it ships: test modules left out.
fn shipped(source: &str) -> String {
    let code = code(source);
    let mut out = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        // The item after the attribute: to its semicolon, or to its closing brace.
        let mut depth = 0i32;
        for line in lines.by_ref() {
            let ends_plain = depth == 0 && line.trim_end().ends_with(';') && !line.contains('{');
            depth += line.matches('{').count() as i32 - line.matches('}').count() as i32;
            if ends_plain || depth == 0 && line.contains('}') {
                break;
            }
        }
    }
    out
}

/// Files that hold tests only.
fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|s| s == "tests") || name(path).contains("/tests/") || name(path).contains("/benches/")
}

#[test]
fn libraries_never_print_exit_or_leave_work_undone() {
    const BANNED: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "process::exit", "todo!", "unimplemented!", "dbg!"];
    for (folder, _, _) in PACKAGES {
        for file in files(&root().join(folder).join("src"), &["rs"]) {
            let bin = file.file_name().is_some_and(|n| n == "main.rs") || name(&file).contains("/src/bin/");
            if bin || is_test_file(&file) {
                continue;
            }
            for (i, line) in shipped(&read(&file)).lines().enumerate() {
                for word in BANNED {
                    let found = line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
                    assert!(!found, "{}: {word} (line {} without tests)", name(&file), i + 1);
                }
            }
        }
    }
    // The command prints through one door; unfinished work it may not hold either.
    for file in files(&root().join("src"), &["rs"]) {
        let code = shipped(&read(&file));
        let door = file.file_name().is_some_and(|n| n == "out.rs");
        for word in ["println!", "print!", "eprintln!", "eprint!", "io::stdout", "io::stderr"].iter().filter(|_| !door) {
            assert!(!code.contains(word), "{}: {word}; say it through src/out.rs", name(&file));
        }
        for word in ["todo!", "unimplemented!", "dbg!", "process::exit"] {
            assert!(!code.contains(word), "{}: {word}", name(&file));
        }
    }
}

#[test]
fn files_are_rooms_with_a_sign_at_the_door() {
    for file in sources() {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{}: the first line says what lives there (`//! ...`)", name(&file));
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{}: {lines} lines, at most {MOST_LINES}: split it along a seam", name(&file));
    }
}

/// Most files that may import one another in a circle: together they are one room.
const MOST_IN_A_CIRCLE: usize = 3;

#[test]
fn no_circle_of_imports_is_larger_than_a_room() {
    for folder in PACKAGES.iter().map(|p| p.0).chain(["."]) {
        let src = root().join(folder).join("src");
        // A program beside a library imports it by name.
        let program = |f: &Path| src.join("lib.rs").exists() && f.file_name().is_some_and(|n| n == "main.rs");
        let all = files(&src, &["rs"]).into_iter().filter(|f| !program(f) && !is_test_file(f));
        let sources: Vec<(String, String)> = all.map(|f| (name(f.strip_prefix(&src).unwrap()), shipped(&read(&f)))).collect();
        let found = Imports::read(&sources).circles(MOST_IN_A_CIRCLE);
        assert!(found.is_empty(), "{folder}/src: {}", found.join("\n"));
    }
}

/// Templates whose parts are markup that `src/report` drew, escaped piece by piece: they may say `|safe`.
const TEMPLATES_OF_MARKUP: &str = "templates/";

/// A value reaches Verilog, Tcl, Markdown or HTML through its gate: no template turns escaping off, and Verilog's has no way past it.
#[test]
fn every_template_has_its_gate() {
    for file in sources() {
        // Written apart so that this file does not hold it.
        assert!(!read(&file).contains(concat!("escape = \"", "none\"")), "{}: a template without a gate", name(&file));
    }
    for file in files(root(), &["v", "md", "sdc", "html", "cpp"]).into_iter().filter(|f| name(f).contains("templates/")) {
        let markup = name(&file).starts_with(TEMPLATES_OF_MARKUP);
        assert!(markup || !read(&file).contains("|safe"), "{}: |safe goes past the gate", name(&file));
    }
}

/// Whether a line holds an absolute path of somebody's machine.
fn names_a_machine(line: &str) -> bool {
    // Written apart so that this file does not name them.
    ["home", "Users", "work", "root", "mnt", "workspace"].iter().any(|r| {
        let root = format!("/{r}/");
        line.match_indices(&root).any(|(at, _)| {
            let before = line[..at].chars().next_back().unwrap_or(' ');
            !(before.is_alphanumeric() || "._-/}])*~".contains(before))
        })
    })
}

#[test]
fn nothing_names_a_machine() {
    assert!(names_a_machine(&format!("let p = \"{}home/ada/chip\";", '/')));
    assert!(!names_a_machine(&format!("https://example.org{}work/page", '/')));
    let kinds = ["rs", "toml", "md", "html", "csv", "json", "sv", "v", "py", "sh", "txt", "yml"];
    for file in files(root(), &kinds) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for (i, line) in text.lines().enumerate() {
            let shown: String = line.trim().chars().take(120).collect();
            assert!(!names_a_machine(line), "{}:{}: an absolute path of a machine: {shown}", name(&file), i + 1);
        }
    }
}

#[test]
fn the_top_level_is_the_list_it_was_meant_to_be() {
    let known: BTreeSet<&str> = TOP.iter().copied().collect();
    let tracked = std::process::Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let listed = tracked.ok().filter(|o| o.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    let Some(listed) = listed.filter(|l| !l.is_empty()) else {
        eprintln!("skipped: no git here to list the tree");
        return;
    };
    let found: BTreeSet<&str> = listed.lines().filter_map(|l| l.split('/').next()).collect();
    let strangers: Vec<_> = found.difference(&known).collect();
    assert!(strangers.is_empty(), "at the top level: {strangers:?}");
}

#[test]
fn the_readers_of_this_file_tell_code_from_text() {
    let source = "let a = \"println!(\\\"x\\\")\"; // dbg!\nlet c = '\"'; let l: &'static str = r#\"todo!\"#; f();\n";
    let code = code(source);
    assert!(!code.contains("println") && !code.contains("dbg") && !code.contains("todo") && code.contains("f();"), "{code}");
    assert!(code.contains("&'static str"));
    assert_eq!(shipped("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { println!(); }\n}\nfn c() {}\n"), "fn a() {}\nfn c() {}\n");
}
