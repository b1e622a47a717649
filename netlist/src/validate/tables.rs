//! The function tables: lengths, and the values of `docs/numerics.md`, section 9.

use super::named;
use crate::error::Error;
use crate::tables::Tables;

/// Each entry is its formula's value, give or take the one that another machine's mathematics may round differently. The bounds that
/// the integer sums rely on follow from the formulas.
pub(super) fn contents(t: &Tables) -> Result<(), Error> {
    t.check().map_err(|what| Error::Structure { unit: "tables".into(), what })?;
    check("rsqrt", &t.rsqrt, |j| 65536.0 / ((j + 64.0) / 256.0).sqrt())?;
    check("sin", &t.sin, |j| 16384.0 * (std::f64::consts::FRAC_PI_2 * j / 256.0).sin())?;
    check("exp2", &t.exp2, |j| 1_048_576.0 * (-j / 128.0).exp2())?;
    check("recip", &t.recip, |j| 2_147_483_648.0 / (32768.0 + 128.0 * j))?;
    check("sigmoid", &t.sigmoid, |j| 1_048_576.0 / (1.0 + (j / 16.0).exp()))?;
    check("gelu", &t.gelu, |j| {
        let x = j / 32.0;
        1_048_576.0 / (1.0 + (2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)).exp())
    })?;
    check("gelu_erf", &t.gelu_erf, |j| 524_288.0 * libm::erfc(j / 32.0 * std::f64::consts::FRAC_1_SQRT_2))?;
    if !(1.0..=2.0).contains(&t.swish_alpha) {
        return Err(named("tables", "swish_alpha", t.swish_alpha, "1 to 2"));
    }
    check("swish", &t.swish, |j| 1_048_576.0 / (1.0 + (t.swish_alpha * j / 16.0).exp()))
}

fn check(name: &str, table: &[i32], formula: impl Fn(f64) -> f64) -> Result<(), Error> {
    for (j, &found) in table.iter().enumerate() {
        let expected = formula(j as f64).round();
        if (f64::from(found) - expected).abs() > 1.0 {
            return Err(named("tables", &format!("{name}[{j}]"), found, expected));
        }
    }
    Ok(())
}
