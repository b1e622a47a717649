//! Mix: the chosen experts' outputs, weighted and added (section 10).

use super::Fixed;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixSpec {
    pub experts: u32,
    pub active: u32,
    /// Format of the experts' outputs, and of its own.
    pub input: Fixed,
}
