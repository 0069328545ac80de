//! `provider record`: one real exchange as a fixture.
//!
//! Invariants: what is written is what the gate's client saw after it had replaced the credential's echoes;
//! a file in which any defined secret is found is not written; it is written whole or not at all.

use super::ask::{Answered, GREETING, ask, greeting, prompt};
use crate::app::App;
use crate::args::provider::Record;
use crate::commands::input;
use crate::errors::{Done, Failure};
use crate::files::{Sink, refuse_to_replace, write_whole};
use crate::printer::escape;
use crate::render::words::{bytes, quoted};
use crate::wiring::{House, Manner, secret_within};
use serde_json::{Value, json};
use tollgate_contract::{CompletionRequest, ToolHints};
use tollgate_sandbox::net::Recorder;

/// Makes the exchange and writes it.
pub(super) async fn run(app: &App, args: Record) -> Done {
    // Before a token is spent.
    refuse_to_replace(&args.out, args.force)?;
    let asked = CompletionRequest {
        model: args.model.clone(),
        ..asked(&args)?
    };
    let recorder = Recorder::default();
    let manner = Manner {
        recorder: Some(recorder.clone()),
        ..Manner::default()
    };
    let answered = ask(app, "provider record", &args.name, asked, manner).await?;
    let mut text = recorder.fixture().map_err(|error| Failure::Run {
        what: format!("{} answered, and {error}", answered.facts.name()),
        rule: Some("a fixture is written whole or not at all".into()),
        remedy: Some(format!(
            "tollgate receipt list --session {}",
            answered.session
        )),
    })?;
    text.push('\n');
    holds_no_secret(&answered.house, text.as_bytes())?;
    let written = write_whole(&args.out, text.as_bytes(), args.force)?;
    tell(app, &args, &answered, text.len(), &written);
    Ok(())
}

/// What is asked: the request as it was given, else a prompt.
fn asked(args: &Record) -> Done<CompletionRequest> {
    let given = match (&args.request, &args.prompt) {
        (Some(file), _) => {
            let text = match file.as_str() {
                "-" => input::stdin()?,
                file => input::file(file)?,
            };
            request(&text)?
        }
        (None, Some(text)) => prompt(&input::text(text)?, None),
        (None, None) => greeting(),
    };
    if given.messages.is_empty() {
        return Err(Failure::input_try(
            "the request holds no message",
            format!("give one with --prompt {}", quoted(GREETING)),
        ));
    }
    Ok(given)
}

/// A request of the contract; what it leaves out is as in a prompt's.
fn request(text: &str) -> Done<CompletionRequest> {
    let wrong = |why: String| {
        Failure::Input {
        what: format!("the request cannot be used: {why}"),
        rule: Some("it is a JSON object in the contract's words, such as {\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"hello\"}]}]}".into()),
        remedy: None,
    }
    };
    let given: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let Value::Object(given) = given else {
        return Err(wrong("it is no JSON object".into()));
    };
    let blank = CompletionRequest {
        messages: Vec::new(),
        ..greeting()
    };
    let mut whole = serde_json::to_value(CompletionRequest {
        output_tokens_max: None,
        ..blank
    })
    .map_err(|error| wrong(error.to_string()))?;
    let Some(fields) = whole.as_object_mut() else {
        return Err(wrong("it is no JSON object".into()));
    };
    for (key, mut value) in given {
        if !fields.contains_key(&key) {
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            return Err(wrong(format!(
                "it has a field {key:?}; those that there are: {}",
                known.join(", ")
            )));
        }
        if key == "tools" {
            with_hints(&mut value).map_err(|error| wrong(error.to_string()))?;
        }
        fields.insert(key, value);
    }
    serde_json::from_value(whole).map_err(|error| wrong(error.to_string()))
}

/// Hints say nothing to a model: a tool that is written by hand needs none.
fn with_hints(tools: &mut Value) -> serde_json::Result<()> {
    let hints = serde_json::to_value(ToolHints::default())?;
    for tool in tools.as_array_mut().into_iter().flatten() {
        if let Some(tool) = tool.as_object_mut() {
            tool.entry("hints").or_insert_with(|| hints.clone());
        }
    }
    Ok(())
}

/// Refuses a file in which a defined credential's secret is found.
fn holds_no_secret(house: &House, text: &[u8]) -> Done {
    for file in &house.catalogue.layers().files {
        for (name, rule) in &file.credentials {
            if secret_within(name, rule, text) {
                return Err(Failure::Run {
                    what: format!("the exchange holds the secret of credential {name}"),
                    rule: Some("no fixture with a secret in it is written".into()),
                    remedy: Some("ask something else; a model repeats what it is told".into()),
                });
            }
        }
    }
    Ok(())
}

fn tell(app: &App, args: &Record, answered: &Answered, written: usize, sink: &Sink) {
    if matches!(sink, Sink::Output) {
        return;
    }
    let path = args.out.display().to_string();
    let usage = answered.completion.usage;
    app.printer.json(&json!({
        "name": answered.facts.name(),
        "out": args.out,
        "bytes": written,
        "model": answered.completion.model,
        "usage": usage,
        "session": answered.session,
        "receipts": answered.evidence.receipts,
    }));
    app.printer.line(format!(
        "{} was recorded in {}: {}, {} + {} tokens",
        answered.facts.name(),
        escape::line(&path),
        bytes(written as u64),
        usage.input,
        usage.output
    ));
    app.printer.talk(escape::line(&format!(
        "the answer's words are in it; play it with `--fixture {}`",
        quoted(&path)
    )));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_contracts_and_nothing_else() {
        let text = r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "output_tokens_max": 5}"#;
        let read = request(text).unwrap();
        assert_eq!((read.messages.len(), read.output_tokens_max), (1, Some(5)));
        assert!(read.stream, "a prompt streams");
        let unknown = request(r#"{"messages": [], "max_tokens": 5}"#).unwrap_err();
        assert!(unknown.to_string().contains("\"max_tokens\""), "{unknown}");
        for wrong in ["[]", "{", r#"{"messages": 1}"#] {
            assert!(request(wrong).is_err(), "{wrong}");
        }
    }
}
