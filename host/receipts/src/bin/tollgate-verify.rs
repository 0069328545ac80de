//! `tollgate-verify FILE --key KEY`: whether an export is what its host signed, with nothing but this program,
//! the file and the public key. No network, no store, no login.

use std::io::Write as _;
use std::process::ExitCode;
use tollgate_receipts::export::{ExportError, Verified, verify};
use tollgate_receipts::log::VerifierKey;

const USAGE: &str = "\
usage: tollgate-verify FILE --key KEY [--json]

  FILE   an export of a ledger (`tollgate receipt export`)
  KEY    the ledger's public key, NAME+ID+KEY, or a file that has it
  --json print what was found as one JSON object

exit codes: 0 whole and unchanged, 2 usage, 10 invalid, 11 incomplete, 12 unreadable
";

const USAGE_CODE: u8 = 2;
const INVALID: u8 = 10;
const INCOMPLETE: u8 = 11;
const UNREADABLE: u8 = 12;

struct Asked {
    file: String,
    key: String,
    json: bool,
}

fn main() -> ExitCode {
    let (text, code) = match arguments() {
        Ok(None) => (USAGE.to_owned(), 0),
        Ok(Some(asked)) => checked(&asked),
        Err(why) => (format!("{why}\n{USAGE}"), USAGE_CODE),
    };
    let result = match code {
        0 => std::io::stdout().write_all(text.as_bytes()),
        _ => std::io::stderr().write_all(text.as_bytes()),
    };
    match result {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::FAILURE,
    }
}

fn arguments() -> Result<Option<Asked>, String> {
    let (mut file, mut key, mut json) = (None, None, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--json" => json = true,
            "--key" => key = Some(words.next().ok_or("--key needs a key")?),
            flag if flag.starts_with("--key=") => {
                key = flag.split_once('=').map(|(_, key)| key.to_owned())
            }
            flag if flag.starts_with('-') && flag.len() > 1 => {
                return Err(format!("{flag:?} is no option"));
            }
            _ if file.is_none() => file = Some(word),
            _ => return Err(format!("one file at a time: {word:?} is too many")),
        }
    }
    Ok(Some(Asked {
        file: file.ok_or("which file?")?,
        key: key.ok_or("with which key? `tollgate ledger key` prints it where the ledger is")?,
        json,
    }))
}

fn checked(asked: &Asked) -> (String, u8) {
    let unreadable = |what: &str, error: &dyn std::fmt::Display| {
        (format!("{what} cannot be read: {error}\n"), UNREADABLE)
    };
    let key = match std::fs::read_to_string(&asked.key) {
        Ok(text) => text,
        Err(_) => asked.key.clone(),
    };
    let key = match VerifierKey::parse(&key) {
        Ok(key) => key,
        Err(error) => return (format!("{error}\n"), USAGE_CODE),
    };
    let file = match std::fs::read(&asked.file) {
        Ok(file) => file,
        Err(error) => return unreadable(&asked.file, &error),
    };
    match verify(&file, &key) {
        Ok(found) if asked.json => (json(&found), 0),
        Ok(found) => (found.told(), 0),
        Err(error) => {
            let code = match error {
                ExportError::Unreadable(_) => UNREADABLE,
                ExportError::Incomplete(_) => INCOMPLETE,
                ExportError::Invalid(_) => INVALID,
            };
            (format!("{error}\n"), code)
        }
    }
}

fn json(found: &Verified) -> String {
    format!("{}\n", found.json())
}
