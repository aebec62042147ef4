//! The Guardian's engine until 2022 ("frontend"): blocks with their parts named by class. Known from the outlet's own published
//! code and from programs that read it, not from a saved page. The ids of the blocks are those of today's engine, so a live
//! blog that was rebuilt keeps its entries.

use crate::css;
use crate::html::{self, ElementRef, Html, Nested, NodeId, body_of, text_of};
use crate::model::{Mark, Origin};
use crate::outlet::{Draft, DraftEntry, MOST_READ, Source};
use crate::time::Reading;

/// The page's blocks and what leads to older ones; nothing where it is not of this engine.
pub(super) fn read(page: &Html, source: &Source, draft: &mut Draft) -> bool {
    let blocks = || page.select(css!(r#".js-liveblog-body .block[id^="block-"]"#));
    if blocks().next().is_none() {
        return false;
    }
    let nested = Nested::of(blocks());
    draft.entries = blocks().take(MOST_READ).map(|block| entry(block, nested.within(block), source)).collect();
    let leads = |link: Option<ElementRef>| link.and_then(|link| source.links.link(link.attr("href")?));
    draft.older = leads(html::first(page, css!(".liveblog-navigation__older a[href]")));
    draft.window = leads(html::first(page, css!(".liveblog-navigation__newer a[href]"))).is_some();
    true
}

fn entry(block: ElementRef, nested: &[NodeId], source: &Source) -> DraftEntry {
    let stamp = |time: Option<ElementRef>| Some(Reading::of(time?.attr("datetime")?, Origin::Attribute));
    let published = stamp(block.select(css!(".published-time time[datetime]")).next());
    let mut entry = DraftEntry::at(published.unwrap_or_else(Reading::none));
    entry.updated = stamp(block.select(css!(".updated-time time[datetime]")).next());
    entry.headline = block.select(css!(".block-title")).next().map(text_of).filter(|headline| !headline.is_empty());
    let body = block.select(css!(".block-elements")).next();
    entry.body = body_of(body.iter().flat_map(|body| body.children()), nested, &source.links);
    let link = block.select(css!(r##".block-time__link[href*="#block-"]"##)).next();
    entry.permalink = link.and_then(|link| source.links.link(link.attr("href")?));
    let class = |name: &str| block.value().classes().any(|class| class == name);
    let marks = [("is-key-event", Mark::KeyEvent), ("is-summary", Mark::Summary)];
    entry.marks = marks.into_iter().filter(|(name, _)| class(name)).map(|(_, mark)| mark).collect();
    entry.native = block.attr("id").map(str::to_owned);
    entry
}
