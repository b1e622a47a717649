//! What is compared: a hardwired chip in plain numbers, GPUs, and what is asked of both.

use crate::Provenance;
use serde::Serialize;

use super::error::{EconomicsError, positive, within};
use crate::gpu::{Device, ModelShape, Stack};

/// What the factory is asked to serve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Demand {
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    /// People served at once.
    pub users: u32,
    /// Slowest token anyone accepts.
    pub max_token_latency_ms: Option<f64>,
}

impl Demand {
    /// Refuses a demand that nothing can mean.
    pub fn check(&self) -> Result<(), EconomicsError> {
        positive("demand", "output_tokens", f64::from(self.output_tokens))?;
        positive("demand", "users", f64::from(self.users))?;
        if let Some(target) = self.max_token_latency_ms {
            positive("demand", "max_token_latency_ms", target)?;
        }
        Ok(())
    }
}

/// One instance of a model in silicon, all its dies together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChipOption {
    pub name: String,
    /// Node whose wafers, defects and masks apply, as the price table names it.
    pub node: String,
    pub die_mm2: f64,
    /// Dies that hold the model, each with its own masks; one card a die.
    pub dies: u32,
    /// All dies under a full queue of the demand's requests, prompts read in between.
    pub power_w: f64,
    /// All dies with nothing asked.
    pub idle_w: f64,
    /// Output tokens of all users in flight together while no prompt is read.
    pub decode_tokens_per_s: f64,
    /// Rate at which prompts are read, which keeps the chip from making output.
    pub prompt_tokens_per_s: f64,
    /// Users in flight at once, bounded by pipeline stages and cache.
    pub users_at_once: u32,
    pub provenance: Provenance,
    pub source: String,
}

impl ChipOption {
    /// Refuses figures that no chip has.
    pub fn check(&self) -> Result<(), EconomicsError> {
        let owner = format!("chip `{}`", self.name);
        positive(&owner, "die_mm2", self.die_mm2)?;
        positive(&owner, "dies", f64::from(self.dies))?;
        positive(&owner, "power_w", self.power_w)?;
        within(&owner, "idle_w", self.idle_w, 0.0, self.power_w)?;
        positive(&owner, "decode_tokens_per_s", self.decode_tokens_per_s)?;
        positive(&owner, "prompt_tokens_per_s", self.prompt_tokens_per_s)?;
        positive(&owner, "users_at_once", f64::from(self.users_at_once))
    }
}

/// A kind of GPU server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GpuOption {
    pub device: Device,
    /// The model as it holds it: its own weight format and cache.
    pub model: ModelShape,
    /// GPUs that may be split together, as in one machine.
    pub devices: u32,
    pub stack: Stack,
}

/// Tokens a joule.
pub fn tokens_per_j(tokens_per_s: f64, power_w: f64) -> f64 {
    tokens_per_s / power_w
}
