//! Tables from the formulas of section 9, seeded numbers, and folders to write in.

use hardwire_netlist::Tables;
use std::f64::consts::PI;
use std::path::PathBuf;

pub fn tables() -> Tables {
    Tables::new(Tables::SWISH_ALPHA)
}

/// What GELU in its tanh form keeps of `x`.
pub fn gelu_share(x: f64) -> f64 {
    0.5 * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
}

/// What GELU by the error function keeps of `x`.
pub fn gelu_erf_share(x: f64) -> f64 {
    0.5 * (1.0 + libm::erf(x / 2f64.sqrt()))
}

/// SplitMix64: a seed gives the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `low..=high`.
    pub fn within(&mut self, low: i64, high: i64) -> i32 {
        (low + (self.next() % (high - low + 1) as u64) as i64) as i32
    }

    /// `len` values of magnitude at most `max`.
    pub fn vector(&mut self, len: usize, max: i64) -> Vec<i32> {
        (0..len).map(|_| self.within(-max, max)).collect()
    }
}

/// A path of this name where nothing is yet.
pub fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("reference-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let _ = std::fs::remove_file(&path);
    path
}

/// Every `got` is within `bound(expected)` of its expected value.
pub fn assert_close(got: &[i32], expected: &[f64], bound: impl Fn(f64) -> f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        assert!((f64::from(g) - e).abs() <= bound(e), "[{i}] {g}, expected {e} within {}", bound(e));
    }
}
