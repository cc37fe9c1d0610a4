//! Variables of the environment: one that says nothing that there is stops a command at its start.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Bench, Said};

#[test]
fn a_typo_in_a_variable_stops_every_command_with_the_choices() {
    let bench = Bench::new();
    let cases: [(&str, &str, &[&str]); 3] = [
        ("ISNET_SIMD", "avx1024", &["error: `ISNET_SIMD=avx1024`", "`avx512`", "`avx2`", "`neon`", "`portable`"]),
        ("ISNET_KERNELS", "Plain", &["error: `ISNET_KERNELS=Plain`", "`fast`", "`plain`"]),
        #[cfg(target_arch = "x86_64")]
        ("ISNET_SIMD", "neon", &["`ISNET_SIMD=neon`", "this processor has no such instructions", "`portable`"]),
        #[cfg(not(target_arch = "x86_64"))]
        ("ISNET_SIMD", "avx2", &["`ISNET_SIMD=avx2`", "this processor has no such instructions", "`portable`"]),
    ];
    for command in ["train tiny.toml", "models", "data check manifest.csv"] {
        for (variable, value, words) in cases {
            let output = bench.command(command).env(variable, value).output().unwrap();
            let said = Said::of(command, output).fails(2, words);
            assert!(said.stdout.is_empty() && !said.stderr.contains("panicked"), "{said}");
        }
    }
    assert!(!bench.path("runs").exists(), "nothing has begun");
}
