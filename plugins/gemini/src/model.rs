//! A model's name: its path at the server, and how its generation is told to reason.

use serde_json::{Value, json};
use tollgate_sdk::ProviderError;
use tollgate_sdk::options::Effort;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A model's name with its collection, as it stands in the path: `models/gemini-flash-latest`.
#[derive(Debug)]
pub(crate) struct Model(String);

/// What a model can be told about reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thinking {
    /// It does not reason.
    None,
    /// A number of tokens: generation 2.5. The least that it takes.
    Budget(u32),
    /// A level: generation 3 and all that come after it. The lowest that it takes.
    Level(&'static str),
}

impl Model {
    /// # Errors
    /// The name could be read as something else in a path.
    pub(crate) fn new(name: &str) -> Result<Self, ProviderError> {
        let path = match name.split_once('/') {
            None => format!("models/{name}"),
            Some(_) => name.to_owned(),
        };
        let is_segment = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c))
        };
        if name.len() > NAME_BYTES_MAX || !path.split('/').all(is_segment) {
            return Err(ProviderError::invalid(format!(
                "{name:?} cannot be the name of a model: letters, digits, `-`, `_`, `.`, `@`, and `/` before the last part"
            )));
        }
        Ok(Self(path))
    }

    /// As it stands in the path.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    /// Whether it refuses a call without a signature.
    pub(crate) fn must_sign(&self) -> bool {
        matches!(self.thinking(), Thinking::Level(_))
    }

    /// `thinkingConfig` for `effort`; none where there is nothing to say.
    pub(crate) fn thinking_config(&self, effort: Effort) -> Result<Option<Value>, ProviderError> {
        let mut config = match (self.thinking(), effort) {
            (Thinking::None, Effort::Off) => return Ok(None),
            (Thinking::None, _) => {
                return Err(ProviderError::invalid(format!(
                    "{} does not reason: no effort can be asked of it",
                    self.0
                )));
            }
            (Thinking::Budget(least), Effort::Off) => json!({"thinkingBudget": least}),
            (Thinking::Budget(_), Effort::Low) => json!({"thinkingBudget": 1024}),
            (Thinking::Budget(_), Effort::Medium) => json!({"thinkingBudget": 8192}),
            (Thinking::Budget(_), Effort::High) => json!({"thinkingBudget": 24576}),
            (Thinking::Level(lowest), Effort::Off) => json!({"thinkingLevel": lowest}),
            (Thinking::Level(_), Effort::Low) => json!({"thinkingLevel": "LOW"}),
            (Thinking::Level(_), Effort::Medium) => json!({"thinkingLevel": "MEDIUM"}),
            (Thinking::Level(_), Effort::High) => json!({"thinkingLevel": "HIGH"}),
        };
        if let (false, Some(config)) = (effort == Effort::Off, config.as_object_mut()) {
            config.insert("includeThoughts".into(), true.into());
        }
        Ok(Some(config))
    }

    fn thinking(&self) -> Thinking {
        let name = self.0.rsplit('/').next().unwrap_or_default();
        let pro = name.contains("-pro");
        match () {
            () if ["gemini-1", "gemini-2.0", "gemma"]
                .iter()
                .any(|old| name.starts_with(old)) =>
            {
                Thinking::None
            }
            () if name.starts_with("gemini-2.5") => Thinking::Budget(if pro { 128 } else { 0 }),
            () => Thinking::Level(if pro { "LOW" } else { "MINIMAL" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_path_and_nothing_else() {
        for (name, path) in [
            ("gemini-2.5-flash", "models/gemini-2.5-flash"),
            ("models/gemini-2.5-flash", "models/gemini-2.5-flash"),
            ("tunedModels/mine_1", "tunedModels/mine_1"),
        ] {
            assert_eq!(Model::new(name).unwrap().path(), path);
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for name in [
            "",
            "/",
            "a/",
            "/a",
            "..",
            "models/../x",
            "a:countTokens",
            "a?x",
            "a#",
            "a b",
            "a%2f",
            "ä",
            &long,
        ] {
            assert!(
                matches!(Model::new(name), Err(ProviderError::InvalidRequest(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn each_generation_is_told_in_its_own_way() {
        use Effort::{High, Low, Medium, Off};
        let shown = |mut value: Value| {
            value["includeThoughts"] = true.into();
            value
        };
        for (name, effort, wanted) in [
            ("gemini-2.5-flash", Off, json!({"thinkingBudget": 0})),
            ("gemini-2.5-pro", Off, json!({"thinkingBudget": 128})),
            (
                "gemini-2.5-flash",
                Low,
                shown(json!({"thinkingBudget": 1024})),
            ),
            (
                "gemini-2.5-pro",
                Medium,
                shown(json!({"thinkingBudget": 8192})),
            ),
            (
                "gemini-2.5-flash-lite",
                High,
                shown(json!({"thinkingBudget": 24576})),
            ),
            (
                "gemini-3-flash-preview",
                Off,
                json!({"thinkingLevel": "MINIMAL"}),
            ),
            (
                "gemini-3.1-pro-preview",
                Off,
                json!({"thinkingLevel": "LOW"}),
            ),
            (
                "gemini-flash-latest",
                Low,
                shown(json!({"thinkingLevel": "LOW"})),
            ),
            (
                "gemini-flash-latest",
                Medium,
                shown(json!({"thinkingLevel": "MEDIUM"})),
            ),
            (
                "models/gemini-9",
                High,
                shown(json!({"thinkingLevel": "HIGH"})),
            ),
        ] {
            let got = Model::new(name).unwrap().thinking_config(effort).unwrap();
            assert_eq!(got, Some(wanted), "{name} {effort:?}");
        }
    }

    #[test]
    fn a_model_that_cannot_reason_is_not_asked_to() {
        for name in ["gemini-2.0-flash", "gemini-1.5-pro", "gemma-3-27b-it"] {
            let model = Model::new(name).unwrap();
            assert_eq!(model.thinking_config(Effort::Off).unwrap(), None);
            assert!(matches!(
                model.thinking_config(Effort::Low),
                Err(ProviderError::InvalidRequest(m)) if m.contains(name)
            ));
            assert!(!model.must_sign());
        }
        assert!(!Model::new("gemini-2.5-pro").unwrap().must_sign());
        assert!(Model::new("gemini-3.8-flash").unwrap().must_sign());
    }
}
