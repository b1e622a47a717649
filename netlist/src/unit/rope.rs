//! Rope: rotates the heads of q or k by their position (`docs/numerics.md`, section 7), `hw_rope`.

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Working};
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, counter, cut, flops, mux, product, tree_and_half};
use crate::census::counts::{Census, Module};
use crate::check::{format, heads, same_format, within, wrong};
use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Bits of a sine or cosine.
const TURN: u64 = 16;
/// Products that make an element: with the sine and with the cosine.
const PRODUCTS: f64 = 2.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeSpec {
    pub heads: u32,
    pub head_dim: u32,
    /// Elements of a head that are rotated (the first ones); `head_dim` unless partial.
    pub rotated: u32,
    /// Which list of phases.
    pub table: u8,
    pub input: Fixed,
}

impl Kind for RopeSpec {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn port(&self, _: usize, _: &dyn Around) -> Port {
        Port::new("input", self.heads * self.head_dim, self.input)
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.heads * self.head_dim
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        format(path, "input", self.input)?;
        heads(path, self.heads, self.head_dim, around.lanes())?;
        within(path, "rotated", self.rotated, 0..=self.head_dim)?;
        if !self.rotated.is_multiple_of(2) {
            return wrong(path, "rotated", self.rotated, "an even number");
        }
        let Some(omega) = around.phases() else { return wrong(path, "table", self.table, "an embedding") };
        let Some(phases) = omega.get(usize::from(self.table)) else {
            return wrong(path, "table", self.table, format!("one of the embedding's {} tables", omega.len()));
        };
        if phases.len() < (self.rotated / 2) as usize {
            let most = format!("at most {}, twice the phases of table {}", 2 * phases.len(), self.table);
            return wrong(path, "rotated", self.rotated, most);
        }
        same_format(path, "out", around.out(), self.input)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (v, bits, out) = (u64::from(around.lanes()), u64::from(self.input.bits), u64::from(around.out().bits));
        let words = (u64::from(self.head_dim) / v).max(1);
        // Two inputs and a rotation, four products with each digit, two sums of them.
        let products = (product(bits, 10) + product(bits, 7) + flops(2 * bits + TURN + 1)).times(4);
        let turned = flops(2 * bits + 2 * TURN) + mux(words, 2 * TURN) + products;
        let wide = bits + TURN + 1;
        let turned = turned + (tree_and_half(4, wide) + flops(wide) + cut(wide, 14, out)).times(2) + flops(2 * out);
        // Elements that may not turn travel beside the pipeline.
        let beside = if words == 1 && self.rotated == self.head_dim { Census::default() } else { flops(4 * bits + 3) + mux(2, 2 * out) };
        vec![Module::new("hw_rope", (turned + beside).times(v / 2) + counter(bit_length(words)) + flops(5))]
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        Activity::product(PRODUCTS, f64::from(self.input.bits), TURN as f64).times(f64::from(around.out_len()))
    }
}
