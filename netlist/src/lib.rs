//! The intermediate representation every stage of Hardwire meets at.
//!
//! A compiled chip is a [`Chip`]: structure apart from program.
//!
//! - Structure is small: a [`Netlist`] (a graph of [`Unit`]s joined by streams and grouped into stations), its
//!   [`Census`], its [`Floorplan`]. It is written as JSON.
//! - Program is large: the codes, scales and gains of every matrix, in one file that is memory-mapped
//!   ([`ProgramStore`]). A weight is never a node.
//!
//! `docs/numerics.md` says what each unit computes. This crate says which units there are and how they are joined; it
//! computes no activation and imports no other package of the workspace.
//!
//! Where a weight sits in its array, and back:
//!
//! ```
//! use hardwire_netlist::TileShape;
//!
//! let tile = TileShape { rows: 256, cols: 256, deal: 1, lanes: 8 };
//! let site = tile.site(7, 300);
//! assert_eq!((site.k_tile, site.row, site.col), (1, 44, 7));
//! assert_eq!(tile.weight_at(site, 512, 512), Some((7, 300)));
//! ```
//!
//! What a chip folder holds:
//!
//! ```no_run
//! use hardwire_netlist::{Chip, census};
//!
//! let chip = Chip::open("smollm2.chip".as_ref())?;
//! println!("{} bits of ROM", census::total(chip.netlist()).rom_bits);
//! # Ok::<(), hardwire_netlist::Error>(())
//! ```

pub mod activity;
pub mod census;
mod check;
pub mod chip;
pub mod defects;
pub mod diff;
mod error;
pub mod fabric;
pub mod floorplan;
pub mod folder;
pub mod gate;
pub mod graph;
pub mod input;
mod permutation;
pub mod program;
mod ring;
pub mod shard;
pub mod silicon;
pub mod tables;
pub mod technology;
mod text;
pub mod unit;
mod validate;
pub mod width;

pub use activity::Activity;
pub use census::Census;
pub use chip::{Chip, ChipWriter, ModelInfo, Structure};
pub use error::Error;
pub use fabric::{Fabric, TileShape};
pub use floorplan::{Floorplan, Rect};
pub use graph::{Netlist, Site, Station, Stream, UnitId};
pub use hardwire_figure::{Figure, Provenance};
pub use program::{MatrixView, ProgramId, ProgramStore, ProgramWriter};
pub use silicon::{Silicon, WeightSite};
pub use tables::{Function, Tables};
pub use technology::Technology;
pub use text::TextError;
pub use unit::{Fixed, Unit, UnitKind};
