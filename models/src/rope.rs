//! Rotary frequencies: radians a position adds to each pair of a head's values.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// One table of frequencies. Most models have one; Gemma 3 has one for local and one for global layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RopeTable {
    /// Base of the frequencies.
    pub theta: f64,
    pub scaling: Option<RopeScaling>,
}

/// How the frequencies are stretched past the trained context (`modeling_rope_utils.py` of Hugging Face transformers).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RopeScaling {
    /// Every frequency divided by `factor`.
    Linear { factor: f64 },
    /// Long wavelengths divided by `factor`, short ones kept, a ramp between (Llama 3.1).
    Llama3 {
        factor: f64,
        /// Wavelengths above `original_context / low` are scaled fully.
        low: f64,
        /// Wavelengths below `original_context / high` are not scaled.
        high: f64,
        original_context: usize,
    },
    /// Pairs that turn more than `fast` times in the original context keep their frequency, those that turn less than `slow`
    /// times are divided by `factor`, a ramp over the pairs between; scores are multiplied by `attention_factor` squared.
    Yarn { factor: f64, fast: f64, slow: f64, truncate: bool, original_context: usize, attention_factor: f64 },
    /// Each pair's frequency divided by a factor of its own; scores are multiplied by `attention_factor` squared.
    Factors { factors: Vec<f64>, attention_factor: f64, long: Option<LongFactors> },
}

/// The factors of texts past the original context (LongRoPE).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LongFactors {
    pub factors: Vec<f64>,
    /// Texts of more positions have them, and up to
    pub original_context: usize,
    /// so many.
    pub context: usize,
}

impl RopeTable {
    /// `rotated / 2` frequencies, `theta^(-2i/rotated)` scaled; with `libm`, so every machine gets the same bits.
    pub(crate) fn frequencies(&self, rotated: usize) -> Vec<f64> {
        let dim = rotated as f64;
        let plain = (0..rotated / 2).map(|pair| libm::pow(self.theta, -2.0 * pair as f64 / dim));
        match &self.scaling {
            None => plain.collect(),
            Some(RopeScaling::Linear { factor }) => plain.map(|f| f / factor).collect(),
            Some(RopeScaling::Llama3 { factor, low, high, original_context }) => {
                plain.map(|f| llama3(f, *factor, *low, *high, *original_context as f64)).collect()
            }
            Some(RopeScaling::Yarn { factor, fast, slow, truncate, original_context, .. }) => {
                let turns_at = |turns: f64| {
                    let per_radian = *original_context as f64 / (turns * 2.0 * std::f64::consts::PI);
                    dim * libm::log(per_radian) / (2.0 * libm::log(self.theta))
                };
                let (mut from, mut to) = (turns_at(*fast), turns_at(*slow));
                if *truncate {
                    (from, to) = (libm::floor(from), libm::ceil(to));
                }
                (from, to) = (from.max(0.0), to.min(dim - 1.0));
                if from == to {
                    to += 0.001;
                }
                let kept = |pair: usize| 1.0 - ((pair as f64 - from) / (to - from)).clamp(0.0, 1.0);
                plain.enumerate().map(|(pair, f)| f / factor * (1.0 - kept(pair)) + f * kept(pair)).collect()
            }
            Some(RopeScaling::Factors { factors, .. }) => plain.zip(factors).map(|(f, factor)| f / factor).collect(),
        }
    }

    /// What cosines and sines are multiplied by.
    pub(crate) fn attention_factor(&self) -> f64 {
        match &self.scaling {
            Some(RopeScaling::Yarn { attention_factor, .. } | RopeScaling::Factors { attention_factor, .. }) => *attention_factor,
            _ => 1.0,
        }
    }

    /// The factors of long texts, where the table has them.
    pub(crate) fn long(&self) -> Option<&LongFactors> {
        match &self.scaling {
            Some(RopeScaling::Factors { long, .. }) => long.as_ref(),
            _ => None,
        }
    }

    pub(crate) fn check(&self, source: &Path, rotated: usize) -> Result<(), Error> {
        if !(self.theta.is_finite() && self.theta > 1.0) {
            return Err(Error::field(source, "RoPE base", self.theta, "a number above 1"));
        }
        let positive = |field: &str, value: f64| {
            let field = format!("rope_scaling.{field}");
            if value.is_finite() && value > 0.0 { Ok(()) } else { Err(Error::field(source, field, value, "a positive number")) }
        };
        let Some(scaling) = &self.scaling else { return Ok(()) };
        match scaling {
            RopeScaling::Linear { factor } => positive("factor", *factor)?,
            RopeScaling::Llama3 { factor, low, high, original_context } => {
                positive("factor", *factor)?;
                positive("low_freq_factor", *low)?;
                positive("original_max_position_embeddings", *original_context as f64)?;
                if !(high.is_finite() && high > low) {
                    let expected = format!("a number above low_freq_factor {low}");
                    return Err(Error::field(source, "rope_scaling.high_freq_factor", high, expected));
                }
            }
            RopeScaling::Yarn { factor, fast, slow, original_context, attention_factor, .. } => {
                positive("factor", *factor)?;
                positive("beta_slow", *slow)?;
                positive("attention_factor", *attention_factor)?;
                positive("original_max_position_embeddings", *original_context as f64)?;
                if !(fast.is_finite() && fast > slow) {
                    let expected = format!("a number above beta_slow {slow}");
                    return Err(Error::field(source, "rope_scaling.beta_fast", fast, expected));
                }
            }
            RopeScaling::Factors { factors, attention_factor, long } => {
                positive("attention_factor", *attention_factor)?;
                let lists = std::iter::once(("RoPE factors", factors)).chain(long.iter().map(|l| ("long RoPE factors", &l.factors)));
                for (field, factors) in lists {
                    if factors.len() != rotated / 2 {
                        let expected = format!("{} values, one a pair", rotated / 2);
                        return Err(Error::field(source, field, factors.len(), expected));
                    }
                    if let Some(value) = factors.iter().find(|d| !(d.is_finite() && **d > 0.0)) {
                        return Err(Error::field(source, field, value, "positive numbers"));
                    }
                }
            }
        }
        Ok(())
    }
}

fn llama3(frequency: f64, factor: f64, low: f64, high: f64, original: f64) -> f64 {
    let wavelength = 2.0 * std::f64::consts::PI / frequency;
    if wavelength < original / high {
        frequency
    } else if wavelength > original / low {
        frequency / factor
    } else {
        let smooth = (original / wavelength - low) / (high - low);
        (1.0 - smooth) * frequency / factor + smooth * frequency
    }
}
