//! What the wire formats of the bundled adapters mean to an operator: where a request goes, and how the key
//! is added to it. What an adapter asks for is decided by the gate; this only says beforehand what that is.

use std::collections::BTreeMap;
use tollgate_grants::RequestUrl;

/// A wire format.
#[derive(Debug)]
pub(crate) struct Format {
    /// As the adapter's `describe` calls it.
    pub(crate) name: &'static str,
    /// The bundled adapter that speaks it.
    pub(crate) plugin: &'static str,
    /// The server where none is configured.
    pub(crate) base_url: &'static str,
    /// How the credential is added that the public server wants.
    pub(crate) key: Key,
    /// A model to begin with, for an adapter that has none by itself.
    pub(crate) model: Option<&'static str>,
    /// The adapter's configuration, each key with what holds where it is not set.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    path: fn(&Asked<'_>) -> Path,
}

/// A credential in the header that a server reads.
#[derive(Debug)]
pub(crate) struct Key {
    /// The credential's name.
    pub(crate) name: &'static str,
    /// The variable in which the provider's own programs look for it.
    pub(crate) variable: &'static str,
    /// The header.
    pub(crate) header: &'static str,
    /// Its value, with `{}` for the secret.
    pub(crate) value: &'static str,
}

/// What a path is made of.
struct Asked<'a> {
    config: &'a BTreeMap<String, String>,
    model: Option<&'a str>,
}

/// The path of a streamed request, and the pattern that grants it.
struct Path {
    streamed: String,
    granted: String,
}

/// Where an adapter's requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Of a streamed request.
    pub(crate) url: String,
    /// The narrowest pattern that grants it.
    pub(crate) pattern: String,
    /// Whether the server is on this machine.
    pub(crate) is_here: bool,
}

/// The configuration key of the model where a request names none.
const MODEL_KEY: &str = "model";

/// The header of a key that is a bearer token (RFC 6750).
const BEARER: (&str, &str) = ("authorization", "Bearer {}");

/// Every format, those of one adapter with the usual one first.
pub(crate) const FORMATS: [Format; 5] = [
    Format {
        name: "openai-chat-completions",
        plugin: "openai",
        base_url: "https://api.openai.com/v1",
        key: OPENAI_KEY,
        model: None,
        settings: OPENAI_SETTINGS,
        path: |_| Path::plain("/chat/completions"),
    },
    Format {
        name: "openai-responses",
        plugin: "openai",
        base_url: "https://api.openai.com/v1",
        key: OPENAI_KEY,
        model: None,
        settings: OPENAI_SETTINGS,
        path: |_| Path::plain("/responses"),
    },
    Format {
        name: "anthropic-messages",
        plugin: "anthropic",
        base_url: "https://api.anthropic.com",
        key: Key {
            name: "anthropic",
            variable: "ANTHROPIC_API_KEY",
            header: "x-api-key",
            value: "{}",
        },
        model: None,
        settings: &[
            ("base-url", "https://api.anthropic.com"),
            ("model", "the adapter's own"),
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "not sent"),
            ("max-tokens", "16384"),
            ("thinking", "by the model's name"),
            ("thinking-display", "the model's own"),
        ],
        path: |_| Path::plain("/v1/messages"),
    },
    Format {
        name: "gemini-generate-content",
        plugin: "gemini",
        base_url: "https://generativelanguage.googleapis.com",
        key: Key {
            name: "gemini",
            variable: "GEMINI_API_KEY",
            header: "x-goog-api-key",
            value: "{}",
        },
        model: None,
        settings: &[
            ("base-url", "https://generativelanguage.googleapis.com"),
            ("api-version", "v1beta"),
            ("model", "the adapter's own"),
        ],
        path: gemini,
    },
    Format {
        name: "ollama-chat",
        plugin: "ollama",
        base_url: "http://127.0.0.1:11434",
        key: Key {
            name: "ollama",
            variable: "OLLAMA_API_KEY",
            header: BEARER.0,
            value: BEARER.1,
        },
        model: Some("qwen3:8b"),
        settings: &[
            ("base-url", "http://127.0.0.1:11434"),
            ("model", "none: a session or a request names it"),
            ("num-ctx", "the server's choice"),
            ("keep-alive", "the server's choice"),
        ],
        path: |_| Path::plain("/api/chat"),
    },
];

const OPENAI_KEY: Key = Key {
    name: "openai",
    variable: "OPENAI_API_KEY",
    header: BEARER.0,
    value: BEARER.1,
};

const OPENAI_SETTINGS: &[(&str, &str)] = &[
    ("base-url", "https://api.openai.com/v1"),
    ("format", "chat"),
    ("model", "the adapter's own"),
    ("organization", "not sent"),
    ("project", "not sent"),
    ("reasoning-summary", "not asked for"),
];

impl Path {
    fn plain(path: &str) -> Self {
        Self {
            streamed: path.to_owned(),
            granted: path.to_owned(),
        }
    }
}

/// The model stands in the path, and the method after it.
fn gemini(asked: &Asked<'_>) -> Path {
    let version = setting(asked.config, "api-version").unwrap_or("v1beta");
    let version = version.trim_matches('/');
    let model = match asked.model {
        Some(model) if model.contains('/') => model.to_owned(),
        Some(model) => format!("models/{model}"),
        None => "models/*".to_owned(),
    };
    Path {
        streamed: format!("/{version}/{model}:streamGenerateContent?alt=sse"),
        granted: format!("/{version}/{model}:*"),
    }
}

/// A value that is set; an empty one counts as none, as it does for the adapters.
fn setting<'a>(config: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    let value = config.get(key).map(|value| value.trim());
    value.filter(|value| !value.is_empty())
}

impl Format {
    /// The format that an adapter speaks.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The usual format of a bundled adapter.
    pub(crate) fn of_plugin(plugin: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.plugin == plugin)
    }

    /// The model that is configured. An adapter's `describe` may tell its own default all the same.
    pub(crate) fn model_of<'a>(&self, config: &'a BTreeMap<String, String>) -> Option<&'a str> {
        let known = self.settings.iter().any(|(key, _)| *key == MODEL_KEY);
        setting(config, MODEL_KEY).filter(|_| known)
    }

    /// Where requests go with this configuration.
    pub(crate) fn endpoint(
        &self,
        config: &BTreeMap<String, String>,
        model: Option<&str>,
    ) -> Endpoint {
        let base = setting(config, "base-url").unwrap_or(self.base_url);
        let base = base.trim_end_matches('/');
        let Path { streamed, granted } = (self.path)(&Asked { config, model });
        let url = format!("{base}{streamed}");
        let is_here = RequestUrl::parse_str(&url).is_ok_and(|url| url.host().is_loopback());
        Endpoint {
            pattern: format!("{base}{granted}"),
            url,
            is_here,
        }
    }

    /// The credential that this endpoint is likely to want: a server on this machine mostly wants none.
    pub(crate) fn key_for(&self, endpoint: &Endpoint) -> Option<&Key> {
        (!endpoint.is_here).then_some(&self.key)
    }
}

impl Endpoint {
    /// The smallest grant, as it is written in a policy and on the command line.
    pub(crate) fn capability(&self, credential: Option<&str>) -> String {
        let with = credential.map_or_else(String::new, |name| format!(" with {name}"));
        format!("http POST {}{with}", self.pattern)
    }
}

impl Key {
    /// The command that says where the key is.
    pub(crate) fn command(&self) -> String {
        let place = match (self.header, self.value) {
            BEARER => String::new(),
            (header, value) => format!(" --header {header} --value '{value}'"),
        };
        format!(
            "tollgate credential add {} --env {}{place}",
            self.name, self.variable
        )
    }

    /// The lines of a policy that say the same.
    pub(crate) fn policy(&self) -> String {
        format!(
            "[credentials.{}]\nsource = \"env:{}\"\ninject = {{ header = \"{}\", value = \"{}\" }}\n",
            self.name, self.variable, self.header, self.value
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use tollgate_grants::Capability;

    #[test]
    fn every_smallest_grant_is_one_and_every_key_has_a_command() {
        for format in &FORMATS {
            let endpoint = format.endpoint(&BTreeMap::new(), Some("m"));
            let capability = endpoint.capability(Some(format.key.name));
            let parsed: Capability = capability.parse().unwrap();
            let Capability::Http(http) = parsed else {
                panic!("{capability}");
            };
            let url = RequestUrl::parse_str(&endpoint.url).unwrap();
            assert!(http.url.matches(&url), "{capability} {}", endpoint.url);
            let typed = shlex::split(&format.key.command()).unwrap();
            crate::args::Cli::try_parse_from(&typed).unwrap();
        }
    }

    #[test]
    fn the_configuration_moves_the_endpoint() {
        let gemini = Format::of_plugin("gemini").unwrap();
        let config = |pairs: &[(&str, &str)]| {
            let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            pairs.iter().map(pair).collect()
        };
        let here = config(&[("base-url", "http://127.0.0.1:9/"), ("api-version", "v1")]);
        let endpoint = gemini.endpoint(&here, Some("tunedModels/mine"));
        assert_eq!(
            endpoint.url,
            "http://127.0.0.1:9/v1/tunedModels/mine:streamGenerateContent?alt=sse"
        );
        assert_eq!(endpoint.pattern, "http://127.0.0.1:9/v1/tunedModels/mine:*");
        assert!(endpoint.is_here && gemini.key_for(&endpoint).is_none());
        let empty = gemini.endpoint(&config(&[("base-url", " ")]), Some("a"));
        assert!(empty.url.starts_with(gemini.base_url), "{}", empty.url);
        assert_eq!(gemini.key_for(&empty).unwrap().name, "gemini");
    }
}
