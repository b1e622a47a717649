//! Power from what a device does, not from its sticker: idle + energy a byte + energy an operation, capped by TDP.

use serde::Serialize;

use super::device::{Device, MemoryClass};
use super::shape::WeightFormat;
use super::step::StepWork;

/// Memory path beyond the pins (controller, die crossing), pJ a bit: the whole HBM path measured on A100, 13.11
/// (Antepara et al., SC'25, doi 10.1145/3712285.3759815, table 3; GH200 11.68, MI300A 14.72), less its pins' 5.47.
const MEMORY_PATH_PJ_PER_BIT: f64 = 13.11 - HBM_PINS_PJ_PER_BIT;
/// HBM2 access, 350 pJ for 64 bits (Jouppi et al., ISCA 2021, table 2; 250 to 450).
const HBM_PINS_PJ_PER_BIT: f64 = 350.0 / 64.0;
/// GDDR6 access, 415 pJ for 64 bits (same table; 350 to 480).
const GDDR_PINS_PJ_PER_BIT: f64 = 415.0 / 64.0;
/// LPDDR5 access. Estimated from vendors' "about 4 pJ a bit"; no row in our tables.
const LPDDR_PINS_PJ_PER_BIT: f64 = 4.0;
/// From L2 through L1 to the registers, pJ a bit (SC'25, as above).
const CACHES_PJ_PER_BIT: f64 = 6.30;
/// Share of the datasheet rate at which large matrix products reach the power limit. Estimated: well-fed products run at
/// 60 to 80 % of the datasheet with their clocks held down by power (He, "Strangely, matrix multiplications on GPUs run
/// faster when given predictable data", thonking.ai 2024, recall). The bare tensor datapath is about half of what
/// follows from it (A100 fp16 0.70 pJ, SC'25 as above); the rest feeds it.
const RATE_SHARE_AT_TDP: f64 = 0.7;

/// Energy of one token, joules, and what of it goes where. Sums over all devices that serve it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct EnergySplit {
    pub memory_j_per_token: f64,
    pub compute_j_per_token: f64,
    pub idle_j_per_token: f64,
}

impl EnergySplit {
    /// All of it.
    pub fn total_j_per_token(&self) -> f64 {
        self.memory_j_per_token + self.compute_j_per_token + self.idle_j_per_token
    }
}

/// Power of a group of devices under load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Power {
    /// All devices together, watts.
    pub power_w: f64,
    /// Whether the load asked for more than TDP. The real device would then slow down; this model does not slow it.
    pub capped_by_tdp: bool,
    pub energy: EnergySplit,
}

/// Energy of a bit from memory to registers, pJ.
pub fn memory_pj_per_bit(class: MemoryClass) -> f64 {
    let pins = match class {
        MemoryClass::Hbm => HBM_PINS_PJ_PER_BIT,
        MemoryClass::Gddr => GDDR_PINS_PJ_PER_BIT,
        MemoryClass::Lpddr => LPDDR_PINS_PJ_PER_BIT,
    };
    pins + MEMORY_PATH_PJ_PER_BIT + CACHES_PJ_PER_BIT
}

/// Energy of an operation on weights of `format`, operands delivered, pJ: what is left of TDP beside idle power, over
/// the rate at which it is spent.
pub fn compute_pj_per_flop(device: &Device, format: WeightFormat) -> f64 {
    (device.tdp_w - device.idle_w) / (device.linear_rate_tflops(format) * RATE_SHARE_AT_TDP)
}

/// Power and energy of `work` that yields `tokens` tokens in `seconds` on `devices` equal devices.
pub fn power(device: &Device, format: WeightFormat, devices: u32, work: &StepWork, seconds: f64, tokens: f64) -> Power {
    let count = f64::from(devices);
    let memory_j = (work.weight_bytes + work.cache_bytes) * 8.0 * memory_pj_per_bit(device.memory_class) * 1e-12;
    let attention_pj = compute_pj_per_flop(device, WeightFormat::Float16);
    let compute_j = (work.linear_flops * compute_pj_per_flop(device, format) + work.attention_flops * attention_pj) * 1e-12;
    let idle_j = device.idle_w * count * seconds;
    let asked_w = (memory_j + compute_j + idle_j) / seconds;
    let limit_w = device.tdp_w * count;
    let share = (limit_w / asked_w).min(1.0);
    Power {
        power_w: asked_w * share,
        capped_by_tdp: asked_w > limit_w,
        energy: EnergySplit {
            memory_j_per_token: memory_j * share / tokens,
            compute_j_per_token: compute_j * share / tokens,
            idle_j_per_token: idle_j * share / tokens,
        },
    }
}
