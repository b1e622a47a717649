//! What a die costs: how many a wafer carries, how many of them work.

use std::f64::consts::PI;

use super::error::{EconomicsError, positive, within};

/// Largest field a scanner exposes, 26 mm x 33 mm.
pub const RETICLE_MM2: f64 = 858.0;

/// Share of dies without a defect, Murphy's model: `((1 − e^(−A·D)) / (A·D))²`
/// (B. T. Murphy, Proc. IEEE 52(12), 1964). Area in mm², defects a cm².
pub fn murphy_yield(die_mm2: f64, defects_per_cm2: f64) -> f64 {
    let expected = die_mm2 / 100.0 * defects_per_cm2;
    if expected < 1e-9 {
        // The quotient loses its digits here; its series is 1 − A·D / 2.
        return (1.0 - expected / 2.0).powi(2);
    }
    (-(-expected).exp_m1() / expected).powi(2)
}

/// Dies a wafer carries: `π (d/2)² / A − π d / √(2 A)`, rounded down (de Vries, IEEE Trans. Semicond. Manuf. 18(1),
/// 2005, the common first-order form). 62 of 827 mm² on 300 mm, as HNLPU states.
pub fn gross_dies(die_mm2: f64, wafer_mm: f64) -> f64 {
    (PI * wafer_mm * wafer_mm / 4.0 / die_mm2 - PI * wafer_mm / (2.0 * die_mm2).sqrt()).floor().max(0.0)
}

/// Cost of one working die, USD. Without repair: one defect anywhere scraps it.
pub fn good_die_usd(name: &str, die_mm2: f64, defects_per_cm2: f64, wafer_mm: f64, wafer_usd: f64) -> Result<f64, EconomicsError> {
    positive(name, "die_mm2", die_mm2)?;
    within(name, "defects_per_cm2", defects_per_cm2, 0.0, f64::MAX)?;
    positive(name, "wafer_mm", wafer_mm)?;
    positive(name, "wafer_usd", wafer_usd)?;
    if die_mm2 > RETICLE_MM2 {
        return Err(EconomicsError::Reticle { name: name.into(), die_mm2, limit_mm2: RETICLE_MM2 });
    }
    Ok(wafer_usd / (gross_dies(die_mm2, wafer_mm) * murphy_yield(die_mm2, defects_per_cm2)))
}
