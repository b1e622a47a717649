//! The last step of every compilation: the folder is closed, with what the checkpoint has for the chip's host.

use crate::error::Error;
use hardwire_models::Checkpoint;
use hardwire_netlist::chip::{Chip, ChipWriter, HostTexts, Structure};

/// Writes structure and texts, and moves the folder into place.
pub(crate) fn finish(checkpoint: &Checkpoint, writer: ChipWriter, structure: Structure) -> Result<Chip, Error> {
    let tokenizer = match checkpoint.tokenizer_json() {
        // One that cannot be reproduced blocks text alone: the chip computes with ids.
        Err(hardwire_models::Error::Unsupported { .. }) => None,
        known => known?,
    };
    // One that cannot be read blocks conversations alone.
    let chat_template = checkpoint.chat_template().ok().flatten().map(|t| t.to_json());
    Ok(writer.finish(structure, &HostTexts { tokenizer, chat_template })?)
}
