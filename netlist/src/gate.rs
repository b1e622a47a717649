//! Text from outside as it may be shown: on one line, and what is seen is what is there. The gate of each target (Verilog, Markdown, HTML,
//! a terminal, ...) stands where that target is written and begins here.

use std::fmt;

/// Text of a file, a name or a path, displayed on one line: characters that break a line, steer a terminal, reorder what is read or
/// cannot be seen are written as Rust writes them, `\u{1b}`.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_unseen) {
            let c = rest[at..].chars().next().unwrap_or_default();
            write!(f, "{}{}", &rest[..at], c.escape_default())?;
            rest = &rest[at + c.len_utf8()..];
        }
        f.write_str(rest)
    }
}

/// Controls (C0, delete, C1), line and paragraph separators, and the default ignorable code points of Unicode 16 that steer text:
/// marks and embeddings of direction (UAX #9), joiners, fillers, variation and tag characters, the byte order mark.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::Visible;

    #[test]
    fn what_steers_is_shown() {
        for (text, shown) in [
            ("Llama-3.2 \"µ\"", "Llama-3.2 \"µ\""),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31mred\u{9b}2J\u{7}", "\\u{1b}[31mred\\u{9b}2J\\u{7}"),
            ("\u{202e}gpj.exe\u{2066}\u{200b}", "\\u{202e}gpj.exe\\u{2066}\\u{200b}"),
            ("\u{2028}\u{feff}\0", "\\u{2028}\\u{feff}\\u{0}"),
        ] {
            assert_eq!(Visible(text).to_string(), shown);
        }
    }
}
