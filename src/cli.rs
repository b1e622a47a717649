//! The command line as typed: names, help and defaults, nothing resolved.

mod defects;
mod fpga;
mod help;
mod options;
mod pair;
mod site;
mod talk;
mod view;

use clap::{Args as ClapArgs, Parser, Subcommand};
use std::path::PathBuf;

pub use defects::DefectOptions;
pub use fpga::{Fpga, Shuttle, Talk};
pub use help::command;
pub use options::CompileOptions;
pub use pair::Pair;
pub use site::{Country, Site};
pub use talk::{Chat, SamplingOptions, Serve};
pub use view::View;

/// Compile a trained language model into the chip that is that model.
#[derive(Parser, Debug)]
#[command(name = "hardwire", version, about, propagate_version = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub global: Global,
}

#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Machine-readable output on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no messages but errors.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Threads; all cores unless given. Results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// The main job on the bundled model: compile, write text, compare, report.
    Demo(Demo),
    /// What a checkpoint holds, or what a chip is made of.
    Inspect(Inspect),
    /// Compile a checkpoint into a chip folder.
    Compile(Compile),
    /// Join the shards of a compilation to the chip that one run would have written.
    Merge(Merge),
    /// A chip from a bare config.json, no weights: counts, floorplan, cycles, energy.
    Plan(Plan),
    /// Sweep targets over a model's shape; what nothing beats, as table, JSON and plot.
    Explore(Explore),
    /// Published models whose shape is known by name.
    Models,
    /// Our figures beside those of published chips, misses shown.
    Validate,
    /// The claims of the essay behind this project one by one, and what they come down to.
    Essay,
    /// Write a synthetic checkpoint of a config.json's shape, to measure with.
    Synth(Synth),
    /// A constant matrix as an adder graph: shifts and adds that share subexpressions.
    Adders(Adders),
    /// Let a chip write text, bit for bit as the silicon would.
    Simulate(Simulate),
    /// A conversation with a chip in the terminal, its speed and joules beside each answer.
    Chat(Chat),
    /// A chip behind an HTTP server that speaks OpenAI's API, several users in flight.
    Serve(Serve),
    /// How good the chip's integers are beside the float model, on a text.
    Evaluate(Evaluate),
    /// The Verilog of a chip: every module, ROM image and a testbench.
    Rtl(Rtl),
    /// Reference, engine and Verilated chip on one prompt: every token, logit and cycle.
    Verify(Verify),
    /// The masks of a chip's ROMs: GDSII and OASIS, the program's vias apart from the base.
    Masks(Masks),
    /// Stored bits that differ between two chips of one die, by tensor and tile.
    Diff(Diff),
    /// A model on an FPGA board: what it takes, Verilog, constraints, bitstream.
    Fpga(Fpga),
    /// One matrix of a model as a project for a shuttle: Verilog, configuration, page, test.
    Shuttle(Shuttle),
    /// Text from a board, over its serial line.
    Talk(Talk),
    /// Fly over the die in a window, or take a screenshot of it.
    View(View),
    /// A chip beside GPUs that read their weights for every token: one user, a full queue.
    Compare(Compare),
    /// The token factory's books: joules, dollars and carbon of chip and GPUs on one site.
    Books(Books),
    /// The GPU baseline by itself: devices, errors against measurements, predictions.
    Baseline(Baseline),
    /// One HTML page about a chip, and the same as JSON and CSV.
    Report(Report),
    /// Shell completions on stdout.
    Completions { shell: clap_complete::Shell },
}

#[derive(ClapArgs, Debug)]
pub struct Compile {
    /// A Hugging Face folder, a .gguf file, or `tales` for the bundled model.
    pub checkpoint: PathBuf,
    /// Chip folder to write: absent, empty, or a chip to replace.
    #[arg(short, long, value_name = "CHIP")]
    pub output: PathBuf,
    /// A bare config.json instead of a checkpoint: structure and figures without weights, as one JSON file.
    #[arg(long)]
    pub shape_only: bool,
    /// A chip whose die takes these weights: its plan, formats, widths and tables, and only ROM contents are new.
    #[arg(long, value_name = "CHIP", conflicts_with = "shape_only")]
    pub onto: Option<PathBuf>,
    /// Only the codes of one task's matrices, such as 3/16: a shard, to be joined with the others by merge.
    #[arg(long, value_name = "TASK/TASKS", conflicts_with_all = ["shape_only", "onto"])]
    pub shard: Option<hardwire_compiler::Part>,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Merge {
    /// The checkpoint that the shards were made of.
    pub checkpoint: PathBuf,
    /// Every shard of one run (compile --shard), in any order.
    #[arg(required = true, value_name = "SHARD")]
    pub shards: Vec<PathBuf>,
    /// Chip folder to write: absent, empty, or a chip to replace.
    #[arg(short, long, value_name = "CHIP")]
    pub output: PathBuf,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Masks {
    /// A chip folder, or a checkpoint to compile first.
    #[arg(value_name = "CHIP|CHECKPOINT")]
    pub source: PathBuf,
    /// Folder to write: absent, empty, or an earlier output.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Only the vias of these tiles in the layouts, such as 'layers.0.*' or '*/tile[0,1]' (band, tile).
    #[arg(long, value_name = "GLOB")]
    pub tiles: Option<String>,
    /// Rules of another process, a TOML file [default: those that draw the chip's node].
    #[arg(long, value_name = "FILE")]
    pub process: Option<PathBuf>,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Diff {
    /// A chip folder,
    #[arg(value_name = "CHIP")]
    pub a: PathBuf,
    /// and another of the same die.
    #[arg(value_name = "OTHER")]
    pub b: PathBuf,
    /// Every ROM of every tensor.
    #[arg(long)]
    pub tiles: bool,
    /// Masks that differ, vias that appear and vanish on them, what the masks cost and how long chips take.
    #[arg(long)]
    pub masks: bool,
}

#[derive(ClapArgs, Debug)]
pub struct Plan {
    /// A `config.json`, a folder that has one, a GGUF file, whose header is read, or a known model's name (`hardwire models`).
    pub config: PathBuf,
    /// Structure, floorplan and figures as one JSON file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How it is cut where one die is too small: whole layers in a row, or every layer over all dies [default: in a row, if each fits a die].
    #[arg(long, value_enum)]
    pub cut: Option<Cut>,
    /// Dies it is spread over [default: as few as fit the reticle].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub dies: Option<u32>,
    #[command(flatten)]
    pub options: CompileOptions,
}

/// How a chip larger than a die is cut.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Cut {
    /// Whole stations in order, the residual crossing between dies.
    Pipeline,
    /// Every layer over all dies, with all-reduces after its matrix products.
    Tensor,
}

impl From<Cut> for hardwire_study::plan::Cut {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Pipeline => Self::Pipeline,
            Cut::Tensor => Self::Tensor,
        }
    }
}

#[derive(ClapArgs, Debug)]
pub struct Explore {
    /// A `config.json`, a folder that has one, a GGUF file, whose header is read, or a known model's name (`hardwire models`).
    pub config: PathBuf,
    /// Target file (TOML); a list in a field sweeps it [default: nodes, bits, tile heights and users].
    #[arg(short, long, value_name = "FILE")]
    pub target: Option<PathBuf>,
    /// Write the sweep as an SVG here.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
pub struct Synth {
    /// A `config.json` of a model that compiles with weights.
    pub config: PathBuf,
    /// Folder to write: absent or empty.
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(ClapArgs, Debug)]
pub struct Adders {
    /// Whole numbers in a .npy, .csv or .json file, a row for each input of y = x M.
    #[arg(value_name = "MATRIX.npy|csv|json")]
    pub matrix: PathBuf,
    /// Most adders from an input to an output [default: as many as the fewest adders take].
    #[arg(long, value_name = "N", conflicts_with = "depth_above")]
    pub depth: Option<u32>,
    /// The same, above the least depth there is (da4ml's hard_dc).
    #[arg(long, value_name = "N")]
    pub depth_above: Option<u32>,
    /// Multiplies the time spent on refinement; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub effort: u32,
    /// Take the file's rows as outputs.
    #[arg(long)]
    pub transpose: bool,
    /// Bits of an input, signed.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub bits: u32,
    /// Write a pipelined module and its testbench into this folder: absent, empty, or emitted before.
    #[arg(long, value_name = "FOLDER")]
    pub verilog: Option<PathBuf>,
    /// Adders one after another between two registers of it.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub stage: u32,
}

#[derive(ClapArgs, Debug)]
pub struct Simulate {
    /// A chip folder, or a checkpoint to compile first.
    #[arg(value_name = "CHIP|CHECKPOINT")]
    pub source: PathBuf,
    /// Text to begin with [default: the model's begin token].
    #[arg(long, conflicts_with = "ids")]
    pub prompt: Option<String>,
    /// Take the prompt as a user's turn, in the model's own chat template.
    #[arg(long, requires = "prompt")]
    pub chat: bool,
    /// Token ids to begin with, such as 0,5,17.
    #[arg(long, value_delimiter = ',')]
    pub ids: Option<Vec<u32>>,
    /// Most tokens to generate.
    #[arg(short, default_value_t = 64)]
    pub n: usize,
    /// The float reference instead of the chip.
    #[arg(long)]
    pub float: bool,
    /// The scalar reference instead of the fast engine: slow, the same tokens.
    #[arg(long, conflicts_with = "float")]
    pub scalar: bool,
    #[command(flatten)]
    pub sampling: SamplingOptions,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Demo {
    /// Folder for the chip and its report.
    #[arg(short, long, default_value = "hardwire-demo")]
    pub output: PathBuf,
    #[arg(long, default_value = "Once upon a time")]
    pub prompt: String,
    /// Tokens to write.
    #[arg(short, default_value_t = 120)]
    pub n: usize,
    /// Seed of the sampling.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Inspect {
    /// A chip folder, a checkpoint, a bare config.json, or the name of a known model (`hardwire models`).
    #[arg(value_name = "CHIP|CHECKPOINT|CONFIG|NAME")]
    pub source: PathBuf,
    /// One weight of a chip: a unit or a tensor, and [output, input] of the tensor, as in layers.1.mlp.down_proj[7,30].
    #[arg(long, value_name = "WEIGHT")]
    pub at: Option<String>,
}

/// Devices that a chip is compared with, past the bundled ones.
#[derive(ClapArgs, Debug, Clone, Default)]
#[command(next_help_heading = "GPUs")]
pub struct Devices {
    /// Your own GPU: the output of `llama-bench -o json`, fitted and shown beside.
    #[arg(long, value_name = "FILE")]
    pub measured: Option<PathBuf>,
    /// More devices: CSV or TOML with the columns that `baseline devices --csv` has.
    #[arg(long = "gpus-from", alias = "devices", value_name = "FILE")]
    pub devices: Option<PathBuf>,
    /// Only bundled devices whose name contains this.
    #[arg(long = "gpu", alias = "device", value_name = "NAME")]
    pub device: Option<String>,
}

#[derive(ClapArgs, Debug)]
pub struct Compare {
    /// A chip folder, a checkpoint to compile first, or a shape to plan: a bare config.json, or a known model (`hardwire models`).
    #[arg(value_name = "CHIP|CHECKPOINT|CONFIG|NAME")]
    pub source: PathBuf,
    /// Every figure as CSV.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    #[command(flatten)]
    pub devices: Devices,
    #[command(flatten)]
    pub pair: Pair,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Books {
    /// A chip folder, a checkpoint to compile first, or a shape to plan: a bare config.json, or a known model (`hardwire models`).
    #[arg(value_name = "CHIP|CHECKPOINT|CONFIG|NAME")]
    pub source: PathBuf,
    /// Tokens of a prompt [default: half of the chip's context, at most 1000].
    #[arg(long = "prompt-tokens", alias = "prompt", value_name = "N")]
    pub prompt: Option<u32>,
    /// Tokens of an answer [default: half of the chip's context, at most 1000].
    #[arg(long = "answer-tokens", alias = "output", value_name = "N")]
    pub output: Option<u32>,
    /// People served at once [default: as many as saturate either side].
    #[arg(long)]
    pub served: Option<u32>,
    /// A GPU to compare with; may be given again [default: H100 SXM, B200 SXM, L40S].
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// More devices to name with --gpu: CSV or TOML with the columns that `baseline devices --csv` has.
    #[arg(long = "gpus-from", alias = "devices", value_name = "FILE")]
    pub devices: Option<PathBuf>,
    /// Every figure as CSV.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    #[command(flatten)]
    pub site: Site,
    #[command(flatten)]
    pub pair: Pair,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Baseline {
    #[command(subcommand)]
    pub what: BaselineCommand,
    /// As CSV.
    #[arg(long, global = true, conflicts_with = "json")]
    pub csv: bool,
}

#[derive(Subcommand, Debug)]
pub enum BaselineCommand {
    /// Every bundled device as its datasheet has it.
    Devices,
    /// Every published measurement beside its prediction: fitted on half of the families, tested on the other half.
    Validate(Validate),
    /// Decode, prefill and a full queue of one model on one device.
    Predict(Predict),
}

#[derive(ClapArgs, Debug)]
pub struct Validate {
    /// Measured speeds of your own: CSV with the columns of baseline/data/gpu_measured_2026.csv (`8x B200 SXM` is eight of them).
    #[arg(long, value_name = "FILE")]
    pub measured: Option<PathBuf>,
    /// Measured energies of your own: CSV with the columns of baseline/data/gpu_energy.csv.
    #[arg(long, value_name = "FILE")]
    pub measured_energy: Option<PathBuf>,
    /// Fit the constants to the bundled rows again and print them as TOML.
    #[arg(long, conflicts_with_all = ["measured", "measured_energy"])]
    pub refit: bool,
    /// Each device predicted by a fit to all other devices; takes a minute.
    #[arg(long, conflicts_with_all = ["measured", "measured_energy", "refit"])]
    pub leave_devices_out: bool,
    /// Each model predicted by a fit to all other models; takes a minute.
    #[arg(long, conflicts_with_all = ["measured", "measured_energy", "refit", "leave_devices_out"])]
    pub leave_models_out: bool,
}

#[derive(ClapArgs, Debug)]
pub struct Predict {
    /// A bundled device, by its name or a part of it.
    #[arg(long = "gpu", alias = "device", value_name = "NAME")]
    pub device: String,
    /// A known model such as Llama-3.1-8B, a bare config.json, or a chip folder.
    #[arg(long, value_name = "NAME|CONFIG|CHIP")]
    pub model: String,
    /// Stored bits of a weight, scales included: FP8 at 8, FP4 at 4.5 where the device has them [default: 8, or the chip's].
    #[arg(long)]
    pub bits: Option<f64>,
    /// Sequences decoded together.
    #[arg(long, default_value_t = 1)]
    pub batch: u32,
    /// Tokens of a prompt; one user's figures stand at its end [default: 1000, or half of the chip's context].
    #[arg(long = "prompt-tokens", alias = "context", value_name = "N")]
    pub context: Option<u32>,
    /// Tokens of an answer, for the full queue [default: 1000, or half of the chip's context].
    #[arg(long = "answer-tokens", alias = "output", value_name = "N")]
    pub output: Option<u32>,
    /// GPUs that share every matrix.
    #[arg(long = "gpu-count", alias = "devices", value_name = "N", default_value_t = 1)]
    pub devices: u32,
}

#[derive(ClapArgs, Debug)]
pub struct Report {
    /// A chip folder, a checkpoint to compile first, or a shape to plan: a bare config.json, or a known model (`hardwire models`).
    #[arg(value_name = "CHIP|CHECKPOINT|CONFIG|NAME")]
    pub source: PathBuf,
    /// Folder for report.html and report.json: absent, empty, or a report to replace.
    #[arg(short, long, default_value = "report")]
    pub output: PathBuf,
    /// Write report.csv too.
    #[arg(long)]
    pub csv: bool,
    #[command(flatten)]
    pub devices: Devices,
    #[command(flatten)]
    pub site: Site,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Evaluate {
    /// A chip folder, or a checkpoint to compile first.
    #[arg(value_name = "CHIP|CHECKPOINT")]
    pub source: PathBuf,
    /// Text file to evaluate on.
    #[arg(long)]
    pub text: PathBuf,
    /// The checkpoint a chip was made from, for the float model beside it.
    #[arg(long)]
    pub checkpoint: Option<PathBuf>,
    /// Average bits of several chips to compile and evaluate, such as 3,3.5,4.5.
    #[arg(long, value_delimiter = ',', value_name = "BITS")]
    pub sweep: Vec<f64>,
    /// Where the error comes from, layer by layer: weights, activations, KV, tables, clamps.
    #[arg(long, conflicts_with = "sweep")]
    pub trace_error: bool,
    /// Predictions to count.
    #[arg(long, default_value_t = 1024)]
    pub tokens: usize,
    /// Positions before the sequence starts anew.
    #[arg(long, default_value_t = 512)]
    pub window: usize,
    #[command(flatten)]
    pub defects: DefectOptions,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Rtl {
    /// A chip folder, or a checkpoint to compile first.
    #[arg(value_name = "CHIP|CHECKPOINT")]
    pub source: PathBuf,
    /// Folder to write: absent, empty, or an earlier output.
    #[arg(short, long, required_unless_present = "module", conflicts_with = "module")]
    pub output: Option<PathBuf>,
    /// Print the Verilog of one unit instead, by path: layers.0.mlp.down_proj.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["layers", "unit", "probe"])]
    pub module: Option<String>,
    /// Only these decoder layers, such as 0..2.
    #[arg(long, conflicts_with = "unit")]
    pub layers: Option<String>,
    /// Only the modules of one unit kind (rms_norm, row_feed, mvm, rope, attention, ...).
    #[arg(long)]
    pub unit: Option<String>,
    /// Probes on every unit, printed in simulation.
    #[arg(long)]
    pub probe: bool,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Verify {
    /// A chip folder, or a checkpoint to compile first.
    #[arg(value_name = "CHIP|CHECKPOINT")]
    pub source: PathBuf,
    /// Text to begin with [default: the model's begin token].
    #[arg(long, conflicts_with = "ids")]
    pub prompt: Option<String>,
    /// Token ids to begin with, such as 0,5,17.
    #[arg(long, value_delimiter = ',')]
    pub ids: Option<Vec<u32>>,
    /// Tokens to generate.
    #[arg(short = 'n', long, default_value_t = 16)]
    pub tokens: u32,
    /// Compare every value of every unit and name the first that differs.
    #[arg(long)]
    pub probe: bool,
    /// Record a waveform here: NAME.vcd (text) or NAME.fst (GTKWave's, small).
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Keep the Verilog and its build in this folder.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub defects: DefectOptions,
    #[command(flatten)]
    pub options: CompileOptions,
}
