//! Whether the files of a data set are stored alike, and use the range of values that they have.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::one_record::{self, Finding, Range};
use super::{Problem, ProblemKind, Severity};
use crate::intensity::{Intensity, bits_of, spread};
use crate::manifest::{Manifest, Record};
use crate::prepare::Preparation;
use crate::read_image::MaskKind;

/// Below this share of full, the brightest pixel of all images says that the range is not used. 14 bits in 16 lie just below.
const DIM: f32 = 0.2501;

/// An image whose values span less than this share of what the data set uses shows next to nothing.
const FLAT: f32 = 0.02;

/// What is odd about some images and masks of a manifest, for the start of a training: values that use a small part of their range,
/// files of several depths, images without contrast, several pages, transparency, orientation tags on one of two files, and how masks
/// were read. At most `most` of the records are read, at equal distances; each kind of problem is named once with its first file.
/// Files that cannot be read are left to the training, which names them.
///
/// # Panics
/// If an index is not one of the manifest's.
///
/// # Example
/// ```
/// # use isnet_data::{Fit, Intensity, Manifest, ManifestOptions, Preparation, ProblemKind, spot_check};
/// # let folder = tempfile::tempdir()?;
/// let dark = image::ImageBuffer::from_fn(8, 8, |x, _| image::Luma([x as u16 * 585])); // 12 bits in 16
/// dark.save(folder.path().join("a.png"))?;
/// # let path = folder.path().join("manifest.csv");
/// std::fs::write(&path, "image,label\na.png,x\n")?;
/// let manifest = Manifest::read(&path, &ManifestOptions::default())?;
/// let size = Preparation { height: 8, width: 8, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
/// let found = spot_check(&manifest, &[0], 64, &size);
/// assert_eq!(found[0].kind, ProblemKind::DimImages);
/// assert!(found[0].message.contains("`data.intensity = \"depth\"`"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spot_check(manifest: &Manifest, records: &[usize], most: usize, preparation: &Preparation) -> Vec<Problem> {
    let records: Vec<&Record> = spread(records, most).into_iter().map(|record| &manifest.records[record]).collect();
    let findings: Vec<Finding> = records.par_iter().map(|record| one_record::read(record, Some(preparation))).collect();
    let mut problems = across(&records, &findings, preparation.intensity);
    let mut per_kind: BTreeMap<ProblemKind, (Problem, usize)> = BTreeMap::new();
    let warnings = findings.into_iter().flat_map(|finding| finding.problems);
    for problem in warnings.filter(|problem| problem.severity == Severity::Warning) {
        per_kind.entry(problem.kind).or_insert((problem, 0)).1 += 1;
    }
    for (mut problem, count) in per_kind.into_values() {
        if count > 1 {
            problem.message = format!("{} (so with {count} of {} records read)", problem.message, records.len());
        }
        problems.push(problem);
    }
    problems
}

/// What only shows when the files of a data set are seen together.
pub(super) fn across(records: &[&Record], findings: &[Finding], intensity: Intensity) -> Vec<Problem> {
    let mut ranges: Vec<(&Record, Range)> = Vec::new();
    for (record, finding) in records.iter().zip(findings) {
        ranges.extend(finding.range.map(|range| (*record, range)));
    }
    let (deep, shallow): (Vec<_>, Vec<_>) = ranges.iter().copied().partition(|(_, range)| range.sixteen_bit);
    let mut problems = Vec::new();
    for (images, bits) in [(&deep, 16), (&shallow, 8)] {
        problems.extend(dim(images, bits, intensity));
        problems.extend(flat(images));
    }
    if let (Some((sixteen, _)), Some((eight, _))) = (deep.first(), shallow.first()) {
        let message = format!(
            "{} images have 16 bits (first `{}`) and {} have 8 (first `{}`), divided by 65535 and 255; \
             make sure that equal things have equal values in both, and that the depth does not go with the class",
            deep.len(),
            sixteen.image.display(),
            shallow.len(),
            eight.image.display()
        );
        problems.push(warning(sixteen, ProblemKind::MixedDepth, 0, message));
    }
    problems.extend(mask_readings(records, findings));
    problems
}

fn warning(record: &Record, kind: ProblemKind, line: usize, message: String) -> Problem {
    Problem { severity: Severity::Warning, line, path: record.image.clone(), kind, message }
}

fn brightest(images: &[(&Record, Range)]) -> f32 {
    images.iter().map(|(_, range)| range.brightest).fold(0.0, f32::max)
}

fn dim(images: &[(&Record, Range)], bits: u8, intensity: Intensity) -> Option<Problem> {
    let (first, _) = images.first()?;
    let brightest = brightest(images);
    let is_scaled = match intensity {
        Intensity::Stored => false,
        Intensity::Depth { .. } => bits == 16,
        Intensity::Percentile => true,
    };
    if is_scaled || brightest >= DIM || brightest == 0.0 {
        return None;
    }
    let what = match bits {
        16 => format!("as if {} of 16 bits were used; set `data.intensity = \"depth\"`", bits_of(brightest)),
        _ => "so most of the range is unused; set `data.intensity = \"percentile\"`, or scale the files".to_owned(),
    };
    let message = format!(
        "the brightest pixel of the {} images of {bits} bits (first `{}`) is at {:.1} % of full, {what}",
        images.len(),
        first.image.display(),
        100.0 * brightest
    );
    Some(warning(first, ProblemKind::DimImages, 0, message))
}

/// Images without contrast, beside the others of the same depth.
fn flat(images: &[(&Record, Range)]) -> Vec<Problem> {
    let full = brightest(images);
    let mut problems = Vec::new();
    for (record, range) in images.iter().filter(|(_, range)| range.brightest - range.darkest <= FLAT * full) {
        let message = format!(
            "image `{}` is nearly constant: its values lie between {:.2} % and {:.2} % of full; look at the file",
            record.image.display(),
            100.0 * range.darkest,
            100.0 * range.brightest
        );
        problems.push(warning(record, ProblemKind::FlatImage, record.line, message));
    }
    problems
}

/// Masks that hold 0 and 1, or their shape in the alpha channel; said once for all.
fn mask_readings(records: &[&Record], findings: &[Finding]) -> Vec<Problem> {
    let read: Vec<(&Record, MaskKind)> =
        records.iter().zip(findings).filter_map(|(record, finding)| Some((*record, finding.mask_kind?))).collect();
    let is_alpha = |kind: &MaskKind| matches!(kind, MaskKind::Alpha { .. });
    let is_zero_one = |kind: &MaskKind| *kind == MaskKind::ZeroOne;
    let mut problems = Vec::new();
    let kinds: [&dyn Fn(&MaskKind) -> bool; 2] = [&is_zero_one, &is_alpha];
    for is_so in kinds {
        let such: Vec<&(&Record, MaskKind)> = read.iter().filter(|(_, kind)| is_so(kind)).collect();
        let Some((first, kind)) = such.first() else { continue };
        let path = first.mask.as_deref().unwrap_or(&first.image);
        let message = format!(
            "mask `{}` {}; so with {} of {} masks",
            path.display(),
            kind.remark().unwrap_or_default(),
            such.len(),
            read.len()
        );
        problems.push(warning(first, ProblemKind::MaskReading, 0, message));
    }
    problems
}
