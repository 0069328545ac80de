//! Events do not depend on how the stream was cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Read;
use tollgate_fuzz::Pieces;
use tollgate_sdk::Limits;
use tollgate_sdk::sse::{Event, EventReader};

fn events(source: impl Read) -> (Vec<Event>, Option<String>) {
    let limits = Limits {
        line_bytes_max: 64,
        event_bytes_max: 128,
        total_bytes_max: 2048,
    };
    let mut reader = EventReader::with_limits(source, limits);
    let mut found = Vec::new();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => found.push(event),
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error.to_string())),
        }
    }
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (size, bytes) = input;
    let whole = events(&bytes[..]);
    assert_eq!(whole, events(Pieces::new(&bytes, usize::from(size))));
    assert_eq!(whole, events(Pieces::new(&bytes, 1)));
});
