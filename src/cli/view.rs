//! Arguments of `hardwire view`: the chip, and what is handed to the viewer as it is.

use super::CompileOptions;
use clap::Args as ClapArgs;
use std::path::PathBuf;

#[derive(ClapArgs, Debug)]
pub struct View {
    /// A chip folder, a checkpoint to compile first, or a shape to plan: a bare config.json, or a known model [default: the bundled model].
    #[arg(value_name = "CHIP|CHECKPOINT|CONFIG|NAME")]
    pub source: Option<PathBuf>,
    /// Write a picture instead of opening a window.
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// Where to fly to: layers.0.mlp.down_proj/tile[0,1] or layers.0.mlp.down_proj[17,20].
    #[arg(long, value_name = "PATH")]
    pub goto: Option<String>,
    /// Pixels of the picture.
    #[arg(long, value_name = "WxH", requires = "screenshot")]
    pub size: Option<String>,
    #[arg(long, conflicts_with = "light")]
    pub dark: bool,
    #[arg(long)]
    pub light: bool,
    /// A heat map: area, power, activity, utilisation, sparsity, quantization.
    #[arg(long, value_name = "METRIC")]
    pub heat: Option<String>,
    /// A prompt to run at once.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// Where the prompt's time stops, microseconds on the chip's clock.
    #[arg(long, value_name = "MICROSECONDS", requires = "prompt")]
    pub at: Option<f64>,
    /// A second chip to compare with.
    #[arg(long, value_name = "CHIP")]
    pub against: Option<PathBuf>,
    #[command(flatten)]
    pub options: CompileOptions,
}

impl View {
    /// What the viewer is told beside the chip, in its own words.
    pub fn for_viewer(&self) -> Vec<std::ffi::OsString> {
        let mut all = Vec::new();
        let mut put = |flag: &str, value: Option<std::ffi::OsString>| {
            if let Some(value) = value {
                all.extend([flag.into(), value]);
            }
        };
        put("--screenshot", self.screenshot.clone().map(Into::into));
        put("--goto", self.goto.clone().map(Into::into));
        put("--size", self.size.clone().map(Into::into));
        put("--heat", self.heat.clone().map(Into::into));
        put("--prompt", self.prompt.clone().map(Into::into));
        put("--at", self.at.map(|us| us.to_string().into()));
        put("--against", self.against.clone().map(Into::into));
        all.extend(self.dark.then(|| "--dark".into()));
        all.extend(self.light.then(|| "--light".into()));
        all
    }
}
