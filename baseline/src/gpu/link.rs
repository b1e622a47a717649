//! What devices pay to speak to each other.
//!
//! Latencies are those of NCCL's own tuner (`src/graph/tuning.cc`, tables `baseLat` and `hwLat`, ring algorithm, at
//! commit 01afd20a): a fixed start, then one hop latency for each of the `2 (n − 1)` steps of a ring all-reduce. Its LL
//! protocol carries a flag beside every word and so has a quarter of the bandwidth (same file) at a fraction of the
//! latency; NCCL takes whichever is faster, and so do we.

use super::device::{Link, LinkClass};

/// Start of a ring in the LL protocol, µs (`baseLat[RING][LL]`).
const RING_START_LL_US: f64 = 3.6;
/// Start of a ring in the Simple protocol, µs (`baseLat[RING][SIMPLE]`).
const RING_START_SIMPLE_US: f64 = 8.4;
/// Share of the bandwidth that LL reaches (same file: `busBw *= 1.0/4.0`).
const LL_BANDWIDTH_SHARE: f64 = 0.25;
/// One TCP/IP hop between two machines' user processes, µs. Estimated: typical small-message one-way time of sockets on
/// 10 GbE or a Thunderbolt bridge; kernel-bypass links are the `Infiniband` class.
const TCP_HOP_US: f64 = 30.0;

impl LinkClass {
    /// Hop latency of small (LL) messages, µs (`hwLat[..][RING][LL]`).
    fn hop_small_us(self) -> f64 {
        match self {
            Self::Nvlink => 0.47,
            Self::Pcie => 1.0,
            Self::Infiniband => 2.7,
            Self::Ethernet => TCP_HOP_US,
        }
    }

    /// Hop latency of large (Simple) messages, µs (`hwLat[..][RING][SIMPLE]`).
    fn hop_large_us(self) -> f64 {
        match self {
            Self::Nvlink => 3.4,
            Self::Pcie => 5.7,
            Self::Infiniband => 9.6,
            Self::Ethernet => TCP_HOP_US,
        }
    }
}

impl Link {
    /// Seconds of a ring all-reduce of `bytes` over `devices`: start + `2 (n − 1)` hops + `2 (n − 1) / n · bytes / rate`.
    pub fn all_reduce_s(&self, bytes: f64, devices: u32) -> f64 {
        if devices < 2 {
            return 0.0;
        }
        let n = f64::from(devices);
        let steps = 2.0 * (n - 1.0);
        let wire_s = steps / n * bytes / (self.bandwidth_gb_per_s * 1e9);
        let small_s = (RING_START_LL_US + steps * self.class.hop_small_us()) * 1e-6 + wire_s / LL_BANDWIDTH_SHARE;
        let large_s = (RING_START_SIMPLE_US + steps * self.class.hop_large_us()) * 1e-6 + wire_s;
        small_s.min(large_s)
    }

    /// Seconds in which each of `devices` sends an equal part of its `bytes` to every other: one start, one hop (all are in
    /// reach of each other), `(n − 1) / n · bytes / rate`.
    pub fn all_to_all_s(&self, bytes: f64, devices: u32) -> f64 {
        if devices < 2 {
            return 0.0;
        }
        let n = f64::from(devices);
        self.send_s((n - 1.0) / n * bytes)
    }

    /// Seconds to hand `bytes` to one neighbour.
    pub fn send_s(&self, bytes: f64) -> f64 {
        let wire_s = bytes / (self.bandwidth_gb_per_s * 1e9);
        let small_s = (RING_START_LL_US + self.class.hop_small_us()) * 1e-6 + wire_s / LL_BANDWIDTH_SHARE;
        let large_s = (RING_START_SIMPLE_US + self.class.hop_large_us()) * 1e-6 + wire_s;
        small_s.min(large_s)
    }
}
