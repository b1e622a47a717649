//! The threads of one token. A token is some two hundred matrices, each a few ten microseconds of work: waking sleeping threads for
//! every one would cost as much again, so for as long as a token lasts the others wait awake.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};

type Job<'j> = dyn Fn(usize) + Sync + 'j;

/// One leader, who hands out jobs, and helpers, who share in them. A job is a number of pieces; whoever is free takes the next.
pub(super) struct Team {
    helpers: usize,
    /// Odd while a job is open; counts twice a job.
    round: AtomicUsize,
    /// Helpers that may be looking at the job.
    busy: AtomicUsize,
    /// Next piece to take.
    next: AtomicUsize,
    over: AtomicUsize,
    job: UnsafeCell<Option<(*const Job<'static>, usize)>>,
}

// SAFETY: `job` is written by the leader alone, while no round is open and no helper is busy.
unsafe impl Sync for Team {}

/// Looks at an empty table before a helper lets another process have its processor.
const PATIENCE: u32 = 1 << 12;

/// Leads a team of this pool's threads for as long as `lead` runs.
pub(super) fn with_team<R>(lead: impl FnOnce(&Team) -> R) -> R {
    let team = Team { helpers: rayon::current_num_threads() - 1, ..Team::alone() };
    if team.helpers == 0 {
        return lead(&team);
    }
    rayon::in_place_scope(|scope| {
        for _ in 0..team.helpers {
            scope.spawn(|_| team.help());
        }
        // Helpers go home however `lead` ends.
        let _dismissal = OnDrop(|| team.over.store(1, Release));
        lead(&team)
    })
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Team {
    /// A leader without helpers.
    pub(super) fn alone() -> Self {
        Team {
            helpers: 0,
            round: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            over: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
        }
    }

    /// Calls `job` with every number below `pieces`, once each, on any thread; returns when all are done.
    pub(super) fn each(&self, pieces: usize, job: &Job<'_>) {
        if self.helpers == 0 || pieces < 2 {
            return (0..pieces).for_each(job);
        }
        // SAFETY: the last round is closed and its helpers gone, so nobody reads `job`. The pointer outlives its use: this function
        // returns only after it closed the round and every helper that entered it has left.
        unsafe { *self.job.get() = Some((std::mem::transmute::<*const Job<'_>, *const Job<'static>>(job), pieces)) };
        self.next.store(0, Relaxed);
        self.round.fetch_add(1, SeqCst);
        let _close = OnDrop(|| {
            self.round.fetch_add(1, SeqCst);
            wait_until(|| self.busy.load(SeqCst) == 0);
        });
        self.work(job, pieces);
    }

    /// Cuts `out` in pieces of `size` and gives each to `job` with its number; the sum of what it returns.
    pub(super) fn pieces<T: Send>(&self, out: &mut [T], size: usize, job: impl Fn(usize, &mut [T]) -> u64 + Sync) -> u64 {
        struct Base<T>(*mut T);
        // SAFETY: used below for ranges that do not overlap.
        unsafe impl<T: Send> Sync for Base<T> {}
        let (base, len, sum) = (Base(out.as_mut_ptr()), out.len(), AtomicU64::new(0));
        let base = &base;
        self.each(len.div_ceil(size), &|i| {
            let first = i * size;
            // SAFETY: `each` calls with every number once, and different numbers are different ranges of `out`, which is
            // borrowed until all are done.
            let piece = unsafe { std::slice::from_raw_parts_mut(base.0.add(first), size.min(len - first)) };
            sum.fetch_add(job(i, piece), Relaxed);
        });
        sum.into_inner()
    }

    fn work(&self, job: &Job<'_>, pieces: usize) {
        loop {
            let piece = self.next.fetch_add(1, Relaxed);
            if piece >= pieces {
                return;
            }
            job(piece);
        }
    }

    fn help(&self) {
        let mut done = 0;
        loop {
            wait_until(|| self.round.load(Relaxed) != done || self.over.load(Acquire) == 1);
            if self.over.load(Acquire) == 1 {
                return;
            }
            self.busy.fetch_add(1, SeqCst);
            let _leave = OnDrop(|| {
                self.busy.fetch_sub(1, SeqCst);
            });
            // The order of all matters: the leader closes the round, then looks for busy helpers; a helper is busy, then looks
            // whether the round is open. One of them sees the other.
            done = self.round.load(SeqCst);
            if done % 2 == 1 {
                // SAFETY: the round is open and cannot be left by the leader while this helper is busy.
                let (job, pieces) = unsafe { (*self.job.get()).expect("an open round has a job") };
                self.work(unsafe { &*job }, pieces);
            }
        }
    }
}

/// Waits awake; where it takes long, lets others run.
fn wait_until(ready: impl Fn() -> bool) {
    let mut looked = 0;
    while !ready() {
        looked += 1;
        if looked < PATIENCE {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once_whoever_does_it() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        pool.install(|| {
            with_team(|team| {
                for pieces in (0..300).chain([5000]) {
                    let mut out = vec![0u32; pieces * 3 + pieces % 3];
                    let sum = team.pieces(&mut out, 3, |i, piece| {
                        piece.iter_mut().for_each(|x| *x += i as u32);
                        piece.len() as u64
                    });
                    assert_eq!(sum, out.len() as u64);
                    assert!(out.iter().enumerate().all(|(at, &x)| x as usize == at / 3));
                }
            })
        });
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let run = || pool.install(|| with_team(|team| team.each(100, &|i| assert!(i != 50, "as asked"))));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    }
}
