//! What can keep an audit from being made.
//!
//! A question that the data cannot answer is no error: see [`Missing`](crate::Missing). A message is complete: it says its
//! cause, which is therefore a plain field and not a `source()` to be printed once more.

/// An error of this crate; the variants hold the facts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// There is no sample.
    #[error("the data hold no image, so there is nothing to audit; choose a split that has images")]
    Empty,

    /// The data know classes that the model does not have, or know them in another order.
    #[error(
        "the model's classes are {}, the data's {}; read the data with the model's list, and map names that differ",
        quoted(model),
        quoted(data)
    )]
    Classes {
        /// Classes of the model.
        model: Vec<String>,
        /// Classes of the data.
        data: Vec<String>,
    },

    /// One is single-label, the other multi-label.
    #[error("the model is {model}, the data are {data}; read the data with the model's task")]
    Task {
        /// `single-label` or `multi-label`.
        model: &'static str,
        /// The other one.
        data: &'static str,
    },

    /// A setting has a value that means nothing.
    #[error("`{setting}` is {got}; it must be {expected}")]
    Setting {
        /// Field of [`Settings`](crate::Settings) or [`Thresholds`](crate::Thresholds).
        setting: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        got: String,
    },

    /// The model said NaN or infinity, or its relevance is.
    #[error("{what} of `{id}` is not a finite number; check the model's weights and the image")]
    NonFinite {
        /// The number, such as `the prediction`.
        what: &'static str,
        /// The image.
        id: String,
    },

    /// An image has another size than the network's.
    #[error(
        "`{id}` is {got:?} (height, width, channels), the model takes {expected:?}; prepare the data as the model says"
    )]
    Shape {
        /// The image.
        id: String,
        /// What the model takes.
        expected: [usize; 3],
        /// What the image is.
        got: [usize; 3],
    },

    /// No question has this name.
    #[error("there is no question `{name}`; there are {}", quoted(known))]
    Question {
        /// As written.
        name: String,
        /// All names.
        known: Vec<String>,
    },

    /// A sample cannot be read.
    #[error(transparent)]
    Data(#[from] isnet_data::DataError),

    /// The model cannot be evaluated.
    #[error(transparent)]
    Eval(#[from] isnet_eval::EvalError),

    /// A score could not be found.
    #[error(transparent)]
    Statistics(#[from] isnet_statistics::StatisticsError),

    /// The model cannot be explained.
    #[error(transparent)]
    Lrp(#[from] isnet_lrp::LrpError),

    /// A picture of the report cannot be made.
    #[error(transparent)]
    Picture(#[from] isnet_picture::PictureError),

    /// A picture of the report is no PNG.
    #[error(transparent)]
    Report(#[from] isnet_report::ReportError),

    /// The device did not give back what it computed.
    #[error("cannot read from the device: {0}")]
    Device(String),
}

/// Short for a result with an [`AuditError`].
pub type Result<T> = std::result::Result<T, AuditError>;

/// `a`, `b`, `c`, the way messages list names.
pub(crate) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
