//! The tool `fetch`.

use crate::body::{Form, MediaType, block};
use crate::bounds::{ANSWER_BYTES, ANSWER_BYTES_MAX, FIELD_BYTES_MAX, REDIRECTS, REDIRECTS_MAX};
use crate::exchange::{Hop, Reached, Wish, run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use tollgate_sdk::http::{self, Headers, HttpClient, HttpError};
use tollgate_sdk::{Context, OutputBlock, Tool, ToolError, ToolOutput};

/// Header fields that an answer repeats.
const SHOWN: [&str; 12] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "date",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fetch {
    /// The URL, such as https://example.com/page. A fragment is left out.
    url: String,
    /// The method; GET if not given.
    #[serde(default = "get")]
    method: String,
    /// Header fields to send, by name. Credentials are not set here: the operator grants them.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body to send, as text. Say its type in the header content-type.
    #[serde(default)]
    body: Option<String>,
    /// How the answer is given. auto gives a page as what a person would read of it, text as text, and everything
    /// else as bytes.
    #[serde(default, rename = "as")]
    form: Form,
    /// How many bytes of the answer are taken at most; 1 MiB if not given, and never more than 2 MiB.
    #[serde(default = "answer_bytes")]
    max_bytes: u64,
    /// How many redirects are followed; 5 if not given, none if 0, and never more than 10.
    #[serde(default = "redirects")]
    redirects_max: usize,
}

fn get() -> String {
    "GET".into()
}

fn answer_bytes() -> u64 {
    ANSWER_BYTES
}

fn redirects() -> usize {
    REDIRECTS
}

/// What is said of an answer besides its body.
#[derive(Debug, Serialize)]
struct Head {
    /// The status (RFC 9110, section 15).
    status: u16,
    /// Where the answer came from, after redirects.
    url: String,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    charset: Option<&'static str>,
    /// Bytes of the body that were taken.
    bytes: usize,
    /// Whether the body is longer than what was taken.
    truncated: bool,
    headers: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redirects: Vec<Hop>,
    /// Why a redirect was not followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_not_followed: Option<String>,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Fetch>(
        "fetch",
        "Sends one request to the web and gives status, media type and some header fields of the answer, and \
         then its body. A status such as 404 is an answer, not an error. Each redirect is a request of its \
         own and needs its own permission.",
        |arguments, _: &Context| fetch(&http::Host, arguments),
    )
    .title("Fetch from the web")
    .open_world()
}

fn fetch(client: &impl HttpClient, arguments: Fetch) -> Result<ToolOutput, ToolError> {
    if !(1..=ANSWER_BYTES_MAX).contains(&arguments.max_bytes) {
        return Err(ToolError::invalid(format!(
            "max_bytes: is from 1 to {ANSWER_BYTES_MAX}"
        )));
    }
    if arguments.redirects_max > REDIRECTS_MAX {
        return Err(ToolError::invalid(format!(
            "redirects_max: is from 0 to {REDIRECTS_MAX}"
        )));
    }
    let wish = Wish::new(
        &arguments.method,
        &arguments.url,
        arguments.headers,
        arguments.body,
    )?;
    let reached = run(client, wish, arguments.redirects_max)?;
    answer(reached, arguments.form, arguments.max_bytes)
}

fn answer(reached: Reached, form: Form, bytes_max: u64) -> Result<ToolOutput, ToolError> {
    let headers = &reached.response.headers;
    let media_type = MediaType::parse(headers.get("content-type"));
    let encoded = headers
        .get("content-encoding")
        .is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"));
    let shown = shown(headers);
    let mut bytes = Vec::new();
    reached
        .response
        .body
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(HttpError::from)?;
    let most = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let truncated = bytes.len() > most;
    bytes.truncate(most);
    let length = bytes.len();
    let (body, charset) = match length {
        0 => (None, None),
        _ => {
            let (block, charset) = block(bytes, &media_type, form, encoded, truncated)?;
            (Some(block), charset)
        }
    };
    let mut output = ToolOutput::json(&Head {
        status: reached.response.status,
        url: reached.url,
        media_type: media_type.essence,
        charset,
        bytes: length,
        truncated,
        headers: shown,
        redirects: reached.hops,
        redirect_not_followed: reached.stopped,
    })?;
    output.content.extend(body);
    if truncated {
        output.content.push(OutputBlock::Text(format!(
            "[the answer is longer than {bytes_max} bytes; what follows was not taken]"
        )));
    }
    Ok(output)
}

/// The header fields that an answer repeats, each within its bound.
fn shown(headers: &Headers) -> BTreeMap<&'static str, String> {
    let field = |name: &'static str| {
        let mut value = headers.all(name).collect::<Vec<_>>().join(", ");
        value.truncate(value.floor_char_boundary(FIELD_BYTES_MAX));
        (!value.is_empty()).then_some((name, value))
    };
    SHOWN.into_iter().filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tollgate_sdk::http::Response;
    use tollgate_sdk::testing::FakeHttp;

    fn fetched(
        arguments: Value,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(Value, Vec<OutputBlock>), ToolError> {
        let headers = Headers::from_iter(headers.iter().copied());
        let fake = FakeHttp::new(Ok(Response::new(200, headers, body)));
        let mut output = fetch(&fake, serde_json::from_value(arguments).unwrap())?;
        let OutputBlock::Json(head) = output.content.remove(0) else {
            panic!("no head");
        };
        Ok((serde_json::from_str(&head).unwrap(), output.content))
    }

    #[test]
    fn the_head_comes_first_and_then_the_body() {
        let fields = [
            ("Content-Type", "text/plain; charset=iso-8859-1"),
            ("ETag", "\"1\""),
            ("Set-Cookie", "secret"),
        ];
        let (head, body) = fetched(json!({"url": "http://a.test"}), &fields, b"\xe4").unwrap();
        assert_eq!(
            head,
            json!({"status": 200, "url": "http://a.test/", "media_type": "text/plain", "bytes": 1,
                "charset": "windows-1252", "truncated": false, "headers": {"etag": "\"1\""}})
        );
        assert_eq!(body, [OutputBlock::Text("ä".into())]);
    }

    #[test]
    fn a_long_answer_is_cut_and_says_so() {
        let arguments = json!({"url": "http://a.test", "max_bytes": 4});
        let fields = [("content-type", "text/plain")];
        let (head, body) = fetched(arguments.clone(), &fields, "abcä".as_bytes()).unwrap();
        assert_eq!(
            (&head["bytes"], &head["truncated"]),
            (&json!(4), &json!(true))
        );
        assert_eq!(body[0], OutputBlock::Text("abc".into()));
        assert!(
            matches!(&body[1], OutputBlock::Text(note) if note.contains("longer than 4 bytes"))
        );
        let (head, body) = fetched(arguments, &fields, b"abcd").unwrap();
        assert_eq!((&head["truncated"], body.len()), (&json!(false), 1));
    }

    #[test]
    fn no_body_is_no_block_and_a_coded_one_is_bytes() {
        let (_, body) = fetched(json!({"url": "http://a.test"}), &[], b"").unwrap();
        assert!(body.is_empty());
        let fields = [("content-type", "text/html"), ("content-encoding", "gzip")];
        let (_, body) = fetched(json!({"url": "http://a.test"}), &fields, b"\x1f\x8b").unwrap();
        assert!(matches!(body[0], OutputBlock::Blob(_)));
    }

    #[test]
    fn limits_are_checked_first() {
        for bad in [
            json!({"url": "http://a.test", "max_bytes": 0}),
            json!({"url": "http://a.test", "max_bytes": 2_097_153}),
            json!({"url": "http://a.test", "redirects_max": 11}),
        ] {
            assert!(fetched(bad, &[], b"").is_err());
        }
    }
}
