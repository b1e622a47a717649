//! Names by a pattern: `*` is any text, `?` any one character, everything else itself.

/// Whether all of `text` is as `pattern` says.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            // The last star takes one character more.
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    (p, t) = (*at + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_take_any_text() {
        let path = "layers.0.mlp.down_proj/tile[0,1]";
        for (pattern, yes) in
            [("*", true), ("layers.0.*", true), ("*down_proj/tile[0,?]", true), ("*.down_proj", false), ("", false), ("*0*1*]", true)]
        {
            assert_eq!(matches(pattern, path), yes, "{pattern}");
        }
    }
}
