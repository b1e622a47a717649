//! Tables from the formulas of section 9, seeded numbers, and folders to write in.

use hardwire_netlist::Tables;
use std::f64::consts::PI;
use std::path::PathBuf;

pub fn tables() -> Tables {
    let fill = |last: i32, f: &dyn Fn(f64) -> f64| (0..=last).map(|j| f(f64::from(j)).round() as i32).collect();
    Tables {
        rsqrt: fill(192, &|j| 65536.0 / ((j + 64.0) / 256.0).sqrt()),
        sin: fill(256, &|j| 16384.0 * (PI / 2.0 * j / 256.0).sin()),
        exp2: fill(128, &|j| f64::from(1 << 20) * (-j / 128.0).exp2()),
        recip: fill(256, &|j| 2f64.powi(31) / (32768.0 + 128.0 * j)),
        sigmoid: fill(256, &|j| f64::from(1 << 20) / (1.0 + (j / 16.0).exp())),
        gelu: fill(256, &|j| f64::from(1 << 20) * (1.0 - gelu_share(j / 32.0))),
        gelu_erf: fill(256, &|j| f64::from(1 << 20) * (1.0 - gelu_erf_share(j / 32.0))),
        swish: fill(256, &|j| f64::from(1 << 20) / (1.0 + (1.702 * j / 16.0).exp())),
        swish_alpha: 1.702,
    }
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
