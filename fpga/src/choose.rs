//! Which options let a model fit a board, and at what speed. What was asked for stays; of the rest, widths are kept as long as anything fits, then
//! context, then speed.

use crate::board::{Board, Family};
use crate::error::Error;
use crate::estimate::{Model, UnitUse, Used, against};
use hardwire_compiler::folding::Fold;
use hardwire_compiler::{Options, shape};
use hardwire_models::Shape;
use hardwire_netlist::Netlist;
use hardwire_rtl_gen::board::Pll;
use hardwire_sim::timing;
use serde::Serialize;
use std::path::Path;

/// Share of the look-up tables and block RAM that may be used: routers fail on fuller parts.
const FULLEST: f64 = 0.9;
const ACT_BITS: [u8; 3] = [12, 10, 8];
const KV_BITS: [u8; 3] = [8, 6, 4];
const LANES: [u32; 3] = [8, 4, 2];
/// Rows of a tile that holds any matrix whole: the most that the compiler takes.
pub const TALLEST: u32 = 4096;
const TILE_ROWS: [u32; 4] = [128, 256, 512, TALLEST];
/// Shortest context that is tried.
const SHORTEST: u32 = 32;

/// The clock of the chip on a board.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Clock {
    pub mhz: f64,
    #[serde(skip)]
    pub pll: Option<Pll>,
    pub halvings: u32,
    /// Clock cycles of a bit on the serial line.
    pub divisor: u32,
}

/// A model on a board.
pub struct Choice {
    pub options: Options,
    /// The family whose measured rows stand for the board's.
    pub stands_for: Option<Family>,
    pub clock: Clock,
    pub units: Vec<UnitUse>,
    pub used: Used,
    /// Between two tokens, in the middle of the context.
    pub cycles: u64,
    pub context: u32,
}

impl Choice {
    pub fn tokens_per_s(&self) -> f64 {
        self.clock.mhz * 1e6 / self.cycles as f64
    }

    /// What is closest to full, and how full it is.
    pub fn binds(&self, board: &Board) -> (&'static str, f64) {
        binds(&self.used, board)
    }
}

fn binds(used: &Used, board: &Board) -> (&'static str, f64) {
    let share = against(used, board).map(|(name, used, there)| (name, used / (there as f64).max(1.0)));
    share.into_iter().filter(|s| s.0 != "multipliers").max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("nothing", 0.0))
}

/// Clock that a whole chip is planned at, MHz. Assumed: for an ECP5 what a tile of 64 x 64 reached after routing (86.7 MHz, nextpnr 0.9) less a
/// quarter for longer wires; for the others the board's oscillator or half of it. No whole chip was routed.
fn planned_mhz(family: Family) -> f64 {
    match family {
        Family::Ecp5 => 60.0,
        Family::Ice40 => 12.0,
        Family::Gowin => 27.0,
        Family::Xilinx => 50.0,
    }
}

/// The clock of a chip on `board`, at `mhz` at most or as fast as the family is planned at.
///
/// # Errors
/// No divider gives the serial line's rate to 2 %.
pub fn clock(board: &Board, mhz: Option<f64>) -> Result<Clock, Error> {
    let most = mhz.unwrap_or(planned_mhz(board.family));
    let (pll, halvings, mhz) = match board.family {
        Family::Ecp5 => match pll(board.clock.mhz, most) {
            Some((pll, mhz)) => (Some(pll), 0, mhz),
            None => (None, 0, board.clock.mhz),
        },
        _ => {
            let halvings = (0..16).find(|h| board.clock.mhz / f64::from(1 << h) <= most).unwrap_or(16);
            (None, halvings, board.clock.mhz / f64::from(1u32 << halvings))
        }
    };
    let divisor = (mhz * 1e6 / f64::from(board.uart.baud)).round().max(1.0);
    let off = (mhz * 1e6 / divisor / f64::from(board.uart.baud) - 1.0).abs();
    if divisor < 4.0 || off > 0.02 {
        let what = format!("{} does not divide a clock of {mhz} MHz into four or more cycles a bit to 2 %", board.uart.baud);
        return Err(Error::Board { board: board.name.clone(), field: "uart.baud", what });
    }
    Ok(Clock { mhz, pll, halvings, divisor: divisor as u32 })
}

/// Dividers of an ECP5's PLL for the fastest clock up to `most`: its oscillator runs at 400 to 800 MHz and compares at 3.125 MHz or more (Lattice
/// FPGA-TN-02200, section 18). `None` where the board's own clock is no slower.
fn pll(board: f64, most: f64) -> Option<(Pll, f64)> {
    let mut best: Option<(Pll, f64)> = None;
    for input in (1..=128u32).take_while(|&i| board / f64::from(i) >= 3.125) {
        for feedback in 1..=80 {
            let mhz = board / f64::from(input) * f64::from(feedback);
            let output = (600.0 / mhz).round() as u32;
            let fits = (1..=128).contains(&output) && (400.0..=800.0).contains(&(mhz * f64::from(output)));
            if fits && mhz <= most && best.is_none_or(|b| mhz > b.1) {
                best = Some((Pll { input, feedback, output }, mhz));
            }
        }
    }
    best.filter(|b| b.1 != board)
}

struct Tried {
    options: Options,
    netlist: Netlist,
    context: u32,
    units: Vec<UnitUse>,
    used: Used,
}

impl Tried {
    fn new(shape: &Shape, options: Options, model: &Model, board: &Board) -> Result<Tried, Error> {
        let chip = shape::plan(shape, &options)?;
        let (units, used) = model.estimate(&chip.netlist, board.dsps);
        Ok(Tried { options, context: chip.plan.context, netlist: chip.netlist, units, used })
    }

    fn fits(&self, board: &Board) -> bool {
        binds(&self.used, board).1 <= FULLEST
    }

    fn cycles(&self) -> u64 {
        let before = self.context / 2;
        match timing::generate_from(&self.netlist, before, 1, 2, timing::Prefill::Serial)[..] {
            [first, second] if self.context > before + 1 => second - first,
            _ => timing::token(&self.netlist, before).latency_cycles + 1,
        }
    }
}

/// Those asked for, or else each of a list.
fn open<T: Copy>(asked: Option<T>, all: &[T]) -> Vec<T> {
    asked.map_or_else(|| all.to_vec(), |a| vec![a])
}

fn contexts(asked: Option<u32>, shape: &Shape) -> Vec<u32> {
    let most = (shape.config.context as u32).min(2048);
    let halves = std::iter::successors(Some(most), |c| (c / 2 >= SHORTEST).then_some(c / 2));
    asked.map_or_else(|| halves.collect(), |c| vec![c])
}

/// All that differ in lanes and heights, with these widths and this context; an option that the model does not take is passed over.
fn structures(shape: &Shape, options: &Options) -> Vec<Options> {
    let fold = options.fold.unwrap_or(if shape.config.layers > 1 { Fold::All } else { Fold::Layers(1) });
    let mut all = Vec::new();
    for lanes in open(options.lanes, &LANES) {
        for rows in open(options.tile_rows, &TILE_ROWS) {
            let pos_lanes = Some(options.pos_lanes.unwrap_or(1));
            all.push(Options { fold: Some(fold), lanes: Some(lanes), tile_rows: Some(rows), pos_lanes, ..options.clone() });
        }
    }
    all
}

/// Chooses for `shape` on `board`; options that are given stay as they are.
///
/// # Errors
/// [`Error::DoesNotFit`] with what is short and what would fit; an option that no choice makes possible.
pub fn choose(shape: &Shape, options: &Options, board: &Board, mhz: Option<f64>) -> Result<Choice, Error> {
    let (model, clock) = (Model::of(board.family)?, clock(board, mhz)?);
    let mut refused = None;
    for act in open(options.act_bits, &ACT_BITS) {
        for kv in open(options.kv_bits, &KV_BITS) {
            for context in contexts(options.context, shape) {
                let widths = Options { act_bits: Some(act), kv_bits: Some(kv), context: Some(context), ..options.clone() };
                let mut best: Option<(u64, Tried)> = None;
                for options in structures(shape, &widths) {
                    let tried = match Tried::new(shape, options, &model, board) {
                        Ok(tried) => tried,
                        Err(error) => {
                            refused.get_or_insert(error);
                            continue;
                        }
                    };
                    if !tried.fits(board) {
                        continue;
                    }
                    let cycles = tried.cycles();
                    if best.as_ref().is_none_or(|b| cycles < b.0) {
                        best = Some((cycles, tried));
                    }
                }
                if let Some((cycles, t)) = best {
                    let stands_for = model.stands_for;
                    return Ok(Choice { options: t.options, stands_for, clock, units: t.units, used: t.used, cycles, context: t.context });
                }
            }
        }
    }
    match smallest(shape, options, &model, board) {
        Some(least) => Err(Error::DoesNotFit { board: board.name.clone(), what: shortage(shape, options, &least, board)? }),
        None => Err(refused.unwrap_or_else(|| Error::DoesNotFit { board: board.name.clone(), what: "nothing could be planned".into() })),
    }
}

/// The choice that is closest to fitting.
fn smallest(shape: &Shape, options: &Options, model: &Model, board: &Board) -> Option<Tried> {
    let least = |asked: Option<u8>, all: &[u8]| asked.or(all.last().copied());
    let context = contexts(options.context, shape).last().copied();
    let (act_bits, kv_bits) = (least(options.act_bits, &ACT_BITS), least(options.kv_bits, &KV_BITS));
    let options = Options { act_bits, kv_bits, context, ..options.clone() };
    let all = structures(shape, &options).into_iter().filter_map(|o| Tried::new(shape, o, model, board).ok());
    all.min_by(|a, b| binds(&a.used, board).1.total_cmp(&binds(&b.used, board).1))
}

/// What is short, and what would fit.
fn shortage(shape: &Shape, options: &Options, least: &Tried, board: &Board) -> Result<String, Error> {
    let (name, share) = binds(&least.used, board);
    let all = against(&least.used, board).map(|(name, used, there)| format!("{used:.0} of {there} {name}")).join(", ");
    let mut larger = Vec::new();
    for name in Board::names().filter(|n| *n != board.name) {
        let other = Board::open(name)?;
        let model = Model::of(other.family)?;
        if smallest(shape, options, &model, &other).is_some_and(|t| t.fits(&other)) {
            larger.push(name);
        }
    }
    let elsewhere = match larger.len() {
        0 => "none of the boards that come along holds it".into(),
        _ => format!("it fits {}", larger.join(", ")),
    };
    let here = match largest(options, board)? {
        Some(hidden) => format!("a Llama of hidden size {hidden}, {} of feed-forward and a vocabulary of {VOCAB} fits here", hidden * 2),
        None => "no whole model fits here".into(),
    };
    Ok(format!(
        "{} does not fit: the smallest choice takes {:.1} times the {name} ({all}; at most {:.0} % may be used); {elsewhere}; {here}",
        shape.name,
        share,
        FULLEST * 100.0
    ))
}

/// Vocabulary of the model that is told to fit: letters, digits and signs.
const VOCAB: u32 = 64;

/// The largest hidden size of a Llama of any number of alike layers that fits, its heads of 8.
fn largest(options: &Options, board: &Board) -> Result<Option<u32>, Error> {
    let model = Model::of(board.family)?;
    for hidden in [256u32, 128, 96, 64, 48, 32, 16, 8] {
        let config = format!(
            "{{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_size\":{hidden},\"intermediate_size\":{},\
             \"num_hidden_layers\":2,\"num_attention_heads\":{},\"num_key_value_heads\":1,\"head_dim\":8,\"vocab_size\":{VOCAB},\
             \"max_position_embeddings\":64,\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,\"hidden_act\":\"silu\",\
             \"tie_word_embeddings\":true,\"bos_token_id\":0,\"eos_token_id\":0,\"torch_dtype\":\"float32\"}}",
            2 * hidden,
            hidden / 8,
        );
        let shape = Shape::from_json(config.as_bytes(), "what fits", Path::new("config.json"))?;
        let options = Options { bits: options.bits, context: Some(64), ..Options::default() };
        if smallest(&shape, &options, &model, board).is_some_and(|t| t.fits(board)) {
            return Ok(Some(hidden));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plls_dividers_give_the_clock_within_its_range() {
        let (pll, mhz) = pll(25.0, 60.0).unwrap();
        assert_eq!(mhz, 25.0 / f64::from(pll.input) * f64::from(pll.feedback));
        assert!(mhz > 58.0 && mhz <= 60.0 && (400.0..=800.0).contains(&(mhz * f64::from(pll.output))), "{pll:?}");
    }

    #[test]
    fn the_serial_lines_rate_is_met() {
        for name in Board::names() {
            let board = Board::open(name).unwrap();
            let c = clock(&board, None).unwrap();
            assert!((c.mhz * 1e6 / f64::from(c.divisor) / f64::from(board.uart.baud) - 1.0).abs() < 0.02, "{name}");
        }
    }
}
