//! What `isnet explain` prints and writes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::Path;

use common::{Bench, SIDE, Said, mask};
use serde_json::Value;

/// The raw map of an explanation, checked for its size and numbers.
fn heatmap(picture: &Path) -> Vec<f32> {
    let drawn = image::open(picture).unwrap();
    assert!(drawn.width() > 3 * SIDE && drawn.height() > SIDE, "{}", picture.display());
    let bytes = fs::read(picture.with_extension("safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor("heatmap").unwrap();
    assert_eq!(tensor.shape(), [SIDE as usize, SIDE as usize, 1]);
    let values: Vec<f32> = tensor.data().chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert!(values.iter().all(|value| value.is_finite()) && values.iter().any(|value| *value != 0.0));
    values
}

#[test]
fn an_explanation_has_a_picture_a_raw_map_and_the_share_on_the_background() {
    let bench = Bench::trained();
    let explain = "explain runs/tiny --overwrite images/test-00.png --mask masks/test-00.png --class dark";
    let said = bench.isnet(explain).done();
    assert!(said.stdout.contains("explained dark (p = ") && said.stdout.contains("background share "), "{said}");
    let found = &bench.isnet(&format!("{explain} --json --output maps/deep")).done().objects()[0];
    let map = heatmap(&bench.path(found["picture"].as_str().unwrap()));
    assert_eq!((&found["explained"], &found["image"]), (&"dark".into(), &"images/test-00.png".into()));
    let side = SIDE as usize;
    let inside = |index: usize| (4..12).contains(&(index / side)) && (4..12).contains(&(index % side));
    let total: f32 = map.iter().map(|value| value.abs()).sum();
    let outside: f32 = (0..map.len()).filter(|index| !inside(*index)).map(|index| map[index].abs()).sum();
    let share = found["background_share"].as_f64().unwrap();
    assert!((share - f64::from(outside / total)).abs() < 1e-5, "{share} {outside} {total}");
    assert_eq!(found["background_area"].as_f64(), Some(0.75));

    let predicted = &bench.isnet("predict runs/tiny images/test-00.png --json").done().objects()[0];
    // `predict` runs the network fused, `explain` node by node.
    let same = |one: &Value, other: &Value| (one.as_f64().unwrap() - other.as_f64().unwrap()).abs() < 1e-6;
    assert!(same(&found["probability"], &predicted["probabilities"]["dark"]));
    let lowest =
        &bench.isnet("explain runs/tiny --overwrite images/test-00.png --selector lowest --json").done().objects()[0];
    assert_ne!(lowest["explained"], predicted["predicted"]);
    assert!(same(&lowest["probability"], &predicted["probabilities"][lowest["explained"].as_str().unwrap()]));

    let without =
        &bench.isnet("explain runs/tiny --overwrite images/test-00.png --class dark --json").done().objects()[0];
    assert_eq!(without["background_share"], Value::Null);
    let gradient = &bench.isnet(&format!("{explain} --json --gradient --output gradient")).done().objects()[0];
    assert_ne!(heatmap(&bench.path(gradient["picture"].as_str().unwrap())), map);
}

#[test]
fn every_composite_explains_in_its_own_way() {
    let bench = Bench::trained();
    let listed = bench.isnet("explain --list-composites").done().stdout;
    let names: Vec<&str> = listed.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(names.contains(&"epsilon_plus") && names.contains(&"epsilon_gamma_box"), "{names:?}");
    let map = |arguments: &str| {
        let explain = format!("explain runs/tiny --overwrite images/test-00.png --class dark --json {arguments}");
        heatmap(&bench.path(bench.isnet(&explain).done().objects()[0]["picture"].as_str().unwrap()))
    };
    let maps: Vec<Vec<f32>> = names.iter().map(|name| map(&format!("--composite {name}"))).collect();
    for (one, other) in (0..maps.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
        assert_ne!(maps[one], maps[other], "{} and {}", names[one], names[other]);
    }
    assert_eq!(maps[names.iter().position(|name| *name == "isnet").unwrap()], map(""));
}

/// Maps of the log-odds of two classes are the negative of each other; maps of their logits are not.
#[test]
fn an_explanation_says_which_quantity_of_the_class_it_shows() {
    let bench = Bench::trained();
    let explain = |arguments: &str| {
        let found = bench
            .isnet(&format!("explain runs/tiny --overwrite images/test-00.png --json {arguments}"))
            .done()
            .objects();
        let map = heatmap(&bench.path(found[0]["picture"].as_str().unwrap()));
        (found[0]["quantity"].as_str().unwrap().to_owned(), map)
    };
    let (word, dark) = explain("--class dark");
    assert_eq!(word, "log_odds");
    let opposite: Vec<f32> = explain("--class bright").1.iter().map(|value| -value).collect();
    let largest = dark.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    assert!(dark.iter().zip(&opposite).all(|(one, other)| (one - other).abs() < 1e-4 * largest));
    let (word, logit) = explain("--class dark --quantity logit");
    assert_eq!(word, "logit");
    assert_ne!(logit, dark);
    assert_eq!(explain("--selector selective").0, "eta");
    assert_eq!(explain("--selector dual").0, "sum_of_logits");
}

#[test]
fn a_mask_that_says_nothing_gives_no_share_and_is_said() {
    let bench = Bench::trained();
    for (mask, word, value) in [("black", "foreground", 0_u8), ("white", "background", 255)] {
        image::GrayImage::from_pixel(SIDE, SIDE, image::Luma([value]))
            .save(bench.path(&format!("{mask}.png")))
            .unwrap();
        let explain = format!("explain runs/tiny --overwrite images/test-00.png --mask {mask}.png");
        let said = bench.isnet(&explain).done();
        assert!(said.stdout.contains(&format!("no background share: the mask has no {word}")), "{said}");
        assert_eq!(bench.isnet(&format!("{explain} --json")).done().objects()[0]["background_share"], Value::Null);
    }
}

#[test]
fn the_dual_selector_has_a_map_by_each_rule() {
    let bench = Bench::trained();
    let said = bench.isnet("explain runs/tiny --overwrite images/test-00.png --selector dual");
    assert!(said.done().stdout.contains("explained all_by_z_plus  -> "));
    let found = bench.isnet("explain runs/tiny --overwrite images/test-00.png --selector dual --json").done().objects();
    let explained: Vec<&str> = found.iter().map(|found| found["explained"].as_str().unwrap()).collect();
    assert_eq!(explained, ["all_by_z_plus", "all_by_epsilon"]);
    assert!(found.iter().all(|found| found["probability"] == Value::Null));
    let maps = [0, 1].map(|map: usize| heatmap(&bench.path(found[map]["picture"].as_str().unwrap())));
    assert_ne!(maps[0], maps[1]);
}

#[test]
fn images_of_the_same_name_do_not_overwrite_each_others_explanation() {
    let bench = Bench::trained();
    for (folder, image) in [("a", "test-00"), ("b", "test-01")] {
        fs::create_dir(bench.path(folder)).unwrap();
        fs::copy(bench.path(&format!("images/{image}.png")), bench.path(&format!("{folder}/x.png"))).unwrap();
    }
    let found = bench.isnet("explain runs/tiny --overwrite a/x.png b/x.png --class dark --json").done().objects();
    let pictures: Vec<&str> = found.iter().map(|found| found["picture"].as_str().unwrap()).collect();
    assert_ne!(pictures[0], pictures[1]);
    let maps: Vec<Vec<f32>> = pictures.iter().map(|picture| heatmap(&bench.path(picture))).collect();
    for (image, map) in ["test-00", "test-01"].iter().zip(maps) {
        let alone = format!("explain runs/tiny --overwrite images/{image}.png --class dark --json --output alone");
        let alone = &bench.isnet(&alone).done().objects()[0];
        assert_eq!(heatmap(&bench.path(alone["picture"].as_str().unwrap())), map, "{image}");
    }
}

#[test]
fn a_manifest_is_explained_with_its_masks_up_to_the_limit() {
    let bench = Bench::trained();
    let explain = "explain runs/tiny --overwrite --manifest manifest.csv --split test --json";
    let images = |said: &Said| -> Vec<String> {
        let name = |found: &Value| {
            assert!(found["background_share"].is_number(), "{found}");
            Path::new(found["image"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned()
        };
        said.objects().iter().map(name).collect()
    };
    let all = images(&bench.isnet(explain).done());
    assert_eq!(all, ["test-00.png", "test-01.png", "test-02.png", "test-03.png"]);
    assert_eq!(images(&bench.isnet(&format!("{explain} --limit 2")).done()), all[..2]);
    let both = bench.isnet(&format!("{explain} --limit 1 --selector all_classes")).done().objects();
    let explained: Vec<&str> = both.iter().map(|found| found["explained"].as_str().unwrap()).collect();
    assert_eq!(explained, ["bright", "dark"]);
}

#[test]
fn an_explanation_that_cannot_be_made_says_why() {
    let bench = Bench::trained();
    let image = "images/test-00.png";
    for (arguments, words) in [
        (format!("{image} --class drak"), ["`drak`", "bright, dark"]),
        (format!("{image} --selector loudest"), ["`loudest`", "selective"]),
        (format!("{image} --composite epsilon_minus"), ["`epsilon_minus`", "epsilon_plus"]),
        (format!("{image} --composite epsilon_plus --selector dual"), ["rules of its own", "--composite"]),
        (String::new(), ["name images", "--manifest"]),
        (format!("{image} images/test-01.png --mask masks/test-00.png"), ["--mask", "one image"]),
        (format!("{image} --output tiny.toml/below"), ["cannot create", "tiny.toml/below"]),
        ("--manifest manifest.csv --mask masks/test-00.png".into(), ["--manifest", "--mask"]),
        (format!("{image} --split test"), ["--split", "--manifest"]),
        (format!("{image} --mask-column mask"), ["--mask-column", "--manifest"]),
        (format!("{image} --image-column image"), ["--image-column", "--manifest"]),
        (format!("{image} --selector selective --quantity logit"), ["quantity of its own", "--quantity"]),
        ("--manifest absent.csv".into(), ["absent.csv", "does not exist"]),
        ("--manifest manifest.csv --split tset".into(), ["tset", "test"]),
    ] {
        bench.isnet(&format!("explain runs/tiny --overwrite {arguments}")).fails(2, &words);
    }
}

#[test]
fn one_image_that_cannot_be_read_does_not_keep_the_others_from_being_explained() {
    let bench = Bench::trained();
    let image = "images/test-00.png";
    bench.truncate("images/test-01.png");
    let said = bench.isnet(&format!("explain runs/tiny --overwrite images/test-01.png {image}"));
    let said = said.fails(1, &["images/test-01.png` is truncated"]);
    assert_eq!(said.stdout.lines().count(), 1, "{said}");
    mask(SIDE / 2).save(bench.path("masks/test-00.png")).unwrap();
    let said = bench.isnet(&format!("explain runs/tiny --overwrite {image} --mask masks/test-00.png"));
    said.fails(1, &["masks/test-00.png", "the mask is 8×8 pixels, its image 16×16"]);
}
