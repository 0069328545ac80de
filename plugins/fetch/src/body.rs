//! What is made of an answer's body.

use crate::bounds::{COLUMNS, ELEMENTS_DEPTH_MAX, ELEMENTS_MAX};
use crate::charset::decode;
use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_sdk::{Blob, OutputBlock, ToolError};

/// How the body is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// By its media type: pages readable, text as text, everything else as bytes.
    #[default]
    Auto,
    /// As text, whatever its media type; a page with its tags.
    Text,
    /// What a person would read of a page: its text with headings, lists, tables and links.
    Readable,
    /// The bytes as they came.
    Bytes,
}

/// A media type and its charset (RFC 9110, section 8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaType {
    pub(crate) essence: String,
    charset: Option<String>,
}

impl MediaType {
    pub(crate) fn parse(field: Option<&str>) -> Self {
        let mut parts = field.unwrap_or_default().split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let wanted = name.trim().eq_ignore_ascii_case("charset");
            wanted.then(|| value.trim().trim_matches('"').to_owned())
        });
        let valid = essence
            .split_once('/')
            .is_some_and(|(top, sub)| is_token(top) && is_token(sub));
        Self {
            essence: match valid {
                true => essence,
                false => "application/octet-stream".into(),
            },
            charset,
        }
    }

    fn is_page(&self) -> bool {
        matches!(self.essence.as_str(), "text/html" | "application/xhtml+xml")
    }

    fn is_text(&self) -> bool {
        let (top, sub) = self.essence.split_once('/').unwrap_or_default();
        let named = [
            "json",
            "xml",
            "javascript",
            "ecmascript",
            "x-ndjson",
            "yaml",
            "toml",
            "sql",
            "graphql",
            "x-www-form-urlencoded",
        ];
        top == "text"
            || self.charset.is_some()
            || sub.ends_with("+json")
            || sub.ends_with("+xml")
            || sub.ends_with("+yaml")
            || top == "application" && named.contains(&sub)
    }
}

/// A word of a header field (RFC 9110, section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// The body as a block, and the name of its charset if it is text.
pub(crate) fn block(
    bytes: Vec<u8>,
    media_type: &MediaType,
    form: Form,
    encoded: bool,
    cut: bool,
) -> Result<(OutputBlock, Option<&'static str>), ToolError> {
    let form = match form {
        // A compressed body that nobody asked for is bytes.
        Form::Auto if encoded => Form::Bytes,
        Form::Auto if media_type.is_page() => Form::Readable,
        Form::Auto if media_type.is_text() => Form::Text,
        Form::Auto => Form::Bytes,
        other => other,
    };
    if form == Form::Bytes {
        let media_type = media_type.essence.clone();
        return Ok((
            OutputBlock::Blob(Blob {
                media_type,
                data: bytes,
            }),
            None,
        ));
    }
    let page = media_type.is_page() || form == Form::Readable;
    let (text, charset) = decode(&bytes, media_type.charset.as_deref(), page, cut);
    drop(bytes);
    let text = match form {
        Form::Readable => readable(&text)?,
        _ => text,
    };
    Ok((OutputBlock::Text(text), Some(charset)))
}

/// What a person would read of a page.
fn readable(page: &str) -> Result<String, ToolError> {
    let whole = page.len();
    let page = page.get(..end(page)).unwrap_or(page);
    if depth(page) > ELEMENTS_DEPTH_MAX {
        return Err(ToolError::failed(format!(
            "the page's elements are nested deeper than {ELEMENTS_DEPTH_MAX} levels; ask for it as text"
        )));
    }
    let mut text = html2text::config::plain()
        .allow_width_overflow()
        .no_link_wrapping()
        .string_from_read(page.as_bytes(), COLUMNS)
        .map_err(|error| {
            ToolError::failed(format!(
                "the page cannot be set as text: {error}; ask for it as text"
            ))
        })?;
    if page.len() < whole {
        text.push_str(&format!(
            "\n[the page has more than {ELEMENTS_MAX} elements; what follows was left out]\n"
        ));
    }
    Ok(text)
}

/// Where the elements that are set end.
fn end(page: &str) -> usize {
    let opens = |at: &usize| {
        let next = page.as_bytes().get(at.saturating_add(1));
        next.is_some_and(u8::is_ascii_alphabetic)
    };
    page.match_indices('<')
        .map(|(at, _)| at)
        .filter(opens)
        .nth(ELEMENTS_MAX)
        .unwrap_or(page.len())
}

/// How deep the elements can go at most: what is opened and never closed counts as staying open, except
/// for elements that hold nothing or are closed by their next sibling.
fn depth(page: &str) -> usize {
    const FLAT: [&str; 24] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
        "source", "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "option", "path",
        "tbody",
    ];
    let (mut now, mut most) = (0_usize, 0);
    for tag in page.split('<').skip(1) {
        let closing = tag.starts_with('/');
        let name = tag.trim_start_matches('/');
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        let name = name.get(..end.unwrap_or(name.len())).unwrap_or_default();
        if name.is_empty() || FLAT.iter().any(|flat| name.eq_ignore_ascii_case(flat)) {
            continue;
        }
        let empty = tag.split('>').next().is_some_and(|tag| tag.ends_with('/'));
        if closing {
            now = now.saturating_sub(1);
        } else if !empty {
            now = now.saturating_add(1);
            most = most.max(now);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(bytes: &[u8], field: &str, form: Form) -> (OutputBlock, Option<&'static str>) {
        let media_type = MediaType::parse(Some(field));
        block(bytes.to_vec(), &media_type, form, false, false).unwrap()
    }

    #[test]
    fn the_media_type_decides_unless_the_call_does() {
        let text = |bytes: &[u8], field: &str| match made(bytes, field, Form::Auto).0 {
            OutputBlock::Text(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text(b"{}", "application/json"), "{}");
        assert_eq!(text(b"\xe4", "text/plain; Charset=\"latin1\""), "ä");
        assert_eq!(text(b"a", "image/svg+xml"), "a");
        for field in ["image/png", "", "no type", "application/octet-stream"] {
            let (block, charset) = made(b"\0", field, Form::Auto);
            assert!(
                matches!(block, OutputBlock::Blob(_)) && charset.is_none(),
                "{field}"
            );
        }
        let page = b"<p>a</p>";
        assert_eq!(
            made(page, "text/html", Form::Text),
            (OutputBlock::Text("<p>a</p>".into()), Some("UTF-8"))
        );
        assert!(matches!(
            made(page, "text/html", Form::Bytes).0,
            OutputBlock::Blob(_)
        ));
    }

    #[test]
    fn a_page_is_given_as_it_is_read() {
        let page = "<!doctype html><title>T</title><style>p{}</style><script>no()</script>\
            <h1>Head</h1><p>Some <b>bold</b> &amp; <a href='/x'>a link</a>.<ul><li>one<li>two</ul>";
        let (OutputBlock::Text(text), _) = made(page.as_bytes(), "text/html", Form::Auto) else {
            panic!("no text");
        };
        for part in ["# Head", "&", "a link", "/x", "* one", "* two"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("no()") && !text.contains("p{}"), "{text}");
    }

    #[test]
    fn a_page_of_too_many_elements_is_cut_and_says_so() {
        let page = "<p>a</p>".repeat(ELEMENTS_MAX) + "<p>beyond</p>";
        let text = readable(&page).unwrap();
        assert!(!text.contains("beyond") && text.contains("more than 25000 elements"));
        assert!(!readable("<p>a</p> 1 < 2").unwrap().contains("elements"));
    }

    #[test]
    fn a_page_that_is_too_deep_is_refused() {
        let page = "<div>".repeat(ELEMENTS_DEPTH_MAX + 1);
        let media_type = MediaType::parse(Some("text/html"));
        assert!(block(page.into(), &media_type, Form::Auto, false, false).is_err());
        assert!(depth(&"<p><br><li><div></div>".repeat(1000)) < 3);
    }
}
