//! A die that exists, as far as weights must fit it: where every matrix goes, and the widths that are there for it.

use crate::error::Error;
use crate::quantize::matrices::{QuantizedMatrix, positions_path};
use crate::tile::TilePlan;
use hardwire_netlist::chip::Chip;
use hardwire_netlist::unit::{MatrixSpec, UnitKind};
use hardwire_netlist::{Netlist, Silicon};
use std::collections::BTreeMap;

/// The die of a chip.
pub(crate) struct Die<'a> {
    pub netlist: &'a Netlist,
    slots: BTreeMap<String, Slot>,
}

/// Where a matrix goes.
pub(crate) struct Slot {
    pub spec: MatrixSpec,
    acc_bits: u8,
    tot_bits: u8,
    shift_bits: u8,
}

impl Die<'_> {
    pub fn of(chip: &Chip) -> Die<'_> {
        let mut slots = BTreeMap::new();
        for (id, unit) in chip.netlist().units() {
            let (acc_bits, tot_bits) = match &unit.kind {
                UnitKind::Mvm(m) => (m.acc_bits, m.tot_bits),
                _ => (u8::MAX, u8::MAX),
            };
            for (at, silicon) in Silicon::of(chip, id).into_iter().enumerate() {
                let path = if at == 0 { unit.path.clone() } else { positions_path(&unit.path) };
                let shift_bits = silicon.shift_bits() as u8;
                slots.insert(path, Slot { spec: silicon.matrix.clone(), acc_bits, tot_bits, shift_bits });
            }
        }
        Die { netlist: chip.netlist(), slots }
    }

    /// The slot of the matrix at `path`, which is to hold `outputs` by `inputs`.
    pub fn slot(&self, path: &str, outputs: usize, inputs: usize) -> Result<&Slot, Error> {
        let none = || Error::Die { path: path.into(), what: "the base die has no such matrix".into() };
        let slot = self.slots.get(path).ok_or_else(none)?;
        let s = &slot.spec;
        if (s.outputs as usize, s.inputs as usize) != (outputs, inputs) {
            let what = format!("it is {outputs} by {inputs}, and on the base die {} by {}", s.outputs, s.inputs);
            return Err(Error::Die { path: path.into(), what });
        }
        Ok(slot)
    }

    /// Gives matrices, in the order of `paths`, the widths of the die.
    ///
    /// # Errors
    /// The first whose own are greater.
    pub fn fit(&self, paths: &[&str], matrices: &mut BTreeMap<String, QuantizedMatrix>) -> Result<(), Error> {
        for &path in paths {
            let (Some(m), Some(slot)) = (matrices.get_mut(path), self.slots.get(path)) else { continue };
            let widths = [
                ("scales", "scales", m.spec.scale_bits, slot.spec.scale_bits),
                ("offsets", "scales", m.spec.offset_bits, slot.spec.offset_bits),
                ("sums of a group", "sums", m.acc_bits, slot.acc_bits),
                ("sums", "sums", m.tot_bits, slot.tot_bits),
                ("output shifts", "shifts", m.shift_bits, slot.shift_bits),
            ];
            if let Some((what, margin, needs, has)) = widths.into_iter().find(|(_, _, needs, has)| needs > has) {
                let what = format!("{what} of {}", m.spec.tensor);
                return Err(Error::fit(path, &what, needs.into(), has.into(), margin));
            }
            let shift_bits = if m.shift_bits < slot.shift_bits { slot.shift_bits } else { slot.spec.shift_bits };
            (m.acc_bits, m.tot_bits) = (slot.acc_bits, slot.tot_bits);
            m.spec = MatrixSpec { scale_bits: slot.spec.scale_bits, offset_bits: slot.spec.offset_bits, shift_bits, ..m.spec.clone() };
        }
        Ok(())
    }

    /// Fabric and shape of every matrix that has an array.
    pub fn tiles(&self) -> TilePlan {
        let array = |u: &hardwire_netlist::Unit| match &u.kind {
            UnitKind::Mvm(m) => Some((u.path.clone(), (m.fabric, m.shape))),
            _ => None,
        };
        TilePlan { arrays: self.netlist.units().filter_map(|(_, u)| array(u)).collect() }
    }
}
