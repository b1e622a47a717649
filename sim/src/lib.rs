//! A compiled chip in motion: its integers, its cycles, its energy. Nothing here reads a checkpoint or emits Verilog.
//!
//! - [`mod@reference`]: every unit in plain scalar code, as `docs/numerics.md` has it;
//! - [`engine`]: the same bits at the speed of this machine's vector units;
//! - [`timing`]: the cycle of everything, from shapes and positions alone; the Verilog takes the same;
//! - [`energy`]: what a token switches, counted, at the process's costs;
//! - [`sample`]: choosing a token from logits; [`step`]: what one token gives, the same for both simulators.
//!
//! ```no_run
//! use hardwire_netlist::Chip;
//! use hardwire_sim::{engine::Engine, timing};
//!
//! let chip = Chip::open("smollm2.chip".as_ref())?;
//! let engine = Engine::new(&chip);
//! let mut state = engine.start();
//! let step = engine.step(&mut state, 0, 1)?;
//! println!("token {} after {} cycles", step.top, timing::token(chip.netlist(), 0).latency_cycles);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Choosing a token:
//!
//! ```
//! use hardwire_netlist::unit::Fixed;
//! use hardwire_sim::sample::{Sampler, Sampling};
//!
//! let mut greedy = Sampler::new(Sampling { temperature: 0.0, top_k: 0, top_p: 1.0, seed: 1 });
//! assert_eq!(greedy.choose(&[3, 9, -2], 1, Fixed::new(32, 0)), 1);
//! ```

pub mod energy;
pub mod engine;
pub mod reference;
pub mod sample;
pub mod step;
pub mod timing;
