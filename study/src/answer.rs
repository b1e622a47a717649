//! An answer in the making: a prompt fed to one user of a simulated chip, then token after token, with its text, its log-probabilities and
//! the reason why it ends. Chat and server drive it a step at a time, so several may be in flight on one chip.

use crate::generate::logits_format;
use hardwire_models::{TextStream, Tokenizer};
use hardwire_netlist::Chip;
use hardwire_netlist::unit::Fixed;
use hardwire_sim::engine::{Engine, State};
use hardwire_sim::sample::{Sampler, Sampling};
use hardwire_sim::step::{Step, StepError};
use hardwire_sim::timing::TOP;

/// Prompt tokens taken in one step: enough that the engine unpacks codes once for many, few enough that others in flight need not wait long.
const PROMPT_BLOCK: usize = 32;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Tokens to feed, at least one.
    pub prompt: Vec<u32>,
    /// Most tokens to generate.
    pub most: usize,
    pub sampling: Sampling,
    /// Texts at which the answer ends; they are no part of it.
    pub stop: Vec<String>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model's end token, or a text of [`Ask::stop`].
    Stop,
    /// As many tokens as asked for.
    Length,
    /// The chip's cache is full.
    Context,
}

/// One generated token.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub id: u32,
    /// Text that it completes, as far as no stop text can begin in it.
    pub text: String,
    /// Natural logarithm of its probability among all the model's tokens at temperature 1.
    pub logprob: f64,
    /// The greatest logits as the chip's `top` port gives them, as tokens and log-probabilities.
    pub best: Vec<(u32, f64)>,
    /// The answer ends with it.
    pub finish: Option<Finish>,
}

/// What a step gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Advance {
    /// The prompt is being taken.
    Prompt,
    Token(Token),
}

/// An answer in the making.
pub struct Answer<'t> {
    ask: Ask,
    fed: usize,
    /// Tokens generated so far.
    pub tokens: Vec<u32>,
    /// What the last token fed gave.
    step: Option<Step>,
    sampler: Sampler,
    format: Fixed,
    context: u32,
    eos: Vec<u32>,
    stream: TextStream<'t>,
    stops: StopTexts,
}

impl<'t> Answer<'t> {
    pub fn new(chip: &Chip, tokenizer: &'t Tokenizer, ask: Ask) -> Answer<'t> {
        let mut stream = tokenizer.stream();
        // The answer goes on where the prompt ends, which may be inside a character or before a word's space.
        for &id in &ask.prompt {
            stream.push(id);
        }
        Answer {
            fed: 0,
            tokens: Vec::new(),
            step: None,
            sampler: Sampler::new(ask.sampling),
            format: logits_format(chip),
            context: chip.model().context,
            eos: chip.model().eos.clone(),
            stream,
            stops: StopTexts::new(ask.stop.clone()),
            ask,
        }
    }

    /// Feeds some tokens of the prompt, or generates one token. Not to be called after a token that has [`Token::finish`].
    ///
    /// # Errors
    /// A token that the model does not have, or a prompt longer than the cache.
    pub fn advance(&mut self, engine: &Engine<'_>, state: &mut State, user: u32) -> Result<Advance, StepError> {
        if self.fed < self.ask.prompt.len() {
            let upto = (self.fed + PROMPT_BLOCK).min(self.ask.prompt.len());
            self.step = engine.block(state, user, &self.ask.prompt[self.fed..upto])?.pop();
            self.fed = upto;
            return Ok(Advance::Prompt);
        }
        if let Some(&last) = self.tokens.last() {
            self.step = Some(engine.step(state, user, last)?);
        }
        let step = self.step.take().expect("a prompt has a token");
        let id = self.sampler.choose(&step.logits, step.top, self.format);
        self.tokens.push(id);
        let all = LogSoftmax::of(&step.logits, self.format);
        let piece = self.stream.push(id);
        let (mut text, stopped) = self.stops.push(&piece);
        let finish = if stopped || self.eos.contains(&id) {
            Some(Finish::Stop)
        } else if self.tokens.len() >= self.ask.most {
            Some(Finish::Length)
        } else if state.position(user) >= self.context {
            Some(Finish::Context)
        } else {
            None
        };
        if finish.is_some() && !stopped {
            let (more, _) = self.stops.push(&self.stream.rest());
            text += &more;
            text += &self.stops.rest();
        }
        let best = step.best(TOP as usize).into_iter().map(|(token, logit)| (token, all.logprob(logit))).collect();
        Ok(Advance::Token(Token { id, text, logprob: all.logprob(step.logits[id as usize]), best, finish }))
    }
}

/// Logarithms of the probabilities that logits stand for.
struct LogSoftmax {
    format: Fixed,
    greatest: i32,
    log_sum: f64,
}

impl LogSoftmax {
    fn of(logits: &[i32], format: Fixed) -> LogSoftmax {
        let greatest = logits.iter().copied().max().unwrap_or(0);
        let unit = format.value(1);
        let sum: f64 = logits.iter().map(|&x| libm::exp((f64::from(x) - f64::from(greatest)) * unit)).sum();
        LogSoftmax { format, greatest, log_sum: libm::log(sum) }
    }

    fn logprob(&self, logit: i32) -> f64 {
        (f64::from(logit) - f64::from(self.greatest)) * self.format.value(1) - self.log_sum
    }
}

/// Looks for stop texts in a text that grows.
struct StopTexts {
    stops: Vec<String>,
    /// The end of the text in which one may have begun.
    held: String,
}

impl StopTexts {
    fn new(mut stops: Vec<String>) -> StopTexts {
        stops.retain(|s| !s.is_empty());
        StopTexts { stops, held: String::new() }
    }

    /// What may be shown now, and whether a stop text was met after it.
    fn push(&mut self, piece: &str) -> (String, bool) {
        self.held += piece;
        if let Some(at) = self.stops.iter().filter_map(|s| self.held.find(s.as_str())).min() {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let ends = self.held.char_indices().map(|(at, _)| at);
        let held = &self.held;
        let from = ends.clone().find(|&at| self.stops.iter().any(|s| s.starts_with(&held[at..]))).unwrap_or(held.len());
        let kept = self.held.split_off(from);
        (std::mem::replace(&mut self.held, kept), false)
    }

    /// What was held back, when no more comes.
    fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let mut texts = StopTexts::new(stops.iter().map(|s| s.to_string()).collect());
        let mut out = String::new();
        for piece in pieces {
            let (text, stopped) = texts.push(piece);
            out += &text;
            if stopped {
                return (out, true);
            }
        }
        (out + &texts.rest(), false)
    }

    #[test]
    fn a_stop_text_is_found_across_pieces_and_never_shown() {
        assert_eq!(shown(&["END"], &["one E", "N", "D two"]), ("one ".into(), true));
        assert_eq!(shown(&["END"], &["one E", "N", "CORE"]), ("one ENCORE".into(), false));
        assert_eq!(shown(&["b", "ab"], &["xa", "b"]), ("x".into(), true));
        assert_eq!(shown(&["é!"], &["caf", "é", "?"]), ("café?".into(), false));
        assert_eq!(shown(&[], &["a", "b"]), ("ab".into(), false));
        assert_eq!(shown(&[""], &["a"]), ("a".into(), false));
    }

    #[test]
    fn probabilities_sum_to_one() {
        let logits = [5, -3, 12, 0, 7];
        let all = LogSoftmax::of(&logits, Fixed::new(16, 2));
        let sum: f64 = logits.iter().map(|&x| all.logprob(x).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12 && all.logprob(12) < 0.0);
        assert!((all.logprob(12) - all.logprob(0) - 3.0).abs() < 1e-12);
    }
}
