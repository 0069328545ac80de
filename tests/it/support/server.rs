//! A small HTTP server on loopback that remembers what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// Header fields, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// An answer: status line's code and reason, header fields, body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Such as `200 OK`.
    pub(crate) status: &'static str,
    /// Further header fields.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The body goes in chunks, cut at these places.
    pub(crate) cuts: Option<Vec<usize>>,
    /// After the body, as chunks: this, again and again, for as long as the client reads.
    pub(crate) again: Option<Vec<u8>>,
    /// Instead of all that: writes what it likes, and then the connection is closed.
    pub(crate) raw: Option<Raw>,
}

/// Writes an answer that is no proper one.
pub(crate) type Raw = fn(&mut TcpStream) -> std::io::Result<()>;

impl Answer {
    /// 200 with a text.
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: "200 OK",
            headers: Vec::new(),
            body: body.into(),
            cuts: None,
            again: None,
            raw: None,
        }
    }

    /// Whatever `write` writes.
    pub(crate) fn raw(write: Raw) -> Self {
        Self {
            raw: Some(write),
            ..Self::ok("")
        }
    }

    /// Adds a header field.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A server; its threads end with the process.
pub(crate) struct Server {
    /// Its port on loopback.
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    /// Answers each request by `answer`.
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(([127, 0, 0, 1], 0).into(), answer)
    }

    /// The same at an address that is this machine's.
    pub(crate) fn on(
        address: SocketAddr,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (log, count, answer) = (
            Arc::clone(&seen),
            Arc::clone(&connections),
            Arc::new(answer),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *count.lock().unwrap() += 1;
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let _ = serve(stream, &log, answer.as_ref());
                });
            }
        });
        Self {
            port,
            seen,
            connections,
        }
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Method and path of what was asked so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen()
            .into_iter()
            .map(|request| request.line)
            .collect()
    }

    /// Connections that were made, whether anything was asked or not.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(
    stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> Answer,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(request) = read(&mut reader)? {
        log.lock().unwrap().push(request.clone());
        let Answer {
            status,
            headers,
            body,
            cuts,
            again,
            raw,
        } = answer(&request);
        if let Some(write) = raw {
            return write(&mut writer);
        }
        let length = match cuts.is_some() || again.is_some() {
            true => "transfer-encoding: chunked".to_owned(),
            false => format!("content-length: {}", body.len()),
        };
        let mut head = format!("HTTP/1.1 {status}\r\n{length}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut sent = head.into_bytes();
        match (cuts, again) {
            (None, None) => sent.extend(body),
            (cuts, None) => {
                for piece in pieces(&body, &cuts.unwrap_or_default()) {
                    chunk(&mut sent, piece);
                }
                sent.extend(b"0\r\n\r\n");
            }
            (_, Some(again)) => {
                chunk(&mut sent, &body);
                writer.write_all(&sent)?;
                sent.clear();
                chunk(&mut sent, &again);
                loop {
                    writer.write_all(&sent)?;
                }
            }
        }
        writer.write_all(&sent)?;
    }
    Ok(())
}

/// A body cut at these places.
fn pieces<'b>(body: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for to in cuts.iter().copied().chain([body.len()]) {
        pieces.push(&body[from..to]);
        from = to;
    }
    pieces
}

/// Writes a piece as a chunk; one of nothing would end the body.
fn chunk(out: &mut Vec<u8>, piece: &[u8]) {
    if !piece.is_empty() {
        out.extend(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend(piece);
        out.extend(b"\r\n");
    }
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let line = first
        .trim_end()
        .rsplit_once(' ')
        .map_or("", |(line, _)| line)
        .to_owned();
    let mut headers = Vec::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        line,
        headers,
        body: Vec::new(),
    };
    let bytes = request
        .header("content-length")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = chunks(reader)?;
    } else {
        request.body = vec![0; bytes];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

/// A body in chunks (RFC 9112, section 7.1).
fn chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut piece = vec![0; size + 2];
        reader.read_exact(&mut piece)?;
        piece.truncate(size);
        if size == 0 {
            return Ok(body);
        }
        body.extend(piece);
    }
}
