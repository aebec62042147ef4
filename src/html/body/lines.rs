//! A body from the lines of a text capture.

use super::{Body, Links, Writer};

/// A body from the lines of a text capture, one paragraph each.
pub fn body_of_text<'a>(lines: impl IntoIterator<Item = &'a str>) -> Body {
    let links = Links::new(None);
    let mut writer = Writer::new(&links);
    for line in lines {
        if writer.full() {
            break;
        }
        writer.start("p", "");
        writer.words(line);
        writer.end("p");
    }
    writer.text.truncate(writer.text.trim_end().len());
    // Paragraphs of ours around escaped words leave nothing to judge. The cleaner would only write the quotes plainly, and a
    // page may hold hundreds of such bodies.
    Body { html: writer.html.replace("&quot;", "\""), text: writer.text, images: writer.images }
}

/// A line of a text capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Words of the story.
    Paragraph(&'a str),
    /// The heading of a section.
    Heading(&'a str),
    /// A bullet, without its mark.
    Item(&'a str),
}

/// A body of paragraphs, headings and lists; bullets that follow each other are one list.
pub fn body_of_lines<'a>(lines: impl IntoIterator<Item = Line<'a>>) -> Body {
    let links = Links::new(None);
    let mut writer = Writer::new(&links);
    let mut in_list = false;
    for line in lines {
        if writer.full() {
            break;
        }
        let (name, words) = match line {
            Line::Paragraph(words) => ("p", words),
            Line::Heading(words) => ("h2", words),
            Line::Item(words) => ("li", words),
        };
        match (in_list, name == "li") {
            (false, true) => writer.start("ul", ""),
            (true, false) => writer.end("ul"),
            _ => {}
        }
        in_list = name == "li";
        writer.start(name, "");
        writer.words(words);
        writer.end(name);
    }
    if in_list {
        writer.end("ul");
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_and_headings_survive() {
        let lines = [
            Line::Item("one"),
            Line::Heading("Two & three"),
            Line::Item("a <b>"),
            Line::Item("b"),
            Line::Paragraph("The end."),
            Line::Item("c"),
        ];
        let body = body_of_lines(lines);
        assert_eq!(
            body.html,
            "<ul><li>one</li></ul><h2>Two &amp; three</h2><ul><li>a &lt;b&gt;</li><li>b</li></ul><p>The end.</p><ul><li>c</li></ul>"
        );
        assert_eq!(body.text, "- one\n\nTwo & three\n\n- a <b>\n- b\n\nThe end.\n\n- c");
        assert_eq!(body_of_lines([]), Body::default());
    }
}
