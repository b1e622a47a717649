//! Trained models as Hardwire's stages see them.
//!
//! - [`Checkpoint`]: a Hugging Face folder, a GGUF file or the bundled model, memory-mapped;
//! - [`Shape`]: the model without its weights, from a bare `config.json` or a GGUF header: [`ModelConfig`], the numbers that fix it, and
//!   [`OpGraph`], what one token computes, as named operators;
//! - [`Tensor`]: one weight as stored, with quantised blocks as exact codes and scales;
//! - [`Tokenizer`]: text to tokens and back;
//! - [`ChatTemplate`]: turns of a conversation as the model was trained on them;
//! - [`synthetic`]: checkpoints of any size that nobody trained, to measure with;
//! - [`FloatModel`]: the plain `f32` reference that everything else is held against.
//!
//! Files from outside are hostile until parsed: each fault is one [`Error`] that names the file
//! and the field. What cannot be computed exactly as the model was trained is refused.
//!
//! ```
//! use hardwire_models::{Checkpoint, FloatModel, argmax};
//!
//! let tales = Checkpoint::bundled();
//! let tokenizer = tales.tokenizer()?.expect("the bundled model has one");
//! let model = FloatModel::new(&tales)?;
//! let mut state = model.start();
//! let mut next = 0;
//! for id in tokenizer.encode("Once upon a")? {
//!     next = argmax(&model.forward(&mut state, id)?);
//! }
//! assert!(next < tales.config().vocab as u32);
//! # Ok::<(), hardwire_models::Error>(())
//! ```

mod arch;
mod blocks;
mod buffers;
mod bundled;
mod chat;
mod checkpoint;
mod config;
mod error;
mod gguf;
mod graph;
mod huggingface;
mod reference;
mod resolve;
mod rope;
mod rotate;
mod shape;
mod shapes;
mod storage;
pub mod synthetic;
mod tensor;
mod tokenizer;

pub use blocks::BlockFormat;
pub use chat::{ChatTemplate, Message};
pub use checkpoint::Checkpoint;
pub use config::{
    Activation, Architecture, Experts, Form, LayerPlan, LinearAttention, ModelConfig, Norm, NormPlaces, QkNorm, Rate, RouteRule, RowOrder,
    Storage,
};
pub use error::Error;
pub use graph::{Node, Op, OpGraph, Port, Positions, WeightSpec};
pub use reference::backward::Slope;
pub use reference::stream::{Changed, FloatPass, Site, stream};
pub use reference::{FloatModel, FloatState, Probe, argmax};
pub use rope::{LongFactors, RopeScaling, RopeTable};
pub use shape::{Numbers, Shape, config_from_file};
pub use shapes::{KnownShape, SHAPES};
pub use tensor::{Dtype, Tensor};
pub use tokenizer::{TextStream, Tokenizer};
