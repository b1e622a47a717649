//! A chip is shown before its program was read: a thread reads it once, holds it against its digest and checks every number. Until
//! that is done the chip can be looked at, and nothing runs on it.

use crate::die::Die;
use egui::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Percent done.
    Running(u32),
    Done,
    /// There are no weights: the chip is planned from a shape.
    Nothing,
    /// Not what was compiled.
    Failed(String),
}

#[derive(Default)]
struct Shared {
    percent: AtomicU32,
    stop: AtomicBool,
}

pub struct Check {
    pub state: State,
    running: Option<Running>,
}

type Running = (Arc<Shared>, Receiver<Result<(), String>>);

impl Check {
    /// Of a chip that was checked already.
    pub fn done() -> Check {
        Check { state: State::Done, running: None }
    }

    /// Of a chip that is planned and has no program.
    pub fn of_nothing() -> Check {
        Check { state: State::Nothing, running: None }
    }

    pub fn start(die: Arc<Die>, ctx: Context) -> Check {
        let (shared, (send, result)) = (Arc::new(Shared::default()), channel());
        let tell = shared.clone();
        // A thread that cannot start shows as a failure: the channel is closed.
        let _ = thread::Builder::new().name("check".into()).spawn(move || {
            let checked = die.chip.check_program(&mut |done, all| {
                let percent = (100 * done / all.max(1)) as u32;
                if tell.percent.swap(percent, Ordering::Relaxed) != percent {
                    ctx.request_repaint();
                }
                !tell.stop.load(Ordering::Relaxed)
            });
            let _ = send.send(checked.map(|_| ()).map_err(|e| e.to_string()));
            ctx.request_repaint();
        });
        Check { state: State::Running(0), running: Some((shared, result)) }
    }

    pub fn poll(&mut self) {
        let Some((shared, result)) = &self.running else { return };
        self.state = match result.try_recv() {
            Err(TryRecvError::Empty) => State::Running(shared.percent.load(Ordering::Relaxed)),
            Ok(Ok(())) => State::Done,
            Ok(Err(what)) => State::Failed(what),
            Err(TryRecvError::Disconnected) => State::Failed("the check stopped without an answer".into()),
        };
        if !matches!(self.state, State::Running(_)) {
            self.running = None;
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        if let Some((shared, _)) = &self.running {
            shared.stop.store(true, Ordering::Relaxed);
        }
    }
}
