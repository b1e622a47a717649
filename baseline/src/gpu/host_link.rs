//! Links between a GPU and another machine's accelerator, as data: rate, latency class, energy of a bit.

use serde::{Deserialize, Serialize};

use super::device::{Link, LinkClass};
use super::error::{GpuError, not_negative, positive};

const BUNDLED: &str = include_str!("../../data/links.csv");

/// A link, as one end sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostLink {
    pub name: String,
    pub link: Link,
    /// Both ends and what stands between them, at full load.
    pub pj_per_bit: f64,
    pub source: String,
}

#[derive(Deserialize)]
struct Row {
    link: String,
    link_class: LinkClass,
    gb_per_s: f64,
    pj_per_bit: f64,
    date: String,
    source: String,
}

/// The bundled links.
///
/// # Errors
/// A bundled table that cannot be read.
pub fn host_links() -> Result<Vec<HostLink>, GpuError> {
    let rows = csv::Reader::from_reader(BUNDLED.as_bytes()).into_deserialize::<Row>();
    rows.map(|row| {
        let row = row.map_err(|e| GpuError::File { file: "links.csv".into(), detail: e.to_string(), hint: "restore the bundled table" })?;
        let owner = format!("link `{}`", row.link);
        positive(&owner, "gb_per_s", row.gb_per_s)?;
        not_negative(&owner, "pj_per_bit", row.pj_per_bit)?;
        Ok(HostLink {
            name: row.link,
            link: Link { class: row.link_class, bandwidth_gb_per_s: row.gb_per_s },
            pj_per_bit: row.pj_per_bit,
            source: format!("{}, {}", row.source, row.date),
        })
    })
    .collect()
}

impl HostLink {
    /// The bundled link of this name, whatever its case.
    ///
    /// # Errors
    /// None of that name; the message lists them.
    pub fn find(name: &str) -> Result<HostLink, GpuError> {
        let links = host_links()?;
        let known = links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>().join(", ");
        links.into_iter().find(|link| link.name.eq_ignore_ascii_case(name)).ok_or(GpuError::UnknownLink { name: name.into(), known })
    }

    /// Joules of `bytes` over it.
    pub fn joules(&self, bytes: f64) -> f64 {
        bytes * 8.0 * self.pj_per_bit * 1e-12
    }
}
