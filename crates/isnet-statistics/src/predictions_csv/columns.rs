//! The columns of a table of predictions, and what their names mean.
//!
//! Names count without capitals, blanks, `_` and `-`, but for those of the classes.

use isnet_data::same_word;

/// Columns with a meaning, as they are written.
pub(super) const KNOWN: [&str; 6] = ["id", "label", "source", "split", "predicted", "background_share"];
/// What people call the column of samples that are not independent.
const GROUPS: [&str; 7] = ["group", "patient", "patient_id", "patientid", "subject", "subject_id", "subjectid"];
/// How the column of a class begins: as it is written, and as others write it.
const PREFIXES: [&str; 3] = ["p_", "prob_", "probability_"];
/// What others call the one column of a table of two classes.
const SINGLE_SCORES: [&str; 8] = ["score", "probability", "p", "prob", "y_score", "y_prob", "y_pred", "prediction"];

/// Where the columns stand.
pub(super) struct Columns {
    /// Names of all columns.
    pub names: Vec<String>,
    pub id: usize,
    pub label: usize,
    pub source: Option<usize>,
    pub split: Option<usize>,
    pub predicted: Option<usize>,
    pub background_share: Option<usize>,
    pub groups: Vec<usize>,
    pub classes: Vec<String>,
    pub probabilities: Vec<usize>,
    /// All other columns that have a name.
    pub attributes: Vec<usize>,
}

impl Columns {
    pub fn find(names: Vec<String>) -> Result<Self, String> {
        if let Some(broken) = names.iter().find(|name| name.contains(['\n', '\r'])) {
            return Err(format!(
                "the column name {broken:?} has a line break; a quotation mark `\"` is missing or too many"
            ));
        }
        let twice = (1..names.len()).find(|&at| !names[at].is_empty() && names[..at].contains(&names[at]));
        if let Some(at) = twice {
            return Err(format!("there are two columns `{}`; keep one", names[at]));
        }
        let find = |wanted: &str| {
            let found: Vec<usize> = (0..names.len()).filter(|&column| same_word(&names[column], wanted)).collect();
            match found.as_slice() {
                [first, second, ..] => {
                    let (first, second) = (&names[*first], &names[*second]);
                    Err(format!(
                        "the columns `{first}` and `{second}` are one to this program; keep one, or rename the other"
                    ))
                }
                found => Ok(found.first().copied()),
            }
        };
        let need = |wanted: &str| {
            let absent = || format!("there is no column `{wanted}`, only `{}`", names.join("`, `"));
            find(wanted)?.ok_or_else(absent)
        };
        let classes = classes(&names)?;
        let (id, label, source, split) = (need("id")?, need("label")?, find("source")?, find("split")?);
        let (predicted, background_share) = (find("predicted")?, find("background_share")?);
        let groups = (0..names.len()).filter(|&column| is_group(&names[column])).collect::<Vec<_>>();
        let probabilities: Vec<usize> = classes.iter().map(|(column, _)| *column).collect();
        let known = [Some(id), Some(label), source, split, predicted, background_share];
        let is_known = |column: &usize| {
            known.contains(&Some(*column)) || groups.contains(column) || probabilities.contains(column)
        };
        let attributes = (0..names.len()).filter(|column| !is_known(column) && !names[*column].is_empty()).collect();
        let classes = classes.into_iter().map(|(_, class)| class).collect();
        Ok(Self {
            id,
            label,
            source,
            split,
            predicted,
            background_share,
            groups,
            classes,
            probabilities,
            attributes,
            names,
        })
    }

    /// The columns that say one thing in one line, all but the attributes.
    pub fn is_known(&self, column: usize) -> bool {
        !self.attributes.contains(&column)
    }
}

/// Whether a column of this name is read as something else than an attribute.
pub(super) fn is_reserved(name: &str) -> bool {
    is_group(name) || KNOWN.iter().any(|known| same_word(name, known)) || name.starts_with(PREFIXES[0])
}

fn is_group(name: &str) -> bool {
    GROUPS.iter().any(|group| same_word(name, group))
}

/// The columns of the classes, each with the name of its class.
fn classes(names: &[String]) -> Result<Vec<(usize, String)>, String> {
    let of = |prefix: &str| -> Vec<(usize, String)> {
        let class = |(column, name): (usize, &String)| Some((column, name.strip_prefix(prefix)?.to_owned()));
        names.iter().enumerate().filter_map(class).collect()
    };
    let [plain, short, long] = PREFIXES.map(of);
    let found = match (plain.is_empty(), short.is_empty(), long.is_empty()) {
        (false, ..) => plain,
        (true, false, true) => short,
        (true, true, false) => long,
        (true, false, false) => {
            let what = "there are columns `prob_…` and `probability_…`; name those with the probability of a class `p_<class>`";
            return Err(what.to_owned());
        }
        (true, true, true) => return Err(without_classes(names)),
    };
    match found.iter().find(|(_, class)| class.is_empty()) {
        Some((column, _)) => Err(format!("the column `{}` names no class; write `p_<class>`", names[*column])),
        None => Ok(found),
    }
}

fn without_classes(names: &[String]) -> String {
    match names.iter().find(|name| SINGLE_SCORES.iter().any(|score| same_word(name, score))) {
        Some(score) => format!(
            "there is no column `p_<class>`; if `{score}` is the probability of one of two classes, write a column for each, \
             named as in `label`: of the labels `0` and `1`, `p_0` = 1 − score and `p_1` = score"
        ),
        None => {
            format!("there is no column `p_<class>` with the probabilities of a class, only `{}`", names.join("`, `"))
        }
    }
}
