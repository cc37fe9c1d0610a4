//! What can go wrong while a model is evaluated.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

/// An error of this crate; the variants hold the facts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The predictions, or what is asked of them, are wrong.
    #[error(transparent)]
    Statistics(#[from] isnet_statistics::StatisticsError),

    /// A file of a run could not be written.
    #[error(transparent)]
    Run(#[from] isnet_run::RunError),

    /// A sample cannot be read.
    #[error(transparent)]
    Data(#[from] isnet_data::DataError),

    /// The model cannot be explained.
    #[error(transparent)]
    Lrp(#[from] isnet_lrp::LrpError),

    /// A picture cannot be drawn.
    #[error(transparent)]
    Picture(#[from] isnet_picture::PictureError),

    /// A picture does not fit into a report.
    #[error(transparent)]
    Report(#[from] isnet_report::ReportError),

    /// A sample was predicted that the data does not have, so it has no picture.
    #[error("sample `{id}` is not in the data of the split `{split}`; give the data that the predictions were made on")]
    NotInData {
        /// Sample.
        id: String,
        /// Its split.
        split: String,
    },

    /// A segmentation by a model that makes none.
    #[error("this model makes no segmentation; train one with `isnet segment train`")]
    NoMap,

    /// The device did not give back what it computed.
    #[error("cannot read from the device: {0}")]
    Device(String),
}
