//! The user's own GPU: a llama-bench file, fitted, as a device to compare with.

use super::device_side::Baseline;
use crate::Result;
use hardwire_baseline::gpu::{self, BenchRow, Calibration, Device, Knob, MeasuredFit, MemoryClass, ModelShape, WeightFormat};
use std::path::Path;

/// Two shapes of parameters this close are one model.
const SAME_MODEL: f64 = 0.01;
/// Bytes of a measurement.
const MOST_BYTES: u64 = 16 << 20;

/// A fit, and the layers its fixed time is spread over.
pub struct Fitted {
    pub fit: MeasuredFit,
    calibration: Calibration,
}

impl Fitted {
    /// Fits to the file. The measured model is the chip's or a known one of as many parameters; its layers tell what a layer's
    /// fixed time is. `own` are devices the user described.
    pub fn read(path: &Path, chip_model: &ModelShape, own: &[Device]) -> Result<Fitted> {
        let file = path.display().to_string();
        let json = hardwire_netlist::input::text(path, MOST_BYTES)?;
        let rows: Vec<BenchRow> = serde_json::from_str(&json).unwrap_or_default();
        let model = measured_model(&rows, chip_model)?;
        let device = rows.first().and_then(|row| own.iter().find(|d| row.gpu_info.to_lowercase().contains(&d.name.to_lowercase())));
        let fit = gpu::fit_measured(&json, &file, device, model.as_ref())?;
        let layers = model.as_ref().unwrap_or(chip_model).layers;
        let calibration = calibration(&fit, layers)?;
        Ok(Fitted { fit, calibration })
    }

    pub fn baseline(&self) -> Baseline {
        let mut device = self.fit.device.clone();
        device.source = format!("measured: {}; {}", self.fit.bandwidth_gb_per_s.source, device.source);
        device.name = format!("{} (measured)", device.name);
        Baseline { device, calibration: self.calibration.clone(), own: true, llama_only: true }
    }
}

/// The bundled calibration with llama.cpp's knobs as measured, so that every estimate goes the usual way.
fn calibration(fit: &MeasuredFit, layers: u32) -> Result<Calibration> {
    let (bandwidth, layer) = match fit.device.memory_class {
        MemoryClass::Hbm => (Knob::LlamaHbmBandwidth, Knob::LlamaCudaLayerUs),
        MemoryClass::Gddr => (Knob::LlamaGddrBandwidth, Knob::LlamaCudaLayerUs),
        MemoryClass::Lpddr => (Knob::LlamaLpddrBandwidth, Knob::LlamaMetalLayerUs),
    };
    let mut out =
        Calibration::bundled()?.with(bandwidth, fit.bandwidth_fraction.value).with(layer, fit.fixed_us_per_token.value / f64::from(layers));
    if let Some(rate) = &fit.prompt_tflops {
        out = out.with(Knob::LlamaCompute, rate.value / fit.device.bf16_dense_tflops);
    }
    Ok(out)
}

/// The shape of what was measured, if all rows are of one model that is known.
fn measured_model(rows: &[BenchRow], chip_model: &ModelShape) -> Result<Option<ModelShape>> {
    let Some(first) = rows.first() else { return Ok(None) };
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < SAME_MODEL;
    if !rows.iter().all(|row| near(row.model_n_params, first.model_n_params)) {
        return Ok(None);
    }
    let known = gpu::model_shapes()?;
    let found = [chip_model].into_iter().chain(&known).find(|shape| near(shape.parameters, first.model_n_params));
    // llama.cpp keeps a 16-bit cache unless told otherwise.
    Ok(found.map(|shape| shape.quantized(first.model_size * 8.0 / first.model_n_params, WeightFormat::Block, 16.0)))
}
