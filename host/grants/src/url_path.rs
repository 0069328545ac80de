//! The one spelling of a URL path.
//!
//! A client, a proxy and a server may each read `/v1/../admin` or `/%61dmin` differently. A path that any
//! normalisation of RFC 3986 section 6.2.2 would change is therefore refused, not repaired: what is
//! matched is what is sent.

use crate::fault::excerpt;

/// A path that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No `/` at the start.
    #[error("the path does not start with `/`")]
    NotAbsolute,
    /// `.` or `..`, also with parameters (`..;x`), which some servers strip.
    #[error(
        "the path has the segment `{0}`, which programs resolve differently; write the path that is meant"
    )]
    Dots(String),
    /// `//`.
    #[error("the path has an empty segment (`//`); write one `/`")]
    EmptySegment,
    /// `\`, which some programs take for `/`.
    #[error("the path has a backslash; write `/`, or %5C cannot be sent at all")]
    Backslash,
    /// `%2F`, `%5C`, `%2E` or `%00`.
    #[error(
        "the path has `{0}`, an encoded separator, dot or NUL that servers decode differently; write the plain path"
    )]
    EncodedSeparator(String),
    /// An encoded character that needs no encoding.
    #[error("the path has `{0}`, the encoding of a plain character; write the character itself")]
    EncodedPlain(String),
    /// Hexadecimal digits in lower case.
    #[error("the path has `{0}`; write the hexadecimal digits in upper case")]
    LowerHex(String),
    /// `%` without two hexadecimal digits.
    #[error("the path has a `%` without two hexadecimal digits; write %25 for a percent sign")]
    Percent,
    /// A character that must be encoded.
    #[error("the path has the character `{0}`; write it percent-encoded")]
    Character(String),
}

/// Checks a path. In a pattern, `\*` is a literal star.
pub(crate) fn check(path: &str, pattern: bool) -> Result<(), PathError> {
    let segments = path.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
    let mut left = segments.split('/').count();
    for segment in segments.split('/') {
        left -= 1;
        if segment.is_empty() && left > 0 {
            return Err(PathError::EmptySegment);
        }
        if matches!(segment.split(';').next(), Some("." | "..")) {
            return Err(PathError::Dots(excerpt(segment)));
        }
        check_characters(segment, pattern)?;
    }
    Ok(())
}

fn check_characters(segment: &str, pattern: bool) -> Result<(), PathError> {
    let mut rest = segment.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' if pattern && rest.as_str().starts_with('*') => {
                rest.next();
            }
            '\\' => return Err(PathError::Backslash),
            '%' => {
                let pair = rest.as_str().get(..2).ok_or(PathError::Percent)?;
                check_pair(pair)?;
                rest.next();
                rest.next();
            }
            c if is_pchar(c) => {}
            c => return Err(PathError::Character(c.escape_default().to_string())),
        }
    }
    Ok(())
}

fn check_pair(pair: &str) -> Result<(), PathError> {
    let byte = u8::from_str_radix(pair, 16)
        .ok()
        .filter(|_| pair.bytes().all(|b| b.is_ascii_hexdigit()))
        .ok_or(PathError::Percent)?;
    let text = format!("%{pair}");
    match byte {
        b'/' | b'\\' | b'.' | 0 => Err(PathError::EncodedSeparator(text)),
        b if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~') => {
            Err(PathError::EncodedPlain(text))
        }
        _ if pair.bytes().any(|b| b.is_ascii_lowercase()) => Err(PathError::LowerHex(text)),
        _ => Ok(()),
    }
}

/// `pchar` of RFC 3986 section 3.3, percent-encoding apart.
fn is_pchar(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c)
}

/// Checks a query: any visible ASCII but `#` and what clients encode by themselves (`"`, `<`, `>`).
pub(crate) fn query_character_refused(query: &str) -> Option<char> {
    query
        .chars()
        .find(|c| !c.is_ascii_graphic() || matches!(c, '#' | '"' | '<' | '>'))
}

/// `path` with `%XX` decoded, where it has any.
pub(crate) fn decoded(path: &str) -> Option<Vec<u8>> {
    if !path.contains('%') {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [a, b, after @ ..]) => {
                out.push(hex(*a) << 4 | hex(*b));
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    Some(out)
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_be_read_twice_is_refused() {
        for bad in [
            "",
            "v1",
            "/v1/../admin",
            "/v1/./x",
            "/..",
            "/.",
            "/v1/%2e%2e/admin",
            "/v1/%2E./x",
            "/v1//x",
            "//",
            "/v1/%5c..",
            "/v1\\..\\admin",
            "/a%2fb",
            "/a%2Fb",
            "/a%00",
            "/%61dmin",
            "/%7Euser",
            "/a%zz",
            "/a%2",
            "/a%",
            "/a%+1",
            "/a b",
            "/caf\u{e9}",
            "/caf%c3%a9",
            "/a\"b",
            "/a<b>",
            "/a|b",
            "/a{b}",
            "/a^b",
            "/a`b",
            "/a[b]",
            "/a\nb",
            "/..;/admin",
            "/.;x/a",
            "/a#b",
        ] {
            assert!(check(bad, false).is_err(), "{bad:?}");
        }
        for good in [
            "/",
            "/v1/",
            "/v1/a;b",
            "/caf%C3%A9",
            "/a%3Ab",
            "/x:delete",
            "/...",
            "/.git",
            "/a'b(c)!$&*+,=@~",
            "/%252e",
        ] {
            assert_eq!(check(good, false), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn a_star_can_be_literal_only_in_a_pattern() {
        assert!(check(r"/a\*b", true).is_ok());
        assert!(check(r"/a\*b", false).is_err());
        assert!(check(r"/a\b", true).is_err());
    }

    #[test]
    fn decoding_is_complete() {
        assert_eq!(
            decoded("/a%3Ab%C3%A9").as_deref(),
            Some("/a:b\u{e9}".as_bytes())
        );
        assert_eq!(decoded("/plain"), None);
    }
}
