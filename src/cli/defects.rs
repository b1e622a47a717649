//! Defects in ROM as typed, shared by the commands that look at what they do.

use clap::Args as ClapArgs;
use hardwire_netlist::defects::{Extent, Place};

/// Wrong bits in ROM.
#[derive(ClapArgs, Debug, Clone, Default)]
#[command(next_help_heading = "Defects")]
pub struct DefectOptions {
    /// Share of the stored bits that are wrong, such as 1e-5: vias that are missing, or one too many. Or share of the rows or columns.
    #[arg(long = "defects", value_name = "DENSITY")]
    pub density: Option<f64>,
    /// Seed of the places.
    #[arg(long = "defect-seed", value_name = "N", default_value_t = 1, requires = "density")]
    pub seed: u64,
    /// What is wrong together: bit, or a whole row or column of a ROM of codes, which then reads 0 [default: bit].
    #[arg(long = "defect-extent", value_name = "EXTENT", requires = "density")]
    pub extent: Option<Extent>,
    /// Only in these: embedding, attention, mlp, head (codes), norms, scales [default: all].
    #[arg(long = "defect-places", value_name = "PLACE,...", value_delimiter = ',', requires = "density")]
    pub places: Vec<Place>,
}
