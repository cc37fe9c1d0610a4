//! Pictures with what was found about them.

use crate::ReportError;

/// A PNG file.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
}

impl Picture {
    /// A picture from the bytes of a PNG file.
    ///
    /// # Errors
    /// [`ReportError::NotPng`] for bytes that do not begin like one.
    ///
    /// # Example
    /// ```
    /// # use isnet_report::{Picture, ReportError};
    /// assert!(matches!(Picture::png(b"GIF89a".to_vec()), Err(ReportError::NotPng { got: 6 })));
    /// ```
    pub fn png(bytes: Vec<u8>) -> Result<Self, ReportError> {
        // Signature, length and name of the first chunk, then width and height (PNG specification, 11.2.1).
        let size = bytes.get(16..24).filter(|_| bytes.starts_with(b"\x89PNG\r\n\x1a\n") && &bytes[12..16] == b"IHDR");
        let Some(&[a, b, c, d, e, f, g, h]) = size else { return Err(ReportError::NotPng { got: bytes.len() }) };
        Ok(Self { width: u32::from_be_bytes([a, b, c, d]), height: u32::from_be_bytes([e, f, g, h]), bytes })
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }
}

/// A picture of a gallery, and what can be shown in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The name of the picture, in plain text.
    pub title: String,
    /// What was found about it, with `**bold**` and `` `code` ``; may be empty.
    pub caption: String,
    /// A few words each, in plain text: `right`, `hospital_a`.
    pub badges: Vec<String>,
    /// The picture itself.
    pub image: Picture,
    /// Relevance laid over it.
    pub overlay: Option<Picture>,
    /// Relevance alone, in signed colours.
    pub map: Option<Picture>,
}

impl Item {
    /// A picture under its name.
    pub fn new(title: impl Into<String>, image: Picture) -> Self {
        Self { title: title.into(), caption: String::new(), badges: Vec::new(), image, overlay: None, map: None }
    }

    /// What was found about it.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a badge.
    #[must_use]
    pub fn badge(mut self, badge: impl Into<String>) -> Self {
        self.badges.push(badge.into());
        self
    }

    /// The relevance laid over it.
    #[must_use]
    pub fn overlay(mut self, overlay: Picture) -> Self {
        self.overlay = Some(overlay);
        self
    }

    /// The relevance alone.
    #[must_use]
    pub fn map(mut self, map: Picture) -> Self {
        self.map = Some(map);
        self
    }

    /// The pictures there are, each with its word.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = (&'static str, &Picture)> {
        let all = [("image", Some(&self.image)), ("overlay", self.overlay.as_ref()), ("map", self.map.as_ref())];
        all.into_iter().filter_map(|(word, picture)| Some((word, picture?)))
    }
}

/// What the colours of the maps mean, from the lowest value to the highest.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorKey {
    /// Colours at equal steps, red, green and blue.
    pub colors: Vec<[u8; 3]>,
    /// Words at the low end, in the middle and at the high end.
    pub words: [String; 3],
}

/// Pictures side by side. Where they have overlays or maps, a switch chooses what all of them show.
///
/// # Example
/// ```
/// # use isnet_report::{Block, Gallery};
/// let gallery = Gallery::new("Wrong with high confidence");
/// assert!(matches!(Block::from(gallery), Block::Gallery(Gallery { items, .. }) if items.is_empty()));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gallery {
    /// What the pictures have in common, in plain text.
    pub title: String,
    /// How they were chosen, with `**bold**` and `` `code` ``; may be empty.
    pub caption: String,
    /// What their colours mean.
    pub key: Option<ColorKey>,
    /// The pictures.
    pub items: Vec<Item>,
}

impl Gallery {
    /// A gallery without pictures.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// How the pictures were chosen.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// What the colours mean.
    #[must_use]
    pub fn key(mut self, key: ColorKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds a picture.
    #[must_use]
    pub fn item(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }
}
