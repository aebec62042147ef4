//! A client that sends bytes as they are given, and reads what comes back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer is waited for on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads one; none where the other side ends before it does.
    pub fn read(from: &mut impl BufRead) -> Option<Answer> {
        let line = |from: &mut dyn BufRead| {
            let mut line = Vec::new();
            from.read_until(b'\n', &mut line).ok().filter(|_| line.ends_with(b"\n"))?;
            Some(String::from_utf8_lossy(&line).trim_end().to_owned())
        };
        let status = line(from)?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let header = line(from)?;
            let Some((name, value)) = header.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        from.take(length).read_to_end(&mut answer.body).ok()?;
        (answer.body.len() as u64 == length).then_some(answer)
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The names of its headers.
    pub fn names(&self) -> Vec<String> {
        self.headers.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Leaves out what is not compared.
    pub fn forget(&mut self, name: &str) {
        self.headers.retain(|(own, _)| own != name);
    }
}

/// Asks over one connection as long as the server keeps it, and then over the next.
pub struct Wire {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Wire {
    pub fn new(address: &str) -> Wire {
        Wire { address: address.to_owned(), stream: None }
    }

    /// The answer to a whole request. A connection that the server has ended meanwhile is no answer.
    pub fn ask(&mut self, request: &[u8]) -> Answer {
        for _ in 0..3 {
            let stream = self.stream.get_or_insert_with(|| BufReader::new(connected(&self.address)));
            let sent = stream.get_mut().write_all(request).is_ok();
            let answer = Answer::read(stream);
            if !sent || answer.as_ref().is_none_or(|answer| answer.header("connection") == Some("close")) {
                self.stream = None;
            }
            if let Some(answer) = answer {
                return answer;
            }
        }
        panic!("no answer to {:.200}", String::from_utf8_lossy(request));
    }

    pub fn get(&mut self, target: &[u8]) -> Answer {
        self.ask(&[b"GET ", target, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat())
    }
}

fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// How long a server may be silent before it has said all it has to say.
const SILENCE: Duration = Duration::from_secs(1);

/// All answers to bytes that are sent in one piece.
pub fn said(address: &str, bytes: &[u8]) -> Vec<Answer> {
    let mut stream = connected(address);
    // The server may have refused already. The end stays open: one that is closed would keep it from reading on.
    let _ = stream.write_all(bytes);
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let mut stream = BufReader::new(stream);
    std::iter::from_fn(|| Answer::read(&mut stream)).collect()
}

/// Bytes as a name in an address, each escaped that may be.
pub fn escaped(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    bytes.iter().map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
