//! The thread that runs prompts through the chip's simulator. It opens the engine when the first prompt comes.

use crate::die::Die;
use hardwire_models::{TextStream, Tokenizer};
use hardwire_netlist::unit::Fixed;
use hardwire_netlist::{Chip, UnitKind};
use hardwire_sim::engine::Engine;
use hardwire_sim::sample::{Sampler, Sampling};
use hardwire_sim::timing::{self, TokenTiming};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

/// What to run: the first user greedily, the others sampled, each with a seed of its own.
#[derive(Clone, Debug)]
pub struct Job {
    pub prompt: String,
    pub tokens: u32,
    pub users: u32,
}

/// A token went through the chip.
pub struct Taken {
    pub user: u32,
    pub position: u32,
    /// The token as the vocabulary writes it.
    pub piece: String,
    /// Of a token of the prompt: the text it adds.
    pub prompt: Option<String>,
    pub schedule: Arc<Schedule>,
    /// What came out and the text it adds, where it counts.
    pub next: Option<(u32, String)>,
}

/// Timing of a token at one position.
pub struct Schedule {
    pub timing: TokenTiming,
    /// Cycle at which the token comes to each station, from its acceptance.
    pub starts: Vec<u64>,
}

impl Schedule {
    fn new(chip: &Chip, position: u32) -> Schedule {
        let timing = timing::token(chip.netlist(), position);
        let starts = timing
            .stations
            .iter()
            .scan(0, |at, s| {
                let start = *at;
                *at += s.latency_cycles;
                Some(start)
            })
            .collect();
        Schedule { timing, starts }
    }
}

pub enum Event {
    Token(Taken),
    Done,
    Problem(String),
}

pub struct Simulator {
    die: Arc<Die>,
    ctx: egui::Context,
    /// Started with the first job.
    jobs: OnceLock<Sender<(u64, Job)>>,
    events: Receiver<(u64, Event)>,
    send: Sender<(u64, Event)>,
    /// Number of the job that may speak; older ones stop.
    current: Arc<AtomicU64>,
}

impl Simulator {
    pub fn new(die: Arc<Die>, ctx: egui::Context) -> Simulator {
        let (send, events) = channel();
        Simulator { die, ctx, jobs: OnceLock::new(), events, send, current: Arc::new(AtomicU64::new(0)) }
    }

    pub fn start(&self, job: Job) {
        let number = self.current.fetch_add(1, Ordering::SeqCst) + 1;
        let jobs = self.jobs.get_or_init(|| {
            let (jobs, take) = channel();
            let (die, send, ctx, current) = (self.die.clone(), self.send.clone(), self.ctx.clone(), self.current.clone());
            // Without a thread the job is never taken, and sending it fails below.
            let _ = thread::Builder::new().name("simulate".into()).spawn(move || serve(&die, &take, &send, &ctx, &current));
            jobs
        });
        if jobs.send((number, job)).is_err() {
            let _ = self.send.send((number, Event::Problem("the simulator's thread has ended".into())));
        }
    }

    pub fn cancel(&self) {
        self.current.fetch_add(1, Ordering::SeqCst);
    }

    /// What the current job has said since.
    pub fn events(&self) -> Vec<Event> {
        let current = self.current.load(Ordering::SeqCst);
        self.events.try_iter().filter(|(n, _)| *n == current).map(|(_, e)| e).collect()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn serve(die: &Die, jobs: &Receiver<(u64, Job)>, send: &Sender<(u64, Event)>, ctx: &egui::Context, current: &AtomicU64) {
    let tokenizer = match die.chip.tokenizer_json().map_err(|e| e.to_string()) {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => Tokenizer::from_json(&bytes).map(Some).map_err(|e| e.to_string()),
        Err(e) => Err(e),
    };
    let mut engine = None;
    for (number, job) in jobs {
        let mut tell = |event| {
            let alive = current.load(Ordering::SeqCst) == number && send.send((number, event)).is_ok();
            ctx.request_repaint();
            alive
        };
        let engine = engine.get_or_insert_with(|| Engine::new(&die.chip));
        let last = match &tokenizer {
            Err(e) => Event::Problem(e.clone()),
            Ok(t) => match run(&die.chip, engine, t.as_ref(), &job, &mut tell) {
                Ok(()) => Event::Done,
                Err(what) => Event::Problem(what),
            },
        };
        tell(last);
    }
}

struct Sequence<'a> {
    prompt: Vec<u32>,
    at: usize,
    next: u32,
    made: u32,
    done: bool,
    sampler: Sampler,
    stream: Option<TextStream<'a>>,
}

/// All users in turn, a token each, until every one is done or nobody listens.
fn run(
    chip: &Chip,
    engine: &Engine<'_>,
    tokenizer: Option<&Tokenizer>,
    job: &Job,
    tell: &mut dyn FnMut(Event) -> bool,
) -> Result<(), String> {
    let model = chip.model();
    let prompt = encode(chip, tokenizer, &job.prompt)?;
    if prompt.len() > model.context as usize {
        return Err(format!("the prompt has {} tokens, the chip's context is {}: shorten it", prompt.len(), model.context));
    }
    let users = job.users.clamp(1, model.users.max(1));
    let format = logits_format(chip);
    let mut state = engine.start();
    let sampling =
        |u: u32| if u == 0 { Sampling::GREEDY } else { Sampling { temperature: 0.8, top_k: 40, top_p: 1.0, seed: u64::from(u) } };
    let mut sequences: Vec<Sequence<'_>> = (0..users)
        .map(|u| Sequence {
            prompt: prompt.clone(),
            at: 0,
            next: 0,
            made: 0,
            done: false,
            sampler: Sampler::new(sampling(u)),
            stream: tokenizer.map(Tokenizer::stream),
        })
        .collect();
    let mut schedules: Vec<Arc<Schedule>> = Vec::new();
    while sequences.iter().any(|s| !s.done) {
        for (user, s) in (0..users).zip(&mut sequences).filter(|(_, s)| !s.done) {
            let in_prompt = s.at < s.prompt.len();
            let id = if in_prompt { s.prompt[s.at] } else { s.next };
            let position = s.at as u32;
            let step = engine.step(&mut state, user, id).map_err(|e| e.to_string())?;
            s.at += 1;
            while schedules.len() < s.at {
                schedules.push(Arc::new(Schedule::new(chip, schedules.len() as u32)));
            }
            let counts = s.at >= s.prompt.len();
            let said = match &mut s.stream {
                Some(stream) if in_prompt => stream.push(id),
                _ => format!("{id} "),
            };
            let next = if counts {
                s.next = s.sampler.choose(&step.logits, step.top, format);
                s.made += 1;
                let text = s.stream.as_mut().map_or_else(|| format!("{} ", s.next), |t| t.push(s.next));
                Some((s.next, text))
            } else {
                None
            };
            s.done = counts && (s.made >= job.tokens || model.eos.contains(&s.next) || s.at >= model.context as usize);
            let piece = tokenizer.map_or_else(|| format!("{id} "), |t| t.token(id).unwrap_or_default().replace(['▁', 'Ġ'], " "));
            let schedule = schedules[position as usize].clone();
            if !tell(Event::Token(Taken { user, position, piece, prompt: in_prompt.then_some(said), schedule, next })) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Text to tokens; without a tokenizer the text is a list of ids.
fn encode(chip: &Chip, tokenizer: Option<&Tokenizer>, text: &str) -> Result<Vec<u32>, String> {
    let vocab = chip.model().vocab;
    let ids = match tokenizer {
        Some(t) => t.encode(text).map_err(|e| e.to_string())?,
        None => text
            .split([',', ' '])
            .filter(|s| !s.is_empty())
            .map(|s| s.parse().map_err(|_| "this chip has no tokenizer: write the prompt as token ids, 1, 2, 3".to_string()))
            .collect::<Result<_, _>>()?,
    };
    match ids.iter().find(|id| **id >= vocab) {
        Some(id) => Err(format!("token {id} is outside the vocabulary of {vocab}")),
        None if ids.is_empty() => Err("the prompt is empty: write a few words".into()),
        None => Ok(ids),
    }
}

/// Format of the logits: that of the unit the Argmax reads.
fn logits_format(chip: &Chip) -> Fixed {
    let netlist = chip.netlist();
    let argmax = netlist.units().find(|(_, u)| matches!(u.kind, UnitKind::Argmax)).and_then(|(id, _)| netlist.inputs(id).first().copied());
    argmax.map_or(Fixed::new(32, 0), |id| netlist.unit(id).out)
}
