use super::*;
use serde_json::{Value, json};
use tollgate_sdk::Opaque;

fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.into())
}

fn thinking(text: &str) -> ContentBlock {
    ContentBlock::Thinking(text.into())
}

fn image(byte: u8) -> ContentBlock {
    ContentBlock::Image(Image {
        media_type: "image/png".into(),
        data: vec![byte],
    })
}

fn call(arguments: &str) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse {
        id: "c1".into(),
        name: "read".into(),
        arguments_json: arguments.into(),
    })
}

fn result(text: &str, is_error: bool) -> ContentBlock {
    ContentBlock::ToolResult(ToolResult {
        id: "c1".into(),
        name: "read".into(),
        text: text.into(),
        is_error,
    })
}

fn sent(role: Role, content: Vec<ContentBlock>) -> Result<Value, ProviderError> {
    messages(&[Message { role, content }]).map(|sent| serde_json::to_value(sent).unwrap())
}

#[test]
fn results_come_first_with_their_images() {
    let content = vec![
        text("and"),
        result("", false),
        image(0),
        result("denied", true),
        text("now?"),
        image(1),
    ];
    assert_eq!(
        sent(Role::User, content).unwrap(),
        json!([
            {"role": "tool", "content": "", "images": ["AA=="], "tool_name": "read", "tool_call_id": "c1"},
            {"role": "tool", "content": "error: denied", "tool_name": "read", "tool_call_id": "c1"},
            {"role": "user", "content": "and\nnow?", "images": ["AQ=="]},
        ])
    );
    assert_eq!(
        sent(Role::User, vec![image(0)]).unwrap(),
        json!([{"role": "user", "images": ["AA=="]}])
    );
}

#[test]
fn the_models_message_holds_reasoning_and_calls() {
    assert_eq!(
        sent(
            Role::Assistant,
            vec![thinking("h"), thinking("m"), text("a"), call("{\"b\":1}")]
        )
        .unwrap(),
        json!([{"role": "assistant", "content": "a", "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"name": "read", "arguments": {"b": 1}}}]}])
    );
    assert_eq!(
        sent(Role::Assistant, vec![thinking("hm")]).unwrap(),
        json!([{"role": "assistant", "thinking": "hm"}])
    );
    assert_eq!(
        sent(Role::Assistant, vec![call("{cut")]).unwrap()[0]["tool_calls"][0]["function"]["arguments"],
        json!({"arguments_as_written": "{cut"})
    );
}

#[test]
fn opaque_blocks_never_leave_nor_does_what_is_empty() {
    let hidden = ContentBlock::Opaque(Opaque {
        provider: "ollama".into(),
        data: b"secret".to_vec(),
    });
    for role in [Role::System, Role::User, Role::Assistant] {
        assert_eq!(
            sent(role, vec![hidden.clone(), text("")]).unwrap(),
            json!([])
        );
    }
    assert_eq!(
        sent(Role::System, vec![hidden, thinking("secret"), text("a")]).unwrap(),
        json!([{"role": "system", "content": "a"}])
    );
    assert_eq!(
        sent(Role::User, vec![thinking("secret")]).unwrap(),
        json!([])
    );
}

#[test]
fn what_has_no_place_is_told() {
    for (role, block) in [
        (Role::System, image(0)),
        (Role::User, call("{}")),
        (Role::Assistant, result("x", false)),
    ] {
        let got = sent(role, vec![block]);
        assert!(
            matches!(got, Err(ProviderError::InvalidRequest(_))),
            "{got:?}"
        );
    }
}
