//! Every method trains, goes on, is evaluated, predicts and explains with the same commands; a segmenter makes masks for images that have none.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Bench, SIDE};
use isnet_run::Checkpoint;
use serde_json::Value;

const STAGES: &str = "[{channels=4,convs=1},{channels=6,convs=1}]";

/// Method and what it needs beside the tiny configuration.
fn methods() -> Vec<(&'static str, String)> {
    let gated = "--set model.architecture=ag_sononet --set model.stages=[{channels=4},{channels=4},{channels=6}]";
    let unet = format!("--set model.architecture=unet --set model.stages={STAGES}");
    let pipeline =
        format!("--set method.segment_classify.stages={STAGES} --set method.segment_classify.segmenter_epochs=1");
    vec![
        ("standard", String::new()),
        // Which half they begin in follows from the epochs that a run is begun with.
        ("isnet", "--set method.start_epoch=1".to_owned()),
        ("grad_input", "--set method.start_epoch=1".to_owned()),
        ("background_exchange", String::new()),
        ("rrr", String::new()),
        ("energy", String::new()),
        ("tap", String::new()),
        ("pgd_ex", String::new()),
        ("ibp_ex", String::new()),
        ("r4", String::new()),
        ("gain", String::new()),
        ("attention_gated", gated.to_owned()),
        ("multitask", unet),
        ("segment_classify", pipeline),
    ]
}

#[test]
fn every_method_trains_goes_on_to_the_same_bits_and_is_evaluated_and_explained() {
    let bench = Bench::new();
    for (name, needs) in methods() {
        let train = |run: &str, epochs: usize, more: &str| {
            let set = format!("--set method.name={name} --set name={run} --set train.epochs={epochs} {needs} {more}");
            let digest = bench.isnet(&format!("train tiny.toml {set}")).done().digest();
            let last = bench.path(&format!("runs/{run}/checkpoints/last.safetensors"));
            (digest, Checkpoint::load(&last).unwrap())
        };
        let (whole, halves) = (format!("{name}-whole"), format!("{name}-halves"));
        let expected = train(&whole, 4, "");
        assert_ne!(train(&halves, 2, "").1.params, expected.1.params, "{name}: the second half learns");
        let found = train(&halves, 4, "--resume");
        assert!(found == expected, "{name}: {} instead of {}", found.0, expected.0);

        let scores = bench.isnet(&format!("evaluate runs/{whole} --split test --json")).done().stdout;
        assert!(scores.contains("background_share"), "{name}: {scores}");
        let image = "images/test-00.png --json";
        let found = bench.isnet(&format!("predict runs/{whole} {image}")).done().objects();
        let total: f64 =
            ["bright", "dark"].iter().map(|class| found[0]["probabilities"][class].as_f64().unwrap()).sum();
        assert!((total - 1.0).abs() < 1e-5, "{name}: {total}");
        let explained = format!("explain runs/{whole} {image} --mask masks/test-00.png --output maps/{name}");
        assert!(bench.isnet(&explained).done().objects()[0]["background_share"].is_f64(), "{name}");
    }
}

#[test]
fn the_log_has_the_terms_of_a_method_by_name_and_the_table_has_their_means() {
    let bench = Bench::new();
    let lines = |name: &str, said: &str| -> Vec<Value> {
        let (_, needs) = methods().into_iter().find(|(known, _)| *known == name).unwrap();
        let found = bench.isnet(&format!("train tiny.toml --set method.name={name} --set name={name} {needs}")).done();
        assert!(found.stderr.contains(&format!(" s  {said} ")), "`{said}` is missing in\n{found}");
        bench.text(&format!("runs/{name}/log.jsonl")).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let number =
        |line: &Value, name: &str| line["terms"][name].as_f64().unwrap_or_else(|| panic!("`{name}` in {line}"));
    let gain = lines("gain", "classification");
    let mean = (0..3).map(|step| number(&gain[step], "mining")).sum::<f64>() / 3.0;
    assert!((number(&gain[3], "mining") - mean).abs() < 1e-12);
    let header = bench.text("runs/gain/metrics.csv").lines().next().unwrap().to_owned();
    assert!(header.contains("train_foreground,train_attention,train_mining,validation_"), "{header}");

    // The segmenter classifies nothing, and the classifier after it segments nothing.
    let pipeline = lines("segment_classify", "dice_loss");
    assert!(pipeline[0]["classification"].is_null() && number(&pipeline[0], "segmentation") > 0.0);
    let last = pipeline.last().unwrap();
    assert!(
        last["classification"].is_f64() && last["terms"].is_null() && last["validation"]["dice"].is_f64(),
        "{last}"
    );
    assert!(lines("standard", "classification").iter().all(|line| line["terms"].is_null()));
}

#[test]
fn a_segmenter_makes_masks_for_images_without_any_and_a_manifest_to_train_on() {
    let bench = Bench::new();
    // No labels, and masks for all but one image of each split.
    let rows = bench.text("manifest.csv");
    let strip = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let mask = if cells[0].contains("-01") { "" } else { cells[1] };
        format!("{},{mask},{},{},a comment\n", cells[0], cells[2], cells[4])
    };
    let body: String = rows.lines().skip(1).map(strip).collect();
    bench.write("manifest.csv", format!("image,mask,label,split,note\n{body}"));
    let unlabelled = body.lines().map(|line| line.replace(",bright,", ",").replace(",dark,", ",") + "\n");
    bench.write("unlabelled.csv", format!("image,mask,split,note\n{}", unlabelled.collect::<String>()));
    let set =
        format!("--set model.architecture=unet --set model.stages={STAGES} --set train.epochs=12 --set name=unet");
    let said = bench.isnet(&format!("segment train tiny.toml --set data.manifest=unlabelled.csv {set}")).done();
    assert!(said.stderr.contains("dice") && said.stderr.contains("isnet segment predict"), "{said}");

    let found = bench.isnet("segment predict runs/unet manifest.csv --output masked --json").done().objects();
    let means = found.last().unwrap();
    assert_eq!((&means["images"], &means["compared"]), (&22.into(), &18.into()));
    assert!(means["mean"]["dice"].as_f64().unwrap() > 0.8 && means["mean"]["hausdorff"].is_f64(), "{means}");
    let written = bench.text("masked/manifest.csv");
    let rows: Vec<Vec<&str>> = written.lines().map(|line| line.split(',').collect()).collect();
    let header = "image,mask,label,source,split,note,segmented_mask,segmented_by,segmented_agreement";
    assert_eq!(rows[0].join(","), header);
    let (known, made) = (&rows[1], &rows[2]);
    assert_eq!((known[1], known[7]), (known[6], "known"));
    assert!(made[1].is_empty() && made[7].starts_with("network") && made[2] == "dark", "{made:?}");
    let mask = image::open(made[6]).unwrap().into_luma8();
    assert_eq!(mask.dimensions(), (SIDE, SIDE));
    assert!(mask.pixels().all(|pixel| [0, 255].contains(&pixel.0[0])));
    bench.isnet("data check masked/manifest.csv --mask-column segmented_mask").done();
    let set = "--set data.manifest=masked/manifest.csv --set data.mask_column=segmented_mask --set name=all";
    bench.isnet(&format!("train tiny.toml {set}")).done();

    bench.isnet("predict runs/unet images/test-00.png").fails(2, &["segments", "`isnet segment predict`"]);
    bench.isnet("segment predict runs/all manifest.csv --output x").fails(2, &["`isnet segment train`"]);
}

#[test]
fn a_pipeline_takes_a_segmenter_that_is_trained_already_and_leaves_it_as_it_is() {
    let bench = Bench::new();
    let set = format!("--set model.architecture=unet --set model.stages={STAGES} --set name=unet");
    bench.isnet(&format!("segment train tiny.toml {set}")).done();
    let given = "--set method.name=segment_classify --set method.segment_classify.segmenter=runs/unet --set name=both";
    bench.isnet(&format!("train tiny.toml {given}")).done();
    let segmenter = isnet_run::ModelFile::load(&bench.path("runs/unet")).unwrap();
    let both = isnet_run::ModelFile::load(&bench.path("runs/both")).unwrap();
    for tensor in segmenter.parameters.iter().filter(|tensor| tensor.as_i64().is_none()) {
        let name = format!("segmenter.{}", tensor.name);
        let found = both.parameters.iter().find(|other| other.name == name).unwrap_or_else(|| panic!("no `{name}`"));
        assert_eq!(found.values, tensor.values, "{name}");
    }
    assert!(bench.text("runs/both/log.jsonl").lines().all(|line| !line.contains("segmentation")));
    let other = format!("{given} --set data.height=32 --set data.width=32 --set name=other");
    bench.isnet(&format!("train tiny.toml {other}")).fails(2, &["runs/unet", "16×16 px", "32×32 px"]);
}

#[test]
fn what_a_method_lacks_is_said_with_the_way_out() {
    let bench = Bench::new();
    let refused = |set: &str, words: &[&str]| drop(bench.isnet(&format!("train tiny.toml {set}")).fails(2, words));
    refused("--set method.name=multitask", &["`multitask`", "`unet`", "`model.architecture`"]);
    refused(
        "--set method.name=segment_classify --set method.segment_classify.segmenter_epochs=2",
        &["`method.segment_classify.segmenter_epochs`", "`train.epochs` = 2"],
    );
    refused(
        "--set method.name=segment --set model.architecture=unet --set model.stages=[{},{},{},{},{},{}]",
        &["divide by 32", "`data.height` = 16"],
    );
    refused("--set method.name=rr", &["`rrr`"]);
}
