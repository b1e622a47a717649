//! The small function tables of the vector units: which there are, what they hold, and their contents as ROMs (`docs/numerics.md`, section 9).
//! A new one is a variant of [`Function`] with its length and formula; compiler, simulators and Verilog go through the list.

use crate::check::named;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

/// A function that units look up, in the order in which the tables are stored and emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `2^16 / sqrt((j + 64) / 256)`.
    Rsqrt,
    /// A quarter wave, 14 fractional bits.
    Sin,
    /// `2^20 * 2^(-j / 128)`.
    Exp2,
    /// `2^31 / (2^15 + 128 j)`.
    Recip,
    /// `2^20 / (1 + e^(j / 16))`.
    Sigmoid,
    /// The share of its argument that GELU in its tanh form gives at `-j / 32`.
    Gelu,
    /// The same by the error function.
    GeluErf,
    /// `2^20 / (1 + e^(swish_alpha j / 16))`.
    Swish,
    /// `2^20 ln(1 + e^(-j / 16))`.
    Softplus,
}

impl Function {
    pub const ALL: [Function; 9] = [
        Function::Rsqrt,
        Function::Sin,
        Function::Exp2,
        Function::Recip,
        Function::Sigmoid,
        Function::Gelu,
        Function::GeluErf,
        Function::Swish,
        Function::Softplus,
    ];

    /// Name in `chip.json` and of its ROM image.
    pub fn name(self) -> &'static str {
        match self {
            Function::Rsqrt => "rsqrt",
            Function::Sin => "sin",
            Function::Exp2 => "exp2",
            Function::Recip => "recip",
            Function::Sigmoid => "sigmoid",
            Function::Gelu => "gelu",
            Function::GeluErf => "gelu_erf",
            Function::Swish => "swish",
            Function::Softplus => "softplus",
        }
    }

    /// Entries: one more than there are steps to interpolate in.
    pub fn entries(self) -> usize {
        match self {
            Function::Rsqrt => 193,
            Function::Exp2 => 129,
            _ => 257,
        }
    }

    /// Entry `j` before rounding. By `libm`, so that every machine gets the same bits.
    fn entry(self, j: f64, swish_alpha: f64) -> f64 {
        /// 2^20: shares and powers have 20 fractional bits.
        const ONE: f64 = 1_048_576.0;
        match self {
            Function::Rsqrt => 65536.0 / libm::sqrt((j + 64.0) / 256.0),
            Function::Sin => 16384.0 * libm::sin(std::f64::consts::FRAC_PI_2 * j / 256.0),
            Function::Exp2 => ONE * libm::exp2(-j / 128.0),
            Function::Recip => 2_147_483_648.0 / (32768.0 + 128.0 * j),
            Function::Sigmoid => ONE / (1.0 + libm::exp(j / 16.0)),
            Function::Gelu => {
                let x = j / 32.0;
                ONE / (1.0 + libm::exp(2.0 * libm::sqrt(2.0 / std::f64::consts::PI) * (x + 0.044715 * x * x * x)))
            }
            Function::GeluErf => ONE / 2.0 * libm::erfc(j / 32.0 * std::f64::consts::FRAC_1_SQRT_2),
            Function::Swish => ONE / (1.0 + libm::exp(swish_alpha * j / 16.0)),
            Function::Softplus => ONE * libm::log1p(libm::exp(-j / 16.0)),
        }
    }
}

/// The tables of a chip. The compiler fills them; simulators and Verilog only read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Tables {
    /// In the order of [`Function::ALL`].
    values: [Vec<i32>; Function::ALL.len()],
    swish_alpha: f64,
}

/// Tables as they stand in `chip.json`.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    values: BTreeMap<Function, Vec<i32>>,
    swish_alpha: f64,
}

impl TryFrom<Written> for Tables {
    type Error = String;

    fn try_from(mut w: Written) -> Result<Tables, String> {
        if let Some(f) = Function::ALL.iter().find(|f| !w.values.contains_key(f)) {
            return Err(format!("missing table `{}`", f.name()));
        }
        Ok(Tables { values: Function::ALL.map(|f| w.values.remove(&f).unwrap_or_default()), swish_alpha: w.swish_alpha })
    }
}

impl From<Tables> for Written {
    fn from(t: Tables) -> Written {
        Written { values: Function::ALL.into_iter().zip(t.values).collect(), swish_alpha: t.swish_alpha }
    }
}

impl Index<Function> for Tables {
    type Output = [i32];

    fn index(&self, f: Function) -> &[i32] {
        &self.values[f as usize]
    }
}

impl IndexMut<Function> for Tables {
    fn index_mut(&mut self, f: Function) -> &mut [i32] {
        &mut self.values[f as usize]
    }
}

impl Tables {
    /// gpt-oss's, and that of chips without a clamped SwiGLU.
    pub const SWISH_ALPHA: f64 = 1.702;

    /// All tables. `swish_alpha` is that of the model's clamped SwiGLU: from 1, where the table reaches far enough, to 2, where it is still
    /// fine enough.
    pub fn new(swish_alpha: f64) -> Tables {
        let fill = |f: Function| (0..f.entries()).map(|j| libm::round(f.entry(j as f64, swish_alpha)) as i32).collect();
        Tables { values: Function::ALL.map(fill), swish_alpha }
    }

    pub fn swish_alpha(&self) -> f64 {
        self.swish_alpha
    }

    /// Checks lengths and values. Each entry is its formula's value, give or take the one that another machine's mathematics may round
    /// differently. The bounds that the integer sums rely on follow from the formulas.
    ///
    /// # Errors
    /// `Error::Structure`, naming table and entry.
    pub fn check(&self) -> Result<(), Error> {
        for f in Function::ALL {
            if self[f].len() != f.entries() {
                return Err(named("tables", f.name(), format!("{} entries", self[f].len()), f.entries()));
            }
        }
        if !(1.0..=2.0).contains(&self.swish_alpha) {
            return Err(named("tables", "swish_alpha", self.swish_alpha, "1 to 2"));
        }
        for f in Function::ALL {
            for (j, &found) in self[f].iter().enumerate() {
                let expected = libm::round(f.entry(j as f64, self.swish_alpha));
                if (f64::from(found) - expected).abs() > 1.0 {
                    return Err(named("tables", &format!("{}[{j}]", f.name()), found, expected));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// Section 9 of `docs/numerics.md`, by the standard library's mathematics, GELU from its definition.
    #[test]
    fn tables_hold_their_functions() {
        let gelu = |x: f64| 0.5 * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh());
        let gelu_erf = |x: f64| 0.5 * (1.0 + libm::erf(x / 2f64.sqrt()));
        let one = f64::from(1 << 20);
        type Formula<'a> = &'a dyn Fn(f64) -> f64;
        let formulas: [(Function, Formula<'_>); 9] = [
            (Function::Rsqrt, &|j| 65536.0 / ((j + 64.0) / 256.0).sqrt()),
            (Function::Sin, &|j| 16384.0 * (PI / 2.0 * j / 256.0).sin()),
            (Function::Exp2, &|j| one * (-j / 128.0).exp2()),
            (Function::Recip, &|j| 2f64.powi(31) / (32768.0 + 128.0 * j)),
            (Function::Sigmoid, &|j| one / (1.0 + (j / 16.0).exp())),
            (Function::Gelu, &|j| one * (1.0 - gelu(j / 32.0))),
            (Function::GeluErf, &|j| one * (1.0 - gelu_erf(j / 32.0))),
            (Function::Swish, &|j| one / (1.0 + (Tables::SWISH_ALPHA * j / 16.0).exp())),
            (Function::Softplus, &|j| one * (1.0 + (-j / 16.0).exp()).ln()),
        ];
        let tables = Tables::new(Tables::SWISH_ALPHA);
        tables.check().unwrap();
        for (f, formula) in formulas {
            for (j, &found) in tables[f].iter().enumerate() {
                assert!((f64::from(found) - formula(j as f64).round()).abs() <= 1.0, "{}[{j}]", f.name());
            }
        }
    }

    #[test]
    fn a_wrong_entry_or_a_missing_table_is_named() {
        let mut tables = Tables::new(1.5);
        tables[Function::Exp2][7] += 2;
        assert!(tables.check().unwrap_err().to_string().contains("exp2[7]"));
        let mut json = serde_json::to_value(Tables::new(1.5)).unwrap();
        json.as_object_mut().unwrap().remove("recip");
        let error = serde_json::from_value::<Tables>(json).unwrap_err().to_string();
        assert_eq!(error, "missing table `recip`");
    }
}
