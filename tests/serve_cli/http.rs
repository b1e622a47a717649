//! A server started as a child, and HTTP as bytes: no client of anybody's between the test and the wire.

use serde_json::Value;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

pub struct Served {
    pub child: Child,
    pub address: String,
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    pub fn start(chip: &Path, args: &[&str]) -> Served {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hardwire"));
        command.args(["serve", "--port", "0", "--json"]).args(args).arg(chip).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let told = serde_json::Deserializer::from_reader(&mut stdout).into_iter().next().expect("it tells where it listens");
        let told: Value = told.unwrap();
        Served { child, address: told["address"].as_str().unwrap().to_owned(), _stdout: stdout }
    }

    /// Sends bytes and hears all that comes.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request).unwrap();
        Answer::read(stream)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).as_bytes())
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        Answer::read(self.sent(path, body))
    }

    /// A request that is sent, its answer not yet read.
    pub fn sent(&self, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n", self.address);
        stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
        stream
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn read(mut stream: TcpStream) -> Answer {
        let mut bytes = Vec::new();
        // A server that refuses a body may close before it has read it: what was heard counts.
        let _ = stream.read_to_end(&mut bytes);
        let split =
            bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(&bytes)));
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap().to_lowercase();
        let body = bytes[split + 4..].to_vec();
        let body = if head.contains("transfer-encoding: chunked") { whole(&body) } else { body };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: String::from_utf8(body).unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The data of server-sent events.
    pub fn events(&self) -> Vec<&str> {
        assert!(self.status == 200 && self.head.contains("content-type: text/event-stream"), "{self:?}");
        self.body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect()
    }
}

/// What chunks say together.
fn whole(mut chunks: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = chunks.windows(2).position(|w| w == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).unwrap(), 16).unwrap();
        out.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[end + 2 + length + 2..];
    }
    out
}
