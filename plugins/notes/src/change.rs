//! The tools `add` and `remove`.

use crate::id;
use crate::note::{Head, Note};
use crate::shelf::Shelf;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::{SystemTime, UNIX_EPOCH};
use tollgate_sdk::{Context, Tool, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// One line that says what the note is about.
    title: String,
    /// The note itself, at most 64 KiB.
    text: String,
    /// Words to find it by, such as decision or todo. Case does not matter.
    #[serde(default)]
    tags: Vec<String>,
}

pub(crate) fn add() -> Tool {
    Tool::new::<Add>(
        "add",
        "Keeps a note that outlives this session, and gives its identifier. A note is never changed: to \
         correct one, add a new one and remove the old.",
        |arguments, context: &Context| {
            let now_us = now_us();
            let note = Note::new(
                arguments.title,
                arguments.text,
                arguments.tags,
                &context.session,
                now_us,
            )?;
            let id = id::new(now_us)?;
            Shelf::open()?.add(&id, &note)?;
            ToolOutput::json(&note.into_head(id, None))
        },
    )
    .title("Add a note")
    .output::<Head>()
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Remove {
    /// The note's identifier, as list and search give it.
    id: String,
}

pub(crate) fn remove() -> Tool {
    Tool::new::<Remove>("remove", "Removes a note for good.", |arguments, _| {
        Shelf::open()?.remove(&arguments.id)?;
        Ok(ToolOutput::text(format!("removed {}", arguments.id)))
    })
    .title("Remove a note")
    .destructive()
}

#[cfg(test)]
mod tests {
    use crate::testing::{add, call};
    use serde_json::json;
    use tollgate_sdk::ToolError;

    #[test]
    fn what_was_added_can_be_read_until_it_is_removed() {
        let id = add("Colours", "blue\n", &["Taste"]);
        let said = call("read", json!({"id": id})).unwrap();
        assert!(said.ends_with("\nblue\n"), "{said}");
        assert_eq!(
            call("remove", json!({"id": id})).unwrap(),
            format!("removed {id}")
        );
        for name in ["read", "remove"] {
            assert!(matches!(
                call(name, json!({"id": id})),
                Err(ToolError::NotFound(_))
            ));
        }
    }

    #[test]
    fn arguments_that_do_not_fit_are_named() {
        let error = call("add", json!({"title": "", "text": "x"})).unwrap_err();
        assert!(matches!(error, ToolError::InvalidArguments(m) if m.starts_with("title:")));
        assert!(call("add", json!({"title": "a"})).is_err());
    }
}
