//! The plan of one macro: where its decoder, array, precharge and sense rows lie. `x` is 0 at its left edge; `y` is 0 at the lowest pair of
//! rows, and [`Frame::bottom`] below that is its lower edge.
//!
//! ```text
//!  address inverters │ precharge of the bit lines
//!  ──────────────────┼───────────────────────────
//!  decoder: a NAND   │ array: pairs of rows, taps after
//!  of gates a row,   │ every 64 columns
//!  precharged, and   ├───────────────────────────
//!  an inverter       │ column multiplexers
//!  ──────────────────┼───────────────────────────
//!   clock            │ sense inverters
//! ```

use super::dims::Dims;
use super::shape::Macro;
use crate::process::{Layer, Process};

/// Columns between two columns of taps; program cells of eight never span one.
pub const SEGMENT: u32 = 64;

#[derive(Clone, Debug)]
pub struct Frame {
    pub of: Macro,
    pub width: i64,
    pub height: i64,
    pub bottom: i64,
    /// Top of the uppermost pair.
    pub top: i64,
    pub mux_pairs: i64,
    pub pairs: i64,
    /// Gates of a decoder row: the clock's, then true and complement of each address bit.
    pub gates: i64,
    /// Decoder, from left to right: substrate tap, first contact, precharge (its node and its supply), well tap, contact to poly, driver.
    pub tap: i64,
    pub first: i64,
    pub node: i64,
    pub supply: i64,
    pub well_tap: i64,
    pub to_poly: i64,
    pub driver_p: i64,
    pub driver_n: i64,
    pub word_line: i64,
    pub array: i64,
    pub array_end: i64,
    /// Rows below 0: drain, source of the n-transistor, contact to its gate, drain, supply and second drain of the p-transistors, well tap.
    pub sense_top: i64,
    pub sense_drain: i64,
    pub sense_source: i64,
    pub sense_contact: i64,
    pub sense_p_top: i64,
    pub sense_p: i64,
    pub sense_supply: i64,
    pub sense_pre: i64,
    pub sense_p_bottom: i64,
    pub sense_tap: i64,
    pub sense_well: i64,
    /// Rows above `top`: drain and supply of the precharge, tap and end of the well.
    pub pre_bottom: i64,
    pub pre_drain: i64,
    pub pre_supply: i64,
    pub pre_top: i64,
    pub pre_tap: i64,
    pub pre_well: i64,
    /// Address inverters: contact of the complement, n- and p-transistors, contact of the address.
    pub complement: i64,
    pub inverter_n: i64,
    pub inverter_p: i64,
    pub address: i64,
    /// In a group of columns: middle of the link from the sources, of the sense transistors and of the output.
    pub link: i64,
    pub sense_x: i64,
    pub out_x: i64,
}

impl Frame {
    pub fn of(p: &Process, d: &Dims, of: Macro) -> Frame {
        let device = &p.device;
        let half = d.contact / 2;
        let end = half + d.diff_end;
        let mux_pairs = i64::from(of.mux / 2);
        let pairs = mux_pairs + i64::from(of.rows() / 2);
        let gates = 1 + 2 * i64::from(of.address_bits());
        let tap = d.margin;
        let first = tap + d.tap + d.diff_space + end;
        let node = first + gates * d.gates + end + d.across_well + end;
        let supply = node + d.gates;
        let well_tap = supply + end + d.diff_space;
        let poly_to_diff = device.poly_contact_to_diff_nm;
        let to_poly = (well_tap + d.tap + poly_to_diff + half).max(well_tap + d.tap / 2 + d.local_pad + d.local_space);
        let past_pad = d.local_pad / 2 + d.local_space + (d.local_pad - d.contact) / 2 - d.diff_end;
        let clear = half + device.poly_contact_to_pplus_nm + d.implant;
        let driver_p = to_poly + past_pad.max(half + poly_to_diff).max(clear);
        let driver_n = driver_p + device.driver_p_nm + d.across_well;
        let poly_gap = p.rule(Layer::Poly).space.max(poly_to_diff + d.contact - d.poly_pad.0 / 2);
        let word_line = driver_n + device.driver_n_nm + device.end_cap_nm + poly_gap;
        let array = word_line + d.poly_pad.0 + d.local_space.max(device.poly_contact_to_pplus_nm + d.implant);
        let segments = i64::from(of.columns().div_ceil(SEGMENT));
        let array_end = array + i64::from(of.columns()) * d.column + (segments + 1) * d.strap;

        // Below the lowest tap and its implant, and below the implant of the array.
        let implants = p.rule(Layer::Nplus).space + d.implant;
        let sense_top = (d.half_break - d.diff_space).min(-d.tap / 2 - d.diff_space.max(2 * d.implant)).min(-implants);
        let sense_drain = sense_top - end;
        let sense_source = sense_drain - d.reach;
        let sense_bottom = sense_source - end;
        let apart = d.across_well.max(2 * poly_to_diff + d.contact).max(poly_to_diff + d.contact + clear - half);
        let sense_p_top = sense_bottom - apart;
        let sense_p = sense_p_top - end;
        let sense_supply = sense_p - d.reach;
        let sense_pre = sense_supply - d.reach;
        let sense_p_bottom = sense_pre - end;
        let sense_tap = sense_p_bottom - d.diff_space.max(2 * d.implant) - d.tap / 2;
        let sense_well = sense_tap - d.tap / 2 - d.well;

        let top = pairs * d.pair;
        let pre_bottom = top - d.half_break + d.across_well;
        let pre_drain = pre_bottom + end;
        let pre_supply = pre_drain + d.reach;
        let pre_top = pre_supply + end;
        let pre_tap = pre_top + d.diff_space.max(2 * d.implant) + d.tap / 2;
        let pre_well = pre_tap + d.tap / 2 + d.well;

        let complement = top + d.poly_pad.1 / 2;
        let clear_of_bar = d.local / 2 + d.local_space + d.local_pad / 2;
        let inverter_n = complement + (half + poly_to_diff + d.cell / 2).max(clear_of_bar);
        let inverter_p = inverter_n + d.cell / 2 + d.across_well + device.inverter_p_nm / 2;
        let address = inverter_p + device.inverter_p_nm / 2 + poly_to_diff.max(d.implant + device.poly_contact_to_pplus_nm) + half;
        let inverter_top = address.max(inverter_p + device.inverter_p_nm / 2 + d.well);
        let bottom = sense_well - d.margin;
        let link = d.middle + d.local + d.local_space;
        let sense_x = link - d.local / 2 - d.local_space - d.local_pad / 2;
        Frame {
            of,
            width: array_end + d.well + d.margin,
            height: inverter_top.max(pre_well) + d.margin - bottom,
            bottom,
            top,
            mux_pairs,
            pairs,
            gates,
            tap,
            first,
            node,
            supply,
            well_tap,
            to_poly,
            driver_p,
            driver_n,
            word_line,
            array,
            array_end,
            sense_top,
            sense_drain,
            sense_source,
            sense_contact: sense_bottom - poly_to_diff - half,
            sense_p_top,
            sense_p,
            sense_supply,
            sense_pre,
            sense_p_bottom,
            sense_tap,
            sense_well,
            pre_bottom,
            pre_drain,
            pre_supply,
            pre_top,
            pre_tap,
            pre_well,
            complement,
            inverter_n,
            inverter_p,
            address,
            link,
            sense_x,
            out_x: sense_x - d.local - d.local_space,
        }
    }

    /// Middle of the decoder's contact before gate `k`, and of gate `k`.
    pub fn contact(&self, d: &Dims, k: i64) -> i64 {
        self.first + k * d.gates
    }

    pub fn gate(&self, d: &Dims, k: i64) -> i64 {
        self.contact(d, k) + d.gates / 2
    }

    /// Left edge of a column.
    pub fn column(&self, d: &Dims, column: u32) -> i64 {
        self.array + i64::from(column) * d.column + i64::from(column / SEGMENT + 1) * d.strap
    }

    /// Middle of the via that programs a row of the array in a column, from the macro's lower left corner.
    pub fn via(&self, d: &Dims, row: u32, column: u32) -> (i64, i64) {
        let pair = self.mux_pairs + i64::from(row / 2);
        (self.column(d, column) + d.middle, pair * d.pair + d.drain_of(i64::from(row % 2)) - self.bottom)
    }

    /// Inverse of [`Frame::via`]; `None` where no via of the program can lie.
    pub fn bit_at(&self, d: &Dims, x_nm: i64, y_nm: i64) -> Option<(u32, u32)> {
        let y = y_nm + self.bottom - self.mux_pairs * d.pair;
        let (pair, within) = (y.div_euclid(d.pair), y.rem_euclid(d.pair));
        let row = [0, 1].into_iter().find(|&r| d.drain_of(r) == within)?;
        let row = u32::try_from(2 * pair + row).ok()?;
        let x = x_nm - self.array - d.middle;
        let segment = i64::from(SEGMENT) * d.column + d.strap;
        let (segment, within) = (x.div_euclid(segment), x.rem_euclid(segment) - d.strap);
        let aligned = within >= 0 && within % d.column == 0;
        let column = u32::try_from(segment * i64::from(SEGMENT) + within / d.column).ok()?;
        (aligned && row < self.of.rows() && column < self.of.columns()).then_some((row, column))
    }
}
