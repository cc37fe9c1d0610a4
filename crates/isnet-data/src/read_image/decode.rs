//! From the bytes of a file to an upright picture and what the file says about it.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::chunks::{JpegMarkers, PngChunks};
use super::format::recognise;
use super::tiff_tags::TiffTags;
use crate::error::{DataError, Result};
use crate::sample::Image;
use crate::write_image::BitDepth;

/// The largest image that is read, in pixels: 180 million, such as 13 400 × 13 400.
///
/// In memory a pixel takes up to 20 bytes while it is decoded, so this is 3.6 GB for one file.
pub const MAX_PIXELS: u64 = 180_000_000;

/// Memory that a decoder may take for the pixels and its own work.
const DECODER_BYTES: u64 = 10 * MAX_PIXELS;

/// A JPEG has at least one bit for each block of 8×8 pixels. What a file is too short for, its decoder would paint gray.
const JPEG_PIXELS_PER_BYTE: u64 = 64 * 8;

/// A picture as its file has it, turned upright.
pub(crate) struct Decoded {
    /// The colours, without alpha.
    pub image: Image,
    /// 0 where the picture is transparent, `[H, W]`; `None` if the file has no alpha channel.
    pub alpha: Option<Vec<f32>>,
    /// The depth at which it can be written without loss.
    pub depth: BitDepth,
    /// Whether compression may have changed values.
    pub lossy: bool,
    /// What the orientation tag says; `NoTransforms` without one.
    pub orientation: Orientation,
    /// Pages of a TIFF or frames of a PNG; the first one is read.
    pub pages: usize,
}

/// What can be known about a file without decoding its pixels.
struct About {
    format: ImageFormat,
    orientation: Option<Orientation>,
    pages: usize,
}

impl Decoded {
    /// Share of the pixels that are not opaque.
    pub(crate) fn transparent_share(&self) -> f32 {
        let alpha = self.alpha.as_deref().unwrap_or_default();
        alpha.iter().filter(|&&alpha| alpha < 1.0).count() as f32 / alpha.len().max(1) as f32
    }
}

/// Decodes the bytes of the file at `path`.
pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Decoded> {
    let About { format, orientation, pages } = about(path, bytes)?;
    let mut decoder = open(path, bytes, format)?;
    let failed = |cause| refusal(path, bytes, format, cause);
    let orientation = match orientation {
        Some(orientation) => orientation,
        None => decoder.orientation().map_err(failed)?,
    };
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    let depth = match picture.color() {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => BitDepth::Eight,
        _ => BitDepth::Sixteen,
    };
    let sixteen_bit =
        matches!(picture.color(), ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16);
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    let channels = if picture.color().has_color() { 3 } else { 1 };
    let alpha = picture.color().has_alpha().then(|| alpha(&picture));
    let pixels = to_unit(picture);
    if let Some(&value) = pixels.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        return Err(DataError::PixelRange { path: path.to_path_buf(), value });
    }
    let image = Image { sixteen_bit, ..Image::new(height, width, channels, pixels) };
    Ok(Decoded { image, alpha, depth, lossy: format == ImageFormat::Jpeg, orientation, pages })
}

/// Height and width of the upright picture.
pub(super) fn size(path: &Path, bytes: &[u8]) -> Result<(usize, usize)> {
    let About { format, orientation, .. } = about(path, bytes)?;
    let mut decoder = open(path, bytes, format)?;
    let (width, height) = decoder.dimensions();
    let orientation = match orientation {
        Some(orientation) => orientation,
        None => decoder.orientation().map_err(|cause| refusal(path, bytes, format, cause))?,
    };
    let (height, width) = (height as usize, width as usize);
    Ok(if swaps_sides(orientation) { (width, height) } else { (height, width) })
}

/// Whether a picture with this tag is higher than wide if it is stored wider than high.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    let quarter =
        [Orientation::Rotate90, Orientation::Rotate270, Orientation::Rotate90FlipH, Orientation::Rotate270FlipH];
    quarter.contains(&orientation)
}

/// What viewers do with a picture of this tag, in words.
pub(crate) fn orientation_words(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::NoTransforms => "upright",
        Orientation::FlipHorizontal => "mirrored left to right",
        Orientation::FlipVertical => "mirrored top to bottom",
        Orientation::Rotate180 => "turned by 180°",
        Orientation::Rotate90 => "turned by 90° to the right",
        Orientation::Rotate270 => "turned by 90° to the left",
        Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => "turned by 90° and mirrored",
    }
}

fn about(path: &Path, bytes: &[u8]) -> Result<About> {
    let format = recognise(path, bytes)?;
    let mut about = About { format, orientation: None, pages: 1 };
    match format {
        ImageFormat::Jpeg => {
            let markers = JpegMarkers::read(bytes);
            if let Some(coding) = markers.unread {
                return Err(unread_variant(path, "JPEG", coding, "save it as PNG, or as ordinary 8-bit JPEG"));
            }
            if !markers.is_complete {
                return Err(DataError::Truncated { path: path.to_path_buf() });
            }
        }
        ImageFormat::Png => {
            let chunks = PngChunks::read(bytes);
            about.pages = chunks.frames;
            let tag = chunks.exif.and_then(Orientation::from_exif_chunk);
            about.orientation = Some(tag.unwrap_or(Orientation::NoTransforms));
        }
        ImageFormat::Tiff => about.pages = TiffTags::read(bytes).map_or(1, |tags| tags.pages),
        _ => {}
    }
    Ok(about)
}

/// A decoder of a picture that is not too large.
fn open<'a>(path: &Path, bytes: &'a [u8], format: ImageFormat) -> Result<impl ImageDecoder + 'a> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|cause| refusal(path, bytes, format, cause))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataError::TooLarge { path: path.to_path_buf(), height, width });
    }
    if format == ImageFormat::Jpeg && u64::from(width) * u64::from(height) > JPEG_PIXELS_PER_BYTE * bytes.len() as u64 {
        return Err(DataError::Truncated { path: path.to_path_buf() });
    }
    Ok(decoder)
}

/// What a decoder's error means to the owner of the file.
fn refusal(path: &Path, bytes: &[u8], format: ImageFormat, cause: ImageError) -> DataError {
    let path_buf = || path.to_path_buf();
    let name = match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Bmp => "BMP",
        _ => "TIFF",
    };
    match cause {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            DataError::Truncated { path: path_buf() }
        }
        ImageError::Limits(_) => DataError::NeedsMemory { path: path_buf(), limit: DECODER_BYTES },
        ImageError::Unsupported(_) => match TiffTags::read(bytes).filter(|_| format == ImageFormat::Tiff) {
            Some(tags) => unread_variant(path, name, &tags.describe(), tags.advice()),
            None => unread_variant(path, name, "a variant that few programs write", "save it as PNG"),
        },
        cause => DataError::Decode { path: path_buf(), format: name, cause },
    }
}

fn unread_variant(path: &Path, format: &'static str, variant: &str, advice: &'static str) -> DataError {
    DataError::UnreadVariant { path: path.to_path_buf(), format, variant: variant.to_owned(), advice }
}

fn byte(value: u8) -> f32 {
    f32::from(value) / 255.0
}

fn word(value: u16) -> f32 {
    f32::from(value) / 65535.0
}

/// Values in [0, 1], channels last, without alpha.
fn to_unit(decoded: DynamicImage) -> Vec<f32> {
    match decoded.color() {
        ColorType::L8 | ColorType::La8 => decoded.into_luma8().into_raw().into_iter().map(byte).collect(),
        ColorType::L16 | ColorType::La16 => decoded.into_luma16().into_raw().into_iter().map(word).collect(),
        ColorType::Rgb8 | ColorType::Rgba8 => decoded.into_rgb8().into_raw().into_iter().map(byte).collect(),
        ColorType::Rgb16 | ColorType::Rgba16 => decoded.into_rgb16().into_raw().into_iter().map(word).collect(),
        color if color.has_color() => decoded.into_rgb32f().into_raw(),
        _ => decoded.to_luma32f().into_raw(),
    }
}

/// The alpha channel in [0, 1].
fn alpha(picture: &DynamicImage) -> Vec<f32> {
    match picture {
        DynamicImage::ImageLumaA8(pixels) => pixels.pixels().map(|pixel| byte(pixel.0[1])).collect(),
        DynamicImage::ImageLumaA16(pixels) => pixels.pixels().map(|pixel| word(pixel.0[1])).collect(),
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().map(|pixel| byte(pixel.0[3])).collect(),
        DynamicImage::ImageRgba16(pixels) => pixels.pixels().map(|pixel| word(pixel.0[3])).collect(),
        DynamicImage::ImageRgba32F(pixels) => pixels.pixels().map(|pixel| pixel.0[3]).collect(),
        _ => Vec::new(),
    }
}
