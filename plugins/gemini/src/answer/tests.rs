use super::*;
use tollgate_sdk::{ContentBlock, Delta, Opaque, ToolUse, ToolUseStart};

fn answer(chunks: &[&str]) -> Result<(Completion, Vec<Delta>), ProviderError> {
    let mut answer = Answer::default();
    let mut deltas = Vec::new();
    for chunk in chunks {
        answer.take(serde_json::from_str(chunk).unwrap(), &mut deltas)?;
    }
    Ok((answer.finish()?, deltas))
}

fn parts(parts: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},"index":0}}]}}"#)
}

fn end(reason: &str) -> String {
    format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#)
}

/// What the parts, each a frame of its own, become.
fn content(frames: &[&str]) -> Vec<ContentBlock> {
    let mut chunks: Vec<_> = frames.iter().map(|frame| parts(frame)).collect();
    chunks.push(end("STOP"));
    let chunks: Vec<_> = chunks.iter().map(String::as_str).collect();
    answer(&chunks).unwrap().0.content
}

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

/// The kept parts, as text.
fn kept(parts: &str) -> ContentBlock {
    ContentBlock::Opaque(Opaque {
        provider: "gemini".into(),
        data: format!("{{\"parts\":[{parts}]}}").into(),
    })
}

#[test]
fn text_and_reasoning_join_and_are_emitted() {
    let (got, deltas) = answer(&[
        &parts(r#"{"text":"h","thought":true},{"text":"m","thought":true}"#),
        &parts(r#"{"text":"a"}"#),
        &parts(r#"{"text":""},{"text":"b"}"#),
        &end("STOP"),
    ])
    .unwrap();
    assert_eq!(
        got.content,
        [ContentBlock::Thinking("hm".into()), text("ab")]
    );
    assert_eq!(got.stop, StopReason::EndTurn);
    let thinking = |text: &str| Delta::Thinking(text.into());
    let said = |text: &str| Delta::Text(text.into());
    assert_eq!(deltas, [thinking("h"), thinking("m"), said("a"), said("b")]);
}

#[test]
fn a_call_is_whole_and_its_arguments_stay_as_written() {
    let (got, deltas) = answer(&[
        &parts(r#"{"functionCall":{"id":"a","name":"read","args":{"b": 1e2, "a": [1]}}}"#),
        &parts(r#"{"functionCall":{"id":"b","name":"list"}}"#),
        &parts(r#"{"functionCall":{"id":"c","name":"odd","args":[1, "x"]}}"#),
        &end("STOP"),
    ])
    .unwrap();
    assert_eq!(
        got.content,
        [
            call("a", "read", r#"{"b": 1e2, "a": [1]}"#),
            call("b", "list", "{}"),
            call("c", "odd", r#"[1, "x"]"#)
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
        [start("a", "read"), start("b", "list"), start("c", "odd")]
    );
}

#[test]
fn a_signed_part_is_kept_as_it_came_after_what_shows_it() {
    let signed =
        r#"{"thoughtSignature": "AQ==", "functionCall": {"args": {}, "name": "read", "id": "a"}}"#;
    assert_eq!(
        content(&[signed, r#"{"functionCall":{"id":"b","name":"list"}}"#]),
        [
            call("a", "read", "{}"),
            kept(signed),
            call("b", "list", "{}")
        ]
    );
    let signed = r#"{"text": "lo", "thoughtSignature": "AQ=="}"#;
    assert_eq!(
        content(&[
            r#"{"text":"H"}"#,
            r#"{"text":"el"}"#,
            signed,
            r#"{"text":"!"}"#
        ]),
        [
            text("Hello!"),
            kept(&[r#"{"text":"Hel"}"#, signed, r#"{"text":"!"}"#].join(","))
        ]
    );
    let signed = r#"{"text":"hm","thought":true,"thoughtSignature":"AQ=="}"#;
    assert_eq!(
        content(&[signed, r#"{"text":"a"}"#]),
        [ContentBlock::Thinking("hm".into()), kept(signed), text("a")]
    );
}

#[test]
fn a_signature_on_nothing_is_kept_in_its_place() {
    let signed = r#"{"text":"","thoughtSignature":"AQ=="}"#;
    assert_eq!(
        content(&[r#"{"text":"a"}"#, signed]),
        [text("a"), kept(&[r#"{"text":"a"}"#, signed].join(","))]
    );
    assert_eq!(
        content(&[r#"{"functionCall":{"id":"a","name":"t"}}"#, signed]),
        [call("a", "t", "{}"), kept(signed)]
    );
    let alone = r#"{"thoughtSignature":"AQ=="}"#;
    assert_eq!(content(&[alone]), [kept(alone)]);
}

#[test]
fn a_call_whose_id_is_made_up_is_kept_as_it_came() {
    let one = r#"{"functionCall":{"name":"t","args":{}}}"#;
    let two = r#"{"functionCall":{"id":"","name":"t","args":{}}}"#;
    assert_eq!(
        content(&[one, two]),
        [
            call("call_0", "t", "{}"),
            kept(one),
            call("call_1", "t", "{}"),
            kept(two)
        ]
    );
    let twice = r#"{"functionCall":{"id":"a","name":"t","args":{}}}"#;
    assert_eq!(
        content(&[twice, twice]),
        [call("a", "t", "{}"), call("call_1", "t", "{}"), kept(twice)]
    );
}

#[test]
fn images_and_what_was_not_asked_for_are_not_lost() {
    let image = r#"{"inlineData":{"mimeType":"image/png","data":"AQID"}}"#;
    let code = r#"{"executableCode": {"language": "PYTHON", "code": "1"}}"#;
    let sound = r#"{"inlineData":{"mimeType":"audio/wav","data":"AQID"}}"#;
    let shown = ContentBlock::Image(Image {
        media_type: "image/png".into(),
        data: vec![1, 2, 3],
    });
    assert_eq!(
        content(&[image, code, sound]),
        [shown, kept(code), kept(sound)]
    );
    assert!(
        answer(&[&parts(
            r#"{"inlineData":{"mimeType":"image/png","data":"?"}}"#
        )])
        .is_err()
    );
}

#[test]
fn every_reason_to_stop() {
    for (reason, stop) in [
        ("STOP", StopReason::EndTurn),
        ("MAX_TOKENS", StopReason::MaxTokens),
        ("SAFETY", StopReason::Refused),
        ("RECITATION", StopReason::Refused),
        ("BLOCKLIST", StopReason::Refused),
        ("PROHIBITED_CONTENT", StopReason::Refused),
        ("SPII", StopReason::Refused),
        ("IMAGE_SAFETY", StopReason::Refused),
        ("OTHER", StopReason::Other),
        ("SOMETHING_NEW", StopReason::Other),
    ] {
        let (got, _) = answer(&[&parts(r#"{"text":"x"}"#), &end(reason)]).unwrap();
        assert_eq!(got.stop, stop, "{reason}");
    }
    let asked = parts(r#"{"functionCall":{"id":"a","name":"t"}}"#);
    for (reason, stop) in [
        ("STOP", StopReason::ToolUse),
        ("FUNCTION_CALL", StopReason::ToolUse),
        ("MAX_TOKENS", StopReason::MaxTokens),
        ("SAFETY", StopReason::Refused),
    ] {
        assert_eq!(
            answer(&[&asked, &end(reason)]).unwrap().0.stop,
            stop,
            "{reason}"
        );
    }
}

#[test]
fn a_reason_that_leaves_no_answer_is_an_error() {
    for reason in [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "MALFORMED_RESPONSE",
        "TOO_MANY_TOOL_CALLS",
    ] {
        let chunk = format!(
            r#"{{"candidates":[{{"finishReason":"{reason}","finishMessage":"print(1"}}]}}"#
        );
        let Err(ProviderError::Unavailable(error)) = answer(&[&chunk]) else {
            panic!("{reason}");
        };
        assert!(error.message.contains(reason) && error.message.ends_with("print(1"));
    }
    assert!(matches!(
        answer(&[&end("MISSING_THOUGHT_SIGNATURE")]),
        Err(ProviderError::InvalidRequest(_))
    ));
}

#[test]
fn a_blocked_prompt_is_refused_and_the_reason_named() {
    for (more, message) in [
        ("", "the prompt was blocked (PROHIBITED_CONTENT)"),
        (
            r#","blockReasonMessage":"why""#,
            "the prompt was blocked (PROHIBITED_CONTENT): why",
        ),
    ] {
        let chunk = format!(
            r#"{{"promptFeedback":{{"blockReason":"PROHIBITED_CONTENT"{more}}},"usageMetadata":{{}}}}"#
        );
        assert_eq!(
            answer(&[&chunk]),
            Err(ProviderError::Refused(message.into()))
        );
    }
}

#[test]
fn the_last_usage_counts() {
    let (got, _) = answer(&[
        r#"{"responseId":"r","modelVersion":"m","usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":4,
            "toolUsePromptTokenCount":2,"thoughtsTokenCount":5}}"#,
        &parts(r#"{"text":"x"}"#),
        r#"{"responseId":"other","usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":3,"thoughtsTokenCount":7}}"#,
    ])
    .unwrap();
    assert_eq!(
        (got.response_id.as_deref(), got.model.as_str()),
        (Some("r"), "m")
    );
    assert_eq!(
        got.usage,
        tollgate_sdk::Usage {
            input: 12,
            output: 10,
            cached_input: 4,
            reasoning: 7
        }
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    let nameless = parts(r#"{"functionCall":{"id":"a"}}"#);
    let wrong = parts(r#"{"text":1}"#);
    for chunk in [
        "{}",
        r#"{"candidates":[]}"#,
        r#"{"candidates":[{"index":1}]}"#,
        &nameless,
        &wrong,
    ] {
        let got = answer(&[chunk]);
        assert!(
            matches!(got, Err(ProviderError::Unavailable(_))),
            "{chunk}: {got:?}"
        );
    }
    let one = r#"{"functionCall":{"name":"t"}}"#;
    assert!(answer(&[&parts(&[one; 128].join(","))]).is_ok());
    assert!(answer(&[&parts(&[one; 129].join(","))]).is_err());
}

#[test]
fn a_second_candidate_is_not_mixed_in() {
    let (got, _) = answer(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}},{"index":1,"content":{"parts":[{"text":"b"}]}}]}"#,
    ])
    .unwrap();
    assert_eq!(got.content, [text("a")]);
}

#[test]
fn a_deep_argument_passes_and_a_made_up_id_is_new_in_the_conversation() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let before = Message {
        role: tollgate_sdk::Role::Assistant,
        content: vec![call("call_0", "t", "{}")],
    };
    let mut answer = Answer::after(&[before]);
    let chunk = parts(&format!(
        r#"{{"functionCall":{{"name":"t","args":{deep}}}}}"#
    ));
    answer
        .take(serde_json::from_str(&chunk).unwrap(), &mut Vec::new())
        .unwrap();
    let got = answer.finish().unwrap().content;
    assert_eq!(got.first(), Some(&call("call_1", "t", &deep)));
}
