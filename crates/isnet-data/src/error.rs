//! Everything that can be wrong with data, as facts with an address.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

use std::path::PathBuf;

use isnet_files::reason;

use crate::manifest::RowProblem;

/// Short for a result with a [`DataError`].
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// What is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file that is named but not there.
    #[error("`{}` does not exist; correct the path (a relative one starts at the manifest's folder)", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
    },
    /// The operating system refuses: permissions, a folder in place of a file, a broken disk.
    #[error("cannot read `{}`: {}", path.display(), reason(cause))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// The first bytes are of no format that we read.
    #[error("`{}` is not an image; PNG, JPEG, BMP and TIFF are read", path.display())]
    NotAnImage {
        /// The file.
        path: PathBuf,
    },
    /// The file ends before the picture does.
    #[error("`{}` is truncated: it ends in the middle of the picture; copy it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// An image of a known format that does not decode.
    #[error("cannot decode `{}`: {cause}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        cause: image::ImageError,
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
    #[error("the mask is {}×{} pixels, its image {}×{} (height×width); resize the mask to its image",
        got.0, got.1, expected.0, expected.1)]
    MaskSize {
        /// Height and width of the image.
        expected: (usize, usize),
        /// Height and width of the mask.
        got: (usize, usize),
    },
    /// Any error above, met while reading one record of a manifest.
    #[error("{}: {cause}", address(manifest, *line, image))]
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
    /// The manifest is not CSV.
    #[error("cannot read `{}` as CSV: {cause}", path.display())]
    Csv {
        /// The manifest.
        path: PathBuf,
        /// What the CSV reader says.
        cause: csv::Error,
    },
    /// A column that is needed is absent.
    #[error("`{}` has no column `{column}`; its columns are {}", path.display(), quoted(known))]
    Column {
        /// The manifest.
        path: PathBuf,
        /// The column looked for.
        column: String,
        /// The columns it has.
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
    #[error("`{}` holds no images; a manifest needs one row per image, a folder one folder per class", path.display())]
    Empty {
        /// The manifest or folder.
        path: PathBuf,
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
    #[error("`{id}` has no label; training needs one for every sample: fill in the column `label`")]
    Unlabelled {
        /// Its name in the data set.
        id: String,
    },
}

impl DataError {
    /// The right error for a failed read of `path`.
    pub(crate) fn read(path: &std::path::Path, cause: std::io::Error) -> Self {
        let path = path.to_path_buf();
        match cause.kind() {
            std::io::ErrorKind::NotFound => Self::Missing { path },
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
