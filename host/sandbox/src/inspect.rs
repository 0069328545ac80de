//! What a component, or a WASI 0.1 module, says of itself before anything of it runs: custom sections,
//! imports, exports, appetite.
//!
//! Invariant: only bytes are read; nothing is compiled or instantiated.

use crate::adapt::WASI;
use crate::plain::docs::{DOCS_SECTION, Docs};
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{Encoding, Parser, Payload};

/// Custom section with the declared needs: a JSON array of strings in the grammar of capabilities.
pub const NEEDS_SECTION: &str = "tollgate:needs";
/// Custom section with the package metadata: a JSON object.
pub const META_SECTION: &str = "tollgate:meta";
/// The most bytes of a component.
pub const COMPONENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a component was refused before it was compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// It is larger than the limit.
    #[error("the component has {bytes} bytes; at most {COMPONENT_BYTES_MAX} are accepted")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is neither a component nor a module.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// A module imports what no adapter gives it.
    #[error(
        "the module imports {0}; a module may import {WASI} and what its WIT names, everything else needs a component"
    )]
    ModuleImport(String),
    /// It carries a section of ours twice, or below the top level.
    #[error("the section {0} appears {1}; one at the top level is accepted")]
    Section(&'static str, &'static str),
    /// A section of ours does not parse.
    #[error("the section {0} does not parse: {1}")]
    Malformed(&'static str, String),
    /// It asks for more than the pool gives one component.
    #[error("the component asks for {asked} {what}; at most {limit} are given to one component")]
    Appetite {
        /// What it asks for.
        what: &'static str,
        /// How many.
        asked: u64,
        /// The bound.
        limit: u64,
    },
}

/// What a file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// A component.
    #[default]
    Component,
    /// A module of WASI 0.1, which is made a component when it is loaded.
    Module,
}

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offers {
    /// The world `tools` of the contract.
    Tools,
    /// The world `provider` of the contract.
    Provider,
    /// Functions, or a command; whether they can be tools shows when it is loaded.
    Functions,
}

/// The most functions of all modules of a component: each costs the compiler memory and time, however short
/// it is. A whole language's interpreter has some tens of thousands.
const FUNCTIONS_MAX: u64 = 200_000;

/// Package metadata, the plugin's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Meta {
    /// The package's name.
    #[serde(default)]
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// `tools` or `provider`.
    #[serde(default)]
    pub world: String,
    /// Version of the contract that it was built against.
    #[serde(default)]
    pub contract: String,
    /// A title for people.
    #[serde(default)]
    pub title: Option<String>,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// Where to read more.
    #[serde(default)]
    pub homepage: Option<String>,
}

/// What was read from a component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// What the file is.
    pub form: Form,
    /// Declared needs, as written; none when the section is missing.
    pub needs: Option<Vec<String>>,
    /// Metadata; none when the section is missing.
    pub meta: Option<Meta>,
    /// Core instances that one instance of it creates.
    pub core_instances: u64,
    /// Instances of nested components that one instance of it creates.
    pub component_instances: u64,
    /// Names of the interfaces that it imports; of a module, of the functions: `module.function`.
    pub imports: BTreeSet<String>,
    /// Names of the interfaces and functions that it exports.
    pub exports: BTreeSet<String>,
    /// What its WIT says of its functions.
    pub(crate) docs: Docs,
}

impl Inspection {
    /// What can be called. Nobody is asked to run it.
    pub fn offers(&self) -> Offers {
        let exports = |interface: &str| {
            let prefix = format!("{CONTRACT}/{interface}@");
            self.exports.iter().any(|name| name.starts_with(&prefix))
        };
        if exports("model") {
            Offers::Provider
        } else if exports("tool") {
            Offers::Tools
        } else {
            Offers::Functions
        }
    }

    /// Its needs in the grammar of capabilities: as declared, else whatever its imports can ask for.
    pub fn effective_needs(&self) -> Vec<String> {
        match &self.needs {
            Some(declared) => declared.clone(),
            None => crate::needs::derived(self),
        }
    }
}

/// The package of the contract.
pub(crate) const CONTRACT: &str = "tollgate:plugin";

/// Reads a component's bytes.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(InspectError::TooLarge { bytes: bytes.len() });
    }
    let mut found = Inspection::default();
    let mut sections = BTreeMap::new();
    let mut levels: Vec<Level> = Vec::new();
    let mut functions = 0_u64;
    let bad = |error: wasmparser::BinaryReaderError| {
        InspectError::NotAComponent(told(&error.to_string()))
    };
    if !bytes.starts_with(MAGIC) {
        let what = "it does not begin with the bytes of WebAssembly";
        return Err(InspectError::NotAComponent(what.to_owned()));
    }
    let (mut first, mut has_wit) = (true, false);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(bad)?;
        match payload {
            Payload::Version { encoding, .. } => {
                if first && encoding != Encoding::Component {
                    found.form = Form::Module;
                }
                first = false;
                if levels.len() >= LEVELS_MAX {
                    return Err(InspectError::Appetite {
                        what: "levels of nesting",
                        asked: LEVELS_MAX as u64 + 1,
                        limit: LEVELS_MAX as u64,
                    });
                }
                levels.push(Level {
                    component: encoding == Encoding::Component,
                    ..Level::default()
                });
            }
            Payload::ComponentSection { .. } | Payload::ModuleSection { .. } => {}
            Payload::CustomSection(section) => {
                if section.name() == DOCS_SECTION && levels.len() == 1 {
                    found.docs = Docs::read(section.data());
                }
                if levels.len() == 1 && section.name().starts_with(WIT_SECTION_PREFIX) {
                    has_wit = true;
                }
                take_section(&mut sections, section.name(), section.data(), levels.len())?;
            }
            Payload::FunctionSection(reader) => functions += u64::from(reader.count()),
            Payload::InstanceSection(reader) => {
                for instance in reader {
                    if let wasmparser::Instance::Instantiate { .. } = instance.map_err(bad)?
                        && let Some(level) = levels.last_mut()
                    {
                        level.own += 1;
                    }
                }
            }
            Payload::ComponentInstanceSection(reader) => {
                for instance in reader {
                    if let wasmparser::ComponentInstance::Instantiate {
                        component_index, ..
                    } = instance.map_err(bad)?
                        && let Some(level) = levels.last_mut()
                    {
                        level.instantiated.push(component_index);
                    }
                }
            }
            Payload::ComponentImportSection(reader) => {
                for import in reader {
                    let import = import.map_err(bad)?;
                    if levels.len() == 1 {
                        found.imports.insert(import.name.name.to_owned());
                    }
                    if matches!(import.ty, wasmparser::ComponentTypeRef::Component(_))
                        && let Some(level) = levels.last_mut()
                    {
                        level.components.push(Count::default());
                    }
                }
            }
            Payload::ComponentAliasSection(reader) => {
                for alias in reader {
                    let alias = alias.map_err(bad)?;
                    let brings_component = matches!(
                        alias,
                        wasmparser::ComponentAlias::InstanceExport {
                            kind: wasmparser::ComponentExternalKind::Component,
                            ..
                        } | wasmparser::ComponentAlias::Outer {
                            kind: wasmparser::ComponentOuterAliasKind::Component,
                            ..
                        }
                    );
                    // What an alias stands for is not followed; it counts as the most that is
                    // accepted, so that instantiating it can never slip under the bound.
                    if brings_component && let Some(level) = levels.last_mut() {
                        let most = u64::from(crate::engine::CORE_INSTANCES_PER_COMPONENT_MAX);
                        level.components.push(Count {
                            core: most,
                            components: most,
                        });
                    }
                }
            }
            Payload::ImportSection(reader) if levels.len() == 1 => {
                for import in reader.into_imports() {
                    let import = import.map_err(bad)?;
                    let name = format!("{}.{}", import.module, import.name);
                    found.imports.insert(name);
                }
            }
            Payload::ExportSection(reader) if levels.len() == 1 => {
                for export in reader {
                    found.exports.insert(export.map_err(bad)?.name.to_owned());
                }
            }
            Payload::ComponentExportSection(reader) if levels.len() == 1 => {
                for export in reader {
                    found
                        .exports
                        .insert(export.map_err(bad)?.name.name.to_owned());
                }
            }
            Payload::End(_) => {
                let Some(done) = levels.pop() else { continue };
                let total = done.total();
                match levels.last_mut() {
                    Some(parent) if done.component => parent.components.push(total),
                    Some(_) => {}
                    None => {
                        found.core_instances = total.core;
                        found.component_instances = total.components;
                    }
                }
            }
            _ => {}
        }
    }
    if functions > FUNCTIONS_MAX {
        return Err(InspectError::Appetite {
            what: "functions",
            asked: functions,
            limit: FUNCTIONS_MAX,
        });
    }
    let limit = u64::from(crate::engine::CORE_INSTANCES_PER_COMPONENT_MAX);
    if found.core_instances > limit {
        return Err(InspectError::Appetite {
            what: "core instances",
            asked: found.core_instances,
            limit,
        });
    }
    if found.form == Form::Module && !has_wit {
        let wasi = |import: &&String| {
            import
                .rsplit_once('.')
                .is_some_and(|(module, _)| module == WASI)
        };
        if let Some(stray) = found.imports.iter().find(|import| !wasi(import)) {
            let shown = stray.escape_debug().take(NAME_CHARS_MAX).collect();
            return Err(InspectError::ModuleImport(shown));
        }
    }
    found.needs = parse(&sections, NEEDS_SECTION)?;
    // The fields would be taken from an array, too.
    let is_object = |data: &[u8]| data.trim_ascii_start().starts_with(b"{");
    if sections
        .get(META_SECTION)
        .is_some_and(|data| !is_object(data))
    {
        let what = "it is no JSON object".to_owned();
        return Err(InspectError::Malformed(META_SECTION, what));
    }
    found.meta = parse(&sections, META_SECTION)?;
    Ok(found)
}

/// How every component and module begins.
const MAGIC: &[u8] = b"\0asm";
/// Levels of components and modules inside each other: each takes memory while it is read, and a level is but a
/// dozen bytes. What compilers make has four or five.
const LEVELS_MAX: usize = 64;
/// Characters of a parser's words that a refusal shows.
const TOLD_CHARS_MAX: usize = 200;
/// Sections in which a module carries the WIT that it was built for.
const WIT_SECTION_PREFIX: &str = "component-type";
/// Characters of a name of the component's that a refusal shows.
pub(crate) const NAME_CHARS_MAX: usize = 200;

/// One component or module while it is read.
#[derive(Debug, Default)]
struct Level {
    component: bool,
    own: u64,
    /// What each nested component creates, by index.
    components: Vec<Count>,
    instantiated: Vec<u32>,
}

/// Instances that one instance of a component creates.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    core: u64,
    components: u64,
}

impl Count {
    const BOUNDLESS: Self = Self {
        core: u64::MAX,
        components: u64::MAX,
    };
}

impl Level {
    fn total(&self) -> Count {
        let own = Count {
            core: self.own,
            components: 0,
        };
        self.instantiated.iter().fold(own, |sum, index| {
            let nested = usize::try_from(*index)
                .ok()
                .and_then(|index| self.components.get(index))
                .copied()
                .unwrap_or(Count::BOUNDLESS);
            Count {
                core: sum.core.saturating_add(nested.core),
                components: sum
                    .components
                    .saturating_add(nested.components)
                    .saturating_add(1),
            }
        })
    }
}

fn take_section<'a>(
    sections: &mut BTreeMap<&'static str, &'a [u8]>,
    name: &str,
    data: &'a [u8],
    depth: usize,
) -> Result<(), InspectError> {
    let Some(ours) = [NEEDS_SECTION, META_SECTION]
        .into_iter()
        .find(|known| *known == name)
    else {
        return Ok(());
    };
    if depth > 1 {
        return Err(InspectError::Section(ours, "below the top level"));
    }
    match sections.insert(ours, data) {
        None => Ok(()),
        Some(_) => Err(InspectError::Section(ours, "twice")),
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    sections: &BTreeMap<&'static str, &[u8]>,
    name: &'static str,
) -> Result<Option<T>, InspectError> {
    sections
        .get(name)
        .map(|data| serde_json::from_slice(data))
        .transpose()
        .map_err(|error| InspectError::Malformed(name, told(&error.to_string())))
}

/// The words of a parser in one line. They may hold what the component says, however long it is.
fn told(words: &str) -> String {
    let line = words.split(|c: char| c.is_control() || c.is_whitespace());
    let line: Vec<&str> = line.filter(|word| !word.is_empty()).collect();
    let line = line.join(" ");
    match line.char_indices().nth(TOLD_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_nested_components_are_counted_with_what_they_create() {
        let nested = r#"(component
            (component $inner
                (core module $m)
                (core instance (instantiate $m))
                (core instance (instantiate $m)))
            (component $outer
                (alias outer 1 0 (component $c))
                (instance (instantiate $c)))
            (instance (instantiate $inner))
            (instance (instantiate $inner)))"#;
        let found = inspect(&wat::parse_str(nested).unwrap()).unwrap();
        assert_eq!((found.core_instances, found.component_instances), (4, 2));
        // What an alias stands for is not followed.
        let hidden = nested.replace(
            "(instance (instantiate $inner))\n",
            "(instance (instantiate $outer))\n",
        );
        assert_ne!(hidden, nested);
        assert!(matches!(
            inspect(&wat::parse_str(hidden).unwrap()),
            Err(InspectError::Appetite { .. })
        ));
    }

    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        let mut section = vec![id];
        let mut size = body.len();
        while size > 0x7f {
            section.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        section.push(size as u8);
        section.extend(body);
        section
    }

    fn component(section: &[u8]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0", section].concat()
    }

    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        let body = [&[name.len() as u8], name.as_bytes(), content].concat();
        component(&section(0, &body))
    }

    #[test]
    fn a_refusal_is_one_short_line_whatever_the_file_holds() {
        let long = format!("[\"env *\", {{\"{}\": 1}}]", "x".repeat(1 << 20));
        let words = format!("\"{}\"", "x".repeat(1 << 20));
        for bytes in [
            b"#!/bin/sh\necho\n".to_vec(),
            Vec::new(),
            b"\0asm\xff\xff\xff\xff".to_vec(),
            custom(NEEDS_SECTION, long.as_bytes()),
            custom(NEEDS_SECTION, words.as_bytes()),
            custom(META_SECTION, format!("{{\"name\": [{words}]}}").as_bytes()),
        ] {
            let told = inspect(&bytes).unwrap_err().to_string();
            assert!(told.len() < 400, "{} bytes", told.len());
            assert!(!told.contains(char::is_control), "{told}");
        }
    }

    #[test]
    fn metadata_are_an_object() {
        let meta = |json: &str| inspect(&custom(META_SECTION, json.as_bytes()));
        assert_eq!(meta(" {\"name\": \"a\"}").unwrap().meta.unwrap().name, "a");
        assert_eq!(
            meta("[\"a\", \"1.0.0\"]").unwrap_err().to_string(),
            "the section tollgate:meta does not parse: it is no JSON object"
        );
    }

    #[test]
    fn components_nest_only_so_deep() {
        let nested = |levels: usize| {
            (1..levels).fold(component(&[]), |inner, _| component(&section(4, &inner)))
        };
        assert!(inspect(&nested(LEVELS_MAX)).is_ok());
        assert!(matches!(
            inspect(&nested(LEVELS_MAX + 1)),
            Err(InspectError::Appetite {
                what: "levels of nesting",
                ..
            })
        ));
    }
}
