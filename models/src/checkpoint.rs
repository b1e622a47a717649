//! A checkpoint: configuration, operator graph, tensors and tokenizer of one trained model,
//! the same whether it came as a Hugging Face folder, a GGUF file or inside this binary.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::buffers::{is_buffer, quantization};
use crate::config::{ModelConfig, Rate, RowOrder};
use crate::graph::{EMBEDDING, HEAD, OpGraph};
use crate::rotate::{self, Kind as Made, Turn};
use crate::shape::{Shape, own_name};
use crate::storage::{self, Bytes, TensorTable};
use crate::{ChatTemplate, Error, Tensor, Tokenizer, bundled, gguf, huggingface, resolve};

/// A model whose every tensor is present, has the shape its graph asks for, and lies mapped.
pub struct Checkpoint {
    shape: Shape,
    path: PathBuf,
    kind: Kind,
    table: TensorTable,
    /// Tensors of a rotated model, by name.
    turns: BTreeMap<String, Turn>,
    /// What was passed over in the files.
    warnings: Vec<String>,
    /// Digests of tensors' bytes that were asked for.
    digests: Mutex<BTreeMap<String, [u8; 32]>>,
}

enum Kind {
    HuggingFace,
    Gguf(gguf::Metadata),
    Bundled,
}

impl Checkpoint {
    /// Open a Hugging Face folder, one GGUF file under any name, or a folder that holds one. Weights are mapped, not read.
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
            _ if gguf::is_gguf(path) => return open_gguf(path),
            "safetensors" | "json" => "this is one file of a folder; hint: give the folder that holds it",
            _ => "this is a file of another kind",
        };
        // What stands for a file that lies elsewhere says so.
        storage::map_file(path)?;
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

    /// What its files say that was passed over, a sentence each: fields that no operator of this family reads, tokens that cannot be.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
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

    /// The speeds of decay that a tensor says.
    ///
    /// # Errors
    /// There is none of that name, or a number in it says no speed.
    pub fn speeds(&self, name: &str, stored: Rate) -> Result<Vec<f64>, Error> {
        let speed = |x: &f32| {
            let expected = match stored {
                Rate::Logarithm => "the logarithm of a speed of decay",
                Rate::Negative => "a speed of decay, negative",
            };
            stored.speed(f64::from(*x)).ok_or_else(|| Error::field(&self.path, format!("tensor {name}"), x, expected))
        };
        self.tensor(name)?.to_f32()?.iter().map(speed).collect()
    }

    /// Hugging Face names of all stored tensors, sorted.
    pub fn tensor_names(&self) -> Vec<String> {
        self.table.entries.keys().cloned().collect()
    }

    /// The tokenizer; `None` if the checkpoint has none. It may know tokens past the embedding's rows: only a text that has one fails.
    ///
    /// # Errors
    /// It cannot be read, or is of a kind that cannot be reproduced exactly.
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>, Error> {
        let Some(json) = self.tokenizer_json()? else {
            return Ok(None);
        };
        let tokenizer = Tokenizer::from_json(&json).map_err(|e| match e {
            Error::Tokenizer { problem, .. } => Error::Tokenizer { origin: self.source(), problem },
            other => other,
        })?;
        Ok(Some(tokenizer))
    }

    /// The tokenizer as `tokenizer.json` bytes, begin-token convention included; built from the
    /// metadata of a GGUF file. `None` if the checkpoint has none.
    ///
    /// # Errors
    /// As [`Checkpoint::tokenizer`].
    pub fn tokenizer_json(&self) -> Result<Option<Vec<u8>>, Error> {
        match &self.kind {
            Kind::HuggingFace => huggingface::tokenizer_json(&self.path, self.config().architecture),
            Kind::Gguf(metadata) => gguf::tokenizer_json(metadata),
            Kind::Bundled => huggingface::begun(&self.path, bundled::TOKENIZER, self.config().bos).map(Some),
        }
    }

    /// The chat template; `None` if the checkpoint has none.
    ///
    /// # Errors
    /// A file that holds it cannot be read, or holds something else in its place.
    pub fn chat_template(&self) -> Result<Option<ChatTemplate>, Error> {
        match &self.kind {
            Kind::HuggingFace => huggingface::chat_template(&self.path, self.config().architecture),
            Kind::Gguf(metadata) => gguf::chat_template(metadata),
            Kind::Bundled => Ok(None),
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
        mut warnings: Vec<String>,
    ) -> Result<Checkpoint, Error> {
        resolve::resolve(&mut table, &config)?;
        let config = settle_head(path, config, &mut table, &mut warnings)?;
        let mut shape = Shape::new(name, config, order)?;
        hold_against(path, &shape, &mut table)?;
        shape.types = table.entries.iter().map(|(name, entry)| (name.clone(), entry.dtype)).collect();
        Ok(Checkpoint { shape, path: path.to_owned(), kind, table, turns: BTreeMap::new(), warnings, digests: Mutex::default() })
    }

    /// From parts compiled into the binary.
    pub(crate) fn from_static(name: &str, config: &[u8], weights: &'static [u8]) -> Result<Checkpoint, Error> {
        let path = Path::new(name);
        let config = ModelConfig::from_json(config, path)?;
        let mut table = TensorTable::default();
        huggingface::index_shard(&mut table, path, Bytes::Static(weights))?;
        Checkpoint::assemble(name.to_owned(), path, Kind::Bundled, config, RowOrder::Half, table, Vec::new())
    }
}

/// A file that ties its head to the embedding and stores both has two if they differ, and one if only the head is there: so
/// transformers 5 loads it (`PreTrainedModel.tie_weights`).
fn settle_head(path: &Path, mut config: ModelConfig, table: &mut TensorTable, warnings: &mut Vec<String>) -> Result<ModelConfig, Error> {
    if !config.tied_embeddings || !table.entries.contains_key(HEAD) {
        return Ok(config);
    }
    let same = match (table.entries.get(EMBEDDING), table.entries.get(HEAD)) {
        (Some(embedding), Some(head)) => table.view(EMBEDDING, embedding).same_values(&table.view(HEAD, head))?,
        (None, Some(_)) => true,
        _ => return Ok(config),
    };
    if same {
        if let Some(head) = table.entries.remove(HEAD) {
            table.entries.entry(EMBEDDING.to_owned()).or_insert(head);
        }
        return Ok(config);
    }
    warnings.push(format!("tie_word_embeddings is true and {HEAD} is stored with other values than the embedding: it is the head"));
    config.tied_embeddings = false;
    config.checked(path)
}

/// Every tensor that the graph reads is there in its shape, and no other but what no model reads, which goes.
fn hold_against(path: &Path, shape: &Shape, table: &mut TensorTable) -> Result<(), Error> {
    const DTYPES: &str = "F32, F16, BF16, F64, MXFP4";
    let weights = shape.graph.weights();
    let used: HashSet<&str> = weights.iter().map(|spec| spec.name.as_str()).collect();
    let TensorTable { shards, entries, raw } = table;
    for spec in &weights {
        if let Some(raw) = raw.get(&spec.name) {
            let found = match quantization(&spec.name, Some(raw)) {
                Some(method) => format!("{} ({method} quantization)", raw.dtype),
                None if raw.shape.is_empty() => format!("one {}", raw.dtype),
                None => raw.dtype.clone(),
            };
            return Err(Error::unsupported(&shards[raw.place.shard].path, format!("tensor {}: dtype", spec.name), found, DTYPES));
        }
    }
    let unread = |name: &str| shape.config.architecture.leaves_unread(name);
    entries.retain(|name, entry| used.contains(name.as_str()) || !(is_buffer(name, &entry.shape) || unread(name)));
    raw.retain(|name, raw| !(is_buffer(name, &raw.shape) || unread(name)));
    // A quantization shows in what is there as in what is not.
    let stray = entries.iter().filter(|(name, _)| !used.contains(name.as_str()));
    let stray: Vec<_> = stray.map(|(name, entry)| (name, entry.shard, None)).collect();
    let stray: Vec<_> = stray.into_iter().chain(raw.iter().map(|(name, raw)| (name, raw.place.shard, Some(raw)))).collect();
    for (name, shard, raw) in &stray {
        if let Some(method) = quantization(name, *raw) {
            let found = format!("{method} quantization");
            return Err(Error::unsupported(&shards[*shard].path, format!("tensor {name}"), found, DTYPES));
        }
    }
    if let Some((name, shard, Some(raw))) = stray.iter().find(|(_, _, raw)| raw.is_some()) {
        let found = format!("{} {:?}", raw.dtype, raw.shape);
        return Err(Error::unsupported(&shards[*shard].path, format!("tensor {name}: dtype"), found, DTYPES));
    }
    for spec in &weights {
        let Some(entry) = entries.get(&spec.name) else {
            return Err(Error::MissingTensor {
                path: path.to_owned(),
                tensor: spec.name.clone(),
                needed_by: format!("{} needs its shape {:?}", spec.needed_by, spec.shape),
            });
        };
        if entry.shape != spec.shape {
            return Err(Error::TensorShape {
                path: shards[entry.shard].path.clone(),
                tensor: spec.name.clone(),
                found: entry.shape.clone(),
                expected: spec.shape.clone(),
                needed_by: spec.needed_by.clone(),
            });
        }
    }
    match stray.first() {
        None => Ok(()),
        Some((name, shard, _)) => Err(Error::UnexpectedTensor {
            path: shards[*shard].path.clone(),
            tensor: (*name).clone(),
            architecture: shape.config.architecture.to_string(),
        }),
    }
}

fn open_folder(path: &Path) -> Result<Checkpoint, Error> {
    let config = path.join("config.json");
    if !huggingface::has_weights(path)
        && let Some(file) = lone_gguf(path)?
    {
        return open_gguf(&file);
    }
    if !storage::is_there(&config)? {
        return Err(Error::NotACheckpoint { path: path.to_owned(), found: "this folder has no config.json".to_owned() });
    }
    let (mut config, mut warnings) = huggingface::parse_config(&storage::read_small(&config)?, &config)?;
    huggingface::ends_of_text(path, &mut config, &mut warnings)?;
    let table = huggingface::open_weights(path)?;
    let order = config.architecture.folder_order();
    Checkpoint::assemble(own_name(path), path, Kind::HuggingFace, config, order, table, warnings)
}

/// The one GGUF file of a folder, whatever its name: stores keep files under the digest of their content.
fn lone_gguf(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, "list", e))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.is_file() && gguf::is_gguf(file));
    files.sort();
    match &files[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [one, ..] => {
            let found = format!("this folder has {} GGUF files, {} first; hint: give one of them", files.len(), own_name(one));
            Err(Error::NotACheckpoint { path: folder.to_owned(), found })
        }
    }
}

fn open_gguf(path: &Path) -> Result<Checkpoint, Error> {
    let gguf::Gguf { metadata, config, order, table, warnings } = gguf::open(path)?;
    let name = match metadata.text("general.name")? {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => own_name(path),
    };
    Checkpoint::assemble(name, path, Kind::Gguf(metadata), config, order, table, warnings)
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({}, {} parameters)", self.source(), self.config().parameters)
    }
}
