//! URLs as they are sent: absolute, without fragment, in the one spelling that the gate takes (RFC 3986,
//! sections 5.2 and 6.2.2).
//!
//! A page's links and a model's URLs are written in many ways that mean the same. What is sent is
//! decided here, before the gate; the gate judges exactly that.

/// Characters of a path besides letters and digits that need no encoding.
const PATH: &[u8] = b"-._~!$&'()*+,;=:@/";

/// As [`PATH`], for the query.
const QUERY: &[u8] = b"-._~!$&'()*+,;=:@/?";

/// The URL in its one spelling. What is no absolute URL of HTTP is left as it is, to be refused.
pub(crate) fn normal(url: &str) -> String {
    let url = url.trim();
    let url = url.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let scheme = scheme.to_ascii_lowercase();
    let authority = authority.to_ascii_lowercase();
    let default = if scheme == "http" { ":80" } else { ":443" };
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    let mut normal = format!(
        "{scheme}://{authority}{}",
        without_dots(&encoded(path, PATH))
    );
    if let Some(query) = query {
        normal.push('?');
        normal.push_str(&encoded(query, QUERY));
    }
    normal
}

/// What a reference such as `../a` means on the page `base` (RFC 3986, section 5.2.2).
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    let reference = reference.trim();
    if has_scheme(reference) {
        return normal(reference);
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    if let Some(other) = reference.strip_prefix("//") {
        return normal(&format!("{scheme}://{other}"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = match reference.chars().next() {
        None | Some('#') => base_with_query(rest, end),
        Some('/') => reference.to_owned(),
        Some('?') => format!("{path}{reference}"),
        Some(_) => {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{directory}/{reference}")
        }
    };
    normal(&format!("{scheme}://{authority}{path}"))
}

/// Scheme, host and port.
pub(crate) fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let rest = url.get(start..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..start.saturating_add(end)).unwrap_or(url)
}

fn base_with_query(rest: &str, end: usize) -> String {
    let path = rest.get(end..).unwrap_or_default();
    path.split('#').next().unwrap_or_default().to_owned()
}

fn has_scheme(reference: &str) -> bool {
    let end = reference.find(['/', '?', '#']).unwrap_or(reference.len());
    reference
        .get(..end)
        .and_then(|text| text.split_once(':'))
        .is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        })
}

/// Encodes what must be, decodes what need not be, and writes the rest in upper case.
fn encoded(text: &str, plain: &[u8]) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        at = at.saturating_add(1);
        if byte == b'%' {
            let escape = bytes.get(at..at.saturating_add(2)).and_then(hex);
            match escape {
                Some(value) => {
                    at = at.saturating_add(2);
                    // A dot that is decoded would become part of the path's structure.
                    let unreserved = value.is_ascii_alphanumeric() || b"-_~".contains(&value);
                    push(&mut out, value, unreserved);
                }
                None => push(&mut out, byte, false),
            }
        } else {
            push(
                &mut out,
                byte,
                byte.is_ascii_alphanumeric() || plain.contains(&byte),
            );
        }
    }
    out
}

fn push(out: &mut String, byte: u8, plain: bool) {
    if plain {
        out.push(char::from(byte));
    } else {
        out.push_str(&format!("%{byte:02X}"));
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Resolves `.` and `..` (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_is_sent() {
        for (url, sent) in [
            ("HTTPS://Example.COM:443", "https://example.com/"),
            (
                "http://a:8080/x y?q=ä&r=\"#part",
                "http://a:8080/x%20y?q=%C3%A4&r=%22",
            ),
            (
                "http://a/%7euser/%c3%a4/%2fx%2e",
                "http://a/~user/%C3%A4/%2Fx%2E",
            ),
            ("http://a/b/../c/./d/..", "http://a/c/"),
            ("http://a/100%", "http://a/100%25"),
            ("http://a?b", "http://a/?b"),
            ("ftp", "ftp"),
        ] {
            assert_eq!(normal(url), sent);
        }
    }

    #[test]
    fn references_are_resolved_as_the_standard_says() {
        // RFC 3986, sections 5.4.1 and 5.4.2.
        let base = "http://a/b/c/d;p?q";
        for (reference, url) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h/x", "https://h/x"),
        ] {
            assert_eq!(resolve(base, reference), url, "{reference}");
        }
        assert_eq!(resolve("http://a", "g"), "http://a/g");
    }

    #[test]
    fn origins_are_compared_whole() {
        assert_eq!(origin("https://a.test:8443/x?y"), "https://a.test:8443");
        assert_eq!(origin("http://a.test?x"), "http://a.test");
    }
}
