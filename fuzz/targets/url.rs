//! A URL that is accepted is its own and only spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_grants::RequestUrl;

fuzz_target!(|text: &str| {
    let Ok(url) = RequestUrl::parse_str(text) else {
        return;
    };
    let uri = url.uri();
    let again = RequestUrl::parse_str(&uri).expect("its own spelling is accepted");
    assert_eq!(again.uri(), uri);
    assert_eq!(again, url);
});
