use crate::{must, text};
use tollgate_grants::RequestUrl;

/// A URL that is accepted is its own and only spelling.
pub fn url(bytes: &[u8]) {
    let Ok(url) = RequestUrl::parse_str(text(bytes)) else {
        return;
    };
    let uri = url.uri();
    let again = must(RequestUrl::parse_str(&uri), "its own spelling");
    assert_eq!(again.uri(), uri);
    assert_eq!(again, url);
}
