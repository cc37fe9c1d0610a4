//! Galleries: pictures, and a switch without a script.
//!
//! The switch is a set of radio buttons, which every keyboard works; a style shows the chosen pictures. While an item is
//! pointed at or has the focus it shows its bare image instead. A browser that does not know the style's selectors, and
//! paper, show all pictures side by side.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::escape::{html, rich_html};
use crate::{ColorKey, Gallery, Item, Picture};

/// Pictures up to this side are enlarged without smoothing, so that the model's pixels are seen.
const SMALL: u32 = 128;

/// The choices of the switch: class, words, whether it is the first choice.
const CHOICES: [(&str, &str); 4] =
    [("image", "image"), ("overlay", "overlay"), ("map", "relevance"), ("all", "side by side")];

/// A gallery with its switch.
pub(super) fn render(gallery: &Gallery, number: usize) -> String {
    let title = html(&gallery.title);
    let caption = match gallery.caption.is_empty() {
        true => String::new(),
        false => format!("<p class=\"caption\" dir=\"auto\">{}</p>\n", rich_html(&gallery.caption)),
    };
    let has = |word: &str| gallery.items.iter().any(|item| item.pictures().any(|(known, _)| known == word));
    let items: String = gallery.items.iter().map(item_figure).collect();
    let items = match items.is_empty() {
        true => "<p class=\"empty\">No pictures.</p>\n".to_owned(),
        false => format!("<ul class=\"items\">\n{items}</ul>\n"),
    };
    let switch = if has("overlay") || has("map") { switch(number, &has) } else { String::new() };
    let key = gallery.key.as_ref().map_or(String::new(), color_key);
    format!(
        "<div class=\"gallery\" role=\"group\" aria-label=\"{title}\">\n<p class=\"title\" dir=\"auto\">{title}</p>\n\
         {caption}<div class=\"controls\">\n{switch}{key}</div>\n{items}</div>\n"
    )
}

fn switch(number: usize, has: &dyn Fn(&str) -> bool) -> String {
    let first = if has("overlay") { "overlay" } else { "map" };
    let choice = |(word, name): &(&str, &str)| {
        let checked = if *word == first { " checked=\"checked\"" } else { "" };
        format!("<label><input type=\"radio\" name=\"g{number}\" class=\"show-{word}\"{checked}/> {name}</label>\n")
    };
    let choices: String = CHOICES.iter().filter(|(word, _)| *word == "all" || has(word)).map(choice).collect();
    format!("<fieldset>\n<legend>Show</legend>\n{choices}</fieldset>\n")
}

fn color_key(key: &ColorKey) -> String {
    let stop = |[red, green, blue]: &[u8; 3]| format!("rgb({red} {green} {blue})");
    let stops: Vec<String> = key.colors.iter().map(stop).collect();
    let gradient = match stops.len() {
        0 => "none".to_owned(),
        1 => format!("linear-gradient(90deg,{0},{0})", stops[0]),
        _ => format!("linear-gradient(90deg,{})", stops.join(",")),
    };
    let [low, middle, high] = key.words.each_ref().map(|word| html(word));
    format!(
        "<p class=\"key\"><span>{low}</span><span class=\"ramp\" style=\"background-image:{gradient}\">{middle}</span>\
         <span>{high}</span></p>\n"
    )
}

fn item_figure(item: &Item) -> String {
    let pictures: String = item.pictures().map(|(word, picture)| image(item, word, picture)).collect();
    let badge = |badge: &String| format!("<span class=\"badge\" dir=\"auto\">{}</span>", html(badge));
    let badges = item.badges.iter().map(badge).collect::<Vec<_>>().join(" ");
    let badges = if badges.is_empty() { badges } else { format!("<span class=\"badges\">{badges}</span>\n") };
    format!(
        "<li><figure tabindex=\"0\">\n<div class=\"pictures\">\n{pictures}</div>\n<figcaption dir=\"auto\">\
         <b>{}</b>\n{badges}{}</figcaption>\n</figure></li>\n",
        html(&item.title),
        rich_html(&item.caption)
    )
}

/// A picture. The image stands in for an overlay or a map that the item does not have.
fn image(item: &Item, word: &str, picture: &Picture) -> String {
    let mut classes = vec![word];
    if word == "image" {
        classes.extend(item.overlay.is_none().then_some("overlay"));
        classes.extend(item.map.is_none().then_some("map"));
    }
    if picture.width().max(picture.height()) <= SMALL {
        classes.push("small");
    }
    let what = match word {
        "image" => "the image",
        "overlay" => "its relevance laid over it",
        _ => "its relevance alone",
    };
    format!(
        "<img class=\"{}\" width=\"{}\" height=\"{}\" alt=\"{}: {what}\" src=\"data:image/png;base64,{}\"/>\n",
        classes.join(" "),
        picture.width(),
        picture.height(),
        html(&item.title),
        STANDARD.encode(picture.bytes())
    )
}
