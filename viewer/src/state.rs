//! What the window shows: nothing yet, a chip being opened, one that could not be, or an open one.

use crate::die::Die;
use crate::error::Error;
use crate::view::View;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

pub enum State {
    /// Nothing asked for yet.
    Empty,
    Opening {
        path: PathBuf,
        result: Receiver<Result<Die, Error>>,
    },
    Failed {
        path: PathBuf,
        message: String,
    },
    Open(Box<View>),
}
