//! What a token makes a chip do: counted events, whose costs are in the chip's [`Technology`](crate::Technology).

pub mod events;

pub use events::Activity;
