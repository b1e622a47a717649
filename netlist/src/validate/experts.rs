//! Routers: one a station, whose choice decides which experts' units work.

use crate::check::{equal, within, wrong};
use crate::error::Error;
use crate::graph::{Netlist, UnitId};
use crate::unit::route::RouteSpec;
use crate::unit::{Unit, UnitKind};

/// At most one Route a station; an expert's units, the feeds that wait and the Mix belong to it.
pub(super) fn choices(n: &Netlist) -> Result<(), Error> {
    let mut routes: Vec<Option<(UnitId, &RouteSpec)>> = vec![None; n.stations.len()];
    for (id, u) in n.units() {
        let known = &mut routes[u.station as usize];
        if let UnitKind::Route(s) = &u.kind {
            if known.is_some() {
                return wrong(&u.path, "kind", "a second route", "one route a station");
            }
            *known = Some((id, s));
        }
        member(n, id, *known)?;
    }
    Ok(())
}

fn member(n: &Netlist, id: UnitId, route: Option<(UnitId, &RouteSpec)>) -> Result<(), Error> {
    let (u, from) = (n.unit(id), n.inputs(id));
    let waits = |f: &Unit| matches!(&f.kind, UnitKind::RowFeed(s) if s.waits);
    match (&u.kind, route) {
        (UnitKind::Mix(s), Some((r, spec))) => {
            equal(&u.path, "experts", s.experts, spec.experts)?;
            equal(&u.path, "active", s.active, spec.active)?;
            if from[0] != r || u.expert.is_some() {
                return wrong(&u.path, "inputs", &n.unit(from[0]).path, "the route of its station on port 0");
            }
            for (e, &p) in (0u32..s.experts).zip(&from[1..]) {
                if n.unit(p).expert != Some(e) {
                    return wrong(&u.path, "inputs", &n.unit(p).path, format!("a unit of expert {e} on port {}", e + 1));
                }
            }
            return Ok(());
        }
        (UnitKind::Mix(_), None) => return wrong(&u.path, "inputs", "no route in its station", "one before it"),
        (UnitKind::RowFeed(s), _) if s.waits && (u.expert.is_some() || route.map(|r| r.0) != Some(from[1])) => {
            return wrong(&u.path, "inputs", &n.unit(from[1]).path, "the route of its station on port 1, for all its experts");
        }
        _ => {}
    }
    let Some(e) = u.expert else {
        // What only the chosen give reaches nothing but the mix.
        let stray = from.iter().find(|&&p| n.unit(p).expert.is_some() || waits(n.unit(p)));
        return match stray {
            Some(&p) => wrong(&u.path, "expert", "none", format!("an expert, as {} feeds it", n.unit(p).path)),
            None => Ok(()),
        };
    };
    match route {
        Some((_, s)) => within(&u.path, "expert", e, 0..=s.experts - 1)?,
        None => return wrong(&u.path, "expert", e, "none: its station has no route before it"),
    }
    if !matches!(u.kind, UnitKind::Mvm(_) | UnitKind::GatedAct(_) | UnitKind::RmsNorm(_) | UnitKind::RowFeed(_)) {
        return wrong(&u.path, "expert", e, format!("none: a {} works on every token", u.kind.name()));
    }
    match from.iter().find(|&&p| n.unit(p).expert != Some(e) && !waits(n.unit(p))) {
        Some(&p) => wrong(&u.path, "inputs", &n.unit(p).path, format!("a unit of expert {e}, or a row feed that waits")),
        None => Ok(()),
    }
}
