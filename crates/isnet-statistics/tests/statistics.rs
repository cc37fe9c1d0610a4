//! The same numbers as scikit-learn, SciPy, statsmodels and a plain DeLong.
//!
//! `golden/make_statistics.py` made `golden/statistics.json`; both sides make the samples by one formula
//! ([`unit`]), so that also 100,000 rows need no file.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Instant;

use isnet_statistics::{
    DeLong, Interval, IntervalMethod, Replicates, Resampling, Score, Settings, Summary, SummaryRow, TestMethod,
    bca_interval, choose_thresholds, compare, figures, holm, newcombe, percentile_interval, precision_recall_curve,
    reliability, roc_curve, summary,
};
use isnet_statistics::{Predictions, Task, metrics::scores};
use serde_json::Value;

const BINS: usize = 15;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/statistics.json")).unwrap()
}

fn close(got: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: got {got}, expected nothing"));
    assert!((got - expected).abs() < 1e-6, "{what}: got {got}, expected {expected}");
}

fn close_bounds(got: &Interval, expected: &Value, tolerance: f64, what: &str) {
    for (got, expected) in [got.low, got.high].into_iter().zip(expected.as_array().unwrap()) {
        let expected = expected.as_f64().unwrap();
        assert!((got - expected).abs() < tolerance, "{what}: got {got}, expected {expected}");
    }
}

/// A number below 2³² from an address of whole numbers.
fn unit(address: &[usize]) -> usize {
    let mut state = 0_u32;
    for &part in address {
        state = state.wrapping_add(part as u32);
        for _ in 0..2 {
            state = (state ^ (state >> 16)).wrapping_mul(0x045D_9F3B);
        }
        state ^= state >> 16;
    }
    state as usize
}

/// `[salt, n, n_classes, levels, n_labels]` of a case.
fn arguments(case: &Value) -> [usize; 5] {
    let numbers: Vec<usize> =
        case["arguments"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    numbers.try_into().unwrap()
}

/// Labels below `n_labels`, and probabilities made of `levels` steps.
fn single([salt, n, n_classes, levels, n_labels]: [usize; 5], model: usize) -> Predictions {
    let names: Vec<String> = (0..n_classes).map(|class_idx| class_idx.to_string()).collect();
    let mut predictions = Predictions::new(names, Task::Single);
    for sample in 0..n {
        let label = unit(&[salt, 1, sample]) % n_labels;
        let raw = |class_idx| {
            1 + unit(&[salt, 2 + model, sample, class_idx]) % levels + if class_idx == label { levels / 2 } else { 0 }
        };
        let raws: Vec<usize> = (0..n_classes).map(raw).collect();
        let sum: usize = raws.iter().sum();
        let row: Vec<f64> = raws.iter().map(|&raw| f64::from((raw as f64 / sum as f64) as f32)).collect();
        predictions.push(&sample.to_string(), "web", "test", &[label], &row);
    }
    predictions
}

/// Label k holds with chance 1/(k + 2), never from `n_labels` on; probabilities are steps of 1/levels.
fn multi([salt, n, n_classes, levels, n_labels]: [usize; 5]) -> Predictions {
    let names: Vec<String> = (0..n_classes).map(|class_idx| class_idx.to_string()).collect();
    let mut predictions = Predictions::new(names, Task::Multi);
    for sample in 0..n {
        let holds = |k: &usize| unit(&[salt, 1, sample, *k]).is_multiple_of(k + 2) && *k < n_labels;
        let labels: Vec<usize> = (0..n_classes).filter(holds).collect();
        let step = |k: usize| {
            let lift = if labels.contains(&k) { levels / 3 } else { 0 };
            levels.min(unit(&[salt, 2, sample, k]) % levels + lift)
        };
        let row: Vec<f64> = (0..n_classes).map(|k| f64::from((step(k) as f64 / levels as f64) as f32)).collect();
        predictions.push(&sample.to_string(), "web", "test", &labels, &row);
    }
    predictions
}

fn predictions_of(case: &Value) -> Predictions {
    if case["task"] == "single" { single(arguments(case), 0) } else { multi(arguments(case)) }
}

/// Scores alone, without intervals.
fn quick() -> Settings {
    Settings { resamples: 0, posterior_draws: 0, ..Settings::default() }
}

/// The row of `f1`, `f1:0` or `pairwise_auc:0-1`.
fn row<'a>(table: &'a Summary, name: &str) -> &'a SummaryRow {
    let (score, of) = name.split_once(':').map_or((name, None), |(score, of)| (score, Some(of)));
    let (class, versus) = match of.and_then(|of| of.split_once('-')) {
        Some((class, versus)) => (Some(class), Some(versus)),
        None => (of, None),
    };
    let is_it = |row: &&SummaryRow| {
        row.score.name() == score && row.class.as_deref() == class && row.versus.as_deref() == versus
    };
    table.rows.iter().find(is_it).unwrap_or_else(|| panic!("no row `{name}`"))
}

fn check_scores(table: &Summary, expected: &Value, what: &str) {
    let expected = expected.as_object().unwrap();
    for (name, expected) in expected {
        let row = row(table, name);
        match row.value {
            Some(value) => close(value, expected, &format!("{what} {name}")),
            None => {
                assert!(expected.is_null(), "{what} {name}: expected {expected}, got none: {:?}", row.reason);
                assert!(row.reason.as_ref().is_some_and(|reason| !reason.is_empty()), "{what} {name}");
            }
        }
    }
    // The relevance on the background is the one score that scikit-learn does not know.
    assert_eq!(table.rows.len(), expected.len() + 1, "{what}");
}

#[test]
fn scores_agree_on_random_tied_missing_single_and_many_samples() {
    let golden = golden();
    for (name, case) in golden["cases"].as_object().unwrap() {
        let predictions = predictions_of(case);
        check_scores(&summary(&predictions, &quick()).unwrap(), &case["scores"], name);
        let figures = &figures(&predictions, &quick()).unwrap()[0];
        let confusion = match &figures.confusion {
            Some(confusion) => serde_json::to_value(confusion).unwrap(),
            None => figures.classes.iter().map(|class| serde_json::to_value(class.confusion).unwrap()).collect(),
        };
        assert_eq!(confusion, case["confusion"], "{name}");
    }
}

#[test]
fn thresholds_and_scores_at_them_agree() {
    let golden = golden();
    for (name, case) in golden["cases"].as_object().unwrap().iter().filter(|(_, case)| !case["thresholds"].is_null()) {
        let mut predictions = predictions_of(case);
        let chosen = choose_thresholds(&predictions).unwrap();
        for (chosen, expected) in chosen.iter().zip(case["thresholds"].as_array().unwrap()) {
            close(chosen.threshold, &expected[0], name);
            match chosen.f1 {
                Some(f1) => close(f1, &expected[1], name),
                None => assert!(expected[1].is_null() && chosen.reason.is_some(), "{name}"),
            }
        }
        predictions.thresholds = chosen.iter().map(|chosen| chosen.threshold).collect();
        check_scores(&summary(&predictions, &quick()).unwrap(), &case["scores_at_thresholds"], name);
    }
}

#[test]
fn the_scores_are_those_of_the_metrics() {
    let golden = golden();
    for (name, case) in golden["cases"].as_object().unwrap() {
        let predictions = predictions_of(case);
        let (table, plain) = (summary(&predictions, &quick()).unwrap(), scores(&predictions).unwrap());
        let value = |score| row(&table, score).value;
        assert_eq!(value("accuracy"), Some(plain.accuracy), "{name}");
        assert_eq!(value("balanced_accuracy"), Some(plain.balanced_accuracy), "{name}");
        assert_eq!(value("f1").unwrap_or(0.0), plain.macro_f1, "{name}");
        assert_eq!(value("auc"), plain.macro_auc, "{name}");
    }
}

#[test]
fn curves_and_reliability_diagrams_agree() {
    for case in golden()["curves"].as_array().unwrap() {
        let predictions = single(arguments(case), 0);
        let truth: Vec<bool> = predictions.labels.iter().map(|labels| labels[0] == 0).collect();
        let probabilities: Vec<f64> = predictions.probabilities.iter().map(|row| row[0]).collect();
        let curves = [
            ("roc", roc_curve(&probabilities, &truth).unwrap()),
            ("precision_recall", precision_recall_curve(&probabilities, &truth).unwrap()),
        ];
        for (name, curve) in curves {
            let expected = case[name].as_array().unwrap();
            assert_eq!(curve.len(), expected.len(), "{name}");
            for (point, expected) in curve.iter().zip(expected) {
                close(point.x, &expected[0], name);
                close(point.y, &expected[1], name);
                assert_eq!(point.threshold, expected[2].as_f64(), "{name}");
            }
        }
        let diagram = reliability(&probabilities, &truth, BINS).unwrap();
        let filled: Vec<_> = diagram.bins.iter().filter(|bin| bin.n > 0).collect();
        let expected = case["reliability"].as_array().unwrap();
        assert_eq!(filled.len(), expected.len());
        for (bin, expected) in filled.iter().zip(expected) {
            close(bin.mean_probability.unwrap(), &expected[0], "mean probability");
            close(bin.share_true.unwrap(), &expected[1], "share");
        }
    }
}

#[test]
fn delong_and_mcnemar_agree() {
    let golden = golden();
    for (name, expected) in golden["paired"].as_object().unwrap() {
        let arguments = arguments(&golden["cases"][name]);
        let (first, second) = (single(arguments, 0), single(arguments, 100));
        let settings = Settings { resamples: 0, ..Settings::default() };
        let table = compare(&[("first", &first), ("second", &second)], &settings).unwrap();
        for (class_idx, expected) in expected["delong"].as_array().unwrap().iter().enumerate() {
            let what = format!("{name} {class_idx}");
            let area = |predictions: &Predictions| {
                let truth: Vec<bool> = predictions.labels.iter().map(|labels| labels[0] == class_idx).collect();
                let scores: Vec<f64> = predictions.probabilities.iter().map(|row| row[class_idx]).collect();
                DeLong::new(&scores, &truth).unwrap()
            };
            let areas = [area(&first), area(&second)];
            for (row, one) in areas.iter().enumerate() {
                close(one.auc, &expected["auc"][row], &what);
                close_bounds(&one.interval(0.95).unwrap(), &expected["interval"][row], 1e-6, &what);
                close_bounds(&one.logit_interval(0.95).unwrap(), &expected["logit_interval"][row], 1e-6, &what);
                for (column, other) in areas.iter().enumerate() {
                    let covariance = expected["covariance"][row][column].as_f64().unwrap();
                    // Of 100,000 rows it is about 1e-6, so it is held to parts of itself.
                    assert!((one.covariance(other) / covariance - 1.0).abs() < 1e-6, "{what}");
                }
            }
            let class = class_idx.to_string();
            let row =
                table.rows.iter().find(|row| row.score == Score::Auc && row.class.as_ref() == Some(&class)).unwrap();
            close(row.difference.unwrap(), &expected["difference"], &what);
            close_bounds(&row.intervals[0], &expected["difference_interval"], 1e-6, &what);
            assert_eq!(row.tests[0].method, TestMethod::Delong);
            close(row.tests[0].p_value, &expected["p_value"], &what);
        }
        let macro_auc = summary(&first, &settings).unwrap();
        let interval = macro_auc.find("test", None, Score::Auc, None).unwrap();
        let interval = interval.intervals.iter().find(|it| it.method == IntervalMethod::Delong).unwrap();
        let error = expected["macro_variance"].as_f64().unwrap().sqrt();
        close(interval.width() / 2.0, &Value::from(1.959_963_984_540_054 * error), name);

        let accuracy = table.rows.iter().find(|row| row.score == Score::Accuracy).unwrap();
        close(accuracy.tests[1].p_value, &expected["mcnemar"]["p_exact"], name);
        close(accuracy.tests[0].p_value, &expected["mcnemar"]["p_mid"], name);
    }
}

#[test]
fn newcombe_and_holm_agree() {
    let golden = golden();
    for case in golden["newcombe"].as_array().unwrap() {
        let interval = newcombe(
            case[0].as_f64().unwrap(),
            case[1].as_u64().unwrap() as usize,
            case[2].as_u64().unwrap() as usize,
            0.95,
        );
        close(interval.low, &case[3], "low");
        close(interval.high, &case[4], "high");
    }
    let numbers = |value: &Value| value.as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect::<Vec<_>>();
    for (got, expected) in holm(&numbers(&golden["holm"][0])).into_iter().zip(numbers(&golden["holm"][1])) {
        close(got, &Value::from(expected), "holm");
    }
}

fn three_scores(predictions: &Predictions) -> [f64; 3] {
    let found = scores(predictions).unwrap();
    [found.accuracy, found.macro_f1, found.macro_auc.unwrap()]
}

/// Resamples drawn by the formula on both sides, so that SciPy's intervals hold to all digits.
#[test]
fn bootstrap_intervals_of_given_resamples_are_those_of_scipy() {
    let predictions = single([21, 60, 3, 1000, 3], 0);
    let n = predictions.len();
    let drawn = |resample: usize| (0..n).map(move |draw| unit(&[22, resample, draw]) % n).collect::<Vec<_>>();
    let replicates: Vec<[f64; 3]> =
        (0..400).map(|resample| three_scores(&predictions.select(&drawn(resample)))).collect();
    let without = |out: usize| (0..n).filter(|&sample| sample != out).collect::<Vec<_>>();
    let jackknife: Vec<[f64; 3]> = (0..n).map(|out| three_scores(&predictions.select(&without(out)))).collect();
    let values = three_scores(&predictions);
    for (idx, name) in ["accuracy", "f1", "auc"].into_iter().enumerate() {
        let expected = &golden()["given_bootstrap"][name];
        let column = |rows: &[[f64; 3]]| rows.iter().map(|row| row[idx]).collect::<Vec<_>>();
        let percentile = percentile_interval(&column(&replicates), 0.95).unwrap();
        close_bounds(&percentile, &expected["percentile"], 1e-6, name);
        let bca = bca_interval(values[idx], &column(&replicates), &column(&jackknife), 0.95).unwrap();
        close_bounds(&bca, &expected["bca"], 1e-6, name);
    }
}

fn interval_of(row: &SummaryRow, method: IntervalMethod) -> Interval {
    *row.intervals.iter().find(|interval| interval.method == method).unwrap()
}

/// Two bounds of 4000 resamples differ by Monte-Carlo error: about 0.002 where a score has a deviation of 0.03.
#[test]
fn bootstrap_intervals_agree_within_monte_carlo_error_by_sample_and_by_group() {
    let mut predictions = single([23, 240, 3, 1000, 3], 0);
    let patients = (0..240).map(|sample| format!("patient {}", sample / 6)).collect();
    for (key, groups) in [("by_sample", vec![String::new(); 240]), ("by_group", patients)] {
        predictions.groups = groups;
        let settings = Settings { resamples: 4000, by_class: false, ..Settings::default() };
        let table = summary(&predictions, &settings).unwrap();
        for name in ["accuracy", "f1", "auc"] {
            let percentile = interval_of(row(&table, name), IntervalMethod::BootstrapPercentile);
            close_bounds(&percentile, &golden()["drawn_bootstrap"][key][name], 0.006, &format!("{key} {name}"));
        }
    }
}

#[test]
fn posterior_intervals_agree_within_monte_carlo_error() {
    let predictions = single([24, 90, 3, 1000, 3], 0);
    let table =
        summary(&predictions, &Settings { resamples: 0, posterior_draws: 40_000, ..Settings::default() }).unwrap();
    for (name, expected) in golden()["posterior"].as_object().unwrap() {
        let interval = interval_of(row(&table, name), IntervalMethod::PosteriorHdi);
        close_bounds(&interval, expected, 0.006, name);
    }
}

/// The interval of 100,000 rows costs one sort; the limit of a second holds without optimisation too.
#[test]
fn delong_of_100_000_rows_takes_less_than_a_second() {
    let predictions = single([7, 100_000, 3, 1000, 3], 0);
    let truth: Vec<bool> = predictions.labels.iter().map(|labels| labels[0] == 0).collect();
    let column = |class_idx: usize| predictions.probabilities.iter().map(|row| row[class_idx]).collect::<Vec<f64>>();
    let (first, second) = (column(0), column(1));
    let started = Instant::now();
    let difference = DeLong::new(&first, &truth).unwrap().difference(&DeLong::new(&second, &truth).unwrap());
    let elapsed = started.elapsed();
    assert!(difference.p_value.unwrap() < 1e-100);
    assert!(elapsed.as_millis() < 1000, "{elapsed:?}");
}

/// 100,000 predictions × 1,000 resamples of all scores.
#[test]
#[ignore = "measures time: cargo test --release -p isnet-eval --test statistics -- --ignored --nocapture"]
fn a_thousand_resamples_of_100_000_rows_take_less_than_20_seconds() {
    let mut predictions = single([7, 100_000, 3, 1000, 3], 0);
    for (sample, source) in predictions.sources.iter_mut().enumerate() {
        *source = format!("hospital {}", sample % 2);
    }
    let started = Instant::now();
    Replicates::draw(&Resampling::by_sample(100_000), 1000, 1, |_| Vec::new());
    println!("drawing alone took {:?}", started.elapsed());
    for (what, by_source) in [("the split", false), ("the split and two sources", true)] {
        let started = Instant::now();
        let table = summary(&predictions, &Settings { by_source, ..Settings::default() }).unwrap();
        let elapsed = started.elapsed();
        println!("{} scores of {what} took {elapsed:?}", table.rows.len());
        assert!(elapsed.as_secs() < 20, "{elapsed:?}");
    }
}
