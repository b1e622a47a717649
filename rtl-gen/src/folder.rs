//! The output folder: written beside its final name, counted, and renamed into place when whole.

use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Marks a folder as ours, which may then be replaced.
const MARK: &str = "hardwire-rtl.json";

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emitted {
    pub files: u64,
    pub lines: u64,
    pub bytes: u64,
}

/// A folder being written. Dropped before [`Folder::finish`], it leaves nothing behind.
pub struct Folder {
    target: PathBuf,
    work: PathBuf,
    emitted: Emitted,
    done: bool,
    /// Verilog files of the chip, testbenches left out.
    sources: BTreeSet<String>,
    /// Identifiers of the library's name space that the Verilog uses.
    library_names: BTreeSet<String>,
    /// ROM images by the folder they are in.
    images: BTreeMap<String, u64>,
    /// Name and text of each file of a folder that is only in memory; it takes no ROM images.
    texts: Option<Vec<(String, String)>>,
}

impl Folder {
    /// No folder at all: texts are kept, and whoever makes ROM images asks [`Folder::takes_images`] first.
    pub fn in_memory() -> Folder {
        let mut folder = Folder::new(PathBuf::new(), PathBuf::new());
        (folder.done, folder.texts) = (true, Some(Vec::new()));
        folder
    }

    fn new(target: PathBuf, work: PathBuf) -> Folder {
        Folder {
            target,
            work,
            emitted: Emitted::default(),
            done: false,
            sources: BTreeSet::new(),
            library_names: BTreeSet::new(),
            images: BTreeMap::new(),
            texts: None,
        }
    }

    pub fn takes_images(&self) -> bool {
        self.texts.is_none()
    }

    /// Text of a file of a folder in memory.
    pub fn kept(&self, name: &str) -> Option<&str> {
        self.texts.as_ref()?.iter().find(|t| t.0 == name).map(|t| t.1.as_str())
    }

    /// `target` must be absent, empty, or an earlier output (which is then replaced).
    pub fn create(target: &Path) -> Result<Folder, Error> {
        if !replaceable(target) {
            return Err(Error::Occupied { path: target.to_path_buf() });
        }
        let name = target.file_name().ok_or_else(|| Error::Occupied { path: target.to_path_buf() })?;
        let parent = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(|e| Error::io(&parent, e))?;
        let work = parent.join(format!(".{}.partial-{}", name.to_string_lossy(), std::process::id()));
        let _ = fs::remove_dir_all(&work);
        fs::create_dir(&work).map_err(|e| Error::io(&work, e))?;
        Ok(Folder::new(target.to_path_buf(), work))
    }

    /// Verilog files of the chip written so far, in order.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(String::as_str)
    }

    /// Identifiers that begin with `hw_` in the Verilog written so far: the library's modules and headers among them.
    pub fn library_names(&self) -> &BTreeSet<String> {
        &self.library_names
    }

    /// ROM images written so far in `rom/NAME` itself.
    pub fn images(&self, name: &str) -> u64 {
        self.images.get(&format!("rom/{name}")).copied().unwrap_or(0)
    }

    /// Opens `name` (a path inside the folder) for writing.
    pub fn file(&mut self, name: &str) -> Result<OutFile<'_>, Error> {
        let path = self.work.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
        }
        let file = File::create(&path).map_err(|e| Error::io(&path, e))?;
        self.emitted.files += 1;
        if let Some((folder, _)) = name.rsplit_once('/').filter(|_| name.ends_with(".hex")) {
            *self.images.entry(folder.into()).or_default() += 1;
        }
        Ok(OutFile { out: BufWriter::with_capacity(1 << 18, file), path, emitted: &mut self.emitted })
    }

    /// Opens a file of the folder to write on at its end.
    pub fn more(&mut self, name: &str) -> Result<OutFile<'_>, Error> {
        let path = self.work.join(name);
        let file = File::options().append(true).open(&path).map_err(|e| Error::io(&path, e))?;
        Ok(OutFile { out: BufWriter::with_capacity(1 << 18, file), path, emitted: &mut self.emitted })
    }

    pub fn text(&mut self, name: &str, text: &str) -> Result<(), Error> {
        if let Some(texts) = &mut self.texts {
            texts.push((name.into(), text.into()));
            return Ok(());
        }
        if name.ends_with(".v") || name.ends_with(".vh") {
            self.library_names.extend(library_names(text).map(str::to_owned));
        }
        if name.starts_with("rtl/") && name.ends_with(".v") {
            self.sources.insert(name.into());
        }
        let mut file = self.file(name)?;
        // Templates lose their last newline.
        let end = if text.ends_with('\n') { "" } else { "\n" };
        file.put(text.as_bytes(), text.bytes().filter(|&b| b == b'\n').count() as u64)?;
        file.put(end.as_bytes(), end.len() as u64)?;
        file.close()
    }

    /// Marks the folder and moves it into place.
    pub fn finish(mut self) -> Result<Emitted, Error> {
        self.text(MARK, &format!("{{\"hardwire\": \"{}\", \"kind\": \"verilog\"}}\n", env!("CARGO_PKG_VERSION")))?;
        hardwire_netlist::folder::replace(&self.work, &self.target).map_err(|e| Error::io(&self.target, e))?;
        self.done = true;
        Ok(self.emitted)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.work);
        }
    }
}

/// Identifiers of a Verilog text that begin with `hw_`, comments left out.
fn library_names(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    code.flat_map(move |line| line.split(word)).filter(|w| w.starts_with("hw_"))
}

fn replaceable(target: &Path) -> bool {
    match fs::read_dir(target) {
        Ok(mut entries) => target.join(MARK).is_file() || entries.next().is_none(),
        Err(_) => !target.exists(),
    }
}

/// A file of the folder; lines and bytes are counted as they pass.
pub struct OutFile<'a> {
    out: BufWriter<File>,
    path: PathBuf,
    emitted: &'a mut Emitted,
}

impl OutFile<'_> {
    pub fn put(&mut self, bytes: &[u8], lines: u64) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(|e| Error::io(&self.path, e))?;
        self.emitted.bytes += bytes.len() as u64;
        self.emitted.lines += lines;
        Ok(())
    }

    pub fn close(mut self) -> Result<(), Error> {
        self.out.flush().map_err(|e| Error::io(&self.path, e))
    }
}
