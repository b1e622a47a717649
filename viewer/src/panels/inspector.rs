//! Everything known of the selected thing.

use crate::camera::length;
use crate::command::Command;
use crate::heat::number;
use crate::heat_tiles::used_share;
use crate::item::Item;
use crate::panels::status::count;
use crate::theme::{Theme, kind_name};
use crate::view::View;
use egui::{Grid, RichText, ScrollArea, Ui};
use hardwire_netlist::floorplan::BlockKind;
use hardwire_netlist::{Census, activity, silicon};
use hardwire_sim::{energy, timing};
use hardwire_study::efficiency::Efficiencies;

pub fn show(ui: &mut Ui, view: &mut View, theme: Theme, commands: &mut Vec<Command>) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let item = view.selection.unwrap_or(Item::Die);
        ui.add_space(4.0);
        ui.label(RichText::new(item.kind()).small().weak());
        let path = item.path(&view.die);
        ui.label(RichText::new(&path).strong().monospace());
        ui.horizontal(|ui| {
            if ui.small_button("Copy path").clicked() {
                commands.push(Command::CopyPath);
            }
            if item.block().is_some() && ui.small_button("Verilog").on_hover_text("The unit's Verilog module (V)").clicked() {
                commands.push(Command::ShowVerilog);
            }
        });
        ui.separator();
        if let Some(r) = item.rect(&view.die) {
            rows(
                ui,
                "place",
                &[
                    ("size", format!("{} × {}", length(r.width_nm() as f64), length(r.height_nm() as f64))),
                    ("corner", format!("{}, {}", length(r.x0_nm as f64), length(r.y0_nm as f64))),
                    ("area", area(r.area_um2())),
                ],
            );
        }
        match item {
            Item::Die => die(ui, view, theme),
            Item::Station(s) => {
                let die = &view.die;
                let mut seen = std::collections::HashSet::new();
                let sum: Census = die.blocks.iter().filter(|b| b.station == Some(s) && seen.insert(b.unit)).map(|b| b.census).sum();
                census(ui, view, &sum);
            }
            Item::Block(b) => unit(ui, view, b, theme),
            Item::Tile { block, n_tile, k_tile } => {
                tile(ui, view, block, n_tile, k_tile);
                unit(ui, view, block, theme);
            }
            Item::Weight { block, site } => weight(ui, view, block, site),
        }
    });
}

/// A titled table of names and values.
pub fn rows(ui: &mut Ui, title: &str, rows: &[(&str, String)]) {
    ui.add_space(6.0);
    ui.label(RichText::new(title).strong());
    Grid::new(title).num_columns(2).spacing([12.0, 3.0]).show(ui, |ui| {
        for (name, value) in rows {
            ui.weak(*name);
            ui.add(egui::Label::new(RichText::new(value).monospace()).wrap());
            ui.end_row();
        }
    });
}

pub fn area(um2: f64) -> String {
    if um2 >= 1e4 { format!("{:.4} mm²", um2 / 1e6) } else { format!("{um2:.4} µm²") }
}

fn census(ui: &mut Ui, view: &View, c: &Census) {
    let t = &view.die.chip.structure.technology;
    rows(
        ui,
        "census",
        &[
            ("weights", count(c.weights)),
            ("ROM bits", count(c.rom_bits)),
            ("SRAM bits", count(c.sram_bits)),
            ("flip-flops", count(c.flops)),
            ("full adders", count(c.full_adders)),
            ("prefix adder bits", count(c.adder_bits)),
            ("mux2", count(c.mux2)),
            ("gates", count(c.gates)),
            ("cell area", area(t.area_um2(c))),
            ("leakage", format!("{:.4} W", t.leakage_w(c))),
        ],
    );
}

fn die(ui: &mut Ui, view: &mut View, theme: Theme) {
    let shared = view.die.clone();
    let (chip, m) = (&shared.chip, shared.chip.model());
    rows(
        ui,
        "model",
        &[
            ("name", m.name.clone()),
            ("family", m.architecture.clone()),
            ("weights", count(m.parameters)),
            ("layers", m.layers.to_string()),
            ("hidden", format!("{} (MLP {})", m.hidden, m.ffn)),
            ("heads", format!("{} of {} ({} KV)", m.heads, m.head_dim, m.kv_heads)),
            ("vocabulary", m.vocab.to_string()),
            ("context", format!("{} × {} users", m.context, m.users)),
            ("node", chip.structure.technology.node.clone()),
            ("clock", format!("{} MHz", chip.structure.technology.clock_mhz.value)),
        ],
    );
    census(ui, view, &view.die.total);
    efficiency(ui, shared.efficiency());
    ui.add_space(6.0);
    ui.label(RichText::new("layers").strong());
    for kind in BlockKind::all() {
        ui.horizontal(|ui| {
            let (r, _) = ui.allocate_exact_size(egui::vec2(12.0, 12.0), egui::Sense::hover());
            ui.painter().rect_filled(r, 2.0, theme.kind(kind));
            let mut shown = !view.hidden.contains(&kind);
            if ui.checkbox(&mut shown, kind_name(kind)).changed() {
                view.show_kind(kind, shown);
            }
        });
    }
}

/// As every command tells it.
fn efficiency(ui: &mut Ui, e: &Efficiencies) {
    for (title, of) in [("one user", &e.one_user), ("full queue", &e.full_queue)] {
        let told: Vec<(&str, String)> =
            of.figures().into_iter().map(|(name, f)| (name, format!("{} {}", number(f.value), f.shown_unit()))).collect();
        rows(ui, title, &told);
    }
    let mut shares: Vec<(&str, String)> = e.area_shares.iter().map(|(name, share)| (*name, format!("{:.1} %", share * 100.0))).collect();
    shares.sort_by(|a, b| e.area_shares[b.0].total_cmp(&e.area_shares[a.0]));
    rows(ui, "area", &shares);
}

fn unit(ui: &mut Ui, view: &mut View, b: usize, theme: Theme) {
    let die = &view.die.clone();
    let Some(id) = die.blocks[b].unit else {
        ui.label("Pads and drivers: the chip takes tokens in and gives tokens out here.");
        return;
    };
    let u = die.chip.netlist().unit(id);
    rows(
        ui,
        "unit",
        &[("kind", u.kind.name().into()), ("output", format!("{} × {} bits, {} fractional", u.out_len, u.out.bits, u.out.frac))],
    );
    if let (Some(spec), Some(rom)) = (die.spec(b), die.blocks[b].rom) {
        rows(
            ui,
            "matrix",
            &[
                ("tensor", spec.tensor.clone()),
                ("shape", format!("[{}, {}]", spec.outputs, spec.inputs)),
                ("tiles", format!("{} × {} of {} × {}", rom.down, rom.across, rom.rows, rom.cols)),
                ("codes", format!("{} bits, groups of {}", spec.code_bits, spec.group)),
                ("bits a weight", format!("{:.2}", spec.bits_per_weight())),
            ],
        );
        if let Some(q) = die.quality(b) {
            let error = if q.lossless { "none: every weight kept".into() } else { format!("{:.3e}", q.relative_square_error) };
            rows(ui, "quantization", &[("square error", error)]);
        }
    }
    census(ui, view, &die.blocks[b].census);
    timing(ui, view, id);
    codes(ui, view, b, theme);
}

fn tile(ui: &mut Ui, view: &View, block: usize, n_tile: u32, k_tile: u32) {
    let (Some(rom), Some(spec)) = (view.die.blocks[block].rom, view.die.spec(block)) else { return };
    let mut known = if rom.wired {
        vec![("field", format!("{} outputs by {} inputs, to be looked at", rom.cols, rom.rows))]
    } else {
        vec![
            ("rows", format!("{} word lines from input {}", rom.rows, k_tile * rom.rows)),
            ("columns", format!("{} of {} bits", rom.cols, spec.code_bits)),
            ("cells used", format!("{:.1} %", 100.0 * used_share(&rom, n_tile, k_tile))),
        ]
    };
    if let Some(zeros) = view.heat.zeros.get(&block).and_then(|z| z.get((k_tile * rom.across + n_tile) as usize)) {
        known.push(("zeros", format!("{:.1} %", 100.0 * zeros)));
    }
    rows(ui, "tile", &known);
}

/// Cycles of the first token through the unit's station.
fn timing(ui: &mut Ui, view: &View, id: hardwire_netlist::UnitId) {
    let netlist = view.die.chip.netlist();
    let station = timing::station(netlist, netlist.unit(id).station, 0);
    let Some(t) = station.units.iter().find(|t| t.unit == id) else { return };
    let technology = &view.die.chip.structure.technology;
    let events = activity::unit(netlist, technology, id, 0);
    rows(
        ui,
        "first token",
        &[
            ("works from", format!("cycle {} to {}", t.start_cycle, t.end_cycle)),
            ("station", format!("{} cycles", station.latency_cycles)),
            ("energy", format!("{:.1} nJ (estimated)", energy::cost(technology, &events).total_pj() * 1e-3)),
        ],
    );
}

/// Histogram of the codes of a matrix.
fn codes(ui: &mut Ui, view: &mut View, b: usize, theme: Theme) {
    let die = view.die.clone();
    let Some((spec, _)) = die.matrix(b) else { return };
    ui.add_space(6.0);
    ui.label(RichText::new("codes").strong());
    let Some(found) = view.stats.get(b) else {
        ui.weak("counting…");
        return;
    };
    let (r, _) = ui.allocate_exact_size(egui::vec2(ui.available_width().min(260.0), 80.0), egui::Sense::hover());
    let top = found.counts.iter().copied().max().unwrap_or(1).max(1) as f32;
    let max = spec.max_value().max(1) as f32;
    let wide = r.width() / found.counts.len() as f32;
    // By value, not by code: that is the order that means something.
    let mut order: Vec<usize> = (0..found.counts.len()).collect();
    order.sort_by_key(|&c| spec.codebook[c]);
    for (i, &code) in order.iter().enumerate() {
        let high = r.height() * found.counts[code] as f32 / top;
        let x = r.left() + wide * i as f32;
        let bar = egui::Rect::from_min_max(egui::pos2(x, r.bottom() - high), egui::pos2(x + (wide - 1.0).max(0.5), r.bottom()));
        let t = spec.codebook[code] as f32 / max;
        ui.painter().rect_filled(bar, 0.0, theme.weight(if t == 0.0 { 0.35 } else { t.signum() * t.abs().max(0.35) }));
    }
    let least = order.first().map_or(0, |&c| spec.codebook[c]);
    let most = order.last().map_or(0, |&c| spec.codebook[c]);
    let whole = if found.seen == found.weights { String::new() } else { format!(", of {} sampled", count(found.seen)) };
    ui.weak(format!(
        "values {least} to {most}; {:.1} % are 0; {:.2} bits of entropy{whole}",
        100.0 * found.zero_share(),
        found.entropy_bits()
    ));
    let stats = [
        ("mean", format!("{:+.3e}", found.mean)),
        ("deviation", format!("{:.3e}", found.deviation)),
        ("range", format!("{:+.3e} to {:+.3e}", found.least, found.most)),
    ];
    rows(ui, "weights", &stats);
}

fn weight(ui: &mut Ui, view: &View, b: usize, site: hardwire_netlist::WeightSite) {
    let die = &view.die;
    let Some(silicon) = die.reader(b) else {
        ui.label("Planned from a shape: what stands in this cell is not known.");
        return;
    };
    let Some(w) = silicon.weight(site) else {
        ui.label("This cell holds no weight: the matrix ends before the tile does.");
        return;
    };
    let Some(at) = silicon.address(w.n, w.k) else { return };
    let spec = silicon.matrix;
    rows(
        ui,
        "weight",
        &[
            ("tensor", spec.tensor.clone()),
            ("index", format!("[{}, {}]", w.row, w.k)),
            if silicon.wired() {
                ("wire", format!("counted among those of value {:+}", w.value))
            } else {
                ("vias", silicon::bit_text(w.stored, spec.code_bits))
            },
            ("ROM", at.file),
            ("line", format!("{}, lowest bit {}", at.line, at.bit)),
            ("code", w.code.to_string()),
            ("value", format!("{:+}", w.value)),
            ("scale", format!("{} (group {})", w.scale, w.k / spec.group)),
            ("offset", w.offset.to_string()),
            ("shift", w.shift.to_string()),
            ("weight", format!("{:+.6e}", w.real)),
        ],
    );
    if w.row != w.n {
        ui.weak(format!("Output {} of the unit: the two elements of a rotation stand side by side on the chip.", w.n));
    }
}
