//! An outlet to fetch from: a server on 127.0.0.1 that answers each path as it is told to, and remembers what it was asked.
//!
//! It writes its answers byte by byte instead of through an HTTP library, which would not let it misbehave.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A listening outlet; it stops when it is dropped.
pub struct OutletServer {
    base: Url,
    desk: Arc<Mutex<Desk>>,
    listening: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Desk {
    answers: HashMap<String, VecDeque<Answer>>,
    asked: Vec<Asked>,
}

/// One request, as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Path and query.
    pub path: String,
    /// The whole head, request line included.
    pub head: String,
}

impl Asked {
    /// The value of a header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What a path answers with.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    manner: Manner,
    delay: Duration,
}

#[derive(Debug, Clone, PartialEq)]
enum Manner {
    Whole,
    /// The length is announced, and then only this much is sent.
    CutAfter(usize),
    /// In chunks, the last of which breaks off after this much.
    ChunksCutAfter(usize),
    /// Nothing is ever sent.
    Hang,
    /// The head is sent, and nothing more.
    HangAfterHead,
    /// These bytes instead of HTTP.
    Raw(Vec<u8>),
}

impl Answer {
    /// 200 with a body that says it is HTML in UTF-8.
    pub fn html(body: impl Into<Vec<u8>>) -> Answer {
        Answer::status(200).body(body).header("Content-Type", "text/html; charset=utf-8")
    }

    /// An answer without a body.
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Vec::new(), manner: Manner::Whole, delay: Duration::ZERO }
    }

    /// 302 to `location`.
    pub fn redirect(location: &str) -> Answer {
        Answer::status(302).header("Location", location)
    }

    /// The connection is taken and nothing is ever sent.
    pub fn hang() -> Answer {
        Answer { manner: Manner::Hang, ..Answer::status(200) }
    }

    /// `bytes`, and then the end.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Answer {
        Answer { manner: Manner::Raw(bytes.into()), ..Answer::status(200) }
    }

    /// With this body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Answer {
        Answer { body: body.into(), ..self }
    }

    /// With one more header, in place of one of that name.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With one more header, beside one of that name.
    pub fn another_header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Named so that it can be asked for conditionally: whoever sends it back gets a 304.
    pub fn etag(self, etag: &str) -> Answer {
        self.header("ETag", etag)
    }

    /// Dated so that it can be asked for conditionally: whoever sends it back gets a 304.
    pub fn last_modified(self, date: &str) -> Answer {
        self.header("Last-Modified", date)
    }

    /// With its body compressed.
    pub fn gzip(self) -> Answer {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        coder.write_all(&self.body).unwrap();
        let body = coder.finish().unwrap();
        self.body(body).header("Content-Encoding", "gzip")
    }

    /// With its body compressed.
    pub fn brotli(self) -> Answer {
        let mut body = Vec::new();
        brotli::CompressorWriter::new(&mut body, 4096, 5, 22).write_all(&self.body).unwrap();
        self.body(body).header("Content-Encoding", "br")
    }

    /// With the last `bytes` of the body missing, and announced like that: only its coding can tell.
    pub fn short_by(mut self, bytes: usize) -> Answer {
        self.body.truncate(self.body.len() - bytes);
        self
    }

    /// Announced whole, and broken off after `bytes` of the body.
    pub fn cut_after(self, bytes: usize) -> Answer {
        Answer { manner: Manner::CutAfter(bytes), ..self }
    }

    /// Sent in chunks, and broken off after `bytes` of the body.
    pub fn chunks_cut_after(self, bytes: usize) -> Answer {
        Answer { manner: Manner::ChunksCutAfter(bytes), ..self }
    }

    /// Nothing comes after the head.
    pub fn hang_after_head(self) -> Answer {
        Answer { manner: Manner::HangAfterHead, ..self }
    }

    fn carries(&self, name: &str, wanted: Option<&str>) -> bool {
        wanted.is_some() && self.headers.iter().any(|(found, value)| found == name && Some(value.as_str()) == wanted)
    }

    async fn send(&self, asked: &Asked, stream: &mut TcpStream) -> std::io::Result<()> {
        tokio::time::sleep(self.delay).await;
        let same = match asked.header("If-None-Match") {
            Some(etag) => self.carries("ETag", Some(etag)),
            None => self.carries("Last-Modified", asked.header("If-Modified-Since")),
        };
        let same = same && self.status == 200;
        let status = if same { 304 } else { self.status };
        let mut head = format!("HTTP/1.1 {status} Told\r\nConnection: close\r\n");
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let chunked = matches!(self.manner, Manner::ChunksCutAfter(_));
        if chunked {
            head += "Transfer-Encoding: chunked\r\n";
        } else if !same {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        let body = if same { &[][..] } else { &self.body[..] };
        let sent = match &self.manner {
            Manner::Hang => return std::future::pending().await,
            Manner::Raw(bytes) => bytes.clone(),
            Manner::HangAfterHead => head.into_bytes(),
            Manner::Whole => [head.as_bytes(), body].concat(),
            Manner::CutAfter(bytes) => [head.as_bytes(), &body[..*bytes]].concat(),
            Manner::ChunksCutAfter(bytes) => {
                let size = format!("{:x}\r\n", body.len());
                [head.as_bytes(), size.as_bytes(), &body[..*bytes]].concat()
            }
        };
        stream.write_all(&sent).await?;
        if self.manner == Manner::HangAfterHead {
            return std::future::pending().await;
        }
        stream.shutdown().await
    }
}

impl OutletServer {
    /// Listens on a free port of 127.0.0.1. A path that it was told nothing of answers 404.
    pub async fn start() -> OutletServer {
        OutletServer::start_at(Ipv4Addr::LOCALHOST.into()).await.unwrap()
    }

    /// Listens on a free port of another address, where this machine has it.
    pub async fn start_at(address: IpAddr) -> Option<OutletServer> {
        let listener = TcpListener::bind((address, 0)).await.ok()?;
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let desk = Arc::new(Mutex::new(Desk::default()));
        let listening = tokio::spawn(serve(listener, desk.clone()));
        Some(OutletServer { base, desk, listening })
    }

    /// The address of a path, which begins with `/`.
    pub fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    /// From now on, `path` answers this.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.answers(path, [answer]);
    }

    /// From now on, `path` answers these in turn, and the last again and again.
    pub fn answers(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.desk.lock().unwrap().answers.insert(path.to_owned(), answers.into_iter().collect());
    }

    /// Everything it was asked so far, in order, but for its robots.txt.
    pub fn asked(&self) -> Vec<Asked> {
        self.desk.lock().unwrap().asked.iter().filter(|asked| asked.path != "/robots.txt").cloned().collect()
    }

    /// How often it was asked for its robots.txt.
    pub fn asked_for_robots(&self) -> usize {
        self.desk.lock().unwrap().asked.iter().filter(|asked| asked.path == "/robots.txt").count()
    }
}

impl Drop for OutletServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(listener: TcpListener, desk: Arc<Mutex<Desk>>) {
    // The set ends its tasks with the server, those that hang included.
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
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let asked = Asked { path, head };
    let answer = {
        let mut desk = desk.lock().unwrap();
        desk.asked.push(asked.clone());
        match desk.answers.get_mut(&asked.path) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        }
    };
    // The other side may have gone away by now, as it should with some answers.
    let _ = answer.unwrap_or(Answer::status(404)).send(&asked, &mut stream).await;
}
