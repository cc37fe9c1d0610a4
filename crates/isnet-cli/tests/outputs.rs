//! No command writes over what it did not make, wherever its output is put.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::Bench;

/// All files below a folder with what they hold.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// A bench with a classifier and a segmenter in `runs`.
fn bench() -> Bench {
    let bench = Bench::trained();
    bench.isnet("segment train tiny.toml --epochs 1 --set name=unet --set model.architecture=unet").done();
    bench.isnet("evaluate runs/tiny --no-explain --no-report").done();
    bench
}

#[test]
fn no_command_writes_into_a_folder_of_the_user() {
    let bench = bench();
    bench.write("study.toml", "config = 'tiny.toml'\noutput = 'mine'\n[[variant]]\nname = 'standard'\n");
    let link = bench.path("link");
    std::os::unix::fs::symlink(bench.path("mine"), &link).unwrap();
    let commands = [
        "data phantom {} --size 32 --train 3 --val 0 --test 0",
        "data shapes {} --size 32 --train 4 --val 0 --test 0",
        "data bias manifest.csv --output {}",
        "data weaken manifest.csv --output {}",
        "segment predict runs/unet manifest.csv --output {}",
        "explain runs/tiny images/test-00.png --output {}",
        "audit runs/tiny --data manifest.csv --question relevance --output {}",
        "compare runs/tiny --output {}",
        "evaluate runs/tiny --no-explain --output {}",
        "demo --output {}",
        "train tiny.toml --set output={}",
        "train tiny.toml --resume --set output={}",
    ];
    for file in ["config.toml", "manifest.csv", "report.md", "images/x.png"] {
        let path = bench.path("mine").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let before = files(&bench.path("mine"));
        for command in commands {
            for folder in ["mine", "link", "mine/../mine"] {
                for overwrite in ["", "--overwrite"] {
                    let takes_it = !command.starts_with("demo") && !command.contains("--resume");
                    if overwrite.is_empty() || takes_it {
                        let command = format!("{} {overwrite}", command.replace("{}", folder));
                        let said = bench.isnet(&command);
                        assert_eq!(said.code, 2, "{file}\n{said}");
                        assert!(files(&bench.path("mine")) == before, "{file}\n{said}");
                    }
                }
            }
        }
        bench.isnet("study study.toml").fails(2, &["mine", "`isnet study` did not write"]);
        assert!(files(&bench.path("mine")) == before, "{file}");
        fs::remove_dir_all(bench.path("mine")).unwrap();
    }
}

#[test]
fn no_command_replaces_what_it_reads_in_the_current_folder() {
    let bench = bench();
    let before = files(&bench.path("."));
    for command in [
        "data phantom .",
        "data shapes . --overwrite",
        "data bias manifest.csv --output . --overwrite",
        "data weaken manifest.csv --output . --overwrite",
        "segment predict runs/unet manifest.csv --output .",
        "segment predict runs/unet manifest.csv --output . --overwrite",
        "explain runs/tiny images/test-00.png --output .",
        "explain runs/tiny images --output images",
        "explain runs/tiny images --output images/maps",
        "audit runs/tiny --data manifest.csv --question relevance --output . --overwrite",
        "compare runs/tiny --output .. --overwrite",
        "evaluate runs/tiny --no-explain --output / --overwrite",
        "demo --output .",
    ] {
        let said = bench.isnet(command);
        assert_eq!(said.code, 2, "{said}");
        assert!(said.stderr.contains("choose"), "{said}");
        let after = files(&bench.path("."));
        let changed: Vec<&String> = before.keys().filter(|name| after.get(*name) != before.get(*name)).collect();
        assert!(changed.is_empty() && after.len() == before.len(), "{changed:?}\n{said}");
    }
}

#[test]
fn an_output_is_replaced_by_the_same_command_when_asked_and_by_no_other() {
    let bench = bench();
    for command in [
        "data phantom out --size 32 --train 3 --val 0 --test 0",
        "segment predict runs/unet manifest.csv --output out --split test",
        "explain runs/tiny images/test-00.png --class dark --output out",
        "compare runs/tiny --output out",
        "evaluate runs/tiny --no-explain --split test --output out",
        "evaluate runs/tiny/predictions.csv --output out",
    ] {
        bench.isnet(command).done();
        let again = bench.isnet(command);
        assert_ne!(again.code, 0, "{again}");
        assert!(again.stderr.contains("exists") && again.stderr.contains("--overwrite"), "{again}");
        let other = if command.starts_with("data phantom") {
            "data shapes out --overwrite"
        } else {
            "data phantom out --overwrite"
        };
        bench.isnet(other).fails(2, &["does not mix with it"]);
        bench.isnet(&format!("{command} --overwrite")).done();
        bench.write("out/notes.txt", "mine");
        bench.isnet(&format!("{command} --overwrite")).fails(2, &["holds `notes.txt`"]);
        assert_eq!(bench.text("out/notes.txt"), "mine");
        fs::remove_dir_all(bench.path("out")).unwrap();
    }
}

#[test]
fn a_table_in_a_folder_of_the_user_is_evaluated_without_touching_what_lies_beside_it() {
    let bench = bench();
    fs::create_dir(bench.path("mine")).unwrap();
    fs::copy(bench.path("runs/tiny/predictions.csv"), bench.path("mine/predictions.csv")).unwrap();
    bench.write("mine/report.md", "mine");
    for overwrite in ["", "--overwrite"] {
        let said = bench.isnet(&format!("evaluate mine/predictions.csv {overwrite}"));
        said.fails(2, &["report.md` exists and was not written by `isnet evaluate`"]);
    }
    bench.isnet("evaluate mine/predictions.csv --no-report").done();
    bench.isnet("evaluate mine/predictions.csv --no-report").fails(2, &["metrics.json` exists", "--overwrite"]);
    bench.isnet("evaluate mine/predictions.csv --no-report --overwrite").done();
    assert_eq!(bench.text("mine/report.md"), "mine");
    // A run folder is its own: there an evaluation is simply made anew.
    bench.isnet("evaluate runs/tiny --no-explain --no-report").done();
    bench.isnet("evaluate runs/tiny/predictions.csv").done();
}

#[test]
fn an_import_leaves_masks_of_the_user_and_of_earlier_imports_alone() {
    let bench = Bench::new();
    for name in ["one", "two"] {
        for folder in ["CXR_png", "ManualMask/leftMask", "ManualMask/rightMask"] {
            let folder = bench.path(&format!("{name}/{folder}"));
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join("MCUCXR_0001_1.png");
            let value = if name == "one" { 255 } else { 0 };
            image::GrayImage::from_pixel(4, 4, image::Luma([value])).save(file).unwrap();
        }
    }
    fs::create_dir_all(bench.path("masks/tb")).unwrap();
    bench.write("masks/tb/MCUCXR_0001_1.png", "mine");
    let import =
        |folder: &str, flag: &str| bench.isnet(&format!("data import montgomery {folder} --output tb.csv {flag}"));
    for flag in ["", "--overwrite", "--append"] {
        import("one", flag).fails(2, &["masks/tb` holds `MCUCXR_0001_1.png`, which `isnet data import` did not write"]);
    }
    assert_eq!(bench.text("masks/tb/MCUCXR_0001_1.png"), "mine");
    fs::remove_dir_all(bench.path("masks/tb")).unwrap();
    import("one", "").done();
    let first = bench.read("masks/tb/MCUCXR_0001_1.png");
    import("two", "--append").done();
    assert_eq!(bench.read("masks/tb/MCUCXR_0001_1.png"), first, "the first rows keep their masks");
    assert_ne!(bench.read("masks/tb/MCUCXR_0001_1.2.png"), first);
    import("two", "--overwrite").done();
    assert!(!bench.path("masks/tb/MCUCXR_0001_1.2.png").exists());
    assert_ne!(bench.read("masks/tb/MCUCXR_0001_1.png"), first);
}

#[test]
fn a_full_disk_leaves_no_half_picture() {
    // A file system of 300 KiB of its own, where the system lets us mount one.
    let bench = Bench::trained();
    let size = 128;
    image::GrayImage::from_fn(size, size, |x, y| image::Luma([(x * 31 + y * 57 + x * y) as u8]))
        .save(bench.path("big.png"))
        .unwrap();
    fs::create_dir(bench.path("small")).unwrap();
    let binary = env!("CARGO_BIN_EXE_isnet");
    let inside = |script: &str| {
        std::process::Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(binary)
            .current_dir(bench.path("."))
            .output()
    };
    if !inside("mount -t tmpfs -o size=60k none small").is_ok_and(|output| output.status.success()) {
        return;
    }
    let script = "mount -t tmpfs -o size=60k none small && head -c 40000 /dev/zero > small/ballast && \
                  mkdir small/out && \"$0\" data phantom small/out --size 512 --train 3 --val 0 --test 0; \
                  echo code $?; find small/out -type f";
    let output = inside(script).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("code 2") && err.contains("the disk is full"), "{out}\n{err}");
    assert!(!out.contains(".png"), "{out}");
}
