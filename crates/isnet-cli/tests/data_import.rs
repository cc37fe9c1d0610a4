//! `isnet data import`: what it writes, says and returns. Each data set has its replica in `isnet-data`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;

use common::{Bench, SIDE, mask, picture};

/// Three films of Montgomery, the third without masks.
fn montgomery() -> Bench {
    let bench = Bench::new();
    for folder in ["CXR_png", "ManualMask/leftMask", "ManualMask/rightMask"] {
        fs::create_dir_all(bench.path("mc").join(folder)).unwrap();
    }
    for (index, name) in ["MCUCXR_0001_0", "MCUCXR_0002_0", "MCUCXR_0108_1"].into_iter().enumerate() {
        picture(index as u32, "dark").save(bench.path(&format!("mc/CXR_png/{name}.png"))).unwrap();
        for side in ["leftMask", "rightMask"].into_iter().filter(|_| index < 2) {
            mask(SIDE).save(bench.path(&format!("mc/ManualMask/{side}/{name}.png"))).unwrap();
        }
    }
    bench
}

#[test]
fn the_data_sets_are_listed() {
    let bench = Bench::new();
    let text = bench.isnet("data import --list").done().stdout;
    let objects = bench.isnet("data import --list --json").done().objects();
    let listed = objects[0].as_array().unwrap();
    assert_eq!(text.lines().count(), 1 + listed.len());
    for object in listed {
        let name = object["name"].as_str().unwrap();
        assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{text}");
    }
    bench.isnet("data import montgomry x --output y.csv").fails(2, &["`montgomry`", "did you mean `montgomery`?"]);
    bench.isnet("data import montgomery").fails(2, &["<FOLDER>", "--output"]);
    bench.isnet("data import montgomery images --output y.csv").fails(2, &["`images` has no `ManualMask`"]);
}

#[test]
fn an_import_says_what_it_found_and_what_is_wrong() {
    let bench = montgomery();
    let said = bench.isnet("data import montgomery mc --output out/tb.csv --val 0.5 --test 0");
    let said = said
        .fails(1, &["problem: `mc/CXR_png/MCUCXR_0108_1.png`: ", "MCUCXR_0108_1.png` does not exist", "1 problem(s)"]);
    assert!(said.stdout.starts_with("out/tb.csv\nsplit "), "{said}");
    assert!(said.stdout.ends_with("\n2 images, 2 with a mask, 2 masks written\n"), "{said}");
    let splits: Vec<&str> = said.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(splits.contains(&"train") && splits.contains(&"val"), "{said}");
    bench.isnet("data check out/tb.csv --external").done(); // one class only: nothing to train on
    let said = bench.isnet("data import montgomery mc --output out/tb.csv --append --into test_ood --json");
    let report = &said.objects()[0];
    assert_eq!((said.code, report["images"].as_u64(), report["problems"].as_array().unwrap().len()), (1, Some(2), 1));
    assert_eq!(report["counts"][0]["split"], "test_ood");
    assert_eq!(bench.lines("out/tb.csv"), 5);
    bench.isnet("data import montgomery mc --output out/tb.csv").fails(2, &["tb.csv` exists", "--overwrite"]);
}

#[test]
fn an_imported_manifest_can_be_made_biased() {
    let bench = montgomery();
    for side in ["leftMask", "rightMask"] {
        mask(SIDE).save(bench.path(&format!("mc/ManualMask/{side}/MCUCXR_0108_1.png"))).unwrap();
    }
    bench.isnet("data import montgomery mc --output tb.csv --val 0 --test 0").done();
    let said = bench.isnet("data bias tb.csv --output biased").done();
    assert!(said.stdout.contains("marks: normal = square, tuberculosis = circle"), "{said}");
    assert!(
        bench
            .text("biased/manifest.csv")
            .starts_with("image,mask,label,source,split,original_split,bias_mark,bias_class,patient,age")
    );
}

#[cfg(unix)]
#[test]
fn a_link_back_into_a_data_set_adds_no_film() {
    let bench = montgomery();
    for (target, link) in [("..", "mc/CXR_png/up"), (".", "mc/CXR_png/again")] {
        std::os::unix::fs::symlink(target, bench.path(link)).unwrap();
    }
    let said = bench.isnet("data import montgomery mc --output out/tb.csv --val 0.5 --test 0");
    assert!(said.stdout.contains("\n2 images, 2 with a mask, 2 masks written\n"), "{said}");
    assert!(said.stdout.contains("\n2 left out: a link to a folder that is read anyway"), "{said}");
}
