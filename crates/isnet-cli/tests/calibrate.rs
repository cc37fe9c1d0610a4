//! `isnet calibrate`: a scaling that is learnt from validation images, stored with the model and used by all.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Bench, SIDE, mask, picture};
use serde_json::Value;

/// A trained model with 40 more validation images, every fifth of which is labelled wrong.
fn bench() -> Bench {
    let bench = Bench::new();
    let mut manifest = bench.text("manifest.csv");
    for index in 0..40 {
        let drawn = ["bright", "dark"][index % 2];
        let label = ["bright", "dark"][(index + usize::from(index % 5 == 0)) % 2];
        let name = format!("more-{index:02}.png");
        picture(1000 + u32::try_from(index).unwrap(), drawn).save(bench.path(&format!("images/{name}"))).unwrap();
        mask(SIDE).save(bench.path(&format!("masks/{name}"))).unwrap();
        manifest += &format!("images/{name},masks/{name},{label},north,val\n");
    }
    bench.write("manifest.csv", manifest);
    bench.isnet("train tiny.toml --set train.learning_rate=0.5 --set train.epochs=4 --set method.name=standard").done();
    bench
}

fn json(bench: &Bench, name: &str) -> Value {
    serde_json::from_slice(&bench.read(name)).unwrap()
}

#[test]
fn a_scaling_is_stored_with_the_model_and_every_command_uses_it() {
    let bench = bench();
    let image = "predict runs/tiny images/test-00.png --json";
    let probability =
        |said: &str| serde_json::from_str::<Value>(said).unwrap()["probabilities"]["bright"].as_f64().unwrap();
    let before = probability(&bench.isnet(image).done().stdout);
    let weights = bench.read("runs/tiny/model.safetensors");
    bench.isnet("evaluate runs/tiny").done();

    let said = bench.isnet("calibrate runs/tiny").done();
    for words in ["temperature", "learnt on `val`, which flatters it there", "before", "after"] {
        assert!(said.stdout.contains(words), "{words}: {said}");
    }
    assert!(said.stderr.contains("removed the evaluation of the unscaled probabilities"), "{said}");
    assert!(!bench.path("runs/tiny/metrics.json").exists());
    assert_eq!(bench.read("runs/tiny/model.safetensors"), weights);
    let model = json(&bench, "runs/tiny/model.json");
    let temperature = model["scaling"]["temperature"].as_f64().unwrap();
    assert_eq!(model["format"], 2);
    let after = probability(&bench.isnet(image).done().stdout);
    let logit = |p: f64| (p / (1.0 - p)).ln();
    assert!((logit(after) - logit(before) / temperature).abs() < 1e-4, "{before} {after} {temperature}");

    bench.isnet("evaluate runs/tiny --split test").done();
    assert!(bench.text("runs/tiny/report.md").contains("scaled on validation data: temperature"));
    let calibration = json(&bench, "runs/tiny/calibration/calibration.json");
    assert_eq!(calibration["splits"][0]["split"], "val");
    assert!(bench.text("runs/tiny/calibration/report.md").contains("after scaling"));

    // Learnt anew from the unscaled probabilities, not from scaled ones.
    let again = bench.isnet("calibrate runs/tiny --json").done();
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["scaling"]["temperature"].as_f64(), Some(temperature));
    bench.isnet("calibrate runs/tiny --method platt").done();
    assert_eq!(json(&bench, "runs/tiny/model.json")["scaling"]["method"], "platt");

    bench.isnet("calibrate runs/tiny --remove").done();
    assert!(json(&bench, "runs/tiny/model.json").get("scaling").is_none());
    assert_eq!(probability(&bench.isnet(image).done().stdout), before);
    bench.isnet("calibrate runs/tiny --remove").fails(2, &["has no scaling to remove"]);
}

#[test]
fn what_cannot_be_learnt_from_is_refused_and_the_model_stays() {
    let bench = Bench::trained();
    let model = bench.read("runs/tiny/model.json");
    bench.isnet("calibrate runs/tiny").fails(2, &["`validation` is 4", "at least 20 samples"]);
    bench.write("none.toml", bench.text("tiny.toml").replace("[data]", "[data]\nvalidation_split = \"tuning\""));
    bench.isnet("calibrate runs/tiny --config none.toml").fails(2, &["split `tuning`", "--config"]);
    bench.isnet("calibrate runs/none").fails(2, &["runs/none"]);
    assert_eq!(bench.read("runs/tiny/model.json"), model);
}

#[test]
fn a_model_of_another_name_is_refused_before_anything_is_computed() {
    let bench = bench();
    for end in ["safetensors", "json"] {
        bench.write(&format!("other.{end}"), bench.read(&format!("runs/tiny/model.{end}")));
    }
    let before = ["other.safetensors", "other.json"].map(|name| bench.read(name));
    for rest in ["--config runs/tiny/config.toml", "--remove"] {
        let command = format!("calibrate other.safetensors {rest}");
        bench.isnet(&command).fails(2, &["`other.safetensors` is not named `model.safetensors`", "copy it"]);
    }
    assert_eq!(["other.safetensors", "other.json"].map(|name| bench.read(name)), before);
    assert!(!bench.path("model.safetensors").exists());
}
