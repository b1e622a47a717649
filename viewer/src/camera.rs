//! Where the eye is: a centre on the die and a scale, both in `f64`. A 30 mm die is 3e7 nm, so `f32` would lose the
//! nanometres. Layout convention: y grows upwards on the die and downwards on the screen.

use egui::{Pos2, Rect as Screen, pos2};
use hardwire_netlist::Rect;

/// Largest scale: a nanometre is this many points, a 20 nm via then fills a third of a screen.
const MAX_SCALE: f64 = 20.0;
const MIN_SCALE: f64 = 1e-7;

/// A rectangle on the die in nanometres that need not lie on the grid: what a viewport sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct World {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
}

impl World {
    pub fn sees(&self, r: &Rect) -> bool {
        (r.x0_nm as f64) < self.x1 && self.x0 < r.x1_nm as f64 && (r.y0_nm as f64) < self.y1 && self.y0 < r.y1_nm as f64
    }
}

impl From<Rect> for World {
    fn from(r: Rect) -> World {
        World { x0: r.x0_nm as f64, y0: r.y0_nm as f64, x1: r.x1_nm as f64, y1: r.y1_nm as f64 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Centre of the viewport on the die, nm.
    pub x_nm: f64,
    pub y_nm: f64,
    /// Points of the screen for a nanometre.
    pub scale: f64,
}

impl Camera {
    /// The camera that shows `rect` whole in `view` with a margin of a twentieth.
    pub fn fit(rect: &Rect, view: Screen) -> Camera {
        let (w, h) = (rect.width_nm().max(1) as f64, rect.height_nm().max(1) as f64);
        let scale = (f64::from(view.width()) / w).min(f64::from(view.height()) / h) * 0.9;
        Camera {
            x_nm: rect.x0_nm as f64 + w / 2.0,
            y_nm: rect.y0_nm as f64 + h / 2.0,
            scale: if scale.is_finite() { scale.clamp(MIN_SCALE, MAX_SCALE) } else { MIN_SCALE },
        }
    }

    /// A camera that can be looked through: numbers, at a scale within the limits.
    pub fn is_sane(self) -> bool {
        let far = 1e12;
        self.x_nm.abs() < far && self.y_nm.abs() < far && (MIN_SCALE..=MAX_SCALE).contains(&self.scale)
    }

    pub fn to_screen(self, view: Screen, x_nm: f64, y_nm: f64) -> (f64, f64) {
        let c = view.center();
        (f64::from(c.x) + (x_nm - self.x_nm) * self.scale, f64::from(c.y) - (y_nm - self.y_nm) * self.scale)
    }

    pub fn to_world(self, view: Screen, p: Pos2) -> (f64, f64) {
        let c = view.center();
        (self.x_nm + f64::from(p.x - c.x) / self.scale, self.y_nm - f64::from(p.y - c.y) / self.scale)
    }

    /// What `view` sees of the die.
    pub fn visible(self, view: Screen) -> World {
        let (x0, y1) = self.to_world(view, view.left_top());
        let (x1, y0) = self.to_world(view, view.right_bottom());
        World { x0, y0, x1, y1 }
    }

    /// Where `world` is on screen, cut to a little more than `view` so that the numbers stay small enough for `f32`.
    /// `None` where nothing of it is in view.
    pub fn rect(self, view: Screen, world: World) -> Option<Screen> {
        let (x0, y0) = self.to_screen(view, world.x0, world.y1);
        let (x1, y1) = self.to_screen(view, world.x1, world.y0);
        let near = view.expand(64.0);
        let (x0, x1) = (x0.max(f64::from(near.left())), x1.min(f64::from(near.right())));
        let (y0, y1) = (y0.max(f64::from(near.top())), y1.min(f64::from(near.bottom())));
        (x0 < x1 && y0 < y1).then(|| Screen::from_min_max(pos2(x0 as f32, y0 as f32), pos2(x1 as f32, y1 as f32)))
    }

    pub fn pan(&mut self, dx: f32, dy: f32) {
        self.x_nm -= f64::from(dx) / self.scale;
        self.y_nm += f64::from(dy) / self.scale;
    }

    /// Scales by `factor` and keeps what lies under `at` where it is.
    pub fn zoom(&mut self, view: Screen, at: Pos2, factor: f64) {
        let (x, y) = self.to_world(view, at);
        self.scale = (self.scale * factor).clamp(MIN_SCALE, MAX_SCALE);
        let (x1, y1) = self.to_world(view, at);
        self.x_nm += x - x1;
        self.y_nm += y - y1;
    }

    /// A step of the way to `to`: straight on the die, geometric in scale, so that a flight over a million to one is even.
    pub fn towards(self, to: Camera, share: f64) -> Camera {
        let scale = self.scale * (to.scale / self.scale).powf(share);
        // The centre moves with the width of the view, not with time, or a long zoom would leave the screen first.
        let (wide, w0, w1) = (1.0 / scale, 1.0 / self.scale, 1.0 / to.scale);
        let moved = if (w1 - w0).abs() > w0 * 1e-9 { (wide - w0) / (w1 - w0) } else { share };
        Camera { x_nm: self.x_nm + (to.x_nm - self.x_nm) * moved, y_nm: self.y_nm + (to.y_nm - self.y_nm) * moved, scale }
    }
}

/// A length with the unit that suits it.
pub fn length(nm: f64) -> String {
    let a = nm.abs();
    if a >= 1e6 {
        format!("{:.3} mm", nm / 1e6)
    } else if a >= 1e3 {
        format!("{:.3} µm", nm / 1e3)
    } else {
        format!("{nm:.1} nm")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flight_keeps_its_target_on_screen() {
        let view = Screen::from_min_max(pos2(0.0, 0.0), pos2(1000.0, 800.0));
        let from = Camera { x_nm: 1.5e7, y_nm: 1.5e7, scale: 3e-5 };
        let to = Camera { x_nm: 2.9e7, y_nm: 3.0e6, scale: 2.0 };
        for i in 0..=100 {
            let at = from.towards(to, f64::from(i) / 100.0);
            let (x, y) = at.to_screen(view, to.x_nm, to.y_nm);
            assert!((-1.0..=1001.0).contains(&x) && (-1.0..=801.0).contains(&y), "{i}: {x} {y}");
        }
        let end = from.towards(to, 1.0);
        assert!((end.x_nm - to.x_nm).abs() < 1e-3 && (end.scale / to.scale - 1.0).abs() < 1e-9);
    }

    #[test]
    fn lengths_take_the_unit_that_suits_them() {
        assert_eq!([length(12.34), length(-1_500.0), length(30_000_000.0)], ["12.3 nm", "-1.500 µm", "30.000 mm"]);
    }
}
