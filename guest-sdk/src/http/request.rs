//! A request and how it is built.

use super::{Headers, HttpClient, HttpError, Response};
use serde::Serialize;
use std::fmt;
use std::io::Read;
use std::time::Duration;

/// What a request carries.
pub(crate) enum Payload {
    Empty,
    Bytes(Vec<u8>),
    Stream {
        reader: Box<dyn Read>,
        bytes: Option<u64>,
    },
}

/// How long to wait for what. None leaves it to the host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timeouts {
    pub(crate) connect: Option<Duration>,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) between_bytes: Option<Duration>,
}

/// A request. Its parts are checked when it is sent.
pub struct Request {
    method: String,
    url: String,
    headers: Headers,
    payload: Payload,
    timeouts: Timeouts,
}

impl Request {
    /// A request without a body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Headers::default(),
            payload: Payload::Empty,
            timeouts: Timeouts::default(),
        }
    }

    /// A `GET` request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` request; give it a body.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Sets a header field. Credentials are not set here: the host adds them.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.set(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.payload = Payload::Bytes(body.into());
        self
    }

    /// Sets the body to a JSON value, and its type.
    ///
    /// # Errors
    /// The value cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, HttpError> {
        let body = serde_json::to_vec(value).map_err(|e| HttpError::Invalid {
            message: format!("the body cannot be written as JSON: {e}"),
        })?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Sets the body to what a reader gives while it is being sent. With `bytes`, exactly so many are
    /// announced and have to come.
    #[must_use]
    pub fn stream(mut self, reader: impl Read + 'static, bytes: Option<u64>) -> Self {
        self.payload = Payload::Stream {
            reader: Box::new(reader),
            bytes,
        };
        self
    }

    /// How long connecting may take.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = Some(timeout);
        self
    }

    /// How long the first byte of the answer may take.
    #[must_use]
    pub fn first_byte_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.first_byte = Some(timeout);
        self
    }

    /// How long the answer may pause.
    #[must_use]
    pub fn between_bytes_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.between_bytes = Some(timeout);
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.payload
    }

    pub(crate) fn into_payload(self) -> Payload {
        self.payload
    }

    /// The whole body, read to its end: for tests.
    ///
    /// # Errors
    /// The body is a stream and its reader failed.
    pub fn into_body_bytes(self) -> Result<Vec<u8>, HttpError> {
        match self.payload {
            Payload::Empty => Ok(Vec::new()),
            Payload::Bytes(bytes) => Ok(bytes),
            Payload::Stream { mut reader, .. } => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Sends the request.
    ///
    /// # Errors
    /// As [`HttpClient::send`].
    pub fn send(self, client: &(impl HttpClient + ?Sized)) -> Result<Response, HttpError> {
        client.send(self)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
