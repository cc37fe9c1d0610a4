//! Which format a file is, from its first bytes; for those that are not read, what they are and what to do.

use std::path::Path;

use image::ImageFormat;

use crate::error::DataError;

/// What the beginning of a file says about it.
struct Signature {
    offset: usize,
    bytes: &'static [u8],
    /// With its article: it follows "is".
    what: &'static str,
    advice: &'static str,
}

const SAVE: &str = "save it as PNG";
const EXPORT: &str = "export the picture as PNG; 16-bit gray keeps the values";

const fn at(offset: usize, bytes: &'static [u8], what: &'static str, advice: &'static str) -> Signature {
    Signature { offset, bytes, what, advice }
}

/// Formats that people have images in, but that are not read here.
const FOREIGN: &[Signature] = &[
    at(0, b"GIF8", "a GIF", SAVE),
    at(8, b"WEBP", "a WebP image", SAVE),
    at(4, b"ftyphei", "a HEIC photograph", "save it as PNG, or as JPEG of high quality"),
    at(4, b"ftyphev", "a HEIC photograph", "save it as PNG, or as JPEG of high quality"),
    at(4, b"ftypmif1", "a HEIF photograph", "save it as PNG, or as JPEG of high quality"),
    at(4, b"ftypavi", "an AVIF image", SAVE),
    at(4, b"ftyp", "a video or a photograph in a video container", "save a picture of it as PNG"),
    at(0, b"RIFF", "a video or a sound", "save a picture of it as PNG"),
    at(128, b"DICM", "a DICOM file", EXPORT),
    at(344, b"n+1\0", "a NIfTI volume", "export its slices as PNG; 16-bit gray keeps the values"),
    at(344, b"ni1\0", "a NIfTI volume", "export its slices as PNG; 16-bit gray keeps the values"),
    at(0, b"NRRD", "an NRRD volume", "export its slices as PNG; 16-bit gray keeps the values"),
    at(0, b"%PDF", "a PDF document", "export its picture as PNG"),
    at(0, b"\0\0\0\x0cjP  ", "a JPEG 2000 image", SAVE),
    at(0, b"\xff\x4f\xff\x51", "a JPEG 2000 image", SAVE),
    at(0, b"\xff\x0a", "a JPEG XL image", SAVE),
    at(0, b"\0\0\0\x0cJXL ", "a JPEG XL image", SAVE),
    at(0, b"II\xbc\x01", "a JPEG XR image", SAVE),
    at(0, b"v/1\x01", "an OpenEXR image", SAVE),
    at(0, b"#?R", "a Radiance image", SAVE),
    at(0, b"8BPS", "a Photoshop document", SAVE),
    at(0, b"gimp xcf", "a GIMP document", "export it as PNG"),
    at(0, b"\0\0\x01\0", "an icon file (ICO)", SAVE),
    at(0, b"qoif", "a QOI image", SAVE),
    at(0, b"DDS ", "a DDS texture", SAVE),
    at(0, b"farbfeld", "a farbfeld image", SAVE),
    at(0, b"\x93NUMPY", "a NumPy array", "write it as PNG; 16-bit gray keeps the values"),
    at(0, b"\x89HDF", "an HDF5 file", "write its pictures as PNG; 16-bit gray keeps the values"),
    at(0, b"MATLAB", "a MATLAB file", "write its pictures as PNG; 16-bit gray keeps the values"),
    at(0, b"PK\x03\x04", "a ZIP archive", "unpack it and name the image in it"),
    at(0, b"7z\xbc\xaf", "a 7z archive", "unpack it and name the image in it"),
    at(0, b"Rar!", "a RAR archive", "unpack it and name the image in it"),
    at(0, b"\x1f\x8b", "compressed with gzip", "unpack it (a `.nii.gz` is a NIfTI volume: export its slices as PNG)"),
    at(
        0,
        b"\0\x05\x16\x07",
        "a macOS side file, not the picture itself",
        "leave files whose names begin with `._` out",
    ),
    at(
        0,
        b"version https://git-lfs",
        "the place-holder that Git LFS leaves for a file",
        "fetch the file: `git lfs pull`",
    ),
];

/// The format of a file that is read.
///
/// # Errors
/// [`DataError::NotAnImage`], [`DataError::ForeignFormat`].
pub(super) fn recognise(path: &Path, bytes: &[u8]) -> Result<ImageFormat, DataError> {
    let read: [(&[u8], ImageFormat); 7] = [
        (b"\x89PNG\r\n\x1a\n", ImageFormat::Png),
        (b"\xff\xd8\xff", ImageFormat::Jpeg),
        (b"BM", ImageFormat::Bmp),
        (b"II*\0", ImageFormat::Tiff),
        (b"MM\0*", ImageFormat::Tiff),
        // BigTIFF
        (b"II+\0", ImageFormat::Tiff),
        (b"MM\0+", ImageFormat::Tiff),
    ];
    match read.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        Some((_, format)) => Ok(*format),
        None => Err(unread(path, bytes)),
    }
}

fn unread(path: &Path, bytes: &[u8]) -> DataError {
    let path = path.to_path_buf();
    let starts =
        |signature: &&Signature| bytes.get(signature.offset..).unwrap_or_default().starts_with(signature.bytes);
    if let Some(&Signature { what, advice, .. }) = FOREIGN.iter().find(starts) {
        return DataError::ForeignFormat { path, what, advice };
    }
    let foreign = |what, advice| DataError::ForeignFormat { path: path.clone(), what, advice };
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).trim_start().to_ascii_lowercase();
    if is_netpbm(bytes) {
        return foreign("a Netpbm image (PBM, PGM, PPM or PAM)", SAVE);
    }
    if beginning.contains("<svg") {
        return foreign("an SVG drawing", "export it as PNG of the size of its image");
    }
    if beginning.starts_with("<!doctype html") || beginning.contains("<html") {
        return foreign("a web page saved under the name of an image", "download the image itself");
    }
    let seems = match bytes {
        [] => "the file is empty; copy it again",
        _ if bytes.iter().all(|&byte| byte == 0) => "it holds nothing but zeros; copy it again",
        _ if is_text(bytes) => "it is a text file; name the image itself",
        _ => "PNG, JPEG, BMP and TIFF are read; save it as PNG",
    };
    DataError::NotAnImage { path, seems }
}

fn is_netpbm(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn is_text(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(1024)];
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    // A character may be cut at the end of the beginning.
    let whole = std::str::from_utf8(beginning).map_or_else(|error| error.error_len().is_none(), |_| true);
    whole && beginning.iter().all(printable)
}
