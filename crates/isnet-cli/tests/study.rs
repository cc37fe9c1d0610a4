//! What `isnet study` and `isnet compare` write for people, and what a study does with trainings that fail.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Bench, Said};

/// No parameter is called so.
const REFUSED: &str = "'train.trainable=[\"nothing\"]'";
const DIVERGING: &str = "'method.name=standard', 'train.gradient_clip_norm=0', 'train.learning_rate=1e30'";

fn study(bench: &Bench, variants: &[(&str, &str)]) {
    let variant = |(name, set): &(&str, &str)| format!("[[variant]]\nname = '{name}'\nset = [{set}]\n");
    let variants: String = variants.iter().map(variant).collect();
    bench.write("small.toml", format!("config = 'tiny.toml'\nseeds = [1, 2]\n{variants}"));
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in\n{text}");
    }
}

#[test]
fn a_study_and_a_comparison_write_a_page() {
    let bench = Bench::new();
    study(&bench, &[("standard", "'method.name=standard'"), ("isnet", "")]);
    bench.isnet("study small.toml --shard 1/4").done();
    let part = bench.text("runs/small/report.md");
    has(&part, &["**Not complete**: 1 of 4 done", "Not done yet: isnet seed 1, standard seed 2, isnet seed 2"]);
    bench.isnet("study small.toml").done();
    let page = bench.text("runs/small/report.html");
    let words = [
        ">Summary</h2>",
        "against <code>standard</code>",
        "Lowest background share: ",
        "Macro F1 on test_ood",
        "class=\"point\"",
        ">Cost</h2>",
        "McNemar",
        "method.name=standard",
        "architecture = &quot;plain_cnn&quot;",
        "isnet study small.toml",
    ];
    has(&page, &words);
    assert!(!page.contains("Not complete") && !page.contains("What is not done") && !page.contains("<script"));
    bench.isnet("study small.toml --table-only").done();
    has(&bench.text("runs/small/report.html"), &["isnet study small.toml --table-only"]);
    assert!(bench.path("runs/small/report_files/figure-1.svg").exists());
    let table = said_json(&bench.isnet("study small.toml --table-only --json --against isnet").done());
    assert_eq!(table["comparison"]["baseline"], "isnet");
    assert_eq!(
        (&table["variants"][0]["variant"], &table["variants"][1]["variant"]),
        (&"isnet".into(), &"standard".into())
    );
    assert_ne!(table["variants"][1]["differences"].as_array().unwrap().len(), 0);
    has(&bench.text("runs/small/report.html"), &["against <code>isnet</code>", "--against isnet"]);
    let shown = |rule: &str| {
        bench.write("small.toml", bench.text("small.toml").split("[trust]").next().unwrap().to_owned() + rule);
        bench.isnet("study small.toml --table-only").done().stdout
    };
    let lenient = "[trust]\nsplit = 'test'\nreference = 'standard'\naccuracy = 0\nbackground_share = 1\n";
    let said = shown(lenient);
    // The caption says once that never is longer than any time.
    assert!(said.contains("minutes to trust") && said.matches("never").count() == 1, "{said}");
    has(&bench.text("runs/small/report.html"), &[">Time to trust</h2>", "0 of the mean of"]);
    let strict = shown(&lenient.replace("background_share = 1", "background_share = 0"));
    assert_eq!(strict.matches("never").count(), 3, "{strict}");
    assert!(!shown("").contains("minutes to trust"));
    bench.isnet("study small.toml --against isnte").fails(2, &["--against", "`isnte`", "`standard`, `isnet`"]);

    let said = bench.isnet("compare runs/small/standard/seed-1 runs/small/isnet/seed-1 --output compared").done();
    has(&said.stderr, &["compared/comparison.json, compared/report.html, compared/report.md"]);
    let page = bench.text("compared/report.html");
    has(
        &page,
        &["Comparison of 2 models", "Lowest background share: ", "Accuracy on test", "McNemar", "isnet compare"],
    );
    bench.isnet("compare runs/small/standard/seed-1 --output plain --no-report").done();
    assert!(bench.path("plain/comparison.json").exists() && !bench.path("plain/report.html").exists());
    bench.isnet("compare runs/small/standard/seed-1 --no-report").fails(2, &["--output"]);
}

#[test]
fn what_cannot_be_trained_is_said_first_and_the_rest_is_trained() {
    let bench = Bench::new();
    study(&bench, &[("standard", "'method.name=standard'"), ("frozen", REFUSED)]);
    let said = bench.isnet("study small.toml");
    let reason = "`train.trainable` names `nothing`";
    assert_eq!(said.code, 1, "{said}");
    let place = |words: &str| said.stderr.find(words).unwrap_or_else(|| panic!("`{words}` is missing in\n{said}"));
    assert!(place(&format!("cannot be trained: frozen seed 1: {reason}")) < place("standard, seed 1"), "{said}");
    has(&said.stdout, &["failed: 2\n", "frozen seed 2: `train.trainable`", "standard"]);
    assert!(!said.stdout.contains("not done yet") && !bench.path("runs/small/frozen/seed-1/config.toml").exists());
    has(&bench.text("runs/small/report.md"), &["2 of 4 done, 2 failed", "## What is not done", "| frozen seed 1 | "]);

    // What is known of a failure stays known, until the variant is another.
    let table = bench.isnet("study small.toml --table-only").done();
    has(&table.stdout, &["failed: 2\n", reason]);
    study(&bench, &[("standard", "'method.name=standard'"), ("frozen", "'train.epochs=1'")]);
    let table = bench.isnet("study small.toml --table-only").done();
    has(&table.stdout, &["not done yet: 2 (frozen seed 1, frozen seed 2)"]);
    bench.isnet("study small.toml").done();
    assert!(!bench.path("runs/small/frozen/seed-1/failure.json").exists());
}

#[test]
fn a_training_that_diverges_does_not_stop_the_others() {
    let bench = Bench::new();
    study(&bench, &[("wild", DIVERGING), ("standard", "'method.name=standard'")]);
    let said = bench.isnet("study small.toml");
    assert_eq!(said.code, 1, "{said}");
    has(&said.stderr, &["wild, seed 1: failed: ", "standard, seed 2: done"]);
    has(&said.stdout, &["failed: 2\n", "wild seed 1: ", "at step"]);
    let json: serde_json::Value = said_json(&bench.isnet("study small.toml --table-only --json").done());
    assert_eq!(json["failed"][0]["cell"]["variant"], "wild");
    assert!(json["comparison"].is_null() && json["variants"][0]["variant"] == "standard", "{json}");
}

#[test]
fn a_study_of_which_nothing_can_be_trained_is_refused() {
    let bench = Bench::new();
    study(&bench, &[("frozen", REFUSED)]);
    bench
        .isnet("study small.toml")
        .fails(2, &["nothing of the study can be trained", "with which no parameter begins"]);
    assert!(!bench.path("runs/small").exists());
}

fn said_json(said: &Said) -> serde_json::Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}
