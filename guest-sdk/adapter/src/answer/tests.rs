use super::*;

fn call(id: &str, name: &str, arguments: &str) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
        arguments_json: arguments.into(),
    })
}

fn content(answer: Answer) -> Vec<ContentBlock> {
    answer.finish(StopReason::EndTurn).unwrap().content
}

#[test]
fn blocks_come_in_order_and_pieces_join() {
    let mut answer = Answer::default();
    let mut deltas = Vec::new();
    answer.thinking("h", &mut deltas).unwrap();
    answer.thinking("m", &mut deltas).unwrap();
    answer.opaque("p", b"s".to_vec()).unwrap();
    answer.text("a", &mut deltas).unwrap();
    answer.text("", &mut deltas).unwrap();
    answer.text("b", &mut deltas).unwrap();
    answer
        .tool(7, Some("x"), Some("t"), "{", &mut deltas)
        .unwrap();
    answer
        .tool(8, Some("y"), Some("u"), "", &mut deltas)
        .unwrap();
    answer.tool(7, None, None, "}", &mut deltas).unwrap();
    answer.text("c", &mut deltas).unwrap();
    answer.begin_block();
    answer.text("d", &mut deltas).unwrap();
    let text = |text: &str| ContentBlock::Text(text.into());
    assert_eq!(
        content(answer),
        [
            ContentBlock::Thinking("hm".into()),
            ContentBlock::Opaque(Opaque {
                provider: "p".into(),
                data: b"s".to_vec()
            }),
            text("ab"),
            call("x", "t", "{}"),
            call("y", "u", "{}"),
            text("c"),
            text("d"),
        ]
    );
    let start = |id: &str, name: &str| {
        Delta::ToolUse(ToolUseStart {
            id: id.into(),
            name: name.into(),
        })
    };
    assert_eq!(
        deltas,
        [
            Delta::Thinking("h".into()),
            Delta::Thinking("m".into()),
            Delta::Text("a".into()),
            Delta::Text("b".into()),
            start("x", "t"),
            start("y", "u"),
            Delta::Text("c".into()),
            Delta::Text("d".into()),
        ]
    );
}

#[test]
fn arguments_stay_as_the_model_wrote_them() {
    let mut answer = Answer::default();
    let sink = &mut Vec::new();
    for (index, arguments) in ["", " ", "{\"a\":", "[]", "no"].into_iter().enumerate() {
        answer
            .tool(index, None, Some("t"), arguments, sink)
            .unwrap();
    }
    answer.set_arguments(3, "{\"b\":1}").unwrap();
    assert_eq!(
        content(answer),
        [
            call("call_0", "t", "{}"),
            call("call_1", "t", "{}"),
            call("call_2", "t", "{\"a\":"),
            call("call_3", "t", "{\"b\":1}"),
            call("call_4", "t", "no"),
        ]
    );
}

#[test]
fn made_up_ids_are_used_by_nobody_else() {
    let before = Message {
        role: tollgate_sdk::Role::Assistant,
        content: vec![call("call_0", "t", "{}"), call("given", "t", "{}")],
    };
    let mut answer = Answer::after(&[before]);
    let sink = &mut Vec::new();
    answer.tool(0, None, Some("t"), "", sink).unwrap();
    answer.tool(1, Some(""), Some("t"), "", sink).unwrap();
    answer.tool(2, Some("given"), Some("t"), "", sink).unwrap();
    answer.tool(3, Some("given"), Some("t"), "", sink).unwrap();
    // The id comes too late: another has been told.
    answer.tool(1, Some("late"), None, "", sink).unwrap();
    let ids: Vec<_> = content(answer)
        .into_iter()
        .map(|block| match block {
            ContentBlock::ToolUse(call) => call.id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["call_1", "call_2", "given", "call_3"]);
}

#[test]
fn what_cannot_be_an_answer_is_an_error() {
    let sink = &mut Vec::new();
    let mut nameless = Answer::default();
    nameless.tool(0, Some("a"), None, "{}", sink).unwrap();
    assert!(nameless.asks_for_tools());
    assert!(nameless.finish(StopReason::ToolUse).is_err());

    let mut twice = Answer::default();
    twice.tool(0, Some("a"), Some("t"), "{}", sink).unwrap();
    twice.tool(0, Some("a"), Some("t"), "", sink).unwrap();
    let Err(ProviderError::Unavailable(error)) = twice.tool(0, Some("b"), Some("t"), "{}", sink)
    else {
        panic!("two calls are one");
    };
    assert_eq!(
        error.message,
        "the answer numbers two tool calls 0: \"a\" and \"b\""
    );

    let mut many = Answer::default();
    for index in 0..TOOL_CALLS_MAX {
        many.tool(index, None, Some("t"), "", sink).unwrap();
    }
    assert!(
        many.tool(TOOL_CALLS_MAX, None, Some("t"), "", sink)
            .is_err()
    );

    let mut large = Answer::default();
    large.opaque("p", vec![0; BLOCK_BYTES_MAX]).unwrap();
    assert!(large.text("x", sink).is_err());
}

#[test]
fn an_image_is_a_block_and_counts() {
    let image = |bytes| Image {
        media_type: "image/png".into(),
        data: vec![0; bytes],
    };
    let mut answer = Answer::default();
    answer.text("a", &mut Vec::new()).unwrap();
    answer.image(image(3)).unwrap();
    answer.text("b", &mut Vec::new()).unwrap();
    assert!(answer.image(image(BLOCK_BYTES_MAX)).is_err());
    let got = content(answer);
    assert_eq!(got.len(), 3);
    assert_eq!(got[1], ContentBlock::Image(image(3)));
}
