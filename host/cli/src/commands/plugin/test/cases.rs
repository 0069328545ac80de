//! The file of cases: TOML that authors write, read strictly. An error says its line.
//!
//! ```toml
//! version = 1
//!
//! [[case]]
//! name = "…"                       # unique
//! tool = "…"                       # and arguments, a table; or, for a provider, prompt = "…"
//! arguments = { path = "/data/a" }
//! files = { "data/a" = "text" }    # written in the case's own directory
//! copy = ["fixtures"]              # copied into it, from beside this file
//! grants = ["fs.read data at /data"]   # host paths are relative to it
//! config = { key = "text" }
//! limits = { wall = "2s", effects = 10 }
//! fixture = "fixture.json"         # answers in place of the socket
//! before = [{ tool = "…", arguments = {} }]   # called first, in the same home
//! [case.expect]
//! text = "…"                       # the whole answer
//! contains = ["…"]                 # or one text; of the answer, or of the error's message
//! json = { a = 1 }                 # a part of the answer's JSON
//! is_error = true                  # the tool answered, with an error
//! error = "denied"                 # it did not answer
//! files = { "out/b" = "text" }     # what is in the case's directory afterwards
//! receipts = [{ kind = "fs.open.read", decision = "allowed", target = "/data/a" }]   # in this order
//! receipts_only = true             # and there are no others
//! ```

use crate::errors::{Done, Failure};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// The version of the format that is read.
const VERSION: u32 = 1;
/// The most bytes of the file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Cases of one file.
const CASES_MAX: usize = 1_000;
/// How a call can end without an answer: the contract's errors, then the host's.
const ERRORS: [&str; 14] = [
    "invalid-arguments",
    "denied",
    "failed",
    "not-found",
    "auth-expired",
    "rate-limited",
    "quota-exhausted",
    "overloaded",
    "context-too-long",
    "invalid-request",
    "unavailable",
    "refused",
    "trapped",
    "limit",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(rename = "case", default)]
    cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// Its name.
    pub(super) name: String,
    tool: Option<String>,
    #[serde(default)]
    arguments: toml::Table,
    prompt: Option<String>,
    /// Written in the case's directory.
    #[serde(default)]
    pub(super) files: BTreeMap<PathBuf, String>,
    /// Copied into it.
    #[serde(default)]
    pub(super) copy: Vec<PathBuf>,
    /// What is granted.
    #[serde(default)]
    pub(super) grants: Vec<String>,
    /// The plugin's configuration.
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
    /// Limits of a call.
    #[serde(default)]
    pub(super) limits: BTreeMap<String, toml::Value>,
    /// Answers in place of the socket.
    pub(super) fixture: Option<PathBuf>,
    #[serde(default)]
    before: Vec<Earlier>,
    /// What shall come of it.
    pub(super) expect: Expect,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    tool: String,
    #[serde(default)]
    arguments: toml::Table,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// A tool is called with a JSON object.
    Tool(String, Value),
    /// A provider is asked.
    Prompt(String),
}

/// What is expected.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// The whole answer.
    pub(super) text: Option<String>,
    /// Parts of it.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) contains: Vec<String>,
    /// A part of its JSON.
    pub(super) json: Option<toml::Value>,
    /// Whether the answer says that it is an error.
    pub(super) is_error: Option<bool>,
    /// How it ended without an answer.
    pub(super) error: Option<String>,
    /// What is in the case's directory afterwards.
    #[serde(default)]
    pub(super) files: BTreeMap<PathBuf, String>,
    /// Receipts, in this order.
    #[serde(default)]
    pub(super) receipts: Vec<Wanted>,
    /// Whether there may be no others.
    #[serde(default)]
    pub(super) receipts_only: bool,
}

/// A receipt as far as a case says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The kind, whole.
    pub(super) kind: String,
    /// The decision.
    pub(super) decision: Decision,
    /// The target, whole; any if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
}

/// A decision of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Decision {
    /// May be performed.
    Allowed,
    /// Refused.
    Denied,
}

impl Case {
    /// What is done, what comes before it first.
    pub(super) fn acts(&self) -> (Vec<Act>, Act) {
        let before = self.before.iter();
        let before =
            before.map(|earlier| Act::Tool(earlier.tool.clone(), json(&earlier.arguments)));
        let last = match (&self.prompt, &self.tool) {
            (Some(prompt), _) => Act::Prompt(prompt.clone()),
            (None, tool) => Act::Tool(tool.clone().unwrap_or_default(), json(&self.arguments)),
        };
        (before.collect(), last)
    }

    fn fault(&self) -> Option<String> {
        let expect = &self.expect;
        let answers = expect.text.is_some() || expect.json.is_some() || expect.is_error.is_some();
        match (&self.tool, &self.prompt) {
            (None, None) => return Some("it says neither `tool` nor `prompt`".into()),
            (Some(_), Some(_)) => return Some("it says both `tool` and `prompt`".into()),
            (None, Some(_)) if !self.arguments.is_empty() => {
                return Some("a prompt has no `arguments`".into());
            }
            _ => {}
        }
        if let Some(error) = &expect.error {
            if !ERRORS.contains(&error.as_str()) {
                return Some(format!(
                    "`error` is {error:?}; it may be {}",
                    ERRORS.join(", ")
                ));
            }
            if answers {
                return Some("it expects an error and an answer".into());
            }
        }
        let says = answers
            || expect.error.is_some()
            || !expect.contains.is_empty()
            || !expect.files.is_empty()
            || !expect.receipts.is_empty()
            || expect.receipts_only;
        if !says {
            return Some("it expects nothing".into());
        }
        let paths = self
            .files
            .keys()
            .chain(&self.copy)
            .chain(expect.files.keys());
        let outside = paths.chain(&self.fixture).find(|path| !is_below(path));
        outside.map(|path| format!("{} is no path below a directory", path.display()))
    }
}

/// Whether a path stays below the directory that it is joined to.
fn is_below(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// TOML as JSON; a date becomes its text.
pub(super) fn json_of(value: &toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => json(table),
        toml::Value::Array(items) => items.iter().map(json_of).collect(),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::String(text) => Value::String(text.clone()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(value) => Value::Bool(*value),
    }
}

fn json(table: &toml::Table) -> Value {
    let fields = table.iter();
    Value::Object(
        fields
            .map(|(key, value)| (key.clone(), json_of(value)))
            .collect(),
    )
}

fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    use serde::de::Error;
    match toml::Value::deserialize(from)? {
        toml::Value::String(one) => Ok(vec![one]),
        toml::Value::Array(many) => many
            .into_iter()
            .map(|item| match item {
                toml::Value::String(text) => Ok(text),
                other => Err(D::Error::custom(format!("a text is expected, not {other}"))),
            })
            .collect(),
        other => Err(D::Error::custom(format!(
            "a text or texts are expected, not {other}"
        ))),
    }
}

/// The cases of a file.
pub(super) fn read(path: &Path) -> Done<Vec<Case>> {
    let size = std::fs::metadata(path).map_or(0, |seen| seen.len());
    if size > FILE_BYTES_MAX {
        return Err(Failure::input(format!(
            "{} has more than {FILE_BYTES_MAX} bytes",
            path.display()
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::input_try(
            format!("cannot read {}: {error}", path.display()),
            "`tollgate plugin new` writes one; `tollgate plugin test --help` shows a case",
        )
    })?;
    parse(&text).map_err(|why| Failure::Input {
        what: format!("{}: {why}", path.display()),
        rule: None,
        remedy: Some("tollgate plugin test --help".into()),
    })
}

fn parse(text: &str) -> Result<Vec<Case>, String> {
    let file: File =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    if file.version != VERSION {
        return Err(format!(
            "`version` is {}; this Tollgate reads {VERSION}",
            file.version
        ));
    }
    if file.cases.len() > CASES_MAX {
        return Err(format!("it has more than {CASES_MAX} cases"));
    }
    let mut names = BTreeSet::new();
    for case in &file.cases {
        if !names.insert(case.name.as_str()) {
            return Err(format!("two cases are called {:?}", case.name));
        }
        if let Some(fault) = case.fault() {
            return Err(format!("case {:?}: {fault}", case.name));
        }
    }
    Ok(file.cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(case: &str) -> String {
        parse(&format!("version = 1\n[[case]]\nname = \"a\"\n{case}")).unwrap_err()
    }

    #[test]
    fn a_case_is_read_whole() {
        let text = r#"
version = 1
[[case]]
name = "a"
tool = "sum"
arguments = { numbers = [1, 2.5], deep = { on = true } }
before = [{ tool = "reset" }]
grants = ["kv a"]
[case.expect]
contains = "3.5"
receipts = [{ kind = "kv.open", decision = "allowed" }]
"#;
        let cases = parse(text).unwrap();
        let (before, last) = cases[0].acts();
        assert_eq!(before, [Act::Tool("reset".into(), serde_json::json!({}))]);
        let arguments = serde_json::json!({"numbers": [1, 2.5], "deep": {"on": true}});
        assert_eq!(last, Act::Tool("sum".into(), arguments));
        assert_eq!(cases[0].expect.contains, ["3.5"]);
    }

    #[test]
    fn the_cases_of_the_guide_and_of_the_help_are_cases() {
        let guide = include_str!("../../../../../../docs/plugin-guide.md");
        let blocks = guide.split("```toml\n").skip(1);
        let shown: Vec<&str> = blocks
            .filter_map(|block| block.split("```").next())
            .filter(|block| block.starts_with("version = 1"))
            .collect();
        assert_eq!(shown.len(), 1);
        assert_eq!(parse(shown[0]).unwrap().len(), 1);
        let help = include_str!("../../../args/plugin.rs");
        let (_, case) = help.split_once("  [[case]]").unwrap();
        let (case, _) = case.split_once("\n\nExit code").unwrap();
        let case = case.replace("\\\"", "\"").replace("\\\\n", "\\n");
        assert_eq!(
            parse(&format!("version = 1\n[[case]]{case}"))
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn mistakes_are_named() {
        assert!(parse("version = 2").unwrap_err().contains("reads 1"));
        assert!(fault("tols = 1").contains("line 4"));
        assert!(fault("[case.expect]\ntext = \"x\"").contains("neither `tool` nor `prompt`"));
        assert!(fault("tool = \"t\"\n[case.expect]\n").contains("expects nothing"));
        assert!(fault("tool = \"t\"\n[case.expect]\nerror = \"denid\"").contains("it may be"));
        assert!(
            fault("tool = \"t\"\n[case.expect]\nerror = \"denied\"\ntext = \"\"")
                .contains("and an answer")
        );
        assert!(
            fault("tool = \"t\"\nfiles = { \"../x\" = \"\" }\n[case.expect]\ntext = \"\"")
                .contains("../x")
        );
        let case = "[[case]]\nname = \"a\"\ntool = \"t\"\n[case.expect]\ntext = \"\"\n";
        let twice = parse(&format!("version = 1\n{case}{case}")).unwrap_err();
        assert!(twice.contains("two cases"), "{twice}");
    }
}
