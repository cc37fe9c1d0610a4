//! Tests against the first model, with their correction.

use isnet_report::{Cell, Details, Section, Table, verbatim};

use super::parts::score_words;
use crate::distinct::distinct;
use crate::render::{p_words, test_words};
use isnet_statistics::{Comparison, ComparisonRow, TestMethod};

/// The differences of models to the first one: a table per split behind a line that opens it. `what` is what is compared, such as
/// `model`; `about` says what the tests were made on.
pub fn test_section(comparison: &Comparison, what: &str, about: &str) -> Section {
    let level = 1.0 - comparison.confidence;
    let first = verbatim(&comparison.baseline);
    let told = comparison.rows.iter().filter(|row| row.p_adjusted.is_some_and(|p| p < level)).count();
    let mut section = Section::new(format!("Tests against {}", comparison.baseline)).with(format!(
        "{about} **p** is the chance of such a difference to `{first}` if there were none; **p (Holm)** is adjusted for all {} tests. \
         {told} of them stay below {} then, in bold.",
        comparison.n_tests,
        short(level)
    ));
    section.blocks.extend(too_few_resamples(comparison, level).map(Into::into));
    for split in distinct(comparison.rows.iter().map(|row| row.split.as_str())) {
        let rows: Vec<&ComparisonRow> = comparison
            .rows
            .iter()
            .filter(|row| row.split == split && (row.value.or(row.baseline_value)).is_some())
            .collect();
        let table = test_table(&rows, what, level)
            .caption(format!("Differences to `{first}` on the split `{}`.", verbatim(split)));
        section.push(Details::new(format!("Tests on {split}, {}", rows.len())).with(table));
    }
    section
}

fn test_table(rows: &[&ComparisonRow], what: &str, level: f64) -> Table {
    let has_parts = rows.iter().any(|row| row.source.is_some());
    let mut heads = vec!["score", what, "difference", "p", "p (Holm)", "test"];
    if has_parts {
        heads.insert(0, "source");
    }
    let mut table = Table::new(heads);
    let mut sorted = rows.to_vec();
    // Score by score, so that those who are compared stand below each other.
    sorted.sort_by_key(|row| (row.source.clone(), row.score, row.class.clone(), row.versus.clone()));
    for row in sorted {
        let mut cells = test_cells(row, level);
        if has_parts {
            cells.insert(0, Cell::text(row.source.clone().unwrap_or_else(|| "all".to_owned())));
        }
        table.push(cells);
    }
    table
}

fn test_cells(row: &ComparisonRow, level: f64) -> Vec<Cell> {
    let of = [row.class.as_deref(), row.versus.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" v. ");
    let words = score_words(row.score, row.class.is_some());
    let score = if of.is_empty() { words.to_owned() } else { format!("{words} ({of})") };
    let difference = row.difference.map_or_else(
        || Cell::missing(row.reason.clone().unwrap_or_default()),
        |value| {
            let cell = Cell::number(value, 3).signed().notes(&row.notes);
            row.intervals.first().map_or(cell.clone(), |it| cell.interval(it.low, it.high))
        },
    );
    let adjusted = Cell::text(p_words(row.p_adjusted));
    vec![
        Cell::text(score),
        Cell::text(&row.model),
        difference,
        Cell::text(p_words(row.tests.first().map(|test| test.p_value))),
        if row.p_adjusted.is_some_and(|p| p < level) { adjusted.emphasised() } else { adjusted },
        Cell::text(row.tests.first().map_or("–", |test| test_words(test.method))),
    ]
}

/// Says so where no bootstrap test can stay below the level, however clear its difference is.
fn too_few_resamples(comparison: &Comparison, level: f64) -> Option<String> {
    let tests = comparison.rows.iter().filter_map(|row| row.tests.first());
    let boots = tests.filter(|test| test.method == TestMethod::PairedBootstrap).count();
    // The most extreme p of so many resamples, and what Holm's correction makes of as many of them.
    let least = 2.0 / (comparison.resamples + 1) as f64;
    (boots as f64 * least >= level).then(|| {
        format!(
            "With {} resamples no paired bootstrap gives less than {}, which the correction for {boots} of them takes to {} or more: read \
             their intervals, or give `--resamples` {} or more.",
            comparison.resamples,
            short(least),
            short((boots as f64 * least).min(1.0)),
            (2.0 * boots as f64 / level).ceil()
        )
    })
}

/// `0.05`.
fn short(level: f64) -> String {
    let text = format!("{level:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
