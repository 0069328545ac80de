//! What a guest is told, and what it says.

use tollgate_sdk::{ToolError, ToolOutput};

/// What the harness tells every guest of the scene around it.
#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
pub struct Scene {
    /// Port on loopback of the server that grants may name.
    #[serde(default)]
    pub port: u16,
    /// Port on loopback of the server that no request may reach.
    #[serde(default)]
    pub canary_port: u16,
    /// A name that leads to a private or loopback address.
    #[serde(default)]
    pub private_name: String,
    /// The directory on the host in which all of the test is.
    #[serde(default)]
    pub root: String,
    /// Whose turn it is in a component of many.
    #[serde(default)]
    pub guest: String,
}

/// What a guest attempted and what it saw, one line each.
#[derive(Debug, Default)]
pub struct Report(Vec<String>);

impl Report {
    /// Adds a line.
    pub fn say(&mut self, line: impl Into<String>) {
        self.0.push(line.into());
    }

    /// The tool's answer.
    ///
    /// # Errors
    /// The report cannot be written as JSON, which text always can.
    pub fn into_output(self) -> Result<ToolOutput, ToolError> {
        ToolOutput::json(&self.0)
    }

    /// Adds how an attempt went; gives what it brought.
    pub fn step<T, E: Said>(&mut self, what: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                self.0.push(format!("{what}: ok"));
                Some(value)
            }
            Err(error) => {
                self.0.push(format!("{what}: {}", error.said()));
                None
            }
        }
    }
}

/// Runs an attempt and makes the tool's answer of its report.
///
/// # Errors
/// The report cannot be written as JSON, which text always can.
pub fn of(
    scene: &Scene,
    attempt: impl FnOnce(&Scene, &mut Report),
) -> Result<ToolOutput, ToolError> {
    let mut report = Report::default();
    attempt(scene, &mut report);
    report.into_output()
}

/// An error in the words of its interface.
pub trait Said {
    /// The words.
    fn said(&self) -> String;
}

impl Said for crate::wasi::filesystem::types::ErrorCode {
    fn said(&self) -> String {
        self.name().to_owned()
    }
}

impl Said for crate::wasi::sockets::network::ErrorCode {
    fn said(&self) -> String {
        self.name().to_owned()
    }
}

impl Said for crate::wasi::keyvalue::store::Error {
    fn said(&self) -> String {
        match self {
            Self::NoSuchStore => "no-such-store".to_owned(),
            Self::AccessDenied => "access-denied".to_owned(),
            Self::Other(why) => format!("other, {why}"),
        }
    }
}

impl Said for crate::wasi::io::streams::StreamError {
    fn said(&self) -> String {
        match self {
            Self::Closed => "closed".to_owned(),
            Self::LastOperationFailed(error) => format!("failed, {}", error.to_debug_string()),
        }
    }
}

impl Said for std::io::Error {
    fn said(&self) -> String {
        format!("{:?}", self.kind())
    }
}

impl Said for tollgate_sdk::http::HttpError {
    fn said(&self) -> String {
        match self {
            Self::Denied { denial } => format!("denied, {}", denial.reason),
            other => other.to_string(),
        }
    }
}

impl Said for String {
    fn said(&self) -> String {
        self.clone()
    }
}
