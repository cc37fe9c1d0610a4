//! The same numbers as statsmodels, SciPy and plain formulas: `golden/make_clinical.py` made `golden/clinical.json`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use isnet_statistics::{
    Estimate, Interval, OperatingSettings, Predictions, ProportionMethod, Settings, SizeTarget, SubgroupSettings, Task,
    clopper_pearson, decision_curve, jeffreys, operating_point, proportion_heterogeneity, sample_size, subgroups,
    wilson,
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
        let is_ill =
            if !unit(&[2, image]).is_multiple_of(4) { of_patient } else { unit(&[3, image]).is_multiple_of(2) };
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

#[test]
fn net_benefits_agree_with_their_definition() {
    let curve = decision_curve(&images(150), 0, &Settings { resamples: 200, ..Settings::default() }).unwrap();
    for case in golden()["decision"].as_array().unwrap() {
        let percent = case[0].as_u64().unwrap() as usize;
        let point = &curve.points[percent - 1];
        let what = format!("threshold {percent} %");
        close(point.net_benefit, &case[1], &what);
        close(point.standardized.unwrap(), &case[2], &what);
        close(point.treat_all, &case[3], &what);
        assert!(point.interval.unwrap().width() < 0.6, "{what}");
    }
    assert_eq!((curve.points.len(), curve.n_groups), (99, Some(50)));
}

#[test]
fn tests_of_heterogeneity_agree_with_scipy_and_with_every_table() {
    for case in golden()["heterogeneity"].as_array().unwrap() {
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let levels: Vec<(usize, usize)> =
            case[0].as_array().unwrap().iter().map(|level| (number(&level[0]), number(&level[1]))).collect();
        let found = proportion_heterogeneity(&levels).unwrap();
        close(found.p_value, &case[2], &case[0].to_string());
        match found.statistic {
            Some(statistic) => close(statistic, &case[1], &case[0].to_string()),
            None => assert!(case[1].is_null(), "{levels:?}"),
        }
    }
}

#[test]
fn subgroups_of_patients_agree_with_cluster_robust_variances() {
    let levels: Vec<String> = (0..300).map(|image| (image / 3 % 3).to_string()).collect();
    let found = subgroups(&images(300), ("third", &levels), &SubgroupSettings::new(0, 0.5)).unwrap();
    let expected = &golden()["by_thirds"];
    let test = found.scores[0].heterogeneity.unwrap();
    close(test.statistic.unwrap(), &expected["sensitivity"][0], "sensitivity");
    close(test.p_value, &expected["sensitivity"][1], "sensitivity");
    assert_eq!(found.scores[3].heterogeneity, None, "too few patients are out of order for a test of AUCs");
    for (level, expected) in found.scores[3].levels.iter().zip(expected["areas"].as_array().unwrap()) {
        close_estimate(&level.estimate, expected, &level.level);
    }
}

#[test]
fn sample_sizes_are_the_first_that_are_enough() {
    for case in golden()["sizes"].as_array().unwrap() {
        let number = |idx: usize| case[idx].as_f64().unwrap();
        for (idx, method) in [(2, ProportionMethod::Wilson), (3, ProportionMethod::ClopperPearson)] {
            let size = sample_size(SizeTarget::Sensitivity(number(0)), number(1), 0.2, 0.95, method).unwrap();
            assert_eq!(Value::from(size.n_positive), case[idx], "{case} {method:?}");
            assert_eq!(size.n, 5 * size.n_positive);
        }
    }
}
