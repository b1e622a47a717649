//! Stations that share silicon are alike in all but their programs.

use crate::check::{named, wrong};
use crate::error::Error;
use crate::graph::{Netlist, UnitId};
use crate::unit::{Unit, UnitKind};
use serde_json::Value;

pub(super) fn alike(n: &Netlist) -> Result<(), Error> {
    let Some(ring) = n.ring else { return Ok(()) };
    let stations = n.decoder_stations();
    // A ring of all stations is no ring, and is written as none.
    if !(1..stations).contains(&ring) {
        return Err(named("netlist", "ring", ring, format!("1 to {}, fewer than the {stations} stations it works", stations.max(2) - 1)));
    }
    let path = |s: u32| &n.stations[s as usize].path;
    for station in 1..=stations {
        let built = n.built_station(station);
        if n.passes(built) {
            return Err(named(path(station), "units", "none in any round", "a station that some layer works in"));
        }
        if station == built || n.passes(station) {
            continue;
        }
        let (first, mine) = (n.station_units(built), n.station_units(station));
        if first.len() != mine.len() {
            let what = format!("{} units", mine.len());
            return Err(named(path(station), "ring", what, format!("{}, as {} has in the same silicon", first.len(), path(built))));
        }
        for (&a, &b) in first.iter().zip(&mine) {
            pair(n, a, b)?;
        }
    }
    Ok(())
}

fn pair(n: &Netlist, a: UnitId, b: UnitId) -> Result<(), Error> {
    let (first, u) = (n.unit(a), n.unit(b));
    if let UnitKind::Mvm(m) = &u.kind
        && m.fabric.wired()
    {
        let expected = "tiles or group columns where layers share silicon: a wire holds one weight";
        return wrong(&u.path, "fabric", m.fabric.name(), expected);
    }
    if let Some((field, x, y)) = difference(first, u) {
        return wrong(&u.path, &field, y, format!("{x}, as {} has in the same silicon", first.path));
    }
    // A layer turns its heads by one of several tables, as many elements of them as the others do, or none.
    if let UnitKind::Rope(s) = &u.kind
        && s.rotated > 0
        && let Some(turned) = n.rotated(a)
        && turned != s.rotated
    {
        return wrong(&u.path, "rotated", s.rotated, format!("0 or {turned}, as {} has in the same silicon", first.path));
    }
    // Streams come from the same places: of the station, or of the one before.
    let place = |id: UnitId, from: UnitId| (n.unit(id).station == n.unit(from).station).then(|| id.index() - from.index());
    let places = |id: UnitId| n.inputs(id).into_iter().map(|from| place(id, from)).collect::<Vec<_>>();
    if places(a) != places(b) {
        return wrong(&u.path, "inputs", "other places", format!("those of {}, which has the same silicon", first.path));
    }
    Ok(())
}

/// The first field in which the silicon of two units differs, and what it is in each.
pub(crate) fn difference(a: &Unit, b: &Unit) -> Option<(String, String, String)> {
    let (a, b) = (a.shared_hardware(), b.shared_hardware());
    if a == b {
        return None;
    }
    let json = |u: &Unit| serde_json::to_value(u).unwrap_or_default();
    Some(fields(&json(&a), &json(&b), String::new()).unwrap_or(("kind".into(), "this unit".into(), "another".into())))
}

fn fields(a: &Value, b: &Value, at: String) -> Option<(String, String, String)> {
    if a == b {
        return None;
    }
    let under = |name: &str| if at.is_empty() { name.to_string() } else { format!("{at}.{name}") };
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let names = x.keys().chain(y.keys().filter(|k| !x.contains_key(*k)));
            names.into_iter().find_map(|k| fields(x.get(k).unwrap_or(&Value::Null), y.get(k).unwrap_or(&Value::Null), under(k)))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find_map(|(i, (x, y))| fields(x, y, under(&i.to_string())))
        }
        (Value::Array(x), Value::Array(y)) => Some((at, format!("{} values", x.len()), format!("{} values", y.len()))),
        _ => Some((at, a.to_string(), b.to_string())),
    }
}
