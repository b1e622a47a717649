//! The thread that has the chip. As many answers are in flight as the chip's cache holds sequences, one token each in turn, as the chip's
//! pipeline would take them; the others wait in line. What one user gets does not depend on who else is there.

use crate::host::Host;
use hardwire_sim::engine::Engine;
use hardwire_study::answer::{Advance, Answer, Ask, Finish, Token};
use hardwire_study::load::{self, Compiled, Rates, Run};
use serde::Serialize;
use std::sync::Arc;
use std::thread;
use tokio::sync::mpsc::{self, error::TrySendError};

/// What a request hears while its answer is made.
pub(crate) enum Event {
    Token(Token),
    /// The last token, and what all took.
    Last(Token, Taken),
    Failed(String),
}

/// What an answer took of the chip.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Taken {
    #[serde(skip)]
    pub prompt_tokens: usize,
    #[serde(skip)]
    pub completion_tokens: usize,
    /// Simulated time and energy of this answer on a chip that does nothing else.
    #[serde(flatten)]
    pub alone: Run,
    /// Most answers in flight while this one was.
    pub users_in_flight: u32,
    /// Simulated time between this user's tokens with as many in flight, µs.
    pub token_interval_us: f64,
}

pub(crate) struct Job {
    pub ask: Ask,
    pub events: mpsc::UnboundedSender<Event>,
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// As many wait as may.
    Full,
    /// The chip's thread has ended.
    Closed,
}

/// Where requests wait for the chip.
#[derive(Clone)]
pub(crate) struct Line {
    jobs: mpsc::Sender<Job>,
}

impl Line {
    /// Starts the chip's thread. It ends when the last copy of the line is gone and all is answered.
    pub fn open(host: Arc<Host>, queue: usize) -> Line {
        let (jobs, line) = mpsc::channel(queue.max(1));
        thread::spawn(move || work(&host, line));
        Line { jobs }
    }

    /// Puts a question in line; its events come out of what is given back.
    pub fn ask(&self, ask: Ask) -> Result<mpsc::UnboundedReceiver<Event>, Refused> {
        let (events, heard) = mpsc::unbounded_channel();
        match self.jobs.try_send(Job { ask, events }) {
            Ok(()) => Ok(heard),
            Err(TrySendError::Full(_)) => Err(Refused::Full),
            Err(TrySendError::Closed(_)) => Err(Refused::Closed),
        }
    }
}

struct InFlight<'h> {
    answer: Answer<'h>,
    prompt: usize,
    events: mpsc::UnboundedSender<Event>,
    most_in_flight: u32,
}

fn work(host: &Host, mut line: mpsc::Receiver<Job>) {
    let chip = &host.chip;
    let engine = Engine::new(chip);
    let mut state = engine.start();
    let mut users: Vec<Option<InFlight<'_>>> = (0..chip.model().users).map(|_| None).collect();
    loop {
        let busy = users.iter().any(Option::is_some);
        for (user, place) in users.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
            // Waits only where there is nothing else to do.
            let job = if busy || user > 0 { line.try_recv().ok() } else { line.blocking_recv() };
            let Some(job) = job else { break };
            state.reset(user as u32);
            let prompt = job.ask.prompt.len();
            let answer = Answer::new(chip, &host.tokenizer, job.ask);
            *place = Some(InFlight { answer, prompt, events: job.events, most_in_flight: 0 });
        }
        let in_flight = users.iter().flatten().count() as u32;
        if in_flight == 0 {
            // Nothing in flight and nothing waited for: the line is closed.
            return;
        }
        for (user, place) in users.iter_mut().enumerate() {
            let Some(one) = place else { continue };
            one.most_in_flight = one.most_in_flight.max(in_flight);
            let more = match one.answer.advance(&engine, &mut state, user as u32) {
                Ok(Advance::Prompt) => !one.events.is_closed(),
                Ok(Advance::Token(token)) => {
                    let ends = token.finish.is_some();
                    let event = if ends { Event::Last(token, taken(host, one)) } else { Event::Token(token) };
                    // Whoever does not listen any more needs no more.
                    one.events.send(event).is_ok() && !ends
                }
                Err(error) => {
                    let _ = one.events.send(Event::Failed(error.to_string()));
                    false
                }
            };
            if !more {
                *place = None;
            }
        }
    }
}

fn taken(host: &Host, one: &InFlight<'_>) -> Taken {
    let chip = &host.chip;
    let tokens = one.answer.tokens.len();
    let rates = Compiled(chip);
    let users = one.most_in_flight.max(1);
    let context = ((one.prompt + tokens) as u32).min(chip.model().context);
    let interval_s = if users == 1 { rates.single_s(context) } else { rates.interval_s(context, users) * f64::from(users) };
    Taken {
        prompt_tokens: one.prompt,
        completion_tokens: tokens,
        alone: load::run(chip, 0, one.prompt as u32, tokens as u32),
        users_in_flight: users,
        token_interval_us: interval_s * 1e6,
    }
}

/// The API's word for why an answer ended.
pub(crate) fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length | Finish::Context => "length",
    }
}
