//! The serving modes of a device: software, weight format, bits.

use hardwire_baseline::gpu::{Device, MemoryClass, ModelShape, Stack, WeightFormat};

/// Bits of a format may lie this far under the chip's, scales and offsets counted on the chip's side only.
const BITS_SLACK: f64 = 0.5;
/// NVFP4: 4 bits and an 8-bit scale for 16 weights.
const FP4_BITS: f64 = 4.5;

/// How a device runs a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServingMode {
    pub stack: Stack,
    pub format: WeightFormat,
    pub weight_bits: f64,
    pub kv_bits: f64,
}

impl ServingMode {
    /// The model in this mode's format, windows and experts as they are.
    pub fn shape(&self, model: &ModelShape) -> ModelShape {
        model.quantized(self.weight_bits, self.format, self.kv_bits)
    }

    pub fn name(&self) -> String {
        let format = match self.format {
            WeightFormat::Fp8 => "FP8".into(),
            WeightFormat::Fp4 => "FP4".into(),
            WeightFormat::Float16 => "16 bits".into(),
            WeightFormat::Block | WeightFormat::SuperBlock => format!("{:.1} bits", self.weight_bits),
        };
        format!("{}, {format}", if self.stack == Stack::LlamaCpp { "llama.cpp" } else { "server" })
    }
}

/// The serving modes open to `device`: none with clearly fewer bits than the chip holds.
///
/// llama.cpp takes the chip's own bits. A batching server takes the same bits with 16-bit arithmetic, FP8 or FP4 where the device
/// has them, else 16 bits; there is none for memory shared with a CPU.
pub fn serving_modes(device: &Device, chip_bits: f64) -> Vec<ServingMode> {
    let mode = |stack, format, weight_bits, kv_bits| ServingMode { stack, format, weight_bits, kv_bits };
    let mut out = vec![mode(Stack::LlamaCpp, WeightFormat::Block, chip_bits, 16.0)];
    if device.memory_class == MemoryClass::Lpddr {
        return out;
    }
    out.push(mode(Stack::Server, WeightFormat::Block, chip_bits, 16.0));
    let enough = |bits: f64| bits + BITS_SLACK >= chip_bits;
    if device.fp8_dense_tflops.is_some() && enough(8.0) {
        out.push(mode(Stack::Server, WeightFormat::Fp8, 8.0, 8.0));
    } else {
        out.push(mode(Stack::Server, WeightFormat::Float16, 16.0, 16.0));
    }
    if device.fp4_dense_tflops.is_some() && enough(FP4_BITS) {
        out.push(mode(Stack::Server, WeightFormat::Fp4, FP4_BITS, 8.0));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardwire_baseline::gpu::find;

    #[test]
    fn a_gpu_never_gets_away_with_fewer_bits() {
        let formats = |name: &str, bits| serving_modes(&find(name).unwrap(), bits).iter().map(|w| w.format).collect::<Vec<_>>();
        use WeightFormat::{Block, Float16, Fp4, Fp8};
        assert_eq!(formats("B200 SXM", 4.3), [Block, Block, Fp8, Fp4]);
        assert_eq!(formats("B200 SXM", 8.3), [Block, Block, Fp8]);
        assert_eq!(formats("B200 SXM", 16.0), [Block, Block, Float16]);
        assert_eq!(formats("A100 80GB SXM", 4.3), [Block, Block, Float16]);
        assert_eq!(formats("Apple M2 Ultra 76c", 4.3), [Block]);
    }
}
