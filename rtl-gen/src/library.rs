//! The modules that are the same in every chip; of them only those are written that the emitted ones are built of. And the lint waivers.

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
    "hw_check.vh",
    "hw_mvm_steps.vh",
    "hw_layers.vh",
    "hw_rom.v",
    "hw_layer_rom.v",
    "hw_sram.v",
    "hw_hold.v",
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
    "hw_group_feed.v",
    "hw_group_control.v",
    "hw_compress.v",
    "hw_group_column.v",
    "hw_group_tile.v",
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
    "hw_sigmoid.v",
    "hw_conv.v",
    "hw_decay.v",
    "hw_delta.v",
    "hw_route.v",
    "hw_mix.v",
    "hw_add.v",
    "hw_argmax.v",
    "hw_topk.v",
    "hw_probe.v",
    "hw_probe_rows.v",
    "hw_probe_planes.v",
    "hw_probe_groups.v",
];

/// Writes what the Verilog written so far needs of the library: the modules it instantiates, theirs in turn, and their headers.
/// `folded`: layers share silicon.
pub fn emit(folder: &mut Folder, folded: bool) -> Result<(), Error> {
    let mut left = FILES.to_vec();
    loop {
        let (wanted, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(file, _)| {
            let (module, _) = file.split_once('.').unwrap_or((file, ""));
            folder.library_names().contains(module)
        });
        if wanted.is_empty() {
            return folder.text("lint.vlt", include_str!("../templates/lint.vlt"));
        }
        for (file, text) in wanted {
            let defined = if folded && file == "hw_layers.vh" { "`define HW_LAYERS\n" } else { "" };
            folder.text(&format!("rtl/{file}"), &format!("{text}{defined}"))?;
        }
        left = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::FILES;

    /// The declaration and what is said of it, for each parameter and port of a module's header.
    fn header(text: &str) -> impl Iterator<Item = (&str, &str)> {
        let lines = text.lines().skip_while(|l| !l.starts_with("module ")).take_while(|l| !l.starts_with(");"));
        let declares = |l: &&str| ["parameter ", "input ", "output "].iter().any(|k| l.trim_start().starts_with(k));
        lines.filter(declares).map(|l| l.split_once("//").unwrap_or((l, "")))
    }

    #[test]
    fn every_parameter_and_port_is_explained() {
        let mut found = 0;
        for (file, text) in FILES.iter().filter(|f| f.0.ends_with(".v")) {
            for (code, said) in header(text) {
                found += 1;
                assert!(said.split_whitespace().count() >= 1 && said.trim().len() >= 4, "{file}: nothing explains `{}`", code.trim());
                let more = code.matches("parameter ").count() + code.matches("input ").count() + code.matches("output ").count();
                assert_eq!(more, 1, "{file}: a line each, or one of them is not explained: {code}");
            }
        }
        assert!(found > 500, "{found} parameters and ports: are these headers?");
    }

    #[test]
    fn a_module_a_file_by_its_name() {
        for (file, text) in FILES.iter().filter(|f| f.0.ends_with(".v")) {
            let modules: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("module ")?.split_whitespace().next()).collect();
            assert_eq!(modules, [file.trim_end_matches(".v")], "{file}");
        }
    }
}
