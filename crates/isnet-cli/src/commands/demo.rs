//! `isnet demo`: two classifiers, one trap, one table.
//!
//! Both models see the same phantoms in the same order from the same seed. In training every hospital's mark tells the class. The
//! tests show what each model learned: the mark, or the lungs.

use std::path::Path;

use isnet_data::{Batch, Sample};
use isnet_eval::evaluate::{Explain, evaluate, explaining_plan};
use isnet_eval::explained::{Explained, photo, relevance_picture};
use isnet_files::{OutputFolder, Place};
use isnet_lrp::{OutputSelector, Target};
use isnet_picture::{Grid, Table, Tile, encode_png, overlay};
use isnet_run::{Datasets, Existing, Model, RunConfig, RunDir};
use isnet_statistics::metrics::scores;
use isnet_train::{Ending, Trainer};

use crate::Answer;
use crate::args::DemoArgs;
use crate::progress::{Progress, print, say};
use crate::signals::interruptible;

const CONFIG: &str = include_str!("../demo.toml");
const SPLITS: [&str; 4] = ["biased", "standard", "deceiving", "external"];

/// A trained model with its scores.
struct Contestant {
    name: &'static str,
    model: Model,
    accuracy: Vec<f64>,
    background_share: f64,
}

/// Trains the standard classifier and ISNet on phantoms and compares them.
pub fn run(args: &DemoArgs) -> anyhow::Result<Answer> {
    let output = open(&args.output)?;
    let stop = interruptible();
    let mut contestants = Vec::new();
    let config = config(args, "isnet")?;
    let data = Datasets::open(&config.data)?;
    say("Chest phantoms from three hospitals. In training, each hospital's burned-in mark gives the class away.");
    for name in ["standard", "isnet"] {
        let config = self::config(args, name)?;
        let mut progress = Progress::new(name, config.train.epochs, stop.clone());
        let trainer = Trainer::new(&config, &data, Existing::Overwrite, &mut progress)?;
        let (model, ending) = trainer.train(&mut progress)?;
        if ending == Ending::Interrupted {
            say("the demo was interrupted; run it again to start over");
            return Ok(Answer::Interrupted);
        }
        contestants.push(score(name, model, &data)?);
    }
    print(&table(&contestants));
    let page = output.write("demo.png", &encode_png(&picture(&contestants, &data)?.render())?)?;
    say(&format!("heatmaps side by side: {}", page.display()));
    Ok(Answer::Yes)
}

/// The folder of the demo: new, or with an earlier demo in it, which is replaced.
fn open(folder: &Path) -> anyhow::Result<OutputFolder> {
    let is_earlier = RunDir::is_one(&folder.join("standard"));
    let names = ["standard/", "isnet/", "demo.png"].map(str::to_owned);
    let existing = isnet_files::Existing::Overwrite;
    let place = Place { command: "demo", folder, existing, inputs: &[], searched: &[] };
    Ok(OutputFolder::shared(&place, &names, is_earlier)?)
}

fn config(args: &DemoArgs, method: &str) -> anyhow::Result<RunConfig> {
    let output = args.output.join(method);
    // Text in JSON is text in TOML.
    let quoted = serde_json::to_string(&output.display().to_string())?;
    let set = [("method.name", method), ("name", method), ("output", quoted.as_str())];
    Ok(RunConfig::from_toml(CONFIG, "demo.toml", &set)?)
}

fn score(name: &'static str, model: Model, data: &Datasets) -> anyhow::Result<Contestant> {
    let (mut accuracy, mut background_share) = (Vec::new(), f64::NAN);
    for split in SPLITS {
        let found = data.tests.iter().find(|(name, _)| name == split);
        let (_, dataset) = found.ok_or_else(|| anyhow::anyhow!("no split `{split}`"))?;
        let explaining = if split == "biased" { Explain::Predicted } else { Explain::No };
        let scores = scores(&evaluate(&model, dataset, split, explaining, |_| ())?)?;
        accuracy.push(scores.accuracy);
        background_share = scores.background_share.unwrap_or(background_share);
    }
    Ok(Contestant { name, model, accuracy, background_share })
}

fn header() -> Vec<String> {
    let splits = SPLITS.iter().map(ToString::to_string);
    ["accuracy on".to_owned()].into_iter().chain(splits).chain(["background share".to_owned()]).collect()
}

fn cells(contestant: &Contestant) -> Vec<String> {
    let percent = |value: &f64| format!("{:.0} %", 100.0 * value);
    let accuracy = contestant.accuracy.iter().map(percent);
    [contestant.name.to_owned()].into_iter().chain(accuracy).chain([percent(&contestant.background_share)]).collect()
}

fn table(contestants: &[Contestant]) -> String {
    let line = |cells: Vec<String>| {
        let rest: Vec<String> = cells[1..].iter().map(|cell| format!("{cell:>11}")).collect();
        format!("{:12}{}", cells[0], rest.join(" "))
    };
    let mut lines = vec![String::new(), line(header())];
    lines.extend(contestants.iter().map(|contestant| line(cells(contestant))));
    lines.push(String::new());
    lines.push("biased: marks as in training · standard: no marks · deceiving: marks of another class · external: a hospital never seen".to_owned());
    lines.push("background share: how much of the relevance (LRP) lies outside the lungs, on biased images".to_owned());
    lines.join("\n")
}

fn picture(contestants: &[Contestant], data: &Datasets) -> anyhow::Result<Grid> {
    let deceiving = data.tests.iter().find(|(name, _)| name == "deceiving");
    let (_, dataset) = deceiving.ok_or_else(|| anyhow::anyhow!("no split `deceiving`"))?;
    let mut table = Table::new(header());
    for contestant in contestants {
        table = table.row(cells(contestant));
    }
    let names = contestants.iter().map(|contestant| contestant.name);
    let mut grid = Grid::new()
        .heading("Where do they look? Test images that carry the mark of another class")
        .note("red: speaks for the predicted class · blue: for the others · outline: the lungs")
        .table(table)
        .columns(["image"].into_iter().chain(names));
    for index in 0..6.min(dataset.len()) {
        let sample = dataset.sample(index)?;
        grid = grid.row(row_name(&sample, data), tiles(&sample, contestants)?);
    }
    Ok(grid)
}

fn row_name(sample: &Sample, data: &Datasets) -> String {
    let class = sample.label.as_ref().map_or(0, |label| label.classes()[0]);
    data.classes[class].clone()
}

fn tiles(sample: &Sample, contestants: &[Contestant]) -> anyhow::Result<Vec<Tile>> {
    let mask = sample.mask.as_ref().ok_or_else(|| anyhow::anyhow!("a phantom has a mask"))?;
    let photo = photo(&sample.image)?;
    let mut tiles = vec![Tile::new(photo.clone()).outline(&mask.values)?];
    for Contestant { model, .. } in contestants {
        let batch = Batch::collate(std::slice::from_ref(sample))?;
        let selector = OutputSelector::log_odds(Target::Highest);
        let explained = Explained::new(model, &explaining_plan(model)?, selector, &batch)?;
        let predicted = &model.classes[explained.classes[0]];
        let blended = overlay(&photo, &relevance_picture(&sample.image, explained.map(0))?)?;
        tiles.push(Tile::new(blended).outline(&mask.values)?.caption(format!("says: {predicted}")));
    }
    Ok(tiles)
}
