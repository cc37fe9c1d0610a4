//! The tables people read.

use expect_test::expect;
use isnet_eval::evaluation::Evaluation;
use isnet_eval::render;
use isnet_statistics::{Predictions, Task};
use isnet_statistics::{Score, Settings, compare, summary};

fn report(mut predictions: Predictions) -> String {
    let found = Evaluation::of(&mut predictions, None, &Settings::default()).expect("these can be scored");
    render::report(&found.splits, &found.statistics)
}

#[test]
fn splits_and_sources_line_up() {
    let mut predictions = Predictions::new(["normal", "covid", "röntgen"], Task::Single);
    let rows = [
        ("leeds", "test_id", 0, [0.8, 0.1, 0.1], Some(0.125)),
        ("leeds", "test_id", 1, [0.2, 0.7, 0.1], Some(0.25)),
        ("montfort", "test_id", 0, [0.3, 0.6, 0.1], None),
        ("quebec", "test_ood", 0, [0.5, 0.4, 0.1], None),
        ("quebec", "test_ood", 1, [0.6, 0.3, 0.1], None),
    ];
    for (idx, (source, split, label, probabilities, share)) in rows.into_iter().enumerate() {
        predictions.push(&format!("{idx}"), source, split, &[label], &probabilities);
        predictions.background_share[idx] = share;
    }
    expect![[r#"
        split     source    n           accuracy           macro F1                AUC         background
        test_id   all       3  0.667 (0.09–0.99)  0.667 (0.24–0.91)  1.000 (0.28–1.00)  0.188 (0.12–0.25)
                  leeds     2  1.000 (0.16–1.00)  1.000 (0.34–1.00)  1.000 (0.21–1.00)  0.188 (0.12–0.25)
                  montfort  1  0.000 (0.00–0.98)  0.000 (0.00–0.88)                  –                  –
        test_ood  quebec    2  0.500 (0.01–0.99)  0.333 (0.09–0.80)  0.000 (0.00–0.79)                  –
        (low–high): 95 % intervals, by Clopper–Pearson (shares with few errors), Wilson, combined (F1, means over classes), Newcombe (AUC), bootstrap (BCa)

        confusion of `test_id` (rows: true class, columns: predicted)
                 normal  covid  röntgen
        normal        1      1        0
        covid         0      1        0
        röntgen       0      0        0
        no true sample of `röntgen`

        confusion of `test_ood` (rows: true class, columns: predicted)
                 normal  covid  röntgen
        normal        1      0        0
        covid         1      0        0
        röntgen       0      0        0
        no true sample of `röntgen`
    "#]]
    .assert_eq(&report(predictions));
}

#[test]
fn labels_have_four_counts_each() {
    let mut predictions = Predictions::new(["smile", "glasses"], Task::Multi);
    predictions.push("0", "web", "test", &[0, 1], &[0.9, 0.2]);
    predictions.push("1", "web", "test", &[], &[0.6, 0.1]);
    expect![[r#"
        split  source  n           accuracy           macro F1                AUC  background
        test   web     2  0.000 (0.00–0.84)  0.333 (0.09–0.80)  1.000 (0.21–1.00)           –
        (low–high): 95 % intervals, by Clopper–Pearson (shares with few errors), Wilson, combined (F1, means over classes), Newcombe (AUC)

        labels of `test` (samples with and without each label)
                 hit  missed  false alarm  rightly not
        smile      1       0            1            0
        glasses    0       1            0            1
    "#]]
    .assert_eq(&report(predictions));
}

#[test]
fn models_and_their_differences_line_up() {
    let model = |right: fn(usize) -> bool| {
        let mut predictions = Predictions::new(["normal", "covid"], Task::Single);
        for idx in 0..40 {
            let label = idx % 2;
            let row = if right(idx) == (label == 0) { [0.75, 0.25] } else { [0.125, 0.875] };
            predictions.push(&format!("{idx}"), "web", "test", &[label], &row);
        }
        predictions
    };
    let (plain, isnet) = (model(|idx| idx < 24), model(|idx| idx < 36));
    let settings = Settings { scores: Some(vec![Score::Accuracy, Score::Auc]), by_class: false, ..Settings::default() };
    let summaries = [&plain, &isnet].map(|predictions| summary(predictions, &settings).unwrap());
    expect![[r#"
        split  model   n           accuracy  macro F1                AUC  background
        test   plain  40  0.600 (0.45–0.74)         –  0.600 (0.44–0.74)           –
               isnet  40  0.900 (0.76–0.97)         –  0.900 (0.75–0.96)           –
        (low–high): 95 % intervals, by Wilson (shares), DeLong on the logit (AUC), Clopper–Pearson (shares with few errors), Newcombe (AUC)
    "#]]
    .assert_eq(&render::models(&[("plain", &summaries[0]), ("isnet", &summaries[1])]));
    let table = compare(&[("plain", &plain), ("isnet", &isnet)], &settings).unwrap();
    expect![[r#"
        differences to `plain`
        split  score     model  difference          interval        p  p (Holm)           test
        test   accuracy  isnet      +0.300  +0.175 to +0.450  <0.0005   <0.0005  McNemar mid-p
        test   auc       isnet      +0.300  +0.154 to +0.446  <0.0005   <0.0005         DeLong
        p: chance of such a difference if there were none; Holm: adjusted for 2 tests
    "#]]
    .assert_eq(&render::comparison(&table));
}
