//! What is compared: a chip, a checkpoint to compile on the way, or a shape to plan: a bare config.json, or the name of a known model.

use super::compile::{compile, open_checkpoint, resolve};
use super::known::shape;
use super::source::Source;
use crate::cli::{CompileOptions, Global};
use anyhow::{Context, Result};
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_study::subject::{PlannedChip, Subject};
use std::path::Path;

pub enum Comparable {
    /// With the checkpoint that it was compiled from just now.
    Chip(Box<Chip>, Option<Box<Checkpoint>>),
    Planned(Box<PlannedChip>),
}

impl Comparable {
    /// Opens `source`; a checkpoint is compiled into a folder under `scratch`.
    pub fn open(source: &Path, options: &CompileOptions, scratch: &Path, global: &Global) -> Result<Comparable> {
        if let Some(planned) = planned(source, options)? {
            return Ok(Comparable::Planned(Box::new(planned)));
        }
        match Source::open(source)? {
            Source::Chip(chip) => {
                options.none_for_a_chip(&chip.folder)?;
                Ok(Comparable::Chip(chip, None))
            }
            Source::Checkpoint(mut checkpoint) => {
                let chip = compile(&mut checkpoint, options, &scratch.join("chip"), global)?;
                Ok(Comparable::Chip(Box::new(chip), Some(checkpoint)))
            }
        }
    }

    pub fn subject(&self) -> Subject<'_> {
        match self {
            Comparable::Chip(chip, _) => Subject::of(chip),
            Comparable::Planned(planned) => planned.subject(),
        }
    }

    /// The chip and the checkpoint beside it, where both are at hand; `path` is that of a chip that was compiled before.
    pub fn with_checkpoint(&mut self, path: Option<&Path>) -> Result<Option<(&Chip, &Checkpoint)>> {
        let Comparable::Chip(chip, checkpoint) = self else { return Ok(None) };
        if let Some(path) = path {
            *checkpoint = Some(Box::new(beside(chip, path)?));
        }
        Ok(checkpoint.as_deref().map(|checkpoint| (&**chip, checkpoint)))
    }
}

/// The chip planned from a shape, where `source` is one.
pub fn planned(source: &Path, options: &CompileOptions) -> Result<Option<PlannedChip>> {
    let Some(mut shape) = shape(source)? else { return Ok(None) };
    if options.quantizing.rotate {
        shape.rotate().context("--rotate")?;
    }
    let planned = PlannedChip::new(&shape, &resolve(options)?).with_context(|| source.display().to_string())?;
    Ok(Some(planned))
}

/// The checkpoint that `chip` was made from, as long as the chip's cache and in its basis.
pub fn beside(chip: &Chip, path: &Path) -> Result<Checkpoint> {
    let mut checkpoint = open_checkpoint(path)?;
    checkpoint.lengthen(chip.model().context as usize)?;
    // Causes of error are looked for in the chip's own basis.
    if chip.model().rotated {
        checkpoint.rotate()?;
    }
    Ok(checkpoint)
}
