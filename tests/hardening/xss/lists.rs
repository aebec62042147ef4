//! The same on the pages that show entries of many live blogs.

use super::*;
use tidings::store::SourceState;

/// Vectors in one store, so that all of its entries fit on one timeline.
const IN_A_STORE: usize = 90 * ON_A_PAGE;

/// A text for each number, of which no other says anything.
fn text(number: usize) -> String {
    let syllables = ["ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu"];
    let word = |number: usize| -> String {
        format!("{number:04}").bytes().map(|digit| syllables[usize::from(digit - b'0')]).collect()
    };
    // In small letters, and by names.
    let pair = |nth: usize| word(2 * nth) + " " + &word(2 * nth + 1)[..1].to_uppercase() + &word(2 * nth + 1)[1..];
    (6 * number..6 * number + 6).map(pair).collect::<Vec<_>>().join(" ")
}

/// The pages that show entries of many: the timeline, some stories, and the followed addresses, whose titles and problems are the
/// vectors too. Each with the cleaned bodies, which stand on it as they are.
async fn lists(vectors: &[Vector]) -> Vec<(String, Vec<String>)> {
    let links = Links::new(Some(&"https://news.example/live".parse().unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let (mut bodies, mut ids) = (Vec::new(), Vec::new());
    for outlet in ["lake", "hill"] {
        let mut entries = Vec::new();
        for (number, some) in vectors.chunks(ON_A_PAGE).enumerate() {
            let clean = some.iter().map(|vector| body_of_markup(&vector.html, &links).unwrap_or_default().html);
            let body_html: String = clean.collect();
            bodies.push(body_html.replace("<img ", &format!("<img {MANNERS} ")));
            let entry = Entry {
                headline: Some(fold(&some[0].html)),
                byline: some.iter().map(|vector| fold(&vector.html)).collect(),
                permalink: links.link(&format!("/x?{}", some[0].html)),
                body_html,
                body_text: text(number),
                ..sample::entry(&number.to_string(), 5)
            };
            ids.push(entry_id(outlet, "1", &entry.key));
            entries.push(entry);
        }
        let mut blog = sample::blog(outlet, "1", entries);
        blog.head.headline = fold(&vectors[0].html);
        blog.head.outlet_name = fold(&vectors[vectors.len() / 2].html);
        store.save(&Reading::new(&blog, sample::minute(9)), None, None).await.unwrap();
    }
    let sources = vectors.iter().step_by(ON_A_PAGE).enumerate().map(|(number, vector)| SourceState {
        title: Some(fold(&vector.html)),
        last_error: Some(vector.html.clone()),
        why: Some(vector.html.clone()),
        failures: 1,
        ..SourceState::new(format!("https://lake.example/{number}?{}", fold(&vector.html)), 60, sample::minute(0))
    });
    store.follow(&sources.collect::<Vec<_>>(), true).await.unwrap();
    let stories = store.stories_of(&ids, None).await.unwrap();
    let stories: BTreeSet<_> = stories.values().map(|story| story.id).collect();
    assert!(stories.len() * ON_A_PAGE * 2 > vectors.len(), "{} stories", stories.len());
    let paths = stories.iter().take(9).map(|id| format!("/stories/{id}"));
    let mut pages = Vec::new();
    for path in ["/?limit=200".to_owned(), "/sources".to_owned()].into_iter().chain(paths) {
        let page = shown_at(store.clone(), &path).await;
        let mut shown: Vec<String> =
            bodies.iter().filter(|body| !body.is_empty() && page.contains(*body)).cloned().collect();
        // One may be a part of another.
        shown.sort_by_key(|body| std::cmp::Reverse(body.len()));
        let some = bodies.iter().filter(|body| !body.is_empty()).count();
        assert!(path != "/?limit=200" || some > 0 && shown.len() == some, "{} of {some} bodies", shown.len());
        pages.push((page, shown));
    }
    pages
}

#[tokio::test]
async fn no_vector_changes_a_list_of_entries() {
    let vectors = vectors("no_vector_changes_a_list_of_entries");
    if vectors.is_empty() {
        return;
    }
    let without = |page: &str, bodies: &[String]| bodies.iter().fold(page.to_owned(), |page, body| page.replace(body, ""));
    let words: Vec<Vector> =
        (0..9 * ON_A_PAGE).map(|number| Vector { id: String::new(), html: format!("word {number}") }).collect();
    let mut plain = BTreeSet::new();
    for (page, bodies) in lists(&words).await {
        plain.extend(around(&without(&page, &bodies), "-").0);
    }
    let (mut found, mut looked, mut with_bodies, mut harmed) = (BTreeSet::new(), 0, 0, false);
    for some in vectors.chunks(IN_A_STORE) {
        for (page, bodies) in lists(some).await {
            let page = without(&page, &bodies);
            let (kinds, addresses) = around(&page, "-");
            found.extend(kinds.difference(&plain).cloned().chain(addresses));
            looked += 1;
            with_bodies += usize::from(!bodies.is_empty());
            // The proof that it can fail: the same page without its escapes.
            let raw = page.replace("&#60;", "<").replace("&#62;", ">").replace("&lt;", "<").replace("&gt;", ">");
            harmed |= around(&raw, "-").0.difference(&plain).next().is_some();
        }
    }
    assert!(found.is_empty(), "{} are dangerous:\n{:#?}", found.len(), found);
    assert!(harmed && looked >= 20 && with_bodies * 2 > looked, "{with_bodies} of {looked} pages");
}
