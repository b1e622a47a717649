//! A model without its weights: what a bare `config.json` or the header of a GGUF file says. Whoever plans a chip starts here, and so does
//! whoever compiles one: a [`Checkpoint`] is a shape and its tensors.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{ModelConfig, RowOrder, Storage};
use crate::graph::OpGraph;
use crate::{BlockFormat, Checkpoint, Dtype, Error, blocks, huggingface, rotate, storage};

/// Configuration and operator graph of a model, and how its tensors are stored as far as that is known.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The file's or its folder's name, or `general.name` of a GGUF file.
    pub name: String,
    pub config: ModelConfig,
    /// The operators of one token, with Hugging Face tensor names.
    pub graph: OpGraph,
    pub(crate) order: RowOrder,
    /// Types of the tensors by name, where a file of weights has said so.
    pub(crate) types: BTreeMap<String, Dtype>,
}

impl ModelConfig {
    /// Parse the text of a Hugging Face `config.json`; `source` is named in errors.
    ///
    /// # Errors
    /// JSON that is not an object, a missing or impossible field, an architecture, activation,
    /// RoPE scaling or quantization that this crate cannot compute.
    pub fn from_json(text: &[u8], source: &Path) -> Result<ModelConfig, Error> {
        huggingface::parse_config(text, source).map(|(config, _)| config)
    }
}

/// Read a bare `config.json`; no weights needed.
///
/// # Errors
/// As [`ModelConfig::from_json`], or the file cannot be read.
pub fn config_from_file(path: &Path) -> Result<ModelConfig, Error> {
    ModelConfig::from_json(&storage::read_small(path)?, path)
}

/// What a matrix's numbers are before anybody quantizes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers {
    /// Floats on no grid that is known.
    Floats,
    /// Floats that are -1, 0, 1 times one scale a matrix.
    Ternary,
    /// Codes and scales of such blocks.
    Blocks(Dtype, BlockFormat),
}

impl Shape {
    /// Opens a `config.json` (of any name), a folder that has one, or a GGUF file, whose header is read.
    ///
    /// # Errors
    /// As [`ModelConfig::from_json`] and [`Checkpoint::open`].
    pub fn open(path: &Path) -> Result<Shape, Error> {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")) {
            return Ok(Checkpoint::open(path)?.into_shape());
        }
        let file = if path.is_dir() { path.join("config.json") } else { path.to_owned() };
        let name = match file.file_stem().and_then(|s| s.to_str()) {
            Some("config") | None => own_name(file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))),
            Some(stem) => stem.to_owned(),
        };
        Shape::from_json(&storage::read_small(&file)?, &name, &file)
    }

    /// From the text of a `config.json`; `source` is named in errors.
    ///
    /// # Errors
    /// As [`ModelConfig::from_json`].
    pub fn from_json(text: &[u8], name: &str, source: &Path) -> Result<Shape, Error> {
        let config = ModelConfig::from_json(text, source)?;
        let order = config.architecture.folder_order();
        Shape::new(name.to_owned(), config, order)
    }

    pub(crate) fn new(name: String, config: ModelConfig, order: RowOrder) -> Result<Shape, Error> {
        let graph = OpGraph::from_config(&config, order)?;
        Ok(Shape { name, config, graph, order, types: BTreeMap::new() })
    }

    /// The shape of texts of up to `positions`, at every position, where the model has other rotations past its original context
    /// (LongRoPE); true if it changed.
    ///
    /// # Errors
    /// [`Error::Graph`], as [`OpGraph::from_config`].
    pub fn lengthen(&mut self, positions: usize) -> Result<bool, Error> {
        let longer = if positions > self.config.context { self.config.lengthened(positions) } else { None };
        let Some(config) = longer else { return Ok(false) };
        self.graph = OpGraph::from_config(&config, self.order)?;
        self.config = config;
        Ok(true)
    }

    /// The same model in a basis that spreads every weight over its row ([`Checkpoint::rotate`]); no stored grid outlives it.
    ///
    /// # Errors
    /// As [`Checkpoint::rotate`].
    pub fn rotate(&mut self) -> Result<(), Error> {
        (self.graph, _) = rotate::plan(&self.graph)?;
        self.types.clear();
        self.config.storage = Storage::Floats;
        Ok(())
    }

    /// What the matrix `tensor` is made of: by its own type where that is known, else as the configuration says.
    pub fn numbers(&self, tensor: &str) -> Numbers {
        let blocks = |dtype: Dtype| blocks::format(dtype).map(|format| Numbers::Blocks(dtype, format));
        let projection = tensor.ends_with("_proj.weight");
        match (self.types.get(tensor), self.config.storage) {
            (Some(&dtype), _) if blocks(dtype).is_some() => blocks(dtype),
            (_, Storage::Ternary) if projection => Some(Numbers::Ternary),
            (None, Storage::PackedTernary) if projection => blocks(Dtype::Ternary),
            (None, Storage::MxFp4Experts) if projection && tensor.contains(".experts.") => blocks(Dtype::MxFp4),
            _ => None,
        }
        .unwrap_or(Numbers::Floats)
    }
}

/// The last part of a path, also of `.` and the like, without an extension for files.
pub(crate) fn own_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = if full.is_dir() { full.file_name() } else { full.file_stem() };
    name.map_or_else(|| "model".to_owned(), |n| n.to_string_lossy().into_owned())
}
