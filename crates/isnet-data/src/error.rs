//! Everything that can be wrong with data, as facts with an address.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

use std::path::PathBuf;

use isnet_files::reason;

use crate::manifest::spelling::{split_meant, visible};
use crate::manifest::{NotCsv, RowProblem};
use crate::missing::Likely;
use crate::nearest::nearest;

/// Short for a result with a [`DataError`].
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// What is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file that is named but not there.
    #[error("`{}` does not exist; {}", path.display(),
        likely.as_ref().map_or_else(|| "correct the path".into(), ToString::to_string))]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// What was most likely meant.
        likely: Option<Likely>,
    },
    /// The operating system refuses: permissions, a folder in place of a file, a broken disk.
    #[error("cannot read `{}`: {}", path.display(), reason(cause))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// A folder where a file is expected.
    #[error("`{}` is a folder; name an image file", path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The first bytes are of no format that is known.
    #[error("`{}` is not an image: {seems}", path.display())]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// What it seems to be and what to do.
        seems: &'static str,
    },
    /// A known format that is not read.
    #[error("`{}` is {what}, which is not read; {advice}", path.display())]
    ForeignFormat {
        /// The file.
        path: PathBuf,
        /// The format, with its article.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A variant that is not read, of a format that is.
    #[error("`{}` is a {format} of a variant that is not read ({variant}); {advice}", path.display())]
    UnreadVariant {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// The variant, in words.
        variant: String,
        /// What to do.
        advice: &'static str,
    },
    /// More pixels than are read.
    #[error("`{}` is {height}×{width} pixels (height×width), {:.0} million; at most {} million are read: scale it down or cut it into tiles",
        path.display(), *height as f64 * *width as f64 / 1e6, crate::read_image::MAX_PIXELS / 1_000_000)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// H, pixels.
        height: u32,
        /// W, pixels.
        width: u32,
    },
    /// A file of a possible size that asks for more memory than a decoder is given.
    #[error("`{}` needs more than {:.1} GB to decode; it is damaged, or must be scaled down or saved as PNG", path.display(), *limit as f64 / 1e9)]
    NeedsMemory {
        /// The file.
        path: PathBuf,
        /// Bytes that a decoder may take.
        limit: u64,
    },
    /// The file ends before the picture does.
    #[error("`{}` is truncated: it ends in the middle of the picture; copy it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// An image of a known format that does not decode. What the decoder says is in `cause`, not in the message.
    #[error("`{}` is a damaged {format}: its data contradict themselves; copy it again, or open it in an image program and save it as PNG", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// What the decoder says.
        cause: image::ImageError,
    },
    /// A mask whose values do not say what is foreground.
    #[error("mask `{}` {reason}; store foreground as white (255) and the rest as black", path.display())]
    MaskValues {
        /// The file.
        path: PathBuf,
        /// What its values are.
        reason: String,
    },
    /// A picture with transparent pixels where its colours are to be used as they are seen.
    #[error("{:.1} % of `{}` is transparent, and what colours lie beneath is not defined; save it without transparency", 100.0 * share, path.display())]
    Transparent {
        /// The file.
        path: PathBuf,
        /// Share of the pixels that are not opaque.
        share: f32,
    },
    /// A mask whose colours show one shape and whose transparency another.
    #[error("mask `{}` has transparent pixels, and its colours show another shape ({colour:.1} % of it is bright) than its transparency ({alpha:.1} % is opaque); \
             save it without transparency, white on black", path.display())]
    MaskContradicts {
        /// The file.
        path: PathBuf,
        /// Foreground by colour, in percent.
        colour: f32,
        /// Foreground by transparency, in percent.
        alpha: f32,
    },
    /// A value above the depth that the images of a data set use.
    #[error("the image has the value {value}, above {}, the largest of the {bits} bits that the training images use; \
             correct the file, or train with `data.depth_bits = 16`", (1_u32 << bits) - 1)]
    AboveDepth {
        /// The value as stored.
        value: u32,
        /// The depth.
        bits: u8,
    },
    /// A floating-point image that is not normalised.
    #[error("`{}` has the pixel value {value}; floating-point images must lie in [0, 1]", path.display())]
    PixelRange {
        /// The file.
        path: PathBuf,
        /// The first value outside.
        value: f32,
    },
    /// Image and mask do not lie on each other.
    #[error("the mask is {}×{} pixels, its image {}×{} (height×width); {}",
        got.0, got.1, expected.0, expected.1, size_advice(*expected, *got))]
    MaskSize {
        /// Height and width of the image.
        expected: (usize, usize),
        /// Height and width of the mask.
        got: (usize, usize),
    },
    /// Image and mask lie across each other because one of them has an orientation tag.
    #[error("the mask is {}×{} pixels, its image {}×{} (height×width): `{}` has an orientation tag and is {how} when it is opened, `{}` is not; \
             draw the mask on the upright picture, or remove the tag from both",
        got.0, got.1, expected.0, expected.1, turned.display(), other.display())]
    MaskTurned {
        /// Height and width of the image.
        expected: (usize, usize),
        /// Height and width of the mask.
        got: (usize, usize),
        /// The file whose tag turns it.
        turned: PathBuf,
        /// The other file.
        other: PathBuf,
        /// What the tag does.
        how: &'static str,
    },
    /// Any error above, met while reading one record of a manifest.
    #[error("{}: {cause}{}", address(manifest, *line, image), where_paths_start(*line, cause))]
    Record {
        /// The manifest or image folder.
        manifest: PathBuf,
        /// Line in the manifest, from 1; 0 for a folder, which has no lines.
        line: usize,
        /// The image of the record.
        image: PathBuf,
        /// What is wrong with it.
        cause: Box<DataError>,
    },
    /// A file that is no manifest, with what it seems to be.
    #[error("`{}` {seems}", path.display())]
    NotCsv {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        seems: NotCsv,
    },
    /// The manifest is not CSV.
    #[error("cannot read `{}` as CSV: {cause}", path.display())]
    Csv {
        /// The manifest.
        path: PathBuf,
        /// What the CSV reader says.
        cause: csv::Error,
    },
    /// A column that is needed is absent.
    #[error("`{}` has no column `{column}`; its columns are {}{}", path.display(), quoted(known), like_column(column, known))]
    Column {
        /// The manifest.
        path: PathBuf,
        /// The column looked for.
        column: String,
        /// The columns it has.
        known: Vec<String>,
    },
    /// A column whose name differs from one that is read in capitals, blanks or invisible characters.
    #[error("`{}` has a column `{}`; write `{column}`, or all that it says would be overlooked", path.display(), visible(found))]
    ColumnSpelling {
        /// The manifest.
        path: PathBuf,
        /// The column that is read.
        column: String,
        /// The column that is there.
        found: String,
    },
    /// A split that no row has.
    #[error("no split `{split}` in `{}`; {}", path.display(), splits_there(split, known))]
    UnknownSplit {
        /// The manifest or folder.
        path: PathBuf,
        /// The split asked for.
        split: String,
        /// The splits that rows have.
        known: Vec<String>,
    },
    /// Two columns of one name: which one is meant?
    #[error("`{}` has the column `{column}` twice; rename one", path.display())]
    ColumnTwice {
        /// The manifest.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A class is listed twice, so its index is ambiguous.
    #[error("class `{class}` is listed twice; name each class once")]
    ClassTwice {
        /// The class.
        class: String,
    },
    /// Rows that cannot become records.
    #[error("`{}`{}{}", path.display(), at_line(problem), and_more(*others))]
    Row {
        /// The manifest.
        path: PathBuf,
        /// The first bad row.
        problem: Box<RowProblem>,
        /// How many more rows are bad.
        others: usize,
    },
    /// A manifest without rows, or a folder without images.
    #[error("`{}` {}", path.display(), match is_table {
        true => "has a header and no rows; a manifest has a row per image",
        false => "holds no images (PNG, JPEG, BMP, TIFF); they lie in a folder per class",
    })]
    Empty {
        /// The manifest or folder.
        path: PathBuf,
        /// Whether it is a manifest.
        is_table: bool,
    },
    /// A top folder that looks like a split under another name.
    #[error("`{}` has the folder `{folder}`, which would be a class; rename it to `{meant}` if it is that split", path.display())]
    SplitFolder {
        /// The image folder.
        path: PathBuf,
        /// The folder in it.
        folder: String,
        /// The split that it seems to be.
        meant: &'static str,
    },
    /// Some top folders are named like splits and some are not.
    #[error("`{}` mixes splits ({}) and classes ({}) as folders; put every class into a split or none",
        path.display(), quoted(splits), quoted(classes))]
    MixedFolders {
        /// The image folder.
        path: PathBuf,
        /// Its folders named like a split.
        splits: Vec<String>,
        /// Its other folders.
        classes: Vec<String>,
    },
    /// Data of which something cannot be told.
    #[error("`{}`: {what}; {advice}", path.display())]
    Unclear {
        /// The folder or table.
        path: PathBuf,
        /// What cannot be told.
        what: String,
        /// What to do.
        advice: String,
    },
    /// Two masks for one image.
    #[error("`{}` and `{}` are both masks of one image; remove one", first.display(), second.display())]
    MaskTwice {
        /// One mask.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A preparation that makes no picture.
    #[error(
        "cannot prepare images of {height}×{width} with {channels} channels; sides are at least 1, channels are 1 or 3"
    )]
    Preparation {
        /// H, pixels.
        height: usize,
        /// W, pixels.
        width: usize,
        /// C.
        channels: usize,
    },
    /// An augmentation setting outside its range.
    #[error("augmentation `{setting}` is {value}; it must be {range}")]
    Augmentation {
        /// The field.
        setting: &'static str,
        /// What it was.
        value: f32,
        /// What it may be.
        range: &'static str,
    },
    /// A setting of marks, of biased data, of generated data or of an import outside its range.
    #[error("`{setting}` is {value}; it must be {range}")]
    Setting {
        /// The field.
        setting: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// A word that names no mark.
    #[error("mark `{mark}` is unknown; {}", like.map_or_else(
        || "marks are written like `square`, `circle`, `triangle`, `letter:R`, `stripe:across`, `texture:0`".into(),
        |like| format!("did you mean `{like}`?")))]
    UnknownMark {
        /// The word.
        mark: String,
        /// A mark of the kind that it resembles.
        like: Option<&'static str>,
    },
    /// Not one mark per class.
    #[error("{marks} mark(s) for {classes} classes; name one per class in their order, or none to have them chosen")]
    MarkCount {
        /// How many there are.
        marks: usize,
        /// How many classes.
        classes: usize,
    },
    /// A mark that would tell no class.
    #[error("mark `{mark}` is bound to two classes; give each class its own")]
    MarkTwice {
        /// The mark.
        mark: String,
    },
    /// A manifest whose classes cannot be told apart by marks.
    #[error("`{}` has {classes} class(es); a mark of another class needs at least two", path.display())]
    TooFewClasses {
        /// The manifest.
        path: PathBuf,
        /// How many classes it has.
        classes: usize,
    },
    /// A column of the input has the name of one that is added.
    #[error("`{}` has a column `{column}` already, which would be added; rename it", path.display())]
    ColumnTaken {
        /// The manifest.
        path: PathBuf,
        /// The name.
        column: &'static str,
    },
    /// Every row was left out.
    #[error("no image of `{}` could be used; the first of {problems} problem(s): {first}", path.display())]
    NothingUsable {
        /// The manifest or folder.
        path: PathBuf,
        /// How many problems there are.
        problems: usize,
        /// The first of them.
        first: String,
    },
    /// An output that may not be written there, or cannot.
    #[error(transparent)]
    Files(#[from] isnet_files::FilesError),
    /// The operating system refuses to write.
    #[error("cannot write `{}`: {}; free some space or choose another folder", path.display(), reason(cause))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// A picture could not be written.
    #[error("cannot write `{}`: {cause}; free some space or choose another folder", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the encoder says.
        cause: image::ImageError,
    },
    /// A kind of data set that cannot be imported.
    #[error("data set `{kind}` is unknown; {}the known ones are {}",
        nearest.as_ref().map_or(String::new(), |nearest| format!("did you mean `{nearest}`? ")), quoted(known))]
    UnknownKind {
        /// As written.
        kind: String,
        /// The kind it resembles.
        nearest: Option<String>,
        /// All kinds.
        known: Vec<String>,
    },
    /// A folder is not that of the data set it should be.
    #[error("`{}` has no {what}; name the folder of the data set as it is downloaded and unpacked", folder.display())]
    Layout {
        /// The folder.
        folder: PathBuf,
        /// What is looked for.
        what: String,
    },
    /// A file of a data set is not what it should be.
    #[error("`{}` {what}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// Rows cannot be added to a manifest with other columns.
    #[error("`{}` has other columns than an import writes ({}); append to an imported manifest only", path.display(), quoted(expected))]
    OtherColumns {
        /// The manifest.
        path: PathBuf,
        /// The columns it should have.
        expected: Vec<String>,
    },
    /// A path that a manifest, which is UTF-8, cannot hold.
    #[error("the path `{}` is not UTF-8; rename it", path.display())]
    PathNotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// Someone asked to stop; nothing was written.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// Samples of different shapes in one batch.
    #[error("`{id}` is {got:?} (height, width, channels), the batch {expected:?}; prepare all samples to one size")]
    BatchShape {
        /// The odd sample.
        id: String,
        /// H, W, C of the first sample of the batch.
        expected: [usize; 3],
        /// H, W, C of this one.
        got: [usize; 3],
    },
    /// A sample that should teach has no label.
    #[error(
        "`{id}` has no label; training and scoring need one for every image: fill in the column `label`, or remove the row"
    )]
    Unlabelled {
        /// Its name in the data set.
        id: String,
    },
}

impl DataError {
    /// A file or folder that is not there, with what was most likely meant.
    pub(crate) fn missing(path: PathBuf) -> Self {
        let likely = Likely::find(&path);
        Self::Missing { path, likely }
    }

    /// The right error for a failed read of `path`.
    pub(crate) fn read(path: &std::path::Path, cause: std::io::Error) -> Self {
        let path = path.to_path_buf();
        match cause.kind() {
            std::io::ErrorKind::NotFound => Self::missing(path),
            _ => Self::Read { path, cause },
        }
    }
}

/// `a`, `b`, `c`, the way messages list names.
pub(crate) fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn address(manifest: &std::path::Path, line: usize, image: &std::path::Path) -> String {
    match line {
        0 => format!("`{}`", image.display()),
        line => format!("`{}` line {line} (`{}`)", manifest.display(), image.display()),
    }
}

/// Where a relative path of a manifest starts, if a file is not found.
fn where_paths_start(line: usize, cause: &DataError) -> &'static str {
    match cause {
        DataError::Missing { .. } if line > 0 => " (a relative path starts at the manifest's folder)",
        _ => "",
    }
}

/// Words that tables of other tools have for a column.
const OTHER_WORDS: [(&str, &[&str]); 4] = [
    ("image", &["images", "path", "file", "filename", "image_path", "filepath", "img"]),
    ("label", &["labels", "class", "classes", "target", "category", "diagnosis", "y"]),
    ("split", &["splits", "set", "subset", "partition", "fold", "phase"]),
    ("mask", &["masks", "mask_path", "segmentation"]),
];

/// The column that was most likely meant by another.
pub(crate) fn column_meant<'a>(column: &str, known: &'a [String]) -> Option<&'a str> {
    let words = OTHER_WORDS.iter().find(|(name, _)| *name == column).map_or(&[][..], |(_, words)| words);
    let other = known.iter().map(String::as_str).find(|name| words.contains(&name.to_lowercase().as_str()));
    other.or_else(|| {
        let near = known
            .iter()
            .map(String::as_str)
            .filter(|name| strsim::damerau_levenshtein(name, column) <= 1 + column.len() / 4);
        nearest(column, near)
    })
}

fn like_column(column: &str, known: &[String]) -> String {
    column_meant(column, known).map_or(String::new(), |meant| format!("; rename `{meant}` if it is meant"))
}

fn splits_there(split: &str, known: &[String]) -> String {
    let meant = known.iter().find(|name| split_meant(name) == Some(split) || split_meant(split) == Some(name.as_str()));
    match (known.is_empty(), meant) {
        (true, _) => "none of its rows has a split".into(),
        (false, Some(meant)) => format!("did you mean `{meant}`? It has {}", quoted(known)),
        (false, None) => format!("it has {}", quoted(known)),
    }
}

fn size_advice(expected: (usize, usize), got: (usize, usize)) -> &'static str {
    if expected.0 != expected.1 && got == (expected.1, expected.0) {
        "one of them is turned by 90°: look at the orientation tags (Exif) of both, and save both upright"
    } else {
        "resize the mask to its image"
    }
}

fn at_line(problem: &RowProblem) -> String {
    match problem.line {
        0 => format!(": {problem}"),
        line => format!(" line {line}: {problem}"),
    }
}

fn and_more(others: usize) -> String {
    match others {
        0 => String::new(),
        n => format!(" (and {n} more; `isnet data check` lists them all)"),
    }
}
