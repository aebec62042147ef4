//! A thousand queries: none is too much, and each wrong one is refused.

use super::*;

/// Queries: each parameter that there is (and some that are not) with each value that has been one too many somewhere.
fn queries() -> Vec<String> {
    let long = "a".repeat(64 << 10);
    let values = [
        "",
        "0",
        "-1",
        "1",
        "1e9",
        "1000000000",
        "99999999999999999999",
        "NaN",
        "Infinity",
        "-0",
        "0x10",
        "1.5",
        "%2B1",
        "+1",
        "%201",
        "1;limit=2",
        "%00",
        "a%00b",
        "%0d%0a",
        "%ff%fe",
        "%",
        "%zz",
        "%u0041",
        "\u{fffd}",
        "%F0%9F%A6%80",
        "'",
        "%22",
        "' OR 1=1--",
        "%27%3B%20DROP%20TABLE%20entry%3B--",
        "*",
        "a*",
        "NEAR(a%20b)",
        "a%20AND%20OR",
        "-a",
        "(((((((",
        "^a",
        "scope:x",
        "%7Ba%7D",
        "9999-12-31T23:59:59Z",
        "0000-00-00",
        "2022-02-30",
        "1969-12-31",
        "2262-04-12T00:00:00Z",
        "-262144-01-01T00:00:00Z",
        "2022-01-06T15:00:00+99:99",
        "append",
        "inplace,append",
        "urn:uuid:",
        "../../etc/passwd",
        "%3Cscript%3E",
        "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v",
        ",,,,",
        "null",
        "[]",
        "{}",
        "true",
        "http://127.0.0.1/",
        &long,
    ];
    let names = [
        "limit",
        "since",
        "until",
        "outlet",
        "author",
        "q",
        "key_events",
        "as_of",
        "edits",
        "withdrawn",
        "after",
        "kind",
        "blog",
        "cursor",
        "key",
        "url",
        "callback",
        "",
    ];
    let addresses = [
        "/feed.rss",
        "/feed.atom",
        "/feed.json",
        "/outlets/independent/feed.json",
        "/outlets/none/feed.rss",
        "/api/v1/changes",
        "/api/v1/entries",
        "/api/v1/blogs",
        "/archive/1",
        "/",
        "/healthz",
        "/openapi.json",
        "/style.css",
    ];
    let mut all = Vec::new();
    for address in addresses {
        for name in names {
            all.extend(values.iter().map(|value| format!("{address}?{name}={value}")));
        }
        for odd in
            ["limit=1&limit=2", "limit=1&limit=1", "limit[]=1", "limit", "&&&&", "?limit=1", "limit=1#x", "=&=&=", "LIMIT=1"]
        {
            all.push(format!("{address}?{odd}"));
        }
        all.push(format!("{address}?{}", "limit=1&".repeat(1_500)));
        all.push(format!("{address}?{}", (0..700).map(|number| format!("p{number}=1&")).collect::<String>()));
    }
    all
}

#[test]
fn no_query_is_too_much() {
    let (_folder, serving) = serving("");
    let all = queries();
    // Each value with each name somewhere; a full run has all of them everywhere.
    let step = if full() { 1 } else { 7 };
    let mut wire = Wire::new(&serving.address);
    let (mut found, mut asked, mut slowest) = (Vec::new(), 0, (Duration::ZERO, ""));
    let mut statuses = BTreeSet::new();
    let long = |query: &str| (4_096..20_000).contains(&query.len());
    for (_, query) in all.iter().enumerate().filter(|(number, query)| number % step == 0 || long(query)) {
        let from = Instant::now();
        // A space and what is not ASCII are escaped by every client.
        let target: String = query.chars().map(|c| if c == ' ' { "%20".into() } else { String::from(c) }).collect();
        let answer = wire.get(target.as_bytes());
        let took = from.elapsed();
        let shown: String = query.chars().take(120).collect();
        found.extend(wrong(&answer).map(|wrong| format!("{shown}: {wrong}")));
        found.extend((took > PATIENCE).then(|| format!("{shown}: takes {took:.1?}")));
        if took > slowest.0 {
            slowest = (took, query);
        }
        statuses.insert(answer.status);
        asked += 1;
    }
    assert!(asked >= 1_000, "{asked} queries");
    assert!([200, 400, 404, 414, 431].iter().all(|status| statuses.contains(status)), "not all are answered: {statuses:?}");
    assert!(found.is_empty(), "{} of {asked}:\n{}", found.len(), found[..found.len().min(40)].join("\n"));
    if full() {
        say(&format!("{asked} queries: {statuses:?}; the slowest took {:.1?}: {:.120}", slowest.0, slowest.1));
    }
    assert!(!serving.stop("TERM").contains("ERROR"));
}
