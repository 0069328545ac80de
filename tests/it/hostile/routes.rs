//! What the server that grants may name answers: pages, echoes, and answers that no server should give.

use crate::support::server::{Answer, Request};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What the bodies of the bombs are made of.
const PIECE: [u8; 16 * 1024] = [b'x'; 16 * 1024];
/// How long a server that never answers holds on.
const HELD: Duration = Duration::from_secs(20);
/// Bytes that the bomb unpacks to.
const BOMB_BYTES: u64 = 256 << 20;

/// What the server answers.
pub(super) fn answer(request: &Request, canary_port: u16) -> Answer {
    match request.line.as_str() {
        "GET /redirect" => moved(&format!("http://127.0.0.1:{canary_port}/canary")),
        "GET /vault/redirect" => moved("/public/headers"),
        "GET /echo" => {
            let token = request.header("x-vault-token").unwrap_or("none").to_owned();
            let encoded: String = token.bytes().map(|b| format!("%{b:02X}")).collect();
            Answer::ok(format!("{token} {encoded}")).with("x-echo", token)
        }
        "GET /public/page" => Answer::ok("a page"),
        "GET /public/headers" | "POST /public/headers" | "GET /vault/headers" => {
            Answer::ok(headers(request))
        }
        "GET /vault/failure" => Answer {
            status: "500 Internal Server Error",
            ..Answer::ok(format!("cannot log in: {}", headers(request)))
        },
        "GET /vault/split" => Answer::raw(split),
        "GET /vault/zip" => zipped("a page").with("content-encoding", "gzip"),
        "GET /slow" => Answer::raw(|stream| {
            wait_for_the_end(stream);
            Ok(())
        }),
        "GET /drip" => Answer::raw(drip),
        "GET /endless" => Answer::raw(endless),
        "GET /large-headers" => Answer::raw(large_headers),
        "GET /many-headers" => Answer::raw(many_headers),
        "GET /bomb" => bomb(),
        "GET /cut" => Answer::raw(|stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")
        }),
        "GET /cut-chunk" => Answer::raw(|stream| {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nonly this")
        }),
        "GET /two-lengths" => Answer::raw(|stream| {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 9\r\n\r\nonly this",
            )
        }),
        "GET /two-framings" => Answer::raw(|stream| {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n\
                  4\r\nfour\r\n0\r\n\r\n",
            )
        }),
        "GET /garbage" => {
            Answer::raw(|stream| stream.write_all(b"\x16\x03\x01 no such thing\r\n\r\n"))
        }
        "GET /switch" => Answer::raw(|stream| {
            stream.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nraw",
            )
        }),
        "GET /early-hints" => Answer::raw(early_hints),
        "GET /more-than-asked" => Answer::raw(|stream| {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nareHTTP/1.1 200 OK\r\n\
                  content-length: 8\r\n\r\nunasked!",
            )
        }),
        "GET /escapes" => Answer::ok("\u{1b}[2J\u{202e}body").with("x-words", "\u{202e}words"),
        "POST /upload" => Answer::ok(format!("{} bytes", request.body.len())),
        line => Answer::ok(format!("not meant to be asked: {line}")),
    }
}

fn moved(to: &str) -> Answer {
    Answer {
        status: "302 Found",
        ..Answer::ok("").with("location", to)
    }
}

/// The fields as they came, in order, names as they came in lower case.
fn headers(request: &Request) -> String {
    let mut fields: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    fields.sort();
    fields.join(" | ")
}

/// Until the other side goes away, or enough is enough.
fn wait_for_the_end(stream: &mut TcpStream) {
    let _ = stream.set_read_timeout(Some(HELD));
    let _ = stream.read(&mut [0; 1]);
}

/// The credential in pieces, each a packet of its own.
fn split(stream: &mut TcpStream) -> std::io::Result<()> {
    let secret = crate::support::home::CREDENTIAL.1;
    let body = format!("<{secret}>");
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )?;
    for byte in body.bytes() {
        stream.write_all(&[byte])?;
        stream.flush()?;
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// A byte now and then, for ever.
fn drip(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")?;
    for _ in 0..200 {
        stream.write_all(b"x")?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn endless(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    loop {
        write!(stream, "{:x}\r\n", PIECE.len())?;
        stream.write_all(&PIECE)?;
        stream.write_all(b"\r\n")?;
    }
}

fn large_headers(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nx-large: ")?;
    for _ in 0..1024 {
        stream.write_all(&PIECE)?;
    }
    stream.write_all(b"\r\ncontent-length: 0\r\n\r\n")
}

fn many_headers(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
    for n in 0..10_000 {
        write!(stream, "x-{n}: many\r\n")?;
    }
    stream.write_all(b"content-length: 0\r\n\r\n")
}

/// Says that it will answer soon, again and again.
fn early_hints(stream: &mut TcpStream) -> std::io::Result<()> {
    for _ in 0..100_000 {
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n")?;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsoon")
}

fn zipped(text: &str) -> Answer {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    Answer::ok(packed.finish().unwrap())
}

/// Little to send, and much to unpack.
fn bomb() -> Answer {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut left = BOMB_BYTES;
    while left > 0 {
        packed.write_all(&PIECE).unwrap();
        left -= PIECE.len() as u64;
    }
    Answer::ok(packed.finish().unwrap()).with("content-encoding", "gzip")
}
