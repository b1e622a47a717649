//! GatedAct: the activation function of an MLP, times its gate (section 8).

use super::Fixed;
use serde::{Deserialize, Serialize};

/// Section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Silu,
    /// GELU in its tanh form.
    GeluTanh,
    /// GELU by the error function.
    Gelu,
    /// The positive part, squared.
    Relu2,
    /// gpt-oss: gate and up limited, `(up + 1) * gate * sigmoid(alpha gate)`, alpha that of the tables.
    SwigluClamped {
        gate_limit: i32,
        up_limit: i32,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatedActSpec {
    pub activation: Activation,
    pub gate: Fixed,
    /// Format of port 1; `None` for an activation without a gate.
    pub up: Option<Fixed>,
    /// `shift` of section 8.
    pub shift: i16,
}
