//! Add: the residual and a branch (`docs/numerics.md`, section 8), `hw_add`. Input ports: 0 the residual (early, buffered), 1 the branch.

use super::kind::{Around, Kind, Port, Working};
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, counter, flops, gates, limit, mux, sram, sum};
use crate::census::counts::{Census, Module};
use crate::error::Error;

/// An Add has no parameters.
#[derive(Clone, Copy, Debug)]
pub struct AddSpec;

impl Kind for AddSpec {
    fn name(&self) -> &'static str {
        "add"
    }

    fn port_count(&self) -> usize {
        2
    }

    fn port(&self, _: usize, around: &dyn Around) -> Port {
        Port::new("input", around.out_len(), around.out())
    }

    fn out_len(&self, around: &dyn Around) -> u32 {
        around.producer(0).map_or(0, |p| p.out_len)
    }

    fn check(&self, _: &dyn Around) -> Result<(), Error> {
        Ok(())
    }

    /// The residual waits in memory; its sum with the branch may wait there too.
    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (len, v, bits) = (u64::from(around.out_len()), u64::from(around.lanes()), u64::from(around.out().bits));
        let beat = bit_length(len.div_ceil(v));
        let lane = sum(bits + 1) + limit(bits + 1, bits) + flops(2 * bits);
        // What was held is written, and played again through the limits' own choice.
        let hold = if around.is_last() { mux(2, bits * v) + counter(beat) + flops(5) } else { Census::default() };
        vec![Module::new("hw_add", sram(len * bits) + lane.times(v) + hold + counter(3 * beat) + flops(5) + gates(10))]
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        let bits = f64::from(around.out_len()) * f64::from(around.out().bits);
        Activity { full_adder_ops: bits, flop_cycles: bits, ..Activity::buffered(bits) }
    }
}
