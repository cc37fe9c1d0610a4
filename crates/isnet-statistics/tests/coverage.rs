//! Do the intervals that are printed hold the true value as often as they say, and are the tests wrong as rarely as they say?
//!
//! Data sets are drawn from models whose true scores are known (from a very large sample), scored like any table of predictions, and
//! counted: how often the first interval of a row holds the truth. `docs/statistics.md` holds the table; it is made, and held against what
//! is found, by
//!
//! ```text
//! ISNET_COVERAGE=2000 ISNET_COVERAGE_RESAMPLED=1 cargo test --release -p isnet-statistics --test coverage -- --ignored --nocapture --test-threads=1
//! ```

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the simulations print tables")]

use std::collections::BTreeMap;

use isnet_data::rng::stream;
use isnet_statistics::{
    Estimate, OperatingSettings, Predictions, Score, Settings, SubgroupSettings, SummaryRow, Task, TrainingsRow,
    compare, decision_curve, differences_over_trainings, holm, operating_point, over_trainings, subgroups, summary,
};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// A way to draw predictions.
#[derive(Clone, Debug)]
struct Scenario {
    name: String,
    /// Chance of each class.
    prevalence: Vec<f64>,
    /// How far the true class stands out, in deviations.
    lift: f64,
    n: usize,
    /// Samples of a patient, who has one label.
    cluster: usize,
    /// Share of the variance that the images of a patient have in common.
    icc: f64,
}

impl Scenario {
    fn draw(&self, n: usize, seed: u64) -> Predictions {
        let mut rng = stream(seed, &[9001]);
        let n_classes = self.prevalence.len();
        let mut predictions = Predictions::new((0..n_classes).map(|class| format!("c{class}")), Task::Single);
        let mut normal = {
            let mut rng = stream(seed, &[9002]);
            move || -> f64 { rng.sample(StandardNormal) }
        };
        let (mut label, mut shared) = (0, vec![0.0; n_classes]);
        for sample in 0..n {
            if sample % self.cluster == 0 {
                let mut draw: f64 = rng.random();
                label = self
                    .prevalence
                    .iter()
                    .position(|chance| {
                        draw -= chance;
                        draw < 0.0
                    })
                    .unwrap_or(n_classes - 1);
                shared.iter_mut().for_each(|it| *it = normal());
            }
            let logits: Vec<f64> = (0..n_classes)
                .map(|class| {
                    let noise = self.icc.sqrt() * shared[class] + (1.0 - self.icc).sqrt() * normal();
                    noise + if class == label { self.lift } else { 0.0 } + self.prevalence[class].ln()
                })
                .collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
            let row: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp() / sum).collect();
            predictions.push(&sample.to_string(), "", "test", &[label], &row);
            if self.cluster > 1 {
                predictions.groups[sample] = (sample / self.cluster).to_string();
            }
            predictions.background_share[sample] = Some(row[label].powi(2));
        }
        predictions
    }
}

/// What was counted of a row.
#[derive(Clone, Debug, Default)]
struct Counted {
    drawn: usize,
    given: usize,
    held: usize,
    noted: usize,
}

impl Counted {
    /// Adds what one data set gave: whether its interval holds the truth, if it has one, and whether it has a note.
    fn add(&mut self, holds: Option<bool>, is_noted: bool) {
        self.drawn += 1;
        self.noted += usize::from(is_noted);
        if let Some(holds) = holds {
            self.given += 1;
            self.held += usize::from(holds);
        }
    }

    fn merge(&mut self, more: &Self) {
        self.drawn += more.drawn;
        self.given += more.given;
        self.held += more.held;
        self.noted += more.noted;
    }

    /// Coverage in per cent, and in brackets the share of tables with a note where coverage is not 93 to 97 %.
    fn cell(&self) -> String {
        if self.given == 0 {
            return "–".to_owned();
        }
        let covers = 100.0 * self.held as f64 / self.given as f64;
        let noted = 100.0 * self.noted as f64 / self.drawn as f64;
        if (93.0..=97.0).contains(&covers) { format!("{covers:.1}") } else { format!("{covers:.1} ({noted:.0})") }
    }

    /// Whether rows cover at least 93 %, up to three standard errors of the simulation, or at least half of the tables have a note. (Rows
    /// without a note are no sample of their own: a note that counts errors leaves those that have many.)
    fn is_honest(&self) -> bool {
        let n = self.given as f64;
        n < 50.0 || 2 * self.noted >= self.drawn || self.held as f64 / n >= 0.93 - 3.0 * (0.93 * 0.07 / n).sqrt()
    }
}

/// The rows of all data sets together.
fn merged(all: Vec<BTreeMap<String, Counted>>) -> BTreeMap<String, Counted> {
    let mut sum: BTreeMap<String, Counted> = BTreeMap::new();
    for (key, count) in all.into_iter().flatten() {
        sum.entry(key).or_default().merge(&count);
    }
    sum
}

/// Prints a row of a Markdown table, and returns what has no note and covers too little.
fn print_row(name: &str, found: &BTreeMap<String, Counted>, columns: &[&str]) -> Vec<String> {
    let cell = |column: &&str| found.get(*column).map_or("–".to_owned(), Counted::cell);
    println!("| {name} | {} |", columns.iter().map(cell).collect::<Vec<_>>().join(" | "));
    let short = found.iter().filter(|(_, count)| !count.is_honest());
    short
        .map(|(key, count)| {
            format!("{name}: {key} covers {} of {}, with {} notes", count.held, count.given, count.noted)
        })
        .collect()
}

fn print_head(first: &str, columns: &[&str]) {
    println!("| {first} | {} |\n|---|{}", columns.join(" | "), "---:|".repeat(columns.len()));
}

fn key(row: &SummaryRow) -> String {
    format!("{}{}", row.score.name(), row.class.as_ref().map_or(String::new(), |class| format!(":{class}")))
}

fn wanted(row: &SummaryRow) -> bool {
    row.versus.is_none() && row.class.as_deref().is_none_or(|class| class == "c1")
}

/// Coverage of the rows of a scenario.
fn coverage(scenario: &Scenario, draws: usize, resamples: usize, scores: &[Score]) -> BTreeMap<String, Counted> {
    let plain = Settings { resamples: 0, posterior_draws: 0, scores: Some(scores.to_vec()), ..Settings::default() };
    let settings = Settings { resamples, ..plain.clone() };
    let large = scenario.draw(400_000, 12345);
    let large = Predictions { groups: vec![String::new(); large.len()], ..large };
    let truth: BTreeMap<String, f64> = summary(&large, &plain)
        .unwrap()
        .rows
        .iter()
        .filter(|row| wanted(row))
        .filter_map(|row| Some((key(row), row.value?)))
        .collect();
    let counts = (0..draws as u64).into_par_iter().map(|seed| {
        let predictions = scenario.draw(scenario.n, seed);
        let table = summary(&predictions, &Settings { seed, ..settings.clone() }).unwrap();
        let mut counts: BTreeMap<String, Counted> = BTreeMap::new();
        for row in table.rows.iter().filter(|row| wanted(row)) {
            let truth = truth.get(&key(row));
            let holds = row.interval().zip(truth).map(|(interval, truth)| interval.contains(*truth));
            counts.entry(key(row)).or_default().add(holds, !row.notes.is_empty() || row.value.is_none());
        }
        counts
    });
    merged(counts.collect())
}

fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |name: &str, prevalence: Vec<f64>, lift: f64, cluster: usize, icc: f64, sizes: &[usize]| {
        for &n in sizes {
            all.push(Scenario {
                name: format!("{name}, n = {n}"),
                prevalence: prevalence.clone(),
                lift,
                n,
                cluster,
                icc,
            });
        }
    };
    for prevalence in [0.5, 0.3, 0.1, 0.02] {
        add(
            &format!("K = 2, prevalence {prevalence}"),
            vec![1.0 - prevalence, prevalence],
            2.0,
            1,
            0.0,
            &[30, 100, 200, 2000],
        );
    }
    add("K = 2, AUC 0.97", vec![0.5; 2], 2.66, 1, 0.0, &[30, 100, 200]);
    add("K = 3", vec![1.0 / 3.0; 3], 1.5, 1, 0.0, &[30, 60, 200, 2000]);
    add("K = 3, 0.6/0.3/0.1", vec![0.6, 0.3, 0.1], 1.5, 1, 0.0, &[30, 100, 200, 2000]);
    add("K = 10", vec![0.1; 10], 2.5, 1, 0.0, &[30, 100, 200, 2000]);
    add("K = 2, perfect", vec![0.5; 2], 60.0, 1, 0.0, &[30, 200, 2000]);
    add("K = 3, perfect", vec![1.0 / 3.0; 3], 60.0, 1, 0.0, &[30, 200, 2000]);
    add("K = 3, nearly perfect", vec![1.0 / 3.0; 3], 5.0, 1, 0.0, &[60, 200]);
    for patients in [10, 25, 50, 200] {
        add(&format!("K = 2, {patients} patients of 4"), vec![0.5; 2], 2.0, 4, 0.7, &[4 * patients]);
    }
    add("K = 3, 50 patients of 4", vec![1.0 / 3.0; 3], 1.5, 4, 0.7, &[200]);
    all
}

/// Trainings of one method on the same samples: what the samples do to all alike, what a training adds, and the rest.
fn trainings(n: usize, count: usize, deviation: f64, lift: f64, seed: u64, data: u64) -> Vec<Predictions> {
    let mut of_data = stream(data, &[9003]);
    let shared: Vec<(usize, f64)> =
        (0..n).map(|_| (usize::from(of_data.random::<f64>() < 0.5), of_data.sample(StandardNormal))).collect();
    (0..count)
        .map(|training| {
            let mut rng = stream(seed, &[9004, training as u64]);
            let mut normal = move || -> f64 { rng.sample(StandardNormal) };
            let lift = lift + deviation * normal();
            let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
            for (sample, (label, noise)) in shared.iter().enumerate() {
                let side = if *label == 1 { 1.0 } else { -1.0 };
                let logit = side * lift + 0.6_f64.sqrt() * noise + 0.4_f64.sqrt() * normal();
                let ill = 1.0 / (1.0 + (-2.0 * logit).exp());
                predictions.push(&sample.to_string(), "", "test", &[*label], &[1.0 - ill, ill]);
            }
            predictions
        })
        .collect()
}

#[test]
#[ignore = "minutes: draws thousands of data sets"]
fn coverage_over_trainings() {
    let draws = draws();
    let scores = vec![Score::Accuracy, Score::F1, Score::Auc, Score::BrierLoss];
    let settings =
        Settings { resamples: 200, posterior_draws: 0, scores: Some(scores), by_class: false, ..Settings::default() };
    for (n, deviation) in [(200, 0.2), (200, 0.0), (1000, 0.2)] {
        let truth: Vec<f64> = {
            let found: Vec<Vec<f64>> = (0..400_u64)
                .into_par_iter()
                .map(|seed| {
                    let one = trainings(4000, 1, deviation, 1.0, seed, seed + 1_000_000).remove(0);
                    let quick = Settings { resamples: 0, ..settings.clone() };
                    summary(&one, &quick).unwrap().rows.iter().map(|row| row.value.unwrap()).collect()
                })
                .collect();
            (0..found[0].len()).map(|score| found.iter().map(|row| row[score]).sum::<f64>() / 400.0).collect()
        };
        for count in [1, 2, 3, 5, 10] {
            let held: Vec<Vec<(bool, f64)>> = (0..draws as u64 / 4)
                .into_par_iter()
                .map(|seed| {
                    let drawn = trainings(n, count, deviation, 1.0, seed, seed);
                    let named: Vec<(&str, &Predictions)> = drawn.iter().map(|it| ("seed", it)).collect();
                    let rows = over_trainings(&named, &Settings { seed, ..settings.clone() }).unwrap();
                    let holds = |(row, truth): (&TrainingsRow, &f64)| {
                        row.interval.map_or((false, f64::NAN), |it| (it.contains(*truth), it.width()))
                    };
                    rows.iter().zip(&truth).map(holds).collect()
                })
                .collect();
            let shares: Vec<String> = (0..truth.len())
                .map(|score| {
                    let share = held.iter().filter(|row| row[score].0).count() as f64 / held.len() as f64;
                    let width = held.iter().map(|row| row[score].1).sum::<f64>() / held.len() as f64;
                    format!("{:.1} ({width:.3})", 100.0 * share)
                })
                .collect();
            println!(
                "n = {n}, deviation {deviation}, {count} trainings: accuracy, F1, AUC, Brier {}",
                shares.join("  ")
            );
            // And the size of the test of two methods that are the same.
            if count > 1 {
                let p_values: Vec<Vec<f64>> = (0..draws as u64 / 4)
                    .into_par_iter()
                    .map(|seed| {
                        let (one, other) = (
                            trainings(n, count, deviation, 1.0, 2 * seed, seed),
                            trainings(n, count, deviation, 1.0, 2 * seed + 1, seed),
                        );
                        let [one, other] = [&one, &other]
                            .map(|it| it.iter().map(|it| ("seed", it)).collect::<Vec<(&str, &Predictions)>>());
                        let rows = differences_over_trainings(&one, &other, &settings).unwrap();
                        rows.iter().map(|row| row.p_value.unwrap_or(1.0)).collect()
                    })
                    .collect();
                let sizes: Vec<String> = (0..truth.len())
                    .map(|score| {
                        let wrong = p_values.iter().filter(|row| row[score] < 0.05).count();
                        format!("{:.1}", 100.0 * wrong as f64 / p_values.len() as f64)
                    })
                    .collect();
                println!("    two such methods differ at 5 % in {} % of studies", sizes.join(", "));
            }
        }
    }
}

#[test]
#[ignore = "minutes: draws thousands of data sets"]
fn sizes_of_the_tests_between_two_models() {
    let draws = draws();
    let scores: Vec<Score> = Score::ALL.into_iter().filter(|it| *it != Score::BackgroundShare).collect();
    let columns = [
        ("accuracy", "mcnemar_mid_p"),
        ("f1", "paired_bootstrap"),
        ("recall:ill", "mcnemar_mid_p"),
        ("auc", "delong"),
        ("average_precision", "paired_bootstrap"),
        ("brier_loss", "paired_bootstrap"),
    ];
    print_head("samples", &columns.map(|(score, _)| score));
    for (n, lift) in [(30, 1.0), (100, 1.0), (100, 1.7), (200, 1.0), (200, 1.7), (1000, 1.0)] {
        let settings =
            Settings { resamples: 500, posterior_draws: 0, scores: Some(scores.clone()), ..Settings::default() };
        let sizes: Vec<BTreeMap<String, (usize, usize)>> = (0..draws as u64 / 4)
            .into_par_iter()
            .map(|seed| {
                let two = trainings(n, 2, 0.0, lift, seed, seed);
                let table =
                    compare(&[("one", &two[0]), ("other", &two[1])], &Settings { seed, ..settings.clone() }).unwrap();
                let mut counts = BTreeMap::new();
                for row in table.rows.iter().filter(|row| row.class.as_deref().is_none_or(|class| class == "ill")) {
                    for test in &row.tests {
                        let name = serde_json::to_value(test.method).unwrap().as_str().unwrap().to_owned();
                        let class = row.class.as_ref().map_or(String::new(), |class| format!(":{class}"));
                        counts.insert(
                            format!("{}{class} {name}", row.score.name()),
                            (1, usize::from(test.p_value < 0.05)),
                        );
                    }
                    if let Some(interval) = row.intervals.first() {
                        let class = row.class.as_ref().map_or(String::new(), |class| format!(":{class}"));
                        counts.insert(
                            format!("{}{class} interval without 0", row.score.name()),
                            (1, usize::from(!interval.contains(0.0))),
                        );
                    }
                }
                counts
            })
            .collect();
        let mut all: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (name, (given, wrong)) in sizes.into_iter().flatten() {
            let sum = all.entry(name).or_default();
            *sum = (sum.0 + given, sum.1 + wrong);
        }
        let cell = |name: &str| {
            all.get(name)
                .map_or("–".to_owned(), |(given, wrong)| format!("{:.1}", 100.0 * *wrong as f64 / *given as f64))
        };
        let row = columns.iter().map(|(score, test)| {
            format!("{} ({})", cell(&format!("{score} {test}")), cell(&format!("{score} interval without 0")))
        });
        println!("| {n}, lift {lift} | {} |", row.collect::<Vec<_>>().join(" | "));
        for (score, test) in columns {
            for what in [format!("{score} {test}"), format!("{score} interval without 0")] {
                let (given, wrong) = all[&what];
                let most = 0.05 + 3.0 * (0.05 * 0.95 / given as f64).sqrt() + 0.02;
                assert!(wrong as f64 <= most * given as f64, "{what} at n = {n}: {wrong} of {given}");
            }
        }
    }
}

fn draws() -> usize {
    std::env::var("ISNET_COVERAGE").ok().and_then(|it| it.parse().ok()).unwrap_or(400)
}

#[test]
#[ignore = "minutes: draws thousands of data sets"]
fn coverage_of_every_printed_interval() {
    let draws = draws();
    let only = std::env::var("ISNET_COVERAGE_ONLY").unwrap_or_default();
    let closed: Vec<Score> =
        Score::ALL.into_iter().filter(|score| score.is_counted() || *score == Score::Auc).collect();
    let resampled = [Score::AveragePrecision, Score::BrierLoss, Score::BackgroundShare];
    let columns = [
        "accuracy",
        "recall",
        "precision",
        "f1",
        "recall:c1",
        "precision:c1",
        "specificity:c1",
        "f1:c1",
        "auc",
        "average_precision",
        "brier_loss",
        "background_share",
    ];
    print_head("samples", &columns);
    let mut short = Vec::new();
    for scenario in scenarios().into_iter().filter(|it| it.name.contains(&only)) {
        let mut found = coverage(&scenario, draws, 0, &closed);
        if std::env::var_os("ISNET_COVERAGE_RESAMPLED").is_some() {
            found.extend(coverage(&scenario, draws / 4, 1000, &resampled));
        }
        short.extend(print_row(&scenario.name, &found, &columns));
    }
    assert!(short.is_empty(), "{}", short.join("\n"));
}

/// Figures at a threshold of ½, of class 1 against the rest.
fn figures_at_one_half(predictions: &Predictions, resamples: usize) -> Vec<(&'static str, Estimate)> {
    let settings = OperatingSettings { prevalences: vec![0.05], ..OperatingSettings::default() };
    let point = operating_point(predictions, 1, 0.5, &settings).unwrap();
    let mut found = vec![
        ("sensitivity", point.sensitivity),
        ("specificity", point.specificity),
        ("PPV", point.ppv),
        ("NPV", point.npv),
        ("accuracy", point.accuracy),
        ("LR+", point.positive_likelihood_ratio),
        ("LR−", point.negative_likelihood_ratio),
        ("odds ratio", point.diagnostic_odds_ratio),
        ("PPV at 5 %", point.at_prevalence[0].ppv.clone()),
        ("NPV at 5 %", point.at_prevalence[0].npv.clone()),
    ];
    if resamples > 0 {
        let curve = decision_curve(predictions, 1, &Settings { resamples, ..Settings::default() }).unwrap();
        let at = &curve.points[19];
        let note = (!curve.notes.is_empty()).then(|| curve.notes.join("; "));
        found.push(("net benefit at 0.2", Estimate { interval: at.interval, note, ..Estimate::of(at.net_benefit) }));
    }
    found
}

#[test]
#[ignore = "minutes: draws thousands of data sets"]
fn coverage_of_figures_for_clinical_use() {
    let draws = draws();
    let columns = [
        "sensitivity",
        "specificity",
        "PPV",
        "NPV",
        "accuracy",
        "LR+",
        "LR−",
        "odds ratio",
        "PPV at 5 %",
        "NPV at 5 %",
        "net benefit at 0.2",
    ];
    print_head("samples", &columns);
    let mut short = Vec::new();
    for scenario in scenarios().into_iter().filter(|it| it.name.starts_with("K = 2")) {
        let large = scenario.draw(400_000, 12345);
        let large = Predictions { groups: vec![String::new(); large.len()], ..large };
        let truth: BTreeMap<&str, f64> = figures_at_one_half(&large, 0)
            .into_iter()
            .chain([("net benefit at 0.2", Estimate::of(net_benefit_at_20(&large)))])
            .filter_map(|(name, found)| Some((name, found.value?)))
            .collect();
        let counts = (0..draws as u64).into_par_iter().map(|seed| {
            let resamples = if seed % 4 == 0 { 500 } else { 0 };
            let mut counts: BTreeMap<String, Counted> = BTreeMap::new();
            for (name, found) in figures_at_one_half(&scenario.draw(scenario.n, seed), resamples) {
                let holds = found.interval.zip(truth.get(name)).map(|(interval, truth)| interval.contains(*truth));
                counts.entry(name.to_owned()).or_default().add(holds, found.note.is_some());
            }
            counts
        });
        short.extend(print_row(&scenario.name, &merged(counts.collect()), &columns));
    }
    assert!(short.is_empty(), "{}", short.join("\n"));
}

fn net_benefit_at_20(predictions: &Predictions) -> f64 {
    decision_curve(predictions, 1, &Settings { resamples: 0, ..Settings::default() }).unwrap().points[19].net_benefit
}

/// How often a test says that two or four subgroups differ that do not.
#[test]
#[ignore = "minutes: draws thousands of data sets"]
fn sizes_of_the_tests_between_subgroups() {
    let draws = draws() as u64;
    println!("| samples | levels | sensitivity | specificity | accuracy | AUC | any, after Holm |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for scenario in scenarios().into_iter().filter(|it| it.name.starts_with("K = 2") && it.n >= 100 && it.lift < 10.0) {
        for levels in [2, 4] {
            let found = (0..draws).into_par_iter().map(|seed| {
                let predictions = scenario.draw(scenario.n, seed);
                // All samples of a patient are in one subgroup.
                let level = |sample: usize| format!("level {}", sample / scenario.cluster % levels);
                let values: Vec<String> = (0..predictions.len()).map(level).collect();
                let found = subgroups(&predictions, ("level", &values), &SubgroupSettings::new(1, 0.5)).unwrap();
                found.scores.iter().map(|it| it.heterogeneity.map(|test| test.p_value)).collect::<Vec<_>>()
            });
            let found: Vec<Vec<Option<f64>>> = found.collect();
            let size = |score: usize| {
                let p_values: Vec<f64> = found.iter().filter_map(|row| row[score]).collect();
                let wrong = p_values.iter().filter(|p| **p < 0.05).count();
                if p_values.is_empty() { f64::NAN } else { 100.0 * wrong as f64 / p_values.len() as f64 }
            };
            let any = found.iter().filter(|row| {
                let known: Vec<f64> = row.iter().copied().flatten().collect();
                holm(&known).iter().any(|p| *p < 0.05)
            });
            let any = 100.0 * any.count() as f64 / found.len() as f64;
            let sizes = [0, 1, 2, 3].map(|score| format!("{:.1}", size(score))).join(" | ");
            println!("| {} | {levels} | {sizes} | {any:.1} |", scenario.name);
            assert!(
                any <= 5.0 + 300.0 * (0.05 * 0.95 / draws as f64).sqrt() + 1.0,
                "{} {levels}: {any}",
                scenario.name
            );
        }
    }
}
