//! The modules that are the same in every chip, and the lint waivers.

use crate::error::Error;
use crate::folder::Folder;

macro_rules! library {
    ($($name:literal),* $(,)?) => {
        /// File name and text of every library module.
        pub const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../templates/lib/", $name)))),*];
    };
}

library![
    "hw_round.vh",
    "hw_rom.v",
    "hw_sram.v",
    "hw_intake.v",
    "hw_embed.v",
    "hw_phase.v",
    "hw_rotation.v",
    "hw_sum.v",
    "hw_rms_norm.v",
    "hw_centre.v",
    "hw_layer_norm.v",
    "hw_magnitude.v",
    "hw_row_feed.v",
    "hw_bit_feed.v",
    "hw_metal.v",
    "hw_mvm_control.v",
    "hw_mvm_tile.v",
    "hw_mvm_out.v",
    "hw_rope.v",
    "hw_quantize.v",
    "hw_score.v",
    "hw_most.v",
    "hw_exponent.v",
    "hw_value.v",
    "hw_attention.v",
    "hw_gated_act.v",
    "hw_swiglu.v",
    "hw_relu2.v",
    "hw_route.v",
    "hw_mix.v",
    "hw_add.v",
    "hw_argmax.v",
    "hw_topk.v",
    "hw_probe.v",
];

pub fn emit(folder: &mut Folder) -> Result<(), Error> {
    for (name, text) in FILES {
        folder.text(&format!("rtl/{name}"), text)?;
    }
    folder.text("lint.vlt", include_str!("../templates/lint.vlt"))
}
