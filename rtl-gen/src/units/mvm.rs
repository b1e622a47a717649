//! A matrix, as its fabric builds it.

use crate::error::Error;
use crate::fabric::{self, Feed};
use crate::folder::Folder;
use crate::site::{Context, Site};
use hardwire_netlist::unit::MvmSpec;

/// Writes its site module and ROM images too.
pub fn site(c: &Context, folder: &mut Folder, s: &MvmSpec) -> Result<Site, Error> {
    let i = fabric::design(s.fabric).matrix(c, folder, s, &Feed::of(c)?)?;
    Ok(c.alone(c.give(i)))
}
