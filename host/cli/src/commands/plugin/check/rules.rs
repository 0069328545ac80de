//! What is wrong with a component, as far as can be seen without calling a tool.
//!
//! An *error* keeps it from being used, a *warning* makes it worse than it has to be, a *note* is no
//! defect. Every finding has a stable label and says what to do.

use super::super::contract;
use crate::plugins::World;
use crate::render::words::bytes;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use tollgate_contract::ToolSpec;
use tollgate_grants::Need;
use tollgate_guests::manifest;
use tollgate_sandbox::{COMPONENT_BYTES_MAX, InspectError, Inspection, table};

/// A component above this takes long to compile and to copy.
const LARGE_BYTES: usize = 32 * 1024 * 1024;
/// A description with fewer words tells a model nothing.
const DESCRIPTION_WORDS_MIN: usize = 3;
/// Characters of a tool's name.
const TOOL_NAME_CHARS_MAX: usize = 64;
/// Interfaces whose use is an effect that a need must name: prefix of the import, kind of capability.
const EFFECTS: [(&str, &str); 2] = [
    ("wasi:http/outgoing-handler@", "http"),
    ("wasi:keyvalue/store@", "kv"),
];
/// Interfaces that some languages import for every program, whether it uses them or not.
const NETWORK: [&str; 3] = [
    "wasi:sockets/tcp-create-socket@",
    "wasi:sockets/udp-create-socket@",
    "wasi:sockets/ip-name-lookup@",
];

/// How bad a finding is; the worst sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It cannot be used.
    Error,
    /// It is worse than it has to be.
    Warning,
    /// No defect.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// How bad it is.
    pub(super) level: Level,
    /// Its stable label.
    pub(super) rule: &'static str,
    /// What was found.
    pub(super) what: String,
    /// What to do.
    pub(super) help: String,
}

fn finding(
    level: Level,
    rule: &'static str,
    what: impl Into<String>,
    help: impl Into<String>,
) -> Finding {
    Finding {
        level,
        rule,
        what: what.into(),
        help: help.into(),
    }
}

fn error(rule: &'static str, what: impl Into<String>, help: impl Into<String>) -> Finding {
    finding(Level::Error, rule, what, help)
}

fn warning(rule: &'static str, what: impl Into<String>, help: impl Into<String>) -> Finding {
    finding(Level::Warning, rule, what, help)
}

/// The bytes are none of a component that may run.
pub(super) fn no_component(found: &InspectError) -> Finding {
    let words: Vec<String> = found
        .to_string()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let (rule, help) = match found {
        InspectError::TooLarge { .. } => ("size", "strip it, or leave out what it does not use"),
        InspectError::NotAComponent(_) => ("component", "build it with `tollgate plugin build`"),
        InspectError::ModuleImport(_) => (
            "unknown_import",
            "make a component of it that imports what the gate knows",
        ),
        InspectError::Section(..) | InspectError::Malformed(..) => {
            ("sections", "let `tollgate plugin build` write them, once")
        }
        InspectError::Appetite { .. } => ("appetite", "compose it of fewer components"),
    };
    error(rule, words.join(" "), help)
}

/// Compiling or linking refused it.
pub(super) fn refused(why: &str, inspection: &Inspection) -> Finding {
    let item = inspection
        .imports
        .iter()
        .chain(&inspection.exports)
        .find(|name| why.contains(name.as_str()));
    let help = match item {
        Some(item) => format!(
            "compare {item} with the contract's WIT: a function or a type of it is not as it stands there"
        ),
        None => "compare the component's imports and exports with the contract's WIT".into(),
    };
    error("link", why, help)
}

/// The name cannot be one.
pub(super) fn name(name: &str) -> Finding {
    error(
        "name",
        format!("{name:?} cannot be a plugin's name"),
        "use a-z, 0-9, `-` and `_`",
    )
}

/// `tool.list` gave no answer.
pub(super) fn list_failed(why: &str) -> Finding {
    error(
        "list",
        format!("tollgate:plugin/tool.list gave no answer: {why}"),
        "it is called without any grant: make the list without files, variables or requests",
    )
}

/// Judges what stands in the component's bytes.
pub(super) fn component(inspection: &Inspection, size: usize, findings: &mut Vec<Finding>) {
    if let Some(what) = contract::fault(inspection) {
        findings.push(error(
            "contract",
            what,
            "install a newer Tollgate, or build it with this one",
        ));
    } else {
        exports(inspection, findings);
    }
    imports(inspection, findings);
    needs(inspection, findings);
    metadata(inspection, findings);
    if size > LARGE_BYTES {
        findings.push(warning(
            "size",
            format!(
                "it has {}; at most {} are accepted",
                bytes(size as u64),
                bytes(COMPONENT_BYTES_MAX as u64)
            ),
            "strip it, or leave out what it does not use",
        ));
    }
}

/// Whether it exports that interface of ours, in any version.
fn exported(inspection: &Inspection, interface: &str) -> bool {
    let prefix = format!("tollgate:plugin/{interface}@");
    inspection
        .exports
        .iter()
        .any(|name| name.starts_with(&prefix))
}

fn exports(inspection: &Inspection, findings: &mut Vec<Finding>) {
    match (exported(inspection, "tool"), exported(inspection, "model")) {
        (false, false) if inspection.exports.is_empty() => {
            findings.push(error(
                "world",
                "it exports nothing that can be called",
                "export tollgate:plugin/tool (`export_tools!` in Rust, `class Tool(exports.Tool)` in \
                 Python, `export const tool` in JavaScript), tollgate:plugin/model, or functions",
            ));
        }
        (true, true) => findings.push(warning(
            "world",
            "it exports both tollgate:plugin/tool and tollgate:plugin/model; it is used as a provider only",
            "make two plugins of it",
        )),
        _ => {}
    }
}

fn imports(inspection: &Inspection, findings: &mut Vec<Finding>) {
    for import in &inspection.imports {
        if !table::knows(import) && !is_ours(import) {
            let near = near(import).map_or_else(
                || "nothing in wit/world.wit is like it; do without it".to_owned(),
                |near| format!("the contract has {near}"),
            );
            findings.push(error(
                "unknown_import",
                format!("it imports {import}, which no world of the contract has"),
                near,
            ));
        }
    }
    let declares = |kind: &str| {
        let declared = inspection.needs.iter().flatten();
        declared
            .filter_map(|need| need.split_whitespace().next())
            .any(|word| word == kind)
    };
    for (prefix, kind) in EFFECTS {
        let import = inspection
            .imports
            .iter()
            .find(|name| name.starts_with(prefix));
        match (import, declares(kind)) {
            (Some(import), false) => findings.push(warning(
                "undeclared_import",
                format!("it imports {import} and declares no need of {kind}: every use is denied"),
                format!(
                    "add the need, such as {:?}, or do without it",
                    example(kind)
                ),
            )),
            (None, true) => findings.push(warning(
                "unused_need",
                format!("it declares a need of {kind} and does not import {prefix}…"),
                "leave the need out: an operator would be asked for nothing",
            )),
            _ => {}
        }
    }
    let imported = |prefix: &&str| {
        inspection
            .imports
            .iter()
            .any(|name| name.starts_with(*prefix))
    };
    if NETWORK.iter().any(imported) && !["tcp", "udp", "dns"].into_iter().any(declares) {
        findings.push(finding(
            Level::Note,
            "sockets",
            "it imports sockets or name lookup and declares no need of tcp, udp or dns: every use is denied",
            "for HTTP use wasi:http/outgoing-handler; for a socket add the need, such as \"tcp connect 192.0.2.1:443\"",
        ));
    }
}

/// Imports of a newer contract are told by its version alone.
fn is_ours(import: &str) -> bool {
    import.starts_with("tollgate:plugin/")
}

/// The interface of the contract with the same name in another version.
fn near(import: &str) -> Option<&'static str> {
    let (interface, _) = import.split_once('@')?;
    table::TABLE.iter().map(|known| known.name).find(|name| {
        name.split_once('@')
            .is_some_and(|(known, _)| known == interface)
    })
}

fn example(kind: &str) -> &'static str {
    match kind {
        "http" => "http GET https://example.com/**",
        _ => "kv NAME",
    }
}

fn needs(inspection: &Inspection, findings: &mut Vec<Finding>) {
    let Some(needs) = &inspection.needs else {
        findings.push(warning(
            "no_needs",
            "it has no section tollgate:needs: nothing can be granted to it",
            "build it with `tollgate plugin build`, with `needs = []` if it needs nothing",
        ));
        return;
    };
    for need in needs {
        if let Err(found) = need.parse::<Need>() {
            findings.push(error(
                "need",
                format!("the need {need:?} is not in the grammar: {found}"),
                "see `tollgate grant add --help`; any target may be `*`",
            ));
        }
    }
}

fn metadata(inspection: &Inspection, findings: &mut Vec<Finding>) {
    let Some(meta) = &inspection.meta else {
        findings.push(warning(
            "no_meta",
            "it has no section tollgate:meta: no name, version or title",
            "build it with `tollgate plugin build`",
        ));
        return;
    };
    if !manifest::is_name(&meta.name) {
        findings.push(name(&meta.name));
    }
    let exported = World::of(inspection).label();
    if exported != meta.world {
        findings.push(warning(
            "world",
            format!(
                "its metadata says world {:?}, and it exports {exported}",
                meta.world
            ),
            "correct `world` in the manifest",
        ));
    }
    for (value, key) in [(&meta.title, "title"), (&meta.description, "description")] {
        if value.as_deref().is_none_or(|text| text.trim().is_empty()) {
            findings.push(warning(
                "no_meta",
                format!("its metadata has no {key}"),
                format!("write `{key}` in the manifest: operators see it"),
            ));
        }
    }
}

/// Judges what it offers.
pub(super) fn tools(tools: &[ToolSpec], findings: &mut Vec<Finding>) {
    if tools.is_empty() {
        findings.push(warning(
            "no_tools",
            "tollgate:plugin/tool.list gave no tool",
            "a model can call nothing of it",
        ));
    }
    let mut names = BTreeSet::new();
    for tool in tools {
        if !is_tool_name(&tool.name) {
            findings.push(error(
                "tool_name",
                format!("{:?} cannot be a tool's name", tool.name),
                "use 1 to 64 of a-z A-Z 0-9 _ -",
            ));
        }
        if !names.insert(tool.name.as_str()) {
            findings.push(error(
                "tool_name",
                format!("two tools are called {:?}", tool.name),
                "give each its own name",
            ));
        }
        description(tool, findings);
        schema(tool, &tool.input_schema_json, "input-schema-json", findings);
        if let Some(output) = &tool.output_schema_json {
            schema(tool, output, "output-schema-json", findings);
        }
    }
}

fn is_tool_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=TOOL_NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(plain)
}

fn description(tool: &ToolSpec, findings: &mut Vec<Finding>) {
    let words = tool.description.split_whitespace().count();
    if words >= DESCRIPTION_WORDS_MIN {
        return;
    }
    let what = match words {
        0 => format!("the tool {} has no description", tool.name),
        _ => format!(
            "the description of {} says little: {:?}",
            tool.name, tool.description
        ),
    };
    findings.push(warning(
        "description",
        what,
        "say in a sentence what it does and to what: it is all that a model knows of it",
    ));
}

fn schema(tool: &ToolSpec, text: &str, item: &str, findings: &mut Vec<Finding>) {
    let place = format!("tool-spec.{item} of {}", tool.name);
    let schema: Value = match serde_json::from_str(text) {
        Ok(schema) => schema,
        Err(found) => {
            findings.push(error(
                "schema",
                format!("{place} is no JSON: {found}"),
                "write a JSON Schema (2020-12) whose type is object",
            ));
            return;
        }
    };
    let Some(object) = schema.as_object() else {
        findings.push(error(
            "schema",
            format!("{place} is no JSON object"),
            "write a JSON Schema (2020-12) whose type is object",
        ));
        return;
    };
    if item == "output-schema-json" {
        return;
    }
    if object.get("type") != Some(&Value::String("object".into())) {
        findings.push(error(
            "schema",
            format!("{place} does not say \"type\": \"object\""),
            "the arguments of a tool are an object",
        ));
    }
    let properties = object.get("properties").and_then(Value::as_object);
    let required = object.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if properties.is_none_or(|properties| !properties.contains_key(name)) {
            findings.push(warning(
                "schema",
                format!("{place} requires {name:?}, which is not among its properties"),
                "describe it there, or do not require it",
            ));
        }
    }
    for (name, property) in properties.into_iter().flatten() {
        if property
            .get("description")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            findings.push(warning(
                "argument",
                format!("the argument {name:?} of {} has no description", tool.name),
                "say what it is: a doc comment of the field in Rust, `description` in the schema",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sandbox::Meta;

    fn fine() -> Inspection {
        let mut inspection = Inspection::default();
        inspection.needs = Some(Vec::new());
        inspection.meta = Some(Meta {
            name: "a".into(),
            version: "1.0.0".into(),
            world: "tools".into(),
            contract: "0.1.0".into(),
            title: Some("A".into()),
            description: Some("What it does".into()),
            homepage: None,
        });
        let tool = "tollgate:plugin/tool@0.1.2";
        inspection.exports.insert(tool.to_owned());
        inspection
    }

    fn tool(name: &str, description: &str, schema: &str) -> ToolSpec {
        ToolSpec {
            name: name.into(),
            title: None,
            description: description.into(),
            input_schema_json: schema.into(),
            output_schema_json: None,
            hints: Default::default(),
        }
    }

    fn labels(findings: &[Finding]) -> Vec<(Level, &'static str)> {
        findings
            .iter()
            .map(|found| (found.level, found.rule))
            .collect()
    }

    fn judged(inspection: &Inspection) -> Vec<(Level, &'static str)> {
        let mut findings = Vec::new();
        component(inspection, 1, &mut findings);
        labels(&findings)
    }

    fn listed(specs: &[ToolSpec]) -> Vec<(Level, &'static str)> {
        let mut findings = Vec::new();
        tools(specs, &mut findings);
        labels(&findings)
    }

    #[test]
    fn a_sound_component_has_no_findings() {
        assert_eq!(judged(&fine()), []);
        let schema = r#"{"type":"object","properties":{"a":{"description":"x"}},"required":["a"]}"#;
        assert_eq!(listed(&[tool("a", "Does a thing.", schema)]), []);
    }

    #[test]
    fn imports_and_needs_are_held_against_each_other() {
        let mut inspection = fine();
        inspection.imports = ["wasi:http/outgoing-handler@0.2.3".to_owned()].into();
        assert_eq!(judged(&inspection), [(Level::Warning, "undeclared_import")]);
        inspection.needs = Some(vec!["http GET https://example.com/**".into()]);
        assert_eq!(judged(&inspection), []);
        inspection.imports.clear();
        assert_eq!(judged(&inspection), [(Level::Warning, "unused_need")]);
        inspection.needs = Some(vec!["https GET *".into()]);
        assert_eq!(judged(&inspection), [(Level::Error, "need")]);
        inspection.needs = None;
        assert_eq!(judged(&inspection), [(Level::Warning, "no_needs")]);
    }

    #[test]
    fn an_unknown_import_is_named_with_what_is_like_it() {
        let mut inspection = fine();
        inspection.imports = [
            "wasi:keyvalue/store@0.2.0-draft2".to_owned(),
            "acme:x/y@1.0.0".into(),
        ]
        .into();
        inspection.needs = Some(vec!["kv a".into()]);
        let mut findings = Vec::new();
        component(&inspection, 1, &mut findings);
        assert_eq!(labels(&findings), [(Level::Error, "unknown_import"); 2]);
        assert!(findings[1].help.contains("wasi:keyvalue/store@0.2.0-draft"));
    }

    #[test]
    fn worlds_and_metadata_are_looked_at() {
        let mut inspection = fine();
        inspection.exports = ["tollgate:plugin/tool@0.2.0".to_owned()].into();
        assert_eq!(judged(&inspection), [(Level::Error, "contract")]);
        inspection.exports = ["wasi:cli/run@0.2.0".to_owned()].into();
        assert_eq!(judged(&inspection), [(Level::Warning, "world")]);
        inspection.exports.clear();
        assert_eq!(
            judged(&inspection),
            [(Level::Error, "world"), (Level::Warning, "world")]
        );
        inspection.exports = ["tollgate:plugin/model@0.1.2".to_owned()].into();
        assert_eq!(judged(&inspection), [(Level::Warning, "world")]);
        inspection = fine();
        inspection.meta = None;
        assert_eq!(judged(&inspection), [(Level::Warning, "no_meta")]);
    }

    #[test]
    fn tools_are_judged_by_what_a_model_would_see_of_them() {
        let object = r#"{"type":"object"}"#;
        assert_eq!(listed(&[]), [(Level::Warning, "no_tools")]);
        assert_eq!(
            listed(&[tool("a", "", object)]),
            [(Level::Warning, "description")]
        );
        assert_eq!(
            listed(&[tool("a", "A tool", object)]),
            [(Level::Warning, "description")]
        );
        assert_eq!(
            listed(&[tool("a b", "Does a thing.", object)]),
            [(Level::Error, "tool_name")]
        );
        for schema in ["{", "[]", r#"{"type":"string"}"#] {
            assert_eq!(
                listed(&[tool("a", "Does a thing.", schema)]),
                [(Level::Error, "schema")]
            );
        }
        let open = r#"{"type":"object","properties":{"a":{}},"required":["b"]}"#;
        assert_eq!(
            listed(&[tool("a", "Does a thing.", open)]),
            [(Level::Warning, "schema"), (Level::Warning, "argument")]
        );
        let twice = [
            tool("a", "Does a thing.", object),
            tool("a", "Does a thing.", object),
        ];
        assert_eq!(listed(&twice), [(Level::Error, "tool_name")]);
    }
}
