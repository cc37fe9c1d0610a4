use super::*;
use crate::testing::Folder;

/// What a survey says of each image: label, split, patient, whether it has a mask.
fn rows(survey: &Survey) -> Vec<(String, String, String, bool)> {
    let row =
        |image: &SurveyedImage| (image.label.clone(), image.split.clone(), image.patient.clone(), image.mask.is_some());
    survey.images.iter().map(row).collect()
}

fn surveyed(folder: &Folder, settings: &SurveySettings) -> Result<Survey> {
    Survey::of(folder.path("x").parent().unwrap(), settings)
}

#[test]
fn class_folders_with_masks_in_a_parallel_folder_beside_or_below_are_understood() {
    // (image, mask) of class `ill`, patient 3
    for (image, mask) in [
        ("films/ill/3.png", "masks/ill/3.png"),
        ("ill/3.png", "lung_masks/ill/3.png"),
        ("ill/images/3.png", "ill/masks/3.png"),
        ("ill/3.png", "ill/3_mask.png"),
        ("Radiography/ill/3.png", "Segmentations/3.png"),
        ("images/train/ill/3.png", "masks/train/ill/3.png"),
    ] {
        let folder = Folder::new();
        for number in 0..9 {
            for class in ["ill", "healthy"] {
                // Names are unique, so that a flat folder of masks fits too.
                let number = if class == "ill" { number } else { number + 10 };
                let at = |path: &str| path.replace("ill", class).replace('3', &number.to_string());
                folder.picture(&at(image), number);
                folder.mask(&at(mask));
            }
        }
        let survey = surveyed(&folder, &SurveySettings::default()).unwrap();
        assert_eq!(survey.images.len(), 18, "{image}");
        assert_eq!((survey.with_mask(), survey.classes().len()), (18, 2), "{image}: {:?}", survey.findings);
        assert!(survey.images.iter().all(|image| !image.split.is_empty()), "{image}");
        let mask_of = |image: &SurveyedImage| image.mask.clone().unwrap().display().to_string();
        for image in &survey.images {
            let stem = image.image.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(mask_of(image).contains(&stem), "{} {}", image.image.display(), mask_of(image));
        }
    }
}

#[test]
fn a_table_with_semicolons_capital_headers_and_no_split_is_understood() {
    let folder = Folder::new();
    let mut table = "Image Path;Diagnosis;Patient ID;Age\n".to_owned();
    for number in 0..40 {
        folder.picture(&format!("films/{number}.png"), number);
        folder.mask(&format!("films/masks/{number}.png"));
        table += &format!(
            "C:\\old\\{number}.png;{};P{};{}\n",
            ["flu", "none"][number as usize / 2 % 2],
            number / 2,
            40 + number
        );
    }
    folder.write("list.csv", &table);
    let survey = surveyed(&folder, &SurveySettings::default()).unwrap();
    assert_eq!((survey.images.len(), survey.with_mask()), (40, 40), "{:?}", survey.findings);
    assert_eq!(survey.extra, ["Age"]);
    assert_eq!(survey.images[7].extra, ["47"]);
    let rows = rows(&survey);
    assert!(rows.chunks(2).all(|pair| pair[0].1 == pair[1].1 && pair[0].2 == pair[1].2), "a patient is in one split");
    let count = |split: &str| rows.iter().filter(|row| row.1 == split).count();
    assert_eq!(
        [count("train"), count("val"), count("test")],
        [24, 8, 8],
        "two of ten patients of each class, two images each"
    );

    let manifest = String::from_utf8(survey.manifest(folder.path("x").parent().unwrap()).unwrap()).unwrap();
    let mut lines = manifest.lines();
    assert_eq!(lines.next(), Some("image,mask,label,split,patient,Age"));
    assert!(lines.next().unwrap().starts_with("films/0.png,films/masks/0.png,flu,"), "{manifest}");
    let read = folder.manifest(&manifest);
    assert_eq!((read.records.len(), read.classes), (40, vec!["flu".to_owned(), "none".into()]));
}

#[test]
fn nothing_of_a_table_is_lost_in_silence() {
    let folder = Folder::new();
    for name in ["films/a.png", "films/b.png"] {
        folder.picture(name, 1);
    }
    folder.mask("named/a.png");
    folder.write("list.csv", "file,what,Label,mask\nfilms/a.png,x,old,named/a.png\nfilms/b.png,y,older,named/b.png\n");
    let columns = [(Role::Label, "what".to_owned())].into();
    let survey = surveyed(&folder, &SurveySettings { columns, ..SurveySettings::default() }).unwrap();
    assert_eq!(
        (survey.extra.clone(), survey.images[1].extra.clone()),
        (vec!["original_Label".to_owned()], vec!["older".to_owned()])
    );
    assert!(survey.findings.iter().any(|finding| finding.contains("`named/b.png` first")), "{:?}", survey.findings);

    // A folder of masks is one however its path is written.
    let masks = folder.path("films/x").parent().unwrap().join("../named");
    let survey = surveyed(
        &folder,
        &SurveySettings {
            columns: [(Role::Label, "what".to_owned())].into(),
            masks: Some(masks),
            ..SurveySettings::default()
        },
    );
    assert_eq!(survey.unwrap().with_mask(), 1);
}

#[test]
fn splits_that_are_given_stay_and_validation_is_drawn_from_training() {
    let folder = Folder::new();
    let mut table = "file,class,set\n".to_owned();
    for number in 0..60 {
        folder.picture(&format!("{number}.png"), number);
        table += &format!("{number},{},{}\n", number % 2, if number < 40 { "Training" } else { "test" });
    }
    folder.write("labels.csv", &table);
    let survey = surveyed(&folder, &SurveySettings::default()).unwrap();
    let rows = rows(&survey);
    assert!(rows[..40].iter().all(|row| row.1 == "train" || row.1 == "val"));
    assert!(rows[40..].iter().all(|row| row.1 == "test"));
    assert_eq!(rows.iter().filter(|row| row.1 == "val").count(), 6);
    assert!(survey.findings.iter().any(|finding| finding.contains("no validation split")), "{:?}", survey.findings);
}

#[test]
fn patients_are_folders_or_guessed_from_names() {
    let folder = Folder::new();
    for number in 0..60 {
        let (class, patient) = (["a", "b"][number / 3 % 2], number / 3);
        folder.picture(&format!("{class}/p{patient:02}/{number}.png"), number as u32);
    }
    let survey = surveyed(&folder, &SurveySettings::default()).unwrap();
    let patients: std::collections::BTreeSet<_> = survey.images.iter().map(|image| &image.patient).collect();
    assert_eq!(patients.len(), 20, "{:?}", survey.findings);

    let folder = Folder::new();
    for number in 0..60 {
        folder.picture(&format!("{}/{:04}_{}.png", ["a", "b"][number / 3 % 2], number / 3, number % 3), number as u32);
    }
    let survey = surveyed(&folder, &SurveySettings::default()).unwrap();
    assert!(survey.images.iter().all(|image| !image.patient.is_empty()));
    let independent = SurveySettings { guess_patients: false, ..SurveySettings::default() };
    assert!(surveyed(&folder, &independent).unwrap().images.iter().all(|image| image.patient.is_empty()));
}

#[test]
fn what_cannot_be_told_is_refused_with_the_option_that_tells_it() {
    let says = |folder: &Folder, settings: &SurveySettings| surveyed(folder, settings).unwrap_err().to_string();
    let default = SurveySettings::default();

    let folder = Folder::new();
    folder.write("readme.txt", "x");
    assert!(says(&folder, &default).contains("holds no images"));

    folder.picture("a.png", 1);
    folder.picture("b.png", 2);
    assert!(says(&folder, &default).contains("nothing says the labels of its 2 images"));

    folder.write("one.csv", "picture_of,what\na.png,x\nb.png,y\n");
    let message = says(&folder, &default);
    assert!(message.contains("no column is called like a label") && message.contains("--label-column"), "{message}");
    let named = SurveySettings { columns: [(Role::Label, "what".to_owned())].into(), ..default.clone() };
    assert_eq!(surveyed(&folder, &named).unwrap().classes().len(), 2, "any column that leads to images is found");

    folder.write("two.csv", "image,label\nc.png,x\n");
    assert!(says(&folder, &default).contains("it has 2 tables"));
    let table = SurveySettings { table: Some(folder.path("two.csv")), ..default.clone() };
    assert!(says(&folder, &table).contains("does not lead to images"));

    let folder = Folder::new();
    folder.picture("only/a.png", 1);
    assert!(says(&folder, &default).contains("there is one class"));
}

#[test]
fn sizes_colours_and_depth_are_those_of_the_files() {
    let folder = Folder::new();
    folder.gray("a/1.png", (40, 30), |_, _| 7);
    folder.gray("b/2.png", (20, 90), |_, _| 7);
    let survey = surveyed(&folder, &SurveySettings::default()).unwrap();
    assert_eq!(survey.sizes, Some([(20, 90), (40, 30)]));
    assert!(!survey.has_colour && !survey.has_sixteen_bits);
    image::RgbImage::from_pixel(8, 8, image::Rgb([1, 2, 3])).save(folder.path("b/3.png")).unwrap();
    assert!(surveyed(&folder, &SurveySettings::default()).unwrap().has_colour);
}
