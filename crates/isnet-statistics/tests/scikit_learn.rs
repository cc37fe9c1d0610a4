//! The same scores as scikit-learn 1.9.1 (numpy 2.4.6), for the samples written below.
//!
//! The constants were made on these arrays with `f1_score(…, average="macro", zero_division=0)`,
//! `balanced_accuracy_score`, `roc_auc_score` of each class against the rest, `precision_score` and
//! `recall_score` of each class (specificity is the recall of the other classes),
//! `confusion_matrix` and `multilabel_confusion_matrix`.

use isnet_statistics::StatisticsError;
use isnet_statistics::{
    Predictions, Task, metrics::Scores, metrics::scores, metrics::scores_by_source, metrics::scores_by_split,
};

fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-12, "got {got}, expected {expected}");
}

/// Twelve samples of five classes; probabilities in tenths. `pest` is only ever predicted, `gout`
/// does not occur at all. Equal highest probabilities (samples 1, 4 and 10) go to the first class,
/// as in `argmax`.
fn five_classes() -> Predictions {
    let mut predictions = Predictions::new(["none", "flu", "croup", "pest", "gout"], Task::Single);
    let samples = [
        (0, [6, 2, 1, 1, 0]),
        (0, [3, 3, 2, 2, 0]),
        (0, [1, 6, 2, 1, 0]),
        (1, [2, 5, 2, 1, 0]),
        (1, [4, 4, 1, 1, 0]),
        (1, [1, 2, 6, 1, 0]),
        (1, [2, 5, 1, 2, 0]),
        (2, [1, 2, 6, 1, 0]),
        (2, [1, 1, 2, 6, 0]),
        (0, [5, 1, 3, 1, 0]),
        (1, [3, 3, 3, 1, 0]),
        (2, [1, 2, 5, 2, 0]),
    ];
    for (idx, (label, tenths)) in samples.into_iter().enumerate() {
        let source = if idx % 2 == 0 { "even" } else { "odd" };
        let split = if idx < 8 { "test" } else { "late" };
        predictions.push(
            &format!("{idx}.png"),
            source,
            split,
            &[label],
            &tenths.map(|tenth: u8| f64::from(tenth) / 10.0),
        );
    }
    predictions
}

/// Six samples of four labels, of which `hat` never occurs in any way and `beard` is only
/// predicted; one ties at ½.
fn four_labels() -> Predictions {
    let mut predictions = Predictions::new(["smile", "glasses", "hat", "beard"], Task::Multi);
    let samples: [(&[usize], [u8; 4]); 6] = [
        (&[0], [8, 2, 1, 1]),
        (&[1, 0], [6, 5, 1, 6]),
        (&[], [4, 1, 2, 1]),
        (&[1], [4, 4, 3, 1]),
        (&[0, 1], [4, 9, 1, 1]),
        (&[], [5, 2, 3, 1]),
    ];
    for (idx, (labels, tenths)) in samples.into_iter().enumerate() {
        predictions.push(&format!("{idx}.png"), "web", "test", labels, &tenths.map(|tenth| f64::from(tenth) / 10.0));
    }
    predictions
}

#[test]
fn single_label_scores_agree() {
    let Scores { n, accuracy, balanced_accuracy, macro_f1, macro_auc, confusion, .. } =
        scores(&five_classes()).unwrap();
    assert_eq!(n, 12);
    close(accuracy, 0.583_333_333_333_333_4);
    close(balanced_accuracy, 0.605_555_555_555_555_5);
    close(macro_f1, 0.458_333_333_333_333_26);
    close(macro_auc.unwrap(), 0.771_610_449_735_449_7);
    let expected = [[3, 1, 0, 0, 0], [2, 2, 1, 0, 0], [0, 0, 2, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]];
    assert_eq!(confusion, expected);
}

#[test]
fn scores_of_each_class_agree() {
    // precision, recall, specificity, F1, support, AUC
    let expected = [
        (0.6, 0.75, 0.75, 0.666_666_666_666_666_6, 4, Some(0.765_625)),
        (0.666_666_666_666_666_6, 0.4, 0.857_142_857_142_857_1, 0.5, 5, Some(0.771_428_571_428_571_4)),
        (
            0.666_666_666_666_666_6,
            0.666_666_666_666_666_6,
            0.888_888_888_888_888_8,
            0.666_666_666_666_666_6,
            3,
            Some(0.777_777_777_777_777_8),
        ),
        (0.0, 0.0, 0.916_666_666_666_666_6, 0.0, 0, None),
        (0.0, 0.0, 1.0, 0.0, 0, None),
    ];
    let scores = scores(&five_classes()).unwrap();
    for (class, (precision, recall, specificity, f1, support, auc)) in scores.per_class.iter().zip(expected) {
        close(class.precision, precision);
        close(class.recall, recall);
        close(class.specificity, specificity);
        close(class.f1, f1);
        assert_eq!(class.support, support);
        assert_eq!(class.auc.is_some(), auc.is_some());
        close(class.auc.unwrap_or(0.0), auc.unwrap_or(0.0));
    }
    assert_eq!(scores.absent_classes, ["pest", "gout"]);
}

#[test]
fn multi_label_scores_agree() {
    let scores = scores(&four_labels()).unwrap();
    close(scores.accuracy, 0.333_333_333_333_333_3);
    close(scores.label_accuracy.unwrap(), 0.833_333_333_333_333_4);
    close(scores.balanced_accuracy, 0.833_333_333_333_333_4);
    close(scores.macro_f1, 0.488_888_888_888_888_93); // labels=[smile, glasses, beard]
    close(scores.macro_auc.unwrap(), (0.777_777_777_777_777_8 + 1.0) / 2.0);
    let confusions: Vec<_> = scores.per_class.iter().map(|class| class.confusion).collect();
    assert_eq!(confusions, [[[2, 1], [1, 2]], [[3, 0], [1, 2]], [[6, 0], [0, 0]], [[5, 1], [0, 0]]]);
    assert!(scores.confusion.is_empty());
}

#[test]
fn one_sample_has_an_accuracy_but_no_auc() {
    let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
    predictions.push("only.png", "a", "test", &[1], &[0.2, 0.8]);
    let scores = scores(&predictions).unwrap();
    assert_eq!((scores.n, scores.accuracy, scores.balanced_accuracy, scores.macro_f1), (1, 1.0, 1.0, 1.0));
    assert_eq!((scores.macro_auc, scores.background_share), (None, None));
    assert_eq!(scores.absent_classes, ["healthy"]);
}

#[test]
fn the_background_share_is_the_mean_of_the_measured_ones() {
    let mut predictions = five_classes();
    predictions.background_share[3] = Some(0.25);
    predictions.background_share[7] = Some(0.5);
    let scores = scores(&predictions).unwrap();
    assert_eq!((scores.background_share, scores.background_share_n), (Some(0.375), 2));
}

#[test]
fn groups_hold_the_samples_of_their_source_and_split() {
    let by_source = scores_by_source(&five_classes()).unwrap();
    assert_eq!(by_source.keys().collect::<Vec<_>>(), ["even", "odd"]);
    close(by_source["even"].accuracy, 2.0 / 6.0); // samples 0 and 6
    close(by_source["odd"].accuracy, 5.0 / 6.0); // all but 5

    let by_split = scores_by_split(&five_classes()).unwrap();
    let sizes: Vec<_> = by_split.iter().map(|split| (split.split.as_str(), split.scores.n)).collect();
    assert_eq!(sizes, [("test", 8), ("late", 4)]);
    assert_eq!(by_split[1].by_source["odd"].n, 2);
}

#[test]
fn the_order_of_the_samples_does_not_matter() {
    let predictions = five_classes();
    let reversed: Vec<usize> = (0..predictions.len()).rev().collect();
    assert_eq!(scores(&predictions).unwrap(), scores(&predictions.select(&reversed)).unwrap());
}

#[test]
fn nothing_cannot_be_scored_but_has_no_groups() {
    let nothing = Predictions::new(["healthy", "ill"], Task::Single);
    assert!(matches!(scores(&nothing), Err(StatisticsError::Empty)));
    assert!(scores_by_source(&nothing).unwrap().is_empty());
    assert!(scores_by_split(&nothing).unwrap().is_empty());
}

#[test]
fn wrong_predictions_are_named() {
    let check = |expected: &str, spoil: fn(&mut Predictions)| {
        let mut predictions = five_classes();
        spoil(&mut predictions);
        let message = scores(&predictions).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check("`sources` has 11 entries for 12 samples", |p| p.sources.truncate(11));
    check("sample `2.png` has 4 probabilities for 5 classes", |p| p.probabilities[2].truncate(4));
    check("the probability of `flu` of sample `3.png` is not a finite", |p| p.probabilities[3][1] = f64::NAN);
    check("the background share of sample `4.png`", |p| p.background_share[4] = Some(f64::INFINITY));
    check("sample `5.png` has label 5, but there are 5 classes", |p| p.labels[5] = vec![5]);
    check("sample `6.png` has 0 labels in a single-label task", |p| p.labels[6].clear());
}

#[test]
fn scores_become_json_with_null_for_what_is_not_defined() {
    let json = serde_json::to_value(scores(&four_labels()).unwrap()).unwrap();
    assert_eq!(json["n"], 6);
    assert!(json["per_class"][2]["auc"].is_null());
    assert_eq!(json["per_class"][0]["confusion"][1][0], 1);
}
