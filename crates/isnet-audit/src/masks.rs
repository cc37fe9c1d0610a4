//! Which images have a mask that says something.

use isnet_data::{Dataset, Mask, MaskVerdict};
use serde::Serialize;

use crate::error::Result;
use crate::verdict::Missing;
use crate::work::each;

/// The images of a data set by what their masks say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Masks {
    /// Those whose mask has foreground and background, at the size of the network ([`MaskVerdict::Usable`]).
    pub usable: Vec<usize>,
    /// The others.
    pub left_out: LeftOut,
}

/// Images that have no figure, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Without a mask.
    pub without_mask: usize,
    /// With a mask that has no foreground.
    pub empty_mask: usize,
    /// With a mask that covers all of the image.
    pub full_mask: usize,
    /// With a map that is 0 everywhere.
    pub no_relevance: usize,
}

impl Masks {
    /// Reads every image that has a mask.
    pub fn of(data: &dyn Dataset) -> Result<Self> {
        let masked: Vec<usize> = (0..data.len()).filter(|&index| data.has_mask(index)).collect();
        let mut left_out = LeftOut { without_mask: data.len() - masked.len(), ..LeftOut::default() };
        let mut usable = Vec::with_capacity(masked.len());
        let look =
            |position: usize| Ok((masked[position], data.sample(masked[position])?.mask.as_ref().map(Mask::verdict)));
        each(masked.len(), &look, &mut |chunk: Vec<(usize, Option<MaskVerdict>)>| {
            for (index, verdict) in chunk {
                match verdict {
                    Some(MaskVerdict::Usable) => usable.push(index),
                    Some(MaskVerdict::Empty) => left_out.empty_mask += 1,
                    Some(MaskVerdict::Full) => left_out.full_mask += 1,
                    None => left_out.without_mask += 1,
                }
            }
            Ok(())
        })?;
        Ok(Self { usable, left_out })
    }

    /// What is missing where no mask is usable.
    pub fn missing(&self) -> Option<Missing> {
        let LeftOut { empty_mask, full_mask, .. } = self.left_out;
        match self.usable.is_empty() {
            false => None,
            true if empty_mask + full_mask > 0 => Some(Missing::UsableMasks),
            true => Some(Missing::Masks),
        }
    }
}

impl LeftOut {
    /// Images without a usable mask.
    pub fn masks(&self) -> usize {
        self.without_mask + self.empty_mask + self.full_mask
    }

    /// The images that have no figure, in words.
    pub fn note(&self) -> Option<String> {
        let reasons = [
            (self.without_mask, "without a mask"),
            (self.empty_mask, "with an empty mask"),
            (self.full_mask, "with a mask that covers everything"),
            (self.no_relevance, "with a map that is 0 everywhere"),
        ];
        let each: Vec<String> =
            reasons.iter().filter(|(n, _)| *n > 0).map(|(n, reason)| format!("{n} {reason}")).collect();
        (!each.is_empty()).then(|| format!("left out: {}", each.join(", ")))
    }
}
