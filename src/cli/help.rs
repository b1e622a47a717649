//! Help as it is read: commands in groups, an example under each. Both are checked to be whole and to parse.

use super::Args;
use clap::{Command, CommandFactory};
use std::fmt::Write;

/// Every command stands in one group.
const GROUPS: [(&str, &[&str]); 5] = [
    ("A model into a chip", &["demo", "models", "inspect", "compile", "merge", "plan", "explore", "synth"]),
    ("Text out of it", &["simulate", "chat", "serve", "talk", "evaluate"]),
    ("The die and its Verilog", &["view", "rtl", "verify", "adders", "masks", "diff", "fpga", "shuttle"]),
    ("Beside GPUs", &["compare", "books", "report", "baseline"]),
    ("More", &["validate", "essay", "completions"]),
];

/// What one types, for every command.
const EXAMPLES: [(&str, &[&str]); 28] = [
    ("demo", &["hardwire demo -o demo --prompt 'The king'"]),
    ("models", &["hardwire models"]),
    ("inspect", &["hardwire inspect Qwen3.5-27B", "hardwire inspect smollm2.chip --at 'layers.0.mlp.down_proj[7,30]'"]),
    (
        "compile",
        &[
            "hardwire compile SmolLM2-135M-Instruct.Q4_1.gguf -o smollm2.chip",
            "hardwire compile tales -o tales.chip --bits 3 --users 4",
            "hardwire compile tuned -o next.chip --onto smollm2.chip",
        ],
    ),
    ("merge", &["hardwire merge big shards/1 shards/2 -o big.chip"]),
    ("plan", &["hardwire plan config.json --fold auto --users 8"]),
    ("explore", &["hardwire explore config.json --target sweep.toml --plot front.svg"]),
    ("synth", &["hardwire synth config.json -o big --seed 2"]),
    ("simulate", &["hardwire simulate smollm2.chip --prompt 'The capital of France is' -n 40"]),
    ("chat", &["hardwire chat smollm2.chip --system 'Answer in one sentence.' --temperature 0.7"]),
    ("serve", &["hardwire serve smollm2.chip --port 8080"]),
    ("evaluate", &["hardwire evaluate tales --text story.txt --sweep 3,3.5,4.5"]),
    (
        "view",
        &[
            "hardwire view smollm2.chip --goto 'layers.0.mlp.down_proj[7,30]' --screenshot weight.png",
            "hardwire view Qwen3.5-27B --heat power",
        ],
    ),
    ("rtl", &["hardwire rtl smollm2.chip -o rtl", "hardwire rtl smollm2.chip --module layers.0.mlp.down_proj"]),
    ("verify", &["hardwire verify tales --prompt 'Once upon a time' -n 16 --trace run.fst"]),
    ("masks", &["hardwire masks smollm2.chip -o masks --tiles 'layers.0.*'"]),
    ("diff", &["hardwire diff smollm2.chip next.chip --tiles", "hardwire diff smollm2.chip next.chip --masks"]),
    ("fpga", &["hardwire fpga micro -o board --board ulx3s-85f --build", "hardwire fpga SmolLM2-135M --board icebreaker --estimate"]),
    ("shuttle", &["hardwire shuttle tales --matrix layers.0.self_attn.k_proj --frame librelane -o matrix --bits 2 --act-bits 6"]),
    ("talk", &["hardwire talk board.chip --port /dev/ttyUSB0 --prompt 'Once upon a time'"]),
    ("adders", &["hardwire adders matrix.npy --depth 8 --verilog rtl"]),
    ("compare", &["hardwire compare Llama-3.1-8B --bits 3 --gpu H100"]),
    ("books", &["hardwire books smollm2.chip --preset france --gpu 'H100 SXM'"]),
    ("report", &["hardwire report smollm2.chip -o report", "hardwire report Qwen3.5-27B --preset france --citizens 68"]),
    ("baseline", &["hardwire baseline predict --gpu L40S --model Qwen3.5-27B --bits 16", "hardwire baseline devices --csv"]),
    ("validate", &["hardwire validate"]),
    ("essay", &["hardwire essay --json"]),
    ("completions", &["hardwire completions bash"]),
];

/// The command line with its help.
pub fn command() -> Command {
    let mut command = Args::command();
    let mut groups = String::new();
    for (heading, names) in GROUPS {
        let _ = writeln!(groups, "{heading}:");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(groups, "  {name:<13}{about}");
        }
        groups.push('\n');
    }
    for (name, examples) in EXAMPLES {
        let heading = if examples.len() == 1 { "Example" } else { "Examples" };
        command = command.mut_subcommand(name, |c| c.after_help(format!("{heading}:\n  {}", examples.join("\n  "))));
    }
    let more = "`hardwire help COMMAND` has a command's options and an example.";
    command.help_template(format!("{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}Global options:\n{{options}}\n\n{more}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Words as a shell makes them of a line, its comment and where its output goes left out.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut quote, mut word) = (Vec::new(), None, None::<String>);
        for c in line.chars() {
            match (quote, c) {
                (Some(q), _) if c == q => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, '#' | '>') if word.is_none() => break,
                (None, ' ') => words.extend(word.take()),
                _ => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    #[track_caller]
    fn parses(line: &str) {
        let parsed = command().try_get_matches_from(words(line));
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }

    #[test]
    fn every_command_is_well_formed_in_a_group_and_has_an_example_that_parses() {
        command().debug_assert();
        let all: BTreeSet<String> = Args::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert_eq!(grouped.len(), all.len());
        assert_eq!(grouped.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), all);
        assert_eq!(EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>(), all);
        for (name, examples) in EXAMPLES {
            for example in examples {
                assert!(example.starts_with(&format!("hardwire {name}")), "{example}");
                parses(example);
            }
        }
    }

    #[test]
    fn help_fits_a_terminal_and_is_plain() {
        for name in Args::command().get_subcommands().map(|c| c.get_name().to_owned()).chain(["".into()]) {
            let mut command = command();
            command.build();
            let of = if name.is_empty() { &mut command } else { command.find_subcommand_mut(&name).unwrap() };
            let help = of.clone().term_width(100).render_long_help().to_string();
            let example = help.find("Example").unwrap_or(help.len());
            for line in help[..example].lines() {
                assert!(line.chars().count() <= 100, "{name}: {line}");
            }
        }
    }

    /// What the pages say to type is what the command takes.
    #[test]
    fn every_command_of_the_pages_parses() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|e| e.unwrap().path());
        let pages = docs.filter(|p| p.extension().is_some_and(|e| e == "md")).chain([root.join("README.md")]);
        let mut found = 0;
        for page in pages {
            let text = std::fs::read_to_string(&page).unwrap();
            let mut shell = false;
            for line in text.lines() {
                if let Some(kind) = line.strip_prefix("```") {
                    shell = !shell && kind == "sh";
                } else if shell && line.starts_with("hardwire ") && !line.ends_with('\\') {
                    parses(line);
                    found += 1;
                }
            }
        }
        assert!(found >= 30, "{found} commands found");
    }
}
