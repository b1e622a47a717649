//! Progress on stderr: a bar with rate and time left on a terminal, nothing where it is quiet or piped.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `total` units named `unit`.
pub fn bar(quiet: bool, total: u64, unit: &str) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let template = format!("{{bar:30}} {{human_pos}}/{{human_len}} {unit}  {{per_sec}}  {{eta}} left  {{wide_msg}}");
    bar.set_style(ProgressStyle::with_template(&template).expect("the template is fixed"));
    bar
}
