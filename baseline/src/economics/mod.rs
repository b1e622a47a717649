//! The token factory's books: what a site earns its tokens with, chip against GPU.
//!
//! In order:
//! 1. [`assumptions`]: every input with its range and source; [`option`](mod@option): what is compared and asked.
//! 2. [`silicon`]: dies, yield and their cost; [`unit`]: the smallest thing a site buys.
//! 3. [`account`](mod@account): one site full of one kind of unit.
//! 4. [`joint`](mod@joint): units of several kinds that make each token together.
//! 5. [`books`](mod@books): both kinds side by side, break-even, the price of being wrong.
//! 6. [`market`]: what tokens sell for; [`fleet`](mod@fleet): a country's fleet; [`supply`]: what part of it is domestic.
//! 7. [`tornado`](mod@tornado): which assumption matters.
//!
//! The chip comes as plain numbers, so any chip can be put here, ours or a published one. Left out, for both kinds
//! alike: staff, software, networks beyond the host, taxes, land.

pub mod account;
pub mod assumptions;
pub mod books;
mod error;
pub mod fleet;
pub mod joint;
pub mod market;
pub mod option;
pub mod silicon;
pub mod supply;
pub mod tornado;
pub mod unit;

pub use account::{Account, CostLine, Line, account, account_of_units};
pub use assumptions::{Assumption, Assumptions, Input};
pub use books::{Books, Comparison, Refusal, WrongPrice, books};
pub use error::EconomicsError;
pub use fleet::{Country, Day, Fleet, FleetSide, fleet};
pub use joint::{Joint, joint};
pub use market::{Margin, Offer, Sale, offers, offers_of, sales};
pub use option::{ChipOption, Demand, GpuOption, tokens_per_j};
pub use tornado::{Bar, Metric, Tornado, tornado};
pub use unit::{GpuLoad, Kind, Silicon, Unit, chip_unit, gpu_unit, gpu_unit_under};
