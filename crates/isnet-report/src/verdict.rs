//! A question that the report answers.

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The figure keeps to its threshold.
    Pass,
    /// It does not.
    Fail,
    /// It does not, which is no failure of what is judged but worth knowing.
    Warn,
    /// The figure is too uncertain to say whether it does.
    Undecided,
    /// The data cannot answer the question.
    NotAnswered,
}

impl Answer {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warning",
            Self::Undecided => "undecided",
            Self::NotAnswered => "not answered",
        }
    }

    /// A mark that needs no colour.
    pub(crate) fn mark(self) -> char {
        match self {
            Self::Pass => '✓',
            Self::Fail => '✗',
            Self::Warn => '!',
            Self::Undecided => '?',
            Self::NotAnswered => '–',
        }
    }
}

/// A question, its answer, and what the answer rests on.
///
/// # Example
/// ```
/// # use isnet_report::{Answer, Verdict};
/// let verdict = Verdict::new("Does the model look at the background?", Answer::Pass)
///     .figure("12 % of the relevance [9 %, 15 %]")
///     .threshold("at most 30 %");
/// assert_eq!(verdict.answer.word(), "pass");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The question, in plain text.
    pub question: String,
    /// The answer.
    pub answer: Answer,
    /// The figure that was found; may be empty.
    pub figure: String,
    /// What it was held against; may be empty.
    pub threshold: String,
    /// What else a reader should know, with `**bold**` and `` `code` ``; may be empty.
    pub explanation: String,
}

impl Verdict {
    /// A question and its answer.
    pub fn new(question: impl Into<String>, answer: Answer) -> Self {
        Self {
            question: question.into(),
            answer,
            figure: String::new(),
            threshold: String::new(),
            explanation: String::new(),
        }
    }

    /// The figure that was found.
    #[must_use]
    pub fn figure(mut self, figure: impl Into<String>) -> Self {
        self.figure = figure.into();
        self
    }

    /// What the figure was held against.
    #[must_use]
    pub fn threshold(mut self, threshold: impl Into<String>) -> Self {
        self.threshold = threshold.into();
        self
    }

    /// What else a reader should know.
    #[must_use]
    pub fn explanation(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = explanation.into();
        self
    }
}
