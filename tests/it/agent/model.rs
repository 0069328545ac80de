//! A model that follows a script, as a fixture in place of the provider's socket.

use crate::support::Home;
use serde_json::{Value, json};

/// One answer of the model.
pub(super) enum Turn<'a> {
    /// It asks for a tool, such as `files__list`.
    Asks(&'a str, Value),
    /// Its last words; it says them to every later prompt, too.
    Says(&'a str),
}

/// Tokens that each answer costs, input and output.
pub(super) const TURN_TOKENS: u64 = 110;

/// Writes the fixture of these turns, and returns its path.
pub(super) fn fixture(home: &Home, turns: &[Turn<'_>]) -> String {
    // The conversation grows, so the latest call that it holds says how far it is.
    let exchanges: Vec<Value> = (0..turns.len())
        .rev()
        .map(|n| exchange(n, &turns[n]))
        .collect();
    let path = home.root().join("fixture.json");
    std::fs::write(
        &path,
        json!({"version": 1, "exchanges": exchanges}).to_string(),
    )
    .unwrap();
    path.to_str().unwrap().to_owned()
}

fn exchange(n: usize, turn: &Turn<'_>) -> Value {
    let before: Vec<String> = n
        .checked_sub(1)
        .iter()
        .map(|before| format!("use_{before:03}"))
        .collect();
    let (message, finish) = match turn {
        Turn::Says(words) => (json!({"role": "assistant", "content": words}), "stop"),
        Turn::Asks(tool, arguments) => {
            let function = json!({"name": tool, "arguments": arguments.to_string()});
            let call =
                json!({"id": format!("use_{n:03}"), "type": "function", "function": function});
            (
                json!({"role": "assistant", "content": null, "tool_calls": [call]}),
                "tool_calls",
            )
        }
    };
    json!({
        "request": {
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "body_contains": before,
        },
        "response": {"json": {
            "id": format!("chatcmpl-{n}"), "object": "chat.completion", "model": "script",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 100, "completion_tokens": TURN_TOKENS - 100, "total_tokens": TURN_TOKENS},
        }},
        "repeat": true,
    })
}
