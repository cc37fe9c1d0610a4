//! What the tests share that mutate whole files from a seed.
//!
//! `ISNET_FUZZ_CASES` says how many mutants, `ISNET_FUZZ_SEED` where they start.

/// SplitMix64: a mutant is its seed and nothing else.
pub struct Random(pub u64);

impl Random {
    /// The next number of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// One of the items.
    ///
    /// # Panics
    /// If there is none.
    pub fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// A number of the environment, or the default.
///
/// # Panics
/// If the variable is set and no whole number.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: `{text}`")))
}
