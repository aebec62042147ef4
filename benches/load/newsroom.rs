//! The outlet, on this machine.

use super::*;

/// The outlet whose live blogs are followed.
pub struct Newsroom {
    ports: Vec<SocketAddr>,
    /// Whether something new has happened each time somebody asks.
    pub busy: AtomicBool,
    pub asked: AtomicU64,
    /// Entries that each live blog has had.
    written: Vec<AtomicU64>,
    /// When the first of them were published: who has been silent for a day is hardly asked any more.
    pub start: DateTime<Utc>,
}

#[expect(clippy::disallowed_methods, reason = "a program of its own has to read the clock")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// How far their times lie back, in seconds: they pass faster than the clock, and nothing is published before it is written.
const AHEAD: i64 = 600;

impl Newsroom {
    pub fn open() -> Arc<Newsroom> {
        let listeners: Vec<TcpListener> =
            (1..=HOSTS).map(|host| TcpListener::bind(format!("127.0.0.{host}:0")).expect("a free port")).collect();
        let newsroom = Arc::new(Newsroom {
            ports: listeners.iter().map(|listener| listener.local_addr().expect("an address")).collect(),
            busy: AtomicBool::new(true),
            asked: AtomicU64::new(0),
            written: (0..BLOGS).map(|_| AtomicU64::new(SHOWN)).collect(),
            start: now() - TimeDelta::seconds((APART * (SHOWN + 1)) as i64 + AHEAD),
        });
        for listener in listeners {
            let newsroom = newsroom.clone();
            std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| newsroom.answer(&stream)));
        }
        newsroom
    }

    pub fn url(&self, blog: usize) -> String {
        format!("http://{}/live/{blog}", self.ports[blog % HOSTS])
    }

    fn answer(&self, mut stream: &std::net::TcpStream) {
        let mut lines = BufReader::new(stream).lines();
        let Some(Ok(first)) = lines.next() else { return };
        lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
        let blog = first.split(' ').nth(1).and_then(|path| path.strip_prefix("/live/")?.parse::<usize>().ok());
        let (status, body) = match blog.filter(|blog| *blog < BLOGS) {
            Some(blog) => {
                self.asked.fetch_add(1, Relaxed);
                let new = u64::from(self.busy.load(Relaxed));
                ("200 OK", page(blog, self.start, self.written[blog].fetch_add(new, Relaxed) + new))
            }
            None => ("404 Not Found", String::new()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        // Who goes away in the middle is nobody's loss.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }
}

/// Words of a made-up language.
fn words(dice: &mut Dice, count: usize) -> String {
    const SYLLABLES: [&str; 16] =
        ["ka", "lo", "mi", "tu", "re", "sa", "no", "pe", "di", "va", "gu", "fe", "ho", "zi", "ba", "ro"];
    let word = |dice: &mut Dice| (0..3).map(|_| SYLLABLES[dice.below(16)]).collect::<String>();
    (0..count).map(|_| word(dice)).collect::<Vec<_>>().join(" ")
}

/// The page of a live blog that has had `written` entries.
fn page(blog: usize, start: DateTime<Utc>, written: u64) -> String {
    let address = format!("https://harbour{}.example/live/{blog}", blog % HOSTS);
    let updates: Vec<String> = (written.saturating_sub(SHOWN)..written)
        .rev()
        .map(|nth| {
            let at = (start + TimeDelta::seconds((APART * nth) as i64 + blog as i64 % APART as i64)).to_rfc3339();
            // Live blogs that share words and times would be one that has moved.
            let mut dice = Dice(blog as u64 * 1_000_003 + nth);
            let (headline, body) = (words(&mut dice, 7), words(&mut dice, 60));
            let id = format!("{address}#line{blog}-{nth}");
            format!(
                r#"{{"@type":"BlogPosting","@id":"{id}","url":"{id}","headline":"{headline}","datePublished":"{at}","articleBody":"{body}","author":{{"@type":"Person","name":"Ann Rower"}}}}"#
            )
        })
        .collect();
    format!(
        r#"<!doctype html><html lang=en><head><meta charset=utf-8><title>Line {blog}</title><link rel=canonical href="{address}"><script type="application/ld+json">{{"@context":"https://schema.org","@type":"LiveBlogPosting","url":"{address}","headline":"Line {blog} has a delay","publisher":{{"@type":"Organization","name":"Harbour Post {}"}},"coverageStartTime":"{}","liveBlogUpdate":[{}]}}</script></head><body><h1>Line {blog} has a delay</h1></body></html>"#,
        blog % HOSTS,
        start.to_rfc3339(),
        updates.join(",")
    )
}
