//! A training that is killed or interrupted, at whatever moment, ends as if it had not been.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Bench, Said, Working};
use isnet_run::Checkpoint;
use serde_json::Value;

const SIGKILL: i32 = 9;

/// All that two equal trainings have in common.
struct Trace {
    digest: String,
    log: Vec<Value>,
    table: Vec<Vec<String>>,
    last: Checkpoint,
    /// Size of each event file: times in it have a fixed width.
    events: Vec<u64>,
}

impl Trace {
    #[track_caller]
    fn assert_equals(&self, expected: &Self, name: &str) {
        let difference = self.log.iter().zip(&expected.log).find(|(found, expected)| found != expected);
        assert!(difference.is_none(), "{name}: {difference:#?}");
        assert_eq!(self.log.len(), expected.log.len(), "{name}: lines are lost or there twice");
        assert_eq!(self.table, expected.table, "{name}");
        assert_eq!(self.digest, expected.digest, "{name}");
        assert!(self.last == expected.last, "{name}: the last checkpoints differ");
        assert_eq!(self.events, expected.events, "{name}: TensorBoard does not show the same");
    }
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// When it has begun to log, before there is any checkpoint.
    Begun,
    /// When its log has so many lines.
    Lines(usize),
    /// After this share of the time that the whole training takes.
    Share(f64),
}

use Moment::{Begun, Lines, Share};

/// A training of six epochs of three steps, 24 lines of log.
struct Case {
    name: &'static str,
    overrides: &'static str,
    moments: &'static [Moment],
}

const CASES: &[Case] = &[
    Case {
        name: "standard, sgd with momentum, checkpoints by epoch",
        overrides: "--set method.name=standard --set train.momentum=0.9 --set model.dropout=0.3",
        moments: &[Share(0.02), Begun, Lines(4), Lines(5), Lines(12), Share(0.3)],
    },
    Case {
        name: "isnet, stochastic selector, adamw, dropout, augmentation, checkpoints by step",
        overrides: "--set method.selector=stochastic --set train.optimizer=adamw --set model.dropout=0.3 \
                    --set train.checkpoint_every_steps=1 --set data.augment.rotation_degrees=10 \
                    --set data.augment.noise=0.05 --set train.schedule=cosine",
        moments: &[Begun, Lines(1), Lines(2), Lines(7), Share(0.4), Lines(14)],
    },
    Case {
        name: "isnet, nesterov, calibrated range, early stopping, balanced, checkpoints every two steps",
        overrides: "--set train.nesterov=true --set loss.foreground_range=calibrate --set loss.calibration_epochs=2 \
                    --set train.early_stopping_patience=5 --set data.balance=label --set train.best_metric=loss \
                    --set train.checkpoint_every_steps=2",
        moments: &[Lines(3), Lines(9), Share(0.6), Lines(13)],
    },
];

fn arguments(name: &str, overrides: &str) -> String {
    format!("train tiny.toml --set name={name} --set train.epochs=6 {overrides}")
}

/// What a finished run left, without the times.
fn trace(bench: &Bench, name: &str, said: &Said) -> Trace {
    let log = bench.text(&format!("runs/{name}/log.jsonl"));
    let without_times = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let keys: &[&str] = match line["kind"].as_str() {
            Some("epoch") => &["time", "seconds", "processor_seconds"],
            _ => &["time", "seconds"],
        };
        for key in keys {
            assert!(line.as_object_mut().unwrap().remove(*key).is_some(), "{line}");
        }
        line
    };
    let table = bench.text(&format!("runs/{name}/metrics.csv"));
    let seconds = table.lines().next().unwrap().split(',').position(|column| column == "seconds").unwrap();
    let row = |line: &str| {
        let mut row: Vec<String> = line.split(',').map(Into::into).collect();
        row.remove(seconds);
        row
    };
    let events = fs::read_dir(bench.path(&format!("runs/{name}/tensorboard"))).unwrap();
    Trace {
        digest: said.digest(),
        log: log.lines().map(without_times).collect(),
        table: table.lines().map(row).collect(),
        last: Checkpoint::load(&bench.path(&format!("runs/{name}/checkpoints/last.safetensors"))).unwrap(),
        events: events.map(|file| file.unwrap().metadata().unwrap().len()).collect(),
    }
}

/// Starts or resumes the training and kills it at the moment; whether it was alive then.
fn kill_at(moment: Moment, bench: &Bench, arguments: &str, whole: Duration) -> bool {
    let started = Instant::now();
    let mut working = bench.start(&format!("{arguments} --resume"));
    working.until(|| match moment {
        Begun => bench.path("runs/killed/log.jsonl").exists(),
        Lines(lines) => bench.lines("runs/killed/log.jsonl") >= lines,
        Share(share) => started.elapsed() >= whole.mul_f64(share),
    });
    working.process.kill().unwrap();
    let status = working.process.wait().unwrap();
    assert!(status.signal() == Some(SIGKILL) || status.success(), "{moment:?}: {}", working.ended());
    status.signal() == Some(SIGKILL)
}

fn check(case: &Case) {
    let bench = Bench::new();
    let started = Instant::now();
    let said = bench.isnet(&arguments("whole", case.overrides)).done();
    let duration = started.elapsed();
    let whole = trace(&bench, "whole", &said);
    assert_eq!((whole.log.len(), whole.table.len()), (24, 7), "{}", case.name);

    let killed = arguments("killed", case.overrides);
    let kills = case.moments.iter().filter(|moment| kill_at(**moment, &bench, &killed, duration)).count();
    assert!(kills >= 3, "{}: only {kills} kills came in time", case.name);
    let said = bench.isnet(&format!("{killed} --resume")).done();
    trace(&bench, "killed", &said).assert_equals(&whole, case.name);
}

#[test]
fn a_killed_standard_training_ends_with_the_same_bits_and_the_same_log() {
    check(&CASES[0]);
}

#[test]
fn a_killed_isnet_with_everything_random_ends_with_the_same_bits_and_the_same_log() {
    check(&CASES[1]);
}

#[test]
fn a_killed_isnet_with_a_measured_range_ends_with_the_same_bits_and_the_same_log() {
    check(&CASES[2]);
}

/// Sends SIGINT once the log has its first lines, and returns what the training said to it.
fn interrupt(bench: &Bench, arguments: &str) -> Said {
    interrupt_by("-INT", "runs/killed", bench.command(arguments), arguments, bench)
}

fn interrupt_by(signal: &str, run: &str, mut command: Command, said: &str, bench: &Bench) -> Said {
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut working = Working { process, command: said.to_owned() };
    assert!(working.until(|| bench.lines(&format!("{run}/log.jsonl")) >= 4));
    let sent = Command::new("kill").args([signal, &working.process.id().to_string()]).status().unwrap();
    assert!(sent.success());
    working.ended()
}

#[test]
fn a_scheduler_or_a_closing_terminal_loses_no_step_either() {
    let bench = Bench::new();
    bench.edit("tiny.toml", "epochs = 2", "epochs = 2000");
    bench.write("all.toml", "config = 'tiny.toml'\n[[variant]]\nname = 'standard'\nset = ['method.name=standard']\n");
    let unet = "segment train tiny.toml --set name=unet --set model.architecture=unet";
    for (signal, code, command, run) in [
        ("-TERM", 143, "train tiny.toml --set name=terminated", "runs/terminated"),
        ("-HUP", 129, "train tiny.toml --set name=hung", "runs/hung"),
        ("-TERM", 143, unet, "runs/unet"),
        ("-TERM", 143, "study all.toml", "runs/all/standard/seed-0"),
    ] {
        let said = interrupt_by(signal, run, bench.command(command), command, &bench);
        assert!(said.code == code && said.stderr.contains("stopping after this step"), "{said}");
        let saved = Checkpoint::load(&bench.path(&format!("{run}/checkpoints/last.safetensors"))).unwrap();
        let log = bench.text(&format!("{run}/log.jsonl"));
        assert_eq!(log.lines().filter(|line| line.contains("\"step\",")).count(), saved.step, "{command}");
    }
}

#[test]
fn a_training_under_nohup_does_not_end_with_the_terminal() {
    if !fs::exists("/proc/self/status").unwrap() {
        return;
    }
    let bench = Bench::new();
    bench.edit("tiny.toml", "seed = 1", "seed = 1\nname = \"killed\"");
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_isnet")).args(["train", "tiny.toml", "--epochs", "40"]);
    command.current_dir(bench.path("")).stdin(Stdio::null());
    let said = interrupt_by("-HUP", "runs/killed", command, "nohup", &bench).done();
    assert!(!said.stderr.contains("stopping"), "{said}");
}

#[test]
fn an_interrupted_training_saves_where_it_is_and_says_how_to_go_on() {
    let bench = Bench::new();
    bench.edit("tiny.toml", "seed = 1", "seed = 1\nname = \"killed\"");
    // Which by default follows from the epochs that a run is begun with.
    bench.edit("tiny.toml", "[loss]", "[method]\nstart_epoch = 1\n\n[loss]");
    bench.edit("tiny.toml", "epochs = 2", "epochs = 200");
    let said = interrupt(&bench, "train tiny.toml");
    assert!(said.stderr.contains("stopping after this step"), "{said}");
    assert!(said.stderr.contains("`isnet train tiny.toml --resume`"), "{said}");
    assert!(said.stdout.is_empty() && said.code == 130, "an unfinished training is not done: {said}");
    assert!(!bench.path("runs/killed/model.safetensors").exists());
    let saved = Checkpoint::load(&bench.path("runs/killed/checkpoints/last.safetensors")).unwrap();
    let log = bench.text("runs/killed/log.jsonl");
    assert_eq!(log.lines().filter(|line| line.contains("\"step\",")).count(), saved.step, "no step is lost");

    let epochs = format!("--set train.epochs={}", saved.epoch + 2);
    let resumed = bench.isnet(&format!("train tiny.toml --resume {epochs}")).done();
    assert!(resumed.stderr.contains(&format!("resumed after step {}", saved.step)), "{resumed}");
    let said = bench.isnet(&format!("train tiny.toml --set name=whole {epochs}")).done();
    trace(&bench, "killed", &resumed).assert_equals(&trace(&bench, "whole", &said), "interrupted");
}

#[test]
fn the_command_that_an_interrupted_training_prints_goes_on_with_the_same_configuration() {
    let bench = Bench::new();
    let overrides = "--set train.epochs=40 --set train.learning_rate=0.02 --set method.selector=stochastic";
    let said = interrupt(&bench, &format!("train tiny.toml --set name=killed {overrides}"));
    let (_, advice) = said.stderr.split_once("go on with `isnet ").unwrap_or_else(|| panic!("{said}"));
    let (command, _) = advice.split_once('`').unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$0\" {command}"), env!("CARGO_BIN_EXE_isnet")]);
    let resumed = Said::of(command, shell.current_dir(bench.path("")).output().unwrap()).done();
    let said = bench.isnet(&format!("train tiny.toml --set name=whole {overrides}")).done();
    trace(&bench, "killed", &resumed).assert_equals(&trace(&bench, "whole", &said), "interrupted");
}
