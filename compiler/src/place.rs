//! Stage 4: units become rectangles. The die is cut in two again and again, each cut sharing the area of what lies on either side:
//! stations keep their order, so a token's way through the chip is short, and nothing can overlap.

use hardwire_netlist::census;
use hardwire_netlist::floorplan::{Block, BlockKind, Floorplan, Rect, Region};
use hardwire_netlist::{Census, Netlist, Technology, UnitId, UnitKind};

/// Share of a station's area left free for wiring between its blocks, and of the die between stations. A planning figure: block-level
/// channels of placed chips take a few per cent.
const CHANNEL: f64 = 0.03;
/// Pads and their drivers along each edge, nm. Wire-bond and bump pads pitch at 50 to 150 µm; small chips get a ring in proportion.
const IO_RING_NM: i64 = 100_000;

struct Item {
    path: String,
    part: &'static str,
    kind: BlockKind,
    area_um2: f64,
    array: Option<(u32, u32)>,
}

/// Places every built unit of `netlist` at the areas `technology` gives its census.
pub fn place(netlist: &Netlist, technology: &Technology) -> Floorplan {
    place_counted(netlist, technology, &|id| census::unit(netlist, id))
}

/// As [`place`], with the counts of each unit as `counted` says.
pub(crate) fn place_counted(netlist: &Netlist, technology: &Technology, counted: &dyn Fn(UnitId) -> Census) -> Floorplan {
    let built = netlist.built_stations();
    let stations: Vec<Vec<Item>> = built.iter().map(|&s| items(netlist, technology, s, counted)).collect();
    let areas: Vec<f64> = stations.iter().map(|items| items.iter().map(|i| i.area_um2).sum::<f64>() / (1.0 - CHANNEL)).collect();
    let core_um2 = areas.iter().sum::<f64>() / (1.0 - CHANNEL);
    let side_nm = libm::ceil(libm::sqrt(core_um2) * 1e3) as i64;
    let ring = IO_RING_NM.min(side_nm / 20).max(1);
    let die = Rect::new(0, 0, side_nm + 2 * ring, side_nm + 2 * ring);
    let core = Rect::new(ring, ring, ring + side_nm, ring + side_nm);
    let mut blocks = ring_blocks(&die, &core);
    let mut regions = Vec::new();
    for (s, rect) in cut(&areas, core).into_iter().enumerate() {
        let rect = shrink(rect, CHANNEL);
        regions.push(Region { path: netlist.stations[built[s] as usize].path.clone(), rect });
        let areas: Vec<f64> = stations[s].iter().map(|i| i.area_um2).collect();
        for (item, rect) in stations[s].iter().zip(cut(&areas, rect)) {
            blocks.push(Block {
                path: item.path.clone(),
                part: item.part.into(),
                kind: item.kind,
                rect: shrink(rect, CHANNEL),
                array: item.array,
            });
        }
    }
    Floorplan { die, regions, blocks }
}

fn items(netlist: &Netlist, technology: &Technology, station: u32, counted: &dyn Fn(UnitId) -> Census) -> Vec<Item> {
    let mut items = Vec::new();
    let layers = u64::from(netlist.rounds(station));
    for id in netlist.station_units(station) {
        let unit = netlist.unit(id);
        let area_um2 = technology.area_um2(&counted(id));
        let mut push = |part, kind, area_um2: f64, array| {
            items.push(Item { path: unit.path.clone(), part, kind, area_um2: area_um2.max(1e-3), array });
        };
        match &unit.kind {
            UnitKind::Embed(_) => push("rom", BlockKind::EmbeddingRom, area_um2, None),
            UnitKind::Mvm(m) => push(m.fabric.name(), BlockKind::Matrix(m.fabric), area_um2, m.array()),
            UnitKind::Attention(a) => {
                let cache = technology.area_um2(&Census { sram_bits: a.kv_cache_bits() * layers, ..Census::default() });
                push("kv_cache", BlockKind::KvCache, cache, None);
                push("vector", BlockKind::Vector, area_um2 - cache, None);
            }
            _ => push("vector", BlockKind::Vector, area_um2, None),
        }
    }
    items
}

fn ring_blocks(die: &Rect, core: &Rect) -> Vec<Block> {
    let sides = [
        ("south", Rect::new(die.x0_nm, die.y0_nm, die.x1_nm, core.y0_nm)),
        ("north", Rect::new(die.x0_nm, core.y1_nm, die.x1_nm, die.y1_nm)),
        ("west", Rect::new(die.x0_nm, core.y0_nm, core.x0_nm, core.y1_nm)),
        ("east", Rect::new(core.x1_nm, core.y0_nm, die.x1_nm, core.y1_nm)),
    ];
    sides.map(|(part, rect)| Block { path: "io".into(), part: part.into(), kind: BlockKind::Io, rect, array: None }).to_vec()
}

/// Rectangles for `areas` in order, filling `rect`.
fn cut(areas: &[f64], rect: Rect) -> Vec<Rect> {
    let mut out = Vec::with_capacity(areas.len());
    cut_into(areas, rect, &mut out);
    out
}

fn cut_into(areas: &[f64], rect: Rect, out: &mut Vec<Rect>) {
    if areas.len() <= 1 {
        out.extend(areas.iter().map(|_| rect));
        return;
    }
    let total: f64 = areas.iter().sum();
    let (mut split, mut first) = (1, areas[0]);
    while split + 1 < areas.len() && first + areas[split] / 2.0 < total / 2.0 {
        first += areas[split];
        split += 1;
    }
    let share = first / total;
    let (a, b) = if rect.width_nm() >= rect.height_nm() {
        let x = rect.x0_nm + libm::round(rect.width_nm() as f64 * share) as i64;
        (Rect { x1_nm: x, ..rect }, Rect { x0_nm: x, ..rect })
    } else {
        let y = rect.y0_nm + libm::round(rect.height_nm() as f64 * share) as i64;
        (Rect { y1_nm: y, ..rect }, Rect { y0_nm: y, ..rect })
    };
    cut_into(&areas[..split], a, out);
    cut_into(&areas[split..], b, out);
}

/// Takes `share` of the area away around the edge, evenly on all sides.
fn shrink(r: Rect, share: f64) -> Rect {
    let (w, h) = (r.width_nm() as f64, r.height_nm() as f64);
    // (w - 2m)(h - 2m) = (1 - share) w h
    let m = ((w + h) - libm::sqrt((w + h) * (w + h) - 4.0 * share * w * h)) / 4.0;
    let m = libm::floor(m) as i64;
    Rect::new(r.x0_nm + m, r.y0_nm + m, r.x1_nm - m, r.y1_nm - m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_share_area_keep_order_and_never_overlap() {
        let areas: Vec<f64> = (0..57).map(|i| 1.0 + f64::from(i * i % 23)).collect();
        let total: f64 = areas.iter().sum();
        let rect = Rect::new(10, 20, 1_000_010, 900_020);
        let cuts = cut(&areas, rect);
        assert_eq!(cuts.len(), areas.len());
        for (a, r) in areas.iter().zip(&cuts) {
            assert!((r.area_um2() / rect.area_um2() / (a / total) - 1.0).abs() < 1e-3);
        }
        let blocks =
            cuts.iter().map(|&rect| Block { path: String::new(), part: String::new(), kind: BlockKind::Vector, rect, array: None });
        assert_eq!(Floorplan { die: rect, regions: vec![], blocks: blocks.collect() }.conflict(), None);
    }
}
