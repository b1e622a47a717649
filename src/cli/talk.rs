//! Options of talking to a chip.

use super::CompileOptions;
use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use hardwire_sim::sample::Sampling;
use std::net::IpAddr;
use std::path::PathBuf;

/// How tokens are chosen.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Sampling")]
pub struct SamplingOptions {
    /// 0 is greedy, as the chip's own argmax.
    #[arg(long, default_value_t = 0.0)]
    pub temperature: f64,
    /// Sample among this many best tokens; 0 means all.
    #[arg(long, default_value_t = 0)]
    pub top_k: usize,
    /// Sample among the fewest best tokens whose probabilities sum to this; 1 means all.
    #[arg(long, default_value_t = 1.0)]
    pub top_p: f64,
    /// Seed of the sampling.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl SamplingOptions {
    /// # Errors
    /// A temperature or a sum of probabilities that means nothing.
    pub fn sampling(&self) -> Result<Sampling> {
        if !Sampling::is_temperature(self.temperature) {
            bail!("--temperature {}: expected zero or more", self.temperature);
        }
        if !Sampling::is_top_p(self.top_p) {
            bail!("--top-p {}: expected more than 0, at most 1", self.top_p);
        }
        Ok(Sampling { temperature: self.temperature, top_k: self.top_k, top_p: self.top_p, seed: self.seed })
    }
}

#[derive(ClapArgs, Debug)]
pub struct Chat {
    /// A chip folder, or a checkpoint to compile first.
    #[arg(value_name = "CHIP|CHECKPOINT")]
    pub source: PathBuf,
    /// What the model is told before the conversation.
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// Most tokens of an answer.
    #[arg(short, default_value_t = 512)]
    pub n: usize,
    #[command(flatten)]
    pub sampling: SamplingOptions,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "Example: hardwire serve smollm2.chip --port 8080, then ask http://127.0.0.1:8080/v1/chat/completions or open http://127.0.0.1:8080/"
)]
pub struct Serve {
    /// A chip folder, or a checkpoint to compile first.
    #[arg(value_name = "CHIP|CHECKPOINT")]
    pub source: PathBuf,
    /// Address to listen on; anything but this machine's own lets others in, and there is no password.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Requests that may wait for a place on the chip; more are refused with status 429.
    #[arg(long, default_value_t = 64, value_name = "REQUESTS")]
    pub queue: usize,
    #[command(flatten)]
    pub options: CompileOptions,
}
