//! What is written has its final name only when it is whole, and replaces only what this program wrote.
//!
//! A folder is written under `.NAME.partial-N` beside its name, locked while its writer lives. Its manifest names every file with a digest.
//! Done, it is exchanged with what has the name: that must be a folder of the same kind whose every file stands in its own manifest with its
//! digest, which is looked at before the work begins and again when nobody can reach it any more. A process that ends early, by a signal
//! too, takes its partial folders with it ([`live`]); what one that was killed left is removed by the next that writes there.

pub mod live;
mod swap;

use crate::error::Error;
use live::Live;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes written at a time.
const BUFFER: usize = 1 << 18;
/// Bytes of a name that are kept in the names beside it: file systems take 255 in all.
const MOST_NAME: usize = 180;
/// Times a name for a partial folder is tried.
const TRIES: u32 = 1000;

/// A kind of output folder.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// In words.
    pub name: &'static str,
    /// File with the name and digest of every other: `{"files": {NAME: DIGEST}}` beside whatever else the kind puts there. Empty: there is
    /// none, and a folder of this kind is never replaced.
    pub manifest: &'static str,
    /// Folders that the program itself makes in one later, which go with it.
    pub scratch: &'static [&'static str],
}

/// A folder being written. Dropped before [`Folder::finish`], it leaves nothing behind.
pub struct Folder {
    target: PathBuf,
    kind: Kind,
    work: Live,
    hashers: BTreeMap<String, blake3::Hasher>,
    /// Locked while this process writes.
    _alive: File,
}

#[derive(Deserialize)]
struct Listed {
    files: BTreeMap<String, String>,
}

impl Folder {
    /// Starts a folder at `target`, which must be absent, empty, or one of its kind (which is then replaced). A link is followed.
    ///
    /// # Errors
    /// `Error::Occupied` where something else is there; `Error::Io`.
    pub fn create(target: &Path, kind: Kind) -> Result<Folder, Error> {
        let target = swap::followed(target)?;
        let occupied = |found: &str| Error::occupied(&target, found, kind.name);
        let name = target.file_name().ok_or_else(|| occupied("no folder of its own"))?;
        let (parent, name) = (parent(&target), stem(&name.to_string_lossy()));
        fs::create_dir_all(&parent).map_err(|e| Error::io(&parent, e))?;
        swap::recover(&target, &parent, &name);
        clear_abandoned(&parent, &format!(".{name}.partial-"));
        if let Some(found) = stranger(&target, kind) {
            return Err(occupied(&found));
        }
        let (work, alive) = partial(&parent, &name)?;
        Ok(Folder { target, kind, work, hashers: BTreeMap::new(), _alive: alive })
    }

    /// Where it is while it is written.
    pub fn path(&self) -> &Path {
        self.work.path()
    }

    /// Opens `name` (a path inside the folder) for writing, or to go on at its end if it was opened before.
    ///
    /// # Errors
    /// `Error::Io`.
    pub fn file(&mut self, name: &str) -> Result<OutFile<'_>, Error> {
        let path = self.work.path().join(name);
        let again = self.hashers.contains_key(name);
        if let Some(parent) = path.parent().filter(|_| !again) {
            let _guard = live::hold();
            fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
        }
        let file = File::options().append(true).create_new(!again).open(&path).map_err(|e| Error::io(&path, e))?;
        let hasher = self.hashers.entry(name.into()).or_default();
        Ok(OutFile { out: BufWriter::with_capacity(BUFFER, file), path, hasher })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// `Error::Io`.
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut file = self.file(name)?;
        file.put(bytes)?;
        file.close()
    }

    /// Name and digest of every file, as its manifest has to list them.
    pub fn digests(&self) -> BTreeMap<String, String> {
        self.hashers.iter().map(|(name, hasher)| (name.clone(), hasher.finalize().to_hex().to_string())).collect()
    }

    /// Writes the manifest and moves the folder into place. Gives the place.
    ///
    /// # Errors
    /// As [`Folder::create`]: what is there may have changed meanwhile, and then stays.
    pub fn finish(mut self, manifest: &[u8]) -> Result<PathBuf, Error> {
        if !self.kind.manifest.is_empty() {
            self.put(self.kind.manifest, manifest)?;
        }
        let Folder { target, kind, work, .. } = self;
        let _guard = live::hold();
        for _ in 0..TRIES {
            if fs::symlink_metadata(&target).is_err() {
                match fs::rename(work.path(), &target) {
                    // Somebody else's has come meanwhile.
                    Err(_) if fs::symlink_metadata(&target).is_ok() => continue,
                    Err(e) => return Err(Error::io(&target, e)),
                    Ok(()) => return Ok(target),
                }
            }
            // Locked, or it would be taken for one that was left as soon as it has the other name.
            let Some(_old) = locked(&target) else { continue };
            swap::exchange(work.path(), &target).map_err(|e| Error::io(&target, e))?;
            // What was there is now where only this process looks.
            return match stranger(work.path(), kind) {
                None => Ok(target),
                Some(found) => {
                    swap::exchange(work.path(), &target).map_err(|e| Error::io(&target, e))?;
                    Err(Error::occupied(&target, &found, kind.name))
                }
            };
        }
        Err(Error::io(&target, std::io::Error::other("cannot be opened, or changes all the time")))
    }
}

/// A file of the folder, its digest taken as it is written.
pub struct OutFile<'a> {
    out: BufWriter<File>,
    path: PathBuf,
    hasher: &'a mut blake3::Hasher,
}

impl OutFile<'_> {
    /// # Errors
    /// `Error::Io`.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(|e| Error::io(&self.path, e))?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Every byte is the system's from here on.
    ///
    /// # Errors
    /// `Error::Io`.
    pub fn close(mut self) -> Result<(), Error> {
        self.out.flush().map_err(|e| Error::io(&self.path, e))
    }
}

/// Writes one file: beside its name, then renamed. A regular file that is there is replaced if `mark` stands in its first bytes, as it must in
/// `bytes`; a link is followed.
///
/// # Errors
/// `Error::Occupied` where something else is there; `Error::Io`.
pub fn write_file(target: &Path, mark: &str, bytes: &[u8]) -> Result<(), Error> {
    let target = swap::followed(target)?;
    let occupied = |found: &str| Error::occupied(&target, found, "a file that hardwire wrote");
    let name = target.file_name().ok_or_else(|| occupied("no file"))?;
    let (parent, name) = (parent(&target), stem(&name.to_string_lossy()));
    if let Ok(there) = fs::symlink_metadata(&target) {
        // A few hundred bytes hold every mark.
        let mut start = Vec::new();
        let read = || File::open(&target)?.take(512).read_to_end(&mut start);
        let ours = there.is_file() && { read }().is_ok() && (start.is_empty() || start.windows(mark.len()).any(|w| w == mark.as_bytes()));
        if !ours {
            return Err(occupied(if there.is_file() { "a file of another kind" } else { "something that is no file" }));
        }
    }
    clear_abandoned(&parent, &format!(".{name}.partial-"));
    let (work, _alive) = partial(&parent, &name)?;
    let path = work.path().join("file");
    fs::write(&path, bytes).map_err(|e| Error::io(&target, e))?;
    let _guard = live::hold();
    fs::rename(&path, &target).map_err(|e| Error::io(&target, e))
}

fn parent(target: &Path) -> PathBuf {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
}

/// As much of a name as fits the names beside it.
fn stem(name: &str) -> String {
    let end = (0..=MOST_NAME.min(name.len())).rev().find(|&i| name.is_char_boundary(i)).unwrap_or(0);
    name[..end].into()
}

/// A new folder beside `name`, locked before anybody can take it for one that was left.
fn partial(parent: &Path, name: &str) -> Result<(Live, File), Error> {
    for n in 0..TRIES {
        let path = parent.join(format!(".{name}.partial-{}-{n}", std::process::id()));
        let live = match Live::make(|| fs::create_dir(&path).map(|()| path.clone())) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => continue,
            other => other.map_err(|e| Error::io(&path, e))?,
        };
        // Between the two somebody may have found it unlocked and removed it: then there is another name.
        match locked(&path) {
            Some(file) => return Ok((live, file)),
            None => continue,
        }
    }
    Err(Error::io(parent, std::io::Error::other("no name is free for a partial folder")))
}

/// Locks a folder for this process; `None` if it is gone. Where a file system has no locks, what a killed run left stays.
pub fn locked(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    let _ = file.lock();
    same(&file, path).then_some(file)
}

#[cfg(unix)]
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let there = fs::symlink_metadata(path).ok().zip(file.metadata().ok());
    there.is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()))
}

#[cfg(not(unix))]
fn same(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Removes the folders in `parent` whose names begin with `prefix` and that no process keeps locked any more.
pub fn clear_abandoned(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(prefix)) {
        let path = entry.path();
        if entry.file_type().is_ok_and(|t| t.is_dir())
            && let Ok(folder) = File::open(&path)
            && folder.try_lock().is_ok()
            && same(&folder, &path)
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// What keeps `target` from being replaced: anything but nothing, an empty folder, or a folder whose every file its manifest has.
fn stranger(target: &Path, kind: Kind) -> Option<String> {
    let there = fs::symlink_metadata(target).ok()?;
    if !there.is_dir() {
        return Some("something that is no folder".into());
    }
    let manifest = fs::read(target.join(kind.manifest)).ok();
    let listed = manifest.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(Listed { files: BTreeMap::new() }).files;
    let mut open = vec![target.to_path_buf()];
    let mut strangers = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { return Some(folder.display().to_string()) };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = path.strip_prefix(target).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            match entry.file_type() {
                Ok(t) if t.is_dir() && folder == target && kind.scratch.contains(&name.as_str()) => {}
                Ok(t) if t.is_dir() && listed.keys().any(|file| file.starts_with(&format!("{name}/"))) => open.push(path),
                Ok(t) if t.is_file() && name == kind.manifest && !listed.is_empty() => {}
                Ok(t) if t.is_file() && listed.contains_key(&name) => {
                    if digest(&path).is_none_or(|d| d != listed[&name]) {
                        strangers.push(format!("{name}, changed since it was written"));
                    }
                }
                _ => strangers.push(name),
            }
        }
    }
    strangers.into_iter().min()
}

fn digest(path: &Path) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).ok()?).ok()?;
    Some(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { name: "a test's folder", manifest: "list.json", scratch: &["build"] };

    fn write(target: &Path, text: &str) -> Result<PathBuf, Error> {
        let mut folder = Folder::create(target, KIND)?;
        folder.put("a/b.txt", text.as_bytes())?;
        folder.file("a/b.txt")?.put(b"!")?;
        let list = serde_json::json!({"files": folder.digests()}).to_string();
        folder.finish(list.as_bytes())
    }

    fn names(path: &Path) -> Vec<String> {
        let mut out: Vec<String> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        out.sort();
        out
    }

    #[test]
    fn only_what_was_written_here_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        write(&target, "one").unwrap();
        write(&target, "two").unwrap();
        assert_eq!(fs::read_to_string(target.join("a/b.txt")).unwrap(), "two!");
        fs::create_dir(target.join("build")).unwrap();
        write(&target, "three").unwrap();
        for (name, said) in
            [("a/mine.txt", "a/mine.txt"), ("a/b.txt", "a/b.txt, changed"), ("list.json", "holds a,"), (".hidden", ".hidden")]
        {
            let good = fs::read(target.join(name)).ok();
            fs::write(target.join(name), "{}").unwrap();
            let error = write(&target, "four").unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("another output folder"), "{error}");
            assert_eq!(fs::read(target.join(name)).unwrap(), b"{}");
            match good {
                Some(good) => fs::write(target.join(name), good).unwrap(),
                None => fs::remove_file(target.join(name)).unwrap(),
            }
        }
        // What comes while it is written stays as well.
        let mut folder = Folder::create(&target, KIND).unwrap();
        folder.put("c", b"new").unwrap();
        fs::write(target.join("late.txt"), "mine").unwrap();
        assert!(folder.finish(b"{\"files\": {}}").unwrap_err().to_string().contains("late.txt"));
        assert_eq!(fs::read_to_string(target.join("late.txt")).unwrap(), "mine");
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_leftovers_go() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("out"), dir.path().join("link"));
        write(&target, "one").unwrap();
        std::os::unix::fs::symlink("out", &link).unwrap();
        write(&link, "two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(target.join("a/b.txt")).unwrap(), "two!");
        let left = dir.path().join(".out.partial-99999999-0");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("big"), "left").unwrap();
        let held = Folder::create(&target, KIND).unwrap();
        assert!(!left.exists());
        let other = Folder::create(&target, KIND).unwrap();
        assert!(held.path().exists() && other.path().exists(), "a writer that lives is let be");
        drop((held, other));
        assert_eq!(names(dir.path()), ["link", "out"]);
    }

    #[test]
    fn single_files_are_replaced_by_their_mark() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("plot.svg");
        write_file(&target, "hardwire", b"<!-- hardwire 1 -->").unwrap();
        write_file(&target, "hardwire", b"<!-- hardwire 2 -->").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"<!-- hardwire 2 -->");
        fs::write(&target, "mine").unwrap();
        assert!(write_file(&target, "hardwire", b"<!-- hardwire 3 -->").is_err());
        assert_eq!(fs::read(&target).unwrap(), b"mine");
        assert!(write_file(dir.path(), "hardwire", b"").unwrap_err().to_string().contains("no file"));
        assert_eq!(names(dir.path()), ["plot.svg"]);
    }
}
