//! What shapes promise: exact masks, repeatable draws, a class that only the shape knows, and a bias in the background only.

use super::*;
use crate::testing::assert_reads_back;
use crate::{CheckOptions, Manifest, ManifestOptions, ProblemKind, check};

const TESTS: [ShapesSplit; 3] = [ShapesSplit::Biased, ShapesSplit::Standard, ShapesSplit::Deceiving];

fn config() -> ShapesConfig {
    ShapesConfig { size: 48, train: 400, test: 80, seed: 11, ..ShapesConfig::default() }
}

fn mask(sample: &Sample) -> &[f32] {
    &sample.mask.as_ref().unwrap().values
}

fn label(sample: &Sample) -> usize {
    sample.label.as_ref().unwrap().classes()[0]
}

/// The pixels at which two pictures differ.
fn changed(a: &Sample, b: &Sample) -> Vec<usize> {
    let pixels = a.image.pixels.chunks_exact(3).zip(b.image.pixels.chunks_exact(3)).enumerate();
    pixels.filter(|(_, (a, b))| a != b).map(|(pixel, _)| pixel).collect()
}

#[test]
fn the_same_address_gives_the_same_picture_whatever_the_number_of_threads() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = pool(1).install(|| dataset(&config(), ShapesSplit::Deceiving));
    let four = pool(4).install(|| dataset(&config(), ShapesSplit::Deceiving));
    assert_eq!(one, four);
    assert_eq!(one[7], generate(&config(), ShapesSplit::Deceiving, 7));
}

#[test]
fn seed_split_and_index_each_change_the_picture() {
    let here = generate(&config(), ShapesSplit::Train, 0);
    let other_seed = ShapesConfig { seed: 12, ..config() };
    assert_ne!(mask(&here), mask(&generate(&other_seed, ShapesSplit::Train, 0)));
    for split in [ShapesSplit::Val, ShapesSplit::Biased] {
        assert_ne!(mask(&here), mask(&generate(&config(), split, 0)), "{}", split.name());
    }
    assert_ne!(mask(&here), mask(&generate(&config(), ShapesSplit::Train, 4)));
}

#[test]
fn the_three_tests_differ_outside_of_the_shape_only_and_all_over_there() {
    for index in 0..80 {
        let [biased, standard, deceiving] = TESTS.map(|split| generate(&config(), split, index));
        for (a, b) in [(&biased, &standard), (&biased, &deceiving), (&standard, &deceiving)] {
            assert_eq!((mask(a), label(a)), (mask(b), label(b)));
            let changed = changed(a, b);
            assert!(changed.iter().all(|&pixel| mask(a)[pixel] == 0.0), "picture {index}");
            let background = mask(a).iter().filter(|&&value| value == 0.0).count();
            assert!(changed.len() > background / 3, "picture {index}: {} of {background}", changed.len());
        }
    }
}

#[test]
fn the_background_gives_the_class_away_in_training_never_in_deceiving_and_is_nobodys_in_standard() {
    let papers = |split| dataset(&config(), split).iter().map(|s| (label(s), s.source.clone())).collect::<Vec<_>>();
    let bound = |label: usize| Wallpaper::BOUND[label].name();
    for split in [ShapesSplit::Train, ShapesSplit::Val, ShapesSplit::Biased] {
        assert!(papers(split).iter().all(|(label, paper)| paper == bound(*label)), "{}", split.name());
    }
    let deceiving = papers(ShapesSplit::Deceiving);
    assert!(deceiving.iter().all(|(label, paper)| paper != bound(*label) && paper != "tile"));
    for (label, other) in (0..4).flat_map(|label| (1..4).map(move |step| (label, (label + step) % 4))) {
        let count = deceiving.iter().filter(|(l, paper)| *l == label && paper == bound(other)).count();
        assert!(count >= 2, "{count} of class {label} lie on {}", bound(other));
    }
    assert!(papers(ShapesSplit::Standard).iter().all(|(_, paper)| paper == "tile"));
    let [first, second] = [0, 4].map(|index| Case::new(&config(), ShapesSplit::Standard, index).wallpaper);
    assert_ne!(first, second, "each picture has a tile of its own");
}

#[test]
fn the_correlation_says_how_often_the_background_follows_the_class() {
    for (correlation, expected) in [(1.0, 800..=800), (0.6, 440..=520), (0.0, 0..=0)] {
        let config = ShapesConfig { correlation, ..config() };
        let follows = |&index: &usize| {
            Case::new(&config, ShapesSplit::Train, index).wallpaper == Wallpaper::BOUND[index % CLASSES.len()]
        };
        let count = (0..800).filter(follows).count();
        assert!(expected.contains(&count), "correlation {correlation}: {count} of 800");
    }
}

/// The same picture with another shape: all that neither touches stays, and so does all that is well inside of both.
#[test]
fn nothing_but_the_shape_and_the_background_knows_the_class() {
    for index in 0..40 {
        let split = ShapesSplit::Standard;
        let pictures = Figure::ALL.map(|figure| {
            let case = Case { figure, ..Case::new(&config(), split, index) };
            case.sample(48, split, index)
        });
        for other in &pictures[1..] {
            let (a, b) = (mask(&pictures[0]), mask(other));
            assert_ne!(a, b);
            for pixel in changed(&pictures[0], other) {
                let inside = |mask: &[f32]| (0..25).all(|k| mask[pixel + k / 5 * 48 + k % 5 - 2 * 49] == 1.0);
                assert!(a[pixel] + b[pixel] > 0.0, "picture {index}: pixel {pixel} is background of both");
                assert!(!(inside(a) && inside(b)), "picture {index}: pixel {pixel} is inside of both");
            }
        }
    }
}

#[test]
fn shapes_lie_within_the_picture_and_none_is_told_by_its_area() {
    let mut shares = [0.0; 4];
    for sample in dataset(&config(), ShapesSplit::Train) {
        let on_edge = |pixel: usize| [pixel % 48, pixel / 48].iter().any(|&at| at == 0 || at == 47);
        assert!((0..48 * 48).all(|pixel| !on_edge(pixel) || mask(&sample)[pixel] == 0.0), "{}", sample.id);
        let share = mask(&sample).iter().sum::<f32>() / (48.0 * 48.0);
        assert!((0.06..0.28).contains(&share), "{} covers {share}", sample.id);
        shares[label(&sample)] += share / 100.0;
    }
    let (least, most) = shares.iter().fold((1.0_f32, 0.0_f32), |(least, most), &s| (least.min(s), most.max(s)));
    assert!(most / least < 1.25, "{shares:?}: a long rim touches a few more pixels");
}

#[test]
fn a_field_out_of_range_is_named_with_its_range() {
    let check = |config: ShapesConfig, message: &str| assert_eq!(config.check().unwrap_err().to_string(), message);
    check(ShapesConfig { size: 8, ..config() }, "`size` is 8; it must be at least 32");
    check(ShapesConfig { correlation: f64::NAN, ..config() }, "`correlation` is NaN; it must be from 0 to 1");
}

#[test]
fn what_is_read_back_is_what_was_drawn_and_the_data_check_only_says_that_the_wallpaper_tells_the_class() {
    let folder = tempfile::tempdir().unwrap();
    let config = ShapesConfig { size: 32, train: 8, val: 4, test: 4, ..config() };
    let manifest = write(&config, folder.path(), isnet_files::Existing::Refuse).unwrap();
    let manifest = Manifest::read(manifest, &ManifestOptions::default()).unwrap();
    assert_eq!(manifest.classes, config.class_names());
    for split in ShapesSplit::ALL {
        let drawn = (0..config.count(split)).map(|index| generate(&config, split, index)).collect();
        assert_reads_back(&manifest, split.name(), drawn);
    }
    let report = check(&manifest, &CheckOptions::default());
    let kinds: Vec<ProblemKind> = report.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::SourceTellsLabel]);
}
