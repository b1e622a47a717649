//! Where the packed codes of all matrices lie: one stretch of memory that is read front to back for every token. On Linux it asks for
//! large pages, since with small ones a token would look up tens of thousands.

use super::lanes::Lanes;
use memmap2::MmapMut;

pub(super) struct Arena(MmapMut);

impl Arena {
    /// Room for `len` registers, all zero.
    ///
    /// # Panics
    /// The machine has not that much memory.
    pub(super) fn new(len: usize) -> Self {
        // A mapping of nothing does not exist.
        let map = MmapMut::map_anon((len * size_of::<Lanes>()).max(1)).expect("memory for a copy of the chip's program");
        #[cfg(target_os = "linux")]
        // Where large pages are not to be had, small ones do.
        let _ = map.advise(memmap2::Advice::HugePage);
        Arena(map)
    }

    pub(super) fn lanes(&self) -> &[Lanes] {
        // SAFETY: a map begins with a page and so is aligned, any bits are lanes, and so many fit in it.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() / size_of::<Lanes>()) }
    }

    pub(super) fn lanes_mut(&mut self) -> &mut [Lanes] {
        // SAFETY: as above, and the map is borrowed as the lanes are.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() / size_of::<Lanes>()) }
    }
}
