//! What can go wrong while a report is put together. Rendering itself cannot fail.

/// An error of this crate; the variants hold the facts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Bytes that were given as a picture are not a PNG.
    #[error("{got} bytes given as a picture are not a PNG file; encode the picture as PNG first")]
    NotPng {
        /// How many bytes were given.
        got: usize,
    },
}
