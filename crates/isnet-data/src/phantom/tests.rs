//! What a phantom promises: exact masks, repeatable draws, a bias in the background only, and honest difficulty.

use super::*;

fn config() -> PhantomConfig {
    PhantomConfig { train: 360, test: 180, seed: 11, ..PhantomConfig::default() }
}

/// The film that patient `index` of the test would have with another disease or another mark.
fn variant(index: usize, disease: Disease, mark: Option<usize>) -> Film {
    Case { disease, mark, ..Case::new(&config(), PhantomSplit::Standard, index) }.film(64)
}

fn mask(sample: &Sample) -> &[f32] {
    &sample.mask.as_ref().unwrap().values
}

fn label(sample: &Sample) -> usize {
    sample.label.as_ref().unwrap().classes()[0]
}

fn hospital(sample: &Sample) -> usize {
    KNOWN.iter().position(|hospital| hospital.name == sample.source).unwrap()
}

#[test]
fn the_same_address_gives_the_same_phantom_whatever_the_number_of_threads() {
    let config = PhantomConfig { test: 20, ..config() };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = pool(1).install(|| dataset(&config, PhantomSplit::Deceiving));
    let four = pool(4).install(|| dataset(&config, PhantomSplit::Deceiving));
    assert_eq!(one, four);
    assert_eq!(one[7], generate(&config, PhantomSplit::Deceiving, 7));
}

#[test]
fn seed_split_and_index_each_change_the_patient() {
    let here = generate(&config(), PhantomSplit::Train, 0);
    let other_seed = PhantomConfig { seed: 12, ..config() };
    assert_ne!(mask(&here), mask(&generate(&other_seed, PhantomSplit::Train, 0)));
    for split in [PhantomSplit::Val, PhantomSplit::Biased, PhantomSplit::External] {
        assert_ne!(mask(&here), mask(&generate(&config(), split, 0)), "{}", split.name());
    }
    assert_ne!(mask(&here), mask(&generate(&config(), PhantomSplit::Train, 1)));
}

/// At four times the resolution a coarse pixel is 4 × 4 fine ones; its centre is the meeting point of the middle four.
#[test]
fn the_mask_is_the_same_shape_at_every_size() {
    let fine = PhantomConfig { size: 256, ..config() };
    for index in 0..20 {
        let (coarse, fine) = (generate(&config(), PhantomSplit::Val, index), generate(&fine, PhantomSplit::Val, index));
        let (coarse, fine) = (mask(&coarse), mask(&fine));
        for (pixel, &is_lung) in coarse.iter().enumerate() {
            let first = (4 * (pixel / 64) + 1) * 256 + 4 * (pixel % 64) + 1;
            let middle = [fine[first], fine[first + 1], fine[first + 256], fine[first + 257]];
            let agree = middle.contains(&is_lung);
            assert!(agree, "phantom {index} pixel {pixel}: {is_lung} but {middle:?}");
        }
    }
}

#[test]
fn lungs_are_binary_two_and_of_a_plausible_size() {
    for sample in dataset(&config(), PhantomSplit::Train) {
        let lungs = mask(&sample);
        assert!(lungs.iter().all(|&value| value == 0.0 || value == 1.0));
        let share = lungs.iter().sum::<f32>() / lungs.len() as f32;
        assert!((0.10..0.35).contains(&share), "{} covers {share}", sample.id);
        assert_eq!(islands(lungs, 64), 2, "{}", sample.id);
    }
}

/// Number of regions that hang together by sides or corners.
fn islands(mask: &[f32], size: usize) -> usize {
    let mut open: Vec<bool> = mask.iter().map(|&value| value == 1.0).collect();
    let mut count = 0;
    for start in 0..open.len() {
        let mut stack = if open[start] { vec![start] } else { vec![] };
        count += stack.len();
        while let Some(pixel) = stack.pop() {
            if std::mem::take(&mut open[pixel]) {
                // No lung touches the edge of the picture, so all neighbours exist.
                let around = [pixel - 1, pixel + 1, pixel - size, pixel + size];
                let corners = [pixel - size - 1, pixel - size + 1, pixel + size - 1, pixel + size + 1];
                stack.extend(around.into_iter().chain(corners));
            }
        }
    }
    count
}

#[test]
fn disease_changes_lungs_and_nothing_else() {
    for index in 0..60 {
        let clear = variant(index, Disease::Clear, Some(1));
        for disease in [Disease::Diffuse, Disease::Focal] {
            let ill = variant(index, disease, Some(1));
            assert_eq!(clear.lungs, ill.lungs);
            let changed = |lung: f32| {
                let pixels = clear.pixels.iter().zip(&ill.pixels).zip(&clear.lungs);
                pixels.filter(|((a, b), m)| **m == lung && (*a - *b).abs() > 0.05).count()
            };
            assert_eq!(changed(0.0), 0, "{disease:?} outside the lungs of {index}");
            assert!(changed(1.0) >= 12, "{disease:?} of {index} is invisible: {}", changed(1.0));
        }
    }
}

#[test]
fn the_three_tests_differ_at_the_mark_only() {
    for index in 0..90 {
        let [biased, standard, deceiving] = [PhantomSplit::Biased, PhantomSplit::Standard, PhantomSplit::Deceiving]
            .map(|split| generate(&config(), split, index));
        assert_eq!((mask(&biased), mask(&standard)), (mask(&standard), mask(&deceiving)));
        assert_eq!((label(&biased), label(&standard)), (label(&standard), label(&deceiving)));
        let corner = KNOWN[hospital(&standard)].mark_center();
        for marked in [&biased, &deceiving] {
            let pairs = marked.image.pixels.iter().zip(&standard.image.pixels).enumerate();
            let changed: Vec<usize> = pairs.filter(|(_, (a, b))| a != b).map(|(pixel, _)| pixel).collect();
            assert!(changed.len() >= 20, "phantom {index} has no visible mark");
            for pixel in changed {
                let (x, y) = ((pixel % 64) as f32 / 31.5 - 1.0, (pixel / 64) as f32 / 31.5 - 1.0);
                let near = (x - corner.x).abs().max((y - corner.y).abs()) < 0.25;
                assert!(near && mask(&standard)[pixel] == 0.0, "phantom {index} changes at {x}, {y}");
            }
        }
        assert_ne!(biased.image, deceiving.image, "phantom {index}");
    }
}

/// The mark keeps its distance, so that no convolution at the lung's edge has to look at it.
#[test]
fn marks_stay_at_least_two_pixels_from_the_lungs() {
    for index in 0..300 {
        let [without, with] = [None, Some(index % 3)].map(|mark| variant(index, Disease::Clear, mark));
        for pixel in (0..64 * 64).filter(|&pixel| without.pixels[pixel] != with.pixels[pixel]) {
            let rows = (pixel / 64).saturating_sub(2)..(pixel / 64 + 3).min(64);
            let mut near = rows.flat_map(|row| {
                ((pixel % 64).saturating_sub(2)..(pixel % 64 + 3).min(64)).map(move |column| row * 64 + column)
            });
            assert!(near.all(|pixel| without.lungs[pixel] == 0.0), "phantom {index} pixel {pixel}");
        }
    }
}

#[test]
fn the_correlation_says_how_often_the_mark_follows_the_class() {
    for (mark_correlation, expected) in [(1.0, 900..=900), (0.6, 490..=590), (0.0, 0..=0)] {
        let config = PhantomConfig { mark_correlation, ..config() };
        let follows = |&index: &usize| Case::new(&config, PhantomSplit::Train, index).mark == Some(index % 3);
        let count = (0..900).filter(follows).count();
        assert!(expected.contains(&count), "correlation {mark_correlation}: {count} of 900");
    }
}

#[test]
fn labels_and_hospitals_are_crossed_evenly() {
    let mut cells = [[0; 3]; 3];
    for sample in dataset(&PhantomConfig { train: 90, ..config() }, PhantomSplit::Train) {
        cells[label(&sample)][hospital(&sample)] += 1;
    }
    assert_eq!(cells, [[10; 3]; 3]);
}

/// The external hospital's film of one patient, but for the lungs, does not depend on the class.
#[test]
fn the_external_hospital_is_another_place_and_its_mark_tells_nothing() {
    let external = generate(&config(), PhantomSplit::External, 4);
    assert!(KNOWN.iter().all(|hospital| hospital.name != external.source));
    let films = [0, 1, 2].map(|class| {
        let case = Case::new(&config(), PhantomSplit::External, 4);
        Case { mark: Some(class), ..case }.film(64).pixels
    });
    assert!(films[0] == films[1] && films[1] == films[2]);
    assert_eq!(films[0], external.image.pixels);
}

#[test]
fn three_channels_repeat_the_gray_value() {
    let gray = generate(&config(), PhantomSplit::Train, 5);
    let color = generate(&PhantomConfig { channels: 3, ..config() }, PhantomSplit::Train, 5);
    assert_eq!(color.image.pixels.len(), 3 * gray.image.pixels.len());
    assert!(color.image.pixels.chunks(3).zip(&gray.image.pixels).all(|(rgb, &v)| rgb == [v; 3]));
}

#[test]
fn a_field_out_of_range_is_named_with_its_range() {
    let check = |config: PhantomConfig, message: &str| {
        assert_eq!(config.check().unwrap_err().to_string(), message);
    };
    check(PhantomConfig { size: 8, ..config() }, "`size` is 8; it must be at least 32");
    check(PhantomConfig { channels: 2, ..config() }, "`channels` is 2; it must be 1 or 3");
    check(PhantomConfig { classes: 4, ..config() }, "`classes` is 4; it must be 2 or 3");
    let config = PhantomConfig { mark_correlation: f64::NAN, ..config() };
    check(config, "`mark_correlation` is NaN; it must be from 0 to 1");
}

/// Learns the mean of each (class, hospital) and answers with the class of the nearest one: as simple as learning gets.
struct NearestMean {
    means: Vec<(usize, Vec<f32>)>,
}

impl NearestMean {
    fn learn(
        samples: &[Sample],
        n_groups: usize,
        group: fn(&Sample) -> usize,
        features: fn(&Sample) -> Vec<f32>,
    ) -> Self {
        let length = features(&samples[0]).len();
        let mut means = vec![(0, vec![0.0; length]); n_groups];
        let mut counts = vec![0.0; n_groups];
        for sample in samples {
            let group = group(sample);
            counts[group] += 1.0;
            means[group].0 = label(sample);
            means[group].1.iter_mut().zip(features(sample)).for_each(|(sum, value)| *sum += value);
        }
        for ((_, mean), count) in means.iter_mut().zip(counts) {
            mean.iter_mut().for_each(|value| *value /= count);
        }
        Self { means }
    }

    fn accuracy(&self, samples: &[Sample], features: fn(&Sample) -> Vec<f32>) -> f64 {
        let right = samples.iter().filter(|sample| {
            let here = features(sample);
            let away = |mean: &[f32]| mean.iter().zip(&here).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            let nearest = self.means.iter().min_by(|a, b| away(&a.1).total_cmp(&away(&b.1))).unwrap();
            nearest.0 == label(sample)
        });
        right.count() as f64 / samples.len() as f64
    }
}

fn background(sample: &Sample) -> Vec<f32> {
    sample.image.pixels.iter().zip(mask(sample)).map(|(pixel, lung)| pixel * (1.0 - lung)).collect()
}

/// Deep in the lungs: how uneven the film is at the scale of a patch, and how grainy at that of a pixel, in units in which
/// both matter alike.
fn lung_texture(sample: &Sample) -> Vec<f32> {
    let (pixels, lungs) = (&sample.image.pixels, mask(sample));
    let window = |center: usize| (0..25).map(move |k| center + k / 5 * 64 + k % 5 - 2 * 65);
    let deep = (0..64 * 64).filter(|&at| lungs[at] == 1.0 && window(at).all(|near| lungs[near] == 1.0));
    let (blurred, grain): (Vec<f32>, Vec<f32>) = deep
        .map(|at| {
            let mean = window(at).map(|near| pixels[near]).sum::<f32>() / 25.0;
            (mean, pixels[at] - mean)
        })
        .unzip();
    vec![deviation(&blurred), 1.5 * deviation(&grain)]
}

fn deviation(values: &[f32]) -> f32 {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
}

#[test]
fn background_alone_solves_biased_and_is_fooled_by_deceiving() {
    let group = |sample: &Sample| 3 * label(sample) + hospital(sample);
    let model = NearestMean::learn(&dataset(&config(), PhantomSplit::Train), 9, group, background);
    let accuracy = |split| model.accuracy(&dataset(&config(), split), background);
    let (biased, standard) = (accuracy(PhantomSplit::Biased), accuracy(PhantomSplit::Standard));
    let (deceiving, external) = (accuracy(PhantomSplit::Deceiving), accuracy(PhantomSplit::External));
    assert!(biased >= 0.95, "biased {biased}");
    assert!((0.2..0.47).contains(&standard), "standard {standard}: background tells without a mark");
    assert!(deceiving <= 0.05, "deceiving {deceiving}");
    assert!((0.2..0.47).contains(&external), "external {external}: background tells the class");
}

#[test]
fn lungs_alone_tell_the_class_by_their_texture_and_do_not_mind_the_mark() {
    let model = NearestMean::learn(&dataset(&config(), PhantomSplit::Train), 3, label, lung_texture);
    let accuracy = |split| model.accuracy(&dataset(&config(), split), lung_texture);
    let standard = accuracy(PhantomSplit::Standard);
    assert!(standard > 0.7, "two numbers from the lungs reach {standard}");
    assert_eq!((accuracy(PhantomSplit::Biased), accuracy(PhantomSplit::Deceiving)), (standard, standard));
}
