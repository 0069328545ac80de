use super::*;
use tollgate_sdk::{ContentBlock, Delta, Role, ToolUse, ToolUseStart};

fn answer(chunks: &[&str]) -> Result<(Completion, Vec<Delta>), ProviderError> {
    let mut answer = Answer::default();
    let mut deltas = Vec::new();
    for chunk in chunks {
        answer.take(&serde_json::from_str(chunk).unwrap(), &mut deltas)?;
    }
    Ok((answer.finish()?, deltas))
}

fn call(id: &str, name: &str, arguments: &str) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
        arguments_json: arguments.into(),
    })
}

fn calls(calls: &str) -> String {
    format!(
        r#"{{"message":{{"role":"assistant","content":"","tool_calls":[{calls}]}},"done":false}}"#
    )
}

const STOP: &str =
    r#"{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}"#;

#[test]
fn text_and_reasoning_join_and_are_emitted() {
    let (got, deltas) = answer(&[
        r#"{"model":"qwen3","message":{"content":"","thinking":"h"},"done":false}"#,
        r#"{"model":"qwen3","message":{"content":"","thinking":"m"}}"#,
        r#"{"message":{"content":"a"}}"#,
        r#"{"message":{"content":"b"},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":4}"#,
    ])
    .unwrap();
    let text = |text: &str| ContentBlock::Text(text.into());
    assert_eq!(
        got.content,
        [ContentBlock::Thinking("hm".into()), text("ab")]
    );
    assert_eq!((got.model.as_str(), got.response_id), ("qwen3", None));
    assert_eq!((got.usage.input, got.usage.output), (9, 4));
    assert_eq!(deltas.len(), 4);
}

#[test]
fn calls_are_whole_whatever_their_number() {
    let (got, deltas) = answer(&[
        &calls(r#"{"function":{"index":0,"name":"read","arguments":{"b": 1e2, "a": [1]}}}"#),
        &calls(r#"{"id":"x","function":{"index":0,"name":"list","arguments":{}}},{"function":{"index":0,"name":"list"}}"#),
        STOP,
    ])
    .unwrap();
    assert_eq!(
        got.content,
        [
            call("call_0", "read", r#"{"b": 1e2, "a": [1]}"#),
            call("x", "list", "{}"),
            call("call_2", "list", "{}")
        ]
    );
    assert_eq!(got.stop, StopReason::ToolUse);
    let start = |id: &str, name: &str| {
        Delta::ToolUse(ToolUseStart {
            id: id.into(),
            name: name.into(),
        })
    };
    assert_eq!(
        deltas,
        [
            start("call_0", "read"),
            start("x", "list"),
            start("call_2", "list")
        ]
    );
}

#[test]
fn arguments_that_are_no_object_are_passed_on_as_written() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for (sent, wanted) in [
        ("[1, 2]", "[1, 2]"),
        (r#""{\"a\":1}""#, r#"{"a":1}"#),
        (r#""not JSON""#, "not JSON"),
        ("7", "7"),
        ("null", "{}"),
        (&deep, &deep),
    ] {
        let asked = calls(&format!(
            r#"{{"id":"a","function":{{"name":"t","arguments":{sent}}}}}"#
        ));
        let (got, _) = answer(&[&asked, STOP]).unwrap();
        assert_eq!(got.content, [call("a", "t", wanted)]);
    }
}

#[test]
fn a_made_up_id_is_new_in_the_conversation_and_in_the_answer() {
    let before = Message {
        role: Role::Assistant,
        content: vec![call("call_1", "t", "{}")],
    };
    let mut answer = Answer::after(&[before]);
    let asked = r#"{"id":"a","function":{"name":"t"}}"#;
    for chunk in [
        &calls(&[asked, asked, r#"{"function":{"name":"t"}}"#].join(",")),
        STOP,
    ] {
        answer
            .take(&serde_json::from_str(chunk).unwrap(), &mut Vec::new())
            .unwrap();
    }
    assert_eq!(
        answer.finish().unwrap().content,
        [
            call("a", "t", "{}"),
            call("call_2", "t", "{}"),
            call("call_3", "t", "{}")
        ]
    );
}

#[test]
fn every_reason_to_stop() {
    for (reason, stop) in [
        (r#","done_reason":"stop""#, StopReason::EndTurn),
        ("", StopReason::EndTurn),
        (r#","done_reason":"length""#, StopReason::MaxTokens),
        (r#","done_reason":"load""#, StopReason::Other),
        (r#","done_reason":"something_new""#, StopReason::Other),
    ] {
        let chunk = format!(r#"{{"message":{{"content":"x"}},"done":true{reason}}}"#);
        let (got, _) = answer(&[&chunk]).unwrap();
        assert_eq!(got.stop, stop, "{reason}");
        // What the server leaves out is zero.
        assert_eq!((got.usage.input, got.usage.output), (0, 0));
    }
    let asked = calls(r#"{"function":{"name":"t"}}"#);
    let cut = r#"{"done":true,"done_reason":"length"}"#;
    assert_eq!(
        answer(&[&asked, cut]).unwrap().0.stop,
        StopReason::MaxTokens
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    let nameless = calls(r#"{"id":"a","function":{}}"#);
    let empty = calls("{}");
    for chunks in [
        &["{}"][..],
        &["{}", STOP],
        &[r#"{"message":{"content":"x"}}"#],
        &[r#"{"done":false}"#, STOP],
        &[&nameless, STOP],
        &[&empty, STOP],
    ] {
        let got = answer(chunks);
        assert!(
            matches!(got, Err(ProviderError::Unavailable(_))),
            "{chunks:?}: {got:?}"
        );
    }
    let one = r#"{"function":{"name":"t"}}"#;
    assert!(answer(&[&calls(&[one; 128].join(",")), STOP]).is_ok());
    assert!(answer(&[&calls(&[one; 129].join(",")), STOP]).is_err());
}
