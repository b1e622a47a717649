//! A chip's host: what turns text into tokens, and what the chip is called.

use hardwire_models::{ChatTemplate, Tokenizer};
use hardwire_netlist::Chip;
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Host {
    pub chip: Chip,
    pub tokenizer: Tokenizer,
    pub chat_template: Option<ChatTemplate>,
    pub die_svg: String,
    /// Seconds since 1970 when the server began.
    pub began: u64,
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
