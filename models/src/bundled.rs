//! The checkpoint that is compiled into the binary; `checkpoints/tales/recipe.py` trained it.

use crate::{Checkpoint, Error};

const CONFIG: &[u8] = include_bytes!("../checkpoints/tales/config.json");
const WEIGHTS: &[u8] = include_bytes!("../checkpoints/tales/model.safetensors");
pub(crate) const TOKENIZER: &[u8] = include_bytes!("../checkpoints/tales/tokenizer.json");

pub(crate) fn open() -> Result<Checkpoint, Error> {
    Checkpoint::from_static("tales", CONFIG, WEIGHTS)
}
