//! A country's fleet, what of it is domestic, and what tokens sell for: figures that follow by hand.

use hardwire_baseline::Provenance;
use hardwire_baseline::economics::{self, Assumptions, Books, ChipOption, Country, Day, Demand, Fleet, GpuOption, Input};
use hardwire_baseline::gpu::{self, Calibration, Stack, WeightFormat};

const FLAT: &str = "share_of_peak\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n";

/// 1,000 tokens in and out: 5 ms of prompt and 95 ms of output are 10,000 tokens/s.
fn chip() -> ChipOption {
    ChipOption {
        name: "chip".into(),
        node: "N6".into(),
        die_mm2: 815.0,
        dies: 2,
        power_w: 300.0,
        idle_w: 100.0,
        decode_tokens_per_s: 1000.0 / 0.095,
        prompt_tokens_per_s: 1000.0 / 0.005,
        users_at_once: 1,
        provenance: Provenance::Simulated,
        source: "made up".into(),
    }
}

fn demand() -> Demand {
    Demand { prompt_tokens: 1000, output_tokens: 1000, users: 100_000, max_token_latency_ms: None }
}

fn gpu() -> GpuOption {
    let model = gpu::model_shape("Llama-3.1-8B").unwrap().quantized(8.0, WeightFormat::Fp8, 8.0);
    GpuOption { device: gpu::find("H100 SXM").unwrap(), model, devices: 1, stack: Stack::Server }
}

fn books(assumptions: &Assumptions) -> Books {
    economics::books(assumptions, &demand(), &chip(), &[gpu()]).unwrap()
}

fn fleet(assumptions: &Assumptions, citizens: f64, questions_per_day: f64, day: Day) -> Result<Fleet, economics::EconomicsError> {
    let assumptions = books(assumptions).assumptions;
    let calibration = Calibration::bundled().unwrap();
    let chip_at = |prices: &Assumptions| economics::chip_unit(prices, &demand(), &chip());
    let gpu_at = |prices: &Assumptions| economics::gpu_unit(&calibration, prices, &demand(), &gpu());
    economics::fleet(&assumptions, &demand(), Country { citizens, questions_per_day, day }, &chip_at, &[&gpu_at])
}

fn flat() -> Day {
    Day::parse(FLAT, "flat.csv").unwrap()
}

/// 8.64 million people who ask ten times a day for 1,000 tokens want 10^6 tokens a second: 100 units of two cards.
#[test]
fn a_flat_day_follows_by_hand() {
    let prices = Assumptions::preset("france").unwrap();
    let fleet = fleet(&prices, 8.64e6, 9.9999, flat()).unwrap();
    assert!((fleet.mean_tokens_per_s - 999_990.0).abs() < 1e-3 && (fleet.peak_tokens_per_s - 999_990.0).abs() < 1e-3);
    let side = &fleet.chip;
    assert_eq!((side.units, side.cards), (100.0, 200.0));
    // 300 W of dies and twice 50 W of host; PUE 1.3; racks of 40 kW.
    assert!((side.peak_mw - 100.0 * 400.0 * 1.3 * 1e-6).abs() < 1e-9);
    assert_eq!(side.racks, 1.0);
    assert!((side.mean_mw / side.peak_mw - 1.0).abs() < 1e-4 && (side.least_mw - side.mean_mw).abs() < 1e-9);
    assert!((side.gwh_per_year - side.mean_mw * 8.766).abs() < 1e-6);
    let silicon = side.account.unit.silicon.unwrap();
    assert!((side.wafers.unwrap() - 200.0 / (silicon.gross_dies_per_wafer * silicon.yield_fraction)).abs() < 1e-9);
    assert!((side.eur_per_citizen_year * 8.64e6 / side.eur_per_year - 1.0).abs() < 1e-12);
    assert!((side.eur_per_year * 1.08 / side.account.yearly_usd.value - 1.0).abs() < 1e-12);
    // Cards at a margin of a half cost twice what they cost without; all else stays.
    let cards_eur = 100.0 * side.account.unit.device_usd / 1.08;
    assert!((side.capital_at_list_eur - side.capital_eur).abs() < 1e-6);
    assert!((side.capital_at_list_eur - side.capital_at_volume_eur - cards_eur / 2.0).abs() < 1e-6);
    // A GPU: dear end less cheap end of its street price, each card.
    let gpu_side = &fleet.gpus[0];
    let price = gpu().device.price.unwrap();
    let spread_eur = gpu_side.cards * (price.high_usd - price.low_usd) / 1.08;
    assert!((gpu_side.capital_at_list_eur - gpu_side.capital_at_volume_eur - spread_eur).abs() < 1e-6 && gpu_side.wafers.is_none());
}

/// Twelve hours at the peak and twelve at a tenth of it: twice the units less a tenth, all of them on all night.
#[test]
fn a_day_with_a_night_buys_for_the_peak() {
    let text = format!("share_of_peak\n{}{}", "10\n".repeat(12), "1\n".repeat(12));
    let day = Day::parse(&text, "night.csv").unwrap();
    assert!((day.mean() - 0.55).abs() < 1e-12 && (day.least() - 0.1).abs() < 1e-12);
    let prices = Assumptions::defaults().unwrap();
    let night = fleet(&prices, 8.64e6, 5.49999, day).unwrap();
    assert_eq!(night.chip.units, 100.0);
    assert!((night.peak_tokens_per_s * 0.55 / night.mean_tokens_per_s - 1.0).abs() < 1e-12);
    // Idle dies take 100 W: (100 + 0.1 · 200 + 100) · 1.3 at night, (100 + 0.55 · 200 + 100) · 1.3 in the mean.
    assert!((night.chip.least_mw / (100.0 * 220.0 * 1.3e-6) - 1.0).abs() < 1e-4);
    assert!((night.chip.mean_mw / (100.0 * 310.0 * 1.3e-6) - 1.0).abs() < 1e-4);
    let same_tokens = fleet(&prices, 8.64e6, 5.49999, flat()).unwrap();
    assert_eq!(same_tokens.chip.units, 55.0);
    assert!(same_tokens.chip.eur_per_citizen_year < night.chip.eur_per_citizen_year);
    assert!((0.5..0.8).contains(&Day::bundled().unwrap().mean()));
}

#[test]
fn parts_of_a_year_are_all_of_it_and_wafers_come_from_abroad() {
    for place in ["us", "france", "germany", "italy"] {
        let fleet = fleet(&Assumptions::preset(place).unwrap(), 1e6, 10.0, flat()).unwrap();
        for side in [&fleet.chip, &fleet.gpus[0]] {
            let sum: f64 = side.parts.iter().map(|part| part.usd_per_year).sum();
            assert!((sum / side.account.yearly_usd.value - 1.0).abs() < 1e-9, "{place}, {}", side.name);
            let home: f64 = side.parts.iter().map(|part| part.usd_per_year * part.domestic_share).sum();
            assert!((home / sum / side.domestic_share - 1.0).abs() < 1e-12 && (0.0..1.0).contains(&side.domestic_share));
            assert!(side.parts.iter().all(|part| part.usd_per_year > 0.0 && !part.source.is_empty()));
        }
        let wafers = fleet.chip.parts.iter().find(|part| part.what == "wafers N6").unwrap();
        assert_eq!(wafers.domestic_share, 0.0);
        let devices = fleet.gpus[0].parts.iter().find(|part| part.what == "devices").unwrap();
        assert_eq!(devices.domestic_share > 0.0, place == "us");
    }
}

#[test]
fn a_respin_every_two_months_is_six_a_year() {
    let prices = Assumptions::defaults().unwrap().set(Input::ModelChangesPerYear, 6.0, "--respin-months 2").unwrap();
    let line = |books: &Books| books.chip.yearly.iter().find(|line| line.what == "model changes").unwrap().amount.value;
    // Two dies: 1.0 MUSD of engineers and twice 0.5 MUSD of masks, six times.
    assert!((line(&books(&prices)) - 12e6).abs() < 1.0);
    assert!((line(&books(&Assumptions::defaults().unwrap())) - 2e6).abs() < 1.0);
    assert_eq!(prices.get(Input::ModelChangesPerYear).source, "set in --respin-months 2");
    assert!(prices.set(Input::Utilisation, 0.0, "--day x").unwrap_err().to_string().contains("`utilisation` is 0"));
}

#[test]
fn a_margin_is_what_the_price_leaves() {
    assert_eq!(economics::offers().unwrap().len(), 23);
    let offers = economics::offers_of("llama-3.1-8b-Instruct").unwrap();
    assert_eq!(offers.len(), 7);
    assert_eq!(economics::offers_of("Qwen3-32B").unwrap().len(), 4);
    assert!(economics::offers_of("Llama-3.1-80B").unwrap().is_empty() && economics::offers_of("Llama").unwrap().is_empty());
    for offer in economics::offers().unwrap() {
        assert!(offer.input_usd_per_mtoken > 0.0 && offer.output_usd_per_mtoken >= offer.input_usd_per_mtoken, "{offer:?}");
        assert!(offer.date.starts_with("2026-") && !offer.source.is_empty(), "{offer:?}");
    }
    let books = books(&Assumptions::defaults().unwrap());
    let asked = Demand { prompt_tokens: 3000, ..demand() };
    let sales = economics::sales(offers, &asked, &[&books.chip, &books.gpus[0]]);
    let groq = sales.iter().find(|sale| sale.offer.provider == "Groq").unwrap();
    // Three prompt tokens at 0.05 and one at 0.08.
    assert!((groq.usd_per_mtoken.value - 0.23).abs() < 1e-12);
    for (margin, account) in groq.margins.iter().zip([&books.chip, &books.gpus[0]]) {
        assert!((0.23 * (1.0 - margin.margin.value) / account.usd_per_mtoken.value - 1.0).abs() < 1e-12, "{margin:?}");
    }
}

#[test]
fn a_day_or_country_that_means_nothing_names_its_field() {
    let day = |text: &str| Day::parse(text, "day.csv").unwrap_err().to_string();
    assert!(day("share_of_peak\n1\n").contains("day.csv: 1 hours, expected 24"));
    assert!(day(&FLAT.replace('1', "0")).contains("busiest hour` is 0"));
    assert!(day(&FLAT.replacen('1', "-1", 1)).contains("field `share_of_peak` is -1"));
    assert!(day(&FLAT.replacen('1', "nan", 1)).contains("field `share_of_peak` is NaN"));
    assert!(day(&FLAT.replacen('1', "inf", 1)).contains("field `share_of_peak` is inf"));
    assert!(day(&FLAT.replacen('1', "high", 1)).contains("day.csv: "));
    assert!(day("load\n1\n").contains("share_of_peak"));
    let country = |citizens, questions| fleet(&Assumptions::defaults().unwrap(), citizens, questions, flat()).unwrap_err().to_string();
    assert!(country(0.0, 1.0).contains("country: field `citizens` is 0"));
    assert!(country(f64::NAN, 1.0).contains("`citizens` is NaN"));
    assert!(country(1e11, 1.0).contains("at most 10000000000"));
    assert!(country(1e6, -1.0).contains("`questions_per_day` is -1"));
}
