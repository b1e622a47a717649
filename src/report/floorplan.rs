//! The floorplan as SVG: stations as outlines, blocks coloured by what they are, their names on hover.

use super::format::{escape, number};
use hardwire_netlist::Structure;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_study::chip::block_kind;
use std::fmt::Write;

const SIDE: f64 = 720.0;

/// A letter of a station's name is so wide, and on a phone, where the plan is half as large, so much of it.
const LETTER: f64 = 7.0;
const LETTER_ON_A_PHONE: f64 = 12.0;
/// Kinds of blocks in a line of the legend, room enough for a phone's letters; a line's height.
const KINDS_A_LINE: usize = 3;
const LEGEND_LINE: f64 = 26.0;

/// [`svg`] as a file of its own, with the page's colours in it and one size of letters, since it scales as a whole.
pub fn file(chip: &Structure) -> String {
    let style =
        concat!("<style><![CDATA[", include_str!("../../templates/report.css"), "svg.plan text { font-size:14px; }]]></style><title>");
    svg(chip).replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1).replacen("<title>", style, 1)
}

pub fn svg(chip: &Structure) -> String {
    let plan = &chip.floorplan;
    let scale = SIDE / plan.die.width_nm().max(plan.die.height_nm()) as f64;
    let height = plan.die.height_nm() as f64 * scale;
    let present: Vec<BlockKind> = BlockKind::all().filter(|kind| plan.blocks.iter().any(|block| block.kind == *kind)).collect();
    let legend = present.len().div_ceil(KINDS_A_LINE) as f64 * LEGEND_LINE;
    let mut svg = format!(
        "<svg class=\"plan\" viewBox=\"0 0 {SIDE} {:.0}\" role=\"img\" aria-label=\"Floorplan\"><title>Floorplan</title>",
        height + 8.0 + legend
    );
    let rect = |r: &hardwire_netlist::Rect| {
        format!(
            "x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\"",
            r.x0_nm as f64 * scale,
            height - r.y1_nm as f64 * scale,
            r.width_nm() as f64 * scale,
            r.height_nm() as f64 * scale
        )
    };
    let _ = write!(svg, "<rect class=\"die\" {}/>", rect(&plan.die));
    for b in &plan.blocks {
        let _ = write!(
            svg,
            "<rect class=\"block {}\" {}><title>{} ({}), {} mm²</title></rect>",
            class(b.kind),
            rect(&b.rect),
            escape(&b.path),
            escape(&b.part),
            number(b.rect.area_um2() * 1e-6)
        );
    }
    for r in &plan.regions {
        let _ = write!(svg, "<rect class=\"region\" {}><title>{}</title></rect>", rect(&r.rect), escape(&r.path));
        // A name where there is room for it.
        let (w, h) = (r.rect.width_nm() as f64 * scale, r.rect.height_nm() as f64 * scale);
        let fits = |letter: f64| w > letter * r.path.len() as f64 + 8.0 && h > 3.0 * letter + 5.0;
        if fits(LETTER) {
            let _ = write!(
                svg,
                "<text class=\"on-block{}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                if fits(LETTER_ON_A_PHONE) { "" } else { " narrow" },
                r.rect.x0_nm as f64 * scale + 5.0,
                height - r.rect.y1_nm as f64 * scale + 14.0,
                escape(&r.path)
            );
        }
    }
    for (i, kind) in present.into_iter().enumerate() {
        let x = 4.0 + (i % KINDS_A_LINE) as f64 * SIDE / KINDS_A_LINE as f64;
        let y = height + 10.0 + (i / KINDS_A_LINE) as f64 * LEGEND_LINE;
        let _ = write!(
            svg,
            "<rect class=\"block {}\" x=\"{x}\" y=\"{y:.1}\" width=\"14\" height=\"14\"/><text class=\"tick\" x=\"{}\" y=\"{:.1}\">{}</text>",
            class(kind),
            x + 20.0,
            y + 12.0,
            block_kind(kind)
        );
    }
    svg + "</svg>"
}

fn class(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Matrix(fabric) => ["fabric-0", "fabric-1", "fabric-2"][fabric as usize % 3],
        BlockKind::EmbeddingRom => "embedding",
        BlockKind::KvCache => "cache",
        BlockKind::Vector => "vector",
        BlockKind::Io => "io",
    }
}
