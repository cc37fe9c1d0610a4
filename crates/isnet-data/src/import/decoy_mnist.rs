//! Decoy MNIST (Ross, Hughes and Doshi-Velez, "Right for the Right Reasons", IJCAI 2017, section 4.3), made from the files of MNIST.
//!
//! Every digit has a gray square of 4 × 4 pixels in a random corner. Its shade is `255 − 25·digit` for the digits of training and of the test
//! `biased`, and that of a random digit in `test`. Foreground is all but the square, as in the protocol.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::entry::{Entry, Found, ImageSource, MaskSource, OfficialSplit};
use super::mnist::{Digits, digits};
use super::{Kind, Request};
use crate::error::{DataError, Result};
use crate::rng::{DECOY, stream};

/// Side of the square, in pixels.
const SIDE: usize = 4;

pub(super) const KIND: Kind = Kind {
    name: "decoy-mnist",
    about: "Decoy MNIST, made from the four idx files of MNIST, unpacked: a gray square tells the digit in training",
    recipe: "digits",
    read,
};

/// Which digit the shade of a square is of.
#[derive(Clone, Copy)]
enum Shade {
    Own,
    Random,
}

fn read(request: &Request, found: &mut Found) -> Result<()> {
    let parts: [(&str, &str, OfficialSplit, Shade); 3] = [
        ("train", "train", OfficialSplit::TrainOrVal, Shade::Own),
        ("t10k", "biased", OfficialSplit::fixed("biased"), Shade::Own),
        ("t10k", "test", OfficialSplit::fixed("test"), Shade::Random),
    ];
    for (files, name, split, shade) in parts {
        let Digits { path, images, labels, height, width } = digits(request.folder, files)?;
        if height < 2 * SIDE || width < 2 * SIDE || labels.iter().any(|label| *label > 9) {
            let what = format!("is not of digits 0 to 9 with room for squares of {SIDE} × {SIDE} pixels");
            return Err(DataError::BadFile { path, what });
        }
        for (index, label) in labels.iter().enumerate() {
            let mut values = images[index * height * width..][..height * width].to_vec();
            // The same corner in both tests.
            let mut rng = stream(request.settings.seed, &[DECOY, u64::from(files == "train"), index as u64]);
            let (top, left) = (corner(&mut rng, height), corner(&mut rng, width));
            let told = match shade {
                Shade::Own => *label,
                Shade::Random => rng.random_range(0..10),
            };
            for row in top..top + SIDE {
                values[row * width + left..][..SIDE].fill(255 - 25 * told);
            }
            found.entries.push(Entry {
                image: ImageSource::Gray { name: format!("decoy-{name}-{index:05}"), height, width, values },
                mask: MaskSource::Boxes(all_but([top, left], [height, width]).into()),
                label: label.to_string(),
                split: split.clone(),
                ..found.entry(&path)
            });
        }
    }
    Ok(())
}

/// The first row or column of a square at either end.
fn corner(rng: &mut ChaCha8Rng, length: usize) -> usize {
    if rng.random::<bool>() { length - SIDE } else { 0 }
}

/// The rows, and the columns, beside a square in a corner: first and last row, first and last column.
fn all_but([top, left]: [usize; 2], [height, width]: [usize; 2]) -> [[usize; 4]; 2] {
    let beside = |start: usize, length: usize| if start == 0 { [SIDE, length - 1] } else { [0, length - SIDE - 1] };
    let ([first_row, last_row], [first_column, last_column]) = (beside(top, height), beside(left, width));
    [[first_row, last_row, 0, width - 1], [0, height - 1, first_column, last_column]]
}

#[cfg(test)]
mod tests {
    use super::super::mnist::tests::idx;
    use super::super::tests::Replica;
    use crate::read_image::read_image;

    #[test]
    fn a_square_tells_the_digit_but_for_the_test() {
        let replica = Replica::new("decoy-mnist");
        let (trained, tested) = (40_u8, 200_u8);
        for (name, count) in [("train", trained), ("t10k", tested)] {
            let ink = (0..usize::from(count) * 100).map(|place| u8::from(place % 100 == 55) * 9).collect::<Vec<_>>();
            replica.write(&format!("{name}-images-idx3-ubyte"), idx(&[count, 10, 10], &ink));
            let labels: Vec<u8> = (0..count).map(|index| index % 10).collect();
            replica.write(&format!("{name}-labels-idx1-ubyte"), idx(&[count], &labels));
        }
        let imported = replica.import();
        let mut corners = [0_usize; 4];
        let mut told = [0_usize; 10];
        for row in imported.rows() {
            let name = row["image"].rsplit('/').next().unwrap();
            let image = read_image(imported.path(&row["image"])).unwrap();
            let mask = imported.mask(name);
            let square: Vec<usize> = (0..100).filter(|place| mask[*place] == 0.0).collect();
            let corner = [0, 6, 60, 66].iter().position(|corner| *corner == square[0]).unwrap();
            assert_eq!(square.len(), 16);
            let shades: Vec<f32> = square.iter().map(|place| image.pixels[*place] * 255.0).collect();
            assert!(shades.iter().all(|shade| *shade == shades[0]));
            assert!((image.pixels[55] * 255.0 - 9.0).abs() < 1e-4, "the digit stays");
            let of = ((255.0 - shades[0]) / 25.0).round() as usize;
            if row["split"] == "test" {
                corners[corner] += 1;
                told[of] += 1;
                let biased = imported.mask(&name.replace("-test-", "-biased-"));
                assert_eq!(mask, biased, "the same corner");
            } else {
                assert_eq!(of.to_string(), row["label"]);
            }
        }
        assert!(corners.iter().all(|count| count.abs_diff(50) < 25), "{corners:?}");
        assert!(told.iter().all(|count| count.abs_diff(20) < 20), "{told:?}");
    }

    #[test]
    fn what_has_no_room_for_a_square_is_refused() {
        let replica = Replica::new("decoy-mnist");
        for name in ["train", "t10k"] {
            replica.write(&format!("{name}-images-idx3-ubyte"), idx(&[1, 2, 3], &[0; 6]));
            replica.write(&format!("{name}-labels-idx1-ubyte"), idx(&[1], &[0]));
        }
        assert!(replica.fails().contains("room for squares of 4 × 4"));
    }
}
