//! The books on the page: the table, break-even, the price of being wrong, the tornado, every assumption.

use super::compare::HtmlTable;
use super::format::{bare, escape, number};
use super::plot::{Swing, tornado};
use crate::table::Cell;
use crate::words::{fleet, fleet_sentences, lines, market, place, sentences};
use hardwire_netlist::Figure;
use hardwire_study::books::ChipBooks;

/// Bars worth drawing.
const BARS: usize = 10;

/// The books, ready for the page.
pub struct BooksPage {
    pub table: HtmlTable,
    pub sentences: Vec<String>,
    pub market: Option<HtmlTable>,
    pub fleet: Option<HtmlTable>,
    pub fleet_sentences: Vec<String>,
    pub refused: Vec<String>,
    pub wrong: HtmlTable,
    pub tornado: String,
    pub tornado_text: String,
    pub assumptions: HtmlTable,
    pub notes: Vec<String>,
    pub asked: String,
}

pub fn page(books: &ChipBooks) -> BooksPage {
    let b = &books.books;
    let accounts = [&b.chip].into_iter().chain(&b.gpus);
    let head = [String::new()].into_iter().chain(accounts.map(|a| {
        let title = format!("{}: {}", a.unit.provenance, a.unit.source);
        super::format::with_source("", &title, &a.unit.name)
    }));
    let rows = lines(books).into_iter().map(|(name, cells)| [escape(name)].into_iter().chain(cells.iter().map(shown)).collect());
    let (tornado, tornado_text) = books.tornado.as_ref().map(drawn).unwrap_or_default();
    BooksPage {
        table: HtmlTable { head: head.collect(), rows: rows.collect() },
        sentences: sentences(books),
        market: market(books).map(told),
        fleet: fleet(books).map(told),
        fleet_sentences: fleet_sentences(books),
        refused: b.refused.iter().map(|r| format!("{}: {}", r.name, r.reason)).collect(),
        wrong: wrong(books),
        tornado,
        tornado_text,
        assumptions: assumptions(books),
        notes: books.notes.clone(),
        asked: format!(
            "{} tokens in, {} out; a site of {} MW; electricity of {}; silicon of {}",
            b.demand.prompt_tokens,
            b.demand.output_tokens,
            number(b.assumptions.value(hardwire_baseline::economics::Input::SiteMw)),
            place(books),
            b.assumptions.node
        ),
    }
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => escape(text),
        Cell::Number(value) => number(*value),
        Cell::Figure(figure) => bare(figure, 1.0),
        Cell::Percent(value) => format!("{:.0} %", value * 100.0),
        Cell::Empty => "–".into(),
    }
}

fn told((head, rows): (Vec<String>, Vec<Vec<Cell>>)) -> HtmlTable {
    HtmlTable {
        head: head.iter().map(|text| escape(text)).collect(),
        rows: rows.iter().map(|row| row.iter().map(shown).collect()).collect(),
    }
}

fn drawn(t: &hardwire_baseline::economics::Tornado) -> (String, String) {
    let swings: Vec<Swing> = (t.bars.iter().take(BARS))
        .map(|bar| Swing {
            label: bar.input.name().replace('_', " "),
            at_low: bar.at_low,
            at_high: bar.at_high,
            note: format!("{} to {} {}: {}", number(bar.low), number(bar.high), bar.unit, bar.source),
        })
        .collect();
    let now = t.at_value.unwrap_or_default();
    let text = format!(
        "Cost of a token from the chip over its cost from a {}, {} as assumed, with one input at a time at its low (blue) and its high (orange). \
         Below 1 the chip is the cheaper.",
        t.gpu,
        number(now)
    );
    (tornado(&swings, now, "What the cost ratio hangs on"), text)
}

/// Cost against model changes a year.
fn wrong(books: &ChipBooks) -> HtmlTable {
    let w = &books.books.wrong;
    let cost = |f: &Figure| bare(f, 1.0);
    HtmlTable {
        head: ["new models a year", "chip, USD a million tokens", "cheapest GPU"].map(String::from).to_vec(),
        rows: (w.points.iter())
            .map(|p| {
                let gpu = p.cheapest_gpu_usd_per_mtoken.as_ref().map_or("–".into(), cost);
                vec![number(p.changes_per_year), cost(&p.chip_usd_per_mtoken), gpu]
            })
            .collect(),
    }
}

fn assumptions(books: &ChipBooks) -> HtmlTable {
    let rows = books.books.assumptions.inputs.iter().map(|(input, a)| {
        let range = format!("{} to {}", number(a.low), number(a.high));
        vec![input.name().replace('_', " "), format!("{} {}", number(a.value), escape(&a.unit)), range, escape(&a.source)]
    });
    HtmlTable { head: ["input", "value", "range", "source"].map(String::from).to_vec(), rows: rows.collect() }
}
