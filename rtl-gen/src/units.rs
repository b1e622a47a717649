//! One instance for each unit: parameters from its spec, ports onto the nets of its station. A unit kind a file.
//!
//! A unit's nets start with its identifier: `_valid`, `_data`, `_ovf`; a row feed has `_row_*`, `_a`, `_h`, `_asum`, or `_plane*` and `_h`.

mod add;
mod argmax;
mod attention;
mod conv;
mod decay;
mod delta;
mod embed;
mod gated_act;
mod mix;
mod mvm;
mod norm;
mod rope;
mod route;
mod row_feed;

pub use argmax::logits;
pub use embed::{nets as embed_nets, phases};

use crate::error::Error;
use crate::folder::Folder;
use crate::shape::Shape;
use crate::site::{Context, Site};
use crate::stream::Source;
use hardwire_netlist::{Chip, UnitId, UnitKind};

/// Builds a unit's instance and writes its ROM images. `last`: it hands the residual on.
pub fn site(chip: &Chip, shape: &Shape, folder: &mut Folder, id: UnitId, inputs: &[Source], last: bool) -> Result<Site, Error> {
    let c = &Context::new(chip, shape, id, inputs, last);
    match &c.unit.kind {
        UnitKind::Embed(_) => embed::site(c, folder),
        UnitKind::RmsNorm(s) => norm::site(c, folder, s),
        UnitKind::RowFeed(s) => Ok(row_feed::site(c, s)),
        UnitKind::Mvm(s) => mvm::site(c, folder, s),
        UnitKind::Rope(s) => rope::site(c, s),
        UnitKind::Attention(s) => attention::site(c, folder, s),
        UnitKind::GatedAct(s) => gated_act::site(c, s),
        UnitKind::Route(s) => Ok(route::site(c, s)),
        UnitKind::Mix(s) => mix::site(c, s),
        UnitKind::Conv(s) => conv::site(c, folder, s),
        UnitKind::Decay(s) => decay::site(c, folder, s),
        UnitKind::Delta(s) => Ok(delta::site(c, s)),
        UnitKind::Add => Ok(add::site(c)),
        UnitKind::Argmax => argmax::site(c),
    }
}
