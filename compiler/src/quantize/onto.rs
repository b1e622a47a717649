//! Codes for a matrix of a die that exists: its codebook, group and mantissa widths are given.
//!
//! A stored grid stays exactly as it is if the codebook has its values; what is on none, or is to leave it (`--bits`), gets the nearest of
//! the codebook's values, or those of least cost.

use super::choice::{Quantizer, Width};
use super::encode::{Coding, Kept};
use super::nearest;
use crate::error::Error;
use crate::options::Plan;
use hardwire_models::Tensor;
use hardwire_netlist::unit::MatrixSpec;

/// How `tensor` becomes codes of the matrix at `path` that is `m` on the die.
///
/// # Errors
/// [`Error::Die`]: a stored grid that the die does not hold exactly.
pub(super) fn coding(path: &str, tensor: &Tensor<'_>, plan: &Plan, m: &MatrixSpec) -> Result<Coding, Error> {
    let refuse =
        |what: String| Err(Error::Die { path: path.into(), what: format!("{what}; --bits {} rounds the weights anew", m.code_bits) });
    let kept = if plan.bits.is_none() { Kept::of(tensor)? } else { Kept::Nothing };
    let group = m.group;
    if kept == Kept::Nothing {
        let plain = plan.choice.quantizer == Quantizer::Nearest && m.offset_bits == 0 && m.scale_bits >= nearest::scale_bits(m.code_bits);
        let low = -(1i32 << (m.code_bits - 1));
        let counts_up = m.codebook.iter().enumerate().all(|(c, &v)| v == low + c as i32);
        if plain && counts_up {
            return Ok(Coding::Nearest { bits: m.code_bits, group });
        }
        // Wider mantissas would fill the room that the sums have.
        let usual = Width::of(m.code_bits);
        let width = Width { code: m.code_bits, scale: usual.scale.min(m.scale_bits), offset: usual.offset.min(m.offset_bits) };
        return Ok(Coding::Chosen { width, fitted: false, group });
    }
    let coding = Coding::keeping(kept, tensor.cols(), plan, None, None);
    let natural = coding.group() as usize;
    if !(natural.is_multiple_of(group as usize) || natural.min(tensor.cols()) == (group as usize).min(tensor.cols())) {
        return refuse(format!("its scales are of {natural} inputs each, and the base die's of {group}"));
    }
    if let Kept::Blocks(stored) = kept
        && stored.has_offset
        && m.offset_bits == 0
    {
        return refuse("it has offsets, and the base die has none for it".into());
    }
    let values = coding.stored_values();
    let missing = |codebook: &[i32]| values.iter().filter(|v| !codebook.contains(v)).count();
    let lacks = missing(&m.codebook);
    if lacks > 0 {
        let (least, most) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
        let enough = (1..=u8::MAX).find(|&slots| missing(&with_slots(&m.codebook, slots).1) == 0);
        let enough = enough.map_or("no margin helps".to_string(), |n| format!("a base compiled with --margin slots={n} would have them"));
        return refuse(format!("{lacks} of its values from {least} to {most} are not in the base die's codebook: {enough}"));
    }
    Ok(match coding {
        Coding::Blocks { stored, .. } => Coding::Blocks { stored, group },
        Coding::Grid { bits, .. } => Coding::Grid { bits, group },
        other => other,
    })
}

/// A codebook of all `values` with at least `slots` that are not among them: the gaps between first, then outwards by turns.
pub(super) fn with_slots(values: &[i32], slots: u8) -> (u8, Vec<i32>) {
    let mut all: Vec<i32> = values.to_vec();
    all.sort_unstable();
    all.dedup();
    let (mut low, mut high) = (all.first().copied().unwrap_or(0), all.last().copied().unwrap_or(0));
    let wanted = all.len() + usize::from(slots);
    let bits = [2u8, 3, 4, 6].into_iter().find(|&b| 1 << b >= wanted).unwrap_or(8);
    let mut spare: Vec<i32> = (low..=high).filter(|v| !all.contains(v)).rev().collect();
    while all.len() < 1 << bits {
        let next = match spare.pop() {
            Some(v) => v,
            None if (high >= i32::from(i8::MAX)) || (-low <= high && low > i32::from(i8::MIN)) => {
                low -= 1;
                low
            }
            None => {
                high += 1;
                high
            }
        };
        all.push(next);
    }
    all.sort_unstable();
    (bits, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_fill_gaps_first_and_then_both_sides() {
        assert_eq!(with_slots(&[-1, 0, 1], 1), (2, vec![-2, -1, 0, 1]));
        assert_eq!(with_slots(&[-1, 0, 1], 2), (3, (-4..4).collect()));
        assert_eq!(with_slots(&(-7..8).collect::<Vec<_>>(), 1), (4, (-8..8).collect()));
        assert_eq!(with_slots(&(-8..8).collect::<Vec<_>>(), 1), (6, (-32..32).collect()));
        assert_eq!(with_slots(&(0..16).collect::<Vec<_>>(), 1).1.len(), 64);
        assert_eq!(with_slots(&[-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12], 1).1[1], -11);
        assert_eq!(with_slots(&(0..64).collect::<Vec<_>>(), 255), (8, (-128..128).collect()));
    }
}
