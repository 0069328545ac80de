//! Tool arguments as words: `key=value`, `key=@FILE`, `key:=JSON`.
//!
//! Whether `5` is a number or a text is the tool's business, so a plain value is judged with the tool's
//! schema: JSON if it parses and the schema does not ask for a string. A file is text, unless the schema
//! asks for base64.

use serde_json::{Map, Value};

/// One argument as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    /// Its name.
    pub(crate) key: String,
    /// Its value, still to be judged.
    pub(crate) value: WordValue,
}

/// The value of a [`Word`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WordValue {
    /// `key=value`.
    Plain(String),
    /// `key=@FILE`: the text of the file, or its bytes in base64.
    File(String),
    /// `key:=JSON`.
    Json(Value),
}

/// Splits one word.
pub(crate) fn parse(word: &str) -> Result<Word, String> {
    let Some((key, value)) = word.split_once('=') else {
        return Err(format!(
            "argument {word:?} has no `=`; write KEY=VALUE, such as `path=/project`"
        ));
    };
    let (key, value) = match key.strip_suffix(':') {
        Some(key) => {
            let json = serde_json::from_str(value).map_err(|error| {
                format!("argument {key:?} is not JSON: {error}; write {key}={value} for text")
            })?;
            (key, WordValue::Json(json))
        }
        None => match value.strip_prefix('@') {
            Some(file) => (key, WordValue::File(file.to_owned())),
            None => (key, WordValue::Plain(value.to_owned())),
        },
    };
    if key.is_empty() {
        return Err(format!("argument {word:?} has no name before `=`"));
    }
    Ok(Word {
        key: key.to_owned(),
        value,
    })
}

/// Judges a plain value with the tool's input schema.
pub(crate) fn judge(schema: &Value, key: &str, text: String) -> Value {
    if wants_string(schema, key) {
        return Value::String(text);
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// Puts `value` under `key`, refusing a name that was given twice.
pub(crate) fn insert(
    into: &mut Map<String, Value>,
    key: String,
    value: Value,
) -> Result<(), String> {
    if into.contains_key(&key) {
        return Err(format!(
            "argument {key:?} was given twice; for a list write {key}:='[…]'"
        ));
    }
    into.insert(key, value);
    Ok(())
}

/// Whether the schema asks for bytes: a string with `contentEncoding` (JSON Schema 2020-12, validation,
/// section 8.3).
pub(crate) fn wants_base64(schema: &Value, key: &str) -> bool {
    let property = schema.get("properties").and_then(|all| all.get(key));
    property.is_some_and(|property| property.get("contentEncoding") == Some(&Value::from("base64")))
}

fn wants_string(schema: &Value, key: &str) -> bool {
    let Some(property) = schema.get("properties").and_then(|all| all.get(key)) else {
        return false;
    };
    match property.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(many)) => many.iter().any(|one| one == "string"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_split_at_the_first_equals_sign() {
        assert_eq!(
            parse("a=b=c").unwrap(),
            Word {
                key: "a".into(),
                value: WordValue::Plain("b=c".into())
            }
        );
        assert_eq!(
            parse("a=@b").unwrap(),
            Word {
                key: "a".into(),
                value: WordValue::File("b".into())
            }
        );
        assert_eq!(
            parse("a:=[1]").unwrap(),
            Word {
                key: "a".into(),
                value: WordValue::Json(json!([1]))
            }
        );
        for bad in ["a", "=b", ":=1", "a:=nope"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_decides_whether_digits_are_text() {
        let schema =
            json!({"properties": {"n": {"type": "integer"}, "s": {"type": ["string", "null"]}}});
        assert_eq!(judge(&schema, "n", "5".into()), json!(5));
        assert_eq!(judge(&schema, "s", "5".into()), json!("5"));
        assert_eq!(judge(&schema, "other", "true".into()), json!(true));
        assert_eq!(judge(&schema, "other", "{x".into()), json!("{x"));
        let schema = json!({"properties": {"b": {"type": "string", "contentEncoding": "base64"}}});
        assert!(wants_base64(&schema, "b") && !wants_base64(&schema, "n"));
    }
}
