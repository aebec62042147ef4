//! What pages hold, and what a feed reader gets.

use super::*;
use crate::html::{Limits, first, parse};
use url::Url;

fn clean(markup: &str) -> Body {
    let base = Url::parse("https://example.org/live/b1.html").unwrap();
    let html = parse(&format!("<div id=entry>{markup}</div>"), Limits::default()).unwrap();
    body_of(first(&html, crate::css!("#entry")).unwrap().children(), &[], &Links::new(Some(&base)))
}

#[test]
fn wrappers_go_and_loose_text_gets_a_paragraph() {
    let body = clean("<div class=x><p>One.</p></div><div>Two <b>bold</b> words<div>Three</div></div> four");
    assert_eq!(body.html, "<p>One.</p><p>Two <b>bold</b> words</p><p>Three</p><p>four</p>");
    assert_eq!(body.text, "One.\n\nTwo bold words\n\nThree\n\nfour");
}

#[test]
fn amp_elements_become_ordinary_ones() {
    let body = clean(
        r#"<figure><div><amp-img src="/i.jpg?w=1" alt="A square" width="10" height="5" layout="responsive"><i-amphtml-sizer></i-amphtml-sizer></amp-img></div>
        <figcaption><div>(Agency)</div></figcaption></figure><amp-twitter data-tweetid="123"><blockquote placeholder>Words of the post</blockquote></amp-twitter>
        <amp-youtube data-videoid="a-B_9"></amp-youtube><amp-ad>buy</amp-ad><amp-iframe src="https://maps.example.org/x"></amp-iframe>"#,
    );
    assert_eq!(
        body.html,
        "<figure><img src=\"https://example.org/i.jpg?w=1\" alt=\"A square\" width=\"10\" height=\"5\"><figcaption>(Agency)</figcaption></figure>\
         <blockquote><p>Words of the post</p></blockquote>\
         <p>Post: <a href=\"https://twitter.com/i/status/123\" rel=\"noopener noreferrer\">https://twitter.com/i/status/123</a></p>\
         <p>Video: <a href=\"https://www.youtube.com/watch?v=a-B_9\" rel=\"noopener noreferrer\">https://www.youtube.com/watch?v=a-B_9</a></p>\
         <p>Embedded: <a href=\"https://maps.example.org/x\" rel=\"noopener noreferrer\">https://maps.example.org/x</a></p>"
    );
    assert_eq!(body.images.len(), 1);
    assert_eq!(body.images[0].caption.as_deref(), Some("A square"));
}

#[test]
fn lists_headings_cards_and_tables_survive() {
    let body = clean(
        "<ul><li><p>a</p></li><li>b <i>c</i></li></ul><h3><a href=x.html>Card</a></h3><p>Why</p>\
         <table><tr><td>1</td><td></td></tr></table><a href=/card><div>Whole</div><div>card</div></a>",
    );
    assert_eq!(
        body.html,
        "<ul><li>a</li><li>b <i>c</i></li></ul><h3><a href=\"https://example.org/live/x.html\" rel=\"noopener noreferrer\">Card</a></h3>\
         <p>Why</p><table><tbody><tr><td>1</td><td></td></tr></tbody></table><p>Whole</p><p>card</p>"
    );
    assert_eq!(body.text, "- a\n- b c\n\nCard\n\nWhy\n\n1\n\nWhole\n\ncard");
}

#[test]
fn what_is_dangerous_or_nothing_is_gone() {
    let body = clean(
        "<script>alert(1)</script><p onclick=x style=y class=z>Safe</p><p> </p><a href='javascript:x'>link</a><svg><text>x</text></svg>\
         <img src=x onerror=y width=1><img src='data:image/gif;base64,x'><iframe srcdoc=x></iframe><p hidden>no</p><a href=/></a>\u{202e}",
    );
    assert_eq!(body.html, "<p>Safe</p><p>link</p>");
    assert_eq!(body.text, "Safe\n\nlink");
    assert!(body.images.is_empty());
}

#[test]
fn pictures_that_count_readers_are_gone() {
    for pixel in [
        "<img src=/p.gif width=1 height=1>",
        "<img src=/p.gif width=1px>",
        "<img src=/p.gif height='0'>",
        "<img src=/p.gif height=1.0>",
        "<img src=http://10.0.0.1/p.gif>",
        "<img src=//localhost/p.gif>",
    ] {
        assert_eq!(clean(pixel), Body::default(), "{pixel}");
    }
    let body = clean("<img src=/a.jpg width=640px height=100%>");
    assert_eq!((body.images[0].width, body.images[0].height), (Some(640), None));
}

#[test]
fn lazy_pictures_are_found() {
    let body = clean("<img src='data:,' data-src='https://e.org/{width}/a.jpg' srcset='https://e.org/b.jpg 2x'>");
    assert_eq!(body.images[0].url, "https://e.org/b.jpg");
}

#[test]
fn text_lines_become_paragraphs() {
    let body = body_of_text(["a < b & c", "second  line"]);
    assert_eq!(body.html, "<p>a &lt; b &amp; c</p><p>second line</p>");
    assert_eq!(body.text, "a < b & c\n\nsecond line");
}

proptest::proptest! {
    #[test]
    fn cleaning_is_stable(markup in "(<(p|div|a href=x|li|ul|b|h2|table|td|td>|/p|/div|/a|/b|img src=y|blockquote)>|[ a-z&<\u{a0}]{0,4}){0,24}") {
        let once = clean(&markup);
        proptest::prop_assert_eq!(CLEANER.clean(&once.html).to_string(), once.html);
    }
}

#[test]
fn one_long_text_is_cut_as_many_short_ones_are() {
    for piece in ["&nbsp;&amp;", "«x» ", "&quot;", "word ", "é"] {
        for (start, end) in [("<p>", "</p>"), ("<pre>", "</pre>"), ("", "")] {
            let body = clean(&format!("{start}{}{end}<p>more", piece.repeat(1_000_000 / piece.len())));
            // A hard space takes more once it is cleaned, a quotation mark less.
            assert!((LONGEST / 8..2 * LONGEST).contains(&body.html.len()), "{piece}: {} bytes", body.html.len());
            assert!(body.html.ends_with(if start == "<pre>" { "</pre>" } else { "</p>" }), "{piece}");
        }
    }
    let lines = std::iter::repeat_n("The ferry waits.", 100_000);
    assert!(body_of_text(lines).html.len() < LONGEST + 1024);
}
