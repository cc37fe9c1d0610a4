//! Small pieces as people read them.
#![expect(clippy::unwrap_used, reason = "a test stops at its first error")]

use expect_test::{Expect, expect};
use isnet_report::{
    Answer, Axis, Bin, Block, Cell, Code, Confusion, Details, Document, Estimate, Forest, LineChart, Reliability,
    Section, Series, Table, Verdict,
};

/// The section of a page that holds one block, and the Markdown below its heading.
fn check(block: impl Into<Block>, html: &Expect, markdown: &Expect) {
    let document = Document::new("d").section(Section::new("s").with(block));
    let page = document.to_html();
    let inside = page.split("dir=\"auto\">s</h2>\n").nth(1).unwrap().split("</section>").next().unwrap();
    html.assert_eq(inside);
    markdown.assert_eq(document.to_markdown("f").text.split("## s\n\n").nth(1).unwrap());
}

#[test]
fn a_table_has_numbers_intervals_and_notes() {
    let table = Table::new(["score", "value"])
        .caption("Of **test**.")
        .row([Cell::text("AUC"), Cell::number(0.8125, 3).interval(0.75, 0.9).emphasised()])
        .row([Cell::text("F1"), Cell::missing("`ill` is absent")])
        .row([Cell::text("n"), Cell::count(12).note("few")]);
    check(
        table,
        &expect![[r##"
        <div class="scroll" tabindex="0" role="region" aria-label="Table 1">
        <table>
        <caption><span dir="auto"><b>Table 1.</b> Of <strong>test</strong>.</span></caption>
        <thead><tr><th scope="col" dir="auto">score</th><th scope="col" class="number" dir="auto">value</th></tr></thead>
        <tbody>
        <tr><th scope="row" dir="auto">AUC</th><td class="number strong">0.812 <span class="interval">[0.750, 0.900]</span></td></tr>
        <tr><th scope="row" dir="auto">F1</th><td class="number"><span role="img" aria-label="none">–</span><sup><a href="#t1-a" aria-label="note a">a</a></sup></td></tr>
        <tr><th scope="row" dir="auto">n</th><td class="number">12<sup><a href="#t1-b" aria-label="note b">b</a></sup></td></tr>
        </tbody>
        </table>
        </div>
        <div class="notes">
        <p id="t1-a" dir="auto"><sup>a</sup> <code>ill</code> is absent</p>
        <p id="t1-b" dir="auto"><sup>b</sup> few</p>
        </div>
    "##]],
        &expect![[r#"
        **Table 1.** Of **test**.

        | score | value |
        | --- | ---: |
        | AUC | **0.812 [0.750, 0.900]** |
        | F1 | –<sup>a</sup> |
        | n | 12<sup>b</sup> |

        <sup>a</sup> <code>ill</code> is absent<br>
        <sup>b</sup> few
    "#]],
    );
}

#[test]
fn verdicts_say_their_answer_in_words() {
    let pass = Verdict::new("Is it well?", Answer::Pass).figure("0.12").threshold("at most 0.3").explanation("Of `a`.");
    check(
        vec![pass, Verdict::new("And else?", Answer::NotAnswered)],
        &expect![[r#"
        <ul class="verdicts">
        <li class="pass">
        <p class="question" dir="auto"><span class="answer"><span aria-hidden="true">✓</span> pass</span> Is it well?</p>
        <p class="figure" dir="auto">0.12 <span class="threshold">held against: at most 0.3</span></p>
        <p class="explanation" dir="auto">Of <code>a</code>.</p>
        </li>
        <li class="not">
        <p class="question" dir="auto"><span class="answer"><span aria-hidden="true">–</span> not answered</span> And else?</p>
        </li>
        </ul>
    "#]],
        &expect![[r#"
        - ✓ **pass**: Is it well?<br>
          0.12; held against: at most 0.3<br>
          Of <code>a</code>.
        - – **not answered**: And else?
    "#]],
    );
}

#[test]
fn a_confusion_matrix_is_a_table_in_shades() {
    check(
        Confusion::new("Confusion", ["a", "b"], vec![vec![3, 1], vec![0, 0]]),
        &expect![[r#"
        <div class="figures">
        <figure class="matrix">
        <div class="scroll" tabindex="0" role="region" aria-label="Figure 1">
        <table class="confusion">
        <caption class="hidden">Rows: true class. Columns: predicted class.</caption>
        <thead><tr><th class="corner" scope="col">true ↓ predicted →</th><th scope="col" dir="auto"><span>a</span></th><th scope="col" dir="auto"><span>b</span></th><th scope="col">all</th></tr></thead>
        <tbody>
        <tr><th scope="row" dir="auto">a</th><td class="dark" style="--share:0.75">3<small>75 %</small></td><td style="--share:0.25">1<small>25 %</small></td><td class="total">4</td></tr>
        <tr><th scope="row" dir="auto">b</th><td class="zero">0</td><td class="zero">0</td><td class="total">0</td></tr>
        </tbody>
        </table>
        </div>
        <figcaption dir="auto"><b>Figure 1.</b> Confusion.</figcaption>
        </figure>
        </div>
    "#]],
        &expect![[r#"
        **Figure 1.** Confusion.

        | true ↓ predicted → | a | b |
        | --- | ---: | ---: |
        | a | 3 | 1 |
        | b | 0 | 0 |
    "#]],
    );
}

#[test]
fn a_chart_is_a_drawing_with_words() {
    let chart = LineChart::new("Loss")
        .x(Axis::new("epoch").range(0.0, 2.0))
        .y(Axis::new("loss").range(0.0, 1.0))
        .series(Series::new("train", [(0.0, 1.0), (1.0, 0.5), (2.0, 0.25)]).steps());
    check(
        chart,
        &expect![[r#"
        <div class="figures">
        <figure class="drawing">
        <svg class="plot" viewBox="0 0 440 306" role="img" aria-labelledby="f1-title f1-desc"><title id="f1-title">Loss</title><desc id="f1-desc">loss over epoch. train: 3 points from 1 to 0.25.</desc><line class="grid" x1="58" y1="262" x2="386.4" y2="262"/><text class="faint end" x="51" y="266.2">0</text><line class="grid" x1="58" y1="212" x2="386.4" y2="212"/><text class="faint end" x="51" y="216.2">0.2</text><line class="grid" x1="58" y1="162" x2="386.4" y2="162"/><text class="faint end" x="51" y="166.2">0.4</text><line class="grid" x1="58" y1="112" x2="386.4" y2="112"/><text class="faint end" x="51" y="116.2">0.6</text><line class="grid" x1="58" y1="62" x2="386.4" y2="62"/><text class="faint end" x="51" y="66.2">0.8</text><line class="grid" x1="58" y1="12" x2="386.4" y2="12"/><text class="faint end" x="51" y="16.2">1</text><line class="axis" x1="58" y1="262" x2="58" y2="266"/><text class="faint middle" x="58" y="279">0</text><line class="axis" x1="140.1" y1="262" x2="140.1" y2="266"/><text class="faint middle" x="140.1" y="279">0.5</text><line class="axis" x1="222.2" y1="262" x2="222.2" y2="266"/><text class="faint middle" x="222.2" y="279">1</text><line class="axis" x1="304.3" y1="262" x2="304.3" y2="266"/><text class="faint middle" x="304.3" y="279">1.5</text><line class="axis" x1="386.4" y1="262" x2="386.4" y2="266"/><text class="faint middle" x="386.4" y="279">2</text><line class="axis" x1="58" y1="262" x2="386.4" y2="262"/><text class="middle" x="222.2" y="297">epoch</text><text class=" middle" transform="translate(13 137) rotate(-90)">loss</text><path class="curve c1" d="M58 12H222.2V137H386.4V199.5"><title>train</title></path><text class="f1 strong" x="392.4" y="203.7">train</text></svg>
        <figcaption dir="auto"><b>Figure 1.</b> Loss.</figcaption>
        </figure>
        </div>
    "#]],
        &expect![[r#"
        ![Loss: loss over epoch. train: 3 points from 1 to 0.25.](<f/figure-1.svg>)

        **Figure 1.** Loss.
    "#]],
    );
}

#[test]
fn a_reliability_diagram_tells_its_bins() {
    let bin = |low, n, mean, share| Bin { low, high: low + 0.5, n, mean, share, interval: None };
    let diagram = Reliability::new("Calibration").bin(bin(0.0, 0, None, None)).bin(bin(0.5, 4, Some(0.75), Some(0.5)));
    check(
        diagram,
        &expect![[r#"
        <div class="figures">
        <figure class="drawing">
        <svg class="plot" viewBox="0 0 440 468" role="img" aria-labelledby="f1-title f1-desc"><title id="f1-title">Calibration</title><desc id="f1-desc">Bins: predicted 0.75, true 0.50 of 4.</desc><line class="grid" x1="58" y1="342" x2="388" y2="342"/><text class="faint end" x="51" y="346.2">0</text><line class="grid" x1="58" y1="276" x2="388" y2="276"/><text class="faint end" x="51" y="280.2">0.2</text><line class="grid" x1="58" y1="210" x2="388" y2="210"/><text class="faint end" x="51" y="214.2">0.4</text><line class="grid" x1="58" y1="144" x2="388" y2="144"/><text class="faint end" x="51" y="148.2">0.6</text><line class="grid" x1="58" y1="78" x2="388" y2="78"/><text class="faint end" x="51" y="82.2">0.8</text><line class="grid" x1="58" y1="12" x2="388" y2="12"/><text class="faint end" x="51" y="16.2">1</text><line class="axis" x1="58" y1="342" x2="388" y2="342"/><line class="light" x1="58" y1="342" x2="388" y2="12"/><line class="gap" x1="305.5" y1="94.5" x2="305.5" y2="177"/><circle class="f1" cx="305.5" cy="177" r="4"/><rect class="count" x="59" y="424" width="163" height="0"/><text class="faint middle" x="140.5" y="421">0</text><rect class="count" x="224" y="364" width="163" height="60"/><text class="faint middle" x="305.5" y="361">4</text><line class="axis" x1="58" y1="424" x2="388" y2="424"/><line class="axis" x1="58" y1="424" x2="58" y2="428"/><text class="faint middle" x="58" y="441">0</text><line class="axis" x1="124" y1="424" x2="124" y2="428"/><text class="faint middle" x="124" y="441">0.2</text><line class="axis" x1="190" y1="424" x2="190" y2="428"/><text class="faint middle" x="190" y="441">0.4</text><line class="axis" x1="256" y1="424" x2="256" y2="428"/><text class="faint middle" x="256" y="441">0.6</text><line class="axis" x1="322" y1="424" x2="322" y2="428"/><text class="faint middle" x="322" y="441">0.8</text><line class="axis" x1="388" y1="424" x2="388" y2="428"/><text class="faint middle" x="388" y="441">1</text><text class=" middle" transform="translate(13 177) rotate(-90)">share that is true</text><text class=" middle" transform="translate(13 393) rotate(-90)">samples</text><text class="middle" x="223" y="459">predicted probability</text></svg>
        <figcaption dir="auto"><b>Figure 1.</b> Calibration.</figcaption>
        </figure>
        </div>
    "#]],
        &expect![[r#"
        ![Calibration: Bins: predicted 0.75, true 0.50 of 4.](<f/figure-1.svg>)

        **Figure 1.** Calibration.

        | predicted | true | samples |
        | ---: | ---: | ---: |
        | 0.750 | 0.500 | 4 |
    "#]],
    );
}

#[test]
fn a_forest_has_a_row_per_estimate() {
    let forest = Forest::new("AUC", Axis::new("AUC").range(0.5, 1.0))
        .decimals(2)
        .row(Estimate::new("a", 0.75).interval(0.5, 1.0).n(9))
        .row(Estimate::missing("b"));
    check(
        forest,
        &expect![[r#"
        <div class="figures">
        <figure class="drawing">
        <svg class="plot" viewBox="0 0 440 112" role="img" aria-labelledby="f1-title f1-desc"><title id="f1-title">AUC</title><desc id="f1-desc">a: 0.75 [0.50, 1.00]; b: –.</desc><line class="grid" x1="120.93" y1="22" x2="120.93" y2="70"/><text class="faint middle" x="120.93" y="86">0.6</text><line class="grid" x1="217.34" y1="22" x2="217.34" y2="70"/><text class="faint middle" x="217.34" y="86">0.8</text><line class="grid" x1="313.76" y1="22" x2="313.76" y2="70"/><text class="faint middle" x="313.76" y="86">1</text><line class="axis" x1="72.72" y1="70" x2="313.76" y2="70"/><text class="middle" x="193.24" y="104">AUC</text><text class="faint end" x="58.72" y="16">n</text><text class="" x="0" y="41.2">a</text><text class="faint end" x="58.72" y="41.2">9</text><line class="whisker c1" x1="72.72" y1="37" x2="313.76" y2="37"/><circle class="f1" cx="193.24" cy="37" r="3.5"/><text class="end " x="440" y="41.2">0.75 [0.50, 1.00]</text><text class="" x="0" y="63.2">b</text><text class="end " x="440" y="63.2">–</text></svg>
        <figcaption dir="auto"><b>Figure 1.</b> AUC.</figcaption>
        </figure>
        </div>
    "#]],
        &expect![[r#"
        ![AUC: a: 0.75 \[0.50, 1.00\]; b: –.](<f/figure-1.svg>)

        **Figure 1.** AUC.

        |  | n | AUC |
        | --- | ---: | ---: |
        | a | 9 | 0.75 [0.50, 1.00] |
        | b |  | – |
    "#]],
    );
}

#[test]
fn the_points_of_an_estimate_lie_below_it_and_widen_the_axis() {
    let estimate = Estimate::new("a", 0.5).points([0.25, 0.75]);
    let page = Document::new("d").section(Section::new("s").with(Forest::new("AUC", Axis::new("AUC")).row(estimate)));
    let page = page.to_html();
    let points: Vec<&str> = page.split("<circle ").skip(1).map(|rest| rest.split("/>").next().unwrap()).collect();
    assert_eq!(points.len(), 3, "{points:?}");
    assert!(points[0].starts_with("class=\"point\"") && points[0].contains("cy=\"43.5\""), "{points:?}");
    assert!(points[2].contains("cy=\"37\""), "{points:?}");
    assert_ne!(points[0].split("cx").nth(1), points[1].split("cx").nth(1), "not both at a bound");
}

#[test]
fn differences_have_a_sign_in_every_rendering() {
    let cell = Cell::number(0.25, 3).interval(-0.125, 0.5).signed();
    assert_eq!(cell.shown(), "+0.250 [−0.125, +0.500]");
    let table = Table::new(["", "difference"]).row([Cell::text("a"), cell]);
    assert_eq!(table.to_text(), "                difference\na  +0.250 (−0.12 to +0.50)\n");
}

#[test]
fn details_hold_code_letter_for_letter() {
    let code = Code::new("toml", "a = \"<b>\"\n```\n").caption("config.toml");
    check(
        Details::new("More & more").with(code),
        &expect![[r#"
        <details>
        <summary dir="auto">More &amp; more</summary>
        <figure class="code">
        <figcaption dir="auto">config.toml</figcaption>
        <pre tabindex="0"><code>a = &quot;&lt;b&gt;&quot;
        ```
        </code></pre>
        </figure>
        </details>
    "#]],
        &expect![[r#"
        <details><summary>More &amp; more</summary>

        config.toml

        ````toml
        a = "<b>"
        ```
        ````

        </details>
    "#]],
    );
}
