//! The items of CLAIM, update of 2024.

use super::{Evidence, Item, author, item};

pub(super) fn items(evidence: &Evidence<'_>) -> Vec<Item> {
    [introduction(), data(evidence), methods(evidence), results(evidence)].concat()
}

fn introduction() -> Vec<Item> {
    vec![
        item("1", "title names the kind of AI", author("the title")),
        item("2", "structured abstract", author("the abstract")),
        item("3", "clinical background and intended use", author("the introduction")),
        item(
            "4",
            "aims and hypotheses",
            author("aims; `isnet compare --primary` declares the question that is tested"),
        ),
        item("5", "prospective or retrospective", author("the design")),
        item("6", "goal of the study", author("the goal")),
    ]
}

fn data(evidence: &Evidence<'_>) -> Vec<Item> {
    vec![
        item("7", "sources of data", author("where images come from; the column `source` names them")),
        item("8", "who was included and excluded", author("criteria")),
        item(
            "9",
            "preprocessing",
            evidence.preparation("what was done to images before the manifest, such as windowing or resampling"),
        ),
        item("10", "subsets of the data", author("whether parts of images or of the data were chosen")),
        item("11", "de-identification", author("how")),
        item("12", "missing data", evidence.missing()),
        item("13", "acquisition", author("devices and protocols")),
        item("14", "how the reference standard was obtained", author("how labels and masks were made")),
        item("15", "why this reference standard", author("the reason")),
        item("16", "who annotated", author("annotators and their training")),
        item("17", "annotation of the test set", author("whether it differs")),
        item("18", "agreement of annotators", author("measures of it")),
    ]
}

fn methods(evidence: &Evidence<'_>) -> Vec<Item> {
    vec![
        item("19", "how data were divided", evidence.partitions()),
        item("20", "on which level parts are disjoint", evidence.disjoint()),
        item(
            "21",
            "intended sample size",
            author("how it was chosen; `isnet sample-size` finds the number for a wished interval"),
        ),
        item("22", "the model", evidence.architecture()),
        item("23", "software", evidence.software()),
        item("24", "initial weights", evidence.initial_weights()),
        item(
            "25",
            "training",
            evidence.of_training("method, loss, optimizer, schedule, batch, augmentation and epochs"),
        ),
        item(
            "26",
            "how the final model was chosen",
            evidence.of_training_and(
                "`train.best_metric` and early stopping on the validation split",
                "whether several trainings or settings were tried, and how one was taken",
            ),
        ),
        item("27", "ensembles", evidence.ensemble()),
        item("28", "metrics", evidence.metrics()),
        item("29", "significance and uncertainty", evidence.uncertainty()),
        item(
            "30",
            "robustness and sensitivity",
            author("other seeds (`isnet study`), other backgrounds and marks (`isnet audit`)"),
        ),
        item("31", "explanation", evidence.explained()),
    ]
}

fn results(evidence: &Evidence<'_>) -> Vec<Item> {
    vec![
        item("32", "internal testing", evidence.internal()),
        item("33", "external testing", evidence.external()),
        item("34", "registration", author("if it was registered")),
        item("35", "flow of patients and images", evidence.flow()),
        item(
            "36",
            "characteristics of each part",
            author("age, sex, severity by split; metrics.json counts samples and classes"),
        ),
        item("37", "performance with uncertainty", evidence.scores()),
        item("38", "diagnostic accuracy with precision", evidence.operating()),
        item("39", "failures", evidence.failures()),
        item("40", "limitations", author("the discussion; docs/statistics.md says what intervals do not hold")),
        item("41", "implications for practice", evidence.usefulness()),
        item("42", "protocol", author("where it is")),
        item("43", "availability of software, model and data", evidence.availability()),
        item("44", "funding", author("who paid, and their role")),
    ]
}
