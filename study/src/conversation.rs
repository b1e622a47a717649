//! A conversation with a simulated chip: turns through the model's chat template, the cache kept from turn to turn.

use crate::answer::{Advance, Answer, Ask, Finish};
use crate::generate::check_prompt;
use crate::load::{self, Run};
use crate::{Error, Result};
use hardwire_models::{ChatTemplate, Message, Tokenizer};
use hardwire_netlist::Chip;
use hardwire_netlist::chip::CHAT_TEMPLATE;
use hardwire_sim::engine::{Engine, State};
use hardwire_sim::sample::Sampling;

/// The chat template that `chip` carries.
///
/// # Errors
/// A file that cannot be read, or that is no template.
pub fn chat_template(chip: &Chip) -> Result<Option<ChatTemplate>> {
    let json = chip.chat_template_json()?;
    Ok(json.map(|json| ChatTemplate::from_json(&json, &chip.folder.join(CHAT_TEMPLATE))).transpose()?)
}

/// A conversation of one user.
pub struct Conversation<'c> {
    chip: &'c Chip,
    tokenizer: &'c Tokenizer,
    template: &'c ChatTemplate,
    engine: Engine<'c>,
    state: State,
    messages: Vec<Message>,
    /// Tokens in the chip's cache.
    fed: Vec<u32>,
    pub sampling: Sampling,
    most: usize,
}

/// What is to be said of an answer past its text.
pub struct Reply {
    /// Generated, the end token included.
    pub tokens: usize,
    pub finish: Finish,
    /// Positions that the cache holds now.
    pub held: u32,
    /// Time and energy of the chip for this turn.
    pub run: Run,
}

impl<'c> Conversation<'c> {
    /// Answers have at most `most` tokens.
    pub fn new(chip: &'c Chip, tokenizer: &'c Tokenizer, template: &'c ChatTemplate, sampling: Sampling, most: usize) -> Self {
        let engine = Engine::new(chip);
        let state = engine.start();
        Conversation { chip, tokenizer, template, engine, state, messages: Vec::new(), fed: Vec::new(), sampling, most }
    }

    /// Forgets all; `system` is what the model is told first.
    pub fn begin(&mut self, system: Option<&str>) {
        self.messages = system.map(|text| Message::new("system", text)).into_iter().collect();
        self.forget();
    }

    fn forget(&mut self) {
        self.state.reset(0);
        self.fed.clear();
    }

    /// Positions that the cache holds.
    pub fn held(&self) -> u32 {
        self.state.position(0)
    }

    /// Says `message` and hears the answer; without a message the last one is answered again. `emit` gets the answer's text as it becomes
    /// readable and says whether to go on. What is refused is not remembered.
    ///
    /// # Errors
    /// A conversation that the template refuses or the cache does not hold.
    pub fn say(&mut self, message: Option<&str>, emit: &mut dyn FnMut(&str) -> bool) -> Result<Reply> {
        let before = self.messages.clone();
        match message {
            Some(text) => self.messages.push(Message::new("user", text)),
            None => {
                let last = self.messages.iter().rposition(|m| m.role == "user");
                let last = last.ok_or_else(|| Error::Prompt("there is no message yet to answer again".into()))?;
                self.messages.truncate(last + 1);
            }
        }
        let said = self.answer(emit);
        match said {
            Ok((text, reply)) => {
                self.messages.push(Message::new("assistant", &text));
                Ok(reply)
            }
            Err(error) => {
                self.messages = before;
                Err(error)
            }
        }
    }

    fn answer(&mut self, emit: &mut dyn FnMut(&str) -> bool) -> Result<(String, Reply)> {
        let ids = self.tokenizer.encode_bare(&self.template.render(&self.messages)?)?;
        check_prompt(&ids, self.chip.model().vocab, self.chip.model().context)?;
        // The chip goes on where its cache ends or begins anew; it cannot go back.
        if !(self.fed.len() < ids.len() && ids.starts_with(&self.fed)) {
            self.forget();
        }
        let held = self.fed.len() as u32;
        let prompt = ids[self.fed.len()..].to_vec();
        let taken = prompt.len() as u32;
        let ask = Ask { prompt, most: self.most.max(1), sampling: self.sampling, stop: Vec::new() };
        let mut answer = Answer::new(self.chip, self.tokenizer, ask);
        let mut text = String::new();
        let finish = loop {
            if let Advance::Token(token) = answer.advance(&self.engine, &mut self.state, 0)? {
                text += &token.text;
                let goes_on = emit(&token.text);
                if let Some(finish) = token.finish {
                    break finish;
                }
                if !goes_on {
                    break Finish::Stop;
                }
            }
        };
        let tokens = answer.tokens;
        // The last token came out and was not fed back.
        self.fed = [&ids[..], &tokens[..tokens.len() - 1]].concat();
        let run = load::run(self.chip, held, taken, tokens.len() as u32);
        Ok((text, Reply { tokens: tokens.len(), finish, held: self.held(), run }))
    }
}
