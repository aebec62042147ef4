//! Manners towards an outlet: its robots.txt, one request at a time, rest when it asks for it.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tidings::fetch::{FetchError, FetchSettings, Fetched, Fetcher, Reach, Validators};

use crate::outlet_server::{Answer, OutletServer};

fn now() -> DateTime<Utc> {
    "2022-01-10T19:00:00Z".parse().unwrap()
}

fn quick() -> FetchSettings {
    FetchSettings { gap: Duration::ZERO, header_timeout: Duration::from_millis(300), ..FetchSettings::default() }
}

struct Visitor(Fetcher, OutletServer);

impl Visitor {
    async fn with(settings: FetchSettings) -> Visitor {
        let outlet = OutletServer::start().await;
        outlet.answer("/live", Answer::html("<p>news</p>"));
        Visitor(Fetcher::new(&settings).unwrap(), outlet)
    }

    async fn get(&self, path: &str) -> Result<Fetched, FetchError> {
        self.0.get(&self.1.url(path), Reach::Anywhere, &Validators::default(), &now).await
    }

    fn robots(&self, text: &str) {
        self.1.answer("/robots.txt", Answer::status(200).body(text).header("Content-Type", "text/plain"));
    }
}

#[tokio::test]
async fn a_robots_txt_is_asked_for_once_and_kept_to() {
    let visitor = Visitor::with(quick()).await;
    visitor.robots("User-agent: *\nDisallow: /private\nAllow: /private/live?ours=1\n");
    visitor.1.answer("/private/live?ours=1", Answer::html("x"));
    for _ in 0..3 {
        visitor.get("/live").await.unwrap();
        visitor.get("/private/live?ours=1#top").await.unwrap();
        let error = visitor.get("/private/live?ours=2").await.unwrap_err();
        let told =
            format!("{}: the robots.txt there forbids it (`Disallow: /private`)", visitor.1.url("/private/live?ours=2"));
        assert_eq!(error.to_string(), told);
    }
    assert_eq!((visitor.1.asked_for_robots(), visitor.1.asked().len()), (1, 6), "what is forbidden is not asked for");
}

#[tokio::test]
async fn the_rules_for_our_own_name_count() {
    let robots = "User-agent: *\nDisallow: /\nUser-agent: tidings\nDisallow: /x\nUser-agent: other\nDisallow: /live\n";
    for (user_agent, free) in [("tidings/0.1 (reader)", true), ("Other/1", false), ("unknown", false)] {
        let visitor = Visitor::with(FetchSettings { user_agent: user_agent.into(), ..quick() }).await;
        visitor.robots(robots);
        assert_eq!(visitor.get("/live").await.is_ok(), free, "{user_agent}");
    }
}

/// None there is a yes; none to be had is a no.
#[tokio::test]
async fn what_a_missing_and_what_a_failing_robots_txt_means() {
    for (answer, free) in [
        (Answer::status(404), true),
        (Answer::status(403), true),
        (Answer::status(410), true),
        (Answer::html("<title>Not here</title>"), true),
        (Answer::redirect("/elsewhere.txt"), false),
        (Answer::redirect("/gone.txt"), true),
        (Answer::redirect("/robots.txt"), false),
        (Answer::status(429), false),
        (Answer::status(500), false),
        (Answer::status(503).header("Retry-After", "60"), false),
        (Answer::hang(), false),
        (Answer::raw(""), false),
        (Answer::html("User-agent: *").cut_after(3), false),
        (Answer::html("User-agent: *\nDisallow: /live").gzip(), false),
        (Answer::html("User-agent: *\nAllow: /").gzip().short_by(1), false),
        (Answer::html("x").header("Content-Encoding", "compress"), false),
    ] {
        let visitor = Visitor::with(quick()).await;
        visitor.1.answer("/robots.txt", answer.clone());
        visitor.1.answer("/elsewhere.txt", Answer::html("User-agent: *\nDisallow: /"));
        let got = visitor.get("/live").await;
        assert_eq!(got.is_ok(), free, "{answer:?}: {got:?}");
        let pages = visitor.1.asked().iter().filter(|asked| asked.path == "/live").count();
        assert_eq!(pages, usize::from(free), "{answer:?}");
    }
}

#[tokio::test]
async fn a_robots_txt_without_an_end_is_read_to_the_limit() {
    let visitor = Visitor::with(quick()).await;
    let endless = format!("User-agent: *\nDisallow: /x\n{}", "# and on it goes\n".repeat(400_000));
    visitor.robots(&endless);
    visitor.get("/live").await.unwrap();
    assert!(matches!(visitor.get("/x").await, Err(FetchError::Forbidden { .. })));
}

#[tokio::test]
async fn each_hop_has_its_own_robots_txt() {
    let (visitor, other) = (Visitor::with(quick()).await, OutletServer::start().await);
    other.answer("/robots.txt", Answer::status(200).body("User-agent: *\nDisallow: /there"));
    other.answer("/there", Answer::html("x"));
    visitor.1.answer("/moved", Answer::redirect(other.url("/there").as_str()));
    let error = visitor.get("/moved").await.unwrap_err();
    assert!(matches!(&error, FetchError::Forbidden { url, .. } if *url == other.url("/there")), "{error}");
    assert_eq!((other.asked_for_robots(), other.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_failing_robots_txt_is_not_asked_for_by_every_page() {
    let visitor = Visitor::with(quick()).await;
    visitor.1.answers("/robots.txt", [Answer::status(500), Answer::status(404)]);
    let told = "not fetched, since its robots.txt can't be read: the outlet answered with status 500";
    for path in ["/live", "/other", "/live"] {
        assert!(visitor.get(path).await.unwrap_err().to_string().ends_with(told));
    }
    assert_eq!((visitor.1.asked_for_robots(), visitor.1.asked().len()), (1, 0));
}

/// Who asks for rest on one address gets it on all of them.
#[tokio::test]
async fn a_host_that_asks_for_rest_is_left_alone() {
    let visitor = Visitor::with(quick()).await;
    visitor.1.answer("/busy", Answer::status(429).header("Retry-After", "120"));
    assert_eq!(visitor.get("/busy").await.unwrap_err().retry_after(), Some(Duration::from_secs(120)));
    let error = visitor.get("/live").await.unwrap_err();
    assert!(matches!(error, FetchError::Resting { left, .. } if left > Duration::from_secs(110)), "{error}");
    assert_eq!(visitor.1.asked().len(), 1);
}

/// So does who asks for it where only its robots.txt was asked for.
#[tokio::test]
async fn a_robots_txt_that_asks_for_rest_is_heeded() {
    let (visitor, other) = (Visitor::with(quick()).await, OutletServer::start().await);
    visitor.1.answer("/robots.txt", Answer::status(503).header("Retry-After", "120"));
    let error = visitor.get("/live").await.unwrap_err();
    assert!(matches!(error, FetchError::RobotsUnknown { .. }), "{error}");
    // The same host under another port, of which nothing is known yet.
    let error = visitor.0.get(&other.url("/live"), Reach::Anywhere, &Validators::default(), &now).await.unwrap_err();
    assert!(matches!(error, FetchError::Resting { left, .. } if left > Duration::from_secs(110)), "{error}");
    assert_eq!((visitor.1.asked_for_robots(), other.asked_for_robots()), (1, 0));
}

#[tokio::test]
async fn two_visits_to_a_host_have_a_gap_between_them() {
    let gap = Duration::from_millis(250);
    let visitor = Visitor::with(FetchSettings { gap, ..quick() }).await;
    let begun = Instant::now();
    let (one, two, three) = tokio::join!(visitor.get("/live"), visitor.get("/live"), visitor.get("/live"));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert!(begun.elapsed() >= 2 * gap, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_head_of_an_answer_has_its_own_limit() {
    let visitor = Visitor::with(quick()).await;
    visitor.1.answer("/live", Answer::hang());
    let told = format!("{}: no answer within 300ms", visitor.1.url("/live"));
    assert_eq!(visitor.get("/live").await.unwrap_err().to_string(), told);
}

#[tokio::test]
async fn what_one_live_blog_is_allowed_another_is_not() {
    let visitor = Visitor::with(quick()).await;
    visitor.get("/live").await.unwrap();
    let error = visitor.0.get(&visitor.1.url("/live"), Reach::Public, &Validators::default(), &now).await.unwrap_err();
    assert!(matches!(error, FetchError::NotPublic { .. }), "{error}");
    assert_eq!(visitor.1.asked().len(), 1);
}

#[tokio::test]
async fn who_runs_it_can_be_reached() {
    let contact = Some("desk@example.org".to_owned());
    let visitor = Visitor::with(FetchSettings { contact, ..quick() }).await;
    visitor.get("/live").await.unwrap();
    let told = concat!("tidings/", env!("CARGO_PKG_VERSION"), " (live-blog feed reader; +desk@example.org)");
    assert_eq!(visitor.1.asked()[0].header("User-Agent"), Some(told));
}
