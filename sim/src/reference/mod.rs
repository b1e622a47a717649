//! The scalar reference: `docs/numerics.md` written down once more as the plainest Rust, to be read beside it.
//!
//! One file a unit kind, one function a unit, straight loops. Sums are 128 bits wide wherever their width would need a
//! proof, so nothing here can be wrong for being narrow. What may not come in: anything of the fast engine, threads, SIMD,
//! a cleverer order of the same sum.
//!
//! | file | section of `docs/numerics.md` |
//! |---|---|
//! | `arith` | 1, notation |
//! | `embed` | 3 |
//! | `norm` | 4 |
//! | `row_feed` | 5 |
//! | `mvm` | 2 and 6 |
//! | `rope`, `attention` | 7 |
//! | `gated_act`, `add`, `argmax` | 8 |
//! | `experts` | 10 |
//! | `step` | one token through all units |
//!
//! The functions of the units take plain slices and are public: tests hold the Verilog of a single unit against them. Each
//! takes a counter `clamped`, to which it adds the clamps that changed a value: the unit's sticky flag is `clamped > 0`.

mod add;
mod argmax;
pub mod arith;
mod attention;
mod embed;
mod experts;
mod gated_act;
mod mvm;
mod norm;
mod rope;
mod row_feed;
mod step;

pub use add::add;
pub use argmax::argmax;
pub use attention::{CachedToken, attention};
pub use embed::{Rotation, embed, rotations};
pub use experts::{Choice, mix, route};
pub use gated_act::gated_act;
pub use mvm::mvm;
pub use norm::rms_norm;
pub use rope::rope;
pub use row_feed::{Activations, group_sums, row_feed};
pub use step::{Reference, State};
