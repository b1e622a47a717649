//! Tokens in motion: a simulator thread runs the chip, and what it did is laid out on the chip's own clock, so that it can be
//! played in slow motion, paused and scrubbed.
//!
//! - [`simulate`]: the thread that runs prompts through the engine;
//! - here: passes of tokens on a time line, and the play head;
//! - [`gpu`]: the lane beside it.

pub mod gpu;
pub mod simulate;

use crate::check;
use crate::die::Die;
use gpu::GpuLane;
use simulate::{Event, Job, Schedule, Simulator, Taken};
use std::sync::Arc;

/// One token's way through the chip.
#[derive(Clone)]
pub struct Pass {
    pub position: u32,
    pub enter_cycle: u64,
    pub leave_cycle: u64,
    /// Text of the token that went in.
    pub piece: String,
    pub schedule: Arc<Schedule>,
}

/// A piece of text and the cycle at which it is there.
#[derive(Clone)]
pub struct Piece {
    pub text: String,
    pub cycle: u64,
    pub prompt: bool,
}

/// One user's sequence.
#[derive(Clone, Default)]
pub struct Lane {
    pub passes: Vec<Pass>,
    pub pieces: Vec<Piece>,
    pub ids: Vec<u32>,
}

/// Where a token is at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InFlight {
    pub lane: usize,
    pub pass: usize,
    pub station: usize,
    /// Cycles since the token came into the station.
    pub cycle: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing was run yet.
    Idle,
    Running,
    Done,
}

pub struct Live {
    pub prompt: String,
    pub tokens: u32,
    pub users: u32,
    pub lanes: Vec<Lane>,
    pub status: Status,
    pub problem: Option<String>,
    pub playing: bool,
    /// The play head, cycles since the first token went in.
    pub now_cycle: f64,
    /// Time on the chip for a second on screen, µs.
    pub slow_us: f64,
    /// Go there and pause when the run is done.
    pub stop_at_us: Option<f64>,
    pub gpu: GpuLane,
    clock_hz: f64,
    simulator: Simulator,
    /// A prompt that waits for the chip's check.
    waiting: Option<Job>,
}

impl Live {
    pub fn new(die: Arc<Die>, ctx: egui::Context) -> Live {
        Live {
            prompt: "Once upon a time".into(),
            tokens: 40,
            users: 1,
            lanes: Vec::new(),
            status: Status::Idle,
            problem: None,
            playing: false,
            now_cycle: 0.0,
            slow_us: 40.0,
            stop_at_us: None,
            gpu: GpuLane::new(&die),
            clock_hz: die.chip.structure.technology.clock_mhz.value * 1e6,
            simulator: Simulator::new(die, ctx),
            waiting: None,
        }
    }

    /// Runs the prompt, from the start and with nothing of what was before, once the chip is known to be whole.
    pub fn run(&mut self) {
        self.stop();
        self.lanes.clear();
        self.lanes.resize_with(self.users.max(1) as usize, Lane::default);
        self.problem = None;
        self.now_cycle = 0.0;
        self.playing = true;
        self.status = Status::Running;
        self.waiting = Some(Job { prompt: self.prompt.clone(), tokens: self.tokens, users: self.users.max(1) });
    }

    pub fn stop(&mut self) {
        self.waiting = None;
        self.simulator.cancel();
        if self.status == Status::Running {
            self.status = Status::Done;
        }
    }

    /// The prompt waits for the chip's check.
    pub fn held(&self) -> bool {
        self.waiting.is_some()
    }

    /// Takes what the simulator has done and moves the play head by `seconds`. Nothing runs on a chip that is not `checked`.
    pub fn advance(&mut self, seconds: f64, checked: &check::State) {
        match checked {
            check::State::Running(_) => {}
            check::State::Done => {
                if let Some(job) = self.waiting.take() {
                    self.simulator.start(job);
                }
            }
            check::State::Nothing => self.refuse("planned from a shape: there are no weights for a prompt to run on"),
            check::State::Failed(_) => self.refuse("this chip is not what was compiled: no prompt runs on it"),
        }
        for event in self.simulator.events() {
            match event {
                Event::Token(taken) => self.pass(taken),
                Event::Done => self.status = Status::Done,
                Event::Problem(what) => {
                    self.problem = Some(what);
                    self.status = Status::Done;
                    self.playing = false;
                }
            }
        }
        if self.status == Status::Done
            && let Some(us) = self.stop_at_us.take()
        {
            self.now_cycle = (us * 1e-6 * self.clock_hz).clamp(0.0, self.end_cycle() as f64);
            self.playing = false;
        }
        if self.playing {
            let step = seconds.clamp(0.0, 0.1) * self.slow_us * 1e-6 * self.clock_hz;
            self.now_cycle = (self.now_cycle + step).min(self.end_cycle() as f64);
            if self.status == Status::Done && self.now_cycle >= self.end_cycle() as f64 {
                self.playing = false;
            }
        }
    }

    /// Says why a prompt that waits does not run.
    fn refuse(&mut self, why: &str) {
        if self.waiting.take().is_some() {
            self.problem = Some(why.into());
            self.status = Status::Done;
            self.playing = false;
        }
    }

    /// Lays a token on the clock. Prompt tokens follow each other as fast as the slowest station lets them; a generated token goes
    /// in one cycle after it came out. Users are an interval apart.
    fn pass(&mut self, t: Taken) {
        let user = u64::from(t.user);
        let Some(lane) = self.lanes.get_mut(t.user as usize) else { return };
        let enter_cycle = match lane.passes.last() {
            None => user * t.schedule.timing.interval_cycles,
            Some(p) if t.prompt.is_some() => p.enter_cycle + p.schedule.timing.interval_cycles,
            Some(p) => p.leave_cycle + 1,
        };
        let leave_cycle = enter_cycle + t.schedule.timing.latency_cycles;
        if let Some(text) = t.prompt {
            lane.pieces.push(Piece { text, cycle: enter_cycle, prompt: true });
        }
        if let Some((next, text)) = t.next {
            lane.pieces.push(Piece { text, cycle: leave_cycle, prompt: false });
            lane.ids.push(next);
        }
        lane.passes.push(Pass { position: t.position, enter_cycle, leave_cycle, piece: t.piece, schedule: t.schedule });
    }

    /// Cycle at which the last known token is out.
    pub fn end_cycle(&self) -> u64 {
        self.lanes.iter().filter_map(|l| l.passes.last()).map(|p| p.leave_cycle).max().unwrap_or(0)
    }

    pub fn now_us(&self) -> f64 {
        self.now_cycle / self.clock_hz * 1e6
    }

    pub fn microseconds(&self, cycles: u64) -> f64 {
        cycles as f64 / self.clock_hz * 1e6
    }

    /// To the next token that comes out.
    pub fn step(&mut self) {
        let now = self.now_cycle as u64;
        let next = self.lanes.iter().flat_map(|l| &l.passes).map(|p| p.leave_cycle).filter(|c| *c > now).min();
        self.playing = false;
        self.now_cycle = next.unwrap_or(self.end_cycle()) as f64;
    }

    /// To the token that came out before.
    pub fn step_back(&mut self) {
        let now = self.now_cycle as u64;
        let before = self.lanes.iter().flat_map(|l| &l.passes).map(|p| p.leave_cycle).filter(|c| *c < now).max();
        self.playing = false;
        self.now_cycle = before.unwrap_or(0) as f64;
    }

    /// Position of the first user's token on the die, or of the one that left it last.
    pub fn position(&self) -> Option<u32> {
        let entered = |p: &&Pass| p.enter_cycle as f64 <= self.now_cycle;
        self.lanes.first()?.passes.iter().rfind(entered).map(|p| p.position)
    }

    /// Plays or pauses; from the start if it stands at the end.
    pub fn toggle(&mut self) {
        self.playing = !self.playing;
        if self.playing && self.status == Status::Done && self.now_cycle >= self.end_cycle() as f64 {
            self.now_cycle = 0.0;
        }
    }

    /// Generated text of a lane, up to the play head or all of it.
    pub fn text(&self, lane: usize, all: bool) -> String {
        let there = |p: &&Piece| !p.prompt && (all || p.cycle as f64 <= self.now_cycle);
        self.lanes.get(lane).map(|l| l.pieces.iter().filter(there).map(|p| p.text.as_str()).collect()).unwrap_or_default()
    }

    /// Every token in the chip at the play head.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let now = self.now_cycle as u64;
        let mut found = Vec::new();
        for (l, lane) in self.lanes.iter().enumerate() {
            for (p, pass) in lane.passes.iter().enumerate() {
                if pass.enter_cycle > now || pass.leave_cycle <= now {
                    continue;
                }
                let cycle = now - pass.enter_cycle;
                let station = pass.schedule.starts.partition_point(|s| *s <= cycle).saturating_sub(1);
                let start = pass.schedule.starts.get(station).copied().unwrap_or(0);
                found.push(InFlight { lane: l, pass: p, station, cycle: cycle - start });
            }
        }
        found
    }

    /// Positions that the cache of `station` holds at the play head, over all users.
    pub fn cached(&self, station: usize) -> u32 {
        let now = self.now_cycle as u64;
        let reached = |p: &&Pass| p.enter_cycle + p.schedule.starts.get(station).copied().unwrap_or(0) <= now;
        self.lanes.iter().map(|l| l.passes.iter().filter(reached).count() as u32).sum()
    }
}
