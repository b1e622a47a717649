//! Work that the UI does not wait for, and whose last word it shows; and files that are whole or not there.

use egui::Context;
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// One piece of work at a time.
#[derive(Default)]
pub struct Errand(Option<Receiver<String>>);

impl Errand {
    pub fn running(&self) -> bool {
        self.0.is_some()
    }

    /// Does `work` on a thread of its own.
    pub fn start(&mut self, name: &str, ctx: &Context, work: impl FnOnce() -> String + Send + 'static) {
        let (send, result) = channel();
        let ctx = ctx.clone();
        // A thread that cannot start closes the channel, which is reported.
        let _ = thread::Builder::new().name(name.into()).spawn(move || {
            let _ = send.send(work());
            ctx.request_repaint();
        });
        self.0 = Some(result);
    }

    /// What was said, once.
    pub fn poll(&mut self) -> Option<String> {
        let said = match self.0.as_ref()?.try_recv() {
            Ok(said) => said,
            Err(TryRecvError::Disconnected) => "the work stopped without an answer".into(),
            Err(TryRecvError::Empty) => return None,
        };
        self.0 = None;
        Some(said)
    }
}

/// Writes beside `path` and renames, so that what has the name is whole.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}
