//! One request to a provider, outside any session's run, and `provider test`.

use super::facts::{Facts, find};
use super::wrong;
use crate::app::App;
use crate::args::provider::Test;
use crate::commands::call;
use crate::errors::Done;
use crate::printer::escape;
use crate::render::words::count;
use crate::wiring::{House, Manner};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tollgate_contract::{
    CallEvidence, Completion, CompletionRequest, ContentBlock, Delta, DeltaSink, Message,
    PluginCaller as _, Role,
};

/// What is asked where nothing else is.
pub(super) const GREETING: &str = "Reply with the one word: hello";
/// Tokens that the answer to [`GREETING`] may have, reasoning included.
const TOKENS_MAX: u32 = 64;
/// Characters of an answer that are shown.
const SHOWN_CHARS_MAX: usize = 200;

/// A prompt as a request.
pub(super) fn prompt(text: &str, tokens_max: Option<u32>) -> CompletionRequest {
    CompletionRequest {
        messages: vec![Message::text(Role::User, text)],
        output_tokens_max: tokens_max,
        stream: true,
        ..CompletionRequest::default()
    }
}

/// The request of `provider test`.
pub(super) fn greeting() -> CompletionRequest {
    prompt(GREETING, Some(TOKENS_MAX))
}

/// An answer.
pub(super) struct Answered {
    pub(super) house: House,
    pub(super) facts: Facts,
    pub(super) completion: Completion,
    pub(super) evidence: CallEvidence,
    pub(super) session: String,
    /// Pieces that came before the whole.
    pub(super) pieces: usize,
    pub(super) took: Duration,
}

impl Answered {
    /// What the model wrote.
    pub(super) fn text(&self) -> String {
        let texts = self
            .completion
            .content
            .iter()
            .filter_map(|block| match block {
                ContentBlock::Text { text } => Some(text.as_str()),
                _ => None,
            });
        texts.collect()
    }
}

/// Counts pieces.
#[derive(Default)]
struct Pieces(AtomicUsize);

impl DeltaSink for Pieces {
    fn emit(&self, _: Delta) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks the adapter `typed`; `command` is what needs the operator.
pub(super) async fn ask(
    app: &App,
    command: &str,
    typed: &str,
    request: CompletionRequest,
    manner: Manner,
) -> Done<Answered> {
    app.operator(command)?;
    let house = House::open(app, manner)?;
    let located = find(&house, typed)?;
    let context = call::context(&located.name)?;
    let session = context.session.to_string();
    house.authorities.set_project(&session, &app.project.id());
    let progress = app.printer.progress(&format!("asking {}", located.name));
    let facts = Facts::read(&house, located, &context.session, request.model.as_deref()).await?;
    let pieces = Arc::new(Pieces::default());
    let began = Instant::now();
    let heard: Arc<dyn DeltaSink> = Arc::clone(&pieces) as _;
    let reply = house.sandbox.complete(context, request, heard).await;
    let took = began.elapsed();
    drop(progress);
    let reply = reply.map_err(|fault| call::fault_failure(fault, &session))?;
    match reply.value {
        Ok(completion) => Ok(Answered {
            house,
            facts,
            completion,
            evidence: reply.evidence,
            session,
            pieces: pieces.0.load(Ordering::Relaxed),
            took,
        }),
        Err(error) => Err(wrong::failure(app, &house, &facts, &error, &reply.evidence)),
    }
}

/// `provider test`.
pub(super) async fn test(app: &App, args: Test) -> Done {
    let request = CompletionRequest {
        model: args.model,
        ..greeting()
    };
    let answered = ask(app, "provider test", &args.name, request, Manner::default()).await?;
    let Answered {
        facts, completion, ..
    } = &answered;
    let (usage, text) = (completion.usage, answered.text());
    app.printer.json(&json!({
        "name": facts.name(),
        "answered": true,
        "format": facts.info.format,
        "endpoint": facts.endpoint.as_ref().map(|endpoint| &endpoint.url),
        "model": completion.model,
        "text": text,
        "stop": completion.stop,
        "usage": usage,
        "pieces": answered.pieces,
        "duration_ms": u64::try_from(answered.took.as_millis()).unwrap_or(u64::MAX),
        "session": answered.session,
        "receipts": answered.evidence.receipts,
    }));
    app.printer.line(format!(
        "{} answers: {}, {} + {} tokens, {} in {} ms",
        facts.name(),
        escape::line(&completion.model),
        usage.input,
        usage.output,
        count(answered.pieces, "piece"),
        answered.took.as_millis(),
    ));
    let text = escape::cut(&escape::line(text.trim()), SHOWN_CHARS_MAX);
    if !text.is_empty() {
        app.printer.line(format!("  {text}"));
    }
    app.printer.talk(format!(
        "see `tollgate receipt list --session {}`",
        answered.session
    ));
    Ok(())
}
