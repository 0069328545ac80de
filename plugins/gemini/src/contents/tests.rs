use super::*;
use crate::answer::Answer;
use tollgate_sdk::Opaque;

fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.into())
}

fn call(id: &str, name: &str, arguments: &str) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
        arguments_json: arguments.into(),
    })
}

fn result(id: &str, text: &str, is_error: bool) -> ContentBlock {
    ContentBlock::ToolResult(ToolResult {
        id: id.into(),
        name: "read".into(),
        text: text.into(),
        is_error,
    })
}

fn image() -> ContentBlock {
    ContentBlock::Image(Image {
        media_type: "image/png".into(),
        data: vec![1, 2, 3],
    })
}

fn opaque(provider: &str, data: &str) -> ContentBlock {
    ContentBlock::Opaque(Opaque {
        provider: provider.into(),
        data: data.into(),
    })
}

fn sent(messages: &[(Role, Vec<ContentBlock>)], must_sign: bool) -> Result<String, ProviderError> {
    let messages: Vec<_> = messages
        .iter()
        .map(|(role, content)| Message {
            role: *role,
            content: content.clone(),
        })
        .collect();
    let conversation = conversation(&messages, must_sign)?;
    Ok(serde_json::to_string(&conversation.contents).unwrap())
}

/// What the model's message is sent as.
fn model(content: Vec<ContentBlock>) -> String {
    sent(&[(Role::Assistant, content)], true).unwrap()
}

fn contents(parts: &[&str]) -> String {
    format!(r#"[{{"role":"model","parts":[{}]}}]"#, parts.join(","))
}

/// What the server's parts, each a frame of its own, become.
fn answered(parts: &[&str]) -> Vec<ContentBlock> {
    let mut answer = Answer::default();
    for part in parts {
        let chunk = format!(r#"{{"candidates":[{{"content":{{"parts":[{part}]}}}}]}}"#);
        answer
            .take(serde_json::from_str(&chunk).unwrap(), &mut Vec::new())
            .unwrap();
    }
    answer.finish().unwrap().content
}

const THOUGHT: &str = r#"{"text": "hm", "thought": true, "thoughtSignature": "VGhvdWdodA=="}"#;
const SAID: &str = r#"{"thoughtSignature": "U2FpZA==", "text": "I look."}"#;
const FIRST: &str = r#"{"functionCall": {"name": "read", "args": {"b": 1.0, "a": "é"}}, "thoughtSignature": "Rmlyc3Q+/w=="}"#;
const SECOND: &str = r#"{"functionCall": {"name": "read", "args": {}}}"#;
const THIRD: &str = r#"{"functionCall": {"id": "at-server", "name": "read", "args": {}}, "thoughtSignature": "MTIz"}"#;
const LAST: &str = r#"{"text": "", "thoughtSignature": "TGFzdA=="}"#;

#[test]
fn parts_of_the_server_go_back_byte_for_byte_and_in_place() {
    for parts in [
        &[THOUGHT, SAID, FIRST, SECOND, THIRD, LAST][..],
        &[FIRST, SECOND],
        &[SAID, LAST],
        &[r#"{"text":"a"}"#, SAID, r#"{"text":"b"}"#, THOUGHT, SAID],
        &[r#"{"executableCode": {"code": "1"}}"#, SAID],
        &[
            r#"{"inlineData": {"mimeType": "image/png", "data": "AQID"}, "thoughtSignature": "AQ=="}"#,
        ],
    ] {
        assert_eq!(model(answered(parts)), contents(parts));
    }
}

#[test]
fn a_second_turn_carries_parallel_calls_and_their_results_under_the_servers_ids() {
    let asked = answered(&[FIRST, SECOND, THIRD]);
    let ids: Vec<_> = asked
        .iter()
        .filter_map(|block| match block {
            ContentBlock::ToolUse(asked) => Some(asked.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["call_0", "call_1", "at-server"]);
    let results = vec![
        result(ids[0], "A", false),
        result(ids[1], "denied", true),
        result(ids[2], "C", false),
    ];
    let got = sent(
        &[
            (Role::User, vec![text("hi")]),
            (Role::Assistant, asked.clone()),
            (Role::User, results),
        ],
        true,
    );
    let response = |id: &str, response: &str| {
        format!(r#"{{"functionResponse":{{{id}"name":"read","response":{response}}}}}"#)
    };
    assert_eq!(
        got.unwrap(),
        format!(
            r#"[{{"role":"user","parts":[{{"text":"hi"}}]}},{{"role":"model","parts":[{FIRST},{SECOND},{THIRD}]}},{{"role":"user","parts":[{},{},{}]}}]"#,
            response("", r#"{"output":"A"}"#),
            response("", r#"{"error":"denied"}"#),
            response(r#""id":"at-server","#, r#"{"output":"C"}"#),
        )
    );
}

#[test]
fn what_was_changed_counts_under_the_signature_that_there_is() {
    let mut changed = answered(&[FIRST]);
    if let ContentBlock::ToolUse(asked) = &mut changed[0] {
        asked.arguments_json = "{}".into();
    }
    assert_eq!(
        model(changed),
        contents(&[
            r#"{"functionCall":{"name":"read","args":{}},"thoughtSignature":"Rmlyc3Q+/w=="}"#
        ])
    );
    let mut changed = answered(&[SAID]);
    changed[0] = text("Other.");
    assert_eq!(model(changed), contents(&[r#"{"text":"Other."}"#]));
}

#[test]
fn what_was_taken_away_does_not_come_back_but_reasoning_does() {
    let without_blocks = |parts: &[&str]| {
        let kept = answered(parts).into_iter();
        model(
            kept.filter(|block| matches!(block, ContentBlock::Opaque(_)))
                .collect(),
        )
    };
    assert_eq!(without_blocks(&[FIRST]), "[]");
    assert_eq!(without_blocks(&[SAID]), "[]");
    assert_eq!(without_blocks(&[THOUGHT]), contents(&[THOUGHT]));
    assert_eq!(without_blocks(&[LAST]), contents(&[LAST]));
}

#[test]
fn what_another_provider_made_is_left_out_and_its_calls_are_marked() {
    let asked = vec![
        ContentBlock::Thinking("secret".into()),
        opaque("anthropic", "secret"),
        call("c1", "read", "{\"a\":1}"),
        opaque("openai", "secret"),
        call("c2", "read", ""),
    ];
    let one = r#"{"functionCall":{"id":"c1","name":"read","args":{"a":1}}"#;
    let two = r#"{"functionCall":{"id":"c2","name":"read","args":{}}}"#;
    let mark = r#","thoughtSignature":"skip_thought_signature_validator"}"#;
    assert_eq!(
        model(asked.clone()),
        contents(&[&format!("{one}{mark}"), two])
    );
    let older = sent(&[(Role::Assistant, asked)], false).unwrap();
    assert_eq!(older, contents(&[&format!("{one}}}"), two]));
    for role in [Role::User, Role::Assistant, Role::System] {
        let hidden = vec![
            opaque("openai", "secret"),
            ContentBlock::Thinking("secret".into()),
        ];
        assert_eq!(sent(&[(role, hidden)], true).unwrap(), "[]");
    }
}

#[test]
fn a_call_that_an_older_model_did_not_sign_is_marked_for_a_newer_one() {
    let asked = answered(&[SECOND, SECOND]);
    let marked = r#"{"functionCall":{"name":"read","args":{}},"thoughtSignature":"skip_thought_signature_validator"}"#;
    assert_eq!(model(asked.clone()), contents(&[marked, SECOND]));
    let older = sent(&[(Role::Assistant, asked)], false).unwrap();
    assert_eq!(older, contents(&[SECOND, SECOND]));
}

#[test]
fn images_stay_with_the_result_before_them_and_messages_of_one_side_are_one() {
    let got = sent(
        &[
            (
                Role::User,
                vec![result("c1", "see", false), image(), text("and")],
            ),
            (Role::User, vec![text(""), text("more")]),
        ],
        true,
    );
    assert_eq!(
        got.unwrap(),
        concat!(
            r#"[{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"read","response":{"output":"see"}}},"#,
            r#"{"inlineData":{"data":"AQID","mimeType":"image/png"}},{"text":"and"},{"text":"more"}]}]"#
        )
    );
}

#[test]
fn arguments_that_are_no_object_go_inside_of_one() {
    assert_eq!(
        model(answered(&[
            r#"{"functionCall":{"id":"a","name":"t","args":[1]},"thoughtSignature":"AQ=="}"#
        ])),
        contents(&[
            r#"{"functionCall":{"id":"a","name":"t","args":[1]},"thoughtSignature":"AQ=="}"#
        ])
    );
    let got = sent(&[(Role::Assistant, vec![call("a", "t", "{cut")])], false).unwrap();
    let wrapped =
        r#"{"functionCall":{"id":"a","name":"t","args":{"arguments_as_written":"{cut"}}}"#;
    assert_eq!(got, contents(&[wrapped]));
}

#[test]
fn what_has_no_place_is_told() {
    for (role, block) in [
        (Role::System, image()),
        (Role::User, call("a", "t", "{}")),
        (Role::Assistant, result("a", "x", false)),
        (Role::Assistant, opaque("gemini", "not ours")),
        (
            Role::Assistant,
            opaque("gemini", r#"{"parts":[{"text":1}]}"#),
        ),
    ] {
        let got = sent(&[(role, vec![block])], true);
        assert!(
            matches!(got, Err(ProviderError::InvalidRequest(_))),
            "{got:?}"
        );
    }
}
