//! HTTP with streamed bodies.
//!
//! Logic takes an [`HttpClient`] and so runs natively against
//! [`testing::FakeHttp`](crate::testing::FakeHttp); inside a component it is [`Host`]. The host
//! follows no redirects and adds credentials by itself: a plugin never sets an authorization header.
//! Whoever reads a body says how much of it at most.

mod error;
mod headers;
mod host;
mod request;
mod response;
mod retry;
mod url;

pub use error::HttpError;
pub use headers::Headers;
pub use host::Host;
pub use request::Request;
pub use response::{Body, Response};
pub use retry::{retry_after_ms, should_retry};
pub use url::{Scheme, Url};

/// Sends requests.
pub trait HttpClient {
    /// Sends a request and returns as soon as the response's head is there.
    ///
    /// # Errors
    /// The gate refused, the request is not valid, or the exchange failed. A status such as 404 is not
    /// an error.
    fn send(&self, request: Request) -> Result<Response, HttpError>;
}
