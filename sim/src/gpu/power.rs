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
/// 16-bit tensor operation on A100 (N7), pJ (SC'25 table 3: datapath 0.33, control 0.37).
const TENSOR_BF16_N7_PJ: f64 = 0.70;
/// 8-bit against 16-bit operation: half the operand bits move and switch. Estimated.
const FP8_SHARE: f64 = 0.5;
/// 4-bit against 8-bit operation: 39.1 against 91.1 TOPS/W on one chip (Keller et al., VLSI 2022).
const FP4_SHARE_OF_FP8: f64 = 39.1 / 91.1;

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

/// Energy of an operation at N7, against the node a device is made in. From TSMC's statements (recall): N7 takes 0.4
/// to 0.5 of 16/12 nm at equal speed, N5 0.7 of N7, N3 0.7 of N5; Samsung 8N lies between 12 nm and N7 (estimate).
fn node_share(node: &str) -> f64 {
    match node {
        "12FFN" => 2.0,
        "8N" => 1.3,
        n if n.starts_with("N7") || n.starts_with("N6") => 1.0,
        n if n.starts_with("N3") => 0.5,
        _ => 0.7,
    }
}

/// Energy of an operation on weights of `format`, pJ.
pub fn compute_pj_per_flop(device: &Device, format: WeightFormat) -> f64 {
    let share = match format {
        WeightFormat::Fp8 if device.fp8_dense_tflops.is_some() => FP8_SHARE,
        WeightFormat::Fp4 if device.fp4_dense_tflops.is_some() => FP8_SHARE * FP4_SHARE_OF_FP8,
        _ => 1.0,
    };
    TENSOR_BF16_N7_PJ * node_share(&device.node) * share
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
