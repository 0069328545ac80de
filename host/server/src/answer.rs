//! What a call gave, as a client is told it.
//!
//! Invariant: a refusal says the rule and the receipt, never the command that would lift it; that is
//! for the operator.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tollgate_contract::{
    CallContext, CallEvidence, CallFault, Denial, OutputBlock, Reply, ToolError, ToolOutput,
};
use tollgate_receipts::clip;

/// The most bytes of a media type (RFC 6838, section 4.2: twice 127 and the slash).
const MEDIA_TYPE_BYTES_MAX: usize = 255;
/// What bytes are whose media type cannot be used.
const SOME_BYTES: &str = "application/octet-stream";
/// The most bytes of what a plugin says of its failure.
const MESSAGE_BYTES_MAX: usize = 4096;
/// Receipt ids in one answer; the ledger has them all.
const RECEIPTS_MAX: usize = 16;

/// One part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Text(String),
    /// An image.
    Image(Blob),
    /// A sound.
    Audio(Blob),
    /// Other bytes.
    Bytes(Blob),
}

/// Bytes with their type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Media type (RFC 6838).
    pub media_type: String,
    /// The bytes in base64 (RFC 4648, section 4).
    pub base64: String,
    /// A name for them, unique to the answer.
    pub uri: String,
}

/// The answer to one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// The structured answer.
    pub structured: Option<Value>,
    /// Whether it tells of a failure.
    pub is_error: bool,
    /// Where the call is on record, for programs.
    pub record: Value,
}

/// The answer of a call that gave one. `structured` says whether the tool promises structured output.
pub fn returned(
    context: &CallContext,
    structured: bool,
    reply: Reply<Result<ToolOutput, ToolError>>,
) -> Answer {
    let record = record(context, &reply.evidence);
    let refused = reply.evidence.denied;
    let mut answer = match reply.value {
        Ok(output) => answered(context, structured, output, record),
        Err(ToolError::Denied { denial }) => denied(&denial, record),
        Err(error) => Answer {
            parts: vec![Part::Text(clip_lines(&error.to_string()))],
            structured: None,
            is_error: true,
            record,
        },
    };
    // A component may take a refusal for an ordinary error; the evidence knows better.
    let told = answer.record.get("denial").is_some();
    if answer.is_error && refused > 0 && !told {
        answer.parts.push(Part::Text(format!(
            "[{refused} of this call's effects were refused by the operator's rules; they are on record under {}]",
            context.call
        )));
    }
    answer
}

/// The answer of a call that gave none.
pub fn faulted(context: &CallContext, fault: &CallFault) -> Answer {
    let plugin = &context.plugin;
    let text = match fault {
        CallFault::UnknownPlugin { .. } => format!("plugin {plugin} is no longer there"),
        CallFault::Refused { reason, .. } => {
            format!(
                "plugin {plugin} was refused before it ran: {}",
                clip(reason, MESSAGE_BYTES_MAX)
            )
        }
        CallFault::Trapped { message, .. } => {
            format!(
                "plugin {plugin} crashed: {}",
                clip(message, MESSAGE_BYTES_MAX)
            )
        }
        CallFault::Limit { limit, .. } => {
            format!("plugin {plugin} was stopped at its limit of {limit}; ask it for less")
        }
        CallFault::Busy { .. } => "too many calls wait already; try again later".into(),
        CallFault::Cancelled { .. } => "the call was cancelled".into(),
        CallFault::LedgerUnavailable { .. } => {
            "the ledger cannot be written, and nothing happens off the record".into()
        }
        CallFault::Sandbox { .. } => "the sandbox failed".into(),
    };
    let record = record(context, &CallEvidence::default());
    plain_error(text, record)
}

/// An error in the server's own words.
pub fn plain_error(text: String, record: Value) -> Answer {
    Answer {
        parts: vec![Part::Text(text)],
        structured: None,
        is_error: true,
        record,
    }
}

fn denied(denial: &Denial, mut record: Value) -> Answer {
    let text = format!(
        "denied: {} {} ({}). The operator's rules do not allow it and nothing that you can call changes \
         them; choose another way, or tell the operator. Receipt {}.",
        denial.kind, denial.target, denial.reason, denial.receipt
    );
    if let Some(fields) = record.as_object_mut() {
        fields.insert("denial".into(), json!(denial));
    }
    plain_error(text, record)
}

fn answered(context: &CallContext, promised: bool, output: ToolOutput, record: Value) -> Answer {
    let mut structured = None;
    let mut parts = Vec::with_capacity(output.content.len());
    for (index, block) in output.content.into_iter().enumerate() {
        match block {
            OutputBlock::Text { text } => parts.push(Part::Text(text)),
            OutputBlock::Json { json } => {
                if structured.is_none() {
                    structured = object(&json);
                }
                parts.push(Part::Text(json));
            }
            OutputBlock::Blob { media_type, data } => {
                parts.push(blob(context, index, &media_type, &data));
            }
        }
    }
    if promised && structured.is_none() && !output.is_error {
        // A client may take the missing half for a broken server; it is the plugin that broke its word.
        let text = format!(
            "plugin {} promised structured output for this tool and gave none",
            context.plugin
        );
        parts.push(Part::Text(text));
        return Answer {
            parts,
            structured: None,
            is_error: true,
            record,
        };
    }
    Answer {
        parts,
        structured,
        is_error: output.is_error,
        record,
    }
}

/// Structured content is an object (2025-06-18; later versions take any value, older clients do not).
fn object(json: &str) -> Option<Value> {
    serde_json::from_str(json).ok().filter(Value::is_object)
}

fn blob(context: &CallContext, index: usize, media_type: &str, data: &[u8]) -> Part {
    let media_type = usable(media_type).unwrap_or(SOME_BYTES);
    let blob = Blob {
        media_type: media_type.to_owned(),
        base64: STANDARD.encode(data),
        uri: format!("tollgate://{}/{}/{index}", context.session, context.call),
    };
    match media_type.split_once('/') {
        Some(("image", _)) => Part::Image(blob),
        Some(("audio", _)) => Part::Audio(blob),
        _ => Part::Bytes(blob),
    }
}

/// The media type, if it is one: it comes from the plugin. Parameters are kept.
fn usable(media_type: &str) -> Option<&str> {
    let essence = media_type.split(';').next()?.trim_end();
    let (kind, subtype) = essence.split_once('/')?;
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let shown = media_type.bytes().all(|b| (b' '..=b'~').contains(&b));
    (media_type.len() <= MEDIA_TYPE_BYTES_MAX && shown && token(kind) && token(subtype))
        .then_some(media_type)
}

fn clip_lines(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| clip(line, MESSAGE_BYTES_MAX))
        .collect();
    let mut joined = lines.join("\n");
    let end = joined.floor_char_boundary(MESSAGE_BYTES_MAX);
    joined.truncate(end);
    joined
}

/// Where the call is on record.
fn record(context: &CallContext, evidence: &CallEvidence) -> Value {
    let receipts: Vec<&String> = evidence.receipts.iter().take(RECEIPTS_MAX).collect();
    json!({
        "session": context.session,
        "call": context.call,
        "plugin": context.plugin,
        "digest": evidence.digest,
        "allowed": evidence.allowed,
        "denied": evidence.denied,
        "receipts": receipts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_contract::{CallId, PluginName, SessionId};

    fn context() -> CallContext {
        CallContext {
            session: SessionId::new("mcp_1").unwrap(),
            run: None,
            call: CallId::new("call_1").unwrap(),
            plugin: PluginName::new("p").unwrap(),
            fence: None,
            effects_max: None,
        }
    }

    fn answer(promised: bool, content: Vec<OutputBlock>) -> Answer {
        let reply = Reply {
            value: Ok(ToolOutput {
                content,
                is_error: false,
            }),
            evidence: CallEvidence::default(),
        };
        returned(&context(), promised, reply)
    }

    fn json_block(text: &str) -> OutputBlock {
        OutputBlock::Json { json: text.into() }
    }

    fn blob_block(media_type: &str) -> OutputBlock {
        OutputBlock::Blob {
            media_type: media_type.into(),
            data: vec![1, 2, 255],
        }
    }

    #[test]
    fn json_is_structured_and_text() {
        let shown = answer(true, vec![json_block(r#"{"a": 1}"#), json_block("{}")]);
        assert_eq!(shown.structured, Some(json!({"a": 1})));
        assert_eq!(shown.parts[0], Part::Text(r#"{"a": 1}"#.into()));
        assert_eq!(shown.parts.len(), 2);
        assert_eq!(answer(false, vec![json_block("[1]")]).structured, None);
    }

    #[test]
    fn a_broken_promise_of_structure_is_the_plugins_error() {
        for content in [
            vec![],
            vec![json_block("nonsense")],
            vec![json_block("[1]")],
        ] {
            let shown = answer(true, content);
            assert!(shown.is_error, "{shown:?}");
            assert_eq!(shown.structured, None);
        }
    }

    #[test]
    fn bytes_go_by_their_media_type() {
        let shown = answer(
            false,
            vec![
                blob_block("image/png"),
                blob_block("audio/wav"),
                blob_block("application/pdf"),
                blob_block("image/\u{202e}png"),
                blob_block("nonsense"),
            ],
        );
        let of = |index: usize, media_type: &str| Blob {
            media_type: media_type.into(),
            base64: "AQL/".into(),
            uri: format!("tollgate://mcp_1/call_1/{index}"),
        };
        assert_eq!(
            shown.parts,
            [
                Part::Image(of(0, "image/png")),
                Part::Audio(of(1, "audio/wav")),
                Part::Bytes(of(2, "application/pdf")),
                Part::Bytes(of(3, SOME_BYTES)),
                Part::Bytes(of(4, SOME_BYTES)),
            ]
        );
    }

    #[test]
    fn a_refusal_names_rule_and_receipt_and_no_command() {
        let denial = Denial {
            receipt: "0198c5de".into(),
            kind: "fs.read".into(),
            target: "/project/.env".into(),
            reason: "no_grant".into(),
        };
        let reply = Reply {
            value: Err(ToolError::Denied { denial }),
            evidence: CallEvidence::default(),
        };
        let shown = returned(&context(), true, reply);
        assert!(shown.is_error);
        let Part::Text(text) = &shown.parts[0] else {
            panic!("{shown:?}");
        };
        for part in ["fs.read", "/project/.env", "no_grant", "0198c5de"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!format!("{shown:?}").contains("tollgate grant"));
        assert_eq!(shown.record["denial"]["receipt"], "0198c5de");
    }

    #[test]
    fn faults_are_told_without_commands() {
        let plugin = || "p".to_owned();
        let faults = [
            CallFault::UnknownPlugin { name: "p".into() },
            CallFault::Refused {
                plugin: plugin(),
                reason: "r".into(),
            },
            CallFault::Trapped {
                plugin: plugin(),
                message: "t\u{1b}".into(),
                talk: String::new(),
                attempted: 0,
            },
            CallFault::Limit {
                plugin: plugin(),
                limit: "wall 1s".into(),
                talk: String::new(),
                attempted: 0,
            },
            CallFault::Cancelled { plugin: plugin() },
            CallFault::LedgerUnavailable {
                message: "/x".into(),
            },
            CallFault::Sandbox {
                message: "/x".into(),
            },
        ];
        for fault in faults {
            let shown = format!("{:?}", faulted(&context(), &fault));
            assert!(shown.contains("is_error: true"));
            assert!(
                !shown.contains("tollgate ") && !shown.contains('\u{1b}'),
                "{shown}"
            );
            assert!(!shown.contains("/x"), "{shown}");
        }
    }
}
