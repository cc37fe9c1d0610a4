//! Which items of a reporting checklist an evaluation answers, and where.
//!
//! An item is answered only by what this evaluation holds; of the others it says what is missing and which option gives it, or that the
//! author writes it. Topics are in our own words: have the checklist itself beside you.

mod claim;
mod evidence;
mod tripod_ai;

use std::fmt;
use std::str::FromStr;

use isnet_report::{Cell, Document, Section, Table};

pub use evidence::Evidence;

/// A reporting checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checklist {
    /// CLAIM, for imaging: 44 items in its update of 2024.
    Claim,
    /// TRIPOD+AI, for prediction models: 27 items, 52 with their parts.
    TripodAi,
}

/// What an evaluation says to an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// All that the item asks, and where.
    Yes(String),
    /// Some of it, and what to add.
    Partly {
        /// What there is, and where.
        has: String,
        /// What is missing.
        add: String,
    },
    /// Nothing: the author writes it.
    ByAuthor(String),
}

/// An item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number in the checklist.
    pub number: &'static str,
    /// What it is about.
    pub topic: &'static str,
    /// What the evaluation says to it.
    pub answered: Answered,
}

impl Checklist {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Claim, Self::TripodAi];

    /// The items with what an evaluation says to them.
    pub fn items(self, evidence: &Evidence<'_>) -> Vec<Item> {
        match self {
            Self::Claim => claim::items(evidence),
            Self::TripodAi => tripod_ai::items(evidence),
        }
    }

    /// The file that it is written to.
    pub fn file(self) -> &'static str {
        match self {
            Self::Claim => "checklist-claim.md",
            Self::TripodAi => "checklist-tripod-ai.md",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Claim => {
                "CLAIM 2024 update: Tejani et al., Radiology: Artificial Intelligence 6 (2024), doi 10.1148/ryai.240300."
            }
            Self::TripodAi => "TRIPOD+AI: Collins et al., BMJ 385 (2024), e078378.",
        }
    }

    /// The items as a document.
    ///
    /// # Example
    /// ```
    /// # use isnet_eval::checklist::{Checklist, Evidence};
    /// # use isnet_eval::evaluation::Evaluation;
    /// # use isnet_statistics::{Predictions, Settings, Task};
    /// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
    /// predictions.push("a.png", "hospital", "test", &[0], &[0.9, 0.1]);
    /// predictions.push("b.png", "hospital", "test", &[1], &[0.6, 0.4]);
    /// let found = Evaluation::of(&mut predictions, None, &Settings::default())?;
    /// let evidence = Evidence {
    ///     found: &found,
    ///     predictions: &predictions,
    ///     model: None,
    ///     training: None,
    ///     seen: &[],
    ///     has_report: true,
    ///     is_explained: false,
    /// };
    /// let text = Checklist::Claim.document("predictions.csv", &evidence).to_markdown("").text;
    /// assert!(text.contains("for the author") && text.contains("--operating-point")); // no threshold was asked for
    /// # Ok::<(), isnet_eval::EvalError>(())
    /// ```
    pub fn document(self, name: &str, evidence: &Evidence<'_>) -> Document {
        let items = self.items(evidence);
        let mut table = Table::new(["item", "topic", "", "where, or what to add"]);
        let mut counts = [0; 3];
        for item in &items {
            let (place, word, text) = match &item.answered {
                Answered::Yes(text) => (0, "answered", text.clone()),
                Answered::Partly { has, add } => (1, "partly", format!("{has} To add: {add}")),
                Answered::ByAuthor(text) => (2, "for the author", text.clone()),
            };
            counts[place] += 1;
            // Cells are plain words.
            let text = text.replace('`', "");
            table.push([item.number, item.topic, word, &text].map(Cell::text));
        }
        let [answered, partly, author] = counts;
        let text = format!(
            "Of {} items and parts this evaluation answers {answered}, {partly} in part, and leaves {author} to the author. Topics are in our words; {}",
            items.len(),
            self.source()
        );
        Document::new(format!("{self} for {name}"))
            .subtitle("What the report answers, and where")
            .section(Section::new("Items").with(text).with(table))
    }
}

impl fmt::Display for Checklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claim => "CLAIM",
            Self::TripodAi => "TRIPOD+AI",
        })
    }
}

impl FromStr for Checklist {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_lowercase().as_str() {
            "claim" => Ok(Self::Claim),
            "tripod-ai" | "tripod+ai" => Ok(Self::TripodAi),
            _ => Err("the checklists are `claim` and `tripod-ai`".to_owned()),
        }
    }
}

fn item(number: &'static str, topic: &'static str, answered: Answered) -> Item {
    Item { number, topic, answered }
}

fn yes(text: impl Into<String>) -> Answered {
    Answered::Yes(text.into())
}

fn partly(has: impl Into<String>, add: impl Into<String>) -> Answered {
    Answered::Partly { has: has.into(), add: add.into() }
}

fn author(text: impl Into<String>) -> Answered {
    Answered::ByAuthor(text.into())
}

#[cfg(test)]
mod tests {
    use isnet_statistics::{OperatingRule, Predictions, Settings, Task};

    use super::*;
    use crate::clinical::{Clinical, ClinicalSettings};
    use crate::evaluation::Evaluation;

    fn samples(split: &str) -> Predictions {
        let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
        for sample in 0..20 {
            let ill = (f64::from(sample) + 0.5) / 20.0;
            let label = usize::from((sample >= 10) == (sample % 5 > 0));
            predictions.push("x.png", "hospital", split, &[label], &[1.0 - ill, ill]);
        }
        predictions
    }

    #[test]
    fn a_threshold_answers_only_on_samples_that_did_not_choose_it() {
        let (mut test, validation, settings) = (samples("test"), samples("val"), Settings::default());
        let asked = ClinicalSettings { rule: Some(OperatingRule::Youden), ..ClinicalSettings::default() };
        let mut found = Evaluation::of(&mut test, Some(&validation), &settings).unwrap();
        found.clinical = Some(Clinical::of(&test, Some(&validation), &asked, &settings).unwrap());
        let state = |seen: &[String]| {
            let evidence = Evidence {
                found: &found,
                predictions: &test,
                model: None,
                training: None,
                seen,
                has_report: true,
                is_explained: false,
            };
            let items = Checklist::Claim.items(&evidence);
            items.into_iter().find(|item| item.number == "38").unwrap().answered
        };
        assert!(matches!(state(&["val".to_owned()]), Answered::Yes(_)));
        let Answered::Partly { add, .. } = state(&["val".to_owned(), "test".to_owned()]) else { panic!() };
        assert!(add.contains("on test"), "{add}");
    }

    #[test]
    fn every_item_has_its_number_once() {
        let mut predictions = samples("test");
        let found = Evaluation::of(&mut predictions, None, &Settings::default()).unwrap();
        let evidence = Evidence {
            found: &found,
            predictions: &predictions,
            model: None,
            training: None,
            seen: &[],
            has_report: true,
            is_explained: false,
        };
        let numbers = |list: Checklist| list.items(&evidence).iter().map(|item| item.number).collect::<Vec<_>>();
        assert_eq!(numbers(Checklist::Claim), (1..=44).map(|n| n.to_string()).collect::<Vec<_>>());
        let tripod = "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17 \
                      18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c";
        assert_eq!(numbers(Checklist::TripodAi), tripod.split_whitespace().collect::<Vec<_>>());
    }
}
