//! What a command does when it is told to end, or when a file it has mapped is cut under it: partial and scratch folders go first. A command
//! that would rather finish something may take the first signal itself.

use std::sync::{Mutex, PoisonError};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Ctrl-C.
    Interrupt,
    End,
}

/// Says whether it takes the signal.
type Taker = Box<dyn FnMut(Asked) -> bool + Send>;

static TAKER: Mutex<Option<Taker>> = Mutex::new(None);

/// Signals go to `taker` for as long as what this gives back lives; one that it does not take ends the command.
pub fn take(taker: impl FnMut(Asked) -> bool + Send + 'static) -> Taken {
    *TAKER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(taker));
    Taken
}

pub struct Taken;

impl Drop for Taken {
    fn drop(&mut self) {
        *TAKER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(unix)]
pub fn watch() {
    // Without a thread to spare the command runs on, and a signal ends it as it would any program.
    let _ = unix::end_on_signals();
    let _ = unix::end_on_lost_pages();
}

/// Bytes of stack that the first thread may grow to.
#[cfg(unix)]
pub fn stack_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is one, and lives over the call.
    let told = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &mut limit) };
    if told == 0 { limit.rlim_cur } else { 0 }
}

#[cfg(not(unix))]
pub fn watch() {}

#[cfg(not(unix))]
pub fn stack_limit() -> u64 {
    0
}

#[cfg(unix)]
mod unix {
    use crate::out::{note, one_line};
    use crate::signals::{Asked, TAKER};
    use hardwire_netlist::folder::live::abandon;
    use signal_hook::consts::{SIGBUS, SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::{emulate_default_handler, exit};
    use std::fs;
    use std::io::{self, Read};
    use std::os::fd::IntoRawFd;
    use std::sync::PoisonError;
    use std::thread::Builder;

    /// Exit code of a command that failed.
    const FAILED: i32 = 1;

    /// Ends as the signal would have, but cleaned up.
    pub fn end_on_signals() -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                let asked = if signal == SIGINT { Asked::Interrupt } else { Asked::End };
                let taken = TAKER.lock().unwrap_or_else(PoisonError::into_inner).as_mut().is_some_and(|taker| taker(asked));
                if !taken {
                    abandon();
                    let _ = emulate_default_handler(signal);
                }
            }
        })?;
        Ok(())
    }

    /// A page of a mapped file that is not there any more is SIGBUS. The thread that touched it tells where, and waits; another says which file
    /// it was, and ends the command.
    pub fn end_on_lost_pages() -> io::Result<()> {
        let (mut lost, tell) = io::pipe()?;
        Builder::new().name("lost pages".into()).spawn(move || {
            let mut address = [0; size_of::<usize>()];
            if lost.read_exact(&mut address).is_ok() {
                abandon();
                match file_at(usize::from_ne_bytes(address)) {
                    Some(file) => note!("error: {}: was cut or became unreadable while it was read", one_line(&file)),
                    None => note!("error: a mapped file was cut or became unreadable while it was read"),
                }
                exit(FAILED);
            }
        })?;
        // The handler may run for as long as the process does.
        let tell = tell.into_raw_fd();
        let handler = move |info: &libc::siginfo_t| {
            // SAFETY: of a SIGBUS the address is set; `write` and `pause` may be called in a handler, and the buffer lives over the call.
            unsafe {
                let address = (info.si_addr() as usize).to_ne_bytes();
                libc::write(tell, address.as_ptr().cast(), address.len());
                loop {
                    libc::pause();
                }
            }
        };
        // SAFETY: the handler does nothing else.
        unsafe { signal_hook_registry::register_sigaction(SIGBUS, handler) }?;
        Ok(())
    }

    /// The file that is mapped at an address, as Linux lists them: `from-to access offset device inode path`.
    fn file_at(address: usize) -> Option<String> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        maps.lines().find_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            let (from, to) = (usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?);
            let path = &rest[rest.find('/')?..];
            (from..to).contains(&address).then(|| path.to_owned())
        })
    }
}
