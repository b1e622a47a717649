//! The gates of what is emitted: how a value becomes part of Verilog, of Tcl or of a page.
//!
//! A template's bare `{{ value }}` takes plain words and numbers and refuses everything else (in Markdown: shows it as text). What is more
//! than a word passes a filter that says what it is: `|comment` for text from anywhere, `|expression` for nets and literals, `|code` for
//! [`Code`], the one type that is written as it stands and that only rendering and this crate's own fixed text make.

use crate::error::Error;
use askama::Template;
use askama::filters::Escaper;
use hardwire_netlist::gate::Visible;
use std::fmt::{self, Display, Write};

/// Verilog that this crate wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Renders a template of this crate.
    pub fn render(template: &'static str, t: &impl Template) -> Result<Code, Error> {
        t.render().map(Code).map_err(|e| {
            let what = format!("{e}: a value is no plain word, and its filter does not say what else it is");
            Error::Template { template, what }
        })
    }

    /// Adds text of the program's own, with `words` that must be plain in the places of `{}`.
    pub fn add(&mut self, text: &'static str, words: &[&dyn Display]) -> Result<(), Error> {
        let mut words = words.iter();
        for (i, part) in text.split("{}").enumerate() {
            if i > 0 {
                let word = words.next().map(ToString::to_string).filter(|w| is_plain(w));
                let word =
                    word.ok_or_else(|| Error::Template { template: "text", what: format!("a value that is no plain word in {text:?}") })?;
                self.0.push_str(&word);
            }
            self.0.push_str(part);
        }
        Ok(())
    }

    pub fn push(&mut self, more: &Code) {
        self.0.push_str(&more.0);
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word, a number, or a path of such: nothing in it means anything to a tool.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
}

/// Nets, literals, concatenations and plain strings of Verilog: no statement, no system task, no directive, no escaped identifier, no line's end.
fn is_expression(text: &str) -> bool {
    let outside = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b" _'[]{}()+-*<>=!~&|^?:,.".contains(&b));
    let mut parts = text.split('"');
    let first = parts.next().is_none_or(outside);
    let mut ended = true;
    first
        && parts.all(|part| {
            ended = !ended;
            if ended { outside(part) } else { is_plain(part) }
        })
        && ended
}

/// What a bare value of a Verilog or Tcl template passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Escaper for Plain {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        if is_plain(text) { dest.write_str(text) } else { Err(fmt::Error) }
    }
}

/// What a bare value of a Markdown template passes: any text, shown as itself in a paragraph or a cell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Markdown;

impl Escaper for Markdown {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        for c in Visible(text).to_string().chars() {
            match c {
                '<' => dest.write_str("&lt;")?,
                '>' => dest.write_str("&gt;")?,
                '&' => dest.write_str("&amp;")?,
                '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => write!(dest, "\\{c}")?,
                c => dest.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The rest of a line comment that its template has begun, of Verilog or Tcl: visible ASCII, and no backslash to continue it.
pub fn comment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Visible(text).to_string().chars() {
        match c {
            '\\' => out.push('/'),
            c if c.is_ascii() => out.push(c),
            c => _ = write!(out, "<U+{:04X}>", u32::from(c)),
        }
    }
    out
}

/// The filters that templates name.
pub mod filters {
    use crate::gate::{Code, is_expression, is_plain};
    use askama::Values;
    use askama::filters::Safe;
    use std::fmt::Display;

    /// Text from anywhere, as the rest of a line comment.
    #[askama::filter_fn]
    pub fn comment(text: impl Display, _: &dyn Values) -> askama::Result<Safe<String>> {
        Ok(Safe(crate::gate::comment(&text.to_string())))
    }

    /// Nets and literals.
    #[askama::filter_fn]
    pub fn expression(text: impl Display, _: &dyn Values) -> askama::Result<Safe<String>> {
        let text = text.to_string();
        if is_expression(&text) { Ok(Safe(text)) } else { Err(askama::Error::Fmt) }
    }

    /// A plain word in Markdown's code.
    #[askama::filter_fn]
    pub fn plain(text: impl Display, _: &dyn Values) -> askama::Result<Safe<String>> {
        let text = text.to_string();
        if is_plain(&text) { Ok(Safe(text)) } else { Err(askama::Error::Fmt) }
    }

    /// Verilog that this crate wrote; nothing else has the type.
    #[askama::filter_fn]
    pub fn code(code: &Code, _: &dyn Values) -> askama::Result<Safe<Code>> {
        Ok(Safe(code.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(escaper: impl Escaper, text: &str) -> Result<String, fmt::Error> {
        let mut out = String::new();
        escaper.write_escaped_str(&mut out, text).map(|()| out)
    }

    #[test]
    fn words_pass_and_code_does_not() {
        for word in ["hw_rom", "rom/layers.0.mlp/k0n0.hex", "-3", "12'd"] {
            assert_eq!(escaped(Plain, word).is_ok(), word != "12'd", "{word}");
        }
        for good in ["{a_valid, b_data[3 +: 4]}", "12'b0101", "\"rom/a.hex\"", "a || !b", "1'b0"] {
            assert!(is_expression(good), "{good}");
        }
        for bad in ["$system", "a; b", "`define", "\\a ", "a\nb", "\"x\\n\"", "\"$x\"", "\"open", "a // b"] {
            assert!(!is_expression(bad), "{bad}");
        }
        let mut code = Code::default();
        code.add("wire [{}-1:0] {};\n", &[&3, &"a_b"]).unwrap();
        assert_eq!(code.as_str(), "wire [3-1:0] a_b;\n");
        assert!(code.add("wire {};", &[&"a; initial $finish"]).is_err());
    }

    proptest! {
        #[test]
        fn a_comment_stays_one_and_loses_no_letter(text in any::<String>()) {
            let comment = comment(&text);
            prop_assert!(comment.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'\\'), "{comment:?}");
            let letters = |t: &str| t.chars().filter(char::is_ascii_uppercase).filter(|c| *c != 'U').count();
            prop_assert!(letters(&comment) >= letters(&text));
        }

        #[test]
        fn text_in_markdown_opens_nothing(text in any::<String>()) {
            let shown = escaped(Markdown, &text).unwrap();
            let mut before = ' ';
            for c in shown.chars() {
                prop_assert!(!c.is_control() && !"<>".contains(c));
                prop_assert!(!"`*_[]|#~!$".contains(c) || before == '\\', "{shown:?}");
                before = if before == '\\' && c == '\\' { ' ' } else { c };
            }
        }

        #[test]
        fn plain_is_plain(text in any::<String>()) {
            let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
            prop_assert_eq!(escaped(Plain, &text).is_ok(), plain);
        }
    }
}
