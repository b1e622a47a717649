//! Where everything of a ROM macro lies, derived from a process's rules. Every length is the least that the rules allow; what follows from
//! which rule is said beside it.
//!
//! Two rows of the array make a pair, which repeats upwards:
//!
//! ```text
//!   ── drain of row 1, its contact stack up to metal 1, and there the via to the bit line, or none
//!   ▒▒ gate of row 1 (poly, the word line)
//!   ── source of both (ground)
//!   ▒▒ gate of row 0
//!   ── drain of row 0
//! ```

use crate::process::{Layer, Process};

/// Lengths that all parts share.
#[derive(Clone, Debug)]
pub struct Dims {
    /// Sides of the cuts.
    pub contact: i64,
    pub cut1: i64,
    pub cut2: i64,
    pub poly: i64,
    /// Width of local wires, and a contact's pad along the side it is longer on.
    pub local: i64,
    pub local_space: i64,
    pub local_pad: i64,
    /// Pads on metal 1 under a via, and bars of power.
    pub pad: (i64, i64),
    pub bar: i64,
    /// Width of a bit line.
    pub bit_line: i64,
    /// Pad on poly under a contact: along and across the gate.
    pub poly_pad: (i64, i64),
    /// Diffusion past a contact, around an implant and in a well.
    pub diff_end: i64,
    pub diff_space: i64,
    pub implant: i64,
    pub well: i64,
    /// From n-diffusion to p-diffusion across a well's edge.
    pub across_well: i64,
    /// Width of a cell's transistor.
    pub cell: i64,
    /// Pitch of columns, and a column's middle.
    pub column: i64,
    pub middle: i64,
    /// Pitch of pairs of rows, and in it: drain and gate of row 0 and the sources; row 1 is mirrored.
    pub pair: i64,
    pub drain: i64,
    pub gate: i64,
    pub source: i64,
    /// Between the gates of a pair, and from a drain's contact to the source's.
    pub source_gap: i64,
    pub reach: i64,
    /// Half of what parts the drains of neighbouring pairs.
    pub half_break: i64,
    /// Width of a tap, and of the column that holds taps among the others.
    pub tap: i64,
    pub strap: i64,
    /// Pitch of the decoder's gates.
    pub gates: i64,
    /// Around the macro: two of them may lie side by side.
    pub margin: i64,
}

impl Dims {
    pub fn of(p: &Process) -> Dims {
        use Layer::{Contact, Cut1, Cut2, Diff, Local, Metal1, Metal2, Nwell, Poly};
        let (width, space) = (|l| p.rule(l).width, |l| p.rule(l).space);
        let d = &p.device;
        let up = |area: i64, side: i64| (area + side - 1) / side;
        let even = |nm: i64| p.up(nm.div_euclid(2) + nm.rem_euclid(2)) * 2;
        let (contact, cut1, cut2, poly, local) = (width(Contact), width(Cut1), width(Cut2), width(Poly), width(Local));
        let local_space = space(Local);
        let local_pad = even((contact + 2 * p.enclosure(Local, Contact).1).max(up(p.rule(Local).area, local)));
        let (m1c1, m1c2) = (p.enclosure(Metal1, Cut1), p.enclosure(Metal1, Cut2));
        let high = even((cut2 + 2 * m1c2.0).max(cut1 + 2 * m1c1.0));
        let wide = even((cut2 + 2 * m1c2.1).max(cut1 + 2 * m1c1.1).max(up(p.rule(Metal1).area, high)));
        let bar = even(width(Metal1).max(cut1 + 2 * m1c1.1));
        let bit_line = even(width(Metal2).max(cut2 + 2 * p.enclosure(Metal2, Cut2).0));
        let around = p.enclosure(Poly, Contact);
        let poly_pad = (even(contact + 2 * around.1), even(contact + 2 * around.0));
        let (diff_end, diff_space) = (p.enclosure(Diff, Contact).1, space(Diff));
        let cell = even(d.cell_width_nm.max(contact + 2 * p.enclosure(Diff, Contact).0));
        let implant = p.enclosure(Layer::Nplus, Diff).0;
        let well = p.enclosure(Nwell, Diff).0;
        // Local wires of a drain and of the link that leads the sources out stand side by side in a column.
        let column = even((cell + diff_space).max(wide + space(Metal1)).max(bit_line + space(Metal2)).max(2 * (local + local_space)));
        let source_gap = even((contact + 2 * d.contact_to_gate_nm).max(space(Poly)));
        // A drain's pads keep their distance from the source's bars.
        let reach = even(
            (source_gap / 2 + poly + d.contact_to_gate_nm + contact / 2)
                .max(local / 2 + local_space + local_pad / 2)
                .max(bar / 2 + space(Metal1) + high / 2),
        );
        let drain_end = reach - source_gap / 2 - poly + contact / 2 + diff_end;
        // Neighbouring drains' pads, and the decoder's two local wires a row.
        let mut half_break = p.up((diff_space.max(local_pad.max(high) + local_space - 2 * diff_end - contact)).div_euclid(2));
        let pair = |half: i64| 2 * drain_end + 2 * poly + source_gap + 2 * half;
        while pair(half_break) % (4 * p.grid_nm) != 0
            || pair(half_break) < 4 * (local + local_space)
            || pair(half_break) < 2 * (cell + diff_space)
            || 2 * half_break < diff_space
        {
            half_break += p.grid_nm;
        }
        let gate = half_break + drain_end;
        let tap = even(width(Layer::Tap).max(contact + 2 * diff_end));
        let strap = even(tap + 2 * (diff_space - (column - cell) / 2)).max(even(bar + space(Metal1)));
        let gates = even(
            (poly + 2 * d.contact_to_gate_nm + contact)
                .max((poly + poly_pad.0) / 2 + space(Poly))
                .max(local_pad + local_space)
                .max(2 * diff_end + contact + diff_space),
        );
        Dims {
            contact,
            cut1,
            cut2,
            poly,
            local,
            local_space,
            local_pad,
            pad: (wide, high),
            bar,
            bit_line,
            poly_pad,
            diff_end,
            diff_space,
            implant,
            well,
            across_well: d.nwell_to_ndiff_nm + well,
            cell,
            column,
            middle: column / 2,
            pair: pair(half_break),
            drain: half_break + diff_end + contact / 2,
            gate,
            source: gate + poly + source_gap / 2,
            source_gap,
            reach,
            half_break,
            tap,
            strap,
            gates,
            margin: p.up(up(space(Nwell), 2)),
        }
    }

    /// Middle of a decoder row's diffusion, of its wire past the supply's contact, and of the contact that takes the wire to poly.
    pub fn strip(&self, row: i64) -> i64 {
        self.pair / 4 + row * self.pair / 2
    }

    pub fn wire(&self, row: i64) -> i64 {
        self.strip(row) + self.local + self.local_space
    }

    pub fn node_contact(&self, row: i64) -> i64 {
        match row {
            0 => self.gate + self.poly - self.poly_pad.1 / 2,
            _ => {
                let past_wire = self.wire(0) + self.local / 2 + self.local_space + self.contact / 2;
                (self.pair - self.gate - self.poly + self.poly_pad.1 / 2).max(past_wire)
            }
        }
    }

    /// Lower edge of a row's gate, and middle of its drain's contact.
    pub fn gate_of(&self, row: i64) -> i64 {
        if row == 0 { self.gate } else { self.pair - self.gate - self.poly }
    }

    pub fn drain_of(&self, row: i64) -> i64 {
        if row == 0 { self.drain } else { self.pair - self.drain }
    }
}
