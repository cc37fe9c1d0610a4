//! What the tags of a TIFF file say, so that a variant that is not read can be named in the words of its users.
//!
//! TIFF 6.0 (Adobe, 1992) and BigTIFF, which has the same tags with 8-byte offsets.

use std::collections::BTreeSet;

/// Pages that are followed before a file is taken for damaged.
const MOST_PAGES: usize = 100_000;

/// The tags of the first page, and how many pages there are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TiffTags {
    /// Pages that are no thumbnails of others.
    pub pages: usize,
    bits: u64,
    samples: u64,
    sample_format: u64,
    photometric: u64,
    compression: u64,
    predictor: u64,
}

/// One page: pairs of tag and first value.
type Page = Vec<(u16, u64)>;

impl TiffTags {
    /// The tags of a file; `None` if its directory cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let file = File::new(bytes)?;
        let offset = file.first_page()?;
        let (first, mut next) = file.page(offset)?;
        let mut pages = 1;
        let mut followed = BTreeSet::from([0, offset]);
        // A chain that leads back or out of the file ends here; a damaged one is the decoder's to refuse.
        while followed.insert(next) && followed.len() < MOST_PAGES {
            let Some((page, following)) = file.page(next) else { break };
            let is_thumbnail = value(&page, 254).is_some_and(|kind| kind & 1 == 1);
            pages += usize::from(!is_thumbnail);
            next = following;
        }
        Some(Self {
            pages,
            bits: value(&first, 258).unwrap_or(1),
            samples: value(&first, 277).unwrap_or(1),
            sample_format: value(&first, 339).unwrap_or(1),
            photometric: value(&first, 262)?,
            compression: value(&first, 259).unwrap_or(1),
            predictor: value(&first, 317).unwrap_or(1),
        })
    }

    /// Colours, depth, kind of numbers and compression, as in "gray, 32-bit floating-point numbers, ZSTD compression".
    pub(super) fn describe(&self) -> String {
        let colours = match (self.photometric, self.samples) {
            (0 | 1, 1) => "gray".to_owned(),
            (0 | 1, samples) => format!("{samples} channels"),
            (2, 3 | 4) => "RGB".to_owned(),
            (2, samples) => format!("RGB with {samples} channels"),
            (3, _) => "palette (indexed colours)".to_owned(),
            (4, _) => "a transparency mask".to_owned(),
            (5, _) => "CMYK".to_owned(),
            (6, _) => "YCbCr".to_owned(),
            (8..=10, _) => "L*a*b*".to_owned(),
            (32803 | 34892, _) => "raw camera data".to_owned(),
            (other, _) => format!("colours of kind {other}"),
        };
        let numbers = match self.sample_format {
            1 | 4 => "",
            2 => " signed whole numbers",
            3 => " floating-point numbers",
            5 | 6 => " complex numbers",
            _ => " numbers of an unknown kind",
        };
        let compression = match self.compression {
            1 => "no compression",
            2 => "CCITT run-length compression",
            3 => "CCITT group 3 (fax) compression",
            4 => "CCITT group 4 (fax) compression",
            5 => "LZW compression",
            6 => "old-style JPEG compression",
            7 => "JPEG compression",
            8 | 32946 => "deflate compression",
            32773 => "PackBits compression",
            33003 | 33005 | 34712 => "JPEG 2000 compression",
            34887 => "LERC compression",
            34925 => "LZMA compression",
            50000 => "ZSTD compression",
            50001 => "WebP compression",
            50002 | 52546 => "JPEG XL compression",
            _ => "an unknown compression",
        };
        let predictor = if self.predictor == 3 { " with the floating-point predictor" } else { "" };
        format!("{colours}, {}-bit{numbers}, {compression}{predictor}", self.bits)
    }

    /// What to save the file as.
    pub(super) fn advice(&self) -> &'static str {
        match (self.sample_format, self.bits) {
            (3, _) => "scale the values to 0…65535 and save it as 16-bit PNG",
            (2, _) => "shift and scale the values (of CT: window them) and save it as 16-bit gray PNG",
            (_, 17..) => "scale the values to 0…65535 and save it as 16-bit PNG",
            _ if self.samples > 4 => "choose up to three of its channels and save it as PNG",
            _ => "save it as PNG, or as gray or RGB TIFF without compression",
        }
    }
}

fn value(page: &Page, tag: u16) -> Option<u64> {
    page.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
}

/// A TIFF file: how its numbers are written.
struct File<'a> {
    bytes: &'a [u8],
    little: bool,
    big_tiff: bool,
}

impl<'a> File<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let little = bytes.starts_with(b"II");
        let mut file = Self { bytes, little, big_tiff: false };
        file.big_tiff = file.number(2, 2)? == 43;
        Some(file)
    }

    fn first_page(&self) -> Option<u64> {
        if self.big_tiff { self.number(8, 8) } else { self.number(4, 4) }
    }

    /// The tags of the page at `offset` and where the next one is, 0 for none.
    fn page(&self, offset: u64) -> Option<(Page, u64)> {
        let (count_size, entry_size, value_at, offset_size) =
            if self.big_tiff { (8, 20, 12, 8) } else { (2, 12, 8, 4) };
        let count = self.number(offset, count_size)?;
        let entries = offset.checked_add(count_size)?;
        let end = entries.checked_add(count.checked_mul(entry_size)?)?;
        if end > self.bytes.len() as u64 {
            return None;
        }
        let mut page = Page::new();
        for entry in (entries..end).step_by(entry_size as usize) {
            page.push((self.number(entry, 2)? as u16, self.first_value(entry, value_at)?));
        }
        Some((page, self.number(end, offset_size).unwrap_or(0)))
    }

    /// The first value of an entry, which may lie elsewhere in the file; 0 for what is no whole number.
    fn first_value(&self, entry: u64, value_at: u64) -> Option<u64> {
        let size = match self.number(entry + 2, 2)? {
            1 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 13 => 4,
            16 | 18 => 8,
            _ => return Some(0),
        };
        let room = if self.big_tiff { 8 } else { 4 };
        let count = self.number(entry + 4, room)?;
        let place =
            if count.saturating_mul(size) <= room { entry + value_at } else { self.number(entry + value_at, room)? };
        Some(self.number(place, size).unwrap_or(0))
    }

    fn number(&self, offset: u64, size: u64) -> Option<u64> {
        let start = usize::try_from(offset).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(size as usize)?)?;
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.little { bytes.iter().rev().fold(0, append) } else { bytes.iter().fold(0, append) })
    }
}
