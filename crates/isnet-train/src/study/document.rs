//! What a study found, as a document for people.

use isnet_eval::report::{Distance, Entry, SideBySide, percent, repeat_section, standing, test_section};
use isnet_report::{Cell as TableCell, Code, Details, Document, Section, Table, verbatim};
use isnet_run::study::{Cell, CellRecord, Study, Variant};
use isnet_run::{RunError, Versions};

use super::trust::trust_table;
use super::{SCORES, StudyTable, VariantRows};

/// What a document about a study is made from.
#[derive(Clone, Copy)]
pub struct StudyReport<'a> {
    /// The study.
    pub study: &'a Study,
    /// What it found.
    pub found: &'a StudyTable,
    /// The command that made the table.
    pub command: &'a str,
    /// What the table was made with.
    pub versions: &'a Versions,
}

/// The whole document: who stands where, scores, cost, tests, variants, and how to repeat it.
///
/// # Errors
/// [`RunError`] if the configuration of a variant cannot be resolved.
pub fn study_document(report: &StudyReport) -> Result<Document, RunError> {
    let StudyReport { study, found, .. } = *report;
    let side_by_side = side_by_side(found);
    let seeds: Vec<String> = study.seeds.iter().map(u64::to_string).collect();
    let mut document = Document::new(format!("Study {}", found.study))
        .subtitle("Which variants stand where, over samples and trainings, and at what cost")
        .fact("tested against", found.variants.first().map_or(study.variants[0].name.as_str(), |it| &it.variant))
        .fact("seeds", seeds.join(", "));
    if study.folds > 0 {
        document = document.fact("folds", study.folds.to_string());
    }
    let document = document
        .fact("trainings", progress_words(study, found))
        .fact("made by", format!("isnet {}", report.versions.isnet));
    let mut document = document.section(summary_section(study, found, &side_by_side));
    if !found.variants.is_empty() {
        if let Some(table) = found.trust.as_ref().and_then(|trust| trust_table(trust, found.confidence)) {
            document.sections.push(Section::new("Time to trust").with(table));
        }
        document.sections.push(side_by_side.section(format!(
            "Means over trainings; brackets hold {} % intervals over samples and trainings (Student's t). In the plots, small dots \
             are the trainings, and the light line is the variant that the others are tested against.",
            percent(found.confidence)
        )));
        document.sections.push(Section::new("Cost").with(cost_table(found)));
    }
    let about = "Tests take the probabilities of each sample, averaged over the trainings that all variants have: a sample counts once, \
                 and what other trainings would give the tests do not know.";
    document.sections.extend(found.comparison.as_ref().map(|comparison| test_section(comparison, "variant", about)));
    document.sections.push(variant_section(study, found)?);
    if found.failed.len() + found.missing.len() > 0 {
        document.sections.push(open_section(found));
    }
    document.sections.push(repeat_section(report.command, "", report.versions));
    Ok(document)
}

/// The table of scores of every split.
pub fn score_tables(found: &StudyTable) -> Vec<Table> {
    let side_by_side = side_by_side(found);
    side_by_side.splits().into_iter().map(|split| side_by_side.table(split)).collect()
}

/// What each variant costs.
pub fn cost_table(found: &StudyTable) -> Table {
    let heads = ["variant", "parameters", "ms per image", "s per epoch", "epochs"];
    let caption = "Trained parameters; median time of a prediction, one image at a time, and of an epoch with its validation; means over \
                   trainings, on the machines that trained them: other work there lengthens the times.";
    found.variants.iter().fold(Table::new(heads).caption(caption), |table, variant| {
        let over =
            |value: fn(&CellRecord) -> f64| variant.cells.iter().map(value).sum::<f64>() / variant.cells.len() as f64;
        table.row([
            TableCell::text(&variant.variant),
            variant.cells.first().map_or(TableCell::missing(""), |cell| TableCell::count(cell.parameters)),
            TableCell::number(over(|cell| cell.milliseconds_per_image), 2),
            TableCell::number(over(|cell| cell.seconds_per_epoch), 1),
            TableCell::number(over(|cell| cell.epochs as f64), 1),
        ])
    })
}

/// What a cell is called: `isnet seed 1 fold 2`.
pub fn cell_name(cell: &Cell) -> String {
    let fold = cell.fold.map_or_else(String::new, |fold| format!(" fold {fold}"));
    format!("{} seed {}{fold}", cell.variant, cell.seed)
}

fn side_by_side(found: &StudyTable) -> SideBySide {
    let entry = |it: &VariantRows| Entry::method(&it.variant, it.cells.len(), &it.rows);
    let entries = found.variants.iter().map(entry).collect();
    SideBySide { what: "variant", counted: "trainings", scores: SCORES.to_vec(), entries }
}

/// `24 of 36 done, 3 failed`.
fn progress_words(study: &Study, found: &StudyTable) -> String {
    let all = study.cells().len();
    let done = all - found.missing.len() - found.failed.len();
    let failed = if found.failed.is_empty() { String::new() } else { format!(", {} failed", found.failed.len()) };
    format!("{done} of {all} done{failed}")
}

fn summary_section(study: &Study, found: &StudyTable, side_by_side: &SideBySide) -> Section {
    let distances: Vec<Distance> =
        found.variants.iter().flat_map(|it| Distance::of_method(&it.variant, &it.differences)).collect();
    let mut section = Section::new("Summary");
    if found.missing.len() + found.failed.len() > 0 {
        section.push(format!("**Not complete**: {}. What follows is of those.", progress_words(study, found)));
    }
    if found.variants.is_empty() {
        return section;
    }
    section.push(format!(
        "A variant is called better or worse than `{}` only where the test of their difference, over samples and the trainings that both \
         have, says so after its correction for all such tests (Holm), at {} %.{}",
        verbatim(&found.variants[0].variant),
        percent(1.0 - found.confidence),
        caution(found)
    ));
    standing(side_by_side, &distances, "over samples and trainings").into_iter().for_each(|block| section.push(block));
    section
}

/// What few trainings cannot tell.
fn caution(found: &StudyTable) -> &'static str {
    match found.variants.iter().map(|it| it.cells.len()).min() {
        Some(1) => " Some variants were trained once: nothing is known of other seeds, so nothing is said.",
        Some(2..5) => " Fewer than five trainings say little about others: the intervals are wide.",
        _ => "",
    }
}

/// What each variant changes, and the configuration of the first one.
fn variant_section(study: &Study, found: &StudyTable) -> Result<Section, RunError> {
    let path = study.config.display().to_string();
    let shared = study.set.iter().map(|set| format!("`{}`", verbatim(set))).collect::<Vec<_>>().join("; ");
    let shared = if shared.is_empty() { shared } else { format!(" All set {shared}.") };
    let caption = format!("What each variant changes in `{}`.{shared}", verbatim(&path));
    let row = |table: Table, variant: &Variant| {
        let cells = found.variants.iter().find(|it| it.variant == variant.name).map_or(0, |it| it.cells.len());
        let set = if variant.set.is_empty() { "nothing".to_owned() } else { variant.set.join("; ") };
        table.row([TableCell::text(&variant.name), TableCell::count(cells), TableCell::text(set)])
    };
    let heads = ["variant", "trainings", "set"];
    let table = study.variants.iter().fold(Table::new(heads).caption(caption), row);
    let mut section = Section::new("Variants").with(table);
    if let Some(cell) = study.cells().first() {
        let config = study.run_config(cell)?.to_toml()?;
        let details = Details::new(format!("Whole configuration of {}", cell_name(cell)));
        section.push(details.with(Code::new("toml", config).caption("config.toml")));
    }
    Ok(section)
}

/// What failed, and what is left to train.
fn open_section(found: &StudyTable) -> Section {
    let mut section = Section::new("What is not done");
    if !found.failed.is_empty() {
        let table = Table::new(["training", "reason"]).caption("These failed. They are tried again when the study is.");
        let row = |table: Table, it: &isnet_run::study::FailedCell| {
            table.row([TableCell::text(cell_name(&it.cell)), TableCell::text(&it.reason)])
        };
        section.push(found.failed.iter().fold(table, row));
    }
    if !found.missing.is_empty() {
        let names: Vec<String> = found.missing.iter().map(|cell| verbatim(&cell_name(cell))).collect();
        section.push(format!("Not done yet: {}.", names.join(", ")));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;
    use isnet_run::study::FailedCell;

    #[test]
    fn a_study_without_results_says_what_is_left_and_why() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.toml"), "[data.phantom]\n").unwrap();
        let text = "config = 'base.toml'\nfolds = 2\nset = ['train.epochs=2']\n[[variant]]\nname = 'a*b'\nset = ['method.name=standard']\n";
        let study = Study::from_toml(text, &folder.path().join("small.toml")).unwrap();
        let [first, second] = study.cells().try_into().unwrap();
        let found = StudyTable {
            study: study.name.clone(),
            confidence: 0.95,
            missing: vec![second],
            failed: vec![FailedCell { cell: first, reason: "no <masks>".to_owned() }],
            variants: Vec::new(),
            trust: None,
            comparison: None,
        };
        let versions = Versions::current("cpu", 1);
        let report =
            StudyReport { study: &study, found: &found, command: "isnet study small.toml", versions: &versions };
        let document = study_document(&report).unwrap();
        let titles: Vec<&str> = document.sections.iter().map(|section| section.title.as_str()).collect();
        assert_eq!(titles, ["Summary", "Variants", "What is not done", "How to repeat it"]);
        let text = document.to_markdown("f").text;
        for words in [
            "**Not complete**: 0 of 2 done, 1 failed",
            "| a\\*b seed 0 fold 0 | no &lt;masks&gt; |",
            "Not done yet: a\\*b seed 0 fold 1.",
            "| a\\*b | 0 | method.name=standard |",
            "folds: 2",
            "All set <code>train.epochs=2</code>.",
        ] {
            assert!(text.contains(words), "`{words}` is missing in\n{text}");
        }
    }
}
