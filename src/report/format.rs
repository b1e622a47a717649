//! Numbers and text as a report shows them.

use askama::filters::Escaper;
use hardwire_netlist::Figure;
use hardwire_netlist::gate::is_unseen;
use std::fmt::{self, Write};

/// Three significant digits; thousands grouped, large ones with a prefix, small ones in powers of ten.
pub fn number(x: f64) -> String {
    let a = x.abs();
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return "–".into();
    }
    match a {
        _ if a >= 1e15 => scientific(x),
        _ if a >= 1e12 => format!("{} T", three(x / 1e12)),
        _ if a >= 1e9 => format!("{} G", three(x / 1e9)),
        _ if a >= 1e6 => format!("{} M", three(x / 1e6)),
        _ if a >= 1e3 => grouped(x),
        _ if a >= 1e-3 => three(x),
        _ => scientific(x),
    }
}

fn scientific(x: f64) -> String {
    let e = x.abs().log10().floor();
    format!("{}e{}", three(x / 10f64.powf(e)), e)
}

fn three(x: f64) -> String {
    let digits = match x.abs() {
        a if a >= 100.0 => 0,
        a if a >= 10.0 => 1,
        a if a >= 1.0 => 2,
        a if a >= 0.1 => 3,
        a if a >= 0.01 => 4,
        _ => 5,
    };
    let s = format!("{x:.digits$}");
    if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_string() } else { s }
}

fn grouped(x: f64) -> String {
    let s = format!("{:.0}", x.abs());
    let mut out = String::new();
    for (i, c) in s.chars().enumerate() {
        if i > 0 && (s.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if x < 0.0 { format!("-{out}") } else { out }
}

/// A figure as HTML, its provenance and source on hover.
pub fn figure(f: &Figure) -> String {
    let (value, unit) = match f.unit.as_str() {
        "J/token" if f.value < 1e-3 => (f.value * 1e6, "µJ/token".into()),
        "J/token" if f.value < 1.0 => (f.value * 1e3, "mJ/token".into()),
        _ => (f.value, f.shown_unit()),
    };
    hover(f, &format!("{} {unit}", number(value)))
}

/// A figure times `scale` without its unit, for a table whose head says the unit.
pub fn bare(f: &Figure, scale: f64) -> String {
    hover(f, &number(f.value * scale))
}

/// `shown` with the provenance and source of `f` on hover, or on a tap.
fn hover(f: &Figure, shown: &str) -> String {
    let mut title = format!("{}: {}", f.provenance, f.source);
    if let (Some(l), Some(h)) = (f.low, f.high) {
        title += &format!(" (low {}, high {})", number(l), number(h));
    }
    with_source(f.provenance.to_string().as_str(), &title, shown)
}

/// `shown` with any text on hover, or on a tap.
pub fn with_source(class: &str, title: &str, shown: &str) -> String {
    format!("<span class=\"fig {class}\" tabindex=\"0\" title=\"{}\">{}</span>", escape(title), escape(shown.trim_end()))
}

/// Text for HTML and SVG.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let _ = HtmlText.write_escaped_str(&mut out, text);
    out
}

/// What a bare value of the page's templates passes: text or an attribute in quotes. Characters that reorder a page or are not seen are
/// written out; lines stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct HtmlText;

impl Escaper for HtmlText {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => dest.write_str("&amp;")?,
                '<' => dest.write_str("&lt;")?,
                '>' => dest.write_str("&gt;")?,
                '"' => dest.write_str("&quot;")?,
                '\'' => dest.write_str("&#39;")?,
                '\n' | '\t' => dest.write_char(c)?,
                c if is_unseen(c) => write!(dest, "{}", c.escape_default())?,
                c => dest.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (x, s) in [
            (0.0, "0"),
            (12.345, "12.3"),
            (1234.6, "1,235"),
            (16_960.0, "16,960"),
            (1.5e6, "1.5 M"),
            (53e9, "53 G"),
            (1.634e18, "1.63e18"),
            (0.1015, "0.102"),
            (3.2e-7, "3.2e-7"),
            (-2500.0, "-2,500"),
            (999.6, "1000"),
            (0.05, "0.05"),
        ] {
            assert_eq!(number(x), s);
        }
    }
}
