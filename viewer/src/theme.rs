//! Colours. Kinds of block use the Okabe-Ito palette, weights and heat use maps that stay ordered for colour-blind eyes.

use egui::Color32;
use hardwire_netlist::floorplan::BlockKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Theme {
    pub dark: bool,
}

/// `a` at 0, `b` at 1.
pub fn mix(a: Color32, b: Color32, t: f32) -> Color32 {
    let m = |x: u8, y: u8| (f32::from(x) + (f32::from(y) - f32::from(x)) * t.clamp(0.0, 1.0)).round() as u8;
    Color32::from_rgb(m(a.r(), b.r()), m(a.g(), b.g()), m(a.b(), b.b()))
}

/// Colours of weights by fabric, of the palette of Okabe and Ito (2008).
const FABRICS: [Color32; 3] = [Color32::from_rgb(0, 114, 178), Color32::from_rgb(204, 121, 167), Color32::from_rgb(213, 94, 0)];

impl Theme {
    pub fn background(self) -> Color32 {
        if self.dark { Color32::from_rgb(10, 12, 16) } else { Color32::from_rgb(226, 229, 233) }
    }

    pub fn die(self) -> Color32 {
        if self.dark { Color32::from_rgb(24, 27, 33) } else { Color32::from_rgb(250, 250, 248) }
    }

    pub fn station(self) -> Color32 {
        if self.dark { Color32::from_rgb(36, 41, 50) } else { Color32::from_rgb(236, 238, 241) }
    }

    pub fn text(self) -> Color32 {
        if self.dark { Color32::from_rgb(240, 242, 245) } else { Color32::from_rgb(20, 24, 30) }
    }

    pub fn line(self) -> Color32 {
        if self.dark { Color32::from_rgb(84, 92, 106) } else { Color32::from_rgb(150, 156, 166) }
    }

    pub fn accent(self) -> Color32 {
        if self.dark { Color32::from_rgb(240, 228, 66) } else { Color32::from_rgb(190, 60, 0) }
    }

    /// Colour of a kind, as in the legend.
    pub fn kind(self, kind: BlockKind) -> Color32 {
        let full = match kind {
            BlockKind::Matrix(fabric) => FABRICS[fabric as usize % FABRICS.len()],
            BlockKind::EmbeddingRom => Color32::from_rgb(86, 180, 233),
            BlockKind::KvCache => Color32::from_rgb(0, 158, 115),
            BlockKind::Vector => Color32::from_rgb(230, 159, 0),
            BlockKind::Io => Color32::from_rgb(140, 144, 150),
        };
        // What holds no weights stands back.
        let back = match kind {
            BlockKind::Matrix(_) | BlockKind::EmbeddingRom => 0.25,
            BlockKind::KvCache | BlockKind::Vector => 0.48,
            BlockKind::Io => 0.66,
        };
        if self.dark { mix(full, Color32::from_rgb(14, 17, 23), back) } else { mix(full, Color32::WHITE, back) }
    }

    /// A block of weights at a distance: darker to brighter with the mean magnitude, `0..=1`.
    pub fn magnitude(self, kind: BlockKind, t: f32) -> Color32 {
        let base = self.kind(kind);
        let (low, high) = if self.dark {
            (mix(base, Color32::BLACK, 0.72), mix(base, Color32::WHITE, 0.55))
        } else {
            (mix(base, Color32::WHITE, 0.75), mix(base, Color32::BLACK, 0.35))
        };
        mix(low, high, t)
    }

    /// Adders, selectors and accumulators of a tile.
    pub fn logic(self, kind: BlockKind) -> Color32 {
        mix(self.kind(kind), if self.dark { Color32::BLACK } else { Color32::WHITE }, 0.3)
    }

    /// A weight, `-1..=1`: blue below nought, orange above it.
    pub fn weight(self, t: f32) -> Color32 {
        let (zero, low, high) = if self.dark {
            (Color32::from_rgb(30, 32, 36), Color32::from_rgb(70, 160, 255), Color32::from_rgb(255, 160, 50))
        } else {
            (Color32::from_rgb(247, 247, 245), Color32::from_rgb(8, 80, 165), Color32::from_rgb(196, 78, 0))
        };
        let t = t.clamp(-1.0, 1.0);
        let a = t.abs().powf(0.75);
        if t < 0.0 { mix(zero, low, a) } else { mix(zero, high, a) }
    }

    /// A code that is not the same on the other chip, in its layer's colour, or one that is.
    pub fn change(self, layer: Option<Color32>) -> Color32 {
        layer.unwrap_or(if self.dark { Color32::from_rgb(40, 45, 54) } else { Color32::from_rgb(222, 227, 233) })
    }

    /// A row or column of the ROM that holds no weight.
    pub fn unused(self) -> Color32 {
        if self.dark { Color32::from_rgb(17, 18, 21) } else { Color32::from_rgb(214, 216, 220) }
    }

    /// Colour of a user's tokens (Okabe-Ito, those that no kind of block has).
    pub fn lane(self, lane: usize) -> Color32 {
        const LANES: [Color32; 4] = [
            Color32::from_rgb(240, 228, 66),
            Color32::from_rgb(204, 121, 167),
            Color32::from_rgb(213, 94, 0),
            Color32::from_rgb(200, 230, 255),
        ];
        let full = LANES[lane % LANES.len()];
        if self.dark { full } else { mix(full, Color32::BLACK, 0.3) }
    }

    /// Black or white, whichever is read better on `back`.
    pub fn on(back: Color32) -> Color32 {
        let light = 0.299 * f32::from(back.r()) + 0.587 * f32::from(back.g()) + 0.114 * f32::from(back.b());
        if light > 140.0 { Color32::from_rgb(12, 14, 18) } else { Color32::from_rgb(248, 249, 250) }
    }
}

pub fn kind_name(kind: BlockKind) -> String {
    match kind {
        BlockKind::Matrix(fabric) => format!("weights: {}", fabric.title()),
        BlockKind::EmbeddingRom => "weights: embedding ROM".into(),
        BlockKind::KvCache => "KV cache SRAM".into(),
        BlockKind::Vector => "vector units".into(),
        BlockKind::Io => "I/O ring".into(),
    }
}
