//! The small data sets that public reports describe, beside the repository: what is right is in their README.

use std::path::PathBuf;
use std::sync::Arc;

use isnet_data::{
    CheckOptions, CheckReport, Dataset, Fit, Intensity, Manifest, ManifestDataset, ManifestOptions, MaskVerdict,
    Preparation, ProblemKind, check,
};

const SIZE: Preparation =
    Preparation { height: 32, width: 32, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };

fn manifest(case: &str) -> Manifest {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    Manifest::read_lenient(shared.join(case).join("manifest.csv"), &ManifestOptions::default()).expect("a manifest")
}

fn checked(case: &str) -> CheckReport {
    check(&manifest(case), &CheckOptions { preparation: Some(SIZE), ..Default::default() })
}

fn count(report: &CheckReport, kind: ProblemKind) -> usize {
    report.problems.iter().filter(|problem| problem.kind == kind).count()
}

fn masks(case: &str) -> Vec<MaskVerdict> {
    let manifest = Arc::new(manifest(case));
    let all = (0..manifest.records.len()).collect();
    let dataset = ManifestDataset::new(manifest, all, SIZE).expect("a size");
    (0..dataset.len()).filter_map(|index| Some(dataset.sample(index).expect("a sample").mask?.verdict())).collect()
}

#[test]
#[ignore = "needs ../shared/cases; cargo test -p isnet-data --test shared_cases -- --ignored"]
fn masks_in_the_alpha_channel_or_of_zeros_and_ones_are_read_and_said() {
    for case in ["mask_alpha", "mask_mixed"] {
        let report = checked(case);
        assert_eq!(count(&report, ProblemKind::MaskReading), 1, "{case}: {:?}", report.problems);
        let verdicts = masks(case);
        assert!(
            !verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.says_something()),
            "{case}: {verdicts:?}"
        );
    }
}

#[test]
#[ignore = "needs ../shared/cases; cargo test -p isnet-data --test shared_cases -- --ignored"]
fn masks_beside_turned_photographs_are_warnings_that_name_the_files() {
    let report = checked("exif3");
    assert_eq!(count(&report, ProblemKind::Turned), manifest("exif3").records.len());
    assert!(!report.is_fatal(), "{:?}", report.problems);
}

#[test]
#[ignore = "needs ../shared/cases; cargo test -p isnet-data --test shared_cases -- --ignored"]
fn twelve_bits_are_found_and_scaled_to_the_eight_bit_pictures() {
    let report = checked("12bit");
    let dim: Vec<_> = report.problems.iter().filter(|problem| problem.kind == ProblemKind::DimImages).collect();
    assert!(dim.len() == 1 && dim[0].message.contains("% of full, as if 12 of 16 bits"), "{dim:?}");
    assert_eq!(count(&checked("8bit"), ProblemKind::DimImages), 0);
    let open = |case: &str| {
        let manifest = Arc::new(manifest(case));
        let all: Vec<usize> = (0..manifest.records.len()).collect();
        let intensity = Intensity::find_depth(&manifest, &all).unwrap();
        ManifestDataset::new(manifest, all, Preparation { intensity, ..SIZE }).unwrap()
    };
    let (deep, shallow) = (open("12bit"), open("8bit"));
    for index in 0..deep.len() {
        let [deep, shallow] = [&deep, &shallow].map(|dataset| dataset.sample(index).unwrap().image.pixels);
        let worst = deep.iter().zip(&shallow).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 1.0 / 255.0, "image {index} differs by {worst}");
    }
}
