//! Damaged weight files are refused: no panic, no endless loop, no allocation beyond what the file can hold.
//!
//! Whole files of both formats are mutated from a seed. `ISNET_FUZZ_CASES` says how many mutants, `ISNET_FUZZ_SEED` where they start;
//! a failure names its seed, and `ISNET_FUZZ_SEED=<seed> ISNET_FUZZ_CASES=1` repeats it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use isnet_graph::{Graph, Params};
use isnet_models::{Architecture, Stage, UnusedWeights, WeightFile, build, export, load_into, to_safetensors};
use isnet_testkit::fuzz::{Random, number};

/// Longer than any file here may take.
const PATIENCE: Duration = Duration::from_secs(5);

fn graph() -> Graph {
    let stages = vec![Stage { channels: 2, convs: 1, kernel: 3, pool: 1 }];
    build(&Architecture { stages, batch_norm: true, ..Architecture::new("plain_cnn", 2, 1) }).unwrap()
}

/// Whole files: extension, bytes, and what is wanted of them.
fn whole_files() -> Vec<(&'static str, Vec<u8>)> {
    let graph = graph();
    let tensors = export(&graph, &Params::initialize(&graph, 1, &Device::flex()));
    let named = tensors.iter().map(|tensor| (format!("state_dict.module.{}", tensor.name), tensor));
    let mut files = vec![("safetensors", to_safetensors(named, Some("a note".into())).unwrap())];
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for name in ["zip.pth", "legacy.pth", "checkpoint.pt", "timm_vit.pth"] {
        files.push(("pth", std::fs::read(fixtures.join(name)).unwrap()));
    }
    files
}

/// A few changes of a kind that damage, other writers and attackers make.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(6) {
        let place = random.below(bytes.len());
        // Most of what is read by rules stands at the two ends of a file.
        let place = if random.below(2) == 0 { place.min(random.below(400)) } else { place };
        match random.below(9) {
            _ if bytes.is_empty() => return,
            0 => bytes[place] ^= 1 << random.below(8),
            1 => bytes[place] = random.number() as u8,
            2 => bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)],
            3 => bytes.truncate(place),
            4 => bytes.insert(place, random.number() as u8),
            5 => drop(bytes.drain(place..(place + 1 + random.below(16)).min(bytes.len()))),
            6 => {
                let end = (place + 1 + random.below(64)).min(bytes.len());
                let copied = bytes[place..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copied);
            }
            7 => {
                let value = [u64::MAX, 1 << 62, 1 << 40, 1 << 32, u64::from(u32::MAX), 0][random.below(6)];
                let end = (place + [2, 4, 8][random.below(3)]).min(bytes.len());
                let length = end - place;
                bytes[place..end].copy_from_slice(&value.to_le_bytes()[..length]);
            }
            _ => replace_digits(bytes, place, random),
        }
    }
}

/// Another number where one stands as text, as in the header of safetensors.
fn replace_digits(bytes: &mut Vec<u8>, from: usize, random: &mut Random) {
    let Some(start) = (from..bytes.len()).find(|place| bytes[*place].is_ascii_digit()) else { return };
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let numbers = ["0", "1", "18446744073709551615", "4294967296", "-1", "1e9", "1152921504606846976"];
    bytes.splice(start..start + length, numbers[random.below(numbers.len())].bytes());
}

/// Address space that this process may use at most, where the system says what it uses.
fn peak_kilobytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn damaged_weight_files_are_read_or_refused() {
    let (cases, first) = (number("ISNET_FUZZ_CASES", 300), number("ISNET_FUZZ_SEED", 1));
    let (files, graph) = (whole_files(), graph());
    let mut wanted: BTreeSet<String> = graph.params().map(|(_, spec)| spec.name.clone()).collect();
    wanted.extend(["fc.weight", "fc.bias", "view.weight", "bn.running_var", "conv_proj.weight"].map(str::to_owned));
    let folder = tempfile::tempdir().unwrap();
    let before = peak_kilobytes();
    let mut read = 0;
    for seed in first..first + cases {
        let mut random = Random(seed);
        let (extension, mut bytes) = files[random.below(files.len())].clone();
        mutate(&mut bytes, &mut random);
        let path = folder.path().join("mutant").with_extension(extension);
        std::fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        let found = catch_unwind(AssertUnwindSafe(|| {
            let found = WeightFile::read(&path, &wanted);
            if let Ok(weights) = &found {
                let mut params = Params::initialize(&graph, 2, &Device::flex());
                let _ =
                    load_into(&graph, &mut params, weights, UnusedWeights::Allow).map_err(|error| error.to_string());
            }
            found.map_err(|error| error.to_string())
        }));
        let found = found.unwrap_or_else(|_| panic!("a panic with ISNET_FUZZ_SEED={seed}"));
        read += usize::from(found.is_ok());
        let elapsed = started.elapsed();
        assert!(elapsed < PATIENCE, "{elapsed:?} with ISNET_FUZZ_SEED={seed}");
        if let Err(message) = found {
            assert!(message.contains("mutant"), "a refusal names the file: {message}, ISNET_FUZZ_SEED={seed}");
        }
        if let (Some(before), Some(now)) = (before, peak_kilobytes()) {
            assert!(now < before + 400_000, "{} MB with ISNET_FUZZ_SEED={seed}", (now - before) / 1000);
        }
    }
    assert!(cases < 100 || (read > 0 && read < cases as usize), "{read} of {cases} could be read");
}
