//! Attention over the KV cache (section 7).

use super::Fixed;
use crate::program::ProgramId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionSpec {
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    /// Most positions a sequence may hold.
    pub context: u32,
    /// Sequences the cache holds.
    pub users: u32,
    pub window: Option<u32>,
    pub act_bits: u8,
    pub kv_bits: u8,
    /// Cached positions read a cycle.
    pub pos_lanes: u32,
    pub q: Fixed,
    pub k: Fixed,
    pub v: Fixed,
    /// `c` and `kc` of section 7.
    pub score_mantissa: u32,
    pub score_shift: i32,
    /// `heads` scores of the sinks, where the model has them.
    pub sinks: Option<ProgramId>,
}

impl AttentionSpec {
    /// KV cache bits: codes, and a 5-bit shift per key and per value vector.
    pub fn kv_cache_bits(&self) -> u64 {
        let per_vector = u64::from(self.head_dim) * u64::from(self.kv_bits) + 5;
        2 * per_vector * u64::from(self.kv_heads) * u64::from(self.context) * u64::from(self.users)
    }
}
