//! Custom sections of a component: finding them at every level, and adding ours at the top.
//!
//! Reads only the frame of the binary format (WebAssembly core specification, "Modules"; component
//! model, "Binary Format"): a preamble of 8 bytes, then sections of an id, a length in unsigned LEB128
//! and a body. What is in a body is not looked at, except for nested modules and components.

use crate::manifest::Declared;
use anyhow::{Context, Result, bail};

const NEEDS_SECTION: &str = "tollgate:needs";
const META_SECTION: &str = "tollgate:meta";

const PREAMBLE_BYTES: usize = 8;
/// `\0asm`, then version 13 and layer 1.
const COMPONENT_PREAMBLE: [u8; PREAMBLE_BYTES] = *b"\0asm\x0d\0\x01\0";
const CUSTOM_ID: u8 = 0;
/// A core module in a component.
const MODULE_ID: u8 = 1;
/// A component in a component.
const COMPONENT_ID: u8 = 4;
const DEPTH_MAX: usize = 64;

/// The component with what its plugin declares.
///
/// # Errors
/// It is no component, or it carries a section of ours already.
pub fn attach(mut component: Vec<u8>, declared: &Declared) -> Result<Vec<u8>> {
    if component.get(..PREAMBLE_BYTES) != Some(&COMPONENT_PREAMBLE) {
        bail!("the compiler's output is no component");
    }
    let mut names = Vec::new();
    collect_names(&component, 0, &mut names)?;
    if let Some(name) = names.iter().find(|name| name.starts_with("tollgate:")) {
        bail!("it already carries a section `{name}`; only the build may write one");
    }
    if let Some(needs) = &declared.needs {
        push_section(&mut component, NEEDS_SECTION, &serde_json::to_vec(needs)?);
    }
    push_section(
        &mut component,
        META_SECTION,
        &serde_json::to_vec(&declared.meta)?,
    );
    Ok(component)
}

/// Names of all custom sections, those of nested modules and components too.
fn collect_names(binary: &[u8], depth: usize, names: &mut Vec<String>) -> Result<()> {
    if depth > DEPTH_MAX {
        bail!("it is nested more than {DEPTH_MAX} levels deep");
    }
    let mut rest = binary.get(PREAMBLE_BYTES..).context("it has no preamble")?;
    let is_component = binary.starts_with(&COMPONENT_PREAMBLE);
    while let Some((id, after)) = rest.split_first() {
        let (body, after) = counted(after).context("a section is cut off")?;
        match (*id, is_component) {
            (CUSTOM_ID, _) => {
                let (name, _) = counted(body).context("a custom section has no name")?;
                names.push(String::from_utf8_lossy(name).into_owned());
            }
            (MODULE_ID | COMPONENT_ID, true) => collect_names(body, depth + 1, names)?,
            _ => {}
        }
        rest = after;
    }
    Ok(())
}

/// Splits off as many bytes as the LEB128 number in front says.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return bytes.get(at + 1..)?.split_at_checked(length);
        }
    }
    None
}

fn push_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = Vec::new();
    push_length(&mut body, name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    component.push(CUSTOM_ID);
    push_length(component, body.len());
    component.extend_from_slice(&body);
}

fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wasmparser::{Parser, Payload};

    const MODULE_PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";

    fn guest(needs: Option<Vec<String>>) -> Declared {
        Declared {
            name: "a".into(),
            world: "tools".into(),
            meta: json!({"name": "a"}),
            needs,
        }
    }

    fn with_nested(id: u8, nested: &[u8]) -> Vec<u8> {
        let mut component = COMPONENT_PREAMBLE.to_vec();
        component.push(id);
        push_length(&mut component, nested.len());
        component.extend_from_slice(nested);
        component
    }

    /// (depth, name, data) of every custom section, as wasmparser reads them.
    fn read(component: &[u8]) -> Vec<(usize, String, Vec<u8>)> {
        let (mut depth, mut found) = (0, Vec::new());
        for payload in Parser::new(0).parse_all(component) {
            match payload.unwrap() {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::CustomSection(section) => {
                    found.push((depth, section.name().to_owned(), section.data().to_vec()));
                }
                _ => {}
            }
        }
        found
    }

    #[test]
    fn sections_are_added_at_the_top_level() {
        let mut module = MODULE_PREAMBLE.to_vec();
        push_section(&mut module, "producers", b"x");
        // Long enough for lengths of two bytes.
        let need = format!("env {}", "N".repeat(300));
        let component = with_nested(MODULE_ID, &module);
        let done = attach(component, &guest(Some(vec![need.clone()]))).unwrap();
        assert_eq!(
            read(&done),
            [
                (2, "producers".to_owned(), b"x".to_vec()),
                (
                    1,
                    NEEDS_SECTION.to_owned(),
                    json!([need]).to_string().into_bytes()
                ),
                (1, META_SECTION.to_owned(), br#"{"name":"a"}"#.to_vec()),
            ]
        );
    }

    #[test]
    fn undeclared_needs_leave_no_section() {
        let done = attach(COMPONENT_PREAMBLE.to_vec(), &guest(None)).unwrap();
        let names: Vec<_> = read(&done).into_iter().map(|(_, name, _)| name).collect();
        assert_eq!(names, [META_SECTION]);
    }

    #[test]
    fn a_component_that_brings_its_own_is_refused() {
        let twice = attach(COMPONENT_PREAMBLE.to_vec(), &guest(None)).unwrap();
        assert!(attach(twice.clone(), &guest(None)).is_err());
        assert!(attach(with_nested(COMPONENT_ID, &twice), &guest(None)).is_err());
        let mut module = MODULE_PREAMBLE.to_vec();
        push_section(&mut module, NEEDS_SECTION, b"[]");
        let error = attach(with_nested(MODULE_ID, &module), &guest(None)).unwrap_err();
        assert!(error.to_string().contains(NEEDS_SECTION), "{error}");
    }

    #[test]
    fn what_is_no_whole_component_is_refused() {
        assert!(attach(MODULE_PREAMBLE.to_vec(), &guest(None)).is_err());
        let whole = with_nested(MODULE_ID, MODULE_PREAMBLE);
        for length in 0..whole.len() {
            let cut = whole[..length].to_vec();
            let accepted = attach(cut, &guest(None)).is_ok();
            assert_eq!(accepted, length == PREAMBLE_BYTES, "at {length}");
        }
    }
}
