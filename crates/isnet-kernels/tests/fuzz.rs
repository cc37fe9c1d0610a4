//! Random convolutions against plain loops, exactly. `fuzz/` runs the same check under a fuzzer that watches which code it reaches; this is
//! the bounded run for every day, and for Miri and valgrind (CONTRIBUTING.md).

mod convolution_case;

use std::process::Command;

use isnet_kernels::cpu::InstructionSet;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Convolutions in a run: `ISNET_FUZZ_CASES` if it is set.
fn cases() -> usize {
    let wanted = std::env::var("ISNET_FUZZ_CASES").ok().and_then(|count| count.parse().ok());
    let slow = std::env::var_os("RUN_SLOW_TESTS").is_some();
    wanted.unwrap_or(if cfg!(miri) {
        3
    } else if slow {
        30_000
    } else {
        300
    })
}

#[test]
fn random_convolutions_equal_plain_loops() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut checked = 0;
    while checked < cases() {
        let bytes: [u8; 16] = rng.random();
        checked += usize::from(convolution_case::check(&bytes));
    }
}

#[test]
fn random_convolutions_equal_plain_loops_with_every_instruction_set() {
    if cfg!(miri) {
        return; // Miri starts no programs.
    }
    for set in InstructionSet::available().filter(|set| *set != InstructionSet::current()) {
        let mut tests = Command::new(std::env::current_exe().expect("a running test has a path"));
        let tests = tests.env("ISNET_SIMD", set.word()).args(["--exact", "random_convolutions_equal_plain_loops"]);
        let done = tests.output().expect("this test starts again");
        assert!(done.status.success(), "{set}: {}", String::from_utf8_lossy(&done.stdout));
    }
}
