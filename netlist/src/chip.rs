//! A compiled chip and its folder: `chip.json` (structure), `program.bin` (codes, mapped), `tokenizer.json` and `chat_template.json` (if
//! the checkpoint has them) and `manifest.json` (a digest of each). What has the final name is whole ([`crate::folder`]).

use crate::error::Error;
use crate::floorplan::Floorplan;
use crate::folder::{Folder, Kind};
use crate::graph::Netlist;
use crate::input;
use crate::program::{ProgramStore, ProgramWriter, Record};
use crate::technology::Technology;
use crate::unit::matrix::MatrixSpec;
use crate::validate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Version of the folder's format; a chip of another version is refused.
pub const FORMAT: u32 = 5;

const TOKENIZER: &str = "tokenizer.json";
/// Name of the chat template in a chip's folder.
pub const CHAT_TEMPLATE: &str = "chat_template.json";
const PROGRAM: &str = "program.bin";
const MANIFEST: &str = "manifest.json";
/// As an output.
const FOLDER: Kind = Kind { name: "a Hardwire chip", manifest: MANIFEST, scratch: &[] };
/// Largest text read whole: the structure of eight billion weights takes 30 MB, the largest known tokenizer 35 MB.
const MOST_TEXT: u64 = 1 << 30;
/// Times a folder is opened that somebody replaces meanwhile.
const TRIES: u32 = 8;

/// What the chip was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub name: String,
    pub architecture: String,
    /// Digest of the checkpoint.
    pub digest: String,
    pub parameters: u64,
    pub hidden: u32,
    pub ffn: u32,
    pub layers: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    pub vocab: u32,
    /// Positions the model was trained for.
    pub model_context: u32,
    /// Positions the chip's cache holds for each of `users` sequences.
    pub context: u32,
    pub users: u32,
    pub act_bits: u8,
    pub kv_bits: u8,
    pub bos: Option<u32>,
    pub eos: Vec<u32>,
    /// Whether the model was turned into another basis before it was quantized (`Checkpoint::rotate`).
    #[serde(default)]
    pub rotated: bool,
    /// The model that the die was made for, where this one was put onto it later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub die: Option<String>,
}

impl ModelInfo {
    /// The model that the die was made for.
    pub fn die_name(&self) -> &str {
        self.die.as_deref().unwrap_or(&self.name)
    }
}

/// How well the codes of one matrix stand for its tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixQuality {
    pub tensor: String,
    pub bits_per_weight: f64,
    /// Every weight of the checkpoint is reproduced exactly.
    pub lossless: bool,
    /// `||w - q||^2 / ||w||^2`.
    pub relative_square_error: f64,
    /// In words: which stored type was kept, or what it became; what kept it from being exact.
    #[serde(default)]
    pub coding: String,
}

/// All of a chip but its codes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Structure {
    pub model: ModelInfo,
    pub technology: Technology,
    pub netlist: Netlist,
    pub floorplan: Floorplan,
    pub quality: Vec<MatrixQuality>,
    pub programs: Vec<Record>,
}

/// What a chip carries for its host, so that it can be spoken to: each as its JSON, if the checkpoint has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostTexts {
    pub tokenizer: Option<Vec<u8>>,
    pub chat_template: Option<Vec<u8>>,
}

/// A chip opened from its folder.
pub struct Chip {
    pub folder: PathBuf,
    pub structure: Structure,
    pub programs: ProgramStore,
    /// Digest of the manifest, and so of every file: the chip's identity.
    pub digest: String,
    /// What the manifest says of the program file.
    program_digest: String,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    hardwire: String,
    /// File name to blake3 digest.
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Version {
    format: u64,
}

impl Chip {
    /// A chip that lies in no folder, for tools that want one unit of it. Nothing is checked.
    pub fn from_parts(structure: Structure, programs: ProgramStore) -> Chip {
        Chip { folder: PathBuf::new(), structure, programs, digest: String::new(), program_digest: String::new() }
    }

    /// Opens a chip that was planned from a shape, in the file that `hardwire plan -o` writes: everything but weights, of which
    /// [`Structure::is_planned`] warns. Nothing may ask it for one.
    ///
    /// # Errors
    /// As [`Chip::open`].
    pub fn open_plan(file: &Path) -> Result<Chip, Error> {
        #[derive(Deserialize)]
        struct Planned {
            structure: Structure,
        }
        let text = input::read(file, MOST_TEXT)?;
        let Planned { structure } = serde_json::from_slice(&text).map_err(|e| Error::format(file, "plan", e.to_string()))?;
        validate::structure(&structure).map_err(|e| e.in_file(file))?;
        if !structure.is_planned() {
            return Err(Error::format(file, "programs", "a plan without weights has none; open the chip's folder instead"));
        }
        Ok(Chip::from_parts(structure, ProgramStore::default()))
    }

    /// Opens and checks a chip folder whole: [`Chip::open_structure`], then [`Chip::check_program`].
    ///
    /// # Errors
    /// `Error::Io` or `Error::Format`, naming the file, the unit or field, and what was expected.
    pub fn open(folder: &Path) -> Result<Chip, Error> {
        let chip = Chip::open_structure(folder)?;
        chip.check_program(&mut |_, _| true)?;
        Ok(chip)
    }

    /// Opens a chip folder without reading its program: checked are the format, the digests of the small files, the structure, and
    /// that every section of the program has its unit's shape and lies in the file. So every code and scale can be read, and any may
    /// be wrong: nothing may compute with such a chip before [`Chip::check_program`].
    ///
    /// # Errors
    /// As [`Chip::open`].
    pub fn open_structure(folder: &Path) -> Result<Chip, Error> {
        let manifest = || input::read(&folder.join(MANIFEST), MOST_TEXT);
        let mut text = manifest()?;
        for _ in 1..TRIES {
            let chip = Chip::open_by(folder, &text);
            // Replaced while it was opened: its files may be of two chips.
            match manifest() {
                Ok(now) if now != text => text = now,
                _ => return chip,
            }
        }
        Chip::open_by(folder, &text)
    }

    /// The chip that a manifest's text describes.
    fn open_by(folder: &Path, text: &[u8]) -> Result<Chip, Error> {
        let read = |name: &str| input::read(&folder.join(name), MOST_TEXT);
        let manifest_path = folder.join(MANIFEST);
        let broken = |e: serde_json::Error| Error::format(&manifest_path, "manifest", e.to_string());
        // The version alone first: another version's manifest may have other fields.
        let Version { format } = serde_json::from_slice(text).map_err(broken)?;
        if format != u64::from(FORMAT) {
            return Err(Error::format(&manifest_path, "format", format!("{format}, expected {FORMAT}; compile the chip again")));
        }
        let manifest: Manifest = serde_json::from_slice(text).map_err(broken)?;
        let check = |name: &str, digest: &str| match manifest.files.get(name) {
            Some(want) if want == digest => Ok(()),
            _ => Err(changed(&folder.join(name))),
        };
        let path = folder.join("chip.json");
        let bytes = read("chip.json")?;
        check("chip.json", &blake3::hash(&bytes).to_hex())?;
        let structure: Structure = serde_json::from_slice(&bytes).map_err(|e| Error::format(&path, "structure", e.to_string()))?;
        validate::structure(&structure).map_err(|e| e.in_file(&path))?;
        let program_path = folder.join(PROGRAM);
        let programs = ProgramStore::open(&program_path, structure.programs.clone())?;
        let program_digest = manifest.files.get(PROGRAM).cloned().ok_or_else(|| changed(&program_path))?;
        validate::shapes(&structure, &programs, &program_path)?;
        for name in [TOKENIZER, CHAT_TEMPLATE] {
            match (manifest.files.contains_key(name), read(name)) {
                (false, Err(e)) if e.is_absent() => {}
                (_, bytes) => check(name, &blake3::hash(&bytes?).to_hex())?,
            }
        }
        let digest = blake3::hash(text).to_hex().to_string();
        Ok(Chip { folder: folder.to_path_buf(), structure, programs, digest, program_digest })
    }

    /// Checks the program that [`Chip::open_structure`] did not read: its digest, then every number's range. `progress` is told bytes
    /// done and bytes in all and says whether to go on. `Ok(false)`: it said no, and nothing is known.
    ///
    /// # Errors
    /// `Error::Format`, naming the unit and field.
    pub fn check_program(&self, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<bool, Error> {
        let path = self.folder.join(PROGRAM);
        let all = self.programs.len();
        let Some(digest) = self.programs.digest(&mut |done| progress(done, all)) else { return Ok(false) };
        if digest != self.program_digest {
            return Err(changed(&path));
        }
        validate::contents(&self.structure, &self.programs, &path)?;
        Ok(progress(all, all))
    }

    /// The tokenizer's JSON, if the chip carries one.
    pub fn tokenizer_json(&self) -> Result<Option<Vec<u8>>, Error> {
        self.text(TOKENIZER)
    }

    /// The chat template's JSON, if the chip carries one.
    pub fn chat_template_json(&self) -> Result<Option<Vec<u8>>, Error> {
        self.text(CHAT_TEMPLATE)
    }

    fn text(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match input::read(&self.folder.join(name), MOST_TEXT) {
            Err(e) if e.is_absent() => Ok(None),
            other => other.map(Some),
        }
    }

    pub fn netlist(&self) -> &Netlist {
        &self.structure.netlist
    }

    pub fn model(&self) -> &ModelInfo {
        &self.structure.model
    }
}

fn changed(path: &Path) -> Error {
    Error::format(path, "digest", "does not match manifest.json: the file was changed or cut; delete the chip and compile it again")
}

impl Structure {
    /// Matrices of the chip, embedding included, with the path of their unit.
    pub fn matrices(&self) -> impl Iterator<Item = (&str, &MatrixSpec)> {
        self.netlist.units().flat_map(|(_, u)| u.matrices().map(|m| (u.path.as_str(), m)))
    }

    /// Stored bits of a weight, scales and offsets included, over all matrices.
    pub fn bits_per_weight(&self) -> f64 {
        let (mut bits, mut weights) = (0.0, 0.0);
        for (_, m) in self.matrices() {
            bits += m.bits_per_weight() * m.weights() as f64;
            weights += m.weights() as f64;
        }
        bits / weights
    }

    /// Whether it was planned from a shape: no weight of it is known.
    pub fn is_planned(&self) -> bool {
        self.programs.is_empty()
    }
}

/// A chip folder being written. Dropped before [`ChipWriter::finish`], it leaves nothing behind.
pub struct ChipWriter {
    target: PathBuf,
    folder: Folder,
    /// Takes the matrices and gains, in the order of their ids.
    programs: ProgramWriter,
}

impl ChipWriter {
    /// Starts a chip at `target`, which must be absent, empty, or a chip as it was written (which is then replaced).
    pub fn create(target: &Path) -> Result<ChipWriter, Error> {
        let folder = Folder::create(target, FOLDER)?;
        let programs = ProgramWriter::create(&folder.path().join(PROGRAM))?;
        Ok(ChipWriter { target: target.to_path_buf(), folder, programs })
    }

    /// The program file being written.
    pub fn programs(&mut self) -> &mut ProgramWriter {
        &mut self.programs
    }

    /// Completes the folder and moves it into place. `structure.programs` is filled here.
    pub fn finish(self, mut structure: Structure, texts: &HostTexts) -> Result<Chip, Error> {
        let ChipWriter { target, mut folder, programs } = self;
        let (records, _, program_digest) = programs.finish()?;
        structure.programs = records;
        folder.put("chip.json", &to_json(&structure))?;
        for (name, text) in [(TOKENIZER, &texts.tokenizer), (CHAT_TEMPLATE, &texts.chat_template)] {
            if let Some(text) = text {
                folder.put(name, text)?;
            }
        }
        let mut files = folder.digests();
        files.insert(PROGRAM.to_string(), program_digest);
        let manifest = Manifest { format: FORMAT, hardwire: env!("CARGO_PKG_VERSION").into(), files };
        folder.finish(&to_json(&manifest))?;
        Chip::open(&target)
    }
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = serde_json::to_vec_pretty(value).expect("structures serialise");
    out.push(b'\n');
    out
}
