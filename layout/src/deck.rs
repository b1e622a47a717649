//! A process's rules as a KLayout DRC script. Generated, so that the rules that geometry is made by are those it is checked by.

use crate::process::{Enclosure, Layer, Process};
use std::fmt::Write;

/// The script. Run it as `klayout -b -r deck.drc -rd input=chip.gds -rd report=report.lyrdb`; every violation is an item of the report.
pub fn deck(p: &Process) -> String {
    let mut out = format!("# Rules of {} as Hardwire draws by them: {}\n", p.name, p.source.replace('\n', " "));
    out.push_str("source($input, *[$top].compact)\nreport(\"rules\", $report)\ndeep\n");
    let um = |nm: i64| format!("{:.4}", nm as f64 / 1000.0);
    let um2 = |nm2: i64| format!("{:.8}", nm2 as f64 / 1e6);
    for (layer, rule) in p.layers() {
        let _ = writeln!(out, "{} = input({}, {})", name(layer), rule.gds.0, rule.gds.1);
    }
    let mut rule = |what: &str, title: String, check: String| {
        let _ = writeln!(out, "{check}.output(\"{what}\", \"{title}\")");
    };
    for (layer, r) in p.layers().filter(|(l, _)| *l != Layer::Boundary) {
        let (n, title) = (name(layer), &r.name);
        if layer.is_cut() {
            let side = r.width;
            rule(
                &format!("{n}.size"),
                format!("{title} is a square of {side} nm"),
                format!("{n}.merged.drc((bbox_min != {w}) | (bbox_max != {w}))", w = um(side)),
            );
        } else {
            rule(&format!("{n}.width"), format!("{title} is {} nm wide", r.width), format!("{n}.width({}, euclidian)", um(r.width)));
        }
        rule(&format!("{n}.space"), format!("{title} is {} nm apart", r.space), format!("{n}.space({}, euclidian)", um(r.space)));
        if r.area > 0 {
            rule(&format!("{n}.area"), format!("{title} has {} nm2", r.area), format!("{n}.merged.with_area(nil, {})", um2(r.area)));
        }
        rule(&format!("{n}.grid"), format!("{title} on a grid of {} nm", p.grid_nm), format!("{n}.ongrid({})", um(p.grid_nm)));
    }
    let _ = writeln!(
        out,
        "active = diff.or(tap)\ngate = diff.and(poly)\nends = diff.not(poly)\nndiff = diff.and(nplus)\npdiff = diff.and(pplus)"
    );
    let _ = writeln!(out, "on_poly = contact.not(active)\non_active = contact.and(active)");
    let mut rule = |what: &str, title: &str, check: String| {
        let _ = writeln!(out, "{check}.output(\"{what}\", \"{title}\")");
    };
    for e in p.enclosures() {
        enclosure(e, &um, &mut rule);
    }
    let d = &p.device;
    rule("implant.none", "diffusion has one implant", "diff.not(nplus.or(pplus))".into());
    rule("implant.both", "diffusion has one implant", "active.and(nplus).and(pplus)".into());
    rule("pdiff.well", "p-diffusion is in a well", "pdiff.not(nwell)".into());
    rule("ndiff.well", "n-diffusion is far from a well", format!("ndiff.separation(nwell, {}, euclidian)", um(d.nwell_to_ndiff_nm)));
    rule("ndiff.in", "n-diffusion is outside wells", "ndiff.and(nwell)".into());
    rule("active.space", "diffusion and taps apart", format!("active.space({}, euclidian)", um(p.rule(Layer::Diff).space)));
    rule("gate.end", "a gate reaches past its diffusion", format!("poly.enclosing(diff, {}, projection)", um(d.end_cap_nm)));
    rule(
        "poly.diff",
        "poly is apart from diffusion that is not its own",
        format!("poly.separation(diff, {}, projection)", um(d.poly_to_diff_nm)),
    );
    rule("poly.tap", "poly is apart from taps", format!("poly.separation(tap, {}, euclidian)", um(d.poly_to_diff_nm)));
    rule("contact.gate", "a contact is apart from a gate", format!("on_active.separation(poly, {}, euclidian)", um(d.contact_to_gate_nm)));
    rule("contact.both", "a contact is on poly or on diffusion", "contact.and(poly).and(active)".into());
    rule("contact.none", "a contact is on poly or on diffusion", "contact.not(poly.or(active))".into());
    rule(
        "contact.diff",
        "a contact on poly is apart from diffusion",
        format!("on_poly.separation(active, {}, euclidian)", um(d.poly_contact_to_diff_nm)),
    );
    rule(
        "contact.pplus",
        "a contact on poly is apart from the p-implant",
        format!("on_poly.separation(pplus, {}, euclidian)", um(d.poly_contact_to_pplus_nm)),
    );
    if p.find(Layer::Npc).is_some() {
        rule(
            "contact.npc",
            "a contact on diffusion is apart from the opening on poly",
            format!("on_active.separation(npc, {}, euclidian)", um(d.diff_contact_to_npc_nm)),
        );
    }
    out
}

fn name(layer: Layer) -> &'static str {
    match layer {
        Layer::Nwell => "nwell",
        Layer::Diff => "diff",
        Layer::Tap => "tap",
        Layer::Poly => "poly",
        Layer::Nplus => "nplus",
        Layer::Pplus => "pplus",
        Layer::Npc => "npc",
        Layer::Contact => "contact",
        Layer::Local => "local",
        Layer::Cut1 => "cut1",
        Layer::Metal1 => "metal1",
        Layer::Cut2 => "cut2",
        Layer::Metal2 => "metal2",
        Layer::Boundary => "boundary",
    }
}

/// By cutting out what is well surrounded: what is left is not.
fn enclosure(e: &Enclosure, um: &dyn Fn(i64) -> String, rule: &mut dyn FnMut(&str, &str, String)) {
    let (all, two) = (um(e.all), um(e.two));
    let title = format!("{} surrounds {} by {} nm, by {} nm on two sides", name(e.outer), name(e.inner), e.all, e.two);
    let (outer, inner) = match (e.outer, e.inner) {
        (Layer::Diff, _) => ("active", "on_active"),
        (Layer::Poly | Layer::Npc, _) => (name(e.outer), "on_poly"),
        (Layer::Nplus, _) => ("nplus.or(pplus)", "active"),
        (Layer::Nwell, _) => ("nwell", "pdiff"),
        _ => (name(e.outer), name(e.inner)),
    };
    let what = format!("{}.{}", name(e.outer), name(e.inner));
    rule(&format!("{what}.out"), &title, format!("{inner}.not({outer})"));
    if e.all > 0 {
        rule(&format!("{what}.all"), &title, format!("{outer}.enclosing({inner}, {all}, euclidian)"));
    }
    if e.two > e.all {
        let (wide, high) = (format!("{inner}.merged.sized({two}, {all})"), format!("{inner}.merged.sized({all}, {two})"));
        rule(&format!("{what}.two"), &title, format!("{inner}.merged.not_interacting({wide}.inside({outer}).or({high}.inside({outer})))"));
    }
}
