//! Why no answer came, in plain words, and the one command or act that mends it.
//!
//! The adapter's error says what kind of failure it is; what the wire did is read from the receipt of the
//! request, which is the gate's word and not the adapter's.

use super::facts::{Credential, Facts, Grant};
use crate::app::App;
use crate::commands::denied;
use crate::errors::Failure;
use crate::printer::escape;
use crate::render::words::quoted;
use crate::wiring::{House, secret_remedy};
use tollgate_contract::{CallEvidence, Denial, ProviderError};
use tollgate_grants::RequestUrl;
use tollgate_receipts::Receipt;

/// Characters of the provider's own words.
const WORDS_CHARS_MAX: usize = 400;
/// The effect of a request.
const HTTP_REQUEST: &str = "http.request";

/// What is known of a request that failed.
#[derive(Debug, Default)]
struct Seen {
    /// The adapter's name.
    name: String,
    /// The wire format.
    format: String,
    /// Whether the server is on this machine.
    is_here: bool,
    /// `host:port` of the server.
    server: String,
    /// The model that was asked for.
    model: Option<String>,
    /// The kind of the wire's error, as on the receipt.
    wire: Option<String>,
    /// The status that the server answered with.
    status: Option<u16>,
    /// Where the server's address is configured.
    base_url: String,
    /// What mends a refused key.
    renew: String,
    /// Which key was sent, in words; none if none was.
    key: Option<String>,
    /// Whether a request was made at all.
    is_asked: bool,
}

/// A failure in words.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    what: String,
    /// The stable label of what went wrong.
    label: String,
    remedy: String,
}

/// The failure of a request.
pub(super) fn failure(
    app: &App,
    house: &House,
    facts: &Facts,
    error: &ProviderError,
    evidence: &CallEvidence,
) -> Failure {
    if let ProviderError::Denied { denial } = error {
        return refused(house, facts, denial);
    }
    let seen = seen(app, house, facts, request_of(house, evidence).as_ref());
    let Told {
        what,
        label,
        remedy,
    } = tell(&seen, error);
    Failure::Run {
        what,
        rule: Some(label),
        remedy: Some(remedy),
    }
}

/// The gate's refusal, with the command that comes next for a provider.
fn refused(house: &House, facts: &Facts, denial: &Denial) -> Failure {
    let mut failure = denied::failure(house, denial);
    // Where grant and credential stand, something else was refused, such as an address.
    let stand = matches!(
        (&facts.grant, &facts.credential),
        (Grant::Stands(_), Credential::None | Credential::Usable(_))
    );
    if let (Failure::Denied(refused), false) = (&mut failure, stand)
        && let Some(next) = facts.next()
    {
        refused.remedy = Some(next);
    }
    failure
}

/// The receipt of the last request of a call.
fn request_of(house: &House, evidence: &CallEvidence) -> Option<Receipt> {
    let mut receipts = evidence.receipts.iter().rev();
    receipts.find_map(|id| {
        let receipt = house.store.log().receipt(id).ok().flatten()?;
        (receipt.kind == HTTP_REQUEST).then_some(receipt)
    })
}

fn seen(app: &App, house: &House, facts: &Facts, receipt: Option<&Receipt>) -> Seen {
    let outcome = receipt
        .and_then(|receipt| receipt.settled.as_ref())
        .map(|observed| &observed.outcome);
    let target = receipt
        .and_then(|receipt| receipt.target.as_ref())
        .and_then(|target| Some(target.text.split_once(' ')?.1.to_owned()))
        .or_else(|| facts.endpoint.as_ref().map(|endpoint| endpoint.url.clone()))
        .unwrap_or_default();
    let url = RequestUrl::parse_str(target.split('?').next().unwrap_or_default()).ok();
    let (key, renew) = key(house, facts);
    Seen {
        name: facts.name().to_owned(),
        format: facts.info.format.clone(),
        is_here: url.as_ref().is_some_and(|url| url.host().is_loopback()),
        server: url.map_or(target, |url| format!("{}:{}", url.host(), url.port())),
        model: facts.model.clone(),
        wire: outcome.and_then(|outcome| outcome.error.clone()),
        status: outcome.and_then(|outcome| outcome.status),
        base_url: facts.base_url_place(house, app.home.policy()),
        key,
        renew,
        is_asked: receipt.is_some(),
    }
}

/// Which key was sent, and what renews it or adds one.
fn key(house: &House, facts: &Facts) -> (Option<String>, String) {
    let layers = house.catalogue.layers();
    let rule = |name: &str| {
        let mut files = layers.files.iter();
        files.find_map(|file| file.credentials.get(name))
    };
    let name = match &facts.credential {
        Credential::Usable(name) => Some(name.as_str()),
        _ => None,
    };
    if let Some((name, rule)) = name.and_then(|name| Some((name, rule(name)?))) {
        let words = format!("credential {name}, from {}", rule.source);
        return (Some(words), secret_remedy(name, rule));
    }
    let wanted = facts.format.map_or(facts.name(), |format| format.key.name);
    let add = match (rule(wanted), &facts.endpoint) {
        (Some(_), Some(endpoint)) => format!(
            "tollgate grant add {} {}",
            quoted(facts.name()),
            quoted(&endpoint.capability(Some(wanted)))
        ),
        _ => facts.define(wanted),
    };
    (None, add)
}

/// Pure: what is known becomes what is said.
fn tell(seen: &Seen, error: &ProviderError) -> Told {
    let said = escape::cut(&escape::line(&error.to_string()), WORDS_CHARS_MAX);
    let again = format!("tollgate provider test {}", quoted(&seen.name));
    let told = |what: String, label: &str, remedy: String| Told {
        what,
        label: label.to_owned(),
        remedy,
    };
    let server = &seen.server;
    match error {
        ProviderError::AuthExpired { .. } => match &seen.key {
            Some(key) => told(
                format!("{server} refused the key of {key}: {said}"),
                "auth_expired",
                seen.renew.clone(),
            ),
            None => told(
                format!("{server} wants a key, and the grant adds none: {said}"),
                "no_credential",
                seen.renew.clone(),
            ),
        },
        ProviderError::QuotaExhausted { .. } => told(
            said,
            "quota_exhausted",
            format!("raise the limit where the account is paid for, then run `{again}`"),
        ),
        ProviderError::RateLimited { retry_after_ms, .. } => {
            told(said, "rate_limited", later(*retry_after_ms, &again))
        }
        ProviderError::Overloaded { retry_after_ms, .. } => {
            told(said, "overloaded", later(*retry_after_ms, &again))
        }
        ProviderError::ContextTooLong { .. } => {
            told(said, "context_too_long", "ask for less".to_owned())
        }
        ProviderError::Refused { .. } => told(said, "refused", "ask something else".to_owned()),
        ProviderError::InvalidRequest { message } => invalid(seen, message, said, &again),
        ProviderError::Unavailable { .. } => unavailable(seen, said, &again),
        // Told where the gate's own words are.
        ProviderError::Denied { .. } => told(said, "denied", again),
    }
}

fn later(wait_ms: Option<u64>, again: &str) -> String {
    match wait_ms {
        Some(wait) => format!("wait {} s, then run `{again}`", wait.div_ceil(1000)),
        None => format!("wait a little, then run `{again}`"),
    }
}

/// The server did not take the request, or the adapter did not send it.
fn invalid(seen: &Seen, message: &str, said: String, again: &str) -> Told {
    let is_ollama = seen.format == "ollama-chat";
    let names_a_model = message.to_ascii_lowercase().contains("model");
    let is_missing = seen.status == Some(404) && names_a_model;
    let (what, label, remedy) = match &seen.model {
        None if !seen.is_asked => (
            format!("no model is named, and {} has none of its own", seen.name),
            "no_model",
            format!("{again} --model MODEL"),
        ),
        Some(model) if is_missing && is_ollama => (
            format!("{} has no model {model:?}", seen.server),
            "model_missing",
            format!("ollama pull {}", quoted(model)),
        ),
        model if is_missing || message.contains("model_not_found") => (
            format!(
                "{} has no model {:?}, or this key may not use it: {said}",
                seen.server,
                model.as_deref().unwrap_or_default()
            ),
            "model_missing",
            format!("{again} --model OTHER"),
        ),
        _ if matches!(seen.status, Some(300..=399 | 404 | 405)) => {
            return wrong_address(seen, &said);
        }
        _ => (
            said,
            "invalid_request",
            format!("tollgate provider show {}", quoted(&seen.name)),
        ),
    };
    Told {
        what,
        label: label.to_owned(),
        remedy,
    }
}

/// There is a server, and what is asked for is not there.
fn wrong_address(seen: &Seen, said: &str) -> Told {
    let status = seen
        .status
        .map_or_else(String::new, |status| format!(" with status {status}"));
    Told {
        what: format!(
            "{} answered{status}, but not as {}: {said}",
            seen.server, seen.format
        ),
        label: "wrong_address".to_owned(),
        remedy: format!("correct {}", seen.base_url),
    }
}

/// No answer, or none in the format.
fn unavailable(seen: &Seen, said: String, again: &str) -> Told {
    let server = &seen.server;
    let correct = format!("correct {}", seen.base_url);
    let wire = seen.wire.as_deref().unwrap_or_default();
    let (what, remedy) = match (wire, seen.status) {
        ("", Some(500..=599)) => (said, format!("wait a little, then run `{again}`")),
        ("", Some(_)) => return wrong_address(seen, &said),
        ("connection-refused", _) if seen.format == "ollama-chat" && seen.is_here => (
            format!("no Ollama listens at {server}"),
            "ollama serve".to_owned(),
        ),
        ("connection-refused", _) if seen.is_here => (
            format!("no server listens at {server}"),
            format!("start it, or {correct}"),
        ),
        ("connection-refused", _) => (format!("{server} refuses connections"), correct),
        ("DNS-error" | "DNS-timeout" | "destination-not-found", _) => {
            (format!("the name of {server} cannot be resolved"), correct)
        }
        ("TLS-certificate-error", _) => (
            format!("the certificate of {server} is not accepted"),
            format!("let the server have a certificate that this machine trusts, or {correct}"),
        ),
        ("TLS-protocol-error" | "TLS-alert-received", _) => {
            (format!("no TLS could be agreed on with {server}"), correct)
        }
        ("connection-terminated", _) => (
            format!("{server} ended the connection before it answered"),
            format!("see whether it is https there, or {correct}"),
        ),
        ("HTTP-protocol-error", _) => (format!("what {server} answers is not HTTP"), correct),
        ("connection-timeout" | "HTTP-response-timeout" | "connection-read-timeout", _) => (
            format!("{server} did not answer in time"),
            format!("wait a little, then run `{again}`, or {correct}"),
        ),
        _ => (said, format!("wait a little, then run `{again}`")),
    };
    Told {
        what,
        label: if wire.is_empty() { "unavailable" } else { wire }.to_owned(),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(format: &str, wire: Option<&str>, status: Option<u16>) -> Seen {
        Seen {
            name: "p".into(),
            format: format.into(),
            is_here: true,
            server: "127.0.0.1:9".into(),
            model: Some("m 1".into()),
            wire: wire.map(str::to_owned),
            status,
            base_url: "`base-url` in f".into(),
            renew: "export KEY=…".into(),
            key: None,
            is_asked: true,
        }
    }

    fn invalid(message: &str) -> ProviderError {
        ProviderError::InvalidRequest {
            message: message.into(),
        }
    }

    fn unavailable() -> ProviderError {
        ProviderError::Unavailable {
            message: "as the adapter says".into(),
            retry_after_ms: None,
        }
    }

    #[test]
    fn each_failure_has_its_own_words_and_remedy() {
        let ollama = |wire, status| seen("ollama-chat", wire, status);
        let other = |wire, status| seen("openai-chat-completions", wire, status);
        let keyless = other(None, Some(401));
        let keyed = Seen {
            key: Some("credential k".into()),
            ..other(None, Some(401))
        };
        let modelless = Seen {
            model: None,
            is_asked: false,
            ..ollama(None, None)
        };
        let auth = ProviderError::AuthExpired {
            message: "no".into(),
        };
        let rate = ProviderError::RateLimited {
            message: "slow".into(),
            retry_after_ms: Some(1500),
        };
        let cases = [
            (keyless, auth.clone()),
            (keyed, auth),
            (other(None, Some(429)), rate),
            (modelless, invalid("no model")),
            (ollama(None, Some(404)), invalid("model 'm' not found")),
            (
                other(None, Some(404)),
                invalid("The model `m` does not exist"),
            ),
            (other(None, Some(404)), invalid("no message (HTTP 404)")),
            (
                other(None, Some(400)),
                invalid("a model takes no such thing"),
            ),
            (other(None, Some(200)), unavailable()),
            (other(None, Some(502)), unavailable()),
            (ollama(Some("connection-refused"), None), unavailable()),
            (other(Some("connection-refused"), None), unavailable()),
            (other(Some("DNS-error"), None), unavailable()),
            (other(Some("TLS-certificate-error"), None), unavailable()),
            (other(Some("connection-terminated"), None), unavailable()),
            (other(Some("HTTP-response-timeout"), None), unavailable()),
        ];
        let lines = cases.iter().map(|(seen, error)| {
            let Told {
                what,
                label,
                remedy,
            } = tell(seen, error);
            format!("{label}: {what}\n    {remedy}")
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }
}
