//! A client of server-sent events over a socket of its own: it reads the chunks as they come, and keeps to the standard where it
//! says what an event is (HTML Living Standard, section 9.2.6).

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// When a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open stream.
pub struct Listener {
    /// The head of the answer.
    pub head: String,
    /// What it would send as `Last-Event-ID`.
    pub last_id: Option<String>,
    /// Blocks without data that have come.
    pub beats: usize,
    stream: TcpStream,
    raw: Vec<u8>,
    text: Vec<u8>,
    ended: bool,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub id: Option<String>,
    /// `message` where the stream does not say.
    pub name: String,
    pub data: String,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    pub fn seq(&self) -> i64 {
        self.json()["seq"].as_i64().unwrap()
    }
}

impl Listener {
    /// Asks for `path` with more headers, and reads the head of the answer.
    pub async fn open(address: &str, path: &str, headers: &[(&str, &str)]) -> Listener {
        Listener::on(TcpStream::connect(address).await.unwrap(), path, headers).await
    }

    /// The same with little room in the client's system for what it does not read.
    pub async fn narrow(address: &str, path: &str) -> Listener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        Listener::on(socket.connect(address.parse().unwrap()).await.unwrap(), path, &[]).await
    }

    async fn on(mut stream: TcpStream, path: &str, headers: &[(&str, &str)]) -> Listener {
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        let reading = async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
        };
        timeout(PATIENCE, reading).await.expect("an answer");
        let head = String::from_utf8(head).unwrap();
        Listener { head, last_id: None, beats: 0, stream, raw: Vec::new(), text: Vec::new(), ended: false }
    }

    /// The next event; none where the server has ended the stream in order.
    pub async fn next(&mut self) -> Option<Told> {
        timeout(PATIENCE, self.event()).await.expect("an event, or the end")
    }

    /// The next `count` events.
    pub async fn some(&mut self, count: usize) -> Vec<Told> {
        let mut told = Vec::with_capacity(count);
        while told.len() < count {
            told.push(self.next().await.expect("an event, not the end"));
        }
        told
    }

    /// Whether no event comes for so long.
    pub async fn silent(&mut self, time: Duration) -> bool {
        timeout(time, self.event()).await.is_err()
    }

    async fn event(&mut self) -> Option<Told> {
        loop {
            while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                let block = String::from_utf8(block).unwrap();
                let (mut name, mut data) = ("message".to_owned(), Vec::new());
                for line in block.lines().filter(|line| !line.starts_with(':') && !line.is_empty()) {
                    match line.split_once(": ").unwrap() {
                        ("id", id) => self.last_id = Some(id.to_owned()),
                        ("event", event) => event.clone_into(&mut name),
                        ("data", line) => data.push(line.to_owned()),
                        ("retry", time) => assert!(time.parse::<u32>().is_ok()),
                        other => panic!("no field of an event: {other:?}"),
                    }
                }
                if !data.is_empty() {
                    return Some(Told { id: self.last_id.clone(), name, data: data.join("\n") });
                }
                self.beats += 1;
            }
            if self.ended {
                assert!(self.text.is_empty(), "half an event: {}", String::from_utf8_lossy(&self.text));
                return None;
            }
            self.read().await;
        }
    }

    async fn read(&mut self) {
        let mut piece = [0; 8192];
        let count = self.stream.read(&mut piece).await.unwrap();
        assert_ne!(count, 0, "the connection broke off in the middle of the answer");
        self.raw.extend_from_slice(&piece[..count]);
        while let Some(end) = self.raw.windows(2).position(|two| two == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&self.raw[..end]).unwrap(), 16).unwrap();
            if self.raw.len() < end + 2 + size + 2 {
                break;
            }
            self.text.extend_from_slice(&self.raw[end + 2..end + 2 + size]);
            self.raw.drain(..end + 2 + size + 2);
            self.ended |= size == 0;
        }
    }
}
