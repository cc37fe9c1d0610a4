//! Writes a report with one of everything: `cargo run -p isnet-report --example page -- <folder>`.

use std::error::Error;
use std::path::PathBuf;

use isnet_picture::{Range, diverging, encode_png, gray, overlay, signed_map};
use isnet_report::{
    Answer, Axis, Bin, Cell, Code, ColorKey, Confusion, Details, Document, Estimate, Forest, Gallery, Item, LineChart,
    Picture, Reliability, Section, Series, Table, Verdict, verbatim,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/report-example".to_owned()));
    std::fs::create_dir_all(folder.join("report_files"))?;
    let document = document()?;
    std::fs::write(folder.join("report.html"), document.to_html())?;
    let markdown = document.to_markdown("report_files");
    std::fs::write(folder.join("report.md"), markdown.text)?;
    for (name, bytes) in markdown.files {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn document() -> Result<Document, Box<dyn Error>> {
    Ok(Document::new("Does the chest X-ray model look at the lungs?")
        .subtitle("An example with invented numbers")
        .fact("model", "runs/my/model.safetensors")
        .fact("data", "data/manifest.csv, split test, 1,240 images of 3 hospitals")
        .fact("program", "isnet 0.1.0")
        .section(summary())
        .section(scores())
        .section(curves())
        .section(matrices())
        .section(Section::new("Pictures").with("Every choice is made by a rule that is written above it.").with(pictures()?))
        .section(Section::new("How to repeat it").with(Code::new("sh", "isnet evaluate runs/my --splits test --seed 0")).with(
            Details::new("The whole configuration").with(
                Code::new("toml", "[method]\nname = \"isnet\"\ngwrp_decay = 0.996 # of the papers, for 224 x 224 pixels; a line that is too long for a phone\n").caption("config.toml"),
            ),
        )))
}

fn summary() -> Section {
    Section::new("Summary")
        .with("The model keeps to the lungs on **two of three** questions. Intervals are 95 % intervals of a bootstrap over patients.")
        .with(vec![
            Verdict::new("Does the relevance lie on the lungs?", Answer::Pass)
                .figure("21 % on the background [18 %, 24 %]")
                .threshold("at most 30 %")
                .explanation("The area of the background alone would give 71 %."),
            Verdict::new("Does the answer survive another background?", Answer::Fail)
                .figure("BG-Gap 0.14 [0.09, 0.19]")
                .threshold("at most 0.05")
                .explanation("Of `hospital_b`, 31 of 118 answers flip."),
            Verdict::new("Can the hospital be told from the background?", Answer::NotAnswered)
                .explanation("All images are of one source."),
        ])
}

fn scores() -> Section {
    let name = "an_extremely_long_hospital_name_without_any_space_<b>&\"quotes\"</b>";
    let table = Table::new(["split", "source", "n", "accuracy", "AUC", "background share"])
        .caption("Scores with 95 % intervals.")
        .row([
            Cell::text("test"),
            Cell::text("all"),
            Cell::count(1240),
            Cell::number(0.913, 3).interval(0.895, 0.929).emphasised(),
            Cell::number(0.962, 3).interval(0.950, 0.972),
            Cell::number(0.21, 2).interval(0.18, 0.24),
        ])
        .row([
            Cell::text("test"),
            Cell::text(name),
            Cell::count(18),
            Cell::number(0.722, 3).interval(0.5, 0.89).note("only 18 samples: expect wide intervals"),
            Cell::missing("no sample is of `ill`"),
            Cell::missing("no sample has a mask"),
        ])
        .row([
            Cell::text("test"),
            Cell::text("مستشفى"),
            Cell::count(1222),
            Cell::number(0.916, 3).interval(0.899, 0.931),
            Cell::number(0.963, 3).interval(0.951, 0.973),
            Cell::number(0.21, 2).interval(0.18, 0.24),
        ]);
    let forest = Forest::new("AUC by source", Axis::new("AUC"))
        .reference(0.5, "chance")
        .row(Estimate::new("all", 0.962).interval(0.95, 0.972).n(1240).emphasised())
        .row(Estimate::new(name, 0.71).interval(0.48, 0.88).n(18))
        .row(Estimate::new("hospital_c", 0.963).interval(0.951, 0.973).n(1222))
        .row(Estimate::missing("hospital_d").n(3));
    Section::new("Scores")
        .with(format!("The second source is called **{}**.", verbatim(name)))
        .with(table)
        .with("Heading")
        .with(isnet_report::Block::Heading("By source".to_owned()))
        .with(forest)
        .with(matrix())
}

fn matrix() -> Confusion {
    let counts = vec![vec![398, 12, 5], vec![20, 377, 21], vec![0, 50, 357]];
    Confusion::new("Confusion of the split test", ["normal", "pneumonia", "covid"], counts)
        .caption("Rows are true classes, columns predicted ones; shades are shares of a row.")
}

fn curves() -> Section {
    let rate = |label: &str| Axis::new(label).range(0.0, 1.0);
    let roc = |power: f64| (0..=100_u32).map(move |idx| (f64::from(idx) / 100.0, (f64::from(idx) / 100.0).powf(power)));
    let loss = |from: f64, seed: u32| {
        let noise = move |idx: u32| f64::from(idx.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 16 & 0xff) / 2550.0;
        (1..=60_u32).map(move |idx| (f64::from(idx), from / (1.0 + f64::from(idx) / 6.0) + noise(idx) * from))
    };
    let bins = [(40, 0.07, 0.05), (18, 0.25, 0.17), (25, 0.5, 0.4), (60, 0.72, 0.55), (320, 0.95, 0.9)];
    let mut reliability = Reliability::new("Calibration of the predicted class").caption("Expected error 0.061.");
    for (idx, (n, mean, share)) in (0_u32..).zip(bins) {
        let low = f64::from(idx) / 5.0;
        reliability =
            reliability.bin(Bin { low, high: low + 0.2, n, mean: Some(mean), share: Some(share), interval: None });
    }
    Section::new("Curves")
        .with(
            LineChart::new("ROC curves")
                .caption("The light line is chance.")
                .x(rate("false positive rate"))
                .y(rate("true positive rate"))
                .diagonal()
                .series(Series::new("normal (AUC 0.97)", roc(0.1)))
                .series(Series::new("pneumonia (AUC 0.93)", roc(0.2)))
                .series(Series::new("covid (AUC 0.83)", roc(0.45))),
        )
        .with(reliability)
        .with(
            LineChart::new("Loss while training")
                .x(Axis::new("epoch"))
                .y(Axis::new("loss").logarithmic())
                .series(Series::new("training", loss(1.2, 1)))
                .series(Series::new("validation", loss(2.4, 9))),
        )
        .with(
            LineChart::new("Deleting the most relevant pixels first")
                .x(rate("share of pixels deleted"))
                .y(rate("probability of the class"))
                .series(
                    Series::new(
                        "by relevance",
                        (0..=20_u32).map(|idx| (f64::from(idx) / 20.0, 0.95 * 0.8_f64.powi(idx as i32))),
                    )
                    .band(
                        (0..=20_u32).map(|idx| {
                            (f64::from(idx) / 20.0, 0.88 * 0.8_f64.powi(idx as i32), 0.8_f64.powi(idx as i32))
                        }),
                    ),
                )
                .series(Series::new(
                    "at random",
                    (0..=20_u32).map(|idx| (f64::from(idx) / 20.0, 0.95 - f64::from(idx) * 0.04)),
                )),
        )
}

fn matrices() -> Section {
    let classes: Vec<String> = (0..50).map(|idx| format!("species number {idx}")).collect();
    let count = |truth: u64, predicted: u64| {
        if truth == predicted { 40 + truth } else { (truth * 7 + predicted * 13) % 97 / 90 }
    };
    let counts = (0..50).map(|truth| (0..50).map(|predicted| count(truth, predicted)).collect()).collect();
    let many = (0..12_u32).fold(LineChart::new("Twelve curves").diagonal(), |chart, idx| {
        let series = Series::new(
            format!("class {idx}"),
            (0..=20_u32).map(|x| (f64::from(x), (f64::from(x) / 20.0).powf(0.1 * f64::from(idx + 1)))),
        );
        chart.series(if idx == 3 { series.emphasised() } else { series })
    });
    Section::new("Hard cases")
        .with(LineChart::new("Nothing"))
        .with(LineChart::new("One point").series(Series::new("one", [(3.0, 0.25)])))
        .with(many)
        .with(
            LineChart::new("100,000 points")
                .series(Series::new("", (0..100_000_u32).map(|idx| (f64::from(idx), (f64::from(idx) / 9000.0).sin())))),
        )
        .with(Table::new(["nothing", "here"]))
        .with(Confusion::new("Fifty classes", classes, counts))
        .with(Gallery::new("No pictures"))
}

/// A blob on a ramp, with relevance around it.
fn item(idx: u32) -> Result<Item, Box<dyn Error>> {
    let side = if idx == 0 { 28_u32 } else { 200 };
    let at = |x: u32, y: u32| {
        (f64::from(x) / f64::from(side) - 0.5, f64::from(y) / f64::from(side) - 0.4 - 0.05 * f64::from(idx))
    };
    let pixels = || (0..side * side).map(|place| at(place % side, place / side));
    let image: Vec<f32> = pixels().map(|(x, y)| (0.2 + 0.6 * (-20.0 * (x * x + y * y)).exp()) as f32).collect();
    let relevance: Vec<f32> =
        pixels().map(|(x, y)| ((14.0 * x).cos() * (-12.0 * (x * x + y * y)).exp()) as f32).collect();
    let n = side as usize;
    let (photo, map) = (gray(&image, n, n)?, signed_map(&relevance, n, n, Range::Percentile(99.5))?);
    let png = |picture| -> Result<Picture, Box<dyn Error>> { Ok(Picture::png(encode_png(picture)?)?) };
    Ok(Item::new(format!("images/patient_{idx:03}.png"), png(&photo)?)
        .overlay(png(&overlay(&photo, &map)?)?)
        .map(png(&map.picture)?)
        .badge(if idx == 1 { "wrong" } else { "right" })
        .badge("hospital_a")
        .caption("covid 0.98, truth **covid**; 12 % on the background"))
}

fn pictures() -> Result<Gallery, Box<dyn Error>> {
    let colors = (0..=16_u8).map(|step| diverging(f32::from(step) / 8.0 - 1.0).0).collect();
    let words = ["against", "0", "for the class"].map(str::to_owned);
    let gallery = Gallery::new("Right with high confidence")
        .caption("The five images with the highest probability of their true class.")
        .key(ColorKey { colors, words });
    (0..5).try_fold(gallery, |gallery, idx| Ok(gallery.item(item(idx)?)))
}
