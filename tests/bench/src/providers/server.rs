//! A server on loopback that streams as many tokens as the model's name says, in the format of Chat Completions.

use super::Asked;
use anyhow::Result;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// What one token says.
pub(super) const TOKEN: &str = " tok";
/// Events before the first token.
pub(super) const EVENTS_BEFORE: usize = 1;
/// Events that are no token.
pub(super) const EVENTS_BESIDES: usize = 4;
/// The name of a model that says `n` tokens is this and the number.
const MODEL: &str = "tokens-";
/// What stands before the milliseconds that it thinks.
const THINK: &str = "-think-";
/// What stands before the tokens in a second.
const PACE: &str = "-pace-";
/// How much is written at once.
const WRITE_BYTES: usize = 64 * 1024;

/// The server; its threads end with the process.
pub(super) struct Server(u16);

impl Server {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client may go away.
                std::thread::spawn(move || serve(stream).ok());
            }
        });
        Ok(Self(port))
    }

    pub(super) fn port(&self) -> u16 {
        self.0
    }
}

/// The model that says so many tokens, the first after a while.
pub(super) fn model(asked: Asked) -> String {
    let (tokens, think) = (asked.tokens, asked.think.as_millis());
    let pace = asked.pace.unwrap_or(0);
    format!("{MODEL}{tokens}{THINK}{think}{PACE}{pace}")
}

/// What a request asks for.
fn asked(body: &str) -> Asked {
    let number = |text: &str| -> u64 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    let model = body.split_once(MODEL).map_or("", |(_, rest)| rest);
    let think = model.split_once(THINK).map_or("", |(_, rest)| rest);
    let pace = model.split_once(PACE).map_or("", |(_, rest)| rest);
    let pace = u32::try_from(number(pace)).unwrap_or(0);
    let tokens = usize::try_from(number(model)).unwrap_or(0);
    Asked {
        tokens,
        think: Duration::from_millis(number(think)),
        pace: (pace > 0).then_some(pace),
    }
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(body) = request(&mut reader)? {
        let body = String::from_utf8_lossy(&body);
        answer(&mut writer, asked(&body))?;
    }
    Ok(())
}

/// The body of the next request; none if the client has gone.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let (mut length, mut chunked, mut line) = (0, false, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let field = line.trim_end().to_ascii_lowercase();
        if field.is_empty() {
            break;
        }
        match field.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap_or(0),
            Some(("transfer-encoding", _)) => chunked = true,
            _ => {}
        }
    }
    let mut body = Vec::new();
    if !chunked {
        reader.take(length).read_to_end(&mut body)?;
        return Ok(Some(body));
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim_end(), 16).unwrap_or(0);
        reader.take(size).read_to_end(&mut body)?;
        line.clear();
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(Some(body));
        }
    }
}

/// One event of the stream, a chunk of its own.
fn event(out: &mut Vec<u8>, choices: &str, usage: &str) {
    let data = format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\
         \"model\":\"m-1\",\"choices\":[{choices}],\"usage\":{usage}}}\n\n"
    );
    chunk(out, &data);
}

fn chunk(out: &mut Vec<u8>, data: &str) {
    out.extend(format!("{:x}\r\n{data}\r\n", data.len()).bytes());
}

fn choice(out: &mut Vec<u8>, delta: &str, finish: &str) {
    let choice = format!("{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}");
    event(out, &choice, "null");
}

fn answer(writer: &mut impl Write, asked: Asked) -> std::io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut out = Vec::with_capacity(WRITE_BYTES.saturating_mul(2));
    out.extend(head.bytes());
    choice(
        &mut out,
        "{\"role\":\"assistant\",\"content\":\"\"}",
        "null",
    );
    let Asked {
        tokens,
        think,
        pace,
    } = asked;
    if !think.is_zero() {
        writer.write_all(&out)?;
        out.clear();
        std::thread::sleep(think);
    }
    let mut token = Vec::new();
    choice(&mut token, &format!("{{\"content\":\"{TOKEN}\"}}"), "null");
    let began = Instant::now();
    for number in 0..tokens {
        out.extend_from_slice(&token);
        if let Some(pace) = pace {
            // When the next one is due, whatever the last one took.
            let due = Duration::from_secs(1) * u32::try_from(number).unwrap_or(u32::MAX) / pace;
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            writer.write_all(&out)?;
            out.clear();
            continue;
        }
        // The first leaves at once, as it would from a model.
        if number == 0 || out.len() > WRITE_BYTES {
            writer.write_all(&out)?;
            out.clear();
        }
    }
    choice(&mut out, "{}", "\"stop\"");
    let usage = format!(
        "{{\"prompt_tokens\":1,\"completion_tokens\":{tokens},\"total_tokens\":{}}}",
        tokens.saturating_add(1)
    );
    event(&mut out, "", &usage);
    chunk(&mut out, "data: [DONE]\n\n");
    out.extend(b"0\r\n\r\n");
    writer.write_all(&out)
}
