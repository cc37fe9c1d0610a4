//! Annotations in the XML of PASCAL VOC: what is in a picture, and in which rectangles.
//!
//! Only the elements that data sets here use are looked for, so no parser of XML is needed.

/// The text of the elements of this name, in their order.
fn elements<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (inside, after) = after.split_once(&close)?;
        rest = after;
        Some(inside.trim())
    })
}

/// The names of all objects.
pub(super) fn object_names(text: &str) -> impl Iterator<Item = String> {
    elements(text, "object").filter_map(|object| elements(object, "name").next().map(String::from))
}

/// The rectangles of all objects: first and last row, first and last column, from 0. VOC counts from 1 and includes both ends.
/// `None` if a number is missing.
pub(super) fn boxes(text: &str) -> Option<Vec<[usize; 4]>> {
    let number = |object: &str, name: &str| elements(object, name).next()?.parse::<f64>().ok();
    let pixel = |object: &str, name: &str| number(object, name).map(|at| (at.max(1.0) - 1.0) as usize);
    let rectangle =
        |object| Some([pixel(object, "ymin")?, pixel(object, "ymax")?, pixel(object, "xmin")?, pixel(object, "xmax")?]);
    elements(text, "bndbox").map(rectangle).collect::<Option<Vec<_>>>().filter(|boxes| !boxes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<annotation><filename>x</filename><object>\n<name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin>\
        <xmax>3</xmax><ymax>4</ymax></bndbox></object><object><name>cat</name></object></annotation>";

    #[test]
    fn objects_have_names_and_boxes_count_from_0() {
        assert_eq!(object_names(TEXT).collect::<Vec<_>>(), ["dog", "cat"]);
        assert_eq!(boxes(TEXT), Some(vec![[1, 3, 0, 2]]));
        assert_eq!(boxes("<bndbox><xmin>1</xmin></bndbox>"), None);
        assert_eq!(boxes(""), None);
    }
}
