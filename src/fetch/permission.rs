//! What the robots.txt of an origin says, asked for once and remembered for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use tokio::time::Instant;
use url::{Position, Url};

use super::address::Reach;
use super::body::{self, Most};
use super::budget::Budget;
use super::gate::Visit;
use super::robots::{self, Robots};
use super::{FetchError, Inner, Validators, headers, redirect};

/// No answer is believed for longer.
const OLDEST: Duration = Duration::from_secs(24 * 3600);

/// From here on a new answer is asked for; until one comes the old one holds.
const OLD: Duration = Duration::from_secs(12 * 3600);

/// After an answer that did not come, for how long nobody asks again.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a robots.txt may take, redirects included.
const ROBOTS_TIME: Duration = Duration::from_secs(10);

/// How many origins are remembered; a page that redirects to ever new ones must not fill the memory.
const MOST_ORIGINS: usize = 1024;

/// Shared by all clones of a fetcher.
#[derive(Debug, Default)]
pub(super) struct Permissions(Mutex<HashMap<String, Known>>);

#[derive(Debug, Clone)]
struct Known {
    /// The last answer, and when it came.
    robots: Option<(Arc<Robots>, Instant)>,
    /// The last failure since then, and when that was.
    failed: Option<(String, Instant)>,
}

/// What is to be done before a page of an origin is asked for.
#[derive(Debug, PartialEq)]
pub(super) enum Standing {
    /// Its rules are known.
    Known(Arc<Robots>),
    /// They could not be read, and it is too early to ask again.
    Unknown(String),
    /// They are to be asked for.
    Ask,
}

/// Scheme, host and port: a robots.txt is about nothing else.
fn key(url: &Url) -> String {
    url.origin().ascii_serialization()
}

impl Permissions {
    pub(super) fn standing(&self, url: &Url) -> Standing {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.get(&key(url)) else { return Standing::Ask };
        let recent = known.failed.as_ref().filter(|(_, at)| at.elapsed() < PATIENCE);
        match (&known.robots, recent) {
            (Some((robots, at)), recent) if at.elapsed() < OLD || at.elapsed() < OLDEST && recent.is_some() => {
                Standing::Known(robots.clone())
            }
            (_, Some((reason, _))) => Standing::Unknown(reason.clone()),
            _ => Standing::Ask,
        }
    }

    /// Notes what came of asking, and says what holds now.
    pub(super) fn note(&self, url: &Url, answer: Result<Robots, String>) -> Result<Arc<Robots>, String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_ORIGINS && !all.contains_key(&key(url)) {
            let asked =
                |known: &Known| known.robots.iter().map(|(_, at)| *at).chain(known.failed.iter().map(|(_, at)| *at)).max();
            if let Some(oldest) = all.iter().min_by_key(|(_, known)| asked(known)).map(|(key, _)| key.clone()) {
                all.remove(&oldest);
            }
        }
        let known = all.entry(key(url)).or_insert(Known { robots: None, failed: None });
        match answer {
            Ok(robots) => {
                let robots = Arc::new(robots);
                *known = Known { robots: Some((robots.clone(), Instant::now())), failed: None };
                Ok(robots)
            }
            Err(reason) => {
                known.failed = Some((reason.clone(), Instant::now()));
                match &known.robots {
                    Some((robots, at)) if at.elapsed() < OLDEST => Ok(robots.clone()),
                    _ => Err(reason),
                }
            }
        }
    }
}

fn unknown(url: &Url, reason: String) -> FetchError {
    FetchError::RobotsUnknown { url: url.clone(), reason }
}

/// What the rules of its origin say of `url`.
fn obeyed(robots: &Robots, url: &Url) -> Result<(), FetchError> {
    match robots.forbids(&url[Position::BeforePath..Position::AfterQuery]) {
        Some(rule) => Err(FetchError::Forbidden { url: url.clone(), rule: rule.to_owned() }),
        None => Ok(()),
    }
}

impl Inner {
    /// What is known of `url` without asking anybody: an error where it may not be asked for.
    pub(super) fn not_forbidden(&self, url: &Url) -> Result<(), FetchError> {
        match self.permissions.standing(url) {
            Standing::Known(robots) => obeyed(&robots, url),
            Standing::Unknown(reason) => Err(unknown(url, reason)),
            Standing::Ask => Ok(()),
        }
    }

    /// Whether the robots.txt of `url`'s origin lets us ask for it.
    pub(super) async fn permitted(
        &self,
        url: &Url,
        reach: Reach,
        visit: &mut Visit<'_>,
        budget: &mut Budget,
        now: &(dyn Fn() -> DateTime<Utc> + Send + Sync),
    ) -> Result<(), FetchError> {
        let mut standing = self.permissions.standing(url);
        if standing == Standing::Ask {
            self.enter(url, reach, visit).await?;
            // Another visit to the same host may have asked while this one waited.
            standing = self.permissions.standing(url);
        }
        let robots = match standing {
            Standing::Known(robots) => Ok(robots),
            Standing::Unknown(reason) => Err(reason),
            Standing::Ask => {
                let mut part = budget.part(ROBOTS_TIME);
                let answer = self.robots(url, reach, visit, &mut part, now).await;
                budget.charge(&part);
                self.permissions.note(url, answer)
            }
        };
        let robots = robots.map_err(|reason| unknown(url, reason))?;
        if let Some(delay) = robots.delay {
            self.enter(url, reach, visit).await?;
            visit.slow_down(delay);
        }
        obeyed(&robots, url)
    }

    /// Asks for a robots.txt. One that is not there forbids nothing; of one that can't be read nobody knows what it forbids,
    /// and the error says why.
    async fn robots(
        &self,
        origin: &Url,
        reach: Reach,
        visit: &mut Visit<'_>,
        budget: &mut Budget,
        now: &(dyn Fn() -> DateTime<Utc> + Send + Sync),
    ) -> Result<Robots, String> {
        let mut way = vec![origin.join("/robots.txt").map_err(|error| error.to_string())?];
        loop {
            let here = &way[way.len() - 1];
            self.enter(here, reach, visit).await.map_err(|error| error.reason())?;
            let sent = self.send(here, reach, "text/plain, */*;q=0.5", &Validators::default(), budget).await;
            let mut response = sent.map_err(|error| error.reason())?;
            if redirect::is_redirect(response.status()) {
                let there = redirect::next(&way, response.headers(), self.settings.max_redirects)?;
                way.push(there);
                continue;
            }
            return match response.status() {
                status if status.is_success() => {
                    let most = Most { wire: robots::LONGEST, decoded: robots::LONGEST };
                    let read = budget.spend_rest(body::beginning(&mut response, most)).await;
                    let text = read.map_err(|_| "it did not come in time".to_owned())?;
                    let text = text.map_err(|error| error.into_error(here, &self.settings).reason())?;
                    Ok(Robots::read(&text, &self.agent))
                }
                // Too many requests is not "there is none".
                status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => Ok(Robots::default()),
                status => {
                    // Who asks for rest here gets it on every address of that host.
                    if let Some(pause) = headers::retry_after(status, response.headers(), now()) {
                        visit.rest(pause);
                    }
                    Err(format!("the outlet answered with status {}", status.as_u16()))
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_for_a_day_at_most() {
        let permissions = Permissions::default();
        let a = url("https://news.example/live");
        assert_eq!(permissions.standing(&a), Standing::Ask);
        let robots = permissions.note(&a, Ok(Robots::read(b"user-agent: *\ndisallow: /", "tidings"))).unwrap();
        assert_eq!(permissions.standing(&url("https://news.example/other")), Standing::Known(robots.clone()));
        for other in ["http://news.example/", "https://news.example:8443/", "https://www.news.example/"] {
            assert_eq!(permissions.standing(&url(other)), Standing::Ask, "{other}");
        }
        sleep(13 * HOUR).await;
        assert_eq!(permissions.standing(&a), Standing::Ask);
        assert_eq!(permissions.note(&a, Err("status 500".into())), Ok(robots.clone()), "the old answer still holds");
        assert_eq!(permissions.standing(&a), Standing::Known(robots), "and nobody asks again at once");
        sleep(HOUR).await;
        assert_eq!(permissions.standing(&a), Standing::Ask);
        sleep(10 * HOUR).await;
        assert_eq!(permissions.note(&a, Err("status 500".into())), Err("status 500".into()));
        assert_eq!(permissions.standing(&a), Standing::Unknown("status 500".into()));
        sleep(PATIENCE).await;
        assert_eq!(permissions.standing(&a), Standing::Ask);
    }

    #[tokio::test(start_paused = true)]
    async fn the_origin_not_asked_for_longest_is_forgotten() {
        let permissions = Permissions::default();
        for n in 0..=MOST_ORIGINS {
            let _ = permissions.note(&url(&format!("https://{n}.example/")), Ok(Robots::default()));
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(permissions.standing(&url("https://0.example/")), Standing::Ask);
        assert_ne!(permissions.standing(&url("https://1.example/")), Standing::Ask);
    }
}
