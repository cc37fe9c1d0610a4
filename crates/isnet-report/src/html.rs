//! A document as a page.

mod blocks;
mod gallery;
pub(crate) mod page;
pub(crate) mod table;
