//! The items of TRIPOD+AI, with their parts.

use super::{Evidence, Item, author, item};

pub(super) fn items(evidence: &Evidence<'_>) -> Vec<Item> {
    [introduction(), data(evidence), analysis(evidence), openness(evidence), results(evidence)].concat()
}

fn introduction() -> Vec<Item> {
    vec![
        item("1", "title", author("development or evaluation, population and outcome")),
        item("2", "abstract", author("by TRIPOD+AI for abstracts")),
        item("3a", "healthcare context", author("the context, and models that exist")),
        item("3b", "target population and users", author("for whom, and by whom")),
        item("3c", "known health inequalities", author("between groups of people")),
        item("4", "objectives", author("development, evaluation or both")),
    ]
}

fn data(evidence: &Evidence<'_>) -> Vec<Item> {
    vec![
        item("5a", "sources of data", author("for development and evaluation; the column `source` names them")),
        item("5b", "dates", author("when images were made")),
        item("6a", "setting and centres", author("the setting; metrics.json has rows per source")),
        item("6b", "eligibility", author("criteria")),
        item("6c", "treatments", author("if any matter")),
        item(
            "7",
            "data preparation",
            evidence.preparation(
                "quality checks, such as `isnet data check`, and whether they were alike in all groups of people",
            ),
        ),
        item("8a", "outcome", author("what the labels mean, and how they were found")),
        item("8b", "who assessed the outcome", author("their training")),
        item("8c", "blinding of the outcome", author("whether labels were made without knowledge of the model")),
        item("9a", "choice of predictors", author("why images, and these")),
        item("9b", "definition of predictors", author("how images are made")),
        item("9c", "who assessed predictors", author("if anyone did")),
    ]
}

fn analysis(evidence: &Evidence<'_>) -> Vec<Item> {
    vec![
        item(
            "10",
            "sample size",
            author("how it was chosen; `isnet sample-size` finds the number for a wished interval"),
        ),
        item("11", "missing data", evidence.missing()),
        item("12a", "how data were used", evidence.partitions()),
        item("12b", "handling of predictors", evidence.of_training("intensity and augmentation of images")),
        item(
            "12c",
            "model, its building and tuning",
            evidence.of_training_and(
                "architecture, method, loss, optimizer, schedule and the choice of the epoch",
                "why this model, how its settings were tuned, and internal validation",
            ),
        ),
        item("12d", "differences between clusters", evidence.sources()),
        item("12e", "measures of performance", evidence.metrics()),
        item("12f", "updating such as recalibration", evidence.updating()),
        item("12g", "how predictions were calculated", evidence.predictions()),
        item(
            "13",
            "class imbalance",
            evidence.of_training_and(
                "`loss` weights of classes, if any",
                "why, and whether probabilities were recalibrated after it",
            ),
        ),
        item("14", "fairness", evidence.subgroups()),
        item("15", "output and thresholds", evidence.output()),
        item("16", "development against evaluation data", author("how they differ")),
    ]
}

fn openness(evidence: &Evidence<'_>) -> Vec<Item> {
    vec![
        item("17", "ethics", author("approval and consent")),
        item("18a", "funding", author("who paid, and their role")),
        item("18b", "conflicts of interest", author("any")),
        item("18c", "protocol", author("where it is")),
        item("18d", "registration", author("if it was registered")),
        item("18e", "sharing of data", author("where they can be had")),
        item("18f", "sharing of code", evidence.code()),
    ]
}

fn results(evidence: &Evidence<'_>) -> Vec<Item> {
    vec![
        item("19", "involvement of patients", author("any")),
        item("20a", "flow of participants", evidence.flow()),
        item(
            "20b",
            "characteristics of participants",
            author("age, sex, severity; metrics.json counts samples and classes"),
        ),
        item("20c", "comparison of development and evaluation", author("of the distributions")),
        item("21", "participants and events of each analysis", evidence.events()),
        item("22", "the full model", evidence.full_model()),
        item("23a", "performance with intervals, also of key groups", evidence.performance()),
        item("23b", "heterogeneity across clusters", evidence.sources()),
        item("24", "results of updating", evidence.updated()),
        item("25", "interpretation, also of fairness", author("the discussion")),
        item("26", "limitations", author("the discussion; docs/statistics.md says what intervals do not hold")),
        item("27a", "poor or missing input", evidence.bad_input()),
        item("27b", "interaction and expertise of users", author("who uses it, and how")),
        item("27c", "next steps", author("what must be tested further; decision_curves.csv may help")),
    ]
}
