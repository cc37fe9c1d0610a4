//! Tables of predictions as other programs write them are read as what they say, or refused with line and way out.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use isnet_statistics::predictions_csv::load;
use isnet_statistics::{Predictions, Score, Settings, StatisticsError, Task, compare, metrics::scores, summary};

fn read(bytes: impl AsRef<[u8]>) -> Result<Predictions, StatisticsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, bytes).unwrap();
    load(&path, None)
}

fn message(bytes: impl AsRef<[u8]>) -> String {
    match read(bytes) {
        Ok(found) => panic!("it was read: {found:?}"),
        Err(error) => error.to_string(),
    }
}

/// Forty samples of ten patients, each of one class; every third is wrong.
fn samples(group: Option<&str>) -> String {
    let mut text = format!("id,label,{}p_a,p_b\n", group.map_or(String::new(), |name| format!("{name},")));
    for sample in 0..40 {
        let patient = sample / 4;
        let (label, b) = (["a", "b"][patient % 2], [0.2, 0.8][(patient + usize::from(patient % 3 == 0)) % 2]);
        let b = b + sample as f64 / 1000.0;
        let group = group.map_or(String::new(), |_| format!("p{patient},"));
        text += &format!("{sample},{label},{group}{:.3},{b:.3}\n", 1.0 - b);
    }
    text
}

fn fast() -> Settings {
    Settings { resamples: 200, posterior_draws: 500, scores: Some(vec![Score::Accuracy]), ..Settings::default() }
}

#[test]
fn rounded_probabilities_are_of_one_choice() {
    for rows in [
        "x,a,0.33,0.33,0.33\ny,b,0.67,0.17,0.17\n",
        "x,a,0.333,0.333,0.333\ny,b,0.143,0.429,0.429\n",
        "x,a,0.33,0.33,0.33\ny,b,0.2,0.8,0\n",
    ] {
        assert_eq!(read(format!("id,label,p_a,p_b,p_c\n{rows}")).unwrap().task, Task::Single, "{rows}");
    }
}

#[test]
fn percentages_and_logits_are_refused_with_advice() {
    let percent = message("id,label,p_a,p_b\nx,a,75,25\n");
    assert!(percent.contains("line 2: `x`: the probability of `a` is 75") && percent.contains("by 100"), "{percent}");
    let sign = message("id,label,p_a,p_b\nx,a,75%,25%\n");
    assert!(sign.contains("is `75%`") && sign.contains("`0.75`"), "{sign}");
    let logit = message("id,label,p_a,p_b\nx,a,-3.2,4\n");
    assert!(logit.contains("softmax") && !logit.contains("percentages"), "{logit}");
}

#[test]
fn decisions_of_another_threshold_are_kept_in_a_single_label_table() {
    // `ill` is said from 0.3 on.
    let text =
        "id,label,predicted,p_healthy,p_ill\nx,ill,ill,0.65,0.35\ny,healthy,healthy,0.9,0.1\nz,ill,ill,0.2,0.8\n";
    let found = read(text).unwrap();
    assert_eq!((0..3).map(|sample| found.predicted(sample)).collect::<Vec<_>>(), [[1], [0], [1]]);
    assert_eq!(scores(&found).unwrap().accuracy, 1.0);
    assert_eq!(summary(&found, &fast()).unwrap().find("all", None, Score::Accuracy, None).unwrap().value, Some(1.0));
    let without = text.replace("predicted", "said");
    assert_eq!(read(without).unwrap().predicted(0), [0]);
}

#[test]
fn a_single_label_decision_is_one_class() {
    let two = message("id,label,predicted,p_a,p_b\nx,a,a|b,0.5,0.5\n");
    assert!(two.contains("line 2: `x`: `predicted` names 2 classes"), "{two}");
    assert_eq!(read("id,label,predicted,p_a,p_b\nx,a,,0.25,0.75\n").unwrap().predicted(0), [1], "no decision is none");
}

#[test]
fn decisions_that_no_threshold_explains_are_kept_in_a_multi_label_table() {
    let text = "id,label,predicted,p_hat,p_scarf\nx,hat,hat,0.3,0.9\ny,,,0.4,0.1\nz,scarf,scarf,0.9,0.8\n";
    let found = read(text).unwrap();
    let decided: Vec<Vec<usize>> = (0..3).map(|sample| found.predicted(sample)).collect();
    assert_eq!(decided, [vec![0], vec![], vec![1]]);
    let table = summary(&found, &fast()).unwrap();
    assert_eq!(table.find("all", None, Score::Accuracy, None).unwrap().value, Some(1.0));
}

#[test]
fn decisions_that_thresholds_explain_become_thresholds() {
    let text = "id,label,predicted,p_hat,p_scarf\nx,hat,hat,0.3,0.6\ny,,,0.2,0.1\nz,hat|scarf,hat|scarf,0.9,0.8\n";
    let found = read(text).unwrap();
    assert_eq!(found.thresholds, [0.3, 0.8]);
}

#[test]
fn patients_are_groups_whatever_the_column_is_called() {
    let interval = |text: String| {
        let table = summary(&read(text).unwrap(), &fast()).unwrap();
        table.find("all", None, Score::Accuracy, None).unwrap().intervals[0]
    };
    let grouped = interval(samples(Some("group")));
    assert!(grouped.width() > 1.2 * interval(samples(None)).width(), "ten patients say less than forty");
    for name in ["patient", "Patient", "patient_id", "PatientID", "Patient ID", "subject", "SUBJECT_ID", "Group"] {
        assert_eq!(interval(samples(Some(name))), grouped, "{name}");
    }
}

#[test]
fn two_columns_of_patients_have_to_agree() {
    let text = |second: &str| format!("id,label,patient,subject,p_a,p_b\nx,a,1,1,0.5,0.5\ny,a,2,{second},0.5,0.5\n");
    assert_eq!(read(text("2")).unwrap().groups, ["1", "2"]);
    let differ = message(text("3"));
    assert!(differ.contains("line 3: `y`: `patient` is `2` and `subject` is `3`"), "{differ}");
}

#[test]
fn groups_that_only_one_table_has_hold_for_both() {
    let (with, without) = (read(samples(Some("patient"))).unwrap(), read(samples(None)).unwrap());
    let compared = |first: &Predictions, second: &Predictions| {
        let table = compare(&[("first", first), ("second", second)], &fast()).unwrap();
        assert!(table.grouped);
        table
    };
    let both = compared(&with, &with);
    assert_eq!(compared(&with, &without), both);
    assert_eq!(compared(&without, &with), both);
    let mut other = with.clone();
    other.groups[6] = "p9".to_owned();
    let error = compare(&[("first", &with), ("second", &other)], &fast()).unwrap_err().to_string();
    assert!(error.contains("sample `6` belongs to the group `p1` and to `p9`"), "{error}");
}

#[test]
fn what_is_twice_out_of_range_or_missing_is_refused_with_its_line() {
    for (rows, expected) in [
        ("x,a,0.5,0.5\n\ny,a,0.5,0.5\nx,b,0.5,0.5\n", "line 5: the id `x` is already on line 2"),
        ("x,a,0.5,0.5\ny,a,1.5,-0.5\n", "line 3: `y`: the probability of `a` is 1.5"),
        ("x,a,0.5,0.5\ny,a,NaN,0.5\n", "line 3: `y`: the probability of `a` is `NaN`"),
        ("x,a,0.5,0.5\ny,a,,0.5\n", "line 3: `y`: the probability of `a` is empty"),
        ("x,a,0.5,0.5\n,a,0.5,0.5\n", "line 3: the id is empty"),
        ("x,a,0.5,0.5\ny,a,0,75,0,25\n", "line 3: the row has 6 cells, the header 4; quote cells that contain a comma"),
        ("\"x,a,0.5,0.5\ny\",a,0.5,0.5\n", "line 2: the cell `id` of this row has a line break"),
        ("x,a,0.5,0.5\ny,\"a,0.5,0.5\n", "line 3 opens a quotation mark"),
        ("x,a,0.5;0.5\n", "line 2: the row has 3 cells"),
    ] {
        let found = message(format!("id,label,p_a,p_b\n{rows}"));
        assert!(found.contains(expected), "{found}");
        assert!(!found.to_lowercase().contains("csv error"), "{found}");
    }
    let latin1 = message(b"id,label,p_a,p_b\nx,a,0.5,0.5\nm\xFCde,a,0.5,0.5\n");
    assert!(latin1.contains("line 3: the row is not UTF-8 (as Latin-1 it has the cell `müde`)"), "{latin1}");
}

#[test]
fn other_separators_and_encodings_are_read_as_manifests_are() {
    let text = "id,label,p_é,p_b\nx,é,0.25,0.75\n";
    let plain = read(text).unwrap();
    assert_eq!(read(text.replace(',', ";")).unwrap(), plain);
    assert_eq!(read(text.replace(',', "\t")).unwrap(), plain);
    let utf16 =
        |bytes: fn(u16) -> [u8; 2]| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect();
    let (little, big): (Vec<u8>, Vec<u8>) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    assert_eq!(read(little).unwrap(), plain);
    assert_eq!(read(big).unwrap(), plain);
    let excel = message(b"PK\x03\x04\x14\0");
    assert!(excel.contains("table.csv`: it is no CSV: it seems to be an Excel workbook"), "{excel}");
}

#[test]
fn decimal_commas_are_read() {
    let plain = read("id,label,p_a,p_b\nx,a,0.33,0.67\ny,a,1,2e-1\n".replace("1,2e-1", "0.8,2e-1")).unwrap();
    assert_eq!(read("id;label;p_a;p_b\nx;a;0,33;0,67\ny;a;0,8;2e-1\n").unwrap(), plain);
    assert_eq!(read("id,label,p_a,p_b\nx,a,\"0,33\",\"0,67\"\ny,a,0.8,2e-1\n").unwrap(), plain);
    let both = message("id;label;p_a;p_b\nx;a;1,000.5;0,67\n");
    assert!(both.contains("is `1,000.5`, not a number"), "{both}");
}

#[test]
fn other_names_of_columns_are_read_where_they_cannot_be_mistaken() {
    let plain = read("id,label,split,p_a,p_b\nx,a,test,0.25,0.75\n").unwrap();
    assert_eq!(read("ID,Label,Split,prob_a,prob_b\nx,a,test,0.25,0.75\n").unwrap(), plain);
    assert_eq!(read("Id,LABEL,split,probability_a,probability_b\nx,a,test,0.25,0.75\n").unwrap(), plain);
    let doubt = message("id,label,prob_a,probability_b\nx,a,0.25,0.75\n");
    assert!(doubt.contains("line 1: there are columns `prob_…` and `probability_…`"), "{doubt}");
    let twice = message("id,label,Label,p_a\nx,a,a,0.5\n");
    assert!(twice.contains("line 1: the columns `label` and `Label` are one"), "{twice}");
}

#[test]
fn a_single_score_says_how_to_write_its_columns() {
    for name in ["score", "probability", "p", "Prob", "y_score"] {
        let found = message(format!("id,label,{name}\nx,1,0.75\ny,0,0.25\n"));
        assert!(found.contains(&format!("`{name}`")), "{found}");
        assert!(found.contains("`p_0` = 1 − score and `p_1` = score"), "{found}");
    }
}

#[test]
fn labels_that_are_numbers_are_names_of_classes() {
    let found = read("id,label,p_1,p_0\nx,1,0.75,0.25\ny,0,0.25,0.75\n").unwrap();
    assert_eq!((found.classes, found.labels), (vec!["1".to_owned(), "0".to_owned()], vec![vec![0], vec![1]]));
    let unknown = message("id,label,p_a,p_b\nx,1,0.75,0.25\n");
    assert!(unknown.contains("line 2: the label `1` is none of the classes `a`, `b`"), "{unknown}");
}

#[test]
fn further_columns_are_kept_with_their_samples() {
    let found = read(",id,label,p_a,p_b,Sex,age band\n0,x,a,0.5,0.5,f,60-69\n1,y,b,0.25,0.75,,70+\n").unwrap();
    assert_eq!(found.attributes.keys().collect::<Vec<_>>(), ["Sex", "age band"], "a column without a name is none");
    assert_eq!(
        (&found.attributes["Sex"][..], &found.select(&[1]).attributes["age band"][..]),
        (&["f".to_owned(), String::new()][..], &["70+".to_owned()][..],)
    );
}

#[test]
fn sources_that_only_one_table_has_hold_for_both() {
    let (mut with, without) = (read(samples(None)).unwrap(), read(samples(None)).unwrap());
    with.sources = (0..40).map(|sample| ["leeds", "quebec"][sample % 2].to_owned()).collect();
    let both = compare(&[("first", &with), ("second", &with)], &fast()).unwrap();
    for (first, second) in [(&with, &without), (&without, &with)] {
        assert_eq!(compare(&[("first", first), ("second", second)], &fast()).unwrap(), both);
    }
}
