//! Keeps memory small while an 8 B chip is looked at: pages of the mapped program that a picture has read are given back when the
//! picture is made. The file's pages stay in the system's cache; only this process no longer counts them as its own.

use crate::die::Die;
#[cfg(unix)]
use hardwire_netlist::program::Record;

/// Matrices smaller than this stay: giving back costs more than it saves.
#[cfg(unix)]
const SMALL: usize = 1 << 20;

/// Gives back the pages of a block's matrix.
#[cfg(unix)]
pub fn release(die: &Die, block: usize) {
    let Some((spec, view)) = die.matrix(block) else { return };
    let Some(Record::Matrix { codes, scales, offsets, shifts, .. }) = die.chip.programs.records().get(spec.program.0 as usize) else {
        return;
    };
    let end = [codes, scales, offsets, shifts].iter().map(|s| s.offset + s.bytes).max().unwrap_or(0);
    let page = 16_384;
    let first = view.codes.as_ptr() as usize;
    let from = first.next_multiple_of(page);
    let to = (first + end.saturating_sub(codes.offset) as usize) / page * page;
    if to > from + SMALL {
        // SAFETY: the range lies within the program's mapping (its sections follow each other from `codes` on, checked when the chip
        // was opened), which is shared and read-only: what is dropped is read again from the file when it is next touched.
        unsafe { libc::madvise(from as *mut libc::c_void, to - from, libc::MADV_DONTNEED) };
    }
}

#[cfg(not(unix))]
pub fn release(_: &Die, _: usize) {}
