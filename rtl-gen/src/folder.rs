//! The output folder: what is written into it counted, and what of it is Verilog remembered.

use crate::error::Error;
use hardwire_netlist::folder::{self, Kind};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Folders of the harness: builds and what they are fed with, in the folder of the Verilog, which may be emitted over them.
const BUILDS: [&str; 6] = ["build", "build-probe", "build-vcd", "build-probe-vcd", "build-fst", "build-probe-fst"];

/// As an output.
const FOLDER: Kind = Kind { name: "emitted Verilog", manifest: "hardwire-rtl.json", scratch: &BUILDS };

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emitted {
    pub files: u64,
    pub lines: u64,
    pub bytes: u64,
}

/// A folder being written, or no folder at all. Dropped before [`Folder::finish`], it leaves nothing behind.
pub struct Folder {
    /// Absent where texts are only kept, and whoever makes ROM images asks [`Folder::takes_images`] first.
    on_disk: Option<folder::Folder>,
    emitted: Emitted,
    /// Verilog files of the chip, testbenches left out.
    sources: BTreeSet<String>,
    /// Identifiers of the library's name space that the Verilog uses.
    library_names: BTreeSet<String>,
    /// ROM images by the folder they are in.
    images: BTreeMap<String, u64>,
    /// Name and text of each file of a folder that is only in memory.
    texts: Vec<(String, String)>,
}

impl Folder {
    /// No folder at all: texts are kept.
    pub fn in_memory() -> Folder {
        Folder::new(None)
    }

    fn new(on_disk: Option<folder::Folder>) -> Folder {
        Folder {
            on_disk,
            emitted: Emitted::default(),
            sources: BTreeSet::new(),
            library_names: BTreeSet::new(),
            images: BTreeMap::new(),
            texts: Vec::new(),
        }
    }

    pub fn takes_images(&self) -> bool {
        self.on_disk.is_some()
    }

    /// Text of a file of a folder in memory.
    pub fn kept(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|t| t.0 == name).map(|t| t.1.as_str())
    }

    /// `target` must be absent, empty, or an earlier output as it was written (which is then replaced).
    pub fn create(target: &Path) -> Result<Folder, Error> {
        Ok(Folder::new(Some(folder::Folder::create(target, FOLDER)?)))
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
        self.emitted.files += 1;
        if let Some((folder, _)) = name.rsplit_once('/').filter(|_| name.ends_with(".hex")) {
            *self.images.entry(folder.into()).or_default() += 1;
        }
        self.more(name)
    }

    /// Opens a file of the folder to write on at its end.
    pub fn more(&mut self, name: &str) -> Result<OutFile<'_>, Error> {
        let Some(on_disk) = &mut self.on_disk else {
            return Err(Error::Option { option: "module", what: format!("{name} asks for a folder, and nothing is written") });
        };
        Ok(OutFile { out: on_disk.file(name)?, emitted: &mut self.emitted })
    }

    pub fn text(&mut self, name: &str, text: &str) -> Result<(), Error> {
        if self.on_disk.is_none() {
            self.texts.push((name.into(), text.into()));
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

    /// Moves the folder into place.
    pub fn finish(mut self) -> Result<Emitted, Error> {
        let Some(on_disk) = self.on_disk.take() else { return Ok(self.emitted) };
        let manifest = json!({"hardwire": env!("CARGO_PKG_VERSION"), "kind": "verilog", "files": on_disk.digests()}).to_string() + "\n";
        self.emitted.files += 1;
        self.emitted.lines += 1;
        self.emitted.bytes += manifest.len() as u64;
        on_disk.finish(manifest.as_bytes())?;
        Ok(self.emitted)
    }
}

/// Identifiers of a Verilog text that begin with `hw_`, comments left out.
fn library_names(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    code.flat_map(move |line| line.split(word)).filter(|w| w.starts_with("hw_"))
}

/// A file of the folder; lines and bytes are counted as they pass.
pub struct OutFile<'a> {
    out: folder::OutFile<'a>,
    emitted: &'a mut Emitted,
}

impl OutFile<'_> {
    pub fn put(&mut self, bytes: &[u8], lines: u64) -> Result<(), Error> {
        self.out.put(bytes)?;
        self.emitted.bytes += bytes.len() as u64;
        self.emitted.lines += lines;
        Ok(())
    }

    pub fn close(self) -> Result<(), Error> {
        Ok(self.out.close()?)
    }
}
