//! A name server that answers as a script says (RFC 1035, over UDP).

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};

/// Record types (RFC 1035, section 3.2.2; RFC 3596, section 2.1).
const A: u16 = 1;
const AAAA: u16 = 28;
/// Bytes of a message's header.
const HEADER_BYTES: usize = 12;

/// The answers to a name, one list for each time that it is asked for; the last is kept to.
pub(super) type Script = &'static [(&'static str, &'static [&'static [&'static str]])];

/// The server; its thread ends with the process.
pub(super) struct Names(Arc<Mutex<BTreeMap<(String, u16), usize>>>);

impl Names {
    /// Answers on this machine's port for names.
    pub(super) fn start(script: Script) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        let asked = Arc::new(Mutex::new(BTreeMap::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut message = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut message) {
                let (name, kind, end) = question(&message[..length]);
                let nth = {
                    let mut noted = noted.lock().unwrap();
                    let count: &mut usize = noted.entry((name.clone(), kind)).or_default();
                    *count += 1;
                    *count - 1
                };
                let answer = answer(&message[..end], kind, found(script, &name, nth));
                let _ = socket.send_to(&answer, peer);
            }
        });
        Self(asked)
    }

    /// How often the IPv4 addresses of a name were asked for.
    pub(super) fn asked(&self, name: &str) -> usize {
        let asked = self.0.lock().unwrap();
        asked.get(&(name.to_owned(), A)).copied().unwrap_or(0)
    }
}

/// The addresses of a name when it is asked for again; none if there is no such name.
fn found(script: Script, name: &str, nth: usize) -> Option<Vec<IpAddr>> {
    let (_, answers) = script.iter().find(|(known, _)| *known == name)?;
    let list = answers.get(nth).or(answers.last())?;
    Some(list.iter().map(|ip| ip.parse().unwrap()).collect())
}

/// Name and type of the one question, and where it ends.
fn question(message: &[u8]) -> (String, u16, usize) {
    let (mut at, mut labels) = (HEADER_BYTES, Vec::new());
    loop {
        let length = usize::from(message[at]);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(&message[at..at + length]).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([message[at], message[at + 1]]);
    (labels.join("."), kind, at + 4)
}

/// The answer to a message that ends with its question.
fn answer(asked: &[u8], kind: u16, found: Option<Vec<IpAddr>>) -> Vec<u8> {
    let unknown = found.is_none();
    let records: Vec<Vec<u8>> = found
        .unwrap_or_default()
        .into_iter()
        .filter_map(|address| match (address, kind) {
            (IpAddr::V4(address), A) => Some(address.octets().to_vec()),
            (IpAddr::V6(address), AAAA) => Some(address.octets().to_vec()),
            _ => None,
        })
        .collect();
    let mut message = asked.to_vec();
    // A response, recursion available; the code of an unknown name is 3.
    message[2..4].copy_from_slice(&[0x81, 0x80 | if unknown { 3 } else { 0 }]);
    message[6..12].copy_from_slice(&[0, records.len() as u8, 0, 0, 0, 0]);
    for data in records {
        // The name is the question's; class IN; not to be kept.
        message.extend([0xc0, HEADER_BYTES as u8]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 0, 0, data.len() as u8]);
        message.extend(data);
    }
    message
}
