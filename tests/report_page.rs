//! The report as files: the JSON's golden keys, the CSV, and the page, which a browser opens without a complaint at any width.

mod cli;

use cli::hardwire;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn reported(dir: &Path) -> (String, Value, String) {
    let run = hardwire(&["report", "tales", "-q", "--csv", "--context", "64", "-o"], &[dir]);
    assert!(run.ok(), "{run:?}");
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    (read("report.html"), serde_json::from_str(&read("report.json")).unwrap(), read("report.csv"))
}

/// Keys of the first three levels; an array stands for its first element.
fn keys(value: &Value, path: &str, depth: usize, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if depth > 0 => {
            for (key, field) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                out.insert(path.clone());
                keys(field, &path, depth - 1, out);
            }
        }
        Value::Array(items) => items.first().into_iter().for_each(|item| keys(item, &format!("{path}[]"), depth, out)),
        _ => {}
    }
}

/// What readers of report.json may count on. A key that goes or changes its meaning raises `SCHEMA`; new ones may come.
const KEYS: &str = "schema model.name model.digest model.parameters node die.area_mm2 die.transistors die.um2_per_weight die.by_kind_mm2 \
  census.weights census.rom_bits units[].kind units[].area_mm2 quality.matrices quality.lossless quality.bits_per_weight clock_mhz.value \
  speed[].context speed[].latency_cycles speed[].tokens_per_s_single_user speed[].tokens_per_s_aggregate speed[].users_for_aggregate \
  planned die.dies first_token[].prompt first_token[].time_us energy.context energy.split energy.leakage_pj compare.context compare.prompt_tokens \
  compare.output_tokens compare.chip.tokens_per_s compare.chip.j_per_token compare.chip.as_built compare.chip.all_busy compare.gpus[].device \
  compare.gpus[].single compare.gpus[].saturated compare.gpus[].user_speed_ratio compare.gpus[].queue_tokens_ratio compare.left_out \
  compare.errors[].class compare.measured compare.against_users[].points compare.against_context[].points compare.roofline.devices \
  compare.roofline.chip_one_user_tops compare.queues[].load compare.queues[].chips compare.queues[].gpus books.notes books.books.chip books.books.gpus books.books.comparisons books.books.wrong \
  books.books.assumptions books.tornado.bars books_refused";

#[test]
fn json_keeps_its_schema() {
    let dir = tempfile::tempdir().unwrap();
    let (_, json, csv) = reported(dir.path());
    assert_eq!(json["schema"], 4);
    let mut found = BTreeSet::new();
    keys(&json, "", 3, &mut found);
    for key in KEYS.split_whitespace() {
        assert!(found.contains(key), "report.json lost `{key}`: raise SCHEMA; it has {found:?}");
    }
    // Every figure says where it comes from.
    let mut rows = csv.lines();
    assert_eq!(rows.next(), Some("path,value,unit,provenance,source,low,high"));
    assert!(csv.lines().count() > 500);
    let area = json["die"]["area_mm2"]["value"].as_f64().unwrap();
    let row = csv.lines().find(|row| row.starts_with("die.area_mm2,")).unwrap();
    let same: f64 = row.split(',').nth(1).unwrap().parse().unwrap();
    assert!((same / area - 1.0).abs() < 1e-12, "the CSV has the JSON's numbers: {row}");
    assert_eq!(row.split(',').nth(3), Some("estimated"));
}

#[test]
fn the_page_has_every_part_and_fetches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (html, json, _) = reported(dir.path());
    for part in [
        "In short",
        "Three queues, at the wall",
        "mJ a token at the wall",
        "Full queue",
        "Floorplan",
        "Energy of a token",
        "Roofline",
        "Against users",
        "Against context",
        "One user on each",
        "A full queue on each",
        "The token factory's books",
        "The price of being wrong",
        "What it hangs on",
        "Quality of the weights",
        "Where the figures come from",
        "too small to judge a GPU by",
        "prefers-color-scheme: dark",
        "@media print",
    ] {
        assert!(
            html.contains(part) || html.contains(&part.replace('\'', "&#x27;")) || html.contains(&part.replace('\'', "&#39;")),
            "{part}"
        );
    }
    for gpu in json["compare"]["gpus"].as_array().unwrap() {
        assert!(html.contains(gpu["device"].as_str().unwrap()), "{gpu}");
    }
    for outside in ["src=\"http", "href=\"http", "url(", "@import", "<script", "<link rel=\"stylesheet"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(!html.contains("NaN") && !html.contains(">inf"), "numbers that are none");
}

/// A model by its name: everything but what only weights tell, on as many dies as it takes; the site is France's, its fleet and the
/// model's prices among the books.
#[test]
fn a_model_without_weights_has_its_report() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "report",
        "Llama-3.1-8B",
        "-q",
        "--bits",
        "3",
        "--fold",
        "1",
        "--preset",
        "france",
        "--citizens",
        "68",
        "--latency-ms",
        "50",
        "-o",
    ];
    let run = hardwire(&args, &[dir.path()]);
    assert!(run.ok(), "{run:?}");
    let html = fs::read_to_string(dir.path().join("report.html")).unwrap();
    let json: Value = serde_json::from_str(&fs::read_to_string(dir.path().join("report.json")).unwrap()).unwrap();
    assert_eq!((&json["planned"], &json["quality"]["lossless"]), (&true.into(), &Value::Null));
    assert!(json["die"]["dies"].as_u64().unwrap() > 1 && json["energy"]["links_pj"].as_f64().unwrap() > 0.0);
    assert_eq!(json["books"]["books"]["assumptions"]["preset"], "france");
    assert_eq!(json["books"]["books"]["demand"]["max_token_latency_ms"], 50.0);
    for part in [
        "Llama-3.1-8B as a chip",
        "Planned from the model's shape",
        "drawn as one and made as",
        "Between dies",
        "What the tokens sell for",
        "A country's fleet",
        "EUR a million tokens",
        "tokens/s/mm²",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("Every matrix") && !html.contains("NaN"));
}

/// The browser by whichever name it goes.
fn chromium() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| Command::new(name).arg("--version").output().is_ok())
}

/// The page in a frame of `width`, which is less than a browser's window may have, and a script of the test's own that writes down the
/// frame's width, how far the page scrolls to the right, and what sticks out of it.
fn framed(html: &str, width: u32) -> String {
    let inside = html.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!doctype html><body><iframe id=f style=\"width:{width}px;height:900px;border:0\" srcdoc=\"{inside}\"></iframe><script>\
         addEventListener('load', () => {{ const d = document.getElementById('f').contentDocument, w = d.documentElement.clientWidth; \
         const out = [...d.querySelectorAll('body > *, figure > svg, li, p')].filter(e => e.getBoundingClientRect().right > w + 1); \
         document.body.dataset.measured = `${{w}} ${{d.documentElement.scrollWidth}} ${{out.length}}`; }});</script></body>"
    )
}

#[test]
fn a_browser_opens_the_page_at_every_width_without_a_complaint() {
    let Some(browser) = chromium() else {
        eprintln!("skipped: no chromium to open the report");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (html, _, _) = reported(dir.path());
    let page = dir.path().join("framed.html");
    for width in [420, 768, 1280] {
        fs::write(&page, framed(&html, width)).unwrap();
        let profile = dir.path().join(format!("profile{width}"));
        let output = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("--window-size=1400,1000")
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let complaints: Vec<&str> = log.lines().filter(|l| l.contains("CONSOLE")).collect();
        assert!(complaints.is_empty(), "{width}: {complaints:?}");
        let measured = dom.split("data-measured=\"").nth(1).and_then(|rest| rest.split('"').next());
        let numbers: Vec<u32> = measured.unwrap_or_else(|| panic!("{width}: {log}")).split(' ').map(|n| n.parse().unwrap()).collect();
        assert!(
            numbers[0] > width - 20 && numbers[1] <= numbers[0] && numbers[2] == 0,
            "{width}: inner width, scroll width, parts that stick out: {numbers:?}"
        );
    }
}
