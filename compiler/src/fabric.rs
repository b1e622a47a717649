//! Which fabric holds which matrix, as asked for.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// How a matrix is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holding {
    /// Multiply-select-add tiles of at most so many rows over mask ROM.
    Tiles { rows: u32 },
    /// Metal embedding: every weight a wire into an adder tree.
    Metal,
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holding::Tiles { rows } => write!(f, "{rows}"),
            Holding::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for Holding {
    type Err = String;

    fn from_str(s: &str) -> Result<Holding, String> {
        match s.parse() {
            Ok(rows) if (8..=4096).contains(&rows) => Ok(Holding::Tiles { rows }),
            _ if s == "metal" => Ok(Holding::Metal),
            _ => Err(format!("{s}, expected the most rows of a tile (8 to 4096) or metal")),
        }
    }
}

/// `down_proj=1024`, `lm_head=metal`, `layers.3.mlp.down_proj=512`: a holding for the matrices whose path ends so, a `*` being any one part
/// (`mlp.experts.*.down_proj=512`); `metal` alone for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `None`: every matrix.
    pub matrix: Option<String>,
    pub holding: Holding,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(s: &str) -> Result<Rule, String> {
        match s.split_once('=') {
            None => Ok(Rule { matrix: None, holding: s.parse()? }),
            Some(("", _)) => Err(format!("{s}, expected matrix=rows or matrix=metal")),
            Some((matrix, holding)) => Ok(Rule { matrix: Some(matrix.into()), holding: holding.parse()? }),
        }
    }
}

impl Rule {
    fn names(&self, path: &str) -> bool {
        let Some(name) = &self.matrix else { return true };
        let (mut parts, mut wanted) = (path.rsplit('.'), name.rsplit('.'));
        wanted.all(|want| parts.next().is_some_and(|part| want == "*" || part == want))
    }
}

/// The holding of every matrix: the last rule that names it, or tiles of the default height.
#[derive(Clone, Debug)]
pub struct Holdings {
    pub rows: u32,
    pub rules: Vec<Rule>,
}

impl Holdings {
    pub fn of(&self, path: &str) -> Holding {
        let named = self.rules.iter().rev().find(|r| r.names(path));
        named.map_or(Holding::Tiles { rows: self.rows }, |r| r.holding)
    }

    /// Every rule names a matrix of the model.
    pub(crate) fn check<'a>(&self, matrices: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let matrices: Vec<&str> = matrices.collect();
        for rule in &self.rules {
            if !matrices.iter().any(|path| rule.names(path)) {
                let name = rule.matrix.as_deref().unwrap_or_default();
                return Err(Error::option(
                    "fabric",
                    format!("{name} names no matrix; there are {}, ...", matrices[..matrices.len().min(8)].join(", ")),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_names_a_matrix_wins() {
        let rules = ["metal", "down_proj=1024", "layers.3.mlp.down_proj=64"].map(|r| r.parse().unwrap());
        let h = Holdings { rows: 256, rules: rules.to_vec() };
        assert_eq!(h.of("lm_head"), Holding::Metal);
        assert_eq!(h.of("layers.2.mlp.down_proj"), Holding::Tiles { rows: 1024 });
        assert_eq!(h.of("layers.3.mlp.down_proj"), Holding::Tiles { rows: 64 });
        // A name is whole parts of a path.
        assert_eq!(h.of("layers.3.mlp.updown_proj"), Holding::Metal);
        let experts = Holdings { rows: 256, rules: vec!["mlp.experts.*.down_proj=64".parse().unwrap()] };
        assert_eq!(experts.of("layers.1.mlp.experts.17.down_proj"), Holding::Tiles { rows: 64 });
        assert_eq!(experts.of("layers.1.mlp.down_proj"), Holding::Tiles { rows: 256 });
        assert_eq!(experts.of("layers.1.mlp.experts.down_proj"), Holding::Tiles { rows: 256 });
        assert_eq!(Holdings { rows: 256, rules: vec![] }.of("lm_head"), Holding::Tiles { rows: 256 });
    }

    #[test]
    fn bad_rules_say_what_they_should_be() {
        for bad in ["wood", "down_proj=7", "=metal", "down_proj=", "down_proj=metal=4"] {
            assert!(bad.parse::<Rule>().unwrap_err().contains("expected"), "{bad}");
        }
    }
}
