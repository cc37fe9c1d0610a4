//! Curves, reliability diagrams and confusion matrices of every split and source.

use isnet_report::{Axis, Bin, Block, Cell, Confusion, Details, LineChart, Section, Series, Table, verbatim};

use isnet_statistics::{ClassFigures, CurvePoint, Figures, Reliability, ReliabilityBin, Score, Summary};

/// Classes up to which every curve has a colour.
const FEW_CLASSES: usize = 8;
/// Of more classes, the curves that stand out: those of the lowest score.
const WORST: usize = 4;

/// The plots of each split; those of its sources behind a line that opens them.
pub fn figure_section(figures: &[Figures], summary: &Summary) -> Section {
    let mut section = Section::new("Curves and confusion");
    let n_splits = figures.iter().filter(|part| part.source.is_none()).count();
    for part in figures {
        match &part.source {
            None if n_splits > 1 => section.push(Block::Heading(part.split.clone())),
            _ => {}
        }
        let blocks = part_blocks(part, summary);
        match &part.source {
            None => blocks.into_iter().for_each(|block| section.push(block)),
            Some(source) => section.push(Details { summary: format!("Source {source}, {} samples", part.n), blocks }),
        }
    }
    section
}

fn part_blocks(part: &Figures, summary: &Summary) -> Vec<Block> {
    let rate = |label: &str| Axis::new(label).range(0.0, 1.0);
    let roc = LineChart::new("ROC curves, each class against the rest")
        .x(rate("false positive rate"))
        .y(rate("true positive rate"))
        .diagonal();
    let precision = LineChart::new("Precision over recall").x(rate("recall")).y(rate("precision"));
    let mut blocks = vec![
        Block::from(curves(roc, part, summary, (Score::Auc, "AUC"), |class| class.roc.as_ref())),
        Block::from(curves(precision, part, summary, (Score::AveragePrecision, "AP"), |class| {
            class.precision_recall.as_ref()
        })),
    ];
    if let Some(found) = &part.reliability {
        blocks.push(Block::from(diagram("Calibration of the predicted class", found)));
    }
    match &part.confusion {
        Some(counts) => {
            let classes = part.classes.iter().map(|class| &class.class);
            let matrix = Confusion::new("Confusion matrix", classes, counts.clone());
            blocks.push(Block::from(
                matrix.caption("Rows are true classes, columns predicted ones; shades are shares of a row."),
            ));
        }
        None => blocks.extend(labels(part)),
    }
    blocks
}

/// A curve per class, named with its score.
fn curves(
    chart: LineChart,
    part: &Figures,
    summary: &Summary,
    (score, word): (Score, &str),
    curve: impl Fn(&ClassFigures) -> Option<&Vec<CurvePoint>>,
) -> LineChart {
    let value = |class: &ClassFigures| {
        summary.find(&part.split, part.source.as_deref(), score, Some(&class.class)).and_then(|row| row.value)
    };
    let drawn: Vec<(&ClassFigures, &Vec<CurvePoint>)> =
        part.classes.iter().filter_map(|class| Some((class, curve(class)?))).collect();
    let mut ranked: Vec<f64> = drawn.iter().filter_map(|(class, _)| value(class)).collect();
    ranked.sort_by(f64::total_cmp);
    let worst = ranked.get(WORST - 1).copied().unwrap_or(f64::INFINITY);
    let many = drawn.len() > FEW_CLASSES;
    let mut chart =
        if many { chart.caption(format!("In colour: the {WORST} classes of the lowest {word}.")) } else { chart };
    for (class, points) in &drawn {
        let value = value(class);
        let name = value.map_or(class.class.clone(), |value| format!("{} ({word} {value:.3})", class.class));
        let series = Series::new(name, points.iter().map(|point| (point.x, point.y))).steps();
        let stands_out = many && value.is_some_and(|value| value <= worst);
        chart = chart.series(if stands_out { series.emphasised() } else { series });
    }
    let absent: Vec<String> = part
        .classes
        .iter()
        .filter(|class| curve(class).is_none())
        .map(|class| format!("`{}`", verbatim(&class.class)))
        .collect();
    if absent.is_empty() {
        return chart;
    }
    let caption = format!("{} No curve for {}: too few samples of it or of others.", chart.caption, absent.join(", "));
    chart.caption(caption.trim_start())
}

pub(super) fn diagram(title: &str, found: &Reliability) -> isnet_report::Reliability {
    let caption = format!(
        "A dot below the light line: the model is too sure. Bars are intervals of each bin for itself; a bar that reaches the line leaves it open. \
         Expected calibration error {:.3}, which chance alone makes larger than 0: see Calibration.",
        found.expected_calibration_error
    );
    let bin = |bin: &ReliabilityBin| Bin {
        low: bin.low,
        high: bin.high,
        n: bin.n,
        mean: bin.mean_probability,
        share: bin.share_true,
        interval: bin.interval.map(|it| (it.low, it.high)),
    };
    found
        .bins
        .iter()
        .map(bin)
        .fold(isnet_report::Reliability::new(title).caption(caption), isnet_report::Reliability::bin)
}

/// The counts of each label, and how its probabilities are calibrated.
fn labels(part: &Figures) -> Vec<Block> {
    let mut table = Table::new(["label", "hit", "missed", "false alarm", "rightly not"])
        .caption("Samples with and without each label.");
    let mut details = Details::new("Calibration of each label");
    for class in &part.classes {
        let [[true_negative, false_positive], [false_negative, true_positive]] = class.confusion;
        let counts = [true_positive, false_negative, false_positive, true_negative];
        let cells = counts.map(|count| Cell::number(count as f64, 0));
        table.push([Cell::text(&class.class)].into_iter().chain(cells));
        if let Some(found) = &class.reliability {
            details = details.with(diagram(&format!("Calibration of {}", class.class), found));
        }
    }
    vec![Block::from(table), Block::from(details)]
}
