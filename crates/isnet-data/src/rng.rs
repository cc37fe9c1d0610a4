//! Randomness by address: every draw has a key, so nothing depends on who drew before.
//!
//! A run that is resumed, or decoded by another number of threads, asks for the same keys and gets the same numbers.
//! No generator lives longer than one sample or one epoch order, so none has a position to save.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Key of the order of samples within an epoch: `[ORDER, epoch]`.
pub const ORDER: u64 = 1;
/// Key of the augmentation of one sample: `[AUGMENT, epoch, position in the epoch]`.
pub const AUGMENT: u64 = 2;
/// Key of the phantom generator: `[PHANTOM, …]`.
pub const PHANTOM: u64 = 3;
/// Key of the marks of [`crate::mark`] and [`crate::bias`]: `[MARK, 0, address…]` where a mark goes, `[MARK, 1, image]` which
/// one it is, `[MARK, 2]` a texture, with its number as seed.
pub const MARK: u64 = 4;
/// Key of the splits of [`crate::import`]: `[SPLIT, hash of the patient]`.
pub const SPLIT: u64 = 5;
/// Key of the generator of shapes: `[SHAPES, …]`.
pub const SHAPES: u64 = 6;
/// Key of the decoys of [`crate::import`]: `[DECOY, 1 for training, index]`.
pub const DECOY: u64 = 8;
/// Key of the masks of [`crate::weaken`]: `[WEAKEN, 0, split]` which masks are kept, `[WEAKEN, 1, index]` how one is changed.
pub const WEAKEN: u64 = 9;
/// Key of the donor of a background: `[EXCHANGE, epoch, index]`.
pub const EXCHANGE: u64 = 7;

/// A fresh generator for the draw named `key` in the run with this `seed`.
///
/// `key` is by convention `[purpose, epoch, index]`. Different keys, also `[1]` and `[1, 0]`, give unrelated numbers.
///
/// # Example
/// ```
/// use isnet_data::rng::stream;
/// use rand::Rng;
/// let draw = |key: &[u64]| stream(7, key).random::<u64>();
/// assert_eq!(draw(&[2, 0, 5]), draw(&[2, 0, 5]));
/// assert_ne!(draw(&[2, 0, 5]), draw(&[2, 0, 6]));
/// ```
pub fn stream(seed: u64, key: &[u64]) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for part in key {
        hasher.update(&part.to_le_bytes());
    }
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn first(seed: u64, key: &[u64]) -> u64 {
        stream(seed, key).random()
    }

    #[test]
    fn every_part_of_the_address_matters() {
        let here = first(1, &[2, 3, 4]);
        for (seed, key) in [(9, [2, 3, 4]), (1, [9, 3, 4]), (1, [2, 9, 4]), (1, [2, 3, 9]), (1, [4, 3, 2])] {
            assert_ne!(here, first(seed, &key), "seed {seed} key {key:?}");
        }
        assert_ne!(first(1, &[2]), first(1, &[2, 0]), "a longer key is another key");
    }

    /// A pinned number: if it moves, old runs no longer resume bit for bit.
    #[test]
    fn the_stream_is_the_same_on_every_machine_and_version() {
        assert_eq!(first(42, &[ORDER, 0]), 14_618_737_684_484_465_194);
    }
}
