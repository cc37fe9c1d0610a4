//! MNIST (LeCun et al. 1998) and its relatives in the same files, as Fashion-MNIST and KMNIST.
//!
//! `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, unpacked (`gunzip`); a dot in place of the
//! dash before `idx` is as good. An idx file has the magic number `0 0 8 <dimensions>`, then each dimension as four bytes, big end first, then
//! the bytes. Digits become PNG files, and wherever there is ink is foreground. With `isnet data bias` they make the digits of the
//! synthetic-bias protocol.

use std::path::{Path, PathBuf};

use super::entry::{Entry, Found, ImageSource, MaskSource, OfficialSplit};
use super::table::first_of;
use super::{Kind, Request};
use crate::error::{DataError, Result};
use crate::read_image::read_bytes;

pub(super) const KIND: Kind = Kind {
    name: "mnist",
    about: "MNIST, Fashion-MNIST, KMNIST: the four idx files, unpacked; writes PNGs and masks of the ink",
    recipe: "digits",
    read,
};

fn read(request: &Request, found: &mut Found) -> Result<()> {
    for (name, split) in [("train", OfficialSplit::TrainOrVal), ("t10k", OfficialSplit::fixed("test"))] {
        let Digits { path, images, labels, height, width } = digits(request.folder, name)?;
        for (index, label) in labels.iter().enumerate() {
            let values = images[index * height * width..][..height * width].to_vec();
            found.entries.push(Entry {
                image: ImageSource::Gray { name: format!("{name}-{index:05}"), height, width, values },
                mask: MaskSource::Ink,
                label: label.to_string(),
                split: split.clone(),
                ..found.entry(&path)
            });
        }
    }
    Ok(())
}

/// The pictures of two idx files and what they show.
pub(super) struct Digits {
    /// The file of the labels.
    pub path: PathBuf,
    /// A byte per pixel, picture by picture and row by row.
    pub images: Vec<u8>,
    pub labels: Vec<u8>,
    pub height: usize,
    pub width: usize,
}

/// The two files whose names begin with `name`.
pub(super) fn digits(folder: &Path, name: &str) -> Result<Digits> {
    let (images, [count, height, width]) = idx::<3>(&file(folder, name, "images")?)?;
    let path = file(folder, name, "labels")?;
    let (labels, [n_labels]) = idx::<1>(&path)?;
    if count != n_labels {
        let what = format!("has {n_labels} labels for {count} images; download both again");
        return Err(DataError::BadFile { path, what });
    }
    Ok(Digits { path, images, labels, height, width })
}

fn file(folder: &Path, name: &str, what: &str) -> Result<PathBuf> {
    let dimensions = if what == "images" { 3 } else { 1 };
    let names = ['-', '.'].map(|sign| format!("{name}-{what}{sign}idx{dimensions}-ubyte"));
    let packed = folder.join(format!("{}.gz", names[0]));
    first_of(folder, &names.each_ref().map(String::as_str)).map_err(|error| match packed.exists() {
        true => DataError::BadFile { path: packed, what: "is packed; unpack it with `gunzip`".into() },
        false => error,
    })
}

/// The bytes of an idx file and its dimensions.
fn idx<const N: usize>(path: &Path) -> Result<(Vec<u8>, [usize; N])> {
    let bytes = read_bytes(path)?;
    let bad = |what: String| DataError::BadFile { path: path.to_path_buf(), what };
    let (head, body) = bytes.split_at_checked(4 + 4 * N).ok_or_else(|| bad("is too short for an idx file".into()))?;
    if head[..4] != [0, 0, 8, N as u8] {
        return Err(bad(format!("is not an idx file of bytes in {N} dimension(s): it begins with {:?}", &head[..4])));
    }
    let dimension =
        |index: usize| head[4 + 4 * index..][..4].iter().fold(0, |number, &byte| number << 8 | usize::from(byte));
    let dimensions: [usize; N] = std::array::from_fn(dimension);
    match body.len() == dimensions.iter().product::<usize>() {
        true => Ok((body.to_vec(), dimensions)),
        false => Err(bad(format!("has {} bytes for the dimensions {dimensions:?}; download it again", body.len()))),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Replica;
    use crate::read_image::read_image;

    /// An idx file with these dimensions.
    pub fn idx(dimensions: &[u8], bytes: &[u8]) -> Vec<u8> {
        let sizes = dimensions.iter().flat_map(|&size| [0, 0, 0, size]);
        [0, 0, 8, dimensions.len() as u8].into_iter().chain(sizes).chain(bytes.iter().copied()).collect()
    }

    fn replica() -> Replica {
        let replica = Replica::new("mnist");
        replica.write("train-images-idx3-ubyte", idx(&[2, 2, 3], &[0, 9, 0, 0, 255, 0, 1, 1, 1, 0, 0, 0]));
        replica.write("train-labels-idx1-ubyte", idx(&[2], &[7, 3]));
        replica.write("t10k-images.idx3-ubyte", idx(&[1, 2, 3], &[0; 6]));
        replica.write("t10k-labels.idx1-ubyte", idx(&[1], &[0]));
        replica
    }

    #[test]
    fn digits_become_pictures_with_their_ink_as_mask() {
        let imported = replica().import();
        let expected = [("train-00000.png", "7"), ("train-00001.png", "3"), ("t10k-00000.png", "0")];
        assert_eq!(imported.labels(), expected);
        assert_eq!(imported.row("t10k-00000.png")["split"], "test");
        assert_eq!(imported.row("train-00000.png")["image"], "images/mnist/train-00000.png");
        assert_eq!(imported.mask("train-00000.png"), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        let image = read_image(imported.path("images/mnist/train-00000.png")).unwrap();
        assert_eq!((image.height, image.width, image.pixels[1], image.pixels[4]), (2, 3, 9.0 / 255.0, 1.0));
    }

    #[test]
    fn files_that_are_not_idx_or_packed_are_named() {
        let cases: [(&str, Vec<u8>, &str); 4] = [
            ("train-images-idx3-ubyte", vec![0; 20], "is not an idx file of bytes in 3 dimension(s)"),
            ("train-images-idx3-ubyte", vec![0; 5], "is too short for an idx file"),
            ("train-images-idx3-ubyte", idx(&[2, 2, 3], &[0; 11]), "has 11 bytes for the dimensions [2, 2, 3]"),
            ("train-labels-idx1-ubyte", idx(&[3], &[0; 3]), "has 3 labels for 2 images"),
        ];
        for (name, bytes, words) in cases {
            let replica = replica();
            replica.write(name, bytes);
            let says = replica.fails();
            assert!(says.contains(words), "{says}");
        }
        let replica = Replica::new("mnist");
        replica.write("train-images-idx3-ubyte.gz", "");
        assert!(replica.fails().contains("is packed; unpack it with `gunzip`"));
    }
}
