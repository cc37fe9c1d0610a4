//! What can go wrong while a picture is made.
//!
//! A message is complete: it says its cause, which is therefore a plain field and not a `source()` to be printed once more.

/// An error of this crate; the variants hold the facts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The number of values is not that of the picture.
    #[error("{what} has {got} values for {h} x {w} pixels; expected {expected}")]
    Size {
        /// What was given, such as `the mask`.
        what: &'static str,
        /// Height in pixels.
        h: usize,
        /// Width in pixels.
        w: usize,
        /// The counts that would do, such as `6` or `6 (gray) or 18 (colour)`.
        expected: String,
        /// The count given.
        got: usize,
    },

    /// The picture is not a whole multiple of the mask, or an overlay joins pictures of two sizes.
    #[error(
        "{what} of {h} x {w} pixels does not fit a picture of {picture_h} x {picture_w}; resize it to the picture first"
    )]
    Fit {
        /// What was laid on the picture.
        what: &'static str,
        /// Its height in pixels.
        h: usize,
        /// Its width in pixels.
        w: usize,
        /// Height of the picture in pixels.
        picture_h: usize,
        /// Width of the picture in pixels.
        picture_w: usize,
    },

    /// A value is NaN or infinite.
    #[error("{what} is not a finite number at row {y}, column {x}; check the model's weights and the image")]
    NonFinite {
        /// What was given, such as `the relevance`.
        what: &'static str,
        /// Row, from 0 at the top.
        y: usize,
        /// Column, from 0 at the left.
        x: usize,
    },

    /// A range that is not one.
    #[error("{what} of a signed map must be {expected}, got {got}")]
    Range {
        /// The number, such as `the percentile`.
        what: &'static str,
        /// What would do.
        expected: &'static str,
        /// The number given.
        got: f64,
    },

    /// A picture could not be made a PNG.
    #[error("cannot make a PNG of a picture of {width} x {height} pixels ({cause})")]
    Encode {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What the encoder said.
        cause: image::ImageError,
    },

    /// A file could not be written.
    #[error(transparent)]
    Save(#[from] isnet_files::FilesError),
}
