//! The body of an entry: a record as JSON, byte for byte as `serde_json` writes it, each field checked and bounded on
//! its way.
//!
//! Invariants: an identifier that breaks its format is refused; free text, which a component may have chosen, is
//! clipped; nothing is written that was not looked at. A field that is added to a record is added here; a test
//! compares with what serde says of the same record.

use crate::redact::{all_bytes, is_plain, is_plain_ascii};
use crate::{
    CallRecord, ChangeRecord, Collapsed, Decided, EffectRecord, EncodeError, HASH_BYTES,
    ID_BYTES_MAX, Outcome, OutcomeRecord, Plugin, ReadItem, ReadSet, Record, TARGET_BYTES_MAX,
    Target, clip,
};
use std::sync::Arc;

pub(crate) const LABEL_BYTES_MAX: usize = 128;
pub(crate) const IMPORT_BYTES_MAX: usize = 256;
pub(crate) const NEAREST_BYTES_MAX: usize = 1024;
pub(crate) const COMMAND_BYTES_MAX: usize = 2048;
pub(crate) const OUTCOME_DETAIL_BYTES_MAX: usize = 512;
pub(crate) const WHO_BYTES_MAX: usize = 256;
pub(crate) const OBJECT_BYTES_MAX: usize = 1024;
pub(crate) const CHANGE_DETAIL_BYTES_MAX: usize = 4096;
pub(crate) const HMAC_BYTES: usize = 2 * HASH_BYTES;

/// As many bytes as most records have at most.
const BYTES_USUAL: usize = 1_024;

type Written = Result<(), EncodeError>;

/// What is written as a JSON object.
pub(crate) trait Fields {
    /// Appends the fields, with a comma before each.
    fn write(&self, out: &mut Vec<u8>) -> Written;
}

impl<T: Fields> Fields for Arc<T> {
    fn write(&self, out: &mut Vec<u8>) -> Written {
        (**self).write(out)
    }
}

/// Appends a record to `out`.
pub(crate) fn write(record: &Record, out: &mut Vec<u8>) -> Written {
    out.reserve(BYTES_USUAL);
    match record {
        Record::Effect(e) => tagged(out, b"{\"type\":\"effect\"", &**e),
        Record::Outcome(o) => tagged(out, b"{\"type\":\"outcome\"", o),
        Record::ReadSet(set) => tagged(out, b"{\"type\":\"read_set\"", set),
        Record::Collapsed(c) => tagged(out, b"{\"type\":\"collapsed\"", c),
        Record::Call(c) => tagged(out, b"{\"type\":\"call\"", c),
        Record::Change(c) => tagged(out, b"{\"type\":\"change\"", c),
    }
}

/// Appends an object to `out`.
pub(crate) fn object(out: &mut Vec<u8>, value: &impl Fields) -> Written {
    let begin = out.len();
    value.write(out)?;
    // Its first comma; every object has fields.
    if let Some(comma) = out.get_mut(begin) {
        *comma = b'{';
    }
    out.push(b'}');
    Ok(())
}

/// Checks an identifier.
pub(crate) fn identifier(field: &'static str, value: &str) -> Written {
    // From '-' to ':' are '.', '/' and the digits.
    let valid = |b: u8| {
        (b | 0x20).is_ascii_lowercase()
            | (b'-'..=b':').contains(&b)
            | (b == b'_')
            | (b == b'@')
            | (b == b'+')
    };
    if (1..=ID_BYTES_MAX).contains(&value.len()) && all_bytes(value, valid) {
        return Ok(());
    }
    Err(EncodeError::Identifier {
        field,
        value: clip(value, ID_BYTES_MAX),
    })
}

fn tagged(out: &mut Vec<u8>, begin: &[u8], value: &impl Fields) -> Written {
    out.extend_from_slice(begin);
    value.write(out)?;
    out.push(b'}');
    Ok(())
}

fn number(out: &mut Vec<u8>, key: &[u8], value: impl itoa::Integer) {
    out.extend_from_slice(key);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A string that stands in JSON as it is, after its key with the quotation mark.
fn plain(out: &mut Vec<u8>, key: &[u8], value: &str) {
    out.extend_from_slice(key);
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn text(out: &mut Vec<u8>, key: &[u8], value: &str, bytes_max: usize) -> Written {
    if value.len() <= bytes_max && is_plain_ascii(value) {
        plain(out, key, value);
        return Ok(());
    }
    let clipped = (!is_plain(value, bytes_max)).then(|| clip(value, bytes_max));
    // With its own quotation mark.
    out.extend_from_slice(key.strip_suffix(b"\"").unwrap_or(key));
    serde_json::to_writer(out, clipped.as_deref().unwrap_or(value))
        .map_err(|error| EncodeError::Json(error.to_string()))
}

/// The fields of a struct, in order: what each is, its name, and what it may have.
macro_rules! fields {
    ($record:ident, $out:ident: $($kind:ident $field:ident $(($($more:tt)*))?,)+) => {
        impl Fields for $record {
            fn write(&self, $out: &mut Vec<u8>) -> Written {
                $(field!($out, $kind, $field, self.$field $(, $($more)*)?);)+
                Ok(())
            }
        }
    };
}

macro_rules! field {
    ($out:ident, id, $name:ident, $value:expr $(, $said:literal)?) => {
        identifier(said!($name $(, $said)?), &$value)?;
        plain($out, key!($name, "\""), &$value);
    };
    ($out:ident, ids, $name:ident, $value:expr) => {
        if let Some(value) = &$value {
            identifier(stringify!($name), value)?;
            plain($out, key!($name, "\""), value);
        }
    };
    ($out:ident, word, $name:ident, $value:expr) => {
        plain($out, key!($name, "\""), $value.label());
    };
    ($out:ident, number, $name:ident, $value:expr) => {
        number($out, key!($name, ""), $value);
    };
    ($out:ident, numbers, $name:ident, $value:expr) => {
        if let Some(value) = $value {
            number($out, key!($name, ""), value);
        }
    };
    ($out:ident, text, $name:ident, $value:expr, $bytes_max:ident) => {
        text($out, key!($name, "\""), &$value, $bytes_max)?;
    };
    ($out:ident, texts, $name:ident, $value:expr, $bytes_max:ident) => {
        if let Some(value) = &$value {
            text($out, key!($name, "\""), value, $bytes_max)?;
        }
    };
    // Text that was cut or escaped is another text: rather none.
    ($out:ident, whole, $name:ident, $value:expr, $bytes_max:ident) => {
        if let Some(value) = &$value
            && is_plain(value, $bytes_max)
        {
            text($out, key!($name, "\""), value, $bytes_max)?;
        }
    };
    ($out:ident, object, $name:ident, $value:expr) => {
        $out.extend_from_slice(key!($name, ""));
        object($out, &$value)?;
    };
    ($out:ident, objects, $name:ident, $value:expr) => {
        if let Some(value) = &$value {
            $out.extend_from_slice(key!($name, ""));
            object($out, value)?;
        }
    };
    ($out:ident, list, $name:ident, $value:expr) => {
        $out.extend_from_slice(key!($name, "["));
        for (place, item) in $value.iter().enumerate() {
            if place > 0 {
                $out.push(b',');
            }
            object($out, item)?;
        }
        $out.push(b']');
    };
}

/// What stands before a value.
macro_rules! key {
    ($name:ident, $opening:literal) => {
        concat!(",\"", stringify!($name), "\":", $opening).as_bytes()
    };
}

/// How an error calls a field.
macro_rules! said {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident, $said:literal) => {
        $said
    };
}

fields! { EffectRecord, out:
    id receipt,
    word state,
    number time_us,
    ids run,
    id call,
    object plugin,
    text import (IMPORT_BYTES_MAX),
    text kind (LABEL_BYTES_MAX),
    word class,
    word action,
    object target,
    object decision,
    text policy (ID_BYTES_MAX),
    number generation,
    word transport,
    number budget_left,
    objects outcome,
}

fields! { OutcomeRecord, out:
    id receipt,
    word state,
    number time_us,
    id call,
    object outcome,
}

fields! { ReadSet, out:
    ids run,
    id call,
    object plugin,
    text policy (ID_BYTES_MAX),
    number generation,
    list items,
}

fields! { ReadItem, out:
    id receipt,
    word state,
    number time_us,
    text import (IMPORT_BYTES_MAX),
    text kind (LABEL_BYTES_MAX),
    word action,
    object target,
    object decision,
    objects outcome,
}

fields! { Collapsed, out:
    id receipt,
    number time_us,
    ids run,
    id call,
    object plugin,
    text kind (LABEL_BYTES_MAX),
    text reason (LABEL_BYTES_MAX),
    number count,
}

fields! { CallRecord, out:
    id call,
    number time_us,
    ids run,
    object plugin,
    text export (IMPORT_BYTES_MAX),
    text ended (LABEL_BYTES_MAX),
    texts detail (OUTCOME_DETAIL_BYTES_MAX),
    number allowed,
    number denied,
    number clock,
    number random_bytes,
    number stdio_bytes,
    number duration_us,
    number memory_bytes_peak,
}

fields! { ChangeRecord, out:
    number time_us,
    text who (WHO_BYTES_MAX),
    text what (LABEL_BYTES_MAX),
    text object (OBJECT_BYTES_MAX),
    text detail (CHANGE_DETAIL_BYTES_MAX),
}

fields! { Plugin, out:
    id name ("plugin name"),
    id version ("plugin version"),
    id digest ("plugin digest"),
}

fields! { Target, out:
    text text (TARGET_BYTES_MAX),
    texts hmac (HMAC_BYTES),
}

fields! { Decided, out:
    word verdict,
    ids grant,
    texts reason (LABEL_BYTES_MAX),
    texts nearest (NEAREST_BYTES_MAX),
    whole command (COMMAND_BYTES_MAX),
}

fields! { Outcome, out:
    word result,
    texts error (LABEL_BYTES_MAX),
    numbers status,
    numbers bytes_in,
    numbers bytes_out,
    number duration_us,
    texts address (LABEL_BYTES_MAX),
    texts detail (OUTCOME_DETAIL_BYTES_MAX),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::record;
    use proptest::prelude::*;
    use serde_json::Value;

    /// What serde says of a record, each text cut to what its name may have.
    fn expected(record: &Record) -> Value {
        let mut value = serde_json::to_value(record).unwrap();
        let detail = match record {
            Record::Change(_) => 4_096,
            _ => 512,
        };
        bound(&mut value, detail);
        value
    }

    fn bound(value: &mut Value, detail: usize) {
        match value {
            Value::Object(fields) => {
                let plain = |command: &str| clip(command, 2_048) == command;
                if !fields
                    .get("command")
                    .and_then(Value::as_str)
                    .is_none_or(plain)
                {
                    fields.remove("command");
                }
                for (name, value) in fields {
                    let bytes_max = match &**name {
                        "detail" => detail,
                        "import" | "export" | "who" => 256,
                        "text" | "nearest" | "object" => 1_024,
                        "hmac" => 64,
                        "command" => 2_048,
                        _ => 128,
                    };
                    if let Value::String(text) = value {
                        *text = clip(text, bytes_max);
                    }
                    bound(value, detail);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| bound(item, detail)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn a_body_is_what_serde_says_of_the_record_within_its_bounds(record in record()) {
            let mut body = Vec::new();
            write(&record, &mut body).unwrap();
            let said: Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(said, expected(&record));
        }
    }

    #[test]
    fn every_identifier_is_looked_at() {
        let named = [
            (
                "effect",
                vec![
                    "receipt", "run", "call", "name", "version", "digest", "grant",
                ],
            ),
            ("outcome", vec!["receipt", "call"]),
            (
                "read_set",
                vec![
                    "run", "call", "name", "version", "digest", "receipt", "grant",
                ],
            ),
            (
                "collapsed",
                vec!["receipt", "run", "call", "name", "version", "digest"],
            ),
            ("call", vec!["call", "run", "name", "version", "digest"]),
        ];
        for (kind, names) in named {
            for name in names {
                let at = format!("\"{name}\":\"");
                let record = crate::arbitrary::one(kind);
                let said = serde_json::to_string(&record).unwrap();
                assert!(said.contains(&at), "{said}");
                let bad: Record =
                    serde_json::from_str(&said.replacen(&at, &format!("{at} "), 1)).unwrap();
                let error = write(&bad, &mut Vec::new()).unwrap_err().to_string();
                assert!(
                    error.contains(name) && error.contains("is not an identifier"),
                    "{error}"
                );
            }
        }
    }
}
