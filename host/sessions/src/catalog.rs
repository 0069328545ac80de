//! Which tools the model is offered, and under which names.
//!
//! A tool is offered as `plugin__tool`: at most [`NAME_BYTES_MAX`] bytes of `a-z A-Z 0-9 _ -`, which is
//! what every provider takes. What does not fit, or would be offered under a name that is taken, is
//! refused: a model must never reach one tool by another's name.

use std::collections::BTreeMap;
use tollgate_contract::{PluginName, ToolSpec};

/// The most bytes of an offered name.
pub const NAME_BYTES_MAX: usize = 64;
/// The most tools that one session offers.
pub const TOOLS_MAX: usize = 512;

/// The tools of a session, by offered name.
#[derive(Debug, Clone, Default)]
pub struct ToolCatalog {
    tools: BTreeMap<String, Offered>,
}

/// One offered tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The plugin.
    pub plugin: PluginName,
    /// The tool's own name.
    pub tool: String,
    /// Its spec under the offered name.
    pub spec: ToolSpec,
}

/// A tool that cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The name does not fit.
    #[error(
        "tool {tool:?} of plugin {plugin} cannot be offered as {name:?}: a name is 1 to {NAME_BYTES_MAX} of a-z A-Z 0-9 _ -; add the plugin under a shorter name"
    )]
    Name {
        /// The plugin.
        plugin: PluginName,
        /// The tool.
        tool: String,
        /// The name it would have.
        name: String,
    },
    /// The name is taken.
    #[error(
        "tool {tool:?} of plugin {plugin} would have the name {name:?}, which plugin {holder} has; add one of them under another name"
    )]
    Taken {
        /// The plugin.
        plugin: PluginName,
        /// The tool.
        tool: String,
        /// The name.
        name: String,
        /// Who has it.
        holder: PluginName,
    },
    /// Too many.
    #[error("more than {TOOLS_MAX} tools are offered; let the session use fewer plugins")]
    TooMany,
}

impl ToolCatalog {
    /// Offers these tools.
    pub fn new(
        tools: impl IntoIterator<Item = (PluginName, ToolSpec)>,
    ) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        for (plugin, spec) in tools {
            catalog.offer(plugin, spec)?;
        }
        Ok(catalog)
    }

    fn offer(&mut self, plugin: PluginName, mut spec: ToolSpec) -> Result<(), CatalogError> {
        let tool = spec.name.clone();
        // Plugin names may have `.` and `:`, which providers do not take.
        let name = format!("{}__{tool}", plugin.as_str().replace(['.', ':'], "_"));
        if tool.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
            let name = name.chars().take(NAME_BYTES_MAX + 1).collect();
            return Err(CatalogError::Name { plugin, tool, name });
        }
        if let Some(holder) = self.tools.get(&name) {
            let holder = holder.plugin.clone();
            return Err(CatalogError::Taken {
                plugin,
                tool,
                name,
                holder,
            });
        }
        if self.tools.len() >= TOOLS_MAX {
            return Err(CatalogError::TooMany);
        }
        spec.name.clone_from(&name);
        self.tools.insert(name, Offered { plugin, tool, spec });
        Ok(())
    }

    /// The tool offered under `name`.
    pub fn get(&self, name: &str) -> Option<&Offered> {
        self.tools.get(name)
    }

    /// What the provider is told, in the order of names.
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools
            .values()
            .map(|offered| offered.spec.clone())
            .collect()
    }
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(tools: &[(&str, &str)]) -> Result<ToolCatalog, CatalogError> {
        ToolCatalog::new(tools.iter().map(|(plugin, tool)| {
            let spec = ToolSpec {
                name: (*tool).into(),
                title: None,
                description: String::new(),
                input_schema_json: "{}".into(),
                output_schema_json: None,
                hints: Default::default(),
            };
            (PluginName::new(*plugin).unwrap(), spec)
        }))
    }

    #[test]
    fn names_carry_their_plugin() {
        let catalog = offer(&[("files", "read"), ("my.notes", "read")]).unwrap();
        let names: Vec<_> = catalog.specs().into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["files__read", "my_notes__read"]);
        assert_eq!(
            catalog.get("my_notes__read").unwrap().plugin.as_str(),
            "my.notes"
        );
    }

    #[test]
    fn what_collides_or_does_not_fit_is_refused() {
        assert!(matches!(
            offer(&[("a", "b__c"), ("a__b", "c")]),
            Err(CatalogError::Taken { .. })
        ));
        assert!(matches!(
            offer(&[("a.b", "c"), ("a:b", "c")]),
            Err(CatalogError::Taken { .. })
        ));
        for tool in ["", "a b", "läs", &"x".repeat(64)] {
            assert!(
                matches!(offer(&[("a", tool)]), Err(CatalogError::Name { .. })),
                "{tool}"
            );
        }
    }
}
