//! A checkpoint: configuration, operator graph, tensors and tokenizer of one trained model,
//! the same whether it came as a Hugging Face folder, a GGUF file or inside this binary.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config::ModelConfig;
use crate::config::RowOrder;
use crate::graph::OpGraph;
use crate::rotate::{self, Kind as Made, Turn};
use crate::shape::{Shape, own_name};
use crate::storage::{self, Bytes, TensorTable};
use crate::{Error, Tensor, Tokenizer, bundled, gguf, huggingface, resolve};

/// A model whose every tensor is present, has the shape its graph asks for, and lies mapped.
pub struct Checkpoint {
    shape: Shape,
    path: PathBuf,
    kind: Kind,
    table: TensorTable,
    /// Tensors of a rotated model, by name.
    turns: BTreeMap<String, Turn>,
    /// Digests of tensors' bytes that were asked for.
    digests: Mutex<BTreeMap<String, [u8; 32]>>,
}

enum Kind {
    HuggingFace,
    Gguf(gguf::Metadata),
    Bundled,
}

impl Checkpoint {
    /// Open a Hugging Face folder or one GGUF file. Weights are mapped, not read.
    ///
    /// # Errors
    /// The path is neither; a file is missing, truncated or malformed; the architecture or a
    /// dtype is not supported; a tensor is missing, unexpected, or has the wrong shape. NaN and
    /// infinite weights are found where rows are read, not here.
    pub fn open(path: &Path) -> Result<Checkpoint, Error> {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, "open", e))?;
        if metadata.is_dir() {
            return open_folder(path);
        }
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let found = match extension.to_ascii_lowercase().as_str() {
            "gguf" => return open_gguf(path),
            "safetensors" | "json" => "this is one file of a folder; hint: give the folder that holds it",
            _ => "this is a file of another kind",
        };
        Err(Error::NotACheckpoint { path: path.to_owned(), found: found.to_owned() })
    }

    /// The checkpoint inside this binary: 1.1 M parameters trained for this project on
    /// public-domain fairy tales.
    pub fn bundled() -> Checkpoint {
        bundled::open().expect("the bundled checkpoint is opened by this crate's tests")
    }

    /// `general.name` of a GGUF file, else the folder's or file's own name.
    pub fn name(&self) -> &str {
        &self.shape.name
    }

    /// Where it came from, for people: a path, or `bundled: tales`.
    pub fn source(&self) -> String {
        match self.kind {
            Kind::Bundled => format!("bundled: {}", self.shape.name),
            _ => self.path.display().to_string(),
        }
    }

    /// The model without its weights.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn into_shape(self) -> Shape {
        self.shape
    }

    pub fn config(&self) -> &ModelConfig {
        &self.shape.config
    }

    /// The operators of one token, with Hugging Face tensor names.
    pub fn graph(&self) -> &OpGraph {
        &self.shape.graph
    }

    /// Makes this the checkpoint of texts of up to `positions`, at every position, where the model has other rotations past its original
    /// context (LongRoPE). Otherwise it stays as it is.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn lengthen(&mut self, positions: usize) -> Result<(), Error> {
        if self.shape.lengthen(positions)? && self.is_rotated() {
            self.turns.clear();
            self.rotate()?;
        }
        Ok(())
    }

    /// Makes this the same model in a basis that spreads every weight over its row: the residual stream and the values of each head are turned
    /// by orthogonal matrices folded into the weights, and the norms' gains move into the matrices behind them. The digest stays that
    /// of the stored model.
    ///
    /// # Errors
    /// [`Error::Graph`] at an operator that the basis matters to, such as a norm of a branch or a LayerNorm.
    pub fn rotate(&mut self) -> Result<(), Error> {
        if !self.is_rotated() {
            (self.shape.graph, self.turns) = rotate::plan(&self.shape.graph)?;
        }
        Ok(())
    }

    pub fn is_rotated(&self) -> bool {
        !self.turns.is_empty()
    }

    /// A tensor by its Hugging Face name, borrowed from the mapping; of a rotated model made anew each time.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn tensor(&self, name: &str) -> Result<Tensor<'_>, Error> {
        let Some((name, turn)) = self.turns.get_key_value(name) else { return self.stored(name) };
        let base = self.stored(&turn.base)?;
        let values = match &turn.kind {
            Made::Ones => vec![1.0; base.rows() * base.cols()],
            Made::Matrix(sides) => {
                let gains = sides.gain().map(|name| self.stored(name)).transpose()?;
                rotate::turned(&base, sides, gains.as_ref())?
            }
        };
        base.release();
        Ok(base.made(name, values))
    }

    /// Asks the system to read a tensor's stored bytes from the disk ahead of use. Only ever a matter of speed.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn prefetch(&self, name: &str) -> Result<(), Error> {
        self.stored(self.base(name)).map(|tensor| tensor.prefetch())
    }

    /// The stored tensor that one of a rotated model is made of; others are their own.
    fn base<'n>(&'n self, name: &'n str) -> &'n str {
        self.turns.get(name).map_or(name, |turn| &turn.base)
    }

    fn stored(&self, name: &str) -> Result<Tensor<'_>, Error> {
        match self.table.entries.get_key_value(name) {
            Some((name, entry)) => Ok(self.table.view(name, entry)),
            None => Err(Error::MissingTensor {
                path: self.path.clone(),
                tensor: name.to_owned(),
                needed_by: "it was asked for by name".to_owned(),
            }),
        }
    }

    /// Hugging Face names of all stored tensors, sorted.
    pub fn tensor_names(&self) -> Vec<String> {
        self.table.entries.keys().cloned().collect()
    }

    /// The tokenizer; `None` if the checkpoint has none.
    ///
    /// # Errors
    /// It cannot be read, is of a kind that cannot be reproduced exactly, or makes tokens that
    /// the embedding has no row for.
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>, Error> {
        let Some(json) = self.tokenizer_json()? else {
            return Ok(None);
        };
        let tokenizer = Tokenizer::from_json(&json).map_err(|e| match e {
            Error::Tokenizer { problem, .. } => Error::Tokenizer { origin: self.source(), problem },
            other => other,
        })?;
        if tokenizer.vocab_size() > self.config().vocab {
            let expected = format!("ids below the embedding's {} rows", self.config().vocab);
            let found = tokenizer.vocab_size() - 1;
            return Err(Error::field(&self.path, "tokenizer's greatest id", found, expected));
        }
        Ok(Some(tokenizer))
    }

    /// The tokenizer as `tokenizer.json` bytes, begin-token convention included; built from the
    /// metadata of a GGUF file. `None` if the checkpoint has none.
    ///
    /// # Errors
    /// As [`Checkpoint::tokenizer`].
    pub fn tokenizer_json(&self) -> Result<Option<Vec<u8>>, Error> {
        match &self.kind {
            Kind::HuggingFace => huggingface::tokenizer_json(&self.path, self.config()),
            Kind::Gguf(metadata) => gguf::tokenizer_json(metadata),
            Kind::Bundled => {
                let bytes = bundled::TOKENIZER.to_vec();
                huggingface::complete(&self.path, bytes, None, self.config()).map(Some)
            }
        }
    }

    /// Digest of one tensor's bytes; taken once, so that it can be taken when the bytes are read anyway.
    ///
    /// # Errors
    /// There is no tensor of that name.
    pub fn tensor_digest(&self, name: &str) -> Result<[u8; 32], Error> {
        let name = self.base(name);
        let known = self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        if let Some(digest) = known {
            return Ok(digest);
        }
        let digest = self.stored(name)?.digest();
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), digest);
        Ok(digest)
    }

    /// BLAKE3 of the configuration and of every tensor's name, dtype, shape and digest, as hex.
    ///
    /// The same model in another folder has the same digest.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{:?}\n", self.config()).as_bytes());
        for (name, entry) in &self.table.entries {
            let tensor = self.table.view(name, entry);
            hasher.update(format!("{tensor:?}\n").as_bytes());
            hasher.update(&self.tensor_digest(name).expect("the table's own name"));
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Put the parts together, holding every tensor against the graph.
    fn assemble(
        name: String,
        path: &Path,
        kind: Kind,
        config: ModelConfig,
        order: RowOrder,
        mut table: TensorTable,
    ) -> Result<Checkpoint, Error> {
        let mut shape = Shape::new(name, config, order)?;
        if let Some((node, modelled)) = shape.graph.modelled() {
            let found = format!("{} at {}", modelled.name(), node.path);
            let supported = "operators that the chip has; hint: this model can be planned by its config.json";
            return Err(Error::unsupported(path, format!("architecture {}", shape.config.architecture), found, supported));
        }
        resolve::resolve(&mut table, &shape.config)?;
        let weights = shape.graph.weights();
        for spec in &weights {
            let Some(entry) = table.entries.get(&spec.name) else {
                return Err(Error::MissingTensor {
                    path: path.to_owned(),
                    tensor: spec.name.clone(),
                    needed_by: format!("{} needs its shape {:?}", spec.needed_by, spec.shape),
                });
            };
            if entry.shape != spec.shape {
                return Err(Error::TensorShape {
                    path: table.shards[entry.shard].path.clone(),
                    tensor: spec.name.clone(),
                    found: entry.shape.clone(),
                    expected: spec.shape.clone(),
                    needed_by: spec.needed_by.clone(),
                });
            }
        }
        let used: std::collections::HashSet<&str> = weights.iter().map(|spec| spec.name.as_str()).collect();
        for (tensor, entry) in &table.entries {
            if !used.contains(tensor.as_str()) {
                return Err(Error::UnexpectedTensor {
                    path: table.shards[entry.shard].path.clone(),
                    tensor: tensor.clone(),
                    architecture: shape.config.architecture.to_string(),
                });
            }
        }
        shape.types = table.entries.iter().map(|(name, entry)| (name.clone(), entry.dtype)).collect();
        Ok(Checkpoint { shape, path: path.to_owned(), kind, table, turns: BTreeMap::new(), digests: Mutex::default() })
    }

    /// From parts compiled into the binary.
    pub(crate) fn from_static(name: &str, config: &[u8], weights: &'static [u8]) -> Result<Checkpoint, Error> {
        let path = Path::new(name);
        let config = ModelConfig::from_json(config, path)?;
        let mut table = TensorTable::default();
        huggingface::index_shard(&mut table, path, Bytes::Static(weights))?;
        let kind = Kind::Bundled;
        Checkpoint::assemble(name.to_owned(), path, kind, config, RowOrder::Half, table)
    }
}

fn open_folder(path: &Path) -> Result<Checkpoint, Error> {
    let config = path.join("config.json");
    if !config.is_file() {
        return Err(Error::NotACheckpoint { path: path.to_owned(), found: "this folder has no config.json".to_owned() });
    }
    let config = ModelConfig::from_json(&storage::read_small(&config)?, &config)?;
    let table = huggingface::open_weights(path)?;
    let kind = Kind::HuggingFace;
    Checkpoint::assemble(own_name(path), path, kind, config, RowOrder::Half, table)
}

fn open_gguf(path: &Path) -> Result<Checkpoint, Error> {
    let gguf::Gguf { metadata, config, order, table } = gguf::open(path)?;
    let name = match metadata.text("general.name")? {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => own_name(path),
    };
    Checkpoint::assemble(name, path, Kind::Gguf(metadata), config, order, table)
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({}, {} parameters)", self.source(), self.config().parameters)
    }
}
