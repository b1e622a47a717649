//! Who feeds whom: names, stations in order, ports filled once, the residual as the only stream between stations.

use crate::check::{equal, named, same_format, wrong};
use crate::error::Error;
use crate::graph::{Netlist, UnitId};
use crate::unit::{Unit, UnitKind};
use petgraph::Direction;
use petgraph::visit::EdgeRef;
use std::collections::HashSet;

/// Paths become module names, file names and markup: nothing but letters, digits and `.`, `_`, `-`.
pub(super) fn paths(n: &Netlist) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for path in n.graph.node_weights().map(|u| &u.path) {
        plain(path)?;
        if !seen.insert(path) {
            return Err(named(path, "path", "given to two units", "one unit a path"));
        }
    }
    let mut seen = HashSet::new();
    for path in n.stations.iter().map(|s| &s.path) {
        plain(path)?;
        if !seen.insert(path) {
            return Err(named(path, "path", "given to two stations", "one station a path"));
        }
    }
    Ok(())
}

fn plain(path: &str) -> Result<(), Error> {
    let fits = (1..=200).contains(&path.len()) && path.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    if fits {
        return Ok(());
    }
    let shown: String = path.chars().take(40).flat_map(char::escape_default).collect();
    Err(named(&shown, "path", "not a plain name", "1 to 200 of the letters a-z A-Z 0-9 . _ -"))
}

/// Units come station by station, and only stations that a token passes in a ring have none; the embedding is alone in the first.
pub(super) fn stations(n: &Netlist) -> Result<(), Error> {
    if n.stations.len() < 2 {
        return Err(named("netlist", "stations", n.stations.len(), "at least 2"));
    }
    let mut at = 0;
    for (id, u) in n.units() {
        let s = u.station as usize;
        if s >= n.stations.len() {
            return wrong(&u.path, "station", s, format!("below {}", n.stations.len()));
        }
        // Those in between have no units.
        if id.index() == 0 && s != 0 || s < at || s > at + 1 && (n.ring.is_none() || at == 0) {
            return wrong(&u.path, "station", s, format!("{at} or the next: units come station by station, none empty"));
        }
        if matches!(u.kind, UnitKind::Embed(_)) != (s == 0) {
            return wrong(&u.path, "station", s, "the embedding in station 0, everything else after it");
        }
        if s == 0 && id.index() > 0 {
            return wrong(&u.path, "station", s, "one embedding, alone in station 0");
        }
        at = s;
    }
    if at + 1 != n.stations.len() {
        return Err(named(&n.stations[n.stations.len() - 1].path, "station", "without units", "at least one"));
    }
    Ok(())
}

/// Each port has one producer, and it comes before its consumer.
pub(super) fn ports(n: &Netlist) -> Result<(), Error> {
    for (id, u) in n.units() {
        let mut edges: Vec<(u16, UnitId)> = Vec::new();
        for e in n.graph.edges_directed(id, Direction::Incoming) {
            edges.push((e.weight().port, e.source()));
        }
        edges.sort();
        let want = u.kind.kind().port_count();
        if edges.len() != want || edges.iter().enumerate().any(|(i, e)| usize::from(e.0) != i) {
            let ports: Vec<String> = edges.iter().map(|e| e.0.to_string()).collect();
            return wrong(&u.path, "inputs", format!("ports [{}]", ports.join(", ")), format!("each of {want} ports once"));
        }
        if let Some((port, from)) = edges.iter().find(|e| e.1 >= id) {
            return wrong(&u.path, "inputs", format!("port {port} from {}", n.unit(*from).path), "a unit that comes before it");
        }
    }
    Ok(())
}

/// Only the last unit of a station, an embedding or an adder, feeds the next one; all residuals are alike.
pub(super) fn hand_over(n: &Netlist) -> Result<(), Error> {
    let last = last_units(n);
    let Some(&Some(embedding)) = last.first() else { return Ok(()) };
    let residual = n.unit(embedding);
    for (id, u) in n.units() {
        for from in n.inputs(id) {
            let producer = n.unit(from);
            let crosses = producer.station != u.station;
            if crosses && (producer.station != n.before(u.station) || last[producer.station as usize] != Some(from)) {
                return wrong(&u.path, "inputs", &producer.path, "a unit of its station, or the residual of the one before");
            }
        }
    }
    for &id in last[..last.len() - 1].iter().flatten() {
        let u = n.unit(id);
        if !matches!(u.kind, UnitKind::Embed(_) | UnitKind::Add) {
            return wrong(&u.path, "kind", u.kind.name(), "an add: it hands the residual to the next station");
        }
        equal(&u.path, "out_len", u.out_len, residual.out_len)?;
        same_format(&u.path, "out", u.out, residual.out)?;
    }
    Ok(())
}

/// By station; none of one that is passed.
fn last_units(n: &Netlist) -> Vec<Option<UnitId>> {
    let mut last = vec![None; n.stations.len()];
    for (id, u) in n.units() {
        last[u.station as usize] = Some(id);
    }
    last
}

/// One Argmax, the last unit, over the matrix of the logits; every other stream goes somewhere, row feeds to matrices only.
pub(super) fn ends(n: &Netlist) -> Result<(), Error> {
    let count = n.graph.node_count();
    for (id, u) in n.units() {
        let is_last = id.index() + 1 == count;
        if matches!(u.kind, UnitKind::Argmax) != is_last {
            return wrong(&u.path, "kind", u.kind.name(), "one argmax, the last unit");
        }
        let consumers = n.consumers(id);
        if consumers.is_empty() != is_last {
            return wrong(&u.path, "output", format!("{} consumers", consumers.len()), "at least one, and none after the argmax");
        }
        let feeds = matches!(u.kind, UnitKind::RowFeed(_));
        for (c, _) in consumers {
            let to: &Unit = n.unit(c);
            if feeds != matches!(to.kind, UnitKind::Mvm(_)) {
                return wrong(&to.path, "inputs", format!("{} ({})", u.path, u.kind.name()), "row feeds into matrices, and nothing else");
            }
            if is_argmax(to) && !matches!(u.kind, UnitKind::Mvm(_)) {
                return wrong(&to.path, "inputs", format!("{} ({})", u.path, u.kind.name()), "the matrix that gives the logits");
            }
        }
    }
    Ok(())
}

fn is_argmax(u: &Unit) -> bool {
    matches!(u.kind, UnitKind::Argmax)
}
