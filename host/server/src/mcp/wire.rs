//! Our types as the protocol's.

use crate::answer::{Answer, Blob, Part};
use crate::card::Card;
use rmcp::model::{
    CallToolResult, ContentBlock, MetaObject, ResourceContents, Tool, ToolAnnotations,
};
use serde_json::Value;
use std::sync::Arc;

/// Where a result says where its call is on record. The prefix is ours (2025-06-18, `_meta`).
const RECORD: &str = "tollgate/record";

/// A tool of the list.
pub(super) fn tool(card: Card) -> Tool {
    let hints = card.hints;
    let mut tool = Tool::new(card.name, card.description, Arc::new(card.input_schema));
    tool.title = card.title.clone();
    tool.output_schema = card.output_schema.map(Arc::new);
    tool.annotations = Some(ToolAnnotations::from_raw(
        card.title,
        Some(hints.read_only),
        Some(hints.destructive),
        Some(hints.idempotent),
        Some(hints.open_world),
    ));
    tool
}

/// The result of a call.
pub(super) fn result(answer: Answer) -> CallToolResult {
    let parts = answer.parts.into_iter().map(part).collect();
    let mut result = if answer.is_error {
        CallToolResult::error(parts)
    } else {
        CallToolResult::success(parts)
    };
    result.structured_content = answer.structured;
    result.meta = meta(answer.record);
    result
}

/// Meta data with a record; none for none.
pub(super) fn meta(record: Value) -> Option<MetaObject> {
    if record.is_null() {
        return None;
    }
    let mut meta = MetaObject::new();
    meta.0.insert(RECORD.to_owned(), record);
    Some(meta)
}

fn part(part: Part) -> ContentBlock {
    match part {
        Part::Text(text) => ContentBlock::text(text),
        Part::Image(Blob {
            base64, media_type, ..
        }) => ContentBlock::image(base64, media_type),
        Part::Audio(Blob {
            base64, media_type, ..
        }) => ContentBlock::audio(base64, media_type),
        Part::Bytes(Blob {
            base64,
            media_type,
            uri,
        }) => {
            ContentBlock::resource(ResourceContents::blob(base64, uri).with_mime_type(media_type))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tollgate_contract::ToolHints;

    #[test]
    fn a_tool_has_its_schemas_and_every_hint() {
        let object = || serde_json::Map::from_iter([("type".to_owned(), json!("object"))]);
        let card = Card {
            name: "p__t".into(),
            title: Some("T".into()),
            description: "d".into(),
            input_schema: object(),
            output_schema: Some(object()),
            hints: ToolHints {
                read_only: true,
                destructive: false,
                idempotent: true,
                open_world: false,
            },
        };
        assert_eq!(
            serde_json::to_value(tool(card)).unwrap(),
            json!({
                "name": "p__t",
                "title": "T",
                "description": "d",
                "inputSchema": {"type": "object"},
                "outputSchema": {"type": "object"},
                "annotations": {
                    "title": "T",
                    "readOnlyHint": true,
                    "destructiveHint": false,
                    "idempotentHint": true,
                    "openWorldHint": false,
                },
            })
        );
    }

    #[test]
    fn a_result_has_every_kind_of_part() {
        let blob = |media_type: &str| Blob {
            media_type: media_type.into(),
            base64: "AQL/".into(),
            uri: "tollgate://s/c/0".into(),
        };
        let answer = Answer {
            parts: vec![
                Part::Text("t".into()),
                Part::Image(blob("image/png")),
                Part::Audio(blob("audio/wav")),
                Part::Bytes(blob("application/pdf")),
            ],
            structured: Some(json!({"a": 1})),
            is_error: false,
            record: json!({"call": "c"}),
        };
        let shown = serde_json::to_value(result(answer)).unwrap();
        assert_eq!(
            shown["content"],
            json!([
                {"type": "text", "text": "t"},
                {"type": "image", "data": "AQL/", "mimeType": "image/png"},
                {"type": "audio", "data": "AQL/", "mimeType": "audio/wav"},
                {"type": "resource", "resource": {
                    "uri": "tollgate://s/c/0", "mimeType": "application/pdf", "blob": "AQL/"
                }},
            ])
        );
        assert_eq!(shown["structuredContent"], json!({"a": 1}));
        assert_eq!(shown["isError"], false);
        assert_eq!(shown["_meta"][RECORD]["call"], "c");
    }
}
