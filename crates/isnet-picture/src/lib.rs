//! Relevance as pictures for people.
//!
//! ```text
//! image  ──photo::gray──────► RgbImage ─┐
//! values ──signed_map───────► SignedMap ┼─► Tile {title, outline, scale bar, caption} ─► Grid ─render─► save_png
//!                └─overlay──► RgbImage ─┘
//! ```
//!
//! One diverging colour map serves all pictures: red speaks for the explained output, blue against
//! it, white is zero; the range is symmetric and printed under each map. Small inputs are enlarged
//! by a whole number, without smoothing, so that a picture's pixels are the model's pixels.
//!
//! # Example
//! ```
//! # use isnet_picture::*;
//! let (image, relevance, mask) = ([0.2, 0.8], [0.5, -0.25], [1.0, 0.0]); // one row of two pixels
//! let photo = gray(&image, 1, 2)?;
//! let map = signed_map(&relevance, 1, 2, Range::Max)?;
//! let strip = Grid::strip([
//!     Tile::new(photo.clone()).title("image").outline(&mask)?,
//!     Tile::new(overlay(&photo, &map)?).title("overlay"),
//!     Tile::signed(&map).title("relevance").caption("33 % on the background"),
//! ]);
//! assert!(strip.render().width() > 3 * 256);
//! # Ok::<(), PictureError>(())
//! ```

mod color_map;
mod error;
mod font;
mod grid;
mod magnify;
mod outline;
mod overlay;
mod photo;
mod png;
mod signed_map;
mod table;
mod text;
mod theme;
mod tile;

pub use color_map::diverging;
pub use error::PictureError;
pub use grid::Grid;
pub use image::{Rgb, RgbImage};
pub use magnify::magnify;
pub use outline::outline;
pub use overlay::overlay;
pub use photo::{color, gray};
pub use png::{encode_png, save_png};
pub use signed_map::{Range, SignedMap, signed_map};
pub use table::Table;
pub use text::{draw_text, text_width};
pub use tile::Tile;
