//! Fills the chip's function tables (`docs/numerics.md`, section 9). Uses `libm`, so every machine gets the same bits.

use hardwire_netlist::Tables;

/// `swish_alpha` is that of the model's clamped SwiGLU, if it has one.
pub(crate) fn tables(swish_alpha: Option<f64>) -> Tables {
    let swish_alpha = swish_alpha.unwrap_or(Tables::SWISH_ALPHA);
    let fill = |last: usize, f: &dyn Fn(f64) -> f64| (0..=last).map(|j| libm::round(f(j as f64)) as i32).collect();
    Tables {
        rsqrt: fill(192, &|j| 65536.0 / libm::sqrt((j + 64.0) / 256.0)),
        sin: fill(256, &|j| 16384.0 * libm::sin(std::f64::consts::FRAC_PI_2 * j / 256.0)),
        exp2: fill(128, &|j| 1_048_576.0 * libm::exp2(-j / 128.0)),
        recip: fill(256, &|j| 2_147_483_648.0 / (32768.0 + 128.0 * j)),
        sigmoid: fill(256, &|j| 1_048_576.0 / (1.0 + libm::exp(j / 16.0))),
        gelu: fill(256, &|j| {
            let x = j / 32.0;
            1_048_576.0 / (1.0 + libm::exp(2.0 * libm::sqrt(2.0 / std::f64::consts::PI) * (x + 0.044715 * x * x * x)))
        }),
        gelu_erf: fill(256, &|j| 524_288.0 * libm::erfc(j / 32.0 * std::f64::consts::FRAC_1_SQRT_2)),
        swish: fill(256, &|j| 1_048_576.0 / (1.0 + libm::exp(swish_alpha * j / 16.0))),
        swish_alpha,
    }
}
