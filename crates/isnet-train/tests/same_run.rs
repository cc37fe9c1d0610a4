//! Same seed, same run: generated data, and the weights after a short training, have the same bits on every processor with a fused
//! multiply-add.
//!
//! The digests below hold on x86-64 with AVX-512 and with AVX2. The first test holds this processor to them; the second starts it again with
//! every instruction set that can be forced, without the vector code of the C library, and with other numbers of threads.

use std::path::Path;
use std::process::Command;

use isnet_kernels::cpu::InstructionSet;
use isnet_run::{Datasets, Existing, RunConfig};
use isnet_train::{Trainer, Unwatched};
use tempfile::TempDir;

const CONFIG: &str = r#"
[data]
mask_margin = 0.0
height = 32
width = 32
channels = 1
[train]
epochs = 2
batch_size = 6
learning_rate = 0.05
best_metric = "macro_f1"

# The ISNet of the papers, every step of which is the method.
[method]
start_epoch = 0
deep_supervision = false
[loss]
heatmap_loss_weight = 0.7
[data.augment]
exchange_background = 0.0
"#;
const PHANTOMS: &str = "{ size = 32, train = 18, val = 6, test = 2 }";
const SHAPES: &str = "{ size = 32, train = 18, val = 6, test = 2 }";
const CNN: &str = "{ architecture = 'plain_cnn', stages = [{ channels = 8 }, { channels = 20 }] }";
const WIDE: &str = "{ architecture = 'plain_cnn', stages = [{ channels = 16 }, { channels = 32 }, { channels = 48 }] }";
const UNET: &str = "{ architecture = 'unet', stages = [{ channels = 6 }, { channels = 10 }, { channels = 12 }] }";
const GATED: &str = "{ architecture = 'ag_sononet', stages = [{ channels = 6 }, { channels = 8 }, { channels = 10 }] }";
const VIT: &str = "{ architecture = 'plain_vit', transformer = { width = 32, layers = 2 } }";
const SQUEEZE: &str = "{ architecture = 'squeezenet1_1' }";

/// Settings of a training, and the digest of its weights.
type Run = (&'static [(&'static str, &'static str)], &'static str);

const RUNS: [Run; 11] = [
    // Many pixels and channels, so that sums are cut into parts.
    (&[("model", WIDE), ("data.height", "64"), ("data.width", "64"), ("train.batch_size", "16")], "13e86cd8a54de81f"),
    (
        &[("model", CNN), ("method.name", "standard"), ("train.schedule", "cosine"), ("data.augment.noise", "0.1")],
        "c453543f143ba156",
    ),
    (
        &[("model", CNN), ("data.augment.rotation_degrees", "20"), ("data.augment.scale", "[0.9, 1.1]")],
        "5b0cd9c1335631f2",
    ),
    (&[("model", CNN), ("method.selector", "dual"), ("data.channels", "3")], "cc75969bdb2778d8"),
    (&[("model", CNN), ("method.name", "rrr"), ("method.rrr.weight", "0.1")], "7d30f0d71a850488"),
    (
        &[("model", CNN), ("method.name", "gain"), ("train.optimizer", "adamw"), ("train.learning_rate", "0.001")],
        "7051eb40b0cb9f5a",
    ),
    (
        &[("model", CNN), ("method.name", "ham"), ("method.ham.normal", "clear"), ("data.classes", CLASSES)],
        "231666138bd53ff5",
    ),
    (&[("model", UNET), ("method.name", "multitask")], "cacc913ccec39393"),
    (&[("model", GATED), ("method.name", "attention_gated")], "27caf0c3e0d3f406"),
    (&[("model", VIT), ("train.learning_rate", "0.001")], "9d36a5b38cc6e3e0"),
    (&[("model", SQUEEZE), ("train.epochs", "1"), ("train.learning_rate", "0.001")], "b2f8381b720933c6"),
];
const CLASSES: &str = "['clear', 'diffuse', 'focal']";

/// Generated data, and the digest of all its images and masks.
const DATA: [(&str, &str, &str); 2] =
    [("data.phantom", PHANTOMS, "d8ac0cac281d441e"), ("data.shapes", SHAPES, "90fef9d04cf2b462")];

#[test]
fn data_and_weights_have_the_bits_that_every_processor_with_fused_multiply_add_gives() {
    // Without a fused multiply-add sums are rounded twice, which may show; generated data have none.
    let fused = InstructionSet::current() != InstructionSet::Portable;
    let mut found = Vec::new();
    for (kind, settings, expected) in DATA {
        found.push((kind.to_owned(), digest_of_data(&config(&[(kind, settings)])), expected));
    }
    for (set, expected) in RUNS.into_iter().filter(|_| fused) {
        found.push((format!("{set:?}"), digest_of_weights(set), expected));
    }
    let wrong: Vec<_> = found.iter().filter(|(_, found, expected)| found != expected).collect();
    assert!(wrong.is_empty(), "other bits than on other processors: {wrong:#?}");
}

#[test]
fn instruction_sets_the_c_library_and_threads_change_no_bit() {
    const WITHOUT_VECTORS: &str =
        "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-AVX_Usable,-AVX";
    let mut environments =
        vec![("GLIBC_TUNABLES", WITHOUT_VECTORS), ("RAYON_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "3")];
    let fused = InstructionSet::available().filter(|set| *set != InstructionSet::Portable);
    environments.extend(fused.map(|set| ("ISNET_SIMD", set.word())));
    for (variable, value) in environments {
        let mut test = Command::new(std::env::current_exe().expect("a running test has a path"));
        let done = test.env(variable, value).arg("data_and_weights_have").output().expect("this test starts again");
        assert!(done.status.success(), "{variable}={value}: {}", String::from_utf8_lossy(&done.stdout));
    }
}

fn config(set: &[(&str, &str)]) -> RunConfig {
    RunConfig::from_toml(CONFIG, "same.toml", set).expect("valid keys")
}

fn digest_of_weights(set: &[(&str, &str)]) -> String {
    let folder = TempDir::new().expect("a folder");
    let output = format!("'{}'", Path::new(folder.path()).join("run").display());
    let config = config(&[set, &[("data.phantom", PHANTOMS), ("output", output.as_str())]].concat());
    let data = Datasets::of(&config).expect("generated data");
    let trainer = Trainer::new(&config, &data, Existing::Refuse, &mut Unwatched).expect("data and keys fit");
    let (model, _) = trainer.train(&mut Unwatched).expect("finite numbers");
    model.to_file().weights_digest()[..16].to_owned()
}

fn digest_of_data(config: &RunConfig) -> String {
    let data = Datasets::of(config).expect("generated data");
    let mut digest = blake3::Hasher::new();
    let parts = data.tests.iter().map(|(_, part)| part).chain([&data.train]).chain(&data.validation);
    for part in parts {
        for index in 0..part.len() {
            let sample = part.sample(index).expect("a generated sample");
            let mask = sample.mask.as_ref().map_or(&[][..], |mask| &mask.values);
            let values = sample.image.pixels.iter().chain(mask);
            for value in values {
                digest.update(&value.to_le_bytes());
            }
        }
    }
    digest.finalize().to_hex()[..16].to_owned()
}
