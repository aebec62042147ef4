//! What is counted of a query: against reading everything and counting oneself.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use tidings::identity::blog_id;
use tidings::store::{Query, Scope, Shown, Topic};

use super::{everything, found, live, minute, words};

/// Each of `queries` with each of `options`.
fn crossed<T: Clone>(queries: Vec<Query>, options: &[T], put: impl Fn(&mut Query, T)) -> Vec<Query> {
    let with = |query: &Query, option: &T| {
        let mut query = query.clone();
        put(&mut query, option.clone());
        query
    };
    queries.iter().flat_map(|query| options.iter().map(move |option| with(query, option))).collect()
}

#[tokio::test]
async fn what_is_counted_is_what_there_is_by_outlet_and_stretch() {
    let desk = live(7, 200, async |_| {}).await;
    let all = desk.all().await;
    let blogs = vec![blog_id("river", "1"), blog_id("sea", "2"), blog_id("lake", "3")];
    let scopes = [
        Scope::Everything,
        Scope::Outlet("river".into()),
        Scope::Outlet("moon".into()),
        Scope::Blog(blog_id("lake", "0")),
        Scope::Blog(blog_id("moon", "0")),
        Scope::Topic(Topic { name: "a".into(), title: "A".into(), blogs }),
    ];
    let bounds = [(None, None), (Some(minute(-20)), Some(minute(41))), (Some(minute(33)), None)];
    // Between two saves: those of one minute follow each other by milliseconds in the log.
    let instants = [None, Some(minute(50) + TimeDelta::seconds(30)), Some(minute(1000))];

    let queries = crossed(vec![everything(1)], &scopes, |query, scope| query.scope = scope);
    let queries = crossed(queries, &[vec![], vec!["lake".into(), "sea".into()]], |query, outlets| query.outlets = outlets);
    let queries = crossed(queries, &bounds, |query, bounds| (query.since, query.until) = bounds);
    let queries = crossed(queries, &instants, |query, as_of| query.as_of = as_of);
    let queries = crossed(queries, &[None, words("harbour")], |query, text| query.text = text);
    let mut counted = 0;
    for query in &queries {
        let needles: &[&str] = if query.text.is_some() { &["harbour"] } else { &[] };
        let there = |shown: &&Shown| query.as_of.is_none_or(|as_of| shown.life.first_seen <= as_of);
        let expected: Vec<&Shown> = found(&all, query, needles, None).into_iter().filter(there).collect();
        for minutes in [10, 60, 1440] {
            let mut outlets = BTreeMap::<_, BTreeMap<_, u32>>::new();
            for shown in &expected {
                let seconds = shown.entry.published.at.timestamp();
                let begin = DateTime::from_timestamp(seconds - seconds.rem_euclid(minutes * 60), 0).unwrap();
                *outlets.entry(shown.head.outlet.clone()).or_default().entry(begin).or_default() += 1;
            }
            let tally = desk.store.tally(query, TimeDelta::minutes(minutes)).await.unwrap();
            counted += expected.len();
            assert_eq!(tally.outlets, outlets, "{query:?}, {minutes} minutes");
        }
    }
    assert!(counted > 10_000, "{counted}");
}
