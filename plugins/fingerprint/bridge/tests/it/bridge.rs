//! A running `enum-bridge`, and a browser's requests to it, byte by byte.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::{
    desktop::{PATIENCE, until},
    site::ORIGIN,
};

pub(crate) struct Bridge {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    pub(crate) port: u16,
}

impl Bridge {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), said.clone());
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line)));
        let mut bridge = Self { child, said, port: 0 };
        let line = bridge.until_it_says("Listening on port ");
        bridge.port = line.split(' ').nth(3).unwrap().parse().unwrap();
        bridge
    }

    /// Waits for a line that contains this.
    pub(crate) fn until_it_says(&self, part: &str) -> String {
        until(part, || self.said().into_iter().find(|line| line.contains(part)))
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// A request that every rule lets through, to be spoilt by a test.
    pub(crate) fn request(&self, path: &str, body: &Value) -> Request {
        let headers = [
            ("Host", format!("127.0.0.1:{}", self.port)),
            ("Origin", ORIGIN.to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("X-Enum-Bridge", "1".to_owned()),
        ];
        Request {
            port: self.port,
            method: "POST".to_owned(),
            target: path.to_owned(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.to_string().into_bytes(),
            length: None,
        }
    }

    /// Sends it from another thread, so that the test can lay a finger on the reader.
    pub(crate) fn asks(&self, path: &str, body: &Value) -> thread::JoinHandle<Reply> {
        let request = self.request(path, body);
        thread::spawn(move || request.send())
    }

    /// Ends it as a session manager would.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _gone = self.child.kill();
        let _code = self.child.wait();
    }
}

#[derive(Clone)]
pub(crate) struct Request {
    port: u16,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What it claims; otherwise the truth.
    pub(crate) length: Option<usize>,
}

impl Request {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(kept, _)| kept != name);
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Opens a connection and writes it.
    pub(crate) fn write(&self) -> TcpStream {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.target)];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if !self.headers.iter().any(|(name, _)| name == "Transfer-Encoding") {
            lines.push(format!("Content-Length: {}", self.length.unwrap_or(self.body.len())));
        }
        stream.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).unwrap();
        // A refusal may come, and the connection close, before all is written.
        let _refused = stream.write_all(&self.body);
        stream
    }

    pub(crate) fn send(&self) -> Reply {
        Reply::read(self.write())
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        if let Err(error) = stream.read_to_end(&mut bytes) {
            assert!(!bytes.is_empty(), "no answer: {error}");
        }
        let _closed = stream.shutdown(Shutdown::Both);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    /// Status and name of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap().to_owned())
    }

    /// The credential of an answer that worked.
    pub(crate) fn credential(self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }
}
