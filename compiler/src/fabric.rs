//! Which fabric holds which matrix, as asked for.

use crate::error::Error;
use hardwire_netlist::Fabric;
use std::fmt;
use std::str::FromStr;

/// The most rows of a tile that can be asked for.
pub(crate) const ROWS: std::ops::RangeInclusive<u32> = 8..=8192;

/// A fabric as asked for: `256` is tiles of at most so many rows, a name is that fabric, `name:256` both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FabricChoice {
    pub fabric: Fabric,
    /// The most inputs of a tile; the fabric's own limit where `None`.
    pub rows: Option<u32>,
}

impl FabricChoice {
    /// Tiles of at most `rows` rows.
    pub fn tiles(rows: u32) -> FabricChoice {
        FabricChoice { fabric: Fabric::Tile, rows: Some(rows) }
    }

    /// A fabric with what it takes at most by itself.
    pub fn of(fabric: Fabric) -> FabricChoice {
        FabricChoice { fabric, rows: None }
    }
}

impl fmt::Display for FabricChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fabric, self.rows) {
            (Fabric::Tile, Some(rows)) => write!(f, "{rows}"),
            (fabric, Some(rows)) => write!(f, "{}:{rows}", fabric.name()),
            (fabric, None) => f.write_str(fabric.name()),
        }
    }
}

impl FromStr for FabricChoice {
    type Err = String;

    fn from_str(s: &str) -> Result<FabricChoice, String> {
        let names: Vec<&str> = Fabric::ALL.map(Fabric::name).to_vec();
        let (least, most) = (ROWS.start(), ROWS.end());
        let fail = || format!("{s}, expected the most rows of a tile ({least} to {most}) or {}", names.join(", "));
        let rows = |rows: &str| rows.parse().ok().filter(|r| ROWS.contains(r)).ok_or_else(fail);
        let named = |name: &str| Fabric::named(name).ok_or_else(fail);
        match s.split_once(':') {
            Some((name, most)) => Ok(FabricChoice { fabric: named(name)?, rows: Some(rows(most)?) }),
            None if s.starts_with(|c: char| c.is_ascii_digit()) => Ok(FabricChoice::tiles(rows(s)?)),
            None => Ok(FabricChoice::of(named(s)?)),
        }
    }
}

/// `down_proj=1024`, `lm_head=metal`, `layers.3.mlp.down_proj=512`: the fabric of the matrices whose path ends so, a `*` being any one part
/// (`mlp.experts.*.down_proj=512`); `metal` alone for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `None`: every matrix.
    pub matrix: Option<String>,
    pub choice: FabricChoice,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(s: &str) -> Result<Rule, String> {
        match s.split_once('=') {
            None => Ok(Rule { matrix: None, choice: s.parse()? }),
            Some(("", _)) => Err(format!("{s}, expected matrix=rows or matrix=fabric")),
            Some((matrix, choice)) => Ok(Rule { matrix: Some(matrix.into()), choice: choice.parse()? }),
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

/// The fabric of every matrix: by the last rule that names it, or tiles of the height asked for.
#[derive(Clone, Debug)]
pub struct FabricChoices {
    pub rows: Option<u32>,
    pub rules: Vec<Rule>,
}

impl FabricChoices {
    /// `None`: left to the compiler ([`crate::tile`]).
    pub fn of(&self, path: &str) -> Option<FabricChoice> {
        let named = self.rules.iter().rev().find(|r| r.names(path));
        named.map(|r| r.choice).or(self.rows.map(FabricChoice::tiles))
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
        let h = FabricChoices { rows: Some(256), rules: rules.to_vec() };
        assert_eq!(h.of("lm_head"), Some(FabricChoice::of(Fabric::Metal)));
        assert_eq!(h.of("layers.2.mlp.down_proj"), Some(FabricChoice::tiles(1024)));
        assert_eq!(h.of("layers.3.mlp.down_proj"), Some(FabricChoice::tiles(64)));
        // A name is whole parts of a path.
        assert_eq!(h.of("layers.3.mlp.updown_proj"), Some(FabricChoice::of(Fabric::Metal)));
        let experts = FabricChoices { rows: Some(256), rules: vec!["mlp.experts.*.down_proj=64".parse().unwrap()] };
        assert_eq!(experts.of("layers.1.mlp.experts.17.down_proj"), Some(FabricChoice::tiles(64)));
        assert_eq!(experts.of("layers.1.mlp.down_proj"), Some(FabricChoice::tiles(256)));
        assert_eq!(experts.of("layers.1.mlp.experts.down_proj"), Some(FabricChoice::tiles(256)));
        assert_eq!(FabricChoices { rows: Some(256), rules: vec![] }.of("lm_head"), Some(FabricChoice::tiles(256)));
        assert_eq!(FabricChoices { rows: None, rules: vec![] }.of("lm_head"), None);
    }

    #[test]
    fn bad_rules_say_what_they_should_be() {
        for bad in ["wood", "down_proj=7", "=metal", "down_proj=", "down_proj=metal=4", "metal:7", "wood:256"] {
            assert!(bad.parse::<Rule>().unwrap_err().contains("expected"), "{bad}");
        }
    }
}
