//! Random convolutions against plain loops, exactly. `fuzz/` runs the same check under a fuzzer that watches which code it reaches; this is
//! the bounded run for every day, and for Miri and valgrind (CONTRIBUTING.md).

mod convolution_case;

#[cfg(not(miri))]
use std::process::Command;

#[cfg(not(miri))]
use isnet_kernels::cpu::InstructionSet;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Convolutions in a run, and the seed they are drawn from.
fn check(cases: usize, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut checked = 0;
    while checked < cases {
        let bytes: [u8; 16] = rng.random();
        checked += usize::from(convolution_case::check(&bytes));
    }
}

/// A number from the environment.
fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

#[test]
fn random_convolutions_equal_plain_loops() {
    let usual = if cfg!(miri) { 3 } else { 300 };
    check(number("ISNET_FUZZ_CASES").unwrap_or(usual) as usize, number("ISNET_FUZZ_SEED").unwrap_or(11));
}

#[test]
#[ignore = "takes minutes: cargo test --release -p isnet-kernels --test fuzz -- --ignored"]
fn many_random_convolutions_equal_plain_loops() {
    check(30_000, 12);
}

#[cfg(not(miri))] // Miri starts no programs.
#[test]
fn random_convolutions_equal_plain_loops_with_every_instruction_set() {
    for set in InstructionSet::available().filter(|set| *set != InstructionSet::current()) {
        let mut tests = Command::new(std::env::current_exe().expect("a running test has a path"));
        let tests = tests.env("ISNET_SIMD", set.word()).args(["--exact", "random_convolutions_equal_plain_loops"]);
        let done = tests.output().expect("this test starts again");
        assert!(done.status.success(), "{set}: {}", String::from_utf8_lossy(&done.stdout));
    }
}
