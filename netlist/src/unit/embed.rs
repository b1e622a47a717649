//! Embed: a token id in, its residual and its rotation phases out (section 3).

use super::MatrixSpec;
use serde::{Deserialize, Serialize};

/// Token embedding ROM and the generator of the rotation phases that travel with each token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedSpec {
    /// `outputs` = vocabulary, `inputs` = hidden size.
    pub matrix: MatrixSpec,
    /// Learned positions: `outputs` = positions, `inputs` = hidden size. Then there are no rope tables.
    pub positions: Option<MatrixSpec>,
    /// Per rope table, per pair: turns a position in units of 2^-32.
    pub omega: Vec<Vec<u32>>,
}
