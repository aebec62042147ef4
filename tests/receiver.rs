//! Somebody who is sent things: a server on 127.0.0.1 that remembers what it was sent and answers as it is told to. Asked to confirm
//! a subscription (WebSub section 5.3), it repeats the challenge unless it is told not to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use url::Url;

/// When a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listening receiver; it stops when it is dropped.
pub struct Receiver {
    base: Url,
    desk: Arc<Mutex<Desk>>,
    listening: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Desk {
    received: Vec<Received>,
    answers: VecDeque<Answer>,
    challenge: Option<String>,
}

/// How one message is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With this status, and nothing more.
    Status(u16),
    /// With a redirect to this address.
    Redirect(String),
    /// Not at all.
    Hang,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Received {
    /// The values of a header, whatever its case.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let value = |line: &'_ str| line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        let lines = self.head.lines().skip(1).filter(|line| value(line));
        lines.filter_map(|line| line.split_once(':')).map(|(_, value)| value.trim()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let url = Url::parse("http://x/").unwrap().join(&self.path).unwrap();
        url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// Whether `signature` is that of the body by `secret`.
    pub fn is_signed(&self, signature: &str, secret: &str) -> bool {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(&self.body);
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        signature == format!("sha256={digest}")
    }
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let desk = Arc::new(Mutex::new(Desk::default()));
        let listening = tokio::spawn(receive(listener, desk.clone()));
        Receiver { base, desk, listening }
    }

    /// The address of a path, which begins with `/`.
    pub fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    /// Answers the next messages so; whatever comes after them is answered with 204.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.desk.lock().unwrap().answers = answers.into_iter().collect();
    }

    /// Answers challenges with this instead of repeating them.
    pub fn challenged(&self, answer: &str) {
        self.desk.lock().unwrap().challenge = Some(answer.to_owned());
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Received> {
        self.desk.lock().unwrap().received.clone()
    }

    /// What it was sent so far, as soon as `enough` of it was.
    #[track_caller]
    pub fn until(&self, enough: impl Fn(&[Received]) -> bool + Send) -> impl Future<Output = Vec<Received>> + Send {
        let (desk, place) = (self.desk.clone(), std::panic::Location::caller());
        async move {
            let begun = Instant::now();
            loop {
                let received = desk.lock().unwrap().received.clone();
                if enough(&received) {
                    return received;
                }
                let paths: Vec<String> = received.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
                assert!(begun.elapsed() < PATIENCE, "{place}: it stays at {paths:?}");
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn receive(listener: TcpListener, desk: Arc<Mutex<Desk>>) {
    let mut visits = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        visits.spawn(visit(stream, desk.clone()));
    }
}

async fn visit(mut stream: TcpStream, desk: Arc<Mutex<Desk>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    let mut words = head.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let received = Received { method, path, head, body, at: Instant::now() };
    let challenge = received.parameter("hub.challenge");
    let (answer, repeated) = {
        let mut desk = desk.lock().unwrap();
        desk.received.push(received);
        let repeated = challenge.map(|challenge| desk.challenge.clone().unwrap_or(challenge));
        let answer = if repeated.is_some() { None } else { desk.answers.pop_front() };
        (answer.unwrap_or(Answer::Status(if repeated.is_some() { 200 } else { 204 })), repeated)
    };
    let body = repeated.unwrap_or_default();
    let told = match answer {
        Answer::Status(status) => {
            format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        }
        Answer::Redirect(there) => {
            format!("HTTP/1.1 308 Told\r\nLocation: {there}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Answer::Hang => return std::future::pending().await,
    };
    // The other side may have gone away by now.
    let _ = stream.write_all(told.as_bytes()).await;
    let _ = stream.shutdown().await;
}
