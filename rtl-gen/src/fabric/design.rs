//! What a fabric's file builds.

use crate::error::Error;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::shape::ident;
use crate::site::{Context, Nets};
use hardwire_netlist::unit::{MvmSpec, RowFeedSpec};
use hardwire_netlist::{UnitId, UnitKind};

pub trait Design: Sync {
    /// The module of a feed with its parameters, and the nets that it drives.
    fn feed(&self, c: &Context, s: &RowFeedSpec) -> (Instance, Nets);

    /// Whether a feed is told when to begin, by `go`.
    fn feed_waits(&self) -> bool {
        true
    }

    /// Writes the site module and the ROM images of a matrix; its instance, joined to its feed.
    ///
    /// # Errors
    /// What the Verilog cannot build, by the unit's path.
    fn matrix(&self, c: &Context, folder: &mut Folder, s: &MvmSpec, feed: &Feed) -> Result<Instance, Error>;

    /// Module of the probe that prints a feed in simulation.
    fn probe_module(&self) -> &'static str;

    /// Its parameters and ports, those apart that all probes have.
    fn probe(&self, c: &Context, s: &RowFeedSpec, i: Instance) -> Instance;
}

/// The feed that a matrix hangs on.
pub struct Feed<'a> {
    pub id: UnitId,
    pub spec: &'a RowFeedSpec,
    /// Its identifier.
    pub name: String,
}

impl<'a> Feed<'a> {
    /// That of a matrix.
    ///
    /// # Errors
    /// There is none.
    pub fn of(c: &Context<'a>) -> Result<Feed<'a>, Error> {
        let fed = c.inputs[0].feed.map(|id| (id, c.netlist().unit(id)));
        match fed.map(|(id, unit)| (id, unit, &unit.kind)) {
            Some((id, unit, UnitKind::RowFeed(spec))) => Ok(Feed { id, spec, name: ident(&unit.path) }),
            _ => Err(Error::unit(&c.unit.path, "is not fed by a row feed")),
        }
    }

    /// A net of the feed's.
    pub fn net(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.name)
    }

    /// The rows a matrix sees: an expert's only where it was chosen.
    pub fn row_valid(&self, c: &Context) -> String {
        let valid = self.net("_row_valid");
        match c.unit.expert {
            Some(expert) if self.spec.waits => {
                let route = ident(&c.netlist().unit(c.netlist().inputs(self.id)[1]).path);
                format!("{valid} && {route}_chosen[{expert}]")
            }
            _ => valid,
        }
    }
}
