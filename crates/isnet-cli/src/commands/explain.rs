//! `isnet explain`

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use isnet_data::{Batch, Image, Manifest, ManifestOptions, Mask, MaskVerdict, Sample, Task, read_pair};
use isnet_eval::evaluate::{explaining_plan, probabilities};
use isnet_eval::explained::{Explained, mask_verdict, photo, relevance_picture};
use isnet_eval::relevance_share::area_share;
use isnet_files::{Existing, OutputFolder, Place};
use isnet_lrp::{COMPOSITES, Composite, OutputSelector, Plan, Quantity, Target, dual_plan, named_plan};
use isnet_models::{NamedTensor, to_safetensors};
use isnet_picture::{Grid, Tile, encode_png, overlay};
use isnet_run::Model;

use crate::Answer;
use crate::args::{ExplainArgs, QuantityName};
use crate::commands::predict::highest;
use crate::images;
use crate::progress::{print, say};

/// Names of the two maps that explain all classes at once.
const DUAL_MAPS: [&str; 2] = ["all_by_z_plus", "all_by_epsilon"];

/// One image to explain.
struct Job {
    image: PathBuf,
    mask: Option<PathBuf>,
    name: String,
}

/// Explains images: pictures, raw maps, share of relevance on the background.
pub fn run(args: &ExplainArgs) -> anyhow::Result<Answer> {
    if args.list_composites {
        COMPOSITES.iter().for_each(|composite| print(&format!("{:<26} {}", composite.name, composite.summary)));
        return Ok(Answer::Yes);
    }
    let device = isnet_run::device::device(&args.device)?;
    let path = args.model.as_deref().context("name a run folder or model file")?;
    let model = Model::load_classifier(path, &device)?;
    let selector = selector(args, &model)?;
    let plan = plan(args, selector, &model)?;
    let jobs = jobs(args)?;
    let output = open(args, path, &jobs)?;
    let mut failed = false;
    for job in jobs {
        match explain_one(&model, &plan, selector, &job, &output) {
            Ok(found) => found.iter().for_each(|found| print(&if args.json { found.to_string() } else { line(found) })),
            Err(error) => {
                failed = true;
                say(&format!("error: {error:#}"));
            }
        }
    }
    Ok(if failed { Answer::No } else { Answer::Yes })
}

/// The folder of the pictures, which holds nothing that is read; those of an earlier call stay.
fn open(args: &ExplainArgs, model: &Path, jobs: &[Job]) -> anyhow::Result<OutputFolder> {
    let files = jobs.iter().flat_map(|job| [Some(&job.image), job.mask.as_ref()]).flatten();
    let inputs: Vec<&Path> = files.map(PathBuf::as_path).chain(args.manifest.as_deref()).chain([model]).collect();
    let searched: Vec<&Path> = args.images.iter().map(PathBuf::as_path).filter(|path| path.is_dir()).collect();
    let existing = if args.overwrite { Existing::Overwrite } else { Existing::Add };
    let place = Place { command: "explain", folder: &args.output, existing, inputs: &inputs, searched: &searched };
    Ok(OutputFolder::open(&place)?)
}

fn plan(args: &ExplainArgs, selector: OutputSelector, model: &Model) -> anyhow::Result<Plan> {
    let dual = selector.target == Target::Together;
    Ok(match &args.composite {
        Some(_) if dual => bail!("`--selector dual` has rules of its own, z⁺ and LRP-ε; leave out `--composite`"),
        None if dual && args.gradient => bail!("`--selector dual` has rules of its own; leave out `--gradient`"),
        None if dual => dual_plan(&Composite::isnet(), &model.graph)?,
        None if args.gradient => Composite::gradient_times_input().plan(&model.graph)?,
        None => explaining_plan(model)?,
        Some(name) => named_plan(name, (0.0, 1.0), &model.graph)?,
    })
}

fn selector(args: &ExplainArgs, model: &Model) -> anyhow::Result<OutputSelector> {
    let quantity = match args.quantity {
        Some(QuantityName::Logit) => Quantity::Logit,
        Some(QuantityName::LogOdds) | None => Quantity::LogOdds,
    };
    if let Some(class) = &args.class {
        let index = model.classes.iter().position(|name| name == class);
        let Some(index) = index else { bail!("the model has no class `{class}`; it has {}", model.classes.join(", ")) };
        return Ok(OutputSelector { target: Target::Class(index), quantity });
    }
    let target = match args.selector.as_deref() {
        None | Some("highest") => Target::Highest,
        Some("lowest") => Target::Lowest,
        Some("all_classes") => Target::AllClasses,
        Some(own @ ("selective" | "dual")) if args.quantity.is_some() => {
            bail!("`--selector {own}` explains a quantity of its own; leave out `--quantity`")
        }
        Some("selective") => return Ok(OutputSelector::selective(1e-2)),
        Some("dual") => return Ok(OutputSelector::dual()),
        Some(other) => bail!("no selector `{other}`; there are highest, lowest, selective, all_classes, dual"),
    };
    Ok(OutputSelector { target, quantity })
}

/// The word for what is explained, in JSON.
fn quantity_word(selector: OutputSelector) -> &'static str {
    match (selector.target, selector.quantity) {
        (Target::Together, _) => "sum_of_logits",
        (_, Quantity::Logit) => "logit",
        (_, Quantity::LogOdds) => "log_odds",
        (_, Quantity::Eta { .. }) => "eta",
    }
}

/// What the colours say of a class.
fn legend(selector: OutputSelector, task: Task, class: &str) -> String {
    match (selector.target, selector.quantity, task) {
        (Target::Together, ..) => "red: raises the logits of all classes · blue: lowers them".to_owned(),
        (_, Quantity::Logit, _) => format!("red: raises the logit of {class} · blue: lowers it"),
        (_, _, Task::SingleLabel) => format!("red: speaks for {class} · blue: for the other classes"),
        (_, _, Task::MultiLabel) => format!("red: speaks for {class} · blue: against it"),
    }
}

/// The first option that only a manifest gives a meaning to.
fn of_manifest(args: &ExplainArgs) -> Option<&'static str> {
    let given = [
        (args.split.is_some(), "--split"),
        (args.image_column.is_some(), "--image-column"),
        (args.mask_column.is_some(), "--mask-column"),
    ];
    given.into_iter().find_map(|(is_given, name)| is_given.then_some(name))
}

fn jobs(args: &ExplainArgs) -> anyhow::Result<Vec<Job>> {
    if args.manifest.is_none()
        && let Some(option) = of_manifest(args)
    {
        bail!("`{option}` chooses from a manifest; name one with `--manifest`, or leave it out");
    }
    let mut pairs: Vec<(PathBuf, Option<PathBuf>)> = match &args.manifest {
        None if args.images.is_empty() => bail!("name images, or a manifest with `--manifest`"),
        None => {
            let images = images::expand(&args.images)?;
            if args.mask.is_some() && images.len() != 1 {
                bail!("`--mask` belongs to one image; use a manifest for several");
            }
            images.into_iter().map(|image| (image, args.mask.clone())).collect()
        }
        Some(path) => {
            let default = ManifestOptions::default();
            // Labels are not used; as the task of any number of labels, none of them is wrong.
            let options = ManifestOptions {
                image_column: args.image_column.clone().unwrap_or(default.image_column),
                mask_column: args.mask_column.clone().unwrap_or(default.mask_column),
                task: Some(Task::MultiLabel),
                ..ManifestOptions::default()
            };
            let manifest = Manifest::read(path, &options)?;
            let wanted = match &args.split {
                Some(split) => manifest.need_split(split)?,
                None => (0..manifest.records.len()).collect(),
            };
            let files = |index: usize| {
                let record = &manifest.records[index];
                (record.image.clone(), record.mask.clone())
            };
            wanted.into_iter().map(files).collect()
        }
    };
    pairs.truncate(args.limit.unwrap_or(usize::MAX));
    let paths: Vec<&Path> = pairs.iter().map(|(image, _)| image.as_path()).collect();
    let names = distinct_names(&paths);
    Ok(pairs.into_iter().zip(names).map(|((image, mask), name)| Job { image, mask, name }).collect())
}

/// A name for what is written about each image: as short as can be without two that are equal.
fn distinct_names(images: &[&Path]) -> Vec<String> {
    let joined = |path: &Path| {
        let parts = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        });
        parts.collect::<Vec<_>>().join("-")
    };
    let stem = |path: &Path| path.file_stem().map_or("image".into(), |stem| stem.to_string_lossy().into_owned());
    let inside = |path: &Path| images.iter().all(|image| image.starts_with(path));
    let root = images.first().and_then(|first| first.ancestors().skip(1).find(|folder| inside(folder)));
    let below = |path: &Path| root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path).to_owned();
    let choices: [&dyn Fn(&Path) -> String; 3] =
        [&stem, &|path| joined(&below(path).with_extension("")), &|path| joined(&below(path))];
    for name in choices {
        let names: Vec<String> = images.iter().map(|image| name(image)).collect();
        if names.iter().collect::<BTreeSet<_>>().len() == names.len() {
            return names;
        }
    }
    images.iter().enumerate().map(|(index, image)| format!("{}-{}", index + 1, stem(image))).collect()
}

fn explain_one(
    model: &Model,
    plan: &Plan,
    selector: OutputSelector,
    job: &Job,
    output: &OutputFolder,
) -> anyhow::Result<Vec<serde_json::Value>> {
    let read = read_pair(&job.image, job.mask.as_ref());
    let prepared = read.and_then(|(image, mask)| model.preparation.apply(&image, mask.as_ref()));
    let (image, mask) = prepared.with_context(|| {
        let mask = job.mask.as_ref().map_or(String::new(), |mask| format!(" with mask `{}`", mask.display()));
        format!("image `{}`{mask}", job.image.display())
    })?;
    let sample = Sample { image, mask, label: None, id: job.name.clone(), source: String::new() };
    let batch = Batch::collate(std::slice::from_ref(&sample))?;
    let found = Explained::new(model, plan, selector, &batch)?;
    let probabilities = probabilities(model, found.logits.clone()).remove(0);
    let of_class = |class: &usize| (model.classes[*class].as_str(), Some(probabilities[*class]));
    let mut explained: Vec<(&str, Option<f64>)> = found.classes.iter().map(of_class).collect();
    if selector.target == Target::Together {
        explained.extend(DUAL_MAPS.map(|name| (name, None)));
    }
    let describe = |(row, (explained, probability)): (usize, (&str, Option<f64>))| {
        let name = format!("{}.{}", job.name, explained.replace(std::path::is_separator, "_"));
        save(&sample, found.map(row), &legend(selector, model.task, explained), &Pictures { output, name: &name })?;
        let area = sample.mask.as_ref().and_then(|mask| area_share(&mask.values));
        Ok(serde_json::json!({
            "image": job.image,
            "explained": explained,
            "predicted": model.classes[highest(&probabilities)],
            "probability": probability,
            "quantity": quantity_word(selector),
            "background_share": found.background_share(&batch, row),
            "background_area": area,
            "mask": mask_verdict(&batch, 0).map(mask_word),
            "picture": output.path().join(format!("{name}.png")),
        }))
    };
    explained.into_iter().enumerate().map(describe).collect()
}

fn line(found: &serde_json::Value) -> String {
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    let share = match (found["background_share"].as_f64(), found["background_area"].as_f64(), found["mask"].as_str()) {
        (Some(share), Some(area), _) => format!("  background share {share:.3} (area alone: {area:.3})"),
        (_, _, Some("empty")) => "  no background share: the mask has no foreground".to_owned(),
        (_, _, Some("full")) => "  no background share: the mask has no background".to_owned(),
        _ => String::new(),
    };
    let p = found["probability"].as_f64().map_or(String::new(), |p| format!(" (p = {p:.3})"));
    format!(
        "{}  predicted {}  explained {}{p}{share}  -> {}",
        text("image"),
        text("predicted"),
        text("explained"),
        text("picture")
    )
}

/// Whether a mask says anything, in JSON.
fn mask_word(verdict: MaskVerdict) -> &'static str {
    match verdict {
        MaskVerdict::Usable => "usable",
        MaskVerdict::Empty => "empty",
        MaskVerdict::Full => "full",
    }
}

/// Where the files about one map go.
struct Pictures<'a> {
    output: &'a OutputFolder,
    name: &'a str,
}

/// `<name>.png` and `<name>.safetensors` with the raw map `[H, W, C]`.
fn save(sample: &Sample, map: &[f32], legend: &str, to: &Pictures<'_>) -> anyhow::Result<()> {
    let Image { height, width, channels, .. } = sample.image;
    let grid = Grid::strip(tiles(&sample.image, sample.mask.as_ref(), map)?).note(legend);
    to.output.write(&format!("{}.png", to.name), &encode_png(&grid.render())?)?;
    let map = NamedTensor::f32("heatmap", [height, width, channels], map.to_vec());
    to.output.write(&format!("{}.safetensors", to.name), &to_safetensors([(&map.name, &map)], None)?)?;
    Ok(())
}

fn tiles(image: &Image, mask: Option<&Mask>, map: &[f32]) -> anyhow::Result<Vec<Tile>> {
    let (photo, signed) = (photo(image)?, relevance_picture(image, map)?);
    let blended = overlay(&photo, &signed)?;
    let outlined = |tile: Tile| match mask {
        Some(mask) => tile.outline(&mask.values),
        None => Ok(tile),
    };
    Ok(vec![
        outlined(Tile::new(photo).title("image"))?,
        outlined(Tile::new(blended).title("overlay"))?,
        outlined(Tile::signed(&signed).title("relevance"))?.scale_bar(&signed),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_images_share_a_name() {
        let names = |paths: &[&str]| distinct_names(&paths.iter().map(Path::new).collect::<Vec<_>>());
        assert_eq!(names(&["a/x.png", "b/y.png"]), ["x", "y"]);
        assert_eq!(names(&["/data/a/x.png", "/data/b/x.png"]), ["a-x", "b-x"]);
        assert_eq!(names(&["x.png", "x.jpg"]), ["x.png", "x.jpg"]);
        assert_eq!(names(&["../x.png", "a/x.png"]), ["x", "a-x"]);
        assert_eq!(names(&["x.png", "x.png"]), ["1-x", "2-x"]);
    }
}
