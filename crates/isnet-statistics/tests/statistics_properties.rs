//! What holds for intervals and tests whatever the numbers are, and what is said about too few samples and bad input.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use isnet_data::rng::stream;
use isnet_statistics::StatisticsError;
use isnet_statistics::{
    Comparison, DeLong, IntervalMethod, Score, Settings, Standing, Summary, SummaryRow, TestMethod, compare, figures,
    summary,
};
use isnet_statistics::{Predictions, Task};
use rand::Rng;

const CLASSES: [&str; 3] = ["normal", "covid", "tuberculosis"];

/// Samples of a model that gives the true class a lift; the same samples for every lift and seed of the model.
fn predictions(n: usize, lift: f64, seed: u64) -> Predictions {
    let mut predictions = Predictions::new(CLASSES, Task::Single);
    for sample in 0..n {
        let mut rng = stream(seed, &[sample as u64]);
        let label = (sample * 7 + sample / 5) % 3;
        let mut row: Vec<f64> = (0..3).map(|_| rng.random::<f64>() + 0.01).collect();
        row[label] += lift;
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|value| *value /= sum);
        let source = ["leeds", "quebec"][sample / 2 % 2];
        predictions.push(&format!("{sample}.png"), source, "test", &[label], &row);
    }
    predictions
}

fn fast() -> Settings {
    Settings { resamples: 300, posterior_draws: 2000, ..Settings::default() }
}

fn whole(table: &Summary, score: Score) -> &SummaryRow {
    table.find("test", None, score, None).unwrap()
}

fn has_note(row: &SummaryRow, words: &str) -> bool {
    row.notes.iter().any(|note| note.contains(words))
}

#[test]
fn intervals_contain_their_value_and_narrow_with_more_samples() {
    let tables = [100, 1600].map(|n| summary(&predictions(n, 0.5, 1), &fast()).unwrap());
    let mut n_compared = 0;
    for (few, many) in tables[0].rows.iter().zip(&tables[1].rows).filter(|(few, _)| few.source.is_none()) {
        assert_eq!((few.score, &few.class), (many.score, &many.class));
        for interval in &few.intervals {
            // The posterior of a confusion matrix may leave out the value that its prior outweighs; it is never printed.
            if interval.method != IntervalMethod::PosteriorHdi {
                assert!(interval.contains(few.value.unwrap()), "{few:?}");
            }
        }
        if let (Some(interval), Some(narrow)) = (few.interval(), many.interval()) {
            assert!(narrow.width() < interval.width(), "{few:?} {many:?}");
            n_compared += 1;
        }
    }
    assert!(n_compared > 30, "{n_compared}");
}

/// Three classes of 20, all right: exact bounds of 60 of 60 are 0.940 and 1; the posterior with one pseudo-count per cell says 0.85 to 0.97.
#[test]
fn a_perfect_score_has_an_interval_that_holds_it_and_narrows() {
    let perfect = |n: usize| {
        let mut found = Predictions::new(["a", "b", "c"], Task::Single);
        for sample in 0..n {
            let mut row = vec![0.02; 3];
            row[sample % 3] = 0.96;
            found.push(&format!("{sample}.png"), "", "test", &[sample % 3], &row);
        }
        summary(&found, &fast()).unwrap()
    };
    let (few, many) = (perfect(60), perfect(2000));
    let accuracy = whole(&few, Score::Accuracy).interval().unwrap();
    assert!((accuracy.low - 0.940).abs() < 1e-3 && accuracy.high == 1.0, "{accuracy:?}");
    for row in few
        .rows
        .iter()
        .filter(|row| !matches!(row.score, Score::CalibrationError | Score::BrierLoss | Score::BackgroundShare))
    {
        let interval = row.interval().unwrap_or_else(|| panic!("{row:?}"));
        assert!(interval.contains(1.0) && interval.width() > 0.01 && !row.notes.is_empty(), "{row:?}");
        let narrow = many.find("test", None, row.score, row.class.as_deref()).filter(|_| row.versus.is_none());
        if let Some(narrow) = narrow {
            assert!(narrow.interval().unwrap().low > 0.99 && narrow.interval().unwrap().width() > 0.0, "{narrow:?}");
        }
    }
}

#[test]
fn a_calibration_error_has_no_interval_and_no_test() {
    let table = summary(&predictions(200, 0.5, 1), &fast()).unwrap();
    let row = whole(&table, Score::CalibrationError);
    assert!(row.value.is_some() && row.intervals.is_empty() && has_note(row, "too large by chance"), "{row:?}");
    let both = [predictions(200, 0.2, 1), predictions(200, 0.8, 2)];
    let table = compare(&[("one", &both[0]), ("other", &both[1])], &fast()).unwrap();
    let row = first_row(&table, Score::CalibrationError);
    assert!(row.tests.is_empty() && row.difference.is_some(), "{row:?}");
}

/// Seven equal models and one score: of seven tests some are small by chance, and none survives its correction.
#[test]
fn a_model_is_called_worse_only_where_the_corrected_test_says_so() {
    let models: Vec<Predictions> = (1..=8).map(|seed| predictions(150, 0.5, seed)).collect();
    let names: Vec<String> = (1..=8).map(|seed| format!("m{seed}")).collect();
    let named: Vec<(&str, &Predictions)> = names.iter().map(String::as_str).zip(&models).collect();
    let settings = Settings { by_class: false, by_source: false, ..fast() };
    let relabelled: Vec<Predictions> =
        models.iter().map(|it| Predictions { labels: models[0].labels.clone(), ..it.clone() }).collect();
    let relabelled: Vec<(&str, &Predictions)> = named.iter().map(|it| it.0).zip(&relabelled).collect();
    let table = compare(&relabelled, &settings).unwrap();
    for row in table.rows.iter().filter(|row| row.difference.is_some()) {
        let told = matches!(row.standing, Standing::Better | Standing::Worse);
        assert_eq!(told, row.p_adjusted.is_some_and(|p| p < 0.05), "{row:?}");
    }
}

#[test]
fn a_primary_question_makes_the_family_smaller_and_the_others_exploratory() {
    let (weak, strong) = (predictions(200, 0.4, 1), predictions(200, 0.55, 2));
    let strong = Predictions { labels: weak.labels.clone(), ..strong };
    let settings = Settings { by_class: false, by_source: false, margin: Some(0.9), ..fast() };
    let asked = Settings { primary: Some("auc:test".parse().unwrap()), ..settings.clone() };
    let [all, one] =
        [&settings, &asked].map(|settings| compare(&[("weak", &weak), ("strong", &strong)], settings).unwrap());
    let [of_all, of_one] = [&all, &one].map(|table| first_row(table, Score::Auc));
    assert_eq!((one.n_tests, of_one.p_adjusted), (1, Some(of_one.tests[0].p_value)));
    assert!(all.n_tests > 5 && of_all.p_adjusted >= of_one.p_adjusted);
    let exploratory = first_row(&one, Score::F1);
    assert_eq!((exploratory.p_adjusted, exploratory.standing), (None, Standing::NotTold));
    assert!(!exploratory.tests.is_empty());
    let missing = Settings { primary: Some("auc:tset".parse().unwrap()), ..settings };
    let error = compare(&[("weak", &weak), ("strong", &strong)], &missing).unwrap_err().to_string();
    assert!(error.contains("auc:tset"), "{error}");
}

/// Share of 1000 simulations whose interval holds `truth`.
fn coverage(truth: f64, interval: impl Fn(u64) -> Option<(f64, f64)>) -> f64 {
    let holds = |seed: &u64| interval(*seed).is_some_and(|(low, high)| (low..=high).contains(&truth));
    (0..1000).filter(holds).count() as f64 / 1000.0
}

fn assert_covers(got: f64, what: &str) {
    assert!((0.93..=0.97).contains(&got), "{what}: {got}");
}

/// Right and wrong calls of chance ¾; with `pairs`, a patient has two images that are right or wrong together.
fn accuracy_of_a_simulation(seed: u64, pairs: bool) -> SummaryRow {
    let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
    let mut rng = stream(seed, &[1]);
    let mut right = true;
    for sample in 0..180 {
        if !pairs || sample % 2 == 0 {
            right = rng.random_bool(0.75);
        }
        let ill = sample / 2 % 2 == 1;
        let called = if ill == right { [0.2, 0.8] } else { [0.8, 0.2] };
        predictions.push(&format!("{sample}"), "web", "test", &[usize::from(ill)], &called);
        if pairs {
            predictions.groups[sample] = format!("{}", sample / 2);
        }
    }
    let settings = Settings {
        resamples: 300,
        posterior_draws: 400,
        seed,
        scores: Some(vec![Score::Accuracy]),
        ..Settings::default()
    };
    whole(&summary(&predictions, &settings).unwrap(), Score::Accuracy).clone()
}

#[test]
fn intervals_of_an_accuracy_hold_the_truth_95_times_in_100() {
    use IntervalMethod::{BootstrapBca, BootstrapPercentile, PosteriorHdi};
    let covered = |rows: &[SummaryRow], method: IntervalMethod| {
        coverage(0.75, |seed| {
            let interval = rows[seed as usize].intervals.iter().find(|interval| interval.method == method)?;
            Some((interval.low, interval.high))
        })
    };
    let single: Vec<SummaryRow> = (0..1000).map(|seed| accuracy_of_a_simulation(seed, false)).collect();
    for method in [BootstrapPercentile, BootstrapBca, PosteriorHdi] {
        assert_covers(covered(&single, method), &format!("{method:?}"));
    }
    let pairs: Vec<SummaryRow> = (0..1000).map(|seed| accuracy_of_a_simulation(seed, true)).collect();
    assert_covers(covered(&pairs, BootstrapPercentile), "grouped");
    // To take each image for itself is what groups are there to prevent.
    let ignored = covered(&pairs, PosteriorHdi);
    assert!(ignored < 0.9, "{ignored}");
}

/// Scores are uniform on [0, 1] and on [0, 1] + ½: the positive one loses with chance ½·½², so the AUC is 7/8.
#[test]
fn intervals_of_an_area_hold_the_truth_95_times_in_100_and_its_test_is_wrong_5_times() {
    let draw = |seed: u64, model: u64| {
        let mut rng = stream(seed, &[model]);
        let truth: Vec<bool> = (0..160).map(|sample| sample % 2 == 0).collect();
        let scores: Vec<f64> =
            truth.iter().map(|&is_ill| rng.random::<f64>() + if is_ill { 0.5 } else { 0.0 }).collect();
        DeLong::new(&scores, &truth).unwrap()
    };
    let bounds = |interval: isnet_statistics::Interval| (interval.low, interval.high);
    assert_covers(coverage(0.875, |seed| draw(seed, 0).interval(0.95).map(bounds)), "normal");
    assert_covers(coverage(0.875, |seed| draw(seed, 0).logit_interval(0.95).map(bounds)), "logit");
    let difference = |seed| draw(seed, 0).difference(&draw(seed, 1));
    assert_covers(coverage(0.0, |seed| difference(seed).interval(0.95).map(bounds)), "difference");
    let rejected = (0..1000).filter(|&seed| difference(seed).p_value.unwrap() < 0.05).count();
    assert!((30..=70).contains(&rejected), "{rejected}");
}

#[test]
fn tables_do_not_depend_on_the_threads_nor_on_the_run() {
    let (first, second) = (predictions(150, 0.4, 1), predictions(150, 0.6, 2));
    let run = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let both = [("first", &first), ("second", &second)];
            (summary(&first, &fast()).unwrap(), compare(&both, &fast()).unwrap())
        })
    };
    assert_eq!(run(1), run(4));
    let other_seed = summary(&first, &Settings { seed: 1, ..fast() }).unwrap();
    assert_ne!(other_seed, run(1).0);
}

#[test]
fn rows_go_from_the_whole_to_sources_and_classes() {
    let mut both = predictions(60, 0.5, 1);
    both.splits[..30].fill("val".to_owned());
    both.sources[..30].fill("leeds".to_owned());
    let table = summary(&both, &fast()).unwrap();
    let mut parts: Vec<_> = table.rows.iter().map(|row| (row.split.as_str(), row.source.as_deref())).collect();
    parts.dedup();
    // The validation split has one source, whose rows would repeat its own.
    assert_eq!(parts, [("val", None), ("test", None), ("test", Some("leeds")), ("test", Some("quebec"))]);
    let of_val: Vec<_> = table.rows.iter().filter(|row| row.split == "val").collect();
    assert_eq!((of_val[0].score, &of_val[0].class), (Score::Accuracy, &None));
    let pair = of_val.last().unwrap();
    assert_eq!((pair.class.as_deref(), pair.versus.as_deref()), (Some("covid"), Some("tuberculosis")));
    assert_eq!(pair.n, both.labels[..30].iter().filter(|labels| labels[0] != 0).count());

    let asked = Settings { scores: Some(vec![Score::F1]), by_class: false, by_source: false, ..fast() };
    let scores: Vec<_> = summary(&both, &asked).unwrap().rows.iter().map(|row| row.score).collect();
    assert_eq!(scores, [Score::F1, Score::F1]);
}

#[test]
fn one_sample_is_scored_with_notes_and_without_a_crash() {
    let table = summary(&predictions(1, 9.0, 1), &fast()).unwrap();
    let accuracy = whole(&table, Score::Accuracy);
    assert_eq!((accuracy.value, accuracy.n), (Some(1.0), 1));
    assert!(has_note(accuracy, "only 1 sample:") && has_note(accuracy, "there is one sample"), "{accuracy:?}");
    assert!(accuracy.interval().unwrap().width() > 0.5); // one right sample of three classes: the posterior knows little
    let auc = table.find("test", None, Score::Auc, Some("covid")).unwrap();
    assert_eq!((auc.value, auc.interval()), (None, None));
    assert_eq!(auc.reason.as_deref(), Some("it needs samples of `covid` and others; there are 0 and 1"));
    let json = serde_json::to_string(&table).unwrap();
    assert!(!json.contains("NaN") && json.contains(r#""method":"clopper_pearson""#));
}

#[test]
fn a_single_group_and_few_groups_are_noted() {
    let table = |n_groups: usize| {
        let mut predictions = predictions(90, 0.5, 1);
        predictions.groups = (0..90).map(|sample| format!("patient {}", sample % n_groups)).collect();
        summary(&predictions, &Settings { by_source: false, ..fast() }).unwrap()
    };
    let one = table(1);
    let accuracy = whole(&one, Score::Accuracy);
    assert!(has_note(accuracy, "all samples are of one group"), "{accuracy:?}");
    assert!(accuracy.intervals.iter().all(|interval| interval.method == IntervalMethod::PosteriorHdi));
    let few = table(6);
    let accuracy = whole(&few, Score::Accuracy);
    assert!(has_note(accuracy, "only 6 groups"));
    // The groups mix all classes, so that 90 images tell as much as 90 patients; but Student's t knows that six gave the variance.
    assert!(accuracy.interval().unwrap().width() > 0.2, "{accuracy:?}");
}

#[test]
fn absent_classes_and_perfect_models_are_noted() {
    let mut perfect = Predictions::new(CLASSES, Task::Single);
    for sample in 0..8 {
        let label = sample % 2;
        let row = if label == 0 { [0.8, 0.1, 0.1] } else { [0.1, 0.8, 0.1] };
        perfect.push(&format!("{sample}"), "leeds", "test", &[label], &row);
    }
    let table = summary(&perfect, &fast()).unwrap();
    let auc = table.find("test", None, Score::Auc, Some("covid")).unwrap();
    assert_eq!((auc.value, auc.n_positive), (Some(1.0), Some(4)));
    assert_eq!(auc.interval().unwrap().method, IntervalMethod::Newcombe);
    assert!(auc.interval().unwrap().low < 0.75);
    assert!(
        has_note(auc, "no pair is out of order")
            && has_note(auc, "fewer than 10 samples")
            && has_note(auc, "only 4 samples of `covid`")
    );
    let f1 = whole(&table, Score::F1);
    assert_eq!(f1.value, Some(1.0));
    assert!(has_note(f1, "`tuberculosis` is left out of the average"));
    let recall = table.find("test", None, Score::Recall, Some("tuberculosis")).unwrap();
    assert_eq!(recall.reason.as_deref(), Some("no sample is of `tuberculosis`"));
    let share = whole(&table, Score::BackgroundShare);
    assert_eq!((share.value, share.n), (None, 0));

    // One more sample, called by a class that none is of.
    perfect.push("8", "leeds", "test", &[0], &[0.2, 0.1, 0.7]);
    let table = summary(&perfect, &fast()).unwrap();
    let recall = whole(&table, Score::Recall);
    assert!((recall.value.unwrap() - (0.8 + 1.0 + 0.0) / 3.0).abs() < 1e-12);
    assert!(has_note(recall, "`tuberculosis` has no such score and counts as 0"), "{recall:?}");
}

#[test]
fn resamples_without_the_score_are_counted_and_too_many_of_them_end_the_bootstrap() {
    // Of 40 samples three are `covid`: some resamples have none.
    let mut rare = predictions(40, 0.4, 1);
    rare.labels.iter_mut().enumerate().for_each(|(sample, labels)| labels[0] = usize::from(sample < 3));
    let settings = Settings { by_source: false, ..fast() };
    let precision = |predictions: &Predictions| {
        summary(predictions, &settings)
            .unwrap()
            .find("test", None, Score::AveragePrecision, Some("covid"))
            .unwrap()
            .clone()
    };
    assert!(has_note(&precision(&rare), "of 300 resamples, which are left out"), "{:?}", precision(&rare));
    // So is a mean over classes: without one of them it would be another mean.
    let mean = whole(&summary(&rare, &settings).unwrap(), Score::AveragePrecision).clone();
    assert!(has_note(&mean, "of 300 resamples, which are left out"), "{mean:?}");

    // One is `normal` and one `covid`: a resample has both with chance 0.63².
    rare.labels.iter_mut().enumerate().for_each(|(sample, labels)| labels[0] = sample.min(2));
    let table = summary(&rare, &settings).unwrap();
    let pair = table.rows.iter().find(|row| row.score == Score::PairwiseAuc && row.class.is_some()).unwrap();
    assert_eq!((pair.value.is_some(), pair.n), (true, 2));
    assert!(
        pair.intervals.iter().all(|it| it.method == IntervalMethod::Newcombe) && has_note(pair, "fewer than 10"),
        "{pair:?}"
    );
}

#[test]
fn a_measured_background_share_has_an_interval() {
    let mut predictions = predictions(60, 0.5, 1);
    predictions.background_share.iter_mut().enumerate().take(40).for_each(|(idx, share)| {
        *share = Some(idx as f64 / 64.0);
    });
    let settings = Settings { by_source: false, ..fast() };
    let table = summary(&predictions, &settings).unwrap();
    let share = whole(&table, Score::BackgroundShare);
    assert_eq!((share.value, share.n), (Some(39.0 / 128.0), 40));
    assert!(share.interval().unwrap().contains(39.0 / 128.0) && share.interval().unwrap().width() > 0.05);
}

fn first_row(table: &Comparison, score: Score) -> &isnet_statistics::ComparisonRow {
    table.rows.iter().find(|row| row.score == score && row.class.is_none() && row.source.is_none()).unwrap()
}

#[test]
fn a_better_model_is_told_from_a_worse_one_and_a_model_from_itself_is_not() {
    let (weak, strong) = (predictions(200, 0.2, 1), predictions(200, 0.8, 2));
    let settings = Settings { by_class: false, by_source: false, ..fast() };
    let table = compare(&[("weak", &weak), ("strong", &strong), ("weak again", &weak)], &settings).unwrap();
    let expected = [
        (Score::Accuracy, TestMethod::McnemarMidP),
        (Score::F1, TestMethod::PairedBootstrap),
        (Score::Auc, TestMethod::Delong),
        (Score::PairwiseAuc, TestMethod::Delong),
        (Score::BrierLoss, TestMethod::PairedBootstrap),
    ];
    for (score, method) in expected {
        let row = first_row(&table, score);
        assert_eq!((row.model.as_str(), row.tests[0].method), ("strong", method));
        assert_eq!(row.difference.unwrap() > 0.0, score.higher_is_better(), "{row:?}");
        assert!(row.tests[0].p_value < 0.01 && !row.intervals[0].contains(0.0), "{row:?}");
        assert!(row.p_adjusted.unwrap() >= row.tests[0].p_value);
        assert_eq!(row.tests.last().unwrap().method, TestMethod::PairedBootstrap);
    }
    let again: Vec<_> = table.rows.iter().filter(|row| row.model == "weak again" && !row.tests.is_empty()).collect();
    assert!(again.len() > 8);
    for row in again {
        assert_eq!((row.difference, row.tests[0].p_value, row.p_adjusted), (Some(0.0), 1.0, Some(1.0)), "{row:?}");
    }
    let tested = table.rows.iter().filter(|row| !row.tests.is_empty()).count();
    assert_eq!(table.n_tests, tested);
    let share = first_row(&table, Score::BackgroundShare);
    assert_eq!(share.reason.as_deref(), Some("the score is not defined for either model"));
}

#[test]
fn with_groups_the_first_test_knows_them() {
    let (mut weak, strong) = (predictions(200, 0.2, 1), predictions(200, 0.8, 2));
    weak.groups = (0..200).map(|sample| format!("{}", sample / 4)).collect();
    let settings = Settings { by_class: false, ..fast() };
    let table = compare(&[("weak", &weak), ("strong", &strong)], &settings).unwrap();
    let methods: Vec<_> = first_row(&table, Score::Auc).tests.iter().map(|test| test.method).collect();
    assert_eq!(methods, [TestMethod::Delong, TestMethod::PairedBootstrap]);
    let methods: Vec<_> = first_row(&table, Score::Accuracy).tests.iter().map(|test| test.method).collect();
    assert_eq!(methods, [TestMethod::PairedBootstrap, TestMethod::McnemarMidP, TestMethod::McnemarExact]);
    // Four equal images of each patient tell as little as one of them.
    let one_each = |it: &Predictions| it.select(&(0..200).step_by(4).collect::<Vec<_>>());
    let four_each = |it: &Predictions| it.select(&(0..200).map(|sample| sample / 4 * 4).collect::<Vec<_>>());
    let ungrouped = |it: Predictions| Predictions { groups: vec![String::new(); it.len()], ..it };
    let named = |mut it: Predictions| {
        it.ids = (0..it.len()).map(|sample| sample.to_string()).collect();
        it
    };
    let pair = |of: &dyn Fn(&Predictions) -> Predictions| [named(of(&weak)), named(of(&strong))];
    let [alone, four] = [pair(&|it| ungrouped(one_each(it))), pair(&four_each)];
    let p = |two: &[Predictions; 2]| {
        first_row(&compare(&[("weak", &two[0]), ("strong", &two[1])], &settings).unwrap(), Score::Auc).tests[0].p_value
    };
    // A little more, for Student's t; as 200 independent images they would give 1e-14.
    assert!((1.0..4.0).contains(&(p(&four) / p(&alone))), "{} {}", p(&alone), p(&four));
}

#[test]
fn the_order_of_the_second_model_does_not_matter() {
    let (weak, strong) = (predictions(60, 0.2, 1), predictions(60, 0.8, 2));
    let reversed = strong.select(&(0..60).rev().collect::<Vec<_>>());
    let table = |other: &Predictions| compare(&[("weak", &weak), ("strong", other)], &fast()).unwrap();
    assert_eq!(table(&strong), table(&reversed));
}

#[test]
fn predictions_of_other_samples_are_not_compared() {
    let check = |expected: &str, spoil: fn(&mut Predictions)| {
        let (first, mut other) = (predictions(12, 0.2, 1), predictions(12, 0.8, 2));
        spoil(&mut other);
        let error = compare(&[("plain", &first), ("isnet", &other)], &fast()).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, StatisticsError::Unpaired { .. }), "{message}");
        assert!(message.contains("`plain` and `isnet`") && message.contains(expected), "{message}");
    };
    check("12 and 11 samples", |p| *p = p.select(&(0..11).collect::<Vec<_>>()));
    check("sample `5.png` of split `test` is missing in `isnet`", |p| p.ids[5] = "other.png".to_owned());
    check("sample `5.png` of split `test` occurs twice", |p| p.ids[6] = "5.png".to_owned());
    check("sample `4.png` has the labels", |p| p.labels[4] = vec![(p.labels[4][0] + 1) % 3]);
    check("sample `3.png` is from", |p| p.sources[3] = "moon".to_owned());
    check("their classes", |p| p.classes[0] = "healthy".to_owned());
    check("their tasks", |p| p.task = Task::Multi);
}

#[test]
fn settings_and_predictions_that_mean_nothing_are_named() {
    let good = predictions(12, 0.5, 1);
    let check = |settings: Settings, expected: &str| {
        let message = summary(&good, &settings).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(Settings { confidence: 95.0, ..fast() }, "`confidence` is 95; it must be between 0 and 1");
    check(Settings { confidence: f64::NAN, ..fast() }, "`confidence` is NaN");
    check(Settings { calibration_bins: 0, ..fast() }, "`calibration_bins` is 0");
    let grouped = Predictions { groups: vec![String::new(); 3], ..good.clone() };
    let message = summary(&grouped, &fast()).unwrap_err().to_string();
    assert!(message.contains("`groups` has 3 entries for 12 samples"), "{message}");

    let mut labels = Predictions::new(["smile", "hat"], Task::Multi);
    labels.push("a", "web", "test", &[0], &[0.9, 0.1]);
    labels.thresholds = vec![0.5];
    let message = summary(&labels, &fast()).unwrap_err().to_string();
    assert!(message.contains("one number for each of the 2 classes"), "{message}");
    assert!(compare(&[("alone", &good)], &fast()).unwrap_err().to_string().contains("at least two"));

    let nothing = Predictions::new(CLASSES, Task::Single);
    assert!(matches!(summary(&nothing, &fast()), Err(StatisticsError::Empty)));
    assert!(matches!(figures(&nothing, &fast()), Err(StatisticsError::Empty)));
    let mut spoilt = good.clone();
    spoilt.probabilities[2][1] = f64::NAN;
    let message = summary(&spoilt, &fast()).unwrap_err().to_string();
    assert!(message.contains("the probability of `covid` of sample `2.png`"), "{message}");
}

#[test]
fn no_intervals_are_asked_for_and_the_table_says_so() {
    let settings = Settings { resamples: 0, posterior_draws: 0, ..Settings::default() };
    let table = summary(&predictions(60, 0.5, 1), &settings).unwrap();
    let brier = whole(&table, Score::BrierLoss);
    assert_eq!(
        (brier.intervals.len(), brier.notes.as_slice()),
        (0, &["no interval: all of its methods are turned off".to_owned()][..])
    );
}
