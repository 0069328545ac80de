//! A response and its body.

use super::{Headers, HttpError};
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{self, Read};

/// A response whose head has arrived. Its body is read as it comes.
#[derive(Debug)]
pub struct Response {
    /// The status code (RFC 9110, section 15).
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

/// A body as it arrives. An error of it can be turned into an [`HttpError`].
pub struct Body(Box<dyn Read>);

impl Body {
    /// A body that is what a reader gives.
    pub fn new(reader: impl Read + 'static) -> Self {
        Self(Box::new(reader))
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

impl Response {
    /// A prepared response, for tests.
    pub fn new(status: u16, headers: Headers, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers,
            body: Body::new(io::Cursor::new(body.into())),
        }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The whole body.
    ///
    /// # Errors
    /// The exchange failed, or there are more than `bytes_max` bytes.
    pub fn bytes(self, bytes_max: u64) -> Result<Vec<u8>, HttpError> {
        let mut bytes = Vec::new();
        self.body
            .take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
            return Err(HttpError::TooLarge { bytes_max });
        }
        Ok(bytes)
    }

    /// As much of the body as there is, up to `bytes_max` bytes, even if the exchange then fails. For
    /// error answers, where something is better than nothing.
    pub fn prefix(self, bytes_max: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What came before a failure stays in `bytes`.
        let _ = self.body.take(bytes_max).read_to_end(&mut bytes);
        bytes
    }

    /// The whole body as text.
    ///
    /// # Errors
    /// As [`Response::bytes`], or it is not UTF-8.
    pub fn text(self, bytes_max: u64) -> Result<String, HttpError> {
        String::from_utf8(self.bytes(bytes_max)?).map_err(|e| HttpError::Format {
            expected: "UTF-8 text",
            message: e.utf8_error().to_string(),
        })
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    /// As [`Response::bytes`], or it is not the JSON that a `T` is read from.
    pub fn json<T: DeserializeOwned>(self, bytes_max: u64) -> Result<T, HttpError> {
        serde_json::from_slice(&self.bytes(bytes_max)?).map_err(|e| HttpError::Format {
            expected: "the expected JSON",
            message: e.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_a_bound() {
        let response = |body: &str| Response::new(200, Headers::default(), body);
        assert_eq!(response("abcd").bytes(4).unwrap(), b"abcd");
        assert_eq!(
            response("abcde").bytes(4).unwrap_err(),
            HttpError::TooLarge { bytes_max: 4 }
        );
        assert_eq!(response("abcde").prefix(4), b"abcd");
        assert_eq!(response("[1]").json::<Vec<u8>>(9).unwrap(), [1]);
        assert!(matches!(
            response("[1").json::<Vec<u8>>(9),
            Err(HttpError::Format { .. })
        ));
    }

    #[test]
    fn a_broken_body_says_what_broke() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(HttpError::Timeout {
                    message: "x".into(),
                }
                .into())
            }
        }
        let response = Response {
            status: 200,
            headers: Headers::default(),
            body: Body::new(Broken),
        };
        assert_eq!(
            response.bytes(9).unwrap_err(),
            HttpError::Timeout {
                message: "x".into()
            }
        );
    }
}
