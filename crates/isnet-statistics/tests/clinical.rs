//! The same numbers as statsmodels, SciPy and plain formulas: `golden/make_clinical.py` made `golden/clinical.json`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use isnet_statistics::{
    Estimate, Interval, OperatingSettings, Predictions, Task, clopper_pearson, jeffreys, operating_point, wilson,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/clinical.json")).unwrap()
}

fn close(got: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: got {got}, expected nothing"));
    assert!((got - expected).abs() < 1e-9 * expected.abs().max(1e-3), "{what}: got {got}, expected {expected}");
}

fn close_bounds(got: &Interval, expected: &Value, what: &str) {
    close(got.low, &expected[0], what);
    close(got.high, &expected[1], what);
}

#[test]
fn proportions_agree_with_statsmodels() {
    for case in golden()["proportions"].as_array().unwrap() {
        let (k, n) = (case[0].as_u64().unwrap() as usize, case[1].as_u64().unwrap() as usize);
        let confidence = case[2].as_f64().unwrap();
        let what = format!("{k} of {n} at {confidence}");
        close_bounds(&wilson(k, n, confidence).unwrap(), &case[3], &what);
        close_bounds(&clopper_pearson(k, n, confidence).unwrap(), &case[4], &what);
        let mut cut = case[5].clone(); // statsmodels does not cut at 0 and n
        if k == 0 {
            cut[0] = Value::from(0.0);
        }
        if k == n {
            cut[1] = Value::from(1.0);
        }
        close_bounds(&jeffreys(k, n, confidence).unwrap(), &cut, &what);
    }
}

fn close_estimate(got: &Estimate, expected: &Value, what: &str) {
    close(got.value.unwrap(), &expected[0], what);
    close_bounds(got.interval.as_ref().unwrap(), &Value::from(vec![expected[1].clone(), expected[2].clone()]), what);
}

#[test]
fn ratios_and_predictive_values_agree_with_statsmodels_and_the_formulas_of_mercaldo() {
    for case in golden()["tables"].as_array().unwrap() {
        let what = case[0].to_string();
        let mut test = Predictions::new(["ill"], Task::Multi);
        let kinds = [(&[0][..], 0.5), (&[0], 0.4), (&[], 0.5), (&[], 0.4)];
        for (n, (labels, probability)) in case[0].as_array().unwrap().iter().zip(kinds) {
            (0..n.as_u64().unwrap()).for_each(|_| test.push("x.png", "web", "test", labels, &[probability]));
        }
        let prevalences = vec![case[4].as_f64().unwrap()];
        let settings = OperatingSettings { prevalences, ..OperatingSettings::default() };
        let point = operating_point(&test, 0, 0.5, &settings).unwrap();
        close_estimate(&point.positive_likelihood_ratio, &case[1], &what);
        close_estimate(&point.negative_likelihood_ratio, &case[2], &what);
        close_estimate(&point.diagnostic_odds_ratio, &case[3], &what);
        close_estimate(&point.at_prevalence[0].ppv, &case[5], &what);
        close_estimate(&point.at_prevalence[0].npv, &case[6], &what);
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

/// `images` of make_clinical.py.
fn images(n: usize) -> Predictions {
    let mut predictions = Predictions::new(["ill"], Task::Multi);
    for image in 0..n {
        let of_patient = unit(&[1, image / 3]) % 5 < 2;
        let is_ill = if unit(&[2, image]) % 4 > 0 { of_patient } else { unit(&[3, image]).is_multiple_of(2) };
        let steps = unit(&[4, image]) % 21 + unit(&[5, image / 3]) % 13 + 8 * usize::from(is_ill);
        let labels: &[usize] = if is_ill { &[0] } else { &[] };
        predictions.push(&format!("{image}.png"), "web", "test", labels, &[steps as f64 / 40.0]);
        predictions.groups[image] = format!("patient {}", image / 3);
    }
    predictions
}

#[test]
fn samples_in_groups_agree_with_cluster_robust_regressions() {
    let point = operating_point(&images(150), 0, 0.5, &OperatingSettings::default()).unwrap();
    let expected = &golden()["grouped"];
    for (name, got) in [
        ("sensitivity", &point.sensitivity),
        ("specificity", &point.specificity),
        ("ppv", &point.ppv),
        ("npv", &point.npv),
        ("accuracy", &point.accuracy),
        ("positive_likelihood_ratio", &point.positive_likelihood_ratio),
        ("negative_likelihood_ratio", &point.negative_likelihood_ratio),
    ] {
        close_estimate(got, &expected[name], name);
        if let Some(design_effect) = got.design_effect {
            close(design_effect, &expected[name][3], name);
        }
    }
    assert_eq!(point.n_groups, Some(50));
}
