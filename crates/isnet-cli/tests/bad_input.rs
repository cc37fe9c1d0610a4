//! What is wrong outside the program: every message says what, where and what to do, and nothing good is lost.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;

use common::{Bench, SIDE, Said, mask, poison};
use isnet_models::NamedTensor;
use isnet_run::Checkpoint;

const LAST: &str = "runs/tiny/checkpoints/last.safetensors";

/// What is done to a sound bench, and what must be said.
type Harm = (fn(&Bench), &'static [&'static str]);

const HARMS: &[Harm] = &[
    (
        |bench| bench.truncate("images/train-03.png"),
        &["manifest.csv` line 5", "images/train-03.png", "is truncated", "copy it again"],
    ),
    (
        |bench| fs::remove_file(bench.path("images/train-03.png")).unwrap(),
        &["manifest.csv` line 5", "images/train-03.png", "does not exist", "correct the path"],
    ),
    (
        |bench| bench.write("images/train-03.png", ""),
        &["manifest.csv` line 5", "images/train-03.png", "is empty; copy it again"],
    ),
    (
        |bench| mask(SIDE / 2).save(bench.path("masks/train-03.png")).unwrap(),
        &["manifest.csv` line 5", "images/train-03.png", "8×8", "its image 16×16", "resize the mask"],
    ),
    (
        |bench| bench.edit("tiny.toml", "[data]", "[data]\nclasses = [\"bright\", \"drak\"]"),
        &["manifest.csv` line 3", "label `dark` is not a class", "did you mean `drak`?", "isnet data check"],
    ),
    (
        |bench| bench.edit("manifest.csv", ",train", ",fold1"),
        &["no record is in the training split `train`", "`fold1`, `val`, `test`, `test_ood`"],
    ),
    (
        |bench| bench.edit("manifest.csv", "masks/train-03.png,dark", "masks/train-03.png,"),
        &["images/train-03.png", "no label"],
    ),
    (|bench| bench.edit("tiny.toml", "manifest.csv", "absent.csv"), &["absent.csv", "does not exist"]),
    (|bench| bench.write("manifest.csv", "photo,label\na.png,x\n"), &["manifest.csv", "no column `image`", "`photo`"]),
    (
        |bench| bench.edit("tiny.toml", "manifest =", "manifset ="),
        &["`data.manifset`", "tiny.toml:5", "`data.manifest`?"],
    ),
    (|bench| bench.edit("tiny.toml", "epochs = 2", "epochs = 0"), &["`train.epochs`", "tiny.toml:18", "at least 1"]),
    (
        |bench| bench.edit("tiny.toml", "\"plain_cnn\"\nstages", "\"resnet81\"\n#"),
        &["`resnet81`", "did you mean", "`resnet18`"],
    ),
    (|bench| bench.write("tiny.toml", "[data\n"), &["`tiny.toml` is not valid TOML", "line 1"]),
    (|bench| fs::remove_file(bench.path("tiny.toml")).unwrap(), &["cannot read configuration `tiny.toml`"]),
];

#[test]
fn bad_data_and_configurations_stop_a_training_with_file_and_line() {
    for (harm, words) in HARMS {
        let bench = Bench::new();
        harm(&bench);
        let said = bench.isnet("train tiny.toml").fails(2, words);
        assert!(said.stderr.contains("error: ") && said.stdout.is_empty(), "{said}");
        assert!(!bench.path("runs/tiny/model.safetensors").exists(), "{said}");
    }
}

#[test]
fn a_mistyped_key_on_the_command_line_is_named_with_the_nearest_one() {
    let bench = Bench::new();
    for (arguments, words) in [
        ("--set train.epoch=3", ["`train.epoch`", "`--set`", "did you mean `train.epochs`?"]),
        ("--set epochs=3", ["`epochs`", "`--set`", "did you mean `train.epochs`?"]),
        ("--set train.epochs", ["`--set train.epochs`", "key and value", "train.epochs=4"]),
        ("--set train.optimizer=adam", ["`train.optimizer`", "`--set`", "`adamw`"]),
        ("--set train.momentum=1.5", ["`train.momentum`", "`--set`", "outside its range"]),
        ("--device abacus", ["`abacus`", "`cpu`", "cargo features"]),
    ] {
        bench.isnet(&format!("train tiny.toml {arguments}")).fails(2, &words);
        assert!(!bench.path("runs/tiny/model.safetensors").exists(), "{arguments}");
    }
}

#[test]
fn a_training_that_could_not_start_leaves_the_run_folder_free_for_the_next() {
    let bench = Bench::new();
    bench.write("empty.safetensors", "");
    bench.isnet("train tiny.toml --set model.weights=empty.safetensors").fails(2, &["empty.safetensors"]);
    bench.isnet("train tiny.toml").done();
}

#[test]
fn a_heatmap_loss_without_any_mask_is_refused() {
    let bench = Bench::new();
    let manifest = bench.text("manifest.csv");
    let rows = manifest.lines().map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let mask = if cells[1] == "mask" { "mask" } else { "" };
        [cells[0], mask, cells[2], cells[3], cells[4]].join(",") + "\n"
    });
    bench.write("manifest.csv", rows.collect::<String>());
    bench.isnet("train tiny.toml").fails(2, &["no training sample has a mask", "`method.name = \"standard\"`"]);
    bench.isnet("train tiny.toml --set method.name=standard --overwrite").done();
}

#[test]
fn a_weight_that_is_not_a_number_is_refused_with_tensor_file_and_index() {
    let bench = Bench::trained();
    fs::copy(bench.path("runs/tiny/model.safetensors"), bench.path("start.safetensors")).unwrap();
    let from_weights = "train tiny.toml --set name=next --set model.weights=start.safetensors";
    bench.isnet(from_weights).done();

    poison(&bench.path("start.safetensors"));
    let said = bench.isnet(&format!("{from_weights} --overwrite"));
    said.fails(2, &["weight `", "NaN at index ", "start.safetensors"]);
    poison(&bench.path("runs/tiny/model.safetensors"));
    for command in
        ["predict runs/tiny images/test-00.png", "evaluate runs/tiny", "explain runs/tiny images/test-00.png"]
    {
        let said = bench.isnet(command);
        let said = said.fails(2, &["tensor `", "runs/tiny/model.safetensors", "NaN at index ", "train again"]);
        assert!(said.stdout.is_empty(), "{said}");
    }
}

#[test]
fn weights_of_another_architecture_are_refused_with_the_tensors_that_do_not_fit() {
    let bench = Bench::trained();
    let from = "--set name=next --set model.weights=runs/tiny/model.safetensors";
    let wider = "--set model.stages=[{channels=5},{channels=4}]";
    let said = bench.isnet(&format!("train tiny.toml {from} {wider}"));
    said.fails(2, &["do not fit", "model.safetensors", "`0.weight`: [4, 1, 3, 3] in the file, [5, 1, 3, 3] here"]);
    let other =
        "--overwrite --set model.architecture=resnet18 --set model.stages=[] --set data.height=32 --set data.width=32";
    let said = bench.isnet(&format!("train tiny.toml {from} {other}"));
    said.fails(2, &["do not fit", "model.safetensors", "is not in the file"]);
}

#[test]
fn a_model_that_is_absent_cut_short_or_not_the_one_described_is_refused() {
    let bench = Bench::trained();
    bench.isnet("train tiny.toml --set name=other --set seed=2").done();
    bench.isnet("predict runs/absent images/test-00.png").fails(2, &["runs/absent"]);
    bench.isnet("evaluate runs").fails(2, &["runs"]);
    bench.edit("runs/other/model.json", "\"mean\": []", "\"mean\": [0.5]");
    bench.isnet("predict runs/other images/test-00.png").fails(2, &["normalised by mean and deviation"]);
    fs::copy(bench.path("runs/other/model.safetensors"), bench.path("runs/tiny/model.safetensors")).unwrap();
    bench.isnet("predict runs/tiny images/test-00.png").fails(2, &["runs/tiny/model.safetensors", "weights_blake3"]);
    bench.truncate("runs/other/model.safetensors");
    bench.isnet("predict runs/other images/test-00.png").fails(2, &["runs/other/model.safetensors", "is corrupt"]);
    bench.write("runs/other/model.json", "{");
    bench.isnet("predict runs/other images/test-00.png").fails(2, &["runs/other/model.json", "is corrupt"]);
}

#[test]
fn a_run_folder_that_cannot_be_made_is_named_with_the_key_that_chooses_it() {
    let bench = Bench::new();
    // Below a regular file: root may write everywhere else.
    let said = bench.isnet("train tiny.toml --set output=manifest.csv/run");
    said.fails(2, &["cannot create run folder", "manifest.csv/run", "choose a writable folder", "`output`"]);
}

/// A disk that is full, as only Unix lets us make one.
#[cfg(unix)]
mod full_disk {
    use std::process::Command;

    use super::*;

    /// A model whose checkpoints are larger than everything else that a short run writes together.
    const LARGE: &str = "train tiny.toml --set model.stages=[{channels=48},{channels=48}]";

    /// Runs a script of the shell with the command as `"$0" "$@"`.
    fn in_shell(wrapper: &[&str], script: &str, isnet: &Command) -> std::io::Result<Said> {
        let words = [wrapper, &["sh", "-c", script]].concat();
        let mut shell = Command::new(words[0]);
        shell.args(&words[1..]).arg(isnet.get_program()).args(isnet.get_args());
        Ok(Said::of(script, shell.current_dir(isnet.get_current_dir().unwrap()).output()?))
    }

    /// The largest file allowed is half of a checkpoint; without the trap, the system would kill the process.
    #[test]
    fn a_checkpoint_that_does_not_fit_leaves_the_one_before() {
        let bench = Bench::new();
        let whole = bench.isnet(&format!("{LARGE} --set name=whole")).done().digest();
        bench.isnet(&format!("{LARGE} --set train.epochs=1")).done();
        let (before, log) = (bench.read(LAST), bench.text("runs/tiny/log.jsonl"));
        assert!(before.len() > 128 << 10, "the checkpoint has only {} bytes", before.len());

        let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
        let said = in_shell(&[], script, &bench.command(&format!("{LARGE} --resume"))).unwrap();
        said.fails(2, &["cannot write", "runs/tiny/checkpoints/", " bytes", "is intact"]);
        assert_eq!(bench.read(LAST), before);
        assert_eq!(Checkpoint::load(&bench.path(LAST)).unwrap().step, 3);
        assert!(bench.text("runs/tiny/log.jsonl").starts_with(&log));
        let names = fs::read_dir(bench.path("runs/tiny/checkpoints")).unwrap();
        assert_eq!(names.count(), 2, "half a checkpoint is left behind");

        assert_eq!(bench.isnet(&format!("{LARGE} --resume")).done().digest(), whole);
        assert_eq!(bench.lines("runs/tiny/log.jsonl"), 8);
    }

    /// An epoch on a disk with room, one on a disk with 40 KiB left, and again one with room. Where the system does not let
    /// us mount a file system of our own, the test above must do.
    #[cfg(target_os = "linux")]
    #[test]
    #[ignore = "needs a system with user namespaces; cargo test -- --ignored"]
    fn a_disk_that_fills_up_leaves_the_checkpoint_before() {
        const OWN_MOUNTS: &[&str] = &["unshare", "--user", "--map-root-user", "--mount"];
        let mount = "mkdir -p runs && mount -t tmpfs -o size=1m none runs";
        let bench = Bench::new();
        let script = format!(
            "{mount} && \"$0\" \"$@\" --set train.epochs=1 && cp {LAST} before; \
             head -c 1M /dev/zero > runs/ballast; truncate -s -40K runs/ballast; \
             \"$0\" \"$@\" --resume; echo code $?; cmp {LAST} before && echo intact; \
             rm runs/ballast; \"$0\" \"$@\" --resume"
        );
        let said = in_shell(OWN_MOUNTS, &script, &bench.command(LARGE)).unwrap().done();
        assert!(said.stdout.contains("\ncode 2\nintact\n"), "{said}");
        for word in ["cannot write", "runs/tiny/checkpoints/", "No space left", "free some space and resume"] {
            assert!(said.stderr.contains(word), "{word}: {said}");
        }
        assert_eq!(said.digest(), bench.isnet(&format!("{LARGE} --set name=whole")).done().digest());
    }
}

/// One step at this rate, and any network is lost.
const DIVERGING: &str = "--set method.name=standard --set train.gradient_clip_norm=0 --set train.learning_rate=1e30";

fn is_finite(tensor: &NamedTensor) -> bool {
    tensor.first_non_finite().is_none()
}

#[test]
fn a_loss_that_is_not_finite_stops_with_step_and_images_and_leaves_a_good_checkpoint() {
    let bench = Bench::new();
    let whole = bench.isnet("train tiny.toml --set method.name=standard --set name=whole").done().digest();
    bench.isnet("train tiny.toml --set method.name=standard --set train.epochs=1").done();
    let before = bench.read(LAST);

    let said = bench.isnet(&format!("train tiny.toml --resume {DIVERGING}"));
    let said = said.fails(2, &["loss is ", " at step 5 ", "epoch 1, batch 1", LAST, "`train.learning_rate`"]);
    let named = (0..12).filter(|index| said.stderr.contains(&format!("images/train-{index:02}.png"))).count();
    assert_eq!(named, 4, "the images of the batch: {said}");
    assert_eq!(bench.read(LAST), before);
    assert_eq!(Checkpoint::load(&bench.path(LAST)).unwrap().step, 3);
    assert_eq!(bench.isnet("train tiny.toml --resume --set method.name=standard").done().digest(), whole);
}

#[test]
fn a_loss_that_is_not_finite_before_the_first_checkpoint_names_none() {
    let bench = Bench::new();
    let said = bench.isnet(&format!("train tiny.toml {DIVERGING}")).fails(2, &["loss is ", " at step 2 "]);
    assert!(!bench.path(LAST).exists());
    assert!(!said.stderr.contains(LAST), "there is no such file: {said}");
}

/// No loss is computed between the step that overflows and the next checkpoint: there is one after every step.
#[test]
fn weights_that_overflow_do_not_replace_a_good_checkpoint() {
    const OVERFLOW: &str = "--set train.gradient_clip_norm=0 --set train.learning_rate=1e39";
    for (overrides, good) in [
        ("--set train.batch_size=12", 1),
        ("--set train.batch_size=12 --set data.validation_split=none --set train.best_metric=last", 1),
        ("--set train.checkpoint_every_steps=1", 3),
    ] {
        let bench = Bench::new();
        let train = format!("train tiny.toml --set method.name=standard {overrides}");
        bench.isnet(&format!("{train} --set train.epochs=1")).done();
        let said = bench.isnet(&format!("{train} --resume --set train.epochs=4 {OVERFLOW}"));
        for name in ["last", "best"] {
            let path = bench.path(&format!("runs/tiny/checkpoints/{name}.safetensors"));
            let checkpoint = Checkpoint::load(&path).unwrap();
            assert_eq!(checkpoint.step, good, "{name}: {said}");
            assert!(checkpoint.params.iter().chain(&checkpoint.buffers).all(is_finite), "{name}: {said}");
        }
        said.fails(2, &[&format!("step {}", good + 1), LAST]);
    }
}

#[test]
fn a_truncated_checkpoint_is_not_resumed() {
    let bench = Bench::new();
    bench.isnet("train tiny.toml --set train.epochs=1").done();
    let log = bench.read("runs/tiny/log.jsonl");
    bench.truncate(LAST);
    bench.isnet("train tiny.toml --resume").fails(2, &["checkpoint `", LAST, "is corrupt"]);
    assert_eq!(bench.read("runs/tiny/log.jsonl"), log);
}

#[test]
fn a_checkpoint_of_another_model_or_other_classes_is_not_resumed() {
    let bench = Bench::new();
    bench.isnet("train tiny.toml --set train.epochs=1").done();
    let before = bench.read(LAST);
    for (other, words) in [
        ("model.stages=[{channels=5},{channels=4}]", ["fit", "`0.weight`"]),
        ("model.stages=[{channels=4}]", ["fit", ".weight`"]),
        ("data.classes=[\"bright\",\"dark\",\"gray\"]", ["`gray`", "fit"]),
        ("data.classes=[\"dark\",\"bright\"]", ["class", "dark"]),
    ] {
        bench.isnet(&format!("train tiny.toml --resume --set {other}")).fails(2, &words);
        assert_eq!(bench.read(LAST), before, "{other}");
    }
}

/// Keys, what they are set to on resuming, and how the change is said.
const CONTRADICTIONS: &[(&str, &str)] = &[
    ("seed=2", "`seed`: 1 → 2"),
    ("train.optimizer=adamw", "`train.optimizer`: \"sgd\" → \"adamw\""),
    ("train.batch_size=6", "`train.batch_size`: 4 → 6"),
    ("method.name=standard", "`method.name`: \"isnet\" → \"standard\""),
    ("model.dropout=0.25", "`model.dropout`: not set → 0.25"),
    ("data.balance=label", "`data.balance`: \"none\" → \"label\""),
];

#[test]
fn a_run_does_not_go_on_with_a_configuration_that_contradicts_what_was_done() {
    let bench = Bench::new();
    bench.isnet("train tiny.toml --set train.epochs=1").done();
    let files = ["config.toml", "versions.json", "log.jsonl", "checkpoints/last.safetensors"];
    let run = || files.map(|name| bench.read(&format!("runs/tiny/{name}")));
    let before = run();
    for (change, said) in CONTRADICTIONS {
        let words = ["runs/tiny", *said, "undo the change", "another `output`"];
        bench.isnet(&format!("train tiny.toml --resume --set {change}")).fails(2, &words);
        assert!(run() == before, "{change}");
    }
    let said = bench.isnet("train tiny.toml --resume --set train.learning_rate=0.01").done();
    assert!(said.stderr.contains("goes on with `train.learning_rate`: 0.05 → 0.01"), "{said}");
    let config = bench.text("runs/tiny/config.toml");
    assert!(config.contains("# Resumed after step 3 with `train.learning_rate`: 0.05 → 0.01\n"), "{config}");
}

#[test]
fn a_training_that_cannot_start_does_not_overwrite_the_run_that_is_there() {
    let bench = Bench::trained();
    let before = bench.read("runs/tiny/model.safetensors");
    bench.write("empty.safetensors", "");
    bench.isnet("train tiny.toml --overwrite --set model.weights=empty.safetensors").fails(2, &["empty.safetensors"]);
    assert_eq!(bench.read("runs/tiny/model.safetensors"), before);
    bench.isnet("train tiny.toml --set name=never --set model.weights=empty.safetensors").fails(2, &[]);
    assert!(!bench.path("runs/never").exists());
}

#[test]
fn masks_that_are_all_empty_are_none() {
    let bench = Bench::new();
    for index in 0..12 {
        image::GrayImage::new(SIDE, SIDE).save(bench.path(&format!("masks/train-{index:02}.png"))).unwrap();
    }
    bench.isnet("train tiny.toml").fails(2, &["no training sample has a mask"]);
}

#[test]
fn what_the_system_says_is_said_once() {
    let bench = Bench::new();
    for (command, words) in [
        ("train absent.toml", "it does not exist"),
        ("predict absent images/test-00.png", "does not exist"),
        ("train tiny.toml --set output=tiny.toml/run", "a part of this path is a file, not a folder"),
        ("train images", "it is a folder, not a file"),
    ] {
        let said = bench.isnet(command).fails(2, &[words]);
        assert_eq!(said.stderr.matches(words).count(), 1, "{said}");
        assert!(!said.stderr.contains("os error"), "{said}");
    }
}

#[test]
fn a_second_training_in_the_same_folder_is_refused_with_the_process_of_the_first() {
    let bench = Bench::new();
    let mut first = bench.start("train tiny.toml --set train.epochs=100000");
    assert!(first.until(|| bench.path(LAST).exists()));
    let process = format!("process {}", first.process.id());
    for flag in ["--resume", "--overwrite", ""] {
        bench.isnet(&format!("train tiny.toml {flag}")).fails(2, &["runs/tiny", "in use", &process, "wait"]);
    }
    assert!(first.process.try_wait().unwrap().is_none(), "the first training goes on");
    first.process.kill().unwrap();
    first.process.wait().unwrap();
    bench.isnet("train tiny.toml --overwrite").done();
}
