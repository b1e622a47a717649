//! A command's input: a chip folder, or a checkpoint to compile on the way.

use super::compile::{compile, open_checkpoint};
use crate::cli::{CompileOptions, Global};
use crate::out::note;
use anyhow::{Context, Result};
use hardwire_models::{ChatTemplate, Checkpoint, Tokenizer};
use hardwire_netlist::Chip;
use hardwire_study::conversation::chat_template;
use std::path::Path;

pub enum Source {
    Chip(Box<Chip>),
    Checkpoint(Box<Checkpoint>),
}

impl Source {
    /// A folder with a `chip.json` is a chip, anything else a checkpoint.
    pub fn open(path: &Path) -> Result<Source> {
        if path.join("chip.json").exists() || path.join("manifest.json").exists() {
            return Ok(Source::Chip(Box::new(Chip::open(path)?)));
        }
        Ok(Source::Checkpoint(Box::new(open_checkpoint(path)?)))
    }

    pub fn tokenizer(&self) -> Result<Option<Tokenizer>> {
        match self {
            Source::Chip(chip) => Ok(chip.tokenizer_json()?.map(|json| Tokenizer::from_json(&json)).transpose()?),
            Source::Checkpoint(c) => Ok(c.tokenizer()?),
        }
    }

    /// As [`Source::tokenizer`] for a prompt; where that comes as ids, a tokenizer that cannot be read is missed, not asked for.
    pub fn tokenizer_for(&self, ids: Option<&[u32]>) -> Result<Option<Tokenizer>> {
        match self.tokenizer() {
            Err(error) if ids.is_some() => {
                note!("warning: no text: {error}");
                Ok(None)
            }
            other => other,
        }
    }

    /// The model's own chat template.
    pub fn chat_template(&self) -> Result<ChatTemplate> {
        let (template, name) = match self {
            Source::Chip(chip) => (chat_template(chip)?, &*chip.model().name),
            Source::Checkpoint(c) => (c.chat_template()?, c.name()),
        };
        template.with_context(|| format!("{name} has no chat template: it was not trained for conversation"))
    }

    pub fn bos(&self) -> Option<u32> {
        match self {
            Source::Chip(chip) => chip.model().bos,
            Source::Checkpoint(c) => c.config().bos,
        }
    }

    /// The chip itself; a checkpoint is compiled into a folder under `scratch`.
    pub fn into_chip(self, options: &CompileOptions, scratch: &Path, global: &Global) -> Result<Chip> {
        match self {
            Source::Chip(chip) => {
                options.none_for_a_chip(&chip.folder)?;
                Ok(*chip)
            }
            Source::Checkpoint(mut c) => compile(&mut c, options, &scratch.join("chip"), global),
        }
    }
}
