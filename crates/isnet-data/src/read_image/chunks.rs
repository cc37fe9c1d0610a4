//! What the segments of a JPEG and the chunks of a PNG say beside the pixels.

/// What a PNG has beside its pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PngChunks<'a> {
    /// Frames of an animation; 1 without one.
    pub frames: usize,
    /// The Exif data, which may stand before or after the pixels.
    pub exif: Option<&'a [u8]>,
}

impl<'a> PngChunks<'a> {
    /// Walks the chunks: each is a length, four letters, as many bytes, and a checksum (PNG specification, 5.3).
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut found = Self { frames: 1, exif: None };
        let mut rest = bytes.get(8..).unwrap_or_default();
        while let Some((&[a, b, c, d], after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            let Some((kind, after)) = after.split_first_chunk::<4>() else { break };
            let Some(data) = after.get(..length) else { break };
            match kind {
                b"acTL" => {
                    let frames = data.first_chunk::<4>().map_or(1, |frames| u32::from_be_bytes(*frames));
                    found.frames = frames.max(1) as usize;
                }
                b"eXIf" => found.exif = Some(data),
                _ => {}
            }
            rest = after.get(length + 4..).unwrap_or_default();
        }
        found
    }
}

/// What the markers of a JPEG say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JpegMarkers {
    /// Whether its end marker is reached. The decoder paints what is missing gray, so it has to be found here.
    pub is_complete: bool,
    /// A coding that is not read, in words.
    pub unread: Option<&'static str>,
}

impl JpegMarkers {
    /// Walks the markers (ITU-T T.81, annex B): each is followed by a segment of stated length, so the end marker of a
    /// thumbnail inside a segment is stepped over. In the data after a scan's segment, `FF 00` is a byte and
    /// `FF D0`–`FF D7` restart the coder; both are no markers here.
    pub(super) fn read(bytes: &[u8]) -> Self {
        const END_OF_IMAGE: u8 = 0xD9;
        let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF | 0xD0..=0xD7);
        let mut found = Self { is_complete: false, unread: None };
        let mut rest = bytes.get(2..).unwrap_or_default();
        while let Some(marker) = rest.windows(2).position(is_marker) {
            let kind = rest[marker + 1];
            if kind == END_OF_IMAGE {
                found.is_complete = true;
                break;
            }
            let Some(&[high, low]) = rest.get(marker + 2..marker + 4) else { break };
            let precision = rest.get(marker + 4).copied();
            found.unread = found.unread.or_else(|| Self::unread(kind, precision));
            let segment = usize::from(u16::from_be_bytes([high, low]));
            rest = rest.get(marker + 2 + segment..).unwrap_or_default();
        }
        found
    }

    /// The coding that a frame header announces, if it is not read.
    fn unread(marker: u8, precision: Option<u8>) -> Option<&'static str> {
        match marker {
            0xC3 => Some("lossless coding (as of some DICOM files)"),
            0xC5..=0xC7 => Some("hierarchical coding"),
            0xC9..=0xCB | 0xCD..=0xCF => Some("arithmetic coding"),
            0xF7 => Some("JPEG-LS coding"),
            0xC0..=0xC2 if precision.is_some_and(|bits| bits != 8) => Some("12-bit values"),
            _ => None,
        }
    }
}
