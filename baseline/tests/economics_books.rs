//! The token factory's books: anchors, laws, refusals.

use hardwire_baseline::Provenance;
use hardwire_baseline::economics::account::annuity_usd;
use hardwire_baseline::economics::silicon::{good_die_usd, gross_dies, murphy_yield};
use hardwire_baseline::economics::{self, Assumptions, Books, ChipOption, Demand, GpuOption, Input, Metric};
use hardwire_baseline::gpu::{self, Stack, WeightFormat};
use proptest::prelude::*;

/// HC1 as published, one user in flight (hardwired_chips.csv); idle power and prompt rate are not, and are assumed.
fn hc1() -> ChipOption {
    ChipOption {
        name: "Taalas HC1".into(),
        node: "N6".into(),
        die_mm2: 815.0,
        dies: 1,
        power_w: 200.0,
        idle_w: 60.0,
        decode_tokens_per_s: 16_960.0,
        prompt_tokens_per_s: 16_960.0 * 10.0,
        users_at_once: 1,
        provenance: Provenance::Cited,
        source: "published by its maker".into(),
    }
}

fn demand(users: u32) -> Demand {
    Demand { prompt_tokens: 1000, output_tokens: 1000, users, max_token_latency_ms: None }
}

fn gpus(names: &[&str]) -> Vec<GpuOption> {
    let model = gpu::model_shape("Llama-3.1-8B").unwrap().quantized(8.0, WeightFormat::Fp8, 8.0);
    let option = |name: &&str| GpuOption { device: gpu::find(name).unwrap(), model: model.clone(), devices: 1, stack: Stack::Server };
    names.iter().map(option).collect()
}

fn books(assumptions: &Assumptions, users: u32) -> Books {
    economics::books(assumptions, &demand(users), &hc1(), &gpus(&["H100 SXM", "L40S"])).unwrap()
}

#[test]
fn hc1_makes_84_8_tokens_a_joule() {
    assert!((economics::tokens_per_j(16_960.0, 200.0) - 84.8).abs() < 1e-9);
    let services = gpu::services().unwrap();
    let published = services.iter().find(|service| service.name == "Taalas HC1").unwrap();
    assert!((published.tokens_per_j_one_user.as_ref().unwrap().value - 84.8).abs() < 1e-9);
}

#[test]
fn murphy_yields_of_published_dies() {
    // HNLPU: 827.08 mm2 at 0.11 defects a cm2 is 43 %, 62 dies a wafer, 629 USD a die (it rounds to 27 good ones).
    assert!((murphy_yield(827.08, 0.11) - 0.431).abs() < 5e-4);
    assert_eq!(gross_dies(827.08, 300.0), 62.0);
    assert!((good_die_usd("HNLPU", 827.08, 0.11, 300.0, 16_988.0).unwrap() / 629.0 - 1.0).abs() < 0.02);
    // HC1: 815 mm2 at 0.09 is 50.2 %, about 31 good dies.
    assert!((murphy_yield(815.0, 0.09) - 0.502).abs() < 5e-4);
    assert!((gross_dies(815.0, 300.0) * murphy_yield(815.0, 0.09) - 31.0).abs() < 1.0);
    // H100: 814 mm2 at N5's 0.11, by hand: A·D = 0.8954, (1 − e^−0.8954) / 0.8954 = 0.66065, squared 0.43645.
    assert!((murphy_yield(814.0, 0.11) - 0.43645).abs() < 1e-4);
}

/// Never one without the other: one user's speed on the chip, the aggregate of one saturated GPU.
#[test]
fn one_saturated_h100_serves_in_all_nearly_what_hc1_serves_to_one() {
    let books = books(&Assumptions::defaults().unwrap(), u32::MAX);
    let against = &books.comparisons[0];
    assert_eq!(against.gpu, "H100 SXM");
    assert!((0.8..1.4).contains(&against.unit_tokens_ratio.value), "{:?}", against.unit_tokens_ratio);
    assert!(against.user_speed_ratio.value > 100.0, "{:?}", against.user_speed_ratio);
}

#[test]
fn every_year_adds_up_to_its_lines() {
    for preset in ["us", "France", "germany"] {
        let books = books(&Assumptions::preset(preset).unwrap(), 10_000);
        for account in std::iter::once(&books.chip).chain(&books.gpus) {
            let sum: f64 = account.yearly.iter().map(|line| line.amount.value).sum();
            assert!((sum / account.yearly_usd.value - 1.0).abs() < 1e-12);
            let per_mtoken = account.yearly_usd.value / account.tokens_per_year.value * 1e6;
            assert!((per_mtoken / account.usd_per_mtoken.value - 1.0).abs() < 1e-12);
            let power_w = account.units * (account.unit.device_w + account.unit.host_w) * 1.3;
            assert!(power_w <= 10e6, "{}", account.unit.name);
        }
    }
}

#[test]
fn at_break_even_both_cost_the_same() {
    let assumptions = Assumptions::defaults().unwrap();
    let books = books(&assumptions, 10_000);
    for (gpu, comparison) in books.gpus.iter().zip(&books.comparisons) {
        let tokens = comparison.break_even_tokens_per_year.as_ref().unwrap().value;
        let cost = |unit| {
            let line = economics::account::cost_line(&assumptions, unit);
            line.fixed_usd_per_year + line.usd_per_token * tokens
        };
        assert!((cost(&books.chip.unit) / cost(&gpu.unit) - 1.0).abs() < 1e-9);
    }
}

#[test]
fn being_wrong_more_often_costs_the_chip_more_and_the_gpu_nothing() {
    let wrong = books(&Assumptions::defaults().unwrap(), 10_000).wrong;
    let chip: Vec<f64> = wrong.points.iter().map(|point| point.chip_usd_per_mtoken.value).collect();
    assert!(chip.is_sorted() && chip.first() < chip.last(), "{chip:?}");
    assert!(wrong.gpu_reload_s.unwrap().value < 1.0);
    assert!((wrong.respin_usd.value - 1.5e6).abs() < 1.0);
}

#[test]
fn a_target_no_gpu_meets_is_an_answer() {
    let demand = Demand { max_token_latency_ms: Some(0.1), ..demand(1) };
    let books = economics::books(&Assumptions::defaults().unwrap(), &demand, &hc1(), &gpus(&["H100 SXM"])).unwrap();
    assert!(books.chip.meets_latency && books.gpus.is_empty());
    assert!(books.refused[0].reason.contains("0.100 ms was asked"), "{:?}", books.refused);
}

#[test]
fn a_loan_without_interest_is_its_share_and_interest_adds() {
    assert_eq!(annuity_usd(100.0, 0.0, 5.0), 20.0);
    // 100 at 8 % over five years: 25.0456 a year (any annuity table).
    assert!((annuity_usd(100.0, 0.08, 5.0) - 25.0456).abs() < 1e-4);
}

#[test]
fn tornado_is_sorted_and_holds_the_middle() {
    let assumptions = Assumptions::defaults().unwrap();
    for metric in [Metric::ChipUsdPerMtoken, Metric::GpuUsdPerMtoken, Metric::CostRatio, Metric::BreakEvenTokensPerYear] {
        let gpu = &gpus(&["H100 SXM"])[0];
        let tornado = economics::tornado(&assumptions, &demand(10_000), &hc1(), gpu, metric).unwrap();
        assert!(tornado.bars.len() > 5, "{metric:?}");
        assert!(tornado.bars.is_sorted_by(|a, b| a.span() >= b.span()));
        let middle = tornado.at_value.unwrap();
        for bar in tornado.bars.iter().filter(|bar| bar.span().is_finite()) {
            let (low, high) = (bar.at_low.unwrap(), bar.at_high.unwrap());
            let slack = 1e-9 * middle;
            assert!(low.min(high) <= middle + slack && middle <= low.max(high) + slack, "{metric:?} {bar:?}");
        }
    }
}

#[test]
fn a_users_file_overrides_and_nonsense_names_its_field() {
    let mine = Assumptions::parse("preset = \"france\"\nnode = \"N5\"\nutilisation = 0.9\nsite_mw = 2\n", "mine.toml").unwrap();
    assert_eq!(mine.value(Input::Utilisation), 0.9);
    assert_eq!(mine.value(Input::SiteMw), 2.0);
    assert_eq!(mine.value(Input::GridGPerKwh), 19.6);
    assert_eq!(mine.value(Input::WaferUsd), 16_988.0);
    assert_eq!(mine.get(Input::Utilisation).source, "set in mine.toml");
    let own = Assumptions::parse("wafer_usd = 1", "mine.toml").unwrap().at_node("N5").unwrap();
    assert_eq!((own.value(Input::WaferUsd), own.value(Input::DefectsPerCm2)), (1.0, 0.11));
    for (text, complaint) in [
        ("utilisation = 1.5", "field `utilisation` is 1.5, expected above 0 and at most 1"),
        ("electricity_usd_per_kwh = -0.1", "field `electricity_usd_per_kwh` is -0.1, expected a finite number of at least 0"),
        ("pue = 0.9", "field `pue` is 0.9, expected between 1 and 10"),
        ("wafer_usd = nan", "field `wafer_usd` is NaN, expected a finite number above 0"),
        ("wafer_eur = 1", "unknown input `wafer_eur`"),
        ("preset = \"mars\"", "unknown preset `mars`; hint: one of france, germany, italy, us"),
        ("pue = \"low\"", "`pue` is \"low\""),
        ("pue = { valeu = 1.2 }", "mine.toml: `pue`"),
        ("preset = 3", "expected a name in quotes"),
        ("[", "mine.toml: "),
    ] {
        let refusal = Assumptions::parse(text, "mine.toml").unwrap_err().to_string();
        assert!(refusal.contains(complaint), "{text}: {refusal}");
    }
}

#[test]
fn a_malformed_chip_or_demand_is_refused() {
    let defaults = Assumptions::defaults().unwrap();
    let refusal =
        |demand: &Demand, chip: &ChipOption| economics::books(&defaults, demand, chip, &gpus(&["H100 SXM"])).unwrap_err().to_string();
    assert!(refusal(&demand(1), &ChipOption { power_w: 0.0, ..hc1() }).contains("`power_w` is 0"));
    assert!(refusal(&demand(1), &ChipOption { die_mm2: 900.0, ..hc1() }).contains("past the reticle's 858 mm2"));
    assert!(refusal(&demand(1), &ChipOption { node: "N1".into(), ..hc1() }).contains("unknown node `N1`"));
    assert!(refusal(&demand(0), &hc1()).contains("`users` is 0"));
    let past = Demand { prompt_tokens: 131_072, ..demand(1) };
    assert!(refusal(&past, &hc1()).contains("132072 tokens of context asked, 131072 is the model's limit"));
    let tiny = defaults.with(Input::SiteMw, 1e-6).unwrap();
    let refused = economics::books(&tiny, &demand(1), &hc1(), &[]).unwrap_err().to_string();
    assert!(refused.contains("raise `site_mw`"), "{refused}");
}

#[test]
fn books_are_json() {
    let json = serde_json::to_value(books(&Assumptions::defaults().unwrap(), 100)).unwrap();
    assert_eq!(json["schema"], 2);
    assert_eq!(json["assumptions"]["inputs"]["pue"]["value"], 1.3);
    assert_eq!(json["chip"]["unit"]["kind"], "chip");
    assert!(json["chip"]["usd_per_mtoken"]["provenance"].is_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn dearer_inputs_never_make_tokens_cheaper(factor in 1.0..3.0f64) {
        let defaults = Assumptions::defaults().unwrap();
        let cost = |assumptions: &Assumptions| {
            let books = books(assumptions, 10_000);
            [books.chip.usd_per_mtoken.value, books.gpus[0].usd_per_mtoken.value]
        };
        let base = cost(&defaults);
        for input in [
            Input::ElectricityUsdPerKwh, Input::WaferUsd, Input::DefectsPerCm2, Input::MaskSetUsd, Input::DesignNreUsd,
            Input::PackageUsd, Input::CardUsd, Input::ChipHostUsd, Input::GpuHostUsd, Input::BuildingUsdPerW,
            Input::DiscountRate, Input::ModelChangesPerYear, Input::RespinMasksUsd,
        ] {
            let dearer = cost(&defaults.with(input, defaults.value(input) * factor).unwrap());
            for (dearer, base) in dearer.into_iter().zip(base) {
                prop_assert!(dearer >= base * (1.0 - 1e-12), "{input:?}: {base} to {dearer}");
            }
        }
    }

    #[test]
    fn yield_falls_with_area_and_defects(die in 1.0..850.0f64, defects in 0.0..1.0f64, more in 1.0..2.0f64) {
        let base = murphy_yield(die, defects);
        prop_assert!(base > 0.0 && base <= 1.0);
        prop_assert!(murphy_yield(die * more, defects) <= base + 1e-15);
        prop_assert!(murphy_yield(die, defects * more) <= base + 1e-15);
        // Murphy lies between Poisson's e^−AD and one defect's 1 / (1 + AD).
        let expected = die / 100.0 * defects;
        prop_assert!(base >= (-expected).exp() - 1e-12 && base <= 1.0 / (1.0 + expected) + 1e-12);
    }
}

/// Values as `economics_2026.csv` gives them; where it gives none for the country, the source says so.
#[test]
fn every_country_has_its_tariff_and_its_grid() {
    for (country, usd_per_kwh, g_per_kwh, said) in [
        ("us", 0.075, 367.0, "no US tariff of 2026 found"),
        ("france", 0.139, 19.6, "no French tariff of 2026 found"),
        ("germany", 0.19, 344.0, "no German tariff of 2026 found"),
        ("italy", 0.205, 270.0, "no Italian tariff of 2026 found"),
    ] {
        let preset = Assumptions::preset(country).unwrap();
        let (tariff, grid) = (preset.get(Input::ElectricityUsdPerKwh), preset.get(Input::GridGPerKwh));
        assert_eq!((tariff.value, grid.value), (usd_per_kwh, g_per_kwh), "{country}");
        assert!(tariff.source.contains(said) && grid.source.contains("202"), "{country}: {} {}", tariff.source, grid.source);
        for range in [tariff, grid] {
            assert!(range.low <= range.value && range.value <= range.high, "{country}: {range:?}");
        }
    }
}

/// The page's table is what the books say: one row a figure, one column a country.
#[test]
fn page_says_what_the_books_say() {
    let all: Vec<Books> = ["us", "france", "germany", "italy"].map(|place| books(&Assumptions::preset(place).unwrap(), 100_000)).into();
    let row = |name: &str, of: &dyn Fn(&Books) -> String| format!("| {name} | {} |", all.iter().map(of).collect::<Vec<_>>().join(" | "));
    let carbon = |a: &economics::Account| format!("{:.1} + {:.1}", a.operational_g_per_mtoken.value, a.embodied_g_per_mtoken.value);
    let tokens = |b: &Books| b.comparisons[0].break_even_tokens_per_year.as_ref().unwrap().value;
    let rows = vec![
        row("HC1, USD a million tokens", &|b| format!("{:.3}", b.chip.usd_per_mtoken.value)),
        row("H100, USD a million tokens", &|b| format!("{:.3}", b.gpus[0].usd_per_mtoken.value)),
        row("HC1, J a token at the meter", &|b| format!("{:.3}", b.chip.site_j_per_token.value)),
        row("H100, J a token at the meter", &|b| format!("{:.3}", b.gpus[0].site_j_per_token.value)),
        row("HC1, g CO₂e a million tokens (use + making)", &|b| carbon(&b.chip)),
        row("H100, g CO₂e a million tokens (use + making)", &|b| carbon(&b.gpus[0])),
        row("break-even, 10¹² tokens a year", &|b| format!("{:.0}", tokens(b) / 1e12)),
        row("model changes a year at which they cost the same", &|b| {
            format!("{:.1}", b.wrong.parity_changes_per_year.as_ref().unwrap().value)
        }),
    ];
    let ratio = |assumptions: Assumptions| format!("{:.2}", books(&assumptions, 100_000).comparisons[0].usd_per_mtoken_ratio.value);
    let at = |input, value| ratio(Assumptions::defaults().unwrap().with(input, value).unwrap());
    let (rare, often, small) = (at(Input::ModelChangesPerYear, 0.2), at(Input::ModelChangesPerYear, 3.0), at(Input::SiteMw, 1.0));
    let sentence = format!("At 0.2 changes a year the ratio is {rare}, at 3 it is {often}; at a 1 MW site {small}");
    let rows: Vec<String> = rows.into_iter().chain([sentence]).collect();
    let page = include_str!("../../docs/baseline.md").replace('\n', " ");
    let missing: Vec<_> = rows.iter().filter(|row| !page.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/baseline.md, The books: expected {missing:#?}");
}
