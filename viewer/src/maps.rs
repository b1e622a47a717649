//! Colour maps for numbers: they keep their order for colour-blind eyes and in grey.

use egui::Color32;

/// Perceptually even maps that keep their order for colour-blind eyes (viridis and magma of matplotlib, cividis of Nuñez et al. 2018).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    Viridis,
    Cividis,
    Magma,
}

impl Map {
    pub const ALL: [(Map, &'static str); 3] = [(Map::Viridis, "viridis"), (Map::Cividis, "cividis"), (Map::Magma, "magma")];

    /// Nine evenly spaced stops of the published tables, straight lines between them.
    pub fn colour(self, t: f64) -> Color32 {
        let stops: [u32; 9] = match self {
            Map::Viridis => [0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725],
            Map::Cividis => [0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369, 0xfee838],
            Map::Magma => [0x000004, 0x1c1044, 0x4f127b, 0x812581, 0xb5367a, 0xe55064, 0xfb8761, 0xfec287, 0xfcfdbf],
        };
        let at = t.clamp(0.0, 1.0) * 8.0;
        let (i, f) = ((at as usize).min(7), at - (at as usize).min(7) as f64);
        let part = |shift: u32| {
            let (a, b) = (f64::from(stops[i] >> shift & 255), f64::from(stops[i + 1] >> shift & 255));
            (a + (b - a) * f).round() as u8
        };
        Color32::from_rgb(part(16), part(8), part(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_grow_lighter_all_the_way() {
        let light = |c: Color32| 0.2126 * f64::from(c.r()) + 0.7152 * f64::from(c.g()) + 0.0722 * f64::from(c.b());
        for (map, name) in Map::ALL {
            let steps: Vec<f64> = (0..=64).map(|i| light(map.colour(f64::from(i) / 64.0))).collect();
            assert!(steps.windows(2).all(|w| w[1] >= w[0]), "{name}: {steps:?}");
        }
    }
}
