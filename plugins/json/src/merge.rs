//! JSON Merge Patch (RFC 7396).

use jaq_json::{Map, Rc, Val};

/// Applies a merge patch (RFC 7396, section 2): null takes a member away.
pub(crate) fn merge(target: &mut Val, patch: Val) {
    let Val::Obj(changes) = patch else {
        *target = patch;
        return;
    };
    if !matches!(target, Val::Obj(_)) {
        *target = Val::obj(Map::default());
    }
    let Val::Obj(members) = target else {
        return;
    };
    let members = Rc::make_mut(members);
    for (key, change) in Rc::unwrap_or_clone(changes) {
        if matches!(change, Val::Null) {
            members.shift_remove(&key);
        } else {
            merge(members.entry(key).or_default(), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jaq_json::read::parse_single;

    #[test]
    fn the_table_of_the_standard_holds() {
        // RFC 7396, appendix A.
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut value = parse_single(target.as_bytes()).unwrap();
            merge(&mut value, parse_single(patch.as_bytes()).unwrap());
            assert_eq!(value.to_string(), result, "{target} + {patch}");
        }
    }
}
