//! The compiler's options as typed, shared by every command that compiles.

use clap::Args as ClapArgs;
use std::path::PathBuf;

/// Choices the compiler makes itself unless told.
#[derive(ClapArgs, Debug, Clone, Default, PartialEq)]
#[command(next_help_heading = "Compiling")]
pub struct CompileOptions {
    /// Code bits of every matrix: 2, 3, 4, 6 or 8. Unless given, a stored grid is kept exactly and the rest gets 4.
    #[arg(long)]
    pub bits: Option<u8>,
    /// Inputs that share a scale.
    #[arg(long)]
    pub group: Option<u32>,
    /// Bits of the activations that enter matrices [default: 12].
    #[arg(long)]
    pub act_bits: Option<u8>,
    /// Bits of cached keys and values [default: 8].
    #[arg(long)]
    pub kv_bits: Option<u8>,
    /// Bits of an element of a recurrent state, where the model has one [default: 24].
    #[arg(long)]
    pub state_bits: Option<u8>,
    /// Positions the KV cache holds for each user [default: the model's, at most 2048].
    #[arg(long)]
    pub context: Option<u32>,
    /// Sequences the KV cache holds [default: 1].
    #[arg(long)]
    pub users: Option<u32>,
    /// Elements a stream moves a cycle.
    #[arg(long)]
    pub lanes: Option<u32>,
    /// Tiles for every matrix, of so many inputs at most [default: 256, and group columns for a matrix where they are no larger and no slower].
    #[arg(long)]
    pub tile_rows: Option<u32>,
    /// Matrices held otherwise, such as down_proj=1024,lm_head=metal,up_proj=group: the most inputs of their tiles, metal embedding, or group
    /// columns (group:512: with the most inputs of a tile); without a name, all.
    #[arg(long, value_delimiter = ',', value_name = "MATRIX=ROWS|metal|group")]
    pub fabric: Vec<hardwire_compiler::fabric::Rule>,
    /// Most outputs of a tile [default: 256].
    #[arg(long)]
    pub tile_cols: Option<u32>,
    /// Cached positions attention reads a cycle.
    #[arg(long)]
    pub pos_lanes: Option<u32>,
    /// Layers that share silicon, their weights in deeper ROM: a number, all that are alike, or auto, the fewest that fit one die [default: auto].
    #[arg(long, value_name = "LAYERS|all|auto")]
    pub fold: Option<hardwire_compiler::folding::Fold>,
    /// Process node: N7, N6, N5 or ASAP7 [default: N6].
    #[arg(long)]
    pub node: Option<String>,
    /// Bits kept free for the weights of later chips of this die (compile --onto): of sums, scales, shifts and gains alike, or each, and
    /// codebook values past a stored grid's (slots) [default: 0].
    #[arg(long, value_name = "BITS|PART=BITS,...")]
    pub margin: Option<hardwire_compiler::Margin>,
    #[command(flatten)]
    pub quantizing: Quantizing,
}

impl CompileOptions {
    /// The options given, as typed.
    pub fn given(&self) -> Vec<&'static str> {
        let q = &self.quantizing;
        let all = [
            ("--bits", self.bits.is_some()),
            ("--group", self.group.is_some()),
            ("--quantizer", q.quantizer.is_some()),
            ("--calibrate", q.calibrate.is_some()),
            ("--calibrate-tokens", q.calibrate_tokens.is_some()),
            ("--codebook", q.codebook.is_some()),
            ("--scale-bits", q.scale_bits.is_some()),
            ("--offset-bits", q.offset_bits.is_some()),
            ("--average-bits", q.average_bits.is_some()),
            ("--rotate", q.rotate),
            ("--act-bits", self.act_bits.is_some()),
            ("--kv-bits", self.kv_bits.is_some()),
            ("--state-bits", self.state_bits.is_some()),
            ("--context", self.context.is_some()),
            ("--users", self.users.is_some()),
            ("--lanes", self.lanes.is_some()),
            ("--tile-rows", self.tile_rows.is_some()),
            ("--fabric", !self.fabric.is_empty()),
            ("--tile-cols", self.tile_cols.is_some()),
            ("--pos-lanes", self.pos_lanes.is_some()),
            ("--fold", self.fold.is_some()),
            ("--node", self.node.is_some()),
            ("--margin", self.margin.is_some()),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// Refuses options that the die of `base` has decided.
    pub fn none_for_a_die(&self, base: &std::path::Path) -> anyhow::Result<()> {
        let open = ["--bits", "--quantizer", "--calibrate", "--calibrate-tokens", "--rotate"];
        let fixed: Vec<&str> = self.given().into_iter().filter(|name| !open.contains(name)).collect();
        anyhow::ensure!(fixed.is_empty(), "{}: {} is the die's; hint: leave it out", base.display(), fixed.join(", "));
        Ok(())
    }

    /// Refuses options given for `chip`, which is compiled already.
    pub fn none_for_a_chip(&self, chip: &std::path::Path) -> anyhow::Result<()> {
        let given = self.given();
        if given.is_empty() {
            return Ok(());
        }
        anyhow::bail!(
            "{}: {} cannot be changed in a chip that is compiled; hint: give the checkpoint, or compile it again with {}",
            chip.display(),
            given.join(", "),
            if given.len() == 1 { "it" } else { "them" }
        );
    }
}

/// How weights that keep no stored grid become codes.
#[derive(ClapArgs, Debug, Clone, Default, PartialEq)]
#[command(next_help_heading = "Quantizing")]
pub struct Quantizing {
    /// nearest, or gptq: rounding errors made up for by the weights after them, with calibration text [default: nearest].
    #[arg(long)]
    pub quantizer: Option<String>,
    /// Text file to calibrate on [default: stories and pages of documentation that the program carries].
    #[arg(long, value_name = "TEXT")]
    pub calibrate: Option<PathBuf>,
    /// Tokens of it [default: 8192].
    #[arg(long, value_name = "N")]
    pub calibrate_tokens: Option<usize>,
    /// uniform, or fitted: values of its own for every matrix of up to 4 bits [default: uniform].
    #[arg(long)]
    pub codebook: Option<String>,
    /// Mantissa bits of scales.
    #[arg(long)]
    pub scale_bits: Option<u8>,
    /// Mantissa bits of offsets; 0 for none.
    #[arg(long)]
    pub offset_bits: Option<u8>,
    /// Bits a weight on average, scales and offsets included: every matrix gets the code bits that lose least.
    #[arg(long, value_name = "B", conflicts_with = "bits")]
    pub average_bits: Option<f64>,
    /// Fold a rotation of the residual stream and of the heads' values into the weights first, which spreads large ones. Weights then
    /// keep no stored grid.
    #[arg(long)]
    pub rotate: bool,
}

impl Quantizing {
    /// Whether weights are fitted to the text that the program carries.
    pub fn calibrated_on_ours(&self) -> bool {
        self.calibrate.is_none() && (self.quantizer.as_deref() == Some("gptq") || self.average_bits.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    #[test]
    fn every_option_given_is_known_to_be_given() {
        let command = CompileOptions::augment_args(clap::Command::new("compile"));
        let names: Vec<String> = command.get_arguments().map(|a| format!("--{}", a.get_long().unwrap())).collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            let values = [Some("4"), Some("down_proj=64"), None];
            let typed = |value: Option<&str>| command.clone().try_get_matches_from(["compile", &name].into_iter().chain(value)).ok();
            let matches = values.into_iter().find_map(typed).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(CompileOptions::from_arg_matches(&matches).unwrap().given(), [name.as_str()]);
        }
    }
}
