//! A compiled chip and its folder: `chip.json` (structure), `program.bin` (codes, mapped), `tokenizer.json` (if the checkpoint
//! has one) and `manifest.json` (a digest of each). A folder is written beside its final name and renamed into place, so what has
//! the final name is whole.

use crate::error::Error;
use crate::floorplan::Floorplan;
use crate::graph::Netlist;
use crate::program::{ProgramStore, ProgramWriter, Record};
use crate::technology::Technology;
use crate::unit::matrix::MatrixSpec;
use crate::validate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Version of the folder's format; a chip of another version is refused.
pub const FORMAT: u32 = 5;

const TOKENIZER: &str = "tokenizer.json";
const PROGRAM: &str = "program.bin";
/// All that a chip folder may hold.
const FILES: [&str; 4] = ["chip.json", "manifest.json", PROGRAM, TOKENIZER];

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
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|e| Error::io(&path, e))
        };
        let manifest_path = folder.join("manifest.json");
        let text = read("manifest.json")?;
        let broken = |e: serde_json::Error| Error::format(&manifest_path, "manifest", e.to_string());
        // The version alone first: another version's manifest may have other fields.
        let Version { format } = serde_json::from_slice(&text).map_err(broken)?;
        if format != u64::from(FORMAT) {
            return Err(Error::format(&manifest_path, "format", format!("{format}, expected {FORMAT}; compile the chip again")));
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(broken)?;
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
        match (manifest.files.contains_key(TOKENIZER), fs::read(folder.join(TOKENIZER))) {
            (false, Err(e)) if e.kind() == std::io::ErrorKind::NotFound => {}
            (_, Ok(bytes)) => check(TOKENIZER, &blake3::hash(&bytes).to_hex())?,
            (_, Err(e)) => return Err(Error::io(&folder.join(TOKENIZER), e)),
        }
        let digest = blake3::hash(&text).to_hex().to_string();
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
        let path = self.folder.join(TOKENIZER);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(&path, e)),
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
    Error::format(path, "digest", "does not match manifest.json: the file was changed or cut; compile the chip again")
}

impl Structure {
    /// Matrices of the chip, embedding included, with the path of their unit.
    pub fn matrices(&self) -> impl Iterator<Item = (&str, &MatrixSpec)> {
        self.netlist.units().flat_map(|(_, u)| u.matrices().map(|m| (u.path.as_str(), m)))
    }
}

/// A chip folder being written. Dropped before [`ChipWriter::finish`], it leaves nothing behind.
pub struct ChipWriter {
    target: PathBuf,
    work: PathBuf,
    /// Takes the matrices and gains, in the order of their ids.
    pub programs: Option<ProgramWriter>,
    /// Locked while this process writes; see [`clear_abandoned`].
    alive: Option<fs::File>,
    done: bool,
}

impl ChipWriter {
    /// Starts a chip at `target`, which must be absent, empty, or a chip (which is then replaced).
    pub fn create(target: &Path) -> Result<ChipWriter, Error> {
        if let Some(found) = occupant(target) {
            return Err(Error::Occupied { path: target.to_path_buf(), found });
        }
        let Some(name) = target.file_name().map(|n| n.to_string_lossy().into_owned()) else {
            return Err(Error::Occupied { path: target.to_path_buf(), found: "no folder of its own".into() });
        };
        let parent = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(|e| Error::io(&parent, e))?;
        clear_abandoned(&parent, &name);
        let work = parent.join(format!(".{name}.partial-{}", std::process::id()));
        let _ = fs::remove_dir_all(&work);
        fs::create_dir(&work).map_err(|e| Error::io(&work, e))?;
        let mut writer = ChipWriter { target: target.to_path_buf(), work, programs: None, alive: None, done: false };
        let program = writer.work.join(PROGRAM);
        writer.programs = Some(ProgramWriter::create(&program)?);
        let file = fs::File::open(&program).map_err(|e| Error::io(&program, e))?;
        // Where a file system has no locks, what a killed run left stays.
        writer.alive = file.try_lock().is_ok().then_some(file);
        Ok(writer)
    }

    /// The program file being written.
    pub fn programs(&mut self) -> &mut ProgramWriter {
        self.programs.as_mut().expect("programs are open until finish")
    }

    /// Completes the folder and moves it into place. `structure.programs` is filled here.
    pub fn finish(mut self, mut structure: Structure, tokenizer_json: Option<&[u8]>) -> Result<Chip, Error> {
        let programs = self.programs.take().expect("finish runs once");
        let (records, _, program_digest) = programs.finish()?;
        structure.programs = records;
        let mut files = BTreeMap::from([(PROGRAM.to_string(), program_digest)]);
        let mut put = |name: &str, bytes: &[u8]| {
            files.insert(name.to_string(), blake3::hash(bytes).to_hex().to_string());
            let path = self.work.join(name);
            fs::write(&path, bytes).map_err(|e| Error::io(&path, e))
        };
        put("chip.json", &to_json(&structure))?;
        if let Some(t) = tokenizer_json {
            put(TOKENIZER, t)?;
        }
        let manifest = Manifest { format: FORMAT, hardwire: env!("CARGO_PKG_VERSION").into(), files };
        let path = self.work.join("manifest.json");
        fs::write(&path, to_json(&manifest)).map_err(|e| Error::io(&path, e))?;
        crate::folder::replace(&self.work, &self.target).map_err(|e| Error::io(&self.target, e))?;
        self.done = true;
        Chip::open(&self.target)
    }
}

impl Drop for ChipWriter {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.work);
        }
    }
}

/// What keeps `target` from being written: anything but nothing, an empty folder or a chip.
fn occupant(target: &Path) -> Option<String> {
    if fs::symlink_metadata(target).is_err() {
        return None;
    }
    let Ok(entries) = fs::read_dir(target) else { return Some("something that is no folder".into()) };
    let mut names: Vec<String> = entries.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    let foreign = names.iter().find(|n| !FILES.contains(&n.as_str()));
    let is_chip = ["chip.json", "manifest.json"].iter().all(|f| names.iter().any(|n| n == f));
    foreign.or(if is_chip { None } else { names.first() }).cloned()
}

/// Removes what runs that were killed left beside `name`: their folders hold a program that no process keeps locked any more.
fn clear_abandoned(parent: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let prefix = format!(".{name}.partial-");
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(&prefix)) {
        if fs::File::open(entry.path().join(PROGRAM)).is_ok_and(|f| f.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = serde_json::to_vec_pretty(value).expect("structures serialise");
    out.push(b'\n');
    out
}
