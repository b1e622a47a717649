//! A part of a chip's program in a folder of its own, made by one of several tasks and joined to a chip later: `program.bin` of its matrices,
//! `shard.json` with whatever their maker knows of them, and `manifest.json` with a digest of each. What has the final name is whole
//! ([`crate::folder`]).

use crate::error::Error;
use crate::folder::{Folder, Kind};
use crate::input;
use crate::program::{ProgramStore, ProgramWriter, Record};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const PROGRAM: &str = "program.bin";
const KNOWN: &str = "shard.json";
const MANIFEST: &str = "manifest.json";
const FOLDER: Kind = Kind { name: "a shard of a Hardwire chip", manifest: MANIFEST, scratch: &[] };
/// Largest text read whole.
const MOST_TEXT: u64 = 1 << 30;

/// What names a run: BLAKE3 of what is common to its shards, as hex.
pub fn digest(common: &[u8]) -> String {
    blake3::hash(common).to_hex().to_string()
}

/// A shard being written. Dropped before [`ShardWriter::finish`], it leaves nothing behind.
pub struct ShardWriter {
    folder: Folder,
    programs: ProgramWriter,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    shard: u32,
    files: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Written<K> {
    known: K,
    programs: Vec<Record>,
}

/// Version of the folder.
const FORMAT: u32 = 1;

impl ShardWriter {
    /// Starts a shard at `target`, which must be absent, empty, or a shard as it was written (which is then replaced).
    pub fn create(target: &Path) -> Result<ShardWriter, Error> {
        let folder = Folder::create(target, FOLDER)?;
        let programs = ProgramWriter::create(&folder.path().join(PROGRAM))?;
        Ok(ShardWriter { folder, programs })
    }

    /// The program file being written.
    pub fn programs(&mut self) -> &mut ProgramWriter {
        &mut self.programs
    }

    /// Completes the folder and moves it into place.
    pub fn finish(self, known: &impl Serialize) -> Result<(), Error> {
        let ShardWriter { mut folder, programs } = self;
        let (programs, _, digest) = programs.finish()?;
        folder.put(KNOWN, &serde_json::to_vec(&Written { known, programs }).expect("a shard serialises"))?;
        let mut files = folder.digests();
        files.insert(PROGRAM.into(), digest);
        folder.finish(&serde_json::to_vec_pretty(&Manifest { shard: FORMAT, files }).expect("a manifest serialises"))?;
        Ok(())
    }
}

/// A shard of `K`, opened from its folder and checked whole.
pub struct Shard<K> {
    pub known: K,
    pub programs: ProgramStore,
}

impl<K: DeserializeOwned> Shard<K> {
    /// # Errors
    /// `Error::Io` or `Error::Format`, naming the file: no shard, one of another version, or one that was changed.
    pub fn open(folder: &Path) -> Result<Shard<K>, Error> {
        let at = |name: &str| folder.join(name);
        let broken = |name: &str, e: serde_json::Error| Error::format(&at(name), "shard", e.to_string());
        let manifest: Manifest = serde_json::from_slice(&input::read(&at(MANIFEST), MOST_TEXT)?).map_err(|e| broken(MANIFEST, e))?;
        if manifest.shard != FORMAT {
            return Err(Error::format(&at(MANIFEST), "shard", format!("version {}, expected {FORMAT}; make it again", manifest.shard)));
        }
        let check = |name: &str, digest: String| match manifest.files.get(name) {
            Some(want) if *want == digest => Ok(()),
            _ => Err(Error::format(&at(name), "digest", "does not match manifest.json: the file was changed or cut; make the shard again")),
        };
        let text = input::read(&at(KNOWN), MOST_TEXT)?;
        check(KNOWN, blake3::hash(&text).to_hex().to_string())?;
        let Written { known, programs } = serde_json::from_slice(&text).map_err(|e| broken(KNOWN, e))?;
        let programs = ProgramStore::open(&at(PROGRAM), programs)?;
        check(PROGRAM, programs.digest(&mut |_| true).expect("nobody said no"))?;
        Ok(Shard { known, programs })
    }
}
