//! Stories as they are served: their pages, what an entry tells of them, and what a feed may tell without changing when nothing
//! in it does.

use axum::http::StatusCode;
use tidings::identity::{entry_id, story_id};
use tidings::model::{Entry, LiveBlog};

use super::Served;
use crate::sample::{blog, entry};

const LANDED: &str =
    "The tanker Maria Grey has run aground on Tern Island with 60,000 tonnes of crude oil, the coastguard said.";

pub fn telling(outlet: &str, at: i64, headline: &str) -> LiveBlog {
    let body_html = format!("<p>{LANDED}</p>");
    let told = Entry { headline: Some(headline.into()), body_html, body_text: LANDED.into(), ..entry("x", at) };
    blog(outlet, "live", vec![told])
}

/// A story that two outlets tell, and its id.
pub async fn told_by_two(served: &Served) -> uuid::Uuid {
    served.save(&telling("lake", 5, "Tanker <aground>"), 30).await;
    served.save(&telling("hill", 17, "Oil tanker on Tern Island"), 31).await;
    story_id(entry_id("lake", "live", "x"))
}

#[tokio::test]
async fn a_story_is_a_page_and_json_and_every_entry_tells_of_it() {
    let served = Served::empty().await;
    let story = told_by_two(&served).await;
    let (lake, hill) = (entry_id("lake", "live", "x"), entry_id("hill", "live", "x"));

    let json = served.get(&format!("/stories/{story}.json")).await.json();
    assert_eq!(json["id"], story.urn().to_string());
    let told: Vec<_> = json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (&entry["live_blog"]["outlet"], &entry["first"], &entry["minutes"]))
        .collect();
    assert_eq!(told, [(&"lake".into(), &true.into(), &0.into()), (&"hill".into(), &false.into(), &12.into())]);
    let page = served.get(&format!("/stories/{story}")).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for part in ["First at <strong>LAKE</strong>", "Tanker &#60;aground&#62;", "12 min later", &format!("../entries/{hill}")]
    {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let tag = [("if-none-match", page.header("etag").unwrap())];
    let again = served.ask(axum::http::Method::GET, &format!("/stories/{story}"), &tag).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);

    let life = served.get(&format!("/entries/{hill}.json")).await.json();
    let also = &life["story"]["also"][0];
    assert_eq!((&life["story"]["first"], &also["minutes"], &also["first"]), (&false.into(), &(-12).into(), &true.into()));
    assert_eq!(also["id"], lake.urn().to_string());
    let page = served.get(&format!("/entries/{lake}")).await;
    let line = format!(
        "First here. Also at <a href=\"../entries/{hill}\" title=\"Oil tanker on Tern Island\">HILL</a> 12 min later"
    );
    assert!(page.text().contains(&line), "{}", page.text());
    let list = served.get("/api/v1/entries").await.json();
    assert!(list["entries"].as_array().unwrap().iter().all(|entry| entry["story"]["id"] == story.urn().to_string()));

    for (path, status) in [
        (format!("/stories/{lake}"), StatusCode::NOT_FOUND),
        ("/stories/x.json".into(), StatusCode::NOT_FOUND),
        (format!("/stories/{story}?x=1"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(served.get(&path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_feed_tells_of_a_story_only_with_a_change_of_the_entry() {
    let served = Served::empty().await;
    served.save(&telling("lake", 5, "Tanker aground"), 6).await;
    let before = served.get("/outlets/lake/feed.json").await;
    served.save(&telling("hill", 17, "Oil tanker on Tern Island"), 18).await;
    let story = story_id(entry_id("lake", "live", "x")).urn().to_string();

    // Nothing has changed at that outlet, so neither has its feed.
    let after = served.get("/outlets/lake/feed.json").await;
    assert_eq!((after.text(), after.header("etag")), (before.text(), before.header("etag")));
    let stories = |answer: &super::Answer| {
        let json = answer.json();
        let of = |item: &serde_json::Value| {
            (item["title"].as_str().unwrap().to_owned(), item["_tidings"]["story"]["id"].as_str().map(str::to_owned))
        };
        json["items"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let all = served.get("/feed.json").await;
    let expected = [("Oil tanker on Tern Island".to_owned(), Some(story.clone())), ("Tanker aground".to_owned(), None)];
    assert_eq!(stories(&all), expected);

    // An edit is a change, and tells what is known by then.
    served.save(&telling("lake", 5, "Tanker hard aground"), 30).await;
    let all = served.get("/feed.json").await;
    assert_eq!(stories(&all)[1], ("Tanker hard aground".to_owned(), Some(story)));
    // As it stood, byte for byte.
    let then = served.get("/outlets/lake/feed.json?as_of=2022-01-07T12:20:00Z").await.json();
    assert_eq!(then["items"], before.json()["items"]);
}

#[tokio::test]
async fn a_timeline_tells_who_else_has_it_and_who_had_it_first() {
    let served = Served::empty().await;
    served.save(&telling("lake", 5, "Tanker aground"), 6).await;
    let (lake, hill) = (entry_id("lake", "live", "x"), entry_id("hill", "live", "x"));
    let alone = served.get("/outlets/lake").await;
    assert!(!alone.text().contains("Also at"), "{}", alone.text());
    served.save(&telling("hill", 17, "Oil tanker on Tern Island"), 18).await;

    // Nothing of that outlet has changed, and yet what is told beside its entry has.
    let page = served.get("/outlets/lake").await;
    let first = format!(
        "First here. Also at <a href=\"../entries/{hill}\" title=\"Oil tanker on Tern Island\">HILL</a> 12 min later."
    );
    assert!(page.text().contains(&first), "{}", page.text());
    let all = served.get("/").await;
    let second = format!("entries/{lake}\" title=\"Tanker aground\">LAKE</a> 12 min earlier, first.");
    let side_by_side = format!("stories/{}\">", story_id(lake));
    assert!(all.text().contains(&second) && all.text().contains(&side_by_side), "{}", all.text());
    // As it stood before anybody else had it.
    let then = served.get("/?as_of=2022-01-07T12:10:00Z").await;
    assert!(then.text().contains("Tanker aground") && !then.text().contains("Also at"), "{}", then.text());
}
