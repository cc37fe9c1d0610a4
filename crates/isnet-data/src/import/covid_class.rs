//! The three classes of the COVID-19 study, from the words of its sources.

/// `covid`, `normal` or `pneumonia` for a finding; `None` for one that is none of them or not known.
///
/// Sources write `COVID-19`, `No Finding`, `Pneumonia/Viral/SARS`; older lists have the germ alone.
pub(super) fn covid_class(finding: &str) -> Option<&'static str> {
    const PNEUMONIA: [&str; 16] = [
        "pneumonia",
        "sars",
        "mers",
        "ards",
        "streptococcus",
        "pneumocystis",
        "klebsiella",
        "legionella",
        "varicella",
        "e.coli",
        "influenza",
        "lipoid",
        "mycoplasma",
        "chlamydophila",
        "aspiration",
        "h1n1",
    ];
    let finding = finding.to_lowercase();
    if finding.contains("covid") {
        Some("covid")
    } else if finding == "no finding" || finding == "normal" {
        Some("normal")
    } else if PNEUMONIA.iter().any(|word| finding.contains(word)) {
        Some("pneumonia")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::covid_class;

    #[test]
    fn findings_of_all_versions_have_their_class() {
        for (finding, class) in [
            ("Pneumonia/Viral/COVID-19", Some("covid")),
            ("COVID-19, ARDS", Some("covid")),
            ("No finding", Some("normal")),
            ("Pneumonia/Bacterial/Streptococcus", Some("pneumonia")),
            ("SARS", Some("pneumonia")),
            ("Tuberculosis", None),
            ("todo", None),
            ("", None),
        ] {
            assert_eq!(covid_class(finding), class, "{finding}");
        }
    }
}
