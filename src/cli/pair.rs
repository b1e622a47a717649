//! A GPU that serves together with the chip, as typed.

use clap::Args as ClapArgs;
use std::path::PathBuf;

/// Ways of serving with a GPU beside the chip.
#[derive(ClapArgs, Debug, Clone, Default)]
#[command(next_help_heading = "A GPU beside the chip")]
pub struct Pair {
    /// This GPU reads the prompts and the chip writes the answers; keys and values go over --link.
    #[arg(long, value_name = "GPU")]
    pub prefill_on: Option<String>,
    /// The chip drafts and this GPU verifies, the same model at 16 bits: the output is exactly the GPU's.
    #[arg(long, value_name = "GPU")]
    pub verify_on: Option<String>,
    /// Link between the two: "PCIe 4 x16", "PCIe 5 x16", "100 GbE" or "400 GbE".
    #[arg(long, value_name = "NAME", default_value = "PCIe 5 x16")]
    pub link: String,
    /// How often the GPU takes a drafted token: the JSON that `hardwire evaluate` gave, or a share and who says so, as in "0.8=our own
    /// run" [default: measured, where the checkpoint is at hand].
    #[arg(long, value_name = "FILE|SHARE=SOURCE", requires = "verify_on", conflicts_with_all = ["text", "checkpoint"])]
    pub acceptance: Option<String>,
    /// Both sample, so that the output has the GPU's distribution [default: both take their likeliest token].
    #[arg(long, requires = "verify_on")]
    pub sampling: bool,
    /// Text to measure acceptance on [default: stories and pages of documentation that the program carries].
    #[arg(long, value_name = "FILE", requires = "verify_on")]
    pub text: Option<PathBuf>,
    /// The checkpoint that a chip was made from, to measure acceptance beside.
    #[arg(long, value_name = "CHECKPOINT", requires = "verify_on")]
    pub checkpoint: Option<PathBuf>,
}
