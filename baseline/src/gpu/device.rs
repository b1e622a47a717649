//! Devices as data: what a GPU offers on paper, with the source of every entry.
//!
//! Nothing here says what a device achieves; that is [`super::calibration`]'s part.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{GpuError, not_negative, positive, toml_detail};
use super::shape::WeightFormat;

/// The devices that come with the program.
const BUNDLED: &str = include_str!("../../data/gpus.csv");

/// Kind of memory, which decides the bandwidth a stack achieves and what a byte costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryClass {
    /// Stacked memory on an interposer (HBM2, HBM2e, HBM3, HBM3e).
    Hbm,
    /// Graphics memory beside the chip (GDDR6, GDDR6X, GDDR7).
    Gddr,
    /// Low-power memory shared with a CPU (LPDDR5, LPDDR5X).
    Lpddr,
}

impl MemoryClass {
    /// The class of a memory name such as `HBM2e`.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_uppercase();
        [("HBM", Self::Hbm), ("GDDR", Self::Gddr), ("LPDDR", Self::Lpddr)]
            .into_iter()
            .find_map(|(prefix, class)| name.starts_with(prefix).then_some(class))
    }
}

/// Kind of link between devices, which decides what a message costs before its bytes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkClass {
    /// NVLink or Infinity Fabric.
    Nvlink,
    /// PCI Express in one machine.
    Pcie,
    /// InfiniBand or RoCE between machines.
    Infiniband,
    /// TCP/IP between machines.
    Ethernet,
}

/// A link as one device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub class: LinkClass,
    /// One-way rate of one device, GB/s.
    pub bandwidth_gb_per_s: f64,
}

/// Price paid for one device, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceRange {
    pub low_usd: f64,
    pub high_usd: f64,
}

impl PriceRange {
    /// Middle of the range.
    pub fn mid_usd(&self) -> f64 {
        (self.low_usd + self.high_usd) / 2.0
    }
}

/// One GPU: what its datasheet offers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    pub name: String,
    pub memory_gb: f64,
    pub memory_type: String,
    pub memory_class: MemoryClass,
    pub bandwidth_gb_per_s: f64,
    pub tdp_w: f64,
    /// Power with the model loaded and nothing asked.
    pub idle_w: f64,
    /// Dense matrix rates, 10^12 operations a second; a multiply-accumulate is two.
    pub bf16_dense_tflops: f64,
    pub fp8_dense_tflops: Option<f64>,
    pub int8_dense_tops: Option<f64>,
    pub fp4_dense_tflops: Option<f64>,
    /// 32-bit rate of the ordinary (not matrix) units, which unpack quantized weights.
    pub vector_fp32_tflops: f64,
    pub link_name: String,
    pub link: Link,
    pub node: String,
    /// As published: some devices are several dies.
    pub die_mm2: String,
    pub price: Option<PriceRange>,
    pub price_note: String,
    /// Where the memory, power and rates come from. `recall` marks what nobody re-read.
    pub source: String,
    /// Where vector rate, link and idle power come from.
    pub source_added: String,
}

#[derive(Deserialize)]
struct Row {
    device: String,
    memory_gb: f64,
    memory_type: String,
    bandwidth_gb_per_s: f64,
    tdp_w: f64,
    bf16_dense_tflops: f64,
    fp8_dense_tflops: Option<f64>,
    int8_dense_tops: Option<f64>,
    fp4_dense_tflops: Option<f64>,
    vector_fp32_tflops: f64,
    idle_w: f64,
    link: String,
    link_class: LinkClass,
    link_gb_per_s: f64,
    node: String,
    /// A number, or words about several dies.
    #[serde(deserialize_with = "words")]
    die_mm2: String,
    price_low_usd: Option<f64>,
    price_high_usd: Option<f64>,
    price_note: String,
    source: String,
    source_added: String,
}

impl Device {
    /// Refuses figures that cannot belong to a device.
    pub fn check(&self) -> Result<(), GpuError> {
        let owner = format!("device `{}`", self.name);
        positive(&owner, "memory_gb", self.memory_gb)?;
        positive(&owner, "bandwidth_gb_per_s", self.bandwidth_gb_per_s)?;
        positive(&owner, "tdp_w", self.tdp_w)?;
        not_negative(&owner, "idle_w", self.idle_w)?;
        positive(&owner, "bf16_dense_tflops", self.bf16_dense_tflops)?;
        positive(&owner, "vector_fp32_tflops", self.vector_fp32_tflops)?;
        positive(&owner, "link_gb_per_s", self.link.bandwidth_gb_per_s)?;
        for (field, rate) in [
            ("fp8_dense_tflops", self.fp8_dense_tflops),
            ("int8_dense_tops", self.int8_dense_tops),
            ("fp4_dense_tflops", self.fp4_dense_tflops),
        ] {
            rate.map_or(Ok(()), |rate| positive(&owner, field, rate))?;
        }
        if self.idle_w > self.tdp_w {
            return Err(GpuError::Field { owner, field: "idle_w", value: self.idle_w.to_string(), expected: "at most tdp_w" });
        }
        if let Some(price) = self.price {
            positive(&owner, "price_low_usd", price.low_usd)?;
            positive(&owner, "price_high_usd", price.high_usd)?;
        }
        Ok(())
    }

    /// The datasheet rate at which weights of `format` are multiplied: their own where the device has one, else 16-bit.
    pub fn linear_rate_tflops(&self, format: WeightFormat) -> f64 {
        let native = match format {
            WeightFormat::Fp8 => self.fp8_dense_tflops,
            WeightFormat::Fp4 => self.fp4_dense_tflops,
            WeightFormat::Float16 | WeightFormat::Block | WeightFormat::SuperBlock => None,
        };
        native.unwrap_or(self.bf16_dense_tflops)
    }

    /// Tokens a second if every weight byte crossed the memory bus once at its full rate and nothing else took time:
    /// bandwidth / bytes. No device can be faster at one sequence without reading less.
    pub fn ceiling_tokens_per_s(&self, weight_bytes: f64) -> f64 {
        self.bandwidth_gb_per_s * 1e9 / weight_bytes
    }
}

/// The devices of the program's own table.
pub fn devices() -> Result<Vec<Device>, GpuError> {
    parse_devices(BUNDLED, "gpus.csv")
}

/// The bundled device of that name: the exact name, or the only one that contains it, ignoring case.
pub fn find(name: &str) -> Result<Device, GpuError> {
    find_in(&devices()?, name)
}

/// As [`find`], among `devices`.
pub fn find_in(devices: &[Device], name: &str) -> Result<Device, GpuError> {
    let wanted = name.trim().to_lowercase();
    if let Some(device) = devices.iter().find(|d| d.name.to_lowercase() == wanted) {
        return Ok(device.clone());
    }
    let near: Vec<_> = devices.iter().filter(|d| d.name.to_lowercase().contains(&wanted)).collect();
    let names = |list: &[&Device]| list.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ");
    match near[..] {
        [device] if !wanted.is_empty() => Ok(device.clone()),
        [] => Err(GpuError::UnknownDevice { name: name.into(), known: names(&devices.iter().collect::<Vec<_>>()) }),
        _ => Err(GpuError::AmbiguousDevice { name: name.into(), matches: names(&near) }),
    }
}

/// Devices of a user's file: CSV with the columns of `gpus.csv`, or TOML with `[[device]]` tables of the same fields.
pub fn devices_from_file(path: &Path) -> Result<Vec<Device>, GpuError> {
    let file = path.display().to_string();
    let text = hardwire_input::text(path, crate::MOST_TABLE).map_err(|error| GpuError::File {
        file: file.clone(),
        detail: error.to_string(),
        hint: "give a readable CSV or TOML file",
    })?;
    if path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("toml")) {
        parse_devices_toml(&text, &file)
    } else {
        parse_devices(&text, &file)
    }
}

/// Text, or a number as text.
fn words<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        Text(String),
        Number(f64),
    }
    Ok(match Words::deserialize(from)? {
        Words::Text(text) => text,
        Words::Number(number) => number.to_string(),
    })
}

/// Devices of a CSV text; `file` is only named in errors.
pub fn parse_devices(text: &str, file: &str) -> Result<Vec<Device>, GpuError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut devices = Vec::new();
    for (index, row) in reader.deserialize::<Row>().enumerate() {
        let row = row.map_err(|error| GpuError::File {
            file: file.into(),
            detail: format!("row {}: {error}", index + 2),
            hint: "the columns are those of the bundled gpus.csv",
        })?;
        devices.push(device(row, file, index + 2)?);
    }
    Ok(devices)
}

/// Devices of a TOML text of `[[device]]` tables; `file` is only named in errors.
pub fn parse_devices_toml(text: &str, file: &str) -> Result<Vec<Device>, GpuError> {
    #[derive(Deserialize)]
    struct Tables {
        device: Vec<Row>,
    }
    let tables: Tables = toml::from_str(text).map_err(|error| GpuError::File {
        file: file.into(),
        detail: toml_detail(text, &error),
        hint: "one [[device]] table a device, with the columns of the bundled gpus.csv as fields",
    })?;
    tables.device.into_iter().enumerate().map(|(index, row)| device(row, file, index + 1)).collect()
}

fn device(row: Row, file: &str, number: usize) -> Result<Device, GpuError> {
    let Some(memory_class) = MemoryClass::of(&row.memory_type) else {
        return Err(GpuError::Row {
            file: file.into(),
            row: number,
            field: "memory_type".into(),
            value: row.memory_type,
            expected: "a name that begins with HBM, GDDR or LPDDR",
        });
    };
    let device = Device {
        name: row.device,
        memory_gb: row.memory_gb,
        memory_type: row.memory_type,
        memory_class,
        bandwidth_gb_per_s: row.bandwidth_gb_per_s,
        tdp_w: row.tdp_w,
        idle_w: row.idle_w,
        bf16_dense_tflops: row.bf16_dense_tflops,
        fp8_dense_tflops: row.fp8_dense_tflops,
        int8_dense_tops: row.int8_dense_tops,
        fp4_dense_tflops: row.fp4_dense_tflops,
        vector_fp32_tflops: row.vector_fp32_tflops,
        link_name: row.link,
        link: Link { class: row.link_class, bandwidth_gb_per_s: row.link_gb_per_s },
        node: row.node,
        die_mm2: row.die_mm2,
        price: row.price_low_usd.map(|low_usd| PriceRange { low_usd, high_usd: row.price_high_usd.unwrap_or(low_usd) }),
        price_note: row.price_note,
        source: row.source,
        source_added: row.source_added,
    };
    device.check()?;
    Ok(device)
}
