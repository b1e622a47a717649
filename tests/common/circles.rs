//! Circles of imports among the files of a crate, from its sources: `use` trees and paths from `crate`, `self`, `super` or a child module. A name
//! that a module re-exports counts as its definition's, so a module that only hands names on is in no circle.

use std::collections::{BTreeMap, BTreeSet};

/// A module's path inside its crate; the root's is empty.
type Module = Vec<String>;

/// Files of a crate with what each takes from others of them.
pub struct Imports {
    files: BTreeMap<Module, String>,
    edges: BTreeMap<Module, BTreeMap<Module, BTreeSet<String>>>,
}

/// One name that a `use` brings in.
#[derive(Clone)]
struct Import {
    path: Vec<String>,
    name: String,
    /// Handed on, not for this module alone.
    public: bool,
}

/// Identifiers, `::`, and single other characters of code without comments and strings.
fn tokens(code: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let chars: Vec<char> = code.chars().collect();
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        if chars[i].is_alphanumeric() || chars[i] == '_' {
            while i < chars.len() && (chars[i].is_alphanumeric() || chars[i] == '_') {
                i += 1;
            }
        } else if chars[i..].starts_with(&[':', ':']) {
            i += 2;
        } else {
            i += 1;
        }
        if !chars[start].is_whitespace() {
            out.push(chars[start..i].iter().collect());
        }
    }
    out
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The tree of a `use` from token `at` on: its names, and the token after it.
fn tree(tokens: &[String], mut at: usize, prefix: &[String], public: bool, out: &mut Vec<Import>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t != "}") {
                    at = tree(tokens, at, &path, public, out);
                    at += usize::from(tokens.get(at).is_some_and(|t| t == ","));
                }
                return at + 1;
            }
            Some("*") => {
                out.push(Import { path, name: "*".into(), public });
                return at + 1;
            }
            Some("::") => at += 1,
            Some("as") => {
                out.push(Import { path, name: tokens[at + 1].clone(), public });
                return at + 2;
            }
            Some(word) if is_name(word) => {
                if word != "self" || path.is_empty() {
                    path.push(word.into());
                }
                at += 1;
                if tokens.get(at).is_none_or(|t| t != "::" && t != "as") {
                    let name = path.last().cloned().unwrap_or_default();
                    out.push(Import { path, name, public });
                    return at;
                }
            }
            _ => return at + 1,
        }
    }
}

/// All imports of a file, all other paths in it, its child modules, and how often each word stands outside of imports.
fn read(code: &str) -> (Vec<Import>, Vec<Vec<String>>, BTreeSet<String>, BTreeSet<String>) {
    let tokens = tokens(code);
    let (mut imports, mut paths, mut children, mut words) = (Vec::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "use" => {
                let before = &tokens[at.saturating_sub(4)..at];
                let public = before.iter().rposition(|t| t == "pub").is_some_and(|p| !before[p..].iter().any(|t| t == ";" || t == "}"));
                at = tree(&tokens, at + 1, &[], public, &mut imports);
            }
            "mod" if tokens.get(at + 2).is_some_and(|t| t == ";") => {
                children.insert(tokens[at + 1].clone());
                at += 3;
            }
            word if is_name(word) => {
                let mut path = vec![word.to_string()];
                while tokens.get(at + 1).is_some_and(|t| t == "::") && tokens.get(at + 2).is_some_and(|t| is_name(t)) {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                words.extend(path.iter().cloned());
                if path.len() > 1 {
                    paths.push(path);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    (imports, paths, children, words)
}

impl Imports {
    /// Of a crate's files: path below its `src` with forward slashes, and code without comments, strings and tests.
    pub fn read(sources: &[(String, String)]) -> Imports {
        let module = |file: &str| -> Module {
            let parts = file.trim_end_matches(".rs").split('/').map(String::from);
            parts.filter(|p| p != "mod" && p != "lib" && p != "main").collect()
        };
        let files: BTreeMap<Module, String> = sources.iter().map(|(file, _)| (module(file), file.clone())).collect();
        let read: BTreeMap<Module, _> = sources.iter().map(|(file, code)| (module(file), read(code))).collect();
        let names: BTreeMap<Module, BTreeMap<String, Vec<String>>> = read
            .iter()
            .map(|(m, (imports, _, children, _))| {
                let of = |i: &Import| absolute(m, &i.path, children).map(|p| (i.name.clone(), p));
                (m.clone(), imports.iter().filter_map(of).collect())
            })
            .collect();
        let mut all = Imports { files, edges: BTreeMap::new() };
        for (m, (imports, paths, children, words)) in &read {
            let used = imports.iter().filter(|i| !i.public || words.contains(&i.name)).map(|i| &i.path);
            for path in used.chain(paths) {
                // `module::name` where the module was imported.
                let imported = names[m].get(&path[0]).map(|to| to.iter().chain(&path[1..]).cloned().collect());
                let Some(path) = imported.or_else(|| absolute(m, path, children)) else { continue };
                let (to, name) = all.definition(&names, path, 0);
                if to != *m {
                    all.edges.entry(m.clone()).or_default().entry(to).or_default().insert(name);
                }
            }
        }
        all
    }

    /// The module that defines what `path` names, and the name there.
    fn definition(&self, names: &BTreeMap<Module, BTreeMap<String, Vec<String>>>, path: Vec<String>, depth: usize) -> (Module, String) {
        let mut at = path.len();
        while at > 0 && !self.files.contains_key(&path[..at]) {
            at -= 1;
        }
        let (module, rest) = (path[..at].to_vec(), &path[at..]);
        let Some(name) = rest.first() else { return (module, "itself".into()) };
        match names.get(&module).and_then(|n| n.get(name)) {
            // A module that imports a name of its own would not compile: this ends.
            Some(further) if depth < 8 => self.definition(names, further.iter().chain(&rest[1..]).cloned().collect(), depth + 1),
            _ => (module, name.clone()),
        }
    }

    /// Circles of more than `most` files, each with its files and what ties them.
    pub fn circles(&self, most: usize) -> Vec<String> {
        let reach: BTreeMap<&Module, BTreeSet<&Module>> = self.files.keys().map(|m| (m, self.reach(m))).collect();
        let mut seen: BTreeSet<&Module> = BTreeSet::new();
        let mut out = Vec::new();
        for m in self.files.keys() {
            let ring: BTreeSet<&Module> = reach[m].iter().copied().filter(|o| reach[o].contains(m)).collect();
            if ring.len() > most && seen.insert(m) {
                seen.extend(ring.iter().copied());
                let mut text = format!("{} files import one another in a circle:", ring.len());
                for from in &ring {
                    for (to, names) in self.edges.get(*from).into_iter().flatten().filter(|(to, _)| ring.contains(to)) {
                        let names: Vec<&str> = names.iter().map(String::as_str).collect();
                        text.push_str(&format!("\n  {} takes {} from {}", self.files[*from], names.join(", "), self.files[to]));
                    }
                }
                out.push(text);
            }
        }
        out
    }

    fn reach(&self, from: &Module) -> BTreeSet<&Module> {
        let mut found = BTreeSet::new();
        let mut left: Vec<&Module> = self.edges.get(from).into_iter().flat_map(|e| e.keys()).collect();
        while let Some(m) = left.pop() {
            if found.insert(m) {
                left.extend(self.edges.get(m).into_iter().flat_map(|e| e.keys()));
            }
        }
        found
    }
}

/// `path` as seen in `module`, from the crate's root; `None` where it leads out of the crate.
fn absolute(module: &Module, path: &[String], children: &BTreeSet<String>) -> Option<Vec<String>> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|s| s == "super") {
                base.pop()?;
                rest = &rest[1..];
            }
        }
        child if children.contains(child) => {}
        _ => return None,
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(sources: &[(&str, &str)], most: usize) -> Vec<String> {
        Imports::read(&sources.iter().map(|(f, c)| (f.to_string(), c.to_string())).collect::<Vec<_>>()).circles(most)
    }

    #[test]
    fn a_circle_is_found_through_trees_paths_and_re_exports() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
            ("a.rs", "use crate::{b, x}; pub struct A(b::B);"),
            ("b/mod.rs", "mod deep; pub use deep::B;"),
            ("b/deep.rs", "pub struct B; fn f() { super::super::c::g() }"),
            ("c.rs", "use crate::A; fn g() {}"),
        ];
        let found = circles(&files, 2);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("3 files") && found[0].contains("b/deep.rs takes g from c.rs"), "{}", found[0]);
        assert_eq!(circles(&files, 3), [""; 0]);
    }

    #[test]
    fn handing_names_on_is_no_import() {
        let files =
            [("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"), ("a.rs", "use super::B; pub struct A;"), ("b.rs", "pub struct B;")];
        assert_eq!(circles(&files, 1), [""; 0]);
    }
}
