//! What one token's pass through a simulated chip gives, the same for the scalar reference and the fast engine.

use hardwire_netlist::UnitId;

/// Outcome of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The head's output stream, one integer a vocabulary entry, in the format of the last matrix unit.
    pub logits: Vec<i32>,
    /// What the Argmax unit gives.
    pub top: u32,
}

impl Step {
    /// The `count` greatest logits with their tokens, greatest first, equal ones by token: what the chip's `top` port gives.
    pub fn best(&self, count: usize) -> Vec<(u32, i32)> {
        let mut order: Vec<u32> = (0..self.logits.len() as u32).collect();
        order.sort_unstable_by_key(|&i| (std::cmp::Reverse(self.logits[i as usize]), i));
        order.into_iter().take(count).map(|i| (i, self.logits[i as usize])).collect()
    }
}

/// Sees every unit's output stream, padding left out, in topological order. A RowFeed shows its activations `a`.
pub type Probe<'a> = &'a mut dyn FnMut(UnitId, &[i32]);

/// The same for tokens taken together: index of the token, unit, stream; all tokens of a unit before the next unit.
pub type BlockProbe<'a> = &'a mut dyn FnMut(usize, UnitId, &[i32]);

/// Why a token could not be taken; it changes nothing. The chip drops it and raises `bad_token` (no such token or user) or `context_full`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    #[error("token {token} is outside the vocabulary of {vocab}")]
    Token { token: u32, vocab: u32 },
    #[error("user {user} does not exist: the chip holds {users} sequences")]
    User { user: u32, users: u32 },
    #[error("the context of {context} positions is full; compile the chip with a longer --context, or shorten the prompt")]
    ContextFull { context: u32 },
}
