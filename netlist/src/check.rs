//! How a rule of the structure is stated: what was found in which field of what, and what was expected there.

use crate::error::Error;
use crate::unit::fixed::Fixed;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Longest vector: its squares fit the 80 bits of `docs/numerics.md`, section 4.
pub const MOST_ELEMENTS: u32 = 1 << 17;
/// Widths of activations at a matrix's or an attention's multipliers.
pub const ACT_BITS: RangeInclusive<u8> = 2..=16;
/// Score mantissas (section 7): 16 bits, the highest set.
pub const SCORE_MANTISSA: RangeInclusive<u32> = 1 << 15..=(1 << 16) - 1;

/// The error of `field` of the unit, or of the part of the chip, that `owner` names.
pub fn named(owner: &str, field: &str, found: impl Display, expected: impl Display) -> Error {
    Error::Structure { unit: owner.into(), what: format!("{field}: {found}, expected {expected}") }
}

pub fn wrong(path: &str, field: &str, found: impl Display, expected: impl Display) -> Result<(), Error> {
    Err(named(path, field, found, expected))
}

pub fn within<T: PartialOrd + Display>(path: &str, field: &str, found: T, range: RangeInclusive<T>) -> Result<(), Error> {
    if range.contains(&found) { Ok(()) } else { wrong(path, field, found, format!("{} to {}", range.start(), range.end())) }
}

pub fn equal<T: PartialEq + Display>(path: &str, field: &str, found: T, expected: T) -> Result<(), Error> {
    if found == expected { Ok(()) } else { wrong(path, field, found, expected) }
}

/// Any stream: 2 to 32 bits. Fractional bits from -16 keep every shift of a 32-bit value by them inside 62 bits.
pub fn format(path: &str, field: &str, f: Fixed) -> Result<(), Error> {
    within(path, &format!("{field}.bits"), f.bits, 2..=32)?;
    within(path, &format!("{field}.frac"), f.frac, -16..=127)
}

pub fn same_format(path: &str, field: &str, found: Fixed, expected: Fixed) -> Result<(), Error> {
    let show = |f: Fixed| format!("{} bits with {} fractional", f.bits, f.frac);
    if found == expected { Ok(()) } else { wrong(path, field, show(found), show(expected)) }
}

/// A beat holds whole parts, or a part whole beats.
pub fn whole_beats(path: &str, field: &str, part: u32, lanes: u32) -> Result<(), Error> {
    if lanes.is_multiple_of(part) || part.is_multiple_of(lanes) {
        return Ok(());
    }
    wrong(path, field, format!("parts of {part} elements"), format!("a divisor or a multiple of the {lanes} lanes"))
}

/// Heads of one vector.
pub fn heads(path: &str, heads: u32, head_dim: u32, lanes: u32) -> Result<(), Error> {
    within(path, "heads", heads, 1..=MOST_ELEMENTS)?;
    within(path, "head_dim", head_dim, 1..=1 << 13)?;
    within(path, "heads times head_dim", u64::from(heads) * u64::from(head_dim), 1..=u64::from(MOST_ELEMENTS))?;
    whole_beats(path, "head_dim", head_dim, lanes)
}
