//! Values as JSON text (RFC 8259), bounded.
//!
//! The language knows more than JSON: byte strings and keys that are not text are refused with the way
//! out, not-a-number becomes null and infinity the largest number, as jq does.

use crate::bounds::{DEPTH_MAX, OUTPUT_BYTES_MAX};
use jaq_json::{Num, Val};
use tollgate_sdk::ToolError;

/// The JSON of a value.
pub(crate) fn json(value: &Val) -> Result<String, ToolError> {
    let mut text = String::new();
    write(&mut text, value, 0)?;
    Ok(text)
}

fn write(text: &mut String, value: &Val, depth: usize) -> Result<(), ToolError> {
    if depth > DEPTH_MAX {
        return Err(ToolError::failed(format!(
            "a result is nested deeper than {DEPTH_MAX} levels"
        )));
    }
    if text.len() > OUTPUT_BYTES_MAX {
        return Err(ToolError::failed(format!(
            "a result is larger than {OUTPUT_BYTES_MAX} bytes; ask for less of it"
        )));
    }
    let below = depth.saturating_add(1);
    match value {
        Val::Null => text.push_str("null"),
        Val::Bool(true) => text.push_str("true"),
        Val::Bool(false) => text.push_str("false"),
        Val::Num(number) => text.push_str(&self::number(number)),
        Val::TStr(bytes) => string(text, bytes),
        Val::BStr(_) => {
            return Err(ToolError::failed(
                "a result holds bytes, which JSON cannot; end the filter with @base64 or tostring",
            ));
        }
        Val::Arr(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(text, item, below)?;
            }
            text.push(']');
        }
        Val::Obj(members) => {
            text.push('{');
            for (at, (key, item)) in members.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                let Val::TStr(key) = key else {
                    return Err(ToolError::failed(format!(
                        "a result has the key {key}, and keys of JSON are strings; use tostring"
                    )));
                };
                string(text, key);
                text.push(':');
                write(text, item, below)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn number(number: &Num) -> String {
    match number {
        Num::Float(x) if x.is_nan() => "null".into(),
        Num::Float(x) if x.is_infinite() => {
            let largest = f64::MAX.copysign(*x);
            Num::Float(largest).to_string()
        }
        other => other.to_string(),
    }
}

fn string(text: &mut String, bytes: &[u8]) {
    // Writing a text as JSON cannot fail.
    let quoted = serde_json::to_string(&String::from_utf8_lossy(bytes)).unwrap_or_default();
    text.push_str(&quoted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaq_json::read::parse_single;

    fn round(text: &str) -> Result<String, ToolError> {
        json(&parse_single(text.as_bytes()).unwrap())
    }

    #[test]
    fn numbers_and_order_are_kept_as_they_were() {
        for text in [
            r#"{"b":1,"a":[null,true,false],"":"x\n\"ä"}"#,
            "[123456789012345678901234567890,1.10,1e400,-0.0]",
        ] {
            assert_eq!(round(text).unwrap(), text);
        }
    }

    #[test]
    fn what_json_lacks_is_as_in_jq_or_refused() {
        assert_eq!(round("NaN").unwrap(), "null");
        assert_eq!(round("-Infinity").unwrap(), "-1.7976931348623157e308");
        assert!(
            round("b\"\\xff\"")
                .unwrap_err()
                .to_string()
                .contains("@base64")
        );
        assert!(
            round("{1: 2}")
                .unwrap_err()
                .to_string()
                .contains("tostring")
        );
    }

    #[test]
    fn a_result_is_bounded() {
        let mut deep = Val::Null;
        for _ in 0..300 {
            deep = Val::Arr(vec![deep].into());
        }
        assert!(json(&deep).is_err());
        let wide = Val::Arr(vec![Val::from("x".repeat(1000)); 300].into());
        assert!(json(&wide).unwrap_err().to_string().contains("262144"));
    }
}
