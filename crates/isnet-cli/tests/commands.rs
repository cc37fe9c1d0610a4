//! What every command prints, writes and returns.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{Bench, SIDE, Said, mask};
use isnet_run::config::MethodName;
use isnet_run::{ModelFile, RunConfig, RunDir};
use serde_json::Value;

/// The configuration that a run wrote down.
fn resolved(bench: &Bench, run: &str) -> RunConfig {
    RunDir::open(bench.path(run)).unwrap().config().unwrap()
}

/// The names below "Commands:" in a help text, without `help` itself.
fn commands_in(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A line that goes on with the description of the one above is indented further.
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(Into::into).collect()
}

fn csv(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(Into::into).collect()).collect()
}

#[test]
fn without_arguments_the_usage_is_shown() {
    let bench = Bench::new();
    bench.isnet("").fails(2, &["Usage: isnet", "isnet demo"]);
    bench.isnet("trian tiny.toml").fails(2, &["'trian'", "'train'"]);
    bench.isnet("train tiny.toml --sett seed=2").fails(2, &["'--sett'"]);
    let version = bench.isnet("--version").done().stdout;
    assert_eq!(version.trim_end(), format!("isnet {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let bench = Bench::new();
    let top = commands_in(&bench.isnet("--help").done().stdout);
    let commands = top.iter().flat_map(|name| {
        let below = commands_in(&bench.isnet(&format!("{name} --help")).done().stdout);
        if below.is_empty() {
            vec![name.clone()]
        } else {
            below.iter().map(|inner| format!("{name} {inner}")).collect()
        }
    });
    let commands: Vec<String> = commands.collect();
    for known in [
        "demo",
        "train",
        "evaluate",
        "predict",
        "explain",
        "audit",
        "models",
        "data check",
        "data phantom",
        "data shapes",
        "data bias",
        "data import",
        "data readability",
    ] {
        assert!(commands.iter().any(|command| command == known), "{known} is not in {commands:?}");
    }
    for command in commands {
        let help = bench.isnet(&format!("{command} --help")).done().stdout;
        let examples = help.split_once("Example").map_or("", |(_, examples)| examples);
        assert!(examples.contains(&format!("\n  isnet {command}")), "{help}");
    }
}

#[test]
fn phantoms_come_with_masks_and_a_manifest_that_passes_the_check() {
    let bench = Bench::new();
    let said = bench.isnet("data phantom phantoms --size 32 --train 12 --val 6 --test 6").done();
    assert_eq!(Path::new(said.stdout.trim_end()), Path::new("phantoms/manifest.csv"));
    let rows = csv(&bench.text("phantoms/manifest.csv"));
    assert_eq!(rows[0][..5], ["image", "mask", "label", "source", "split"]);
    assert_eq!(rows.len(), 1 + 12 + 6 + 4 * 6);
    for name in rows[1..].iter().flat_map(|row| &row[..2]) {
        let picture = image::open(bench.path("phantoms").join(name)).unwrap();
        assert_eq!((picture.width(), picture.height()), (32, 32), "{name}");
    }
    let said = bench.isnet("data check phantoms/manifest.csv").done();
    assert!(said.stdout.contains("\n0 fatal problem(s)"), "{said}");
    bench.isnet("data phantom small --size 8").fails(2, &["`size`", "32"]);
    bench.isnet("data phantom tiny.toml/below --size 32").fails(2, &["tiny.toml/below", "folder"]);
}

#[test]
fn shapes_come_with_masks_and_a_manifest_whose_source_is_the_background() {
    let bench = Bench::new();
    let said = bench.isnet("data shapes shapes --size 32 --train 8 --val 4 --test 4 --correlation 0").done();
    assert_eq!(Path::new(said.stdout.trim_end()), Path::new("shapes/manifest.csv"));
    let rows = csv(&bench.text("shapes/manifest.csv"));
    assert_eq!(rows.len(), 1 + 8 + 4 + 3 * 4);
    let circles = rows.iter().filter(|row| row[2] == "circle");
    let on_stripes: Vec<&str> = circles.filter(|row| row[3] == "stripes").map(|row| row[4].as_str()).collect();
    assert_eq!(on_stripes, ["biased"], "with correlation 0 only that test binds them");
    let said = bench.isnet("data check shapes/manifest.csv").done();
    assert!(said.stdout.contains("\n0 fatal problem(s)"), "{said}");
    bench.isnet("data shapes small --size 8").fails(2, &["`size`", "32"]);
    bench.isnet("data shapes shapes --correlation 2").fails(2, &["`correlation`", "from 0 to 1"]);
}

#[test]
fn the_seed_of_the_generator_chooses_the_phantoms() {
    let bench = Bench::new();
    let first_image = |folder: &str, seed: usize| {
        let sizes = "--size 32 --train 3 --val 0 --test 0";
        bench.isnet(&format!("data phantom {folder} {sizes} --seed {seed}")).done();
        let rows = csv(&bench.text(&format!("{folder}/manifest.csv")));
        bench.read(&format!("{folder}/{}", rows[1][0]))
    };
    let third = first_image("a", 3);
    assert_eq!(third, first_image("b", 3));
    assert_ne!(third, first_image("c", 4));
}

#[test]
fn sound_data_pass_the_check() {
    let bench = Bench::new();
    let said = bench.isnet("data check manifest.csv").done();
    assert!(said.stdout.ends_with("\n0 fatal problem(s), 0 warning(s)\n"), "{said}");
    let counted = said
        .stdout
        .lines()
        .any(|line| line.split_whitespace().collect::<Vec<_>>() == ["train", "bright", "north", "3", "3"]);
    assert!(counted, "{said}");
    let found = bench.isnet("data check manifest.csv --json").done().objects();
    assert_eq!(found[0]["fatal"], false);
    assert_eq!(found[0]["problems"].as_array().unwrap().len(), 0);
}

/// How data can be spoilt: the harm, the line it is found on (0: the whole manifest), its kind, what is said.
type Harm = (fn(&Bench), u64, &'static str, &'static str);

const HARMS: &[Harm] = &[
    (|bench| fs::remove_file(bench.path("images/train-03.png")).unwrap(), 5, "Missing", "does not exist"),
    (|bench| bench.write("images/train-03.png", "not a picture"), 5, "Unreadable", "is not an image"),
    (|bench| bench.truncate("images/train-03.png"), 5, "Unreadable", "is truncated"),
    (|bench| bench.truncate("masks/train-04.png"), 6, "Unreadable", "is truncated"),
    (
        |bench| mask(SIDE / 2).save(bench.path("masks/train-00.png")).unwrap(),
        2,
        "MaskSize",
        "the mask is 8×8 pixels, its image 16×16",
    ),
    (
        |bench| {
            bench.edit("manifest.csv", "masks/train-11.png,dark,south,train", "masks/train-11.png,dark,south,trian")
        },
        13,
        "UnknownSplit",
        "unknown split `trian`; did you mean `train`?",
    ),
    (
        |bench| bench.write("images/test-00.png", bench.read("images/train-00.png")),
        18,
        "SharedContent",
        "is the same picture as line 2 in split `train`",
    ),
    (
        |bench| bench.edit("manifest.csv", "bright,north,test\n", "gray,north,test\n"),
        18,
        "ClassAbsent",
        "class `gray` is absent from training",
    ),
];

#[test]
fn the_check_finds_what_is_wrong_with_data_and_on_which_line() {
    for (harm, line, kind, message) in HARMS {
        let bench = Bench::new();
        harm(&bench);
        let said = bench.isnet("data check manifest.csv");
        assert_eq!(said.code, 1, "{message}: {said}");
        let place = if *line == 0 { "fatal: ".into() } else { format!("fatal: line {line}: ") };
        let found = said.stdout.lines().any(|text| text.starts_with(&place) && text.contains(message));
        assert!(found && said.stdout.contains("\n1 fatal problem(s)"), "{place}{message}: {said}");

        let said = bench.isnet("data check manifest.csv --json");
        let report = &said.objects()[0];
        let problem = &report["problems"][0];
        assert_eq!((said.code, &report["fatal"], &problem["severity"]), (1, &true.into(), &"fatal".into()), "{report}");
        assert_eq!((problem["line"].as_u64(), problem["kind"].as_str()), (Some(*line), Some(*kind)), "{report}");
        assert!(problem["message"].as_str().unwrap().contains(message), "{report}");
    }
}

#[test]
fn the_check_needs_a_manifest_with_the_columns_that_it_is_told() {
    let bench = Bench::new();
    bench.isnet("data check absent.csv").fails(2, &["`absent.csv`", "does not exist"]);
    bench.isnet("data check manifest.csv --image-column photo").fails(2, &["`photo`", "its columns are `image`"]);
    let said = bench.isnet("data check manifest.csv --classes bright,gloomy");
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stdout.contains("fatal: line 3: label `dark` is not a class"), "{said}");
    let said = bench.isnet("data check manifest.csv --train-split fold1");
    assert!(said.code == 1 && said.stdout.contains("fold1"), "{said}");
}

#[test]
fn a_training_writes_the_whole_run_folder_and_prints_the_digest_of_the_weights() {
    let bench = Bench::new();
    let said = bench.isnet("train tiny.toml").done();
    for name in [
        "config.toml",
        "versions.json",
        "log.jsonl",
        "metrics.csv",
        "checkpoints/last.safetensors",
        "checkpoints/best.safetensors",
        "model.safetensors",
        "model.json",
    ] {
        assert!(!bench.read(&format!("runs/tiny/{name}")).is_empty(), "{name}");
    }
    assert_eq!(fs::read_dir(bench.path("runs/tiny/tensorboard")).unwrap().count(), 1);
    assert!(said.stdout.contains("runs/tiny/model.safetensors"), "{said}");
    let model: Value = serde_json::from_slice(&bench.read("runs/tiny/model.json")).unwrap();
    assert!(model["weights_blake3"].as_str().unwrap().starts_with(&said.digest()), "{model}");
    assert_eq!(model["classes"], serde_json::json!(["bright", "dark"]));
    let lines: Vec<Value> =
        bench.text("runs/tiny/log.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["step", "step", "step", "epoch", "step", "step", "step", "epoch"]);
    assert!(lines[0]["heatmap"].is_number() && lines[3]["validation"]["accuracy"].is_number(), "{lines:?}");
    let rows = csv(&bench.text("runs/tiny/metrics.csv"));
    assert_eq!(
        (rows.len(), &rows[1][..2], &rows[2][..2]),
        (3, &["0", "3"].map(String::from)[..], &["1", "6"].map(String::from)[..])
    );
    let versions: Value = serde_json::from_slice(&bench.read("runs/tiny/versions.json")).unwrap();
    assert_eq!((&versions["isnet"], &versions["device"]), (&env!("CARGO_PKG_VERSION").into(), &"cpu".into()));
}

#[test]
fn what_is_odd_in_a_configuration_is_said_before_the_training() {
    let bench = Bench::new();
    let odd = "train tiny.toml --set train.epochs=1 --set name=odd --set train.gradient_clip_norm=0";
    let said = bench.isnet(odd).done();
    assert!(said.stderr.contains("note: `train.gradient_clip_norm` is 0"), "{said}");
    assert!(!bench.isnet("train tiny.toml --set train.epochs=1").done().stderr.contains("clip_norm"));
}

#[test]
fn a_seed_decides_the_weights_and_the_number_of_threads_does_not() {
    let bench = Bench::new();
    let train =
        |name: &str, more: &str| bench.isnet(&format!("train tiny.toml --set name={name} {more}")).done().digest();
    let first = train("a", "");
    assert_eq!(train("b", ""), first);
    assert_ne!(train("c", "--set seed=2"), first);
    let alone = "train tiny.toml --set name=d";
    let output = bench.command(alone).env("RAYON_NUM_THREADS", "1").output().unwrap();
    assert_eq!(Said::of(alone, output).done().digest(), first);
    assert_eq!(bench.read("runs/a/model.safetensors"), bench.read("runs/b/model.safetensors"));
}

#[test]
fn the_resolved_configuration_has_what_set_changed_and_repeats_the_run() {
    let bench = Bench::new();
    let overrides = "--set train.epochs=1 --set method.name=standard --set name=other --device cpu";
    let digest = bench.isnet(&format!("train tiny.toml {overrides}")).done().digest();
    let config = resolved(&bench, "runs/other");
    assert_eq!((config.train.epochs, config.method.name, config.name.as_str()), (1, MethodName::Standard, "other"));
    assert_eq!((config.train.batch_size, config.seed), (4, 1));
    let again = bench.isnet("train runs/other/config.toml --set output=again").done();
    assert_eq!(again.digest(), digest);
    assert_eq!(resolved(&bench, "again").output, fs::canonicalize(bench.path("again")).unwrap());
}

#[test]
fn a_run_folder_in_use_is_left_alone_unless_it_is_to_be_resumed_or_overwritten() {
    let bench = Bench::new();
    let digest = bench.isnet("train tiny.toml").done().digest();
    bench.write("runs/tiny/notes.txt", "mine");
    let log = bench.read("runs/tiny/log.jsonl");
    bench
        .isnet("train tiny.toml --set seed=2")
        .fails(2, &["runs/tiny", "is not empty", "resume", "overwrite", "`output`"]);
    bench.isnet("train tiny.toml --resume --overwrite").fails(2, &["cannot be used with"]);
    assert_eq!(bench.read("runs/tiny/log.jsonl"), log);
    assert_eq!(resolved(&bench, "runs/tiny").seed, 1);

    assert_eq!(bench.isnet("train tiny.toml --resume").done().digest(), digest);
    assert_eq!(bench.lines("runs/tiny/log.jsonl"), 8);

    bench.isnet("evaluate runs/tiny").done();
    assert_ne!(bench.isnet("train tiny.toml --overwrite --set seed=2").done().digest(), digest);
    assert_eq!((bench.text("runs/tiny/notes.txt").as_str(), bench.lines("runs/tiny/log.jsonl")), ("mine", 8));
    for stale in ["metrics.json", "predictions.csv"] {
        assert!(!bench.path("runs/tiny").join(stale).exists(), "{stale} is of another model");
    }
}

#[test]
fn the_evaluation_of_the_model_before_is_removed_when_a_resumed_training_makes_another() {
    let bench = Bench::trained();
    bench.isnet("evaluate runs/tiny").done();
    let evaluated = || ["metrics.json", "predictions.csv"].map(|name| bench.path("runs/tiny").join(name).exists());
    bench.isnet("train tiny.toml --resume").done();
    assert_eq!(evaluated(), [true, true], "the model is the same");
    // Of these, the newest epoch becomes the model.
    let train = "train tiny.toml --set name=loss --set method.name=standard --set train.best_metric=last \
                 --set data.validation_split=none";
    let said = bench.isnet(train).done();
    bench.isnet("evaluate runs/loss --split test").done();
    let longer = bench.isnet(&format!("{train} --resume --set train.epochs=8")).done();
    assert_ne!(longer.digest(), said.digest());
    assert!(longer.stderr.contains("removed `metrics.json`") && !bench.path("runs/loss/metrics.json").exists());
}

#[test]
fn batch_norms_count_the_steps_as_those_of_torchvision_do() {
    let bench = Bench::new();
    bench.isnet("train tiny.toml --set train.best_metric=loss --set train.epochs=1").done();
    let counted = |run: &str| -> Vec<i64> {
        let model = ModelFile::load(&bench.path(run)).unwrap();
        model.parameters.iter().filter_map(|tensor| tensor.as_i64()).flatten().copied().collect()
    };
    assert_eq!(counted("runs/tiny"), [3, 3]);
    let from = "--set name=next --set train.epochs=1 --set model.weights=runs/tiny/model.safetensors";
    bench.isnet(&format!("train tiny.toml {from}")).done();
    assert_eq!(counted("runs/next"), [6, 6]);
}

#[test]
fn an_evaluation_prints_a_table_and_writes_scores_and_predictions() {
    let bench = Bench::trained();
    let said = bench.isnet("evaluate runs/tiny").done();
    for word in ["accuracy", "macro F1", "AUC", "background", "test_ood", "north", "south", "confusion"] {
        assert!(said.stdout.contains(word), "{word}: {said}");
    }
    let scores: Value = serde_json::from_slice(&bench.read("runs/tiny/metrics.json")).unwrap();
    let splits: Vec<(&str, u64)> = scores["splits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|split| (split["split"].as_str().unwrap(), split["scores"]["n"].as_u64().unwrap()))
        .collect();
    assert_eq!(splits, [("test", 4), ("test_ood", 2)]);
    let share = scores["splits"][0]["scores"]["background_share"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&share), "{share}");

    let rows = csv(&bench.text("runs/tiny/predictions.csv"));
    let header = ["id", "source", "split", "group", "label", "predicted", "p_bright", "p_dark", "background_share"];
    assert_eq!((rows.len(), &rows[0]), (7, &header.map(String::from).to_vec()));
    let right = rows[1..5].iter().filter(|row| row[4] == row[5]).count();
    assert_eq!(scores["splits"][0]["scores"]["accuracy"].as_f64(), Some(right as f64 / 4.0));
    for row in &rows[1..] {
        let sum: f64 = row[6..8].iter().map(|p| p.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{row:?}");
    }
    let page = bench.text("runs/tiny/report.html");
    for words in [
        ">Summary</h2>",
        "test_ood",
        "isnet evaluate runs/tiny",
        "architecture = &quot;plain_cnn&quot;",
        "data:image/png;base64",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let figures = fs::read_dir(bench.path("runs/tiny/report_files")).unwrap().count();
    assert!(figures > 5 && bench.text("runs/tiny/report.md").contains("(<report_files/"), "{figures}");
    let json: Value = serde_json::from_str(&bench.isnet("evaluate runs/tiny --json").done().stdout).unwrap();
    assert_eq!(json, scores);
}

#[test]
fn predictions_are_scored_without_their_model_and_by_patient_where_the_table_says_so() {
    let bench = Bench::trained();
    bench.isnet("evaluate runs/tiny").done();
    let of_model: Value = serde_json::from_slice(&bench.read("runs/tiny/metrics.json")).unwrap();
    let said = bench.isnet("evaluate runs/tiny/predictions.csv --output again --json").done();
    // Only a run knows of the samples that it learned from.
    let scores =
        |mut metrics: Value| metrics.as_object_mut().and_then(|it| it.remove("flow")).map(|_| metrics).unwrap();
    assert_eq!(scores(serde_json::from_str(&said.stdout).unwrap()), scores(of_model.clone()));
    assert!(bench.path("again/metrics.json").exists() && !bench.path("again/predictions.csv").exists());

    bench.edit("manifest.csv", "image,", "patient,image,");
    let rows =
        bench.text("manifest.csv").lines().skip(1).map(|row| format!("p{},{row}\n", row.len() % 2)).collect::<String>();
    let header = bench.text("manifest.csv").lines().next().unwrap().to_owned();
    bench.write("manifest.csv", format!("{header}\n{rows}"));
    bench.isnet("evaluate runs/tiny").done();
    let grouped: Value = serde_json::from_slice(&bench.read("runs/tiny/metrics.json")).unwrap();
    assert_eq!((&of_model["statistics"]["grouped"], &grouped["statistics"]["grouped"]), (&false.into(), &true.into()));
    bench.isnet("evaluate runs/tiny --group hospital").fails(2, &["manifest.csv", "`hospital`", "patient"]);

    bench.write("bad.csv", "id,label,p_a,p_b\nx,a,0.5,0.5\ny,c,0.5,0.5\n");
    bench.isnet("evaluate bad.csv").fails(2, &["bad.csv", "line 3", "`c`", "`a`, `b`"]);
    bench.write("bad.csv", "id,label,p_a,p_b\nx,a,NaN,0.5\n");
    bench.isnet("evaluate bad.csv").fails(2, &["line 2", "NaN"]);
}

#[test]
fn a_table_of_logits_is_refused_and_its_task_is_never_guessed_from_a_row() {
    let bench = Bench::new();
    let rows = "b,dog,0.2,0.8\nc,cat,0.4,0.6\nd,dog,0.4,0.6\n";
    bench.write("logits.csv", format!("id,label,p_cat,p_dog\na,cat,-3.2,4.1\n{rows}"));
    for task in ["", "--task single", "--task multi"] {
        let said = bench.isnet(&format!("evaluate logits.csv {task}"));
        said.fails(2, &["logits.csv", "line 2", "`a`", "`cat` is -3.2", "softmax"]);
    }
    bench.write("ok.csv", format!("id,label,p_cat,p_dog\na,cat,0.9,0.1\n{rows}"));
    bench.write("off.csv", format!("id,label,p_cat,p_dog\na,cat,0.9,0.8\n{rows}"));
    bench.isnet("evaluate off.csv").fails(2, &["line 2", "(`a`) to 1.7", "--task single", "--task multi"]);
    bench.isnet("evaluate off.csv --task single").fails(2, &["line 2", "`a`", "sum to 1.7"]);
    bench.isnet("compare ok.csv off.csv").fails(2, &["off.csv", "--task"]);
    let multi_label = |table: &str, folder: &str| {
        let said = bench.isnet(&format!("evaluate {table} --json --output {folder}")).done();
        serde_json::from_str::<Value>(&said.stdout).unwrap()["multi_label"].clone()
    };
    let found = [multi_label("ok.csv", "single"), multi_label("off.csv --task multi", "multi")];
    assert_eq!(found, [Value::from(false), Value::from(true)]);
    Bench::trained().isnet("evaluate runs/tiny --task single").fails(2, &["--task", "tables of predictions"]);
}

#[test]
fn a_study_trains_what_is_missing_and_makes_one_table_of_all_that_is_done() {
    let bench = Bench::new();
    let study = "config = 'tiny.toml'\nseeds = [1, 2]\n[[variant]]\nname = 'standard'\nset = ['method.name=standard']\n\
                 [[variant]]\nname = 'isnet'\n";
    bench.write("small.toml", study);
    let half = bench.isnet("study small.toml --shard 1/2").done();
    assert!(half.stdout.contains("not done yet: 2 (isnet seed 1, isnet seed 2)"), "{half}");
    let weights = bench.read("runs/small/standard/seed-1/model.safetensors");

    let all = bench.isnet("study small.toml").done();
    for word in ["test_ood", "standard", "isnet", "parameters", "differences to standard", "McNemar"] {
        assert!(all.stdout.contains(word), "{word}: {all}");
    }
    assert!(!all.stdout.contains("not done yet"), "{all}");
    assert_eq!(bench.read("runs/small/standard/seed-1/model.safetensors"), weights, "done once");
    let json: Value = serde_json::from_slice(&bench.read("runs/small/study.json")).unwrap();
    let accuracy = &json["variants"][1]["rows"][0];
    assert_eq!((accuracy["score"].as_str(), accuracy["values"].as_array().map(Vec::len)), (Some("accuracy"), Some(2)));

    let again = bench.isnet("study small.toml --table-only --json").done();
    assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap(), json);
    bench.write("small.toml", study.replace("standard']", "standard', 'train.epochs=3']"));
    bench.isnet("study small.toml").fails(2, &["runs/small/standard/seed-1", "`train.epochs`: 2 → 3"]);
    bench.isnet("study small.toml --shard 3/2").fails(2, &["3/8"]);
}

#[test]
fn runs_are_compared_with_the_first_on_the_splits_they_share() {
    let bench = Bench::trained();
    bench.isnet("train tiny.toml --set name=other --set seed=2").done();
    bench
        .isnet("compare runs/tiny runs/other")
        .fails(2, &["`runs/tiny` has no `predictions.csv`", "isnet evaluate runs/tiny"]);
    bench.isnet("evaluate runs/tiny").done();
    bench.isnet("evaluate runs/other --split test --split val").done();

    let said = bench.isnet("compare runs/tiny runs/other --output compared").done();
    for word in ["test_ood", "runs/other", "differences to runs/tiny", "McNemar", "p (Holm)"] {
        assert!(said.stdout.contains(word), "{word}: {said}");
    }
    let json: Value = serde_json::from_slice(&bench.read("compared/comparison.json")).unwrap();
    let rows = json["comparison"]["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["split"] == "test") && rows.len() == 4, "{rows:?}");
    assert!(json["models"]["runs/other"]["rows"].as_array().unwrap().iter().any(|row| row["split"] == "val"));

    let alone = bench.isnet("compare runs/tiny/predictions.csv --json").done();
    assert!(serde_json::from_str::<Value>(&alone.stdout).unwrap()["comparison"].is_null());
    bench.isnet("compare runs/tiny runs/tiny").fails(2, &["named twice"]);
    bench.isnet("compare runs/tiny runs/other --score fun").fails(2, &["fun", "balanced_accuracy"]);
    bench.isnet("compare runs/tiny --split tset").fails(2, &["no split `tset`"]);
    bench.write("less.csv", "id,split,label,p_bright,p_dark\nx,test,dark,0.5,0.5\n");
    let unpaired = bench.isnet("compare runs/tiny less.csv").done();
    assert!(unpaired.stderr.contains("no tests") && unpaired.stderr.contains("samples"), "{unpaired}");
}

#[test]
fn an_evaluation_keeps_to_the_split_folder_and_data_that_it_is_given() {
    let bench = Bench::trained();
    bench.isnet("evaluate runs/tiny --split tset").fails(2, &["`tset`", "test", "test_ood", "train", "val"]);
    assert!(!bench.path("runs/tiny/metrics.json").exists());

    bench.isnet("evaluate runs/tiny --split val --split test --no-explain --output scores/deep").done();
    assert!(!bench.path("runs/tiny/metrics.json").exists());
    let rows = csv(&bench.text("scores/deep/predictions.csv"));
    let splits: BTreeSet<&str> = rows[1..].iter().map(|row| row[2].as_str()).collect();
    assert_eq!((rows.len(), splits), (9, BTreeSet::from(["test", "val"])));
    assert!(rows[1..].iter().all(|row| row[8].is_empty()), "{rows:?}");

    fs::create_dir(bench.path("elsewhere")).unwrap();
    for name in ["model.safetensors", "model.json"] {
        fs::copy(bench.path("runs/tiny").join(name), bench.path("elsewhere").join(name)).unwrap();
    }
    let evaluate = "evaluate elsewhere/model.safetensors --no-explain";
    bench.isnet(evaluate).fails(2, &["elsewhere/model.safetensors", "not a run folder"]);
    bench.isnet(&format!("{evaluate} --split test --split val --config tiny.toml")).done();
    assert_eq!(bench.text("elsewhere/predictions.csv"), bench.text("scores/deep/predictions.csv"));
}

#[test]
fn an_evaluation_feeds_the_model_what_it_has_learned_from_whatever_the_configuration_says() {
    let bench = Bench::new();
    bench.isnet("train tiny.toml --set data.width=24").done();
    bench.isnet("evaluate runs/tiny").done();
    let learned = "height = 16\nwidth = 16\nchannels = 1";
    let other = "height = 32\nwidth = 32\nchannels = 3\nfit = \"squash\"\nclasses = [\"dark\", \"bright\"]";
    bench.edit("tiny.toml", learned, other);
    bench.isnet("evaluate runs/tiny --config tiny.toml --output other").done();
    assert_eq!(bench.text("other/predictions.csv"), bench.text("runs/tiny/predictions.csv"));
    assert_eq!(bench.text("other/metrics.json"), bench.text("runs/tiny/metrics.json"));
}

#[test]
fn a_prediction_names_the_class_and_every_probability() {
    let bench = Bench::trained();
    let images = ["images/test-00.png", "images/test-01.png"];
    let said = bench.isnet(&format!("predict runs/tiny {}", images.join(" "))).done();
    let objects = bench.isnet(&format!("predict runs/tiny --json {}", images.join(" "))).done().objects();
    assert_eq!((said.stdout.lines().count(), objects.len()), (2, 2));
    for ((line, object), image) in said.stdout.lines().zip(&objects).zip(images) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [bright, dark] = ["bright", "dark"].map(|class| object["probabilities"][class].as_f64().unwrap());
        let predicted = if bright >= dark { "bright" } else { "dark" };
        assert_eq!(cells, [image, predicted, &format!("bright {bright:.3}  dark {dark:.3}")]);
        assert_eq!((&object["image"], &object["predicted"]), (&image.into(), &predicted.into()));
        assert!((bright + dark - 1.0).abs() < 1e-5, "{object}");
    }
    bench.isnet("predict runs/tiny").fails(2, &["<IMAGES>"]);
    bench.isnet("predict runs/other images/test-00.png").fails(2, &["runs/other"]);
    bench.isnet("predict runs/tiny images/test-00.png --device abacus").fails(2, &["`abacus`", "`cpu`"]);
}

#[test]
fn one_image_that_cannot_be_read_does_not_keep_the_others_from_being_classified() {
    let bench = Bench::trained();
    bench.truncate("images/test-01.png");
    let images = "images/test-00.png images/test-01.png images/absent.png images/test-02.png";
    for flag in ["", "--json"] {
        let said = bench.isnet(&format!("predict runs/tiny {flag} {images}"));
        let said = said.fails(1, &["images/test-01.png` is truncated", "images/absent.png` does not exist"]);
        let lines: Vec<&str> = said.stdout.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].contains("images/test-00.png") && lines[1].contains("images/test-02.png"), "{said}");
    }
}

#[test]
fn the_architectures_are_listed_with_their_sizes() {
    let bench = Bench::new();
    let text = bench.isnet("models").done().stdout;
    let objects = bench.isnet("models --json").done().objects();
    assert_eq!(text.lines().count(), 1 + objects.len());
    for (line, object) in text.lines().skip(1).zip(&objects) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [parameters, adds, smallest] =
            ["parameters", "multiply_adds", "smallest"].map(|key| object[key].as_u64().unwrap().to_string());
        assert_eq!(cells, [object["name"].as_str().unwrap(), &parameters, &adds, &smallest, "px"]);
    }
    let parameters = |name: &str| {
        let found = objects.iter().find(|object| object["name"] == name).unwrap_or_else(|| panic!("{name}"));
        found["parameters"].as_u64().unwrap()
    };
    // As torchvision counts them.
    assert_eq!(["resnet18", "densenet121", "vgg11"].map(parameters), [11_689_512, 7_978_856, 132_863_336]);
}

#[test]
fn one_architecture_is_shown_layer_by_layer() {
    let bench = Bench::new();
    let text = bench.isnet("models resnet18 --classes 3 --size 64").done().stdout;
    assert!(text.contains("layer4.1.conv2") && text.contains("fc"), "{text}");
    let said = bench.isnet("models resnet18 --classes 3 --size 64 --json").done();
    let model = &said.objects()[0];
    assert_eq!((said.stdout.lines().count(), &model["name"]), (1, &"resnet18".into()));
    // 11 689 512 with 1000 classes, less 997 rows of 512 weights and a bias.
    assert_eq!(model["parameters"].as_u64(), Some(11_689_512 - 997 * 513));
    assert!(model["multiply_adds"].as_u64().unwrap() > 0);
    let nodes = model["nodes"].as_array().unwrap();
    let sum: u64 = nodes.iter().map(|node| node["parameters"].as_u64().unwrap()).sum();
    assert_eq!(Some(sum), model["parameters"].as_u64());
    assert!(nodes.iter().any(|node| node["name"] == "layer4.1.conv2"), "{model}");
    bench.isnet("models resnet81").fails(2, &["`resnet81`", "did you mean"]);
}
