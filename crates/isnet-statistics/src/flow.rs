//! Which images and patients a study used, and where the others went: the flow diagram of STARD, as lines of text.
//!
//! Source: Bossuyt et al., "STARD 2015: an updated list of essential items for reporting diagnostic accuracy studies", BMJ 351
//! (2015), item 19.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// From what was given to what was scored.
///
/// Excluded ones and those without a label leave the flow; those without a mask stay, as their class is scored all the same.
///
/// # Example
/// ```
/// # use isnet_statistics::{Exclusion, Flow, FlowCount};
/// let flow = Flow {
///     given: FlowCount { samples: 1200, groups: Some(400) },
///     excluded: vec![Exclusion { reason: "unreadable file".into(), count: FlowCount::of(20) }],
///     without_label: FlowCount::of(80),
///     scored: FlowCount { samples: 1100, groups: Some(371) },
///     without_mask: FlowCount::of(300),
/// };
/// assert_eq!(flow.gap(), 0);
/// assert_eq!(flow.text("images", "patients"), "\
/// given              1200 images (400 patients)
///   excluded           20 images: unreadable file
///   without label      80 images
/// scored             1100 images (371 patients)
///   without mask      300 images, scored by class alone
/// ");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// All that were given.
    pub given: FlowCount,
    /// Those left out, reason by reason, in the order in which they were.
    pub excluded: Vec<Exclusion>,
    /// Those left out for want of a label.
    pub without_label: FlowCount,
    /// Those that were scored.
    pub scored: FlowCount,
    /// Of the scored, those without a usable mask: the share of relevance on their background is not known.
    pub without_mask: FlowCount,
}

/// Samples that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Why, such as `unreadable file`.
    pub reason: String,
    /// How many.
    pub count: FlowCount,
}

/// A number of samples, and of the groups that they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowCount {
    /// Samples, such as images.
    pub samples: usize,
    /// Groups, such as patients; `None` if not known. One group may be counted at several places, so these do not add up.
    pub groups: Option<usize>,
}

impl FlowCount {
    /// Samples by the names of their groups, an empty one for a sample whose group is not known.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::FlowCount;
    /// assert_eq!(FlowCount::of_groups(["ada", "", "ada"]), FlowCount { samples: 3, groups: Some(1) });
    /// assert_eq!(FlowCount::of_groups(["", ""]), FlowCount::of(2));
    /// ```
    pub fn of_groups<'a>(groups: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut samples, mut known) = (0, BTreeSet::new());
        for group in groups {
            samples += 1;
            known.insert(group);
        }
        known.remove("");
        Self { samples, groups: (!known.is_empty()).then_some(known.len()) }
    }

    /// Samples of groups that are not known.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::FlowCount;
    /// assert_eq!(FlowCount::of(3), FlowCount { samples: 3, groups: None });
    /// ```
    pub fn of(samples: usize) -> Self {
        Self { samples, groups: None }
    }
}

impl Flow {
    /// Samples given, less those left out and those scored: 0 if every one is accounted for.
    pub fn gap(&self) -> i64 {
        let excluded: usize = self.excluded.iter().map(|exclusion| exclusion.count.samples).sum();
        let whole = |n: usize| i64::try_from(n).expect("fewer than 2⁶³ samples fit into memory");
        whole(self.given.samples) - whole(excluded + self.without_label.samples + self.scored.samples)
    }

    /// The flow as lines, with words for samples and groups; what is 0 is left out, and a [`gap`](Flow::gap) is said.
    pub fn text(&self, samples: &str, groups: &str) -> String {
        let mut lines = vec![("given", self.given, String::new())];
        for Exclusion { reason, count } in &self.excluded {
            lines.push(("  excluded", *count, format!(": {reason}")));
        }
        lines.push(("  without label", self.without_label, String::new()));
        lines.push(("scored", self.scored, String::new()));
        lines.push(("  without mask", self.without_mask, ", scored by class alone".to_owned()));
        let width = lines.iter().map(|line| line.1.samples.to_string().len()).max().unwrap_or(1);
        let mut text = String::new();
        for (name, count, more) in lines {
            if count.samples > 0 || !name.starts_with(' ') {
                let of_groups = count.groups.map_or_else(String::new, |n| format!(" ({n} {groups})"));
                text += &format!("{name:<18} {:>width$} {samples}{of_groups}{more}\n", count.samples);
            }
        }
        match self.gap() {
            0 => {}
            gap if gap > 0 => text += &format!("{gap} {samples} are not accounted for\n"),
            gap => text += &format!("{} {samples} more went out than were given\n", -gap),
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_accounted_for_is_said() {
        let mut flow = Flow { given: FlowCount::of(10), scored: FlowCount::of(7), ..Flow::default() };
        assert!(flow.text("images", "patients").ends_with("\n3 images are not accounted for\n"));
        flow.without_label = FlowCount::of(4);
        assert!(flow.text("images", "patients").ends_with("\n1 images more went out than were given\n"));
        assert_eq!(Flow::default().text("images", "patients").lines().count(), 2);
    }

    #[test]
    fn a_flow_is_read_as_it_is_written() {
        let exclusion = Exclusion { reason: "no chest".to_owned(), count: FlowCount { samples: 2, groups: Some(1) } };
        let flow = Flow { given: FlowCount::of(2), excluded: vec![exclusion], ..Flow::default() };
        let written = serde_json::to_string(&flow).unwrap();
        assert_eq!(serde_json::from_str::<Flow>(&written).unwrap(), flow);
    }
}
