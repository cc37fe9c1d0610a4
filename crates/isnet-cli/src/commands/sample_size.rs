//! `isnet sample-size`

use anyhow::bail;
use isnet_statistics::{ProportionMethod, SizeTarget, inflated_size, sample_size};

use crate::Answer;
use crate::args::SampleSizeArgs;
use crate::progress::print;

/// Beyond this number of images a wish is refused, as `sample_size` refuses samples.
const MOST_IMAGES: f64 = 1e9;

/// How many images a study needs for an interval as short as wished.
pub fn run(args: &SampleSizeArgs) -> anyhow::Result<Answer> {
    let target = match (args.sensitivity, args.specificity, args.auc) {
        (Some(value), ..) => SizeTarget::Sensitivity(value),
        (_, Some(value), _) => SizeTarget::Specificity(value),
        (.., Some(value)) => SizeTarget::Auc(value),
        _ => bail!("name what is to be measured: `--sensitivity`, `--specificity` or `--auc`"),
    };
    let method = if args.exact { ProportionMethod::ClopperPearson } else { ProportionMethod::Wilson };
    let size = sample_size(target, args.half_width, args.prevalence, args.confidence, method)?;
    let images = match (args.images_per_patient, args.icc) {
        (Some(each), Some(icc)) => {
            if !(each >= 1.0 && each.is_finite()) {
                bail!("`--images-per-patient` is {each}; it must be at least 1");
            }
            if !(0.0..=1.0).contains(&icc) {
                bail!("`--icc` is {icc}; it must be from 0 to 1");
            }
            if size.n as f64 * (1.0 + (each - 1.0) * icc) > MOST_IMAGES {
                bail!("`--images-per-patient` is {each}; with `--icc {icc}` it takes more than 10⁹ images");
            }
            Some((inflated_size(size.n, each, icc), each, icc))
        }
        _ => None,
    };
    if args.json {
        let images = images.map(|(images, ..)| images);
        print(&serde_json::to_string_pretty(&serde_json::json!({ "size": size, "images": images }))?);
        return Ok(Answer::Yes);
    }
    let (name, value) = match target {
        SizeTarget::Sensitivity(value) => ("a sensitivity", value),
        SizeTarget::Specificity(value) => ("a specificity", value),
        SizeTarget::Auc(value) => ("an AUC", value),
    };
    print(&format!(
        "for {name} of {value} with a {:.0} % interval of ± {} on average:\n  {} of the class and {} others, {} independent samples in all, where {:.1} % are of the class",
        100.0 * args.confidence,
        args.half_width,
        size.n_positive,
        size.n_negative,
        size.n,
        100.0 * args.prevalence
    ));
    if let Some((images, each, icc)) = images {
        let patients = (images as f64 / each).ceil();
        print(&format!(
            "  with {each} images of each patient that are alike by {icc}: {images} images of {patients} patients"
        ));
    }
    Ok(Answer::Yes)
}
