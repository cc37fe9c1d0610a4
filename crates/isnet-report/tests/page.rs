//! What every page and every Markdown text must be, whatever is in them.
#![expect(clippy::unwrap_used, reason = "a test stops at its first error")]

use std::collections::BTreeSet;

use isnet_report::{
    Answer, Axis, Bin, Block, Cell, Code, ColorKey, Confusion, Details, Document, Estimate, Forest, Gallery, Item,
    LineChart, Picture, Reliability, ReportError, Section, Series, Table, Verdict, verbatim,
};
use roxmltree::{Document as Xml, Node, ParsingOptions};

/// Names as users have them, and worse.
const NAMES: &[&str] = &[
    "covid",
    "<script>alert(1)</script>",
    "\"quoted\" & 'single' --> ]]>",
    "</style></svg></title><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "[x](http://evil.example) ![y](http://evil.example/p.png) http://evil.example",
    "مستشفى \u{202e}reversed",
    "a|b`c*d_e\\f\n# heading\r\n- item",
    "\u{0}\u{1b}[31m\u{fffe}",
    "",
];

fn picture() -> Picture {
    // Signature and first chunk of a PNG of 3 x 2 pixels.
    let bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x03\x00\x00\x00\x02rest".to_vec();
    Picture::png(bytes).unwrap()
}

/// One of everything, with a name wherever there is room for one.
fn everything(name: &str) -> Document {
    let axis = || Axis::new(name);
    let chart = LineChart::new(name)
        .caption(name)
        .x(axis())
        .y(axis())
        .series(Series::new(name, [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)]).band([(0.0, 0.5, 2.0), (2.0, 2.0, 4.0)]))
        .series(Series::new(name, [(0.0, 9.0), (2.0, f64::INFINITY)]).steps());
    let forest = Forest::new(name, axis())
        .caption(name)
        .reference(0.5, name)
        .row(Estimate::new(name, 0.7).interval(0.5, 0.9).n(12).emphasised());
    let bin = Bin { low: 0.0, high: 1.0, n: 3, mean: Some(0.5), share: Some(0.75), interval: Some((0.2, 0.99)) };
    let item = Item::new(name, picture()).overlay(picture()).map(picture()).badge(name).caption(name);
    let key = ColorKey { colors: vec![[0, 0, 255], [255, 0, 0]], words: [name, "0", name].map(str::to_owned) };
    let table = Table::new([name, "x"]).caption(name).row([Cell::text(name).note(name), Cell::missing(name)]);
    Document::new(name)
        .subtitle(name)
        .fact(name, name)
        .section(
            Section::new(name)
                .with(name)
                .with(format!("**{0}** and `{0}`", verbatim(name)))
                .with(vec![Verdict::new(name, Answer::Fail).figure(name).threshold(name).explanation(name)]),
        )
        .section(Section::new(name).with(Block::Heading(name.to_owned())).with(table).with(chart).with(forest))
        .section(
            Section::new(name)
                .with(Reliability::new(name).caption(name).bin(bin))
                .with(Confusion::new(name, [name, "b"], vec![vec![3, 1], vec![0, 2]]).caption(name))
                .with(Gallery::new(name).caption(name).key(key).item(item))
                .with(
                    Details::new(name).with(Code::new(name, name).caption(name)).with(Block::Heading(name.to_owned())),
                ),
        )
}

/// Hands the parsed page to a check: well-formed as XML, so no name has opened or closed an element.
fn with_page(document: &Document, check: impl Fn(&Xml)) {
    let page = document.to_html();
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    match Xml::parse_with_options(&page, options) {
        Ok(xml) => check(&xml),
        Err(error) => panic!("{error}\n{page}"),
    }
}

fn elements<'a>(xml: &'a Xml<'a>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    xml.descendants().filter(move |node| node.has_tag_name(name))
}

#[test]
fn no_name_becomes_markup() {
    let names = |xml: &Xml| {
        let tags = xml.descendants().filter(Node::is_element).map(|node| node.tag_name().name().to_owned());
        tags.collect::<Vec<_>>()
    };
    let mut expected = Vec::new();
    with_page(&everything("plain"), |xml| assert!(elements(xml, "script").next().is_none()));
    let xml_of = |name: &str| {
        let page = everything(name).to_html();
        names(&Xml::parse_with_options(&page, ParsingOptions { allow_dtd: true, ..Default::default() }).unwrap())
    };
    for name in NAMES.iter().filter(|name| !name.is_empty() && !name.contains('`')) {
        let found = xml_of(name);
        if expected.is_empty() {
            expected = found;
        } else {
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn every_page_is_well_formed_and_asks_nothing_of_the_network() {
    for name in NAMES {
        with_page(&everything(name), |xml| {
            for node in xml.descendants().filter(Node::is_element) {
                for attribute in node.attributes() {
                    let (name, value) = (attribute.name(), attribute.value());
                    let inside = value.starts_with('#') || value.starts_with("data:");
                    assert!(!matches!(name, "src" | "href" | "srcset" | "action" | "data") || inside, "{name}={value}");
                    assert!(!name.starts_with("on"), "{name}={value}");
                    assert!(name != "style" || !value.contains("url("), "{value}");
                }
            }
            let style: String = elements(xml, "style").filter_map(|node| node.text().map(str::to_owned)).collect();
            assert!(!style.contains("url(") && !style.contains("@import"));
            assert!(!elements(xml, "meta").any(|node| node.attribute("http-equiv") == Some("refresh")));
        });
    }
}

#[test]
fn addresses_are_unique_and_lead_somewhere() {
    with_page(&everything("name"), |xml| {
        let ids: Vec<&str> = xml.descendants().filter_map(|node| node.attribute("id")).collect();
        let known: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), known.len(), "{ids:?}");
        let links = xml.descendants().filter_map(|node| node.attribute("href")?.strip_prefix('#'));
        let parts = xml.descendants().filter_map(|node| node.attribute("aria-labelledby")).flat_map(|it| it.split(' '));
        links.chain(parts).for_each(|target| assert!(known.contains(target), "{target}"));
    });
}

#[test]
fn headings_are_in_order() {
    with_page(&everything("name"), |xml| {
        let level = |node: Node| node.tag_name().name().strip_prefix('h')?.parse::<u8>().ok();
        let levels: Vec<u8> = xml.descendants().filter_map(level).collect();
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{levels:?}");
        assert_eq!(levels[0], 1);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    });
}

#[test]
fn everything_can_be_read_aloud() {
    with_page(&everything("name"), |xml| {
        assert_eq!(xml.root_element().attribute("lang"), Some("en"));
        for picture in elements(xml, "img") {
            assert!(picture.attribute("alt").is_some_and(|alt| alt.len() > 8), "{picture:?}");
        }
        for drawing in
            xml.descendants().filter(|node| node.attribute("role") == Some("img") && node.has_tag_name("svg"))
        {
            let words = |tag: &str| drawing.children().find(|node| node.has_tag_name(tag)).and_then(|node| node.text());
            assert_eq!(words("title"), Some("name"));
            assert!(words("desc").is_some_and(|text| text.len() > 8));
        }
        for table in elements(xml, "table") {
            assert!(table.children().any(|node| node.has_tag_name("caption")));
            let names = table.descendants().filter(|node| node.has_tag_name("th"));
            names.for_each(|name| assert!(name.attribute("scope").is_some()));
        }
        assert!(elements(xml, "input").all(|input| input.parent().is_some_and(|label| label.has_tag_name("label"))));
    });
}

#[test]
fn the_summary_stands_before_the_contents() {
    let page = everything("name").to_html();
    let at = |what: &str| page.find(what).unwrap();
    assert!(at("class=\"verdicts\"") < at("<nav") && at("<nav") < at("id=\"s2\""));
    assert!(!Document::new("one").section(Section::new("only")).to_html().contains("<nav"));
}

#[test]
fn empty_and_extreme_content_is_drawn() {
    let many: Vec<String> = (0..50).map(|idx| format!("class {idx}")).collect();
    let points = (0..100_000_u32).map(|idx| (f64::from(idx), f64::from(idx % 1000)));
    let long = LineChart::new("long").series(Series::new("", points));
    let document = Document::new("")
        .section(
            Section::new("").with(Vec::<Verdict>::new()).with(Table::default()).with(Table::new(["only a header"])),
        )
        .section(Section::new("").with(LineChart::default()).with(LineChart::new("").series(Series::new("a", []))))
        .section(Section::new("").with(Reliability::default()).with(Confusion::default()).with(Gallery::default()))
        .section(Section::new("").with(Forest::new("", Axis::default())).with(Confusion::new(
            "",
            many,
            vec![vec![1; 60]],
        )))
        .section(Section::new("").with(LineChart::new("").series(Series::new("one", [(1e308, -1e308)]))).with(long));
    with_page(&document, |xml| {
        let words: String = xml.descendants().filter_map(|node| node.text()).collect();
        for said in ["no rows", "no values to draw", "No classes.", "No pictures.", "No question was asked."] {
            assert!(words.contains(said), "{said}");
        }
        for drawing in xml.descendants().filter_map(|node| node.attribute("d")) {
            assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
            assert!(drawing.len() < 60_000, "{} bytes of path", drawing.len());
        }
    });
    let markdown = document.to_markdown("files");
    assert!(markdown.text.contains("No rows."));
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    assert_eq!(everything("name").to_html(), everything("name").to_html());
    assert_eq!(everything("name").to_markdown("a"), everything("name").to_markdown("a"));
}

#[test]
fn a_gallery_can_be_switched_by_keyboard_and_without_a_script() {
    with_page(&everything("name"), |xml| {
        let radios: Vec<Node> = elements(xml, "input").collect();
        assert!(
            radios.iter().all(|node| node.attribute("type") == Some("radio") && node.attribute("name") == Some("g1"))
        );
        assert_eq!(radios.iter().filter(|node| node.attribute("checked").is_some()).count(), 1);
        let classes: Vec<_> = elements(xml, "img").filter_map(|node| node.attribute("class")).collect();
        assert_eq!(classes, ["image small", "overlay small", "map small"]);
    });
    // Without an overlay the image stands in for it, so that no choice leaves a hole.
    let gallery = Gallery::new("g").item(Item::new("a", picture()).map(picture()));
    let page = Document::new("d").section(Section::new("s").with(gallery)).to_html();
    assert!(page.contains("class=\"image overlay small\""), "{page}");
}

#[test]
fn only_png_files_are_pictures() {
    for bytes in [
        &b""[..],
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dtEXt\x00\x00\x00\x03\x00\x00\x00\x02",
    ] {
        assert!(matches!(Picture::png(bytes.to_vec()), Err(ReportError::NotPng { got }) if got == bytes.len()));
    }
    assert_eq!((picture().width(), picture().height()), (3, 2));
}

#[test]
fn files_of_markdown_are_shown_by_it_and_stand_alone() {
    for name in NAMES {
        let markdown = everything(name).to_markdown("report files/");
        let names: BTreeSet<&String> = markdown.files.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), markdown.files.len());
        for (file, bytes) in &markdown.files {
            assert!(markdown.text.contains(&format!("](<{file}>)")), "{file}");
            if file.ends_with(".svg") {
                let text = String::from_utf8(bytes.clone()).unwrap();
                Xml::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
                assert!(text.contains("xmlns=\"http://www.w3.org/2000/svg\"") && text.contains("--s1:"));
            }
        }
        let outside_code = markdown.text.split("```").step_by(2).collect::<String>();
        assert!(!outside_code.contains("<script") && !outside_code.contains("<img"), "{outside_code}");
        // A bracket after a backslash is a letter, and so is one in a line of HTML.
        let marked = outside_code.lines().filter(|line| !line.starts_with("<details>")).collect::<String>();
        assert!(!marked.replace("\\]", "").contains("](http"), "{marked}");
    }
}
