//! The tables people read.

use expect_test::expect;
use isnet_eval::metrics::{Predictions, Task, scores_by_split};
use isnet_eval::render::report;

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
        split     source    n  accuracy  macro F1    AUC  background
        test_id   all       3     0.667     0.667  1.000       0.188
                  leeds     2     1.000     1.000  1.000       0.188
                  montfort  1     0.000     0.000      –           –
        test_ood  quebec    2     0.500     0.333  0.000           –

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
    .assert_eq(&report(&scores_by_split(&predictions).unwrap()));
}

#[test]
fn labels_have_four_counts_each() {
    let mut predictions = Predictions::new(["smile", "glasses"], Task::Multi);
    predictions.push("0", "web", "test", &[0, 1], &[0.9, 0.2]);
    predictions.push("1", "web", "test", &[], &[0.6, 0.1]);
    expect![[r#"
        split  source  n  accuracy  macro F1    AUC  background
        test   web     2     0.000     0.333  1.000           –

        labels of `test` (samples with and without each label)
                 hit  missed  false alarm  rightly not
        smile      1       0            1            0
        glasses    0       1            0            1
    "#]]
    .assert_eq(&report(&scores_by_split(&predictions).unwrap()));
}

#[test]
fn no_split_is_a_table_without_lines() {
    expect![[r#"
        split  source  n  accuracy  macro F1  AUC  background
    "#]]
    .assert_eq(&report(&[]));
}
