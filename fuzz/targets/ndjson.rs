//! Values do not depend on how the stream was cut, and a bad line does not take the next one away.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::io::Read;
use tollgate_fuzz::Pieces;
use tollgate_sdk::{Limits, StreamError};
use tollgate_sdk::ndjson::NdjsonReader;

fn values(source: impl Read) -> Vec<Result<Value, String>> {
    let limits = Limits {
        line_bytes_max: 64,
        event_bytes_max: 128,
        total_bytes_max: 2048,
    };
    let mut reader = NdjsonReader::<_, Value>::with_limits(source, limits);
    let mut found = Vec::new();
    loop {
        match reader.next_value() {
            Ok(Some(value)) => found.push(Ok(value)),
            Ok(None) => return found,
            Err(error) => {
                let goes_on = matches!(error, StreamError::Json { .. });
                found.push(Err(error.to_string()));
                if !goes_on {
                    return found;
                }
            }
        }
    }
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (size, bytes) = input;
    let whole = values(&bytes[..]);
    assert_eq!(whole, values(Pieces::new(&bytes, usize::from(size))));
    assert_eq!(whole, values(Pieces::new(&bytes, 1)));
});
