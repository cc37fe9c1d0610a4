//! Signs on a grid, and how much of a pixel a shape covers. Shared by marks and by the hospitals of the phantoms.

/// A sign of 7 × 7 cells: one row a byte, the leftmost cell in bit 6.
pub(crate) type Sign = [u8; 7];

/// The share of a pixel of width `side` around `at` that is `inside`, from 4 × 4 probes.
pub(crate) fn coverage(at: [f32; 2], side: f32, inside: impl Fn([f32; 2]) -> bool) -> f32 {
    let probes = (0..16).filter(|probe| {
        let probe_at = |k: i32| (k as f32 - 1.5) / 4.0 * side;
        inside([at[0] + probe_at(probe % 4), at[1] + probe_at(probe / 4)])
    });
    probes.count() as f32 / 16.0
}

/// Whether a sign that reaches from `−half_side` to `half_side` is set at `[x, y]`.
pub(crate) fn is_set(sign: &Sign, [x, y]: [f32; 2], half_side: f32) -> bool {
    let cell = |at: f32| ((at + half_side) / (2.0 * half_side) * 7.0).floor() as i32;
    let (column, row) = (cell(x), cell(y));
    let inside = (0..7).contains(&column) && (0..7).contains(&row);
    inside && sign[row as usize] >> (6 - column) & 1 == 1
}

/// The sign of a capital letter, `A` to `Z`.
pub(crate) const fn letter(letter: char) -> Option<&'static Sign> {
    match letter {
        'A'..='Z' => Some(&LETTERS[letter as usize - 'A' as usize]),
        _ => None,
    }
}

const LETTERS: [Sign; 26] = [
    [0b0011100, 0b0110110, 0b1100011, 0b1100011, 0b1111111, 0b1100011, 0b1100011], // A
    [0b1111110, 0b1100011, 0b1100011, 0b1111110, 0b1100011, 0b1100011, 0b1111110],
    [0b0111110, 0b1100011, 0b1100000, 0b1100000, 0b1100000, 0b1100011, 0b0111110],
    [0b1111100, 0b1100110, 0b1100011, 0b1100011, 0b1100011, 0b1100110, 0b1111100],
    [0b1111111, 0b1100000, 0b1100000, 0b1111110, 0b1100000, 0b1100000, 0b1111111], // E
    [0b1111111, 0b1100000, 0b1100000, 0b1111110, 0b1100000, 0b1100000, 0b1100000],
    [0b0111110, 0b1100000, 0b1100000, 0b1101111, 0b1100011, 0b1100011, 0b0111110],
    [0b1100011, 0b1100011, 0b1100011, 0b1111111, 0b1100011, 0b1100011, 0b1100011],
    [0b0111110, 0b0011100, 0b0011100, 0b0011100, 0b0011100, 0b0011100, 0b0111110], // I
    [0b0001111, 0b0000110, 0b0000110, 0b0000110, 0b1100110, 0b1100110, 0b0111100],
    [0b1100011, 0b1100110, 0b1101100, 0b1111000, 0b1101100, 0b1100110, 0b1100011],
    [0b1100000, 0b1100000, 0b1100000, 0b1100000, 0b1100000, 0b1111110, 0b1111110],
    [0b1100011, 0b1110111, 0b1111111, 0b1101011, 0b1100011, 0b1100011, 0b1100011], // M
    [0b1100011, 0b1110011, 0b1111011, 0b1101111, 0b1100111, 0b1100011, 0b1100011],
    [0b0111110, 0b1100011, 0b1100011, 0b1100011, 0b1100011, 0b1100011, 0b0111110],
    [0b1111110, 0b1100011, 0b1100011, 0b1111110, 0b1100000, 0b1100000, 0b1100000],
    [0b0111110, 0b1100011, 0b1100011, 0b1100011, 0b1101011, 0b1100110, 0b0111011], // Q
    [0b1111100, 0b1100110, 0b1100110, 0b1111100, 0b1111000, 0b1101100, 0b1100110],
    [0b0111110, 0b1100011, 0b1100000, 0b0111110, 0b0000011, 0b1100011, 0b0111110],
    [0b1111111, 0b1111111, 0b0011100, 0b0011100, 0b0011100, 0b0011100, 0b0011100],
    [0b1100011, 0b1100011, 0b1100011, 0b1100011, 0b1100011, 0b1100011, 0b0111110], // U
    [0b1100011, 0b1100011, 0b1100011, 0b1100011, 0b0110110, 0b0011100, 0b0001000],
    [0b1100011, 0b1100011, 0b1100011, 0b1101011, 0b1111111, 0b1110111, 0b1100011],
    [0b1100011, 0b0110110, 0b0011100, 0b0001000, 0b0011100, 0b0110110, 0b1100011],
    [0b1100011, 0b1100011, 0b0110110, 0b0011100, 0b0011100, 0b0011100, 0b0011100], // Y
    [0b1111111, 0b0000011, 0b0000110, 0b0011100, 0b0110000, 0b1100000, 0b1111111],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_a_sign_of_its_own_that_fits_its_grid() {
        for (index, sign) in LETTERS.iter().enumerate() {
            assert!(sign.iter().all(|row| *row < 0b1000_0000), "{index}");
            assert!(!LETTERS[..index].contains(sign), "{index}");
        }
        assert_eq!(letter('T').unwrap()[0], 0b1111111);
        assert_eq!((letter('a'), letter('é')), (None, None));
    }

    #[test]
    fn half_a_pixel_is_covered_by_half_a_plane() {
        assert_eq!(coverage([0.0, 3.0], 1.0, |[x, _]| x < 0.0), 0.5);
        assert_eq!(coverage([0.0, 3.0], 1.0, |[x, _]| x < 0.25), 0.75);
    }
}
