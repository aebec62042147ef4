//! An outlet whose pages are different whenever they are asked for: something new, something edited, something taken back.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::live_page::LivePage;

/// Entries that a page shows at most: older ones are paged away.
const SHOWN: usize = 12;

/// Listens until the test ends.
pub struct Newsroom {
    /// `http://127.0.0.1:…`.
    pub base: String,
}

impl Newsroom {
    pub fn open() -> Newsroom {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut asked = HashMap::<String, i64>::new();
            for stream in listener.incoming() {
                // One at a time is enough, and who is killed in the middle is nobody's loss.
                let Ok(mut stream) = stream else { continue };
                let mut lines = BufReader::new(&stream).lines();
                let Some(Ok(first)) = lines.next() else { continue };
                lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let body = if path.starts_with("/live/") {
                    let times = asked.entry(path.clone()).or_default();
                    *times += 1;
                    page(&path, *times)
                } else {
                    String::new()
                };
                let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        Newsroom { base }
    }
}

/// The page at `path` when it is asked for the nth time.
fn page(path: &str, nth: i64) -> String {
    let mut page = LivePage::new(path);
    for number in 1..=nth + 2 {
        // Two live blogs with the same words would be one that has moved.
        let update = page.add(&format!("upd{}-{}", path.replace('/', "-"), 4_411 * number), number);
        update.headline = format!("Line {} has a delay, number {number}", path.rsplit('/').next().unwrap_or_default());
        update.body = format!("Nobody knows at {path} what happened to ferry {number}. ").repeat(1 + number as usize % 3);
        // What was written lately is rewritten: a story grows.
        let words = nth + 2 - number;
        if words < 4 {
            update.body += &" The harbour master says more.".repeat(words as usize);
        }
    }
    page.updates.truncate(SHOWN);
    // One is taken back for two turns in every five.
    if nth % 5 >= 3 && page.updates.len() > 4 {
        page.updates.remove(2);
    }
    page.html()
}
