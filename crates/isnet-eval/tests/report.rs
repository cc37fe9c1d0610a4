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
        split     source    n                   accuracy                     macro F1                          AUC                 background
        test_id   all       3    0.667 (0.09–0.99) (a,b)    0.667 (0.24–0.91) (a,c,b)  1.000 (0.28–1.00) (a,c,d,e)  0.188 (0.12–0.25) (f,g,h)
                  leeds     2    1.000 (0.16–1.00) (f,i)    1.000 (0.34–1.00) (f,c,i)  1.000 (0.21–1.00) (f,c,d,e)    0.188 (0.12–0.25) (f,j)
                  montfort  1  0.000 (0.00–0.98) (k,l,i)  0.000 (0.00–0.88) (k,l,c,i)                        – (m)                      – (n)
        test_ood  quebec    2    0.500 (0.01–0.99) (f,b)    0.333 (0.09–0.80) (f,c,b)  0.000 (0.00–0.79) (f,c,d,e)                      – (n)
        (a) only 3 samples: expect a wide interval
        (b) fewer than 5 right or wrong decisions: the interval is exact or wider, and covers more than it says
        (c) röntgen is left out of the average: not enough samples of it or of others
        (d) fewer than 10 samples on one side: the interval of the AUC is a rough guide
        (e) no pair is out of order, or one sample is alone: the interval is Newcombe's, which covers more than it says
        (f) only 2 samples: expect a wide interval
        (g) not defined in 26 of 1000 resamples, which are left out
        (h) only 3 samples: the bootstrap interval covers about 90 %
        (i) every decision is the same: the interval rests on their number alone
        (j) only 2 samples: the bootstrap interval covers about 90 %
        (k) only 1 sample: expect a wide interval
        (l) there is one sample: resampling it changes nothing, so there is no bootstrap
        (m) no class has this score: each needs samples of its own and of others
        (n) no sample has a measured share of relevance on the background
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
        split  source  n                 accuracy                 macro F1                        AUC
        test   web     2  0.000 (0.00–0.84) (a,b)  0.333 (0.09–0.80) (a,c)  1.000 (0.21–1.00) (a,d,e)
        (a) only 2 samples: expect a wide interval
        (b) every decision is the same: the interval rests on their number alone
        (c) fewer than 5 right or wrong decisions: the interval is exact or wider, and covers more than it says
        (d) fewer than 10 samples on one side: the interval of the AUC is a rough guide
        (e) no pair is out of order, or one sample is alone: the interval is Newcombe's, which covers more than it says
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
        split  model   n               accuracy                    AUC
        test   plain  40      0.600 (0.45–0.74)      0.600 (0.44–0.74)
               isnet  40  0.900 (0.76–0.97) (a)  0.900 (0.75–0.96) (b)
        (a) fewer than 5 right or wrong decisions: the interval is exact or wider, and covers more than it says
        (b) few samples are out of order: the interval is Newcombe's, which covers more than it says
        (low–high): 95 % intervals, by Wilson (shares), DeLong on the logit (AUC), Clopper–Pearson (shares with few errors), Newcombe (AUC)
    "#]]
    .assert_eq(&render::models(&[("plain", &summaries[0]), ("isnet", &summaries[1])]));
    let table = compare(&[("plain", &plain), ("isnet", &isnet)], &settings).unwrap();
    expect![[r#"
        differences to plain
        split  score     model               difference  p        p (Holm)  test           says
        test   accuracy  isnet  +0.300 (+0.15 to +0.45)  <0.0005  <0.0005   McNemar mid-p  better
        test   auc       isnet  +0.300 (+0.15 to +0.45)  <0.0005  <0.0005   DeLong         better
        p: chance of such a difference if there were none; Holm: adjusted for 2 tests
    "#]]
    .assert_eq(&render::comparison(&table));
}
