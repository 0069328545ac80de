//! Errors of a plugin that carry the gate's refusal.

use crate::http::HttpError;
use crate::io_kind::{io_kind, is_outside_mounts};
use crate::{Denial, ProviderError, Retryable, StreamError, ToolError, denials};
use std::io;
use std::path::Path;

impl ToolError {
    /// The tool tried and failed: what failed, on what, what to do.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// The arguments do not fit: which one, and what it should be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidArguments(message.into())
    }

    /// Nothing of that name.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::NotFound(message.into())
    }

    /// An error of the file system: `what` (such as `read`) failed on `path`.
    ///
    /// Call it right after the error. A permission error carries the gate's refusal.
    pub fn io(what: &str, path: impl AsRef<Path>, error: &io::Error) -> Self {
        let path = path.as_ref().display();
        if let Some(denial) = denial_of(error) {
            return Self::Denied(denial);
        }
        if is_outside_mounts(error) {
            return Self::Failed(format!(
                "cannot {what} {path}: the operator has mounted nothing there"
            ));
        }
        match io_kind(error) {
            io::ErrorKind::NotFound => Self::NotFound(format!("{path} does not exist")),
            _ => Self::Failed(format!("cannot {what} {path}: {error}")),
        }
    }
}

/// The refusal behind a permission error; none where the operating system refused by itself.
pub(crate) fn denial_of(error: &io::Error) -> Option<Denial> {
    let refused = matches!(
        io_kind(error),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    );
    // An error that holds another one is not the file system's; it carries its own refusal if any.
    (refused && error.get_ref().is_none() && !is_outside_mounts(error))
        .then(denials::last)
        .flatten()
}

impl From<io::Error> for ToolError {
    fn from(error: io::Error) -> Self {
        if let Some(denial) = denial_of(&error) {
            return Self::Denied(denial);
        }
        if error.get_ref().is_some_and(|inner| inner.is::<HttpError>()) {
            return HttpError::from(error).into();
        }
        match io_kind(&error) {
            io::ErrorKind::NotFound => Self::NotFound(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<HttpError> for ToolError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied { denial } => Self::Denied(denial),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<StreamError> for ToolError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Io(error) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl ProviderError {
    /// The provider could not be reached, or answered with what is not its format.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(Retryable {
            message: message.into(),
            retry_after_ms: None,
        })
    }

    /// The request cannot be built or was refused as it was built.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidRequest(message.into())
    }
}

impl From<HttpError> for ProviderError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied { denial } => Self::Denied(denial),
            HttpError::Invalid { .. } => Self::invalid(error.to_string()),
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<io::Error> for ProviderError {
    fn from(error: io::Error) -> Self {
        match denial_of(&error) {
            Some(denial) => Self::Denied(denial),
            None => HttpError::from(error).into(),
        }
    }
}

impl From<StreamError> for ProviderError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Io(error) => error.into(),
            other => Self::unavailable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn refused(kind: io::ErrorKind) -> ToolError {
        ToolError::io("read", "/project/.env", &io::Error::from(kind))
    }

    #[test]
    fn a_permission_error_carries_the_refusal() {
        let denial = testing::sample_denial("fs.read", "/project/.env", "excluded");
        testing::set_denial(Some(denial.clone()));
        assert_eq!(
            refused(io::ErrorKind::PermissionDenied),
            ToolError::Denied(denial.clone())
        );
        assert_eq!(
            ToolError::from(io::Error::from(io::ErrorKind::ReadOnlyFilesystem)),
            ToolError::Denied(denial.clone())
        );
        assert_eq!(
            ProviderError::from(HttpError::Denied {
                denial: denial.clone()
            }),
            ProviderError::Denied(denial)
        );
        testing::set_denial(None);
    }

    #[test]
    fn other_errors_do_not_borrow_a_refusal() {
        testing::set_denial(Some(testing::sample_denial("fs.read", "/x", "no_grant")));
        assert_eq!(
            refused(io::ErrorKind::NotFound),
            ToolError::NotFound("/project/.env does not exist".into())
        );
        assert!(matches!(
            refused(io::ErrorKind::IsADirectory),
            ToolError::Failed(message) if message.starts_with("cannot read /project/.env")
        ));
        testing::set_denial(None);
    }

    #[test]
    fn a_permission_error_of_the_system_is_no_denial() {
        assert!(matches!(
            refused(io::ErrorKind::PermissionDenied),
            ToolError::Failed(_)
        ));
    }

    #[test]
    fn an_http_error_keeps_its_type_through_a_reader() {
        let denial = testing::sample_denial("http.request", "https://x.test/", "no_grant");
        testing::set_denial(Some(testing::sample_denial("fs.read", "/x", "no_grant")));
        let error = || {
            io::Error::from(HttpError::Denied {
                denial: denial.clone(),
            })
        };
        assert_eq!(
            ProviderError::from(error()),
            ProviderError::Denied(denial.clone())
        );
        assert_eq!(ToolError::from(error()), ToolError::Denied(denial.clone()));
        testing::set_denial(None);
    }
}
