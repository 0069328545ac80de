//! What the formats of others share: who tells, what became of an effect, and how grave that is.

use serde_json::{Map, Value};
use tollgate_receipts::{OutcomeResult, Receipt, Standing};

/// The name of the product in every format.
pub(crate) const PRODUCT: &str = "tollgate";

/// Where a ledger was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The name of the machine.
    pub host: String,
    /// The version of the product.
    pub version: String,
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was performed.
    Succeeded,
    /// It failed, observed.
    Failed,
    /// It was given up.
    Cancelled,
    /// An operator has said what happened.
    Resolved,
    /// It was refused.
    Denied,
    /// It waits for an operator.
    Asked,
    /// Nothing has been observed yet.
    Open,
    /// It may or may not have happened.
    Indeterminate,
}

impl Fate {
    /// What became of the effect of `receipt`.
    pub(crate) fn of(receipt: &Receipt) -> Self {
        match receipt.standing {
            Standing::Denied => Self::Denied,
            Standing::Asked => Self::Asked,
            Standing::Open => Self::Open,
            Standing::Indeterminate => Self::Indeterminate,
            Standing::Settled | Standing::Closed => {
                receipt.outcome().map_or(Self::Open, |o| o.result.into())
            }
        }
    }

    /// The word that stands for the value.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Resolved => "resolved",
            Self::Denied => "denied",
            Self::Asked => "asked",
            Self::Open => "open",
            Self::Indeterminate => "indeterminate",
        }
    }

    /// How grave it is.
    pub(crate) const fn level(self) -> Level {
        match self {
            Self::Succeeded | Self::Open | Self::Resolved => Level::Informational,
            Self::Failed | Self::Cancelled | Self::Asked => Level::Low,
            Self::Denied => Level::Medium,
            Self::Indeterminate => Level::High,
        }
    }
}

impl From<OutcomeResult> for Fate {
    fn from(result: OutcomeResult) -> Self {
        match result {
            OutcomeResult::Ok => Self::Succeeded,
            OutcomeResult::Failed => Self::Failed,
            OutcomeResult::Cancelled => Self::Cancelled,
            OutcomeResult::Indeterminate => Self::Indeterminate,
            OutcomeResult::Resolved => Self::Resolved,
        }
    }
}

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing to do.
    Informational,
    /// Worth a look.
    Low,
    /// Authority was missing.
    Medium,
    /// Nobody knows what happened.
    High,
}

/// Why it came so: the reason of a denial, or else the error, or else what was observed besides.
pub(crate) fn detail(receipt: &Receipt) -> Option<&str> {
    let outcome = receipt.outcome();
    let error = outcome.and_then(|o| o.error.as_deref().or(o.detail.as_deref()));
    match Fate::of(receipt) {
        Fate::Denied | Fate::Asked => receipt.decision.reason.as_deref(),
        _ => error,
    }
}

/// The event in one line, such as `fs.open.read /data/.env: denied 3 times (no_grant)`.
pub(crate) fn sentence(receipt: &Receipt) -> String {
    let mut line = receipt.kind.clone();
    if let Some(target) = &receipt.target {
        line.push(' ');
        line.push_str(&target.text);
    }
    line.push_str(": ");
    line.push_str(Fate::of(receipt).word());
    if receipt.count > 1 {
        line.push_str(&format!(" {} times", receipt.count));
    }
    if let Some(detail) = detail(receipt) {
        line.push_str(&format!(" ({detail})"));
    }
    line
}

/// When the ledger last heard of the effect, microseconds since the Unix epoch; none before an outcome.
pub(crate) fn last_heard_us(receipt: &Receipt) -> Option<i64> {
    let observed = [&receipt.settled, &receipt.closed, &receipt.resolved];
    observed.into_iter().flatten().map(|o| o.time_us).max()
}

/// A JSON object of those members that have a value.
pub(crate) fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}
