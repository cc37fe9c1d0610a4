//! "Did you mean …?"

/// The candidate most like `word`, if any is alike at all. The first wins a tie.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let mut best = None;
    for candidate in candidates {
        let likeness = strsim::jaro_winkler(&word, &candidate.to_lowercase());
        if likeness > best.map_or(0.6, |(_, previous)| previous) {
            best = Some((candidate, likeness));
        }
    }
    best.map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_nothing() {
        let classes = ["covid", "normal", "pneumonia"];
        assert_eq!(nearest("COVID", classes), Some("covid"));
        assert_eq!(nearest("pnuemonia", classes), Some("pneumonia"));
        assert_eq!(nearest("xyz", classes), None);
    }
}
