use super::*;
use crate::dataset::MemoryDataset;
use crate::error::DataError;
use crate::manifest::Task;
use crate::sample::Label;
use crate::testing::ramp_sample;

fn loader(n: usize) -> Loader {
    let samples = (0..n).map(|id| ramp_sample(9, 9, id)).collect();
    let dataset = MemoryDataset::new(Task::SingleLabel, vec!["x".into(), "y".into()], samples);
    let augmentation =
        Augmentation { rotation_degrees: 30.0, noise: 0.1, flip_horizontal: true, ..Augmentation::default() };
    Loader {
        dataset: Arc::new(dataset),
        order: (0..n).rev().collect(),
        batch_size: 4,
        augmentation: Some(augmentation),
        seed: 3,
        epoch: 0,
        merge_single: false,
    }
}

fn all(loader: &Loader) -> Vec<Batch> {
    (0..loader.len()).map(|index| loader.batch(index).unwrap()).collect()
}

#[test]
fn batches_follow_the_order_and_the_last_is_short() {
    let loader = loader(10);
    let indices: Vec<_> = all(&loader).into_iter().map(|batch| batch.indices).collect();
    assert_eq!(indices, [vec![9, 8, 7, 6], vec![5, 4, 3, 2], vec![1, 0]]);
    assert_eq!(loader.batch(0).unwrap().labels[..2], [Label::Single(1), Label::Single(0)]);
}

#[test]
fn a_last_sample_alone_joins_the_batch_before_it_where_there_is_one() {
    for (n, sizes) in [(8, vec![4, 4]), (9, vec![4, 5]), (10, vec![4, 4, 2]), (1, vec![1])] {
        let loader = Loader { merge_single: true, ..loader(n) };
        assert_eq!(loader.len(), sizes.len());
        let batches = all(&loader);
        assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), sizes, "{n} samples");
        let shown: Vec<usize> = batches.into_iter().flat_map(|batch| batch.indices).collect();
        assert_eq!(shown, loader.order, "{n} samples");
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| all(&loader(10)))
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn prefetched_batches_are_those_asked_for_one_by_one_also_from_the_middle() {
    let loader = loader(10);
    let expected = all(&loader);
    let prefetched: Vec<_> = loader.clone().prefetch().map(Result::unwrap).collect();
    assert_eq!(prefetched, expected);
    let rest: Vec<_> = loader.prefetch_from(2).map(Result::unwrap).collect();
    assert_eq!(rest, expected[2..]);
}

#[test]
fn a_sample_drawn_twice_another_epoch_and_another_seed_are_augmented_differently() {
    let mut loader = loader(2);
    loader.order = vec![0, 0];
    let first = loader.batch(0).unwrap();
    let (one, two) = first.image.split_at(81);
    assert_ne!(one, two);
    loader.epoch = 1;
    assert_ne!(first.image, loader.batch(0).unwrap().image);
    (loader.epoch, loader.seed) = (0, 4);
    assert_ne!(first.image, loader.batch(0).unwrap().image);
    loader.augmentation = None;
    assert_eq!(loader.batch(0).unwrap().image[..81], ramp_sample(9, 9, 0).image.pixels);
}

#[test]
fn a_prefetch_may_be_dropped_in_the_middle() {
    let mut batches = loader(100).prefetch();
    assert_eq!(batches.len(), 25);
    batches.next().unwrap().unwrap();
    assert_eq!(batches.len(), 24);
}

/// Fails from sample 5 on.
struct Broken(MemoryDataset, fn(usize) -> DataError);

impl Dataset for Broken {
    fn group(&self, _index: usize) -> &str {
        ""
    }

    fn len(&self) -> usize {
        self.0.len()
    }
    fn task(&self) -> Task {
        self.0.task()
    }
    fn classes(&self) -> &[String] {
        self.0.classes()
    }
    fn sample(&self, index: usize) -> Result<Sample> {
        if index < 5 { self.0.sample(index) } else { Err((self.1)(index)) }
    }
    fn label(&self, index: usize) -> Option<&Label> {
        self.0.label(index)
    }
    fn has_mask(&self, index: usize) -> bool {
        self.0.has_mask(index)
    }
    fn source(&self, index: usize) -> &str {
        self.0.source(index)
    }
    fn id(&self, index: usize) -> String {
        self.0.id(index)
    }
}

fn broken(error: fn(usize) -> DataError) -> Loader {
    let samples = (0..8).map(|id| ramp_sample(3, 3, id)).collect();
    let dataset = MemoryDataset::new(Task::SingleLabel, vec!["x".into(), "y".into()], samples);
    Loader { dataset: Arc::new(Broken(dataset, error)), order: (0..8).collect(), ..loader(8) }
}

#[test]
fn the_first_bad_sample_of_a_batch_is_the_one_named() {
    let loader = broken(|index| DataError::Missing { path: index.to_string().into(), likely: None });
    for _ in 0..20 {
        let error = loader.clone().prefetch().find_map(Result::err).unwrap();
        assert!(error.to_string().starts_with("`5` does not exist"), "{error}");
    }
}

#[test]
#[should_panic(expected = "a bug in sample 5")]
fn a_panic_in_the_background_is_not_the_end_of_the_epoch() {
    let loader = Loader { batch_size: 1, ..broken(|index| panic!("a bug in sample {index}")) };
    let _ = loader.prefetch().count();
}
