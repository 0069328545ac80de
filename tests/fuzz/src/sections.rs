use crate::capability::need;
use crate::{must, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::slice::from_ref;
use tollgate_sandbox::{
    CORE_INSTANCES_PER_COMPONENT_MAX, Form, InspectError, Inspection, META_SECTION, NEEDS_SECTION,
    fuzzing, inspect,
};
use wasmparser::Validator;

const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
/// What a WIT says of its functions.
const DOCS_SECTION: &str = "package-docs";
/// Components inside each other.
const LEVELS_MAX: usize = 64;
/// The most bytes of a refusal.
const REFUSAL_BYTES_MAX: usize = 1024;
/// Characters of the words about one function.
const WORDS_CHARS_MAX: usize = 2000;

/// A component is inspected or refused, and what is said of it is so.
///
/// The bytes are taken as they are, and as a digit and what a valid component holds: it says where.
pub fn sections(bytes: &[u8]) {
    let _ = whole(bytes);
    let Some((place, content)) = bytes.split_first() else {
        return;
    };
    match place {
        b'0' => needs(COMPONENT, content),
        b'1' => needs(MODULE, content),
        b'2' => meta(content),
        b'3' => docs(content),
        b'4' => both(content),
        b'5' => misplaced(content),
        b'6' => imports(content),
        b'7' => functions(content),
        b'8' => nested(content),
        _ => {}
    }
}

/// Nothing that is valid is called malformed, and what is accepted keeps its promises.
fn whole(bytes: &[u8]) -> Result<Inspection, InspectError> {
    let found = inspect(bytes);
    match &found {
        Ok(found) => accepted(found),
        Err(error) => {
            let told = error.to_string();
            assert!(
                told.len() <= REFUSAL_BYTES_MAX,
                "{} bytes: {told}",
                told.len()
            );
            assert!(!told.chars().any(char::is_control), "{told:?}");
            if matches!(error, InspectError::NotAComponent(_)) {
                assert!(Validator::new().validate_all(bytes).is_err(), "{told}");
            }
        }
    }
    found
}

fn accepted(found: &Inspection) {
    assert!(found.core_instances <= u64::from(CORE_INSTANCES_PER_COMPONENT_MAX));
    let effective = found.effective_needs();
    match &found.needs {
        Some(declared) => {
            assert_eq!(declared, &effective);
            for declared in declared {
                need(declared);
            }
        }
        // Derived ones are always in the grammar, each once.
        None => {
            assert!(
                effective.iter().all(|derived| need(derived)),
                "{effective:?}"
            );
            let distinct: BTreeSet<_> = effective.iter().collect();
            assert_eq!(distinct.len(), effective.len());
        }
    }
    let _ = found.offers();
}

/// The needs are those of the JSON, and nothing else is accepted.
fn needs(preamble: [u8; 8], content: &[u8]) {
    let found = whole(&with(preamble, &[custom(NEEDS_SECTION, content)]));
    let json = serde_json::from_slice::<Vec<String>>(content).ok();
    match found {
        Ok(found) => assert_eq!(found.needs, json),
        Err(error) => {
            assert!(matches!(error, InspectError::Malformed(NEEDS_SECTION, _)));
            assert_eq!(json, None);
        }
    }
}

/// Metadata are an object, and what they say is what the object says.
fn meta(content: &[u8]) {
    match whole(&with(COMPONENT, &[custom(META_SECTION, content)])) {
        Ok(found) => {
            let meta = must(found.meta.ok_or("none"), "a section was read");
            // Fields that nobody reads may hold what is no text: half of a surrogate pair.
            let Ok(json) = serde_json::from_slice::<Value>(content) else {
                return;
            };
            assert!(json.is_object(), "{json}");
            let said = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
            for (name, read) in [
                ("name", meta.name),
                ("version", meta.version),
                ("world", meta.world),
                ("contract", meta.contract),
            ] {
                assert_eq!(read, said(name).unwrap_or_default());
            }
            assert_eq!(meta.title, said("title"));
            assert_eq!(meta.description, said("description"));
            assert_eq!(meta.homepage, said("homepage"));
        }
        Err(error) => assert!(matches!(error, InspectError::Malformed(META_SECTION, _))),
    }
}

/// Words about functions never make a component refused, and are bounded.
fn docs(content: &[u8]) {
    must(
        whole(&with(COMPONENT, &[custom(DOCS_SECTION, content)])),
        "words refuse nothing",
    );
    for words in fuzzing::docs(content) {
        assert!(words.chars().count() <= WORDS_CHARS_MAX);
    }
}

/// Two sections do not depend on their order. What is before the first line's end is one, the rest the other.
fn both(content: &[u8]) {
    let at = content.iter().position(|byte| *byte == b'\n');
    let (one, other) = content.split_at(at.unwrap_or(content.len()));
    let (needs, meta) = (custom(NEEDS_SECTION, one), custom(META_SECTION, other));
    let there = whole(&with(COMPONENT, &[needs.clone(), meta.clone()]));
    assert_eq!(there, whole(&with(COMPONENT, &[meta, needs])));
}

/// A section of ours twice, or below the top level, is refused whatever is in it.
fn misplaced(content: &[u8]) {
    for name in [NEEDS_SECTION, META_SECTION] {
        let ours = custom(name, content);
        let inner = with(COMPONENT, from_ref(&ours));
        let core = with(MODULE, from_ref(&ours));
        for sections in [
            vec![ours.clone(), ours.clone()],
            vec![section(4, &inner)],
            vec![section(1, &core)],
            vec![ours, section(4, &inner)],
        ] {
            let refused = whole(&with(COMPONENT, &sections));
            assert!(
                matches!(refused, Err(InspectError::Section(..))),
                "{refused:?}"
            );
        }
    }
}

/// Imports are those of the component, one a line.
fn imports(content: &[u8]) {
    let names: Vec<&str> = text(content).lines().collect();
    // One type, an instance that exports nothing, of which all are.
    let types = section(7, &[1, 0x42, 0]);
    let mut body = leb(names.len());
    for name in &names {
        body.push(0);
        body.extend(sized(name.as_bytes()));
        body.extend([5, 0]);
    }
    let found = whole(&with(COMPONENT, &[types, section(10, &body)]));
    let found = must(found, "imports of any name are read");
    let expected: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    assert_eq!((found.form, found.imports), (Form::Component, expected));
}

/// A module's imports are functions of WASI 0.1, or it is refused. One a line: `module.function`.
fn functions(content: &[u8]) {
    let names = text(content)
        .lines()
        .filter_map(|line| line.rsplit_once('.'));
    let names: Vec<_> = names.collect();
    // One type, a function that takes and gives nothing.
    let types = section(1, &[1, 0x60, 0, 0]);
    let mut body = leb(names.len());
    for (module, function) in &names {
        body.extend(sized(module.as_bytes()));
        body.extend(sized(function.as_bytes()));
        body.extend([0, 0]);
    }
    let stray = names
        .iter()
        .any(|(module, _)| *module != "wasi_snapshot_preview1");
    match whole(&with(MODULE, &[types, section(2, &body)])) {
        Ok(found) => {
            assert!(!stray);
            assert_eq!(found.form, Form::Module);
            let expected = names
                .iter()
                .map(|(module, name)| format!("{module}.{name}"));
            assert_eq!(found.imports, expected.collect());
        }
        Err(error) => {
            assert!(matches!(error, InspectError::ModuleImport(_)), "{error}");
            assert!(stray);
        }
    }
}

/// A component in components, as deep as the first byte says: what it imports and exports does not show outside.
fn nested(content: &[u8]) {
    let Some((depth, content)) = content.split_first() else {
        return;
    };
    let mut inner = [&COMPONENT, content].concat();
    for _ in 0..*depth {
        inner = with(COMPONENT, &[section(4, &inner)]);
    }
    let found = whole(&inner);
    if usize::from(*depth) >= LEVELS_MAX {
        assert!(
            matches!(found, Err(InspectError::Appetite { .. })),
            "{found:?}"
        );
    }
    if let Ok(found) = found
        && *depth > 0
    {
        assert!(found.imports.is_empty() && found.exports.is_empty());
        assert!(found.needs.is_none() && found.meta.is_none());
        assert_eq!((found.core_instances, found.component_instances), (0, 0));
    }
}

fn with(preamble: [u8; 8], sections: &[Vec<u8>]) -> Vec<u8> {
    let mut binary = preamble.to_vec();
    binary.extend(sections.iter().flatten());
    binary
}

fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    section(0, &[&sized(name.as_bytes()), content].concat())
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    section.extend(sized(body));
    section
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut sized = leb(bytes.len());
    sized.extend(bytes);
    sized
}

/// Unsigned LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
