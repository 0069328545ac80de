//! Stand-ins for the host, for native tests of a plugin. Per thread, so that tests do not meet.

use crate::http::{HttpClient, HttpError, Request, Response};
use crate::{CompletionRequest, Denial, Message, ProviderError, ToolChoice, ToolHints, ToolSpec};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

thread_local! {
    static DENIAL: RefCell<Option<Denial>> = const { RefCell::new(None) };
    static CONFIG: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    static BUCKETS: RefCell<BTreeMap<(String, String), Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Sets what [`denials::last`](crate::denials::last) returns on this thread.
pub fn set_denial(denial: Option<Denial>) {
    DENIAL.set(denial);
}

pub(crate) fn denial() -> Option<Denial> {
    DENIAL.with_borrow(Clone::clone)
}

/// A refusal with a made-up receipt.
pub fn sample_denial(kind: &str, target: &str, reason: &str) -> Denial {
    Denial {
        receipt: "receipt-1".into(),
        kind: kind.into(),
        target: target.into(),
        reason: reason.into(),
    }
}

/// A request of these messages that asks for nothing else.
pub fn sample_request(messages: Vec<Message>) -> CompletionRequest {
    CompletionRequest {
        model: None,
        messages,
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        temperature_milli: None,
        top_p_milli: None,
        stop: Vec::new(),
        output_tokens_max: None,
        stream: false,
    }
}

/// A tool `read` whose arguments have this JSON Schema.
pub fn sample_tool(schema: &str) -> ToolSpec {
    ToolSpec {
        name: "read".into(),
        title: None,
        description: "Reads.".into(),
        input_schema_json: schema.into(),
        output_schema_json: None,
        hints: ToolHints {
            read_only: true,
            destructive: false,
            idempotent: true,
            open_world: false,
        },
    }
}

/// The case of an error in one word, for tables of what means what.
pub fn error_word(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::AuthExpired(_) => "auth",
        ProviderError::RateLimited(_) => "rate",
        ProviderError::QuotaExhausted(_) => "quota",
        ProviderError::Overloaded(_) => "overloaded",
        ProviderError::ContextTooLong(_) => "long",
        ProviderError::InvalidRequest(_) => "invalid",
        ProviderError::Refused(_) => "refused",
        ProviderError::Unavailable(_) => "unavailable",
        ProviderError::Denied(_) => "denied",
    }
}

/// Sets a key of the plugin's configuration on this thread.
pub fn set_config(key: &str, value: &str) {
    CONFIG.with_borrow_mut(|config| config.insert(key.into(), value.into()));
}

pub(crate) fn with_config<T>(read: impl FnOnce(&BTreeMap<String, String>) -> T) -> T {
    CONFIG.with_borrow(read)
}

pub(crate) fn with_buckets<T>(
    act: impl FnOnce(&mut BTreeMap<(String, String), Vec<u8>>) -> T,
) -> T {
    BUCKETS.with_borrow_mut(act)
}

/// An HTTP client that gives prepared answers, in order, and keeps what was sent.
#[derive(Debug, Default)]
pub struct FakeHttp {
    answers: RefCell<VecDeque<Result<Response, HttpError>>>,
    sent: RefCell<Vec<Sent>>,
}

/// A request that was sent to a [`FakeHttp`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The URL as the plugin built it.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl FakeHttp {
    /// A client that gives this answer once.
    pub fn new(answer: Result<Response, HttpError>) -> Self {
        let fake = Self::default();
        fake.answer(answer);
        fake
    }

    /// Adds an answer.
    pub fn answer(&self, answer: Result<Response, HttpError>) {
        self.answers.borrow_mut().push_back(answer);
    }

    /// What has been sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.borrow().clone()
    }
}

impl HttpClient for FakeHttp {
    fn send(&self, request: Request) -> Result<Response, HttpError> {
        let sent = Sent {
            method: request.method().into(),
            url: request.url().into(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.into(), String::from_utf8_lossy(value).into_owned()))
                .collect(),
            body: request.into_body_bytes()?,
        };
        self.sent.borrow_mut().push(sent);
        self.answers.borrow_mut().pop_front().unwrap_or_else(|| {
            Err(HttpError::Connection {
                message: "no answer was prepared".into(),
            })
        })
    }
}

/// A context of a call: session `test`, no run, call `call-1`, 30 seconds.
pub fn context() -> crate::Context {
    crate::Context {
        session: "test".into(),
        run: None,
        call: "call-1".into(),
        deadline_ms: 30_000,
    }
}
