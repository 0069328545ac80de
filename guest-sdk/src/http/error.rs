//! Why an exchange failed.

use crate::{Denial, denials};
use std::io;

/// An exchange over HTTP failed. A status such as 404 is not a failure.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HttpError {
    /// The gate refused the request.
    #[error("{denial}")]
    Denied {
        /// The refusal.
        denial: Denial,
    },
    /// The request cannot be sent as it is.
    #[error("the request is not valid: {message}")]
    Invalid {
        /// What is wrong with it.
        message: String,
    },
    /// The server did not answer in time.
    #[error("the server did not answer in time: {message}")]
    Timeout {
        /// What was waited for.
        message: String,
    },
    /// There was no connection, or it broke.
    #[error("the connection failed: {message}")]
    Connection {
        /// What failed.
        message: String,
    },
    /// The answer is not HTTP, or breaks its rules.
    #[error("the server broke the protocol: {message}")]
    Protocol {
        /// What was seen.
        message: String,
    },
    /// The body is larger than the reader allowed.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// The body is not what the reader expected.
    #[error("the body is not {expected}: {message}")]
    Format {
        /// What was expected.
        expected: &'static str,
        /// What was seen.
        message: String,
    },
}

impl HttpError {
    /// The gate's refusal of a request to `url`, in its own words where it left some.
    pub(crate) fn denied(url: &str) -> Self {
        let denial = denials::last().unwrap_or_else(|| Denial {
            receipt: String::new(),
            kind: "http.request".into(),
            target: url.split('?').next().unwrap_or_default().into(),
            reason: "denied".into(),
        });
        Self::Denied { denial }
    }
}

impl From<HttpError> for io::Error {
    fn from(error: HttpError) -> Self {
        let kind = match &error {
            HttpError::Denied { .. } => io::ErrorKind::PermissionDenied,
            HttpError::Invalid { .. } => io::ErrorKind::InvalidInput,
            HttpError::Timeout { .. } => io::ErrorKind::TimedOut,
            HttpError::Connection { .. } => io::ErrorKind::ConnectionAborted,
            HttpError::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            HttpError::Protocol { .. } | HttpError::Format { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

impl From<io::Error> for HttpError {
    /// Finds the exchange's own error again in an error of its body.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Self::Timeout {
                message: error.to_string(),
            },
            Err(error) => Self::Connection {
                message: error.to_string(),
            },
        }
    }
}
