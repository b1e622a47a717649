//! Widths of matrices past those that their own weights need.

use super::matrices::QuantizedMatrix;
use crate::margin::Margin;
use hardwire_netlist::unit::MOST_SHIFT_BITS;
use std::collections::BTreeMap;

/// Widest sums that a chip may have (`netlist/src/unit/mvm.rs`), and mantissas.
const MOST_SUM_BITS: u8 = 62;
const MOST_MANTISSA_BITS: u8 = 32;

/// Widens matrices, whose widths are those that their own weights need. No sum is wider than any codes could make it.
pub(super) fn reserve(margin: Margin, act_bits: u8, matrices: &mut BTreeMap<String, QuantizedMatrix>) {
    if margin == Margin::default() {
        return;
    }
    for m in matrices.values_mut() {
        let s = &mut m.spec;
        let wider = |bits: u8, by: u8, most: u8| bits.saturating_add(by).min(most).max(bits);
        s.scale_bits = wider(s.scale_bits, margin.scales, MOST_MANTISSA_BITS);
        if s.offset_bits > 0 {
            s.offset_bits = wider(s.offset_bits, margin.scales, MOST_MANTISSA_BITS);
        }
        if margin.shifts > 0 {
            s.shift_bits = wider(m.shift_bits, margin.shifts, MOST_SHIFT_BITS);
        }
        let greatest = |bits: u8| (1u128 << bits.max(1) >> 1).saturating_sub(1);
        let (act, value) = (greatest(act_bits), u128::from(s.max_value().unsigned_abs()));
        let most = u128::from(s.group.min(s.inputs)) * value * act;
        let group = most * greatest(s.scale_bits) + u128::from(s.group.min(s.inputs)) * act * greatest(s.offset_bits);
        let bits = |most: u128| (128 - most.leading_zeros() + 1).min(u32::from(MOST_SUM_BITS)) as u8;
        m.acc_bits = wider(m.acc_bits, margin.sums, bits(most));
        m.tot_bits = wider(m.tot_bits, margin.sums, bits(group * u128::from(s.groups())));
    }
}
