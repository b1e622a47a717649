//! The token factory's books for one chip: what is asked, the chip in plain numbers, the books and their tornado.

use crate::compare::{Against, Baseline, Comparison};
use crate::efficiency::{Efficiencies, eur_per_mtoken};
use crate::load::{Request, users_in_flight};
use crate::subject::Subject;
use crate::{Error, Result, price};
use hardwire_baseline::economics::silicon::RETICLE_MM2;
use hardwire_baseline::economics::{self, Account, Assumptions, Books, ChipOption, Country, Fleet, GpuOption, Metric, Sale, Tornado};
use hardwire_baseline::gpu::{self, Calibration, Device, GpuError, ModelShape};
use serde::Serialize;

/// GPUs of the books unless asked: a data centre's usual, its newest, its cheap one.
const GPUS: [&str; 3] = ["H100 SXM", "B200 SXM", "L40S"];
/// Host power over chip power from which the card decides, not the chip.
const CARD_RULES: f64 = 5.0;

/// A site, and who asks there.
pub struct Site {
    pub assumptions: Assumptions,
    pub latency_ms: Option<f64>,
    /// Name of the model in the table of API prices, where it is not the chip's own.
    pub sold_as: Option<String>,
    pub country: Option<Country>,
}

impl Site {
    /// The bundled assumptions.
    pub fn bundled() -> Result<Site> {
        Ok(Site { assumptions: Assumptions::defaults()?, latency_ms: None, sold_as: None, country: None })
    }
}

/// What the books are asked.
pub struct Question {
    pub site: Site,
    pub prompt: u32,
    pub output: u32,
    pub users: u32,
    pub gpus: Vec<Device>,
}

impl Question {
    /// The requests of the comparison, a full queue.
    pub fn new(subject: &Subject<'_>, site: Site) -> Result<Question> {
        let request = subject.request();
        let gpus = GPUS.iter().map(|name| gpu::find(name)).collect::<Result<_, _>>()?;
        Ok(Question { site, prompt: request.prompt, output: request.output, users: price::SERVED, gpus })
    }

    /// [`Question::new`], first against the device that serves a full queue fastest in `comparison`, where it has a price.
    pub fn against(subject: &Subject<'_>, site: Site, comparison: &Comparison, against: &Against) -> Result<Question> {
        let mut question = Question::new(subject, site)?;
        if let Some(row) = comparison.fastest_for_a_queue() {
            let mut known = against.devices.clone();
            known.extend(gpu::devices()?);
            let fastest = known.into_iter().find(|device| device.name == row.device && device.price.is_some());
            if let Some(device) = fastest {
                question.gpus.retain(|other| other.name != device.name);
                question.gpus.insert(0, device);
            }
        }
        Ok(question)
    }
}

/// The books and what to know of them.
#[derive(Serialize)]
pub struct ChipBooks {
    /// What was simplified on the way; said wherever the books are shown.
    pub notes: Vec<String>,
    pub books: Books,
    /// Chip cost over GPU cost against the first GPU that serves the demand.
    pub tornado: Option<Tornado>,
    /// What the chip gives for a joule, a square millimetre and a million tokens under the books' requests.
    pub efficiency: Efficiencies,
    /// At today's API prices of the model; none where nobody in the table sells it.
    pub market: Vec<Sale>,
    pub fleet: Option<Fleet>,
}

/// The books of `subject` for one question.
///
/// # Errors
/// A request longer than the cache, or figures that no books can be drawn up from.
pub fn books(subject: &Subject<'_>, question: &Question) -> Result<ChipBooks> {
    let positions = subject.positions;
    if u64::from(question.prompt) + u64::from(question.output) > u64::from(positions) {
        return Err(Error::asked(
            format!("--prompt-tokens {} and --answer-tokens {}", question.prompt, question.output),
            format!("this chip's cache holds {positions} positions; hint: ask less, or compile with --context"),
        ));
    }
    let mut notes = Vec::new();
    let request = Request::new(question.prompt, question.output);
    let demand = price::demand(request, question.users, question.site.latency_ms);
    demand.check()?;
    let option = chip_option(subject, request, &mut notes)?;
    let gpus = question.gpus.iter().map(|device| gpu_option(&subject.model, device, request, &mut notes)).collect::<Result<Vec<_>>>()?;
    let books = economics::books(&question.site.assumptions, &demand, &option, &gpus)?;
    let unit = &books.chip.unit;
    if unit.host_w > CARD_RULES * unit.device_w {
        notes.push(format!(
            "A card and {:.0} W of a host are counted for a die of {:.3} mm² that takes {:.3} W: so small a chip's books are its card's.",
            unit.host_w, option.die_mm2, unit.device_w
        ));
    }
    let compared = books.gpus.first().and_then(|account| gpus.iter().find(|gpu| gpu.device.name == account.unit.name));
    let tornado =
        compared.map(|gpu| economics::tornado(&question.site.assumptions, &demand, &option, gpu, Metric::CostRatio)).transpose()?;
    let accounts: Vec<&Account> = [&books.chip].into_iter().chain(&books.gpus).collect();
    let offers = economics::offers_of(question.site.sold_as.as_deref().unwrap_or(&subject.model.name))?;
    if let (Some(name), true) = (&question.site.sold_as, offers.is_empty()) {
        let mut known: Vec<String> = economics::offers()?.into_iter().map(|offer| offer.model).collect();
        known.dedup();
        return Err(Error::asked(format!("--sold-as {name}"), format!("no API price of that model; known: {}", known.join(", "))));
    }
    let market = economics::sales(offers, &demand, &accounts);
    let fleet = question.site.country.as_ref().map(|country| fleet(&books, country, &option, &gpus)).transpose()?;
    let efficiency = subject.efficiencies(request, Some(eur_per_mtoken(&books.assumptions, &books.chip)));
    Ok(ChipBooks { notes, books, tornado, efficiency, market, fleet })
}

/// The fleet that serves `country` from the chip and from each GPU that serves the demand at all.
fn fleet(books: &Books, country: &Country, chip: &ChipOption, gpus: &[GpuOption]) -> Result<Fleet> {
    let (demand, calibration) = (&books.demand, Calibration::bundled()?);
    let chip_at = |prices: &Assumptions| economics::chip_unit(prices, demand, chip);
    let serving = gpus.iter().filter(|gpu| books.gpus.iter().any(|account| account.unit.name == gpu.device.name));
    let gpu_at: Vec<_> = serving.map(|gpu| |prices: &Assumptions| economics::gpu_unit(&calibration, prices, demand, gpu)).collect();
    let gpus: Vec<economics::fleet::UnitAt<'_>> = gpu_at.iter().map(|at| at as economics::fleet::UnitAt<'_>).collect();
    Ok(economics::fleet(&books.assumptions, demand, country.clone(), &chip_at, &gpus)?)
}

/// One device in the serving mode that makes it most tokens, as the comparison runs it.
fn gpu_option(model: &ModelShape, device: &Device, request: Request, notes: &mut Vec<String>) -> Result<GpuOption> {
    let baseline = Baseline::new(device.clone(), Calibration::bundled()?, false);
    let mode = match baseline.serve(model, request) {
        Ok((mode, _)) => mode,
        // The books say why it is refused.
        Err(GpuError::DoesNotFit { .. }) => baseline.serving_modes(model.weight_bits)[0],
        Err(error) => return Err(error.into()),
    };
    notes.push(format!("{} runs the model as {}; the chip holds it at {:.2} bits a weight.", device.name, mode.name(), model.weight_bits));
    Ok(GpuOption { device: device.clone(), model: mode.shape(model), devices: 1, stack: mode.stack })
}

/// The chip in the books' plain numbers, as many users in flight as its cache holds.
fn chip_option(subject: &Subject<'_>, request: Request, notes: &mut Vec<String>) -> Result<ChipOption> {
    let rates = subject.rates();
    let (stations, users) = (rates.stations(), users_in_flight(rates, subject.users));
    let (area_mm2, dies) = (subject.area_mm2, subject.dies);
    if dies > 1 && !subject.planned() {
        notes.push(format!(
            "{area_mm2:.0} mm² is past the reticle's {RETICLE_MM2:.0} mm²: counted as {dies} equal dies, the links between them free. This favours the chip."
        ));
    }
    if users < stations {
        notes.push(format!(
            "The chip's cache holds {users} of the {stations} users it could have in flight; `--users {stations}` gives it room for all."
        ));
    }
    let option = subject.option(request);
    option.check()?;
    Ok(option)
}
