//! The modules that are the same in every chip; of them only those are written that the emitted ones are built of. And the lint waivers.

use crate::error::Error;
use crate::folder::Folder;

/// File name and text of every library module and header: those in `templates/lib`, by name (`build.rs`).
pub const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// Writes what the Verilog written so far needs of the library: the modules it instantiates, theirs in turn, and their headers.
/// `folded`: layers share silicon.
pub fn emit(folder: &mut Folder, folded: bool) -> Result<(), Error> {
    let mut left = FILES.to_vec();
    loop {
        let (wanted, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(file, _)| {
            let (module, _) = file.split_once('.').unwrap_or((file, ""));
            folder.library_names().contains(module)
        });
        if wanted.is_empty() {
            return folder.text("lint.vlt", include_str!("../templates/lint.vlt"));
        }
        for (file, text) in wanted {
            let defined = if folded && file == "hw_layers.vh" { "`define HW_LAYERS\n" } else { "" };
            folder.text(&format!("rtl/{file}"), &format!("{text}{defined}"))?;
        }
        left = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::FILES;

    /// The declaration and what is said of it, for each parameter and port of a module's header.
    fn header(text: &str) -> impl Iterator<Item = (&str, &str)> {
        let lines = text.lines().skip_while(|l| !l.starts_with("module ")).take_while(|l| !l.starts_with(");"));
        let declares = |l: &&str| ["parameter ", "input ", "output "].iter().any(|k| l.trim_start().starts_with(k));
        lines.filter(declares).map(|l| l.split_once("//").unwrap_or((l, "")))
    }

    #[test]
    fn every_parameter_and_port_is_explained() {
        let mut found = 0;
        for (file, text) in FILES.iter().filter(|f| f.0.ends_with(".v")) {
            for (code, said) in header(text) {
                found += 1;
                assert!(said.split_whitespace().count() >= 1 && said.trim().len() >= 4, "{file}: nothing explains `{}`", code.trim());
                let more = code.matches("parameter ").count() + code.matches("input ").count() + code.matches("output ").count();
                assert_eq!(more, 1, "{file}: a line each, or one of them is not explained: {code}");
            }
        }
        assert!(found > 500, "{found} parameters and ports: are these headers?");
    }

    #[test]
    fn a_module_a_file_by_its_name() {
        for (file, text) in FILES.iter().filter(|f| f.0.ends_with(".v")) {
            let modules: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("module ")?.split_whitespace().next()).collect();
            assert_eq!(modules, [file.trim_end_matches(".v")], "{file}");
        }
    }

    /// Files whose clocked blocks still work out some registers' next values with blocking assignments. None may be added.
    const MIXED: &[&str] = &[
        "hw_metal.v",
        // Two products, a sum and a shadow a column change with every row of every tile: most of what a simulated chip does. As arrays that only
        // one block touches each is one machine word; as a vector without blocking (Verilator has no such assignment to an array in a loop) it
        // is shifted out of and into one of thousands of bits.
        "hw_mvm_tile.v",
    ];

    /// The clocked blocks of a file: from a line with `always @(posedge clk)` to the first one that is not further in.
    fn clocked(text: &str) -> Vec<String> {
        let lines: Vec<&str> = text.lines().map(|l| l.split_once("//").map_or(l, |(code, _)| code).trim_end()).collect();
        let indent = |l: &str| l.len() - l.trim_start().len();
        let block = |(n, _): (usize, &&str)| {
            let inside = lines[n + 1..].iter().take_while(|l| l.is_empty() || indent(l) > indent(lines[n]));
            let first = lines[n].split_once("always @(posedge clk)").unwrap().1;
            std::iter::once(first).chain(inside.copied()).collect::<Vec<_>>().join("\n")
        };
        lines.iter().enumerate().filter(|(_, l)| l.contains("always @(posedge clk)")).map(block).collect()
    }

    /// Whether a block has blocking assignments, those of loop counters left out, and whether it has others.
    fn assigns(block: &str) -> (bool, bool) {
        let mut code = String::new();
        let mut rest = block;
        while let Some((before, after)) = rest.split_once("for (") {
            code.push_str(before);
            let mut depth = 1;
            let end = after.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            rest = &after[end.unwrap() + 1..];
        }
        code.push_str(rest);
        let blocking = code.replace("<=", "").replace(">=", "").replace("==", "").replace("!=", "").contains('=');
        // Within parentheses it compares.
        let mut depth = 0;
        let mut other = false;
        for (at, c) in code.char_indices() {
            depth += i32::from(matches!(c, '(' | '[' | '{')) - i32::from(matches!(c, ')' | ']' | '}'));
            other |= depth == 0 && code[at..].starts_with("<=");
        }
        (blocking, other)
    }

    #[test]
    fn clocked_blocks_do_not_mix_assignments() {
        let mixes = |text: &str| clocked(text).iter().any(|block| assigns(block) == (true, true));
        // Probes are no hardware.
        let hardware = FILES.iter().filter(|f| !f.0.starts_with("hw_probe"));
        let mixed: Vec<&str> = hardware.filter(|(_, text)| mixes(text)).map(|f| f.0).collect();
        assert_eq!(mixed, MIXED, "one more is to be rewritten, one less to be taken off the list");
        let sample = "  always @(posedge clk) begin\n    for (i = 0; i < f(4); i = i + 1) x_q[i] <= y == i;\n    if (a <= b) y = 1; // z <= 0\n  end\n";
        assert_eq!(clocked(sample).len(), 1);
        assert!(mixes(sample) && !mixes(&sample.replace("y = 1", "y <= 1")));
    }
}
