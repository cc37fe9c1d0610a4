//! Calibration: the same numbers as statsmodels and SciPy (`golden/make_calibration.py` made `golden/calibration.json`), and whether
//! intervals cover and tests keep their level.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "the simulation prints a table")]

use isnet_data::rng::stream;
use isnet_statistics::{
    Agreement, Interval, IntervalMethod, OperatingSettings, Predictions, Said, Scaling, Score, Settings, Task,
    agreement, operating_point, summary,
};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde_json::Value;

const N: u64 = 240;

/// Rounds of splitmix64 over a key, in [0, 1).
fn unit(key: &[u64]) -> f64 {
    let mut state = 0_u64;
    for part in key {
        state = (state ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^= state >> 31;
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

fn samples() -> Predictions {
    let mut predictions = Predictions::new(["ill"], Task::Multi);
    for image in 0..N {
        let p = 0.02 + 0.96 * unit(&[1, image]);
        let is_ill = unit(&[2, image]) < 0.8 * p.powf(1.5) + 0.1 * unit(&[3, image / 4]);
        predictions.push("x.png", "web", "test", if is_ill { &[0] } else { &[] }, &[p]);
    }
    predictions
}

fn close(got: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((got - expected).abs() < tolerance * expected.abs().max(1e-3), "{what}: got {got}, expected {expected}");
}

#[test]
fn calibration_agrees_with_statsmodels() {
    let golden: Value = serde_json::from_str(include_str!("golden/calibration.json")).unwrap();
    let mut predictions = samples();
    close(predictions.probabilities[0][0], &golden["first"][0], 1e-12, "samples");
    close(predictions.labels.iter().map(Vec::len).sum::<usize>() as f64, &golden["first"][2], 1e-12, "samples");
    let found = agreement(&predictions, Said::Class(0), 0.95).unwrap();
    predictions.groups = (0..N).map(|image| format!("patient {}", image / 4)).collect();
    let grouped = agreement(&predictions, Said::Class(0), 0.95).unwrap();
    // The reach of Student's t with 59 degrees of freedom, by scipy.stats.t.ppf(0.975, 59).
    let (normal, student) = (1.959_963_984_540_054, 2.000_995_378_088_268);
    for (name, alone, together) in
        [("intercept", &found.intercept, &grouped.intercept), ("slope", &found.slope, &grouped.slope)]
    {
        close(alone.value.unwrap(), &golden[name]["value"], 1e-7, name);
        close(alone.interval.unwrap().width() / 2.0 / normal, &golden[name]["error"], 1e-6, name);
        close(together.interval.unwrap().width() / 2.0 / student, &golden[name]["error_in_groups"], 1e-6, name);
    }
    close(found.test.unwrap().z, &golden["spiegelhalter"]["z"], 1e-9, "z");
    close(found.test.unwrap().p_value, &golden["spiegelhalter"]["p"], 1e-7, "p");
    close(grouped.test.unwrap().z, &golden["spiegelhalter"]["z_in_groups"], 1e-9, "z in groups");
    close(found.debiased_error.unwrap(), &golden["debiased_error"], 1e-9, "debiased error");
    let curve = &golden["curve"];
    for (place, idx) in [0, 25, 50].into_iter().enumerate() {
        let point = found.curve[idx];
        close(point.probability, &curve["at"][place], 1e-9, "at");
        close(point.share, &curve["share"][place], 1e-6, "share");
        close(point.low, &curve["low"][place], 1e-5, "low");
        close(point.high, &curve["high"][place], 1e-5, "high");
    }
    close(found.mean_distance.unwrap(), &curve["mean_distance"], 1e-6, "ICI");
    close(found.distance_of_90.unwrap(), &curve["distance_of_90"], 1e-6, "E90");
    let Scaling::Temperature { temperature } = Scaling::temperature(&predictions).unwrap() else { unreachable!() };
    close(temperature, &golden["temperature"], 1e-6, "temperature");
    let Scaling::Platt { slopes, intercepts } = Scaling::platt(&predictions).unwrap() else { unreachable!() };
    close(slopes[0], &golden["platt"][0], 1e-7, "slope of Platt");
    close(intercepts[0], &golden["platt"][1], 1e-7, "intercept of Platt");
}

#[test]
fn intervals_agree_with_confidenceinterval() {
    let golden: Value = serde_json::from_str(include_str!("golden/confidenceinterval.json")).unwrap();
    let mut images = samples();
    // A single label of two classes, as that package has it.
    let mut predictions = Predictions::new(["well", "ill"], Task::Single);
    for (row, labels) in images.probabilities.iter().zip(&images.labels) {
        predictions.push("x.png", "web", "test", &[labels.len()], &[1.0 - row[0], row[0]]);
    }
    let near = |got: Option<f64>, interval: Option<&Interval>, name: &str, tolerance: f64| {
        close(got.unwrap(), &golden[name][0], 1e-5, name);
        close(interval.unwrap().low, &golden[name][1], tolerance, name);
        close(interval.unwrap().high, &golden[name][2], tolerance, name);
    };
    let table = summary(&predictions, &Settings { resamples: 0, ..Settings::default() }).unwrap();
    let auc = table.find("test", None, Score::Auc, Some("ill")).unwrap();
    // That package prints Wald's, of an AUC in 32 bits.
    near(auc.value, auc.intervals.iter().find(|it| it.method == IntervalMethod::Delong), "auc", 1e-5);
    let accuracy = table.find("test", None, Score::Accuracy, None).unwrap();
    near(accuracy.value, accuracy.interval(), "accuracy", 1e-9);
    images.classes = vec!["ill".to_owned()];
    let point = operating_point(&images, 0, 0.5, &OperatingSettings::default()).unwrap();
    for (name, found) in [
        ("sensitivity", &point.sensitivity),
        ("specificity", &point.specificity),
        ("ppv", &point.ppv),
        ("npv", &point.npv),
    ] {
        near(found.value, found.interval.as_ref(), name, 1e-7);
    }
    // Of a macro F1 that package has Takahashi's delta method, ours is made of Wilson's bounds: other bounds, of about the same width.
    let f1 = table.find("test", None, Score::F1, None).unwrap();
    close(f1.value.unwrap(), &golden["macro_f1"][0], 1e-6, "macro F1");
    let width = golden["macro_f1"][2].as_f64().unwrap() - golden["macro_f1"][1].as_f64().unwrap();
    assert!((0.5..1.2).contains(&(f1.interval().unwrap().width() / width)), "{f1:?} {width}");
}

/// What became of simulated data sets, in per cent.
#[derive(Default)]
struct Found {
    n: f64,
    intercept: f64,
    with_slope: f64,
    slope: f64,
    rejected: f64,
    tested: f64,
    in_band: f64,
    points: f64,
    error: f64,
    noted: f64,
}

/// Images of a calibrated model with the prevalence that `shift` gives; of groups of `cluster` whose truths share what makes them true.
fn calibrated(n: usize, cluster: usize, shift: f64, seed: u64) -> Predictions {
    let mut rng = stream(seed, &[405]);
    let mut predictions = Predictions::new(["ill"], Task::Multi);
    let mut luck = 0.0;
    for image in 0..n {
        if image % cluster == 0 {
            luck = rng.random::<f64>();
        }
        let logit: f64 = 1.5 * rng.sample::<f64, _>(StandardNormal) + shift;
        let p = 1.0 / (1.0 + (-logit).exp());
        // Half of the groups' images share their luck, so that truths agree beyond the probabilities.
        let draw = if cluster > 1 && rng.random::<bool>() { luck } else { rng.random() };
        predictions.push("x.png", "web", "test", if draw < p { &[0] } else { &[] }, &[p]);
        if cluster > 1 {
            predictions.groups[image] = format!("{}", image / cluster);
        }
    }
    predictions
}

/// Patients of four images with one probability and one truth: four images tell as much as one.
fn patients(n: usize, shift: f64, seed: u64) -> Predictions {
    let mut rng = stream(seed, &[406]);
    let mut predictions = Predictions::new(["ill"], Task::Multi);
    for patient in 0..n / 4 {
        let logit: f64 = 1.5 * rng.sample::<f64, _>(StandardNormal) + shift;
        let p = 1.0 / (1.0 + (-logit).exp());
        let is_ill = rng.random::<f64>() < p;
        for image in 4 * patient..4 * patient + 4 {
            predictions.push("x.png", "web", "test", if is_ill { &[0] } else { &[] }, &[p]);
            predictions.groups[image] = format!("{patient}");
        }
    }
    predictions
}

/// Images of one of three classes, drawn from the probabilities of a model whose logits have this deviation.
fn one_of_three(n: usize, deviation: f64, seed: u64) -> Predictions {
    let mut rng = stream(seed, &[407]);
    let mut predictions = Predictions::new(["a", "b", "c"], Task::Single);
    for _ in 0..n {
        let weights = [0; 3].map(|_| (deviation * rng.sample::<f64, _>(StandardNormal)).exp());
        let row = weights.map(|weight| weight / weights.iter().sum::<f64>());
        let draw = rng.random::<f64>();
        let label = usize::from(draw >= row[0]) + usize::from(draw >= row[0] + row[1]);
        predictions.push("x.png", "web", "test", &[label], &row);
    }
    predictions
}

fn simulate(of: Said, data_sets: u64, draw: impl Fn(u64) -> Predictions + Sync) -> Found {
    let found: Vec<Agreement> =
        (0..data_sets).into_par_iter().map(|seed| agreement(&draw(seed), of, 0.95).unwrap()).collect();
    let mut sum = Found { n: data_sets as f64, ..Found::default() };
    for it in found {
        sum.intercept += f64::from(u8::from(it.intercept.interval.is_some_and(|interval| interval.contains(0.0))));
        if let Some(interval) = it.slope.interval {
            sum.with_slope += 1.0;
            sum.slope += f64::from(u8::from(interval.contains(1.0)));
        }
        if let Some(test) = it.test {
            sum.tested += 1.0;
            sum.rejected += f64::from(u8::from(test.p_value < 0.05));
        }
        for point in &it.curve {
            sum.points += 1.0;
            sum.in_band += f64::from(u8::from(point.low <= point.probability && point.probability <= point.high));
        }
        sum.error += it.debiased_error.unwrap_or(0.0);
        sum.noted += f64::from(u8::from(it.notes.iter().any(|note| note.contains("rough guide"))));
    }
    sum
}

/// `docs/statistics.md` holds the table.
#[test]
#[ignore = "a minute: draws thousands of data sets"]
fn coverage_of_calibration() {
    println!("| samples | n | intercept | slope | curve | test rejects | debiased error | noted |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut short = Vec::new();
    let class = Said::Class(0);
    for (shift, share) in [(0.0, "0.5"), (-3.5, "0.08")] {
        for n in [30, 100, 200, 2000] {
            let name = format!("share true {share}");
            short.extend(row(&name, n, &simulate(class, 2000, |seed| calibrated(n, 1, shift, seed))));
        }
        for n in [100, 200, 400, 2000] {
            let name = format!("share true {share}, patients of 4");
            short.extend(row(&name, n, &simulate(class, 2000, |seed| calibrated(n, 4, shift, seed))));
            let name = format!("share true {share}, patients of 4 that are alike");
            short.extend(row(&name, n, &simulate(class, 2000, |seed| patients(n, shift, seed))));
        }
    }
    for deviation in [1.5, 4.0] {
        for n in [30, 100, 200, 2000] {
            let name = format!("predicted of 3, deviation {deviation}");
            short.extend(row(&name, n, &simulate(Said::Predicted, 2000, |seed| one_of_three(n, deviation, seed))));
        }
    }
    assert!(short.is_empty(), "{}", short.join("\n"));
}

/// Prints a row, and returns what covers or rejects too often by more than three standard errors of the simulation from 93 % and 7 %, unless
/// nearly all data sets have the note.
fn row(name: &str, n: usize, it: &Found) -> Vec<String> {
    let of = |count: f64, all: f64| 100.0 * count / all;
    let (intercept, slope) = (of(it.intercept, it.n), of(it.slope, it.with_slope));
    let (curve, rejects) = (of(it.in_band, it.points), of(it.rejected, it.tested));
    println!(
        "| {name} | {n} | {intercept:.1} | {slope:.1} | {curve:.1} | {rejects:.1} | {:.3} | {:.0} |",
        it.error / it.n,
        of(it.noted, it.n)
    );
    let slack = 300.0 * (0.05_f64 * 0.95 / it.n).sqrt();
    let is_short =
        [("intercept", intercept < 93.0 - slack), ("slope", slope < 93.0 - slack), ("test", rejects > 7.0 + slack)];
    let is_noted = it.noted > 0.95 * it.n;
    is_short
        .into_iter()
        .filter(|(_, short)| *short && !is_noted)
        .map(|(what, _)| format!("{what}: {name}, n = {n}"))
        .collect()
}
