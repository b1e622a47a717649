//! Power from what a device does, not from its sticker: static + energy a byte + energy an operation, capped by TDP; and what
//! stands around it up to the wall.

use serde::Serialize;

use super::calibration::{Calibration, Knob, PowerCosts};
use super::device::{Device, MemoryClass};
use super::shape::WeightFormat;
use super::step::StepWork;

/// Energy of one token, joules, and what of it goes where. Sums over all devices that serve it; their hosts are apart ([`Wall`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct EnergySplit {
    pub memory_j_per_token: f64,
    pub compute_j_per_token: f64,
    /// Power that a busy device takes whatever it does.
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

/// Power at the plug of the machines that hold devices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wall {
    pub devices_w: f64,
    /// CPU, links, fans and the loss of the supply. What cools the room is the site's (PUE).
    pub host_w: f64,
}

impl Wall {
    /// All of it, watts.
    pub fn total_w(&self) -> f64 {
        self.devices_w + self.host_w
    }
}

/// `devices` devices that take `devices_w` together, at the plug: a server's share each, a desktop around one graphics card,
/// nothing around a machine whose memory is its processor's (its rating is the whole of it).
pub fn wall(calibration: &Calibration, device: &Device, devices: u32, devices_w: f64) -> Wall {
    let host_w = match device.memory_class {
        MemoryClass::Hbm => f64::from(devices) * calibration.value(Knob::ServerHostW),
        MemoryClass::Gddr if devices > 1 => f64::from(devices) * calibration.value(Knob::ServerHostW),
        MemoryClass::Gddr => calibration.value(Knob::DesktopHostW),
        MemoryClass::Lpddr => 0.0,
    };
    Wall { devices_w, host_w }
}

/// Energy of an operation on weights of `format`, operands delivered, pJ: a share of TDP over the datasheet's rate.
pub fn compute_pj_per_flop(costs: &PowerCosts, device: &Device, format: WeightFormat) -> f64 {
    device.tdp_w * costs.compute_share / device.linear_rate_tflops(format)
}

/// Power and energy of `work` that yields `tokens` tokens in `seconds` on `devices` equal devices.
pub fn power(costs: &PowerCosts, device: &Device, format: WeightFormat, devices: u32, work: &StepWork, seconds: f64, tokens: f64) -> Power {
    let count = f64::from(devices);
    let memory_j = (work.weight_bytes + work.cache_bytes) * 8.0 * costs.memory_pj_per_bit * 1e-12;
    let attention_pj = compute_pj_per_flop(costs, device, WeightFormat::Float16);
    let compute_j = (work.linear_flops * compute_pj_per_flop(costs, device, format) + work.attention_flops * attention_pj) * 1e-12;
    let idle_j = (device.tdp_w * costs.static_share).max(device.idle_w) * count * seconds;
    let asked_w = (memory_j + compute_j + idle_j) / seconds;
    let limit_w = device.tdp_w * count;
    let share = (limit_w / asked_w).min(1.0);
    Power {
        power_w: asked_w.min(limit_w),
        capped_by_tdp: asked_w > limit_w,
        energy: EnergySplit {
            memory_j_per_token: memory_j * share / tokens,
            compute_j_per_token: compute_j * share / tokens,
            idle_j_per_token: idle_j * share / tokens,
        },
    }
}
