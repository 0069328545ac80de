//! What stands between an adapter and an answer, as far as it can be known without asking the provider.

use crate::commands::{call, plugin};
use crate::errors::{Context, Done};
use crate::plugins::{Endpoint, Format, Located};
use crate::render::words::quoted;
use crate::time;
use crate::wiring::{House, secret_fault, secret_remedy};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tollgate_contract::{PluginCaller as _, ProviderInfo, SessionId};
use tollgate_grants::{
    Authority, AuthoritySource as _, Capability, Decision, Denial, Effect, Reason, RequestUrl,
};

/// The configuration key of the server's address.
const BASE_URL_KEY: &str = "base-url";

/// One adapter, as it stands.
pub(super) struct Facts {
    pub(super) located: Located,
    pub(super) info: ProviderInfo,
    /// Its format, if it is a known one.
    pub(super) format: Option<&'static Format>,
    pub(super) config: BTreeMap<String, String>,
    /// The model that is asked for.
    pub(super) model: Option<String>,
    /// Where it will ask; none if its format is not known.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) grant: Grant,
    pub(super) credential: Credential,
}

/// Whether the gate would let the request pass.
pub(super) enum Grant {
    /// By this grant.
    Stands(String),
    /// It would not.
    Missing(Box<Denial>),
    /// It would ask an operator, and nobody is there to answer.
    Asks(String),
    /// Nobody knows where the adapter will ask.
    Unknown,
}

/// The credential that the gate would add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// None.
    None,
    /// This one, which can be used.
    Usable(String),
    /// This one, which no policy defines.
    Undefined(String),
    /// This one, which cannot be used.
    Unusable {
        name: String,
        fault: String,
        remedy: String,
    },
}

impl Facts {
    /// Reads what is known of an adapter for calls of `session`; runs its `describe`.
    pub(super) async fn read(
        house: &House,
        located: Located,
        session: &SessionId,
        model: Option<&str>,
    ) -> Done<Self> {
        let name = located.name.clone();
        let context = call::context(&name)?;
        let described = house.sandbox.describe(context.clone()).await;
        let info = described
            .map_err(|fault| call::fault_failure(fault, context.session.as_str()))?
            .value;
        let authority = house
            .authorities
            .authority(name.as_str(), session.as_str())
            .doing(|| "the grants cannot be read".into())?;
        let config = authority.config().clone();
        let format = Format::of(&info.format);
        let model = model
            .or_else(|| format?.model_of(&config))
            .map(str::to_owned)
            .or_else(|| info.default_model.clone());
        let endpoint = format.map(|format| format.endpoint(&config, model.as_deref()));
        let (grant, credential) = decided(&authority, endpoint.as_ref());
        Ok(Self {
            located,
            info,
            format,
            config,
            model,
            endpoint,
            grant,
            credential,
        })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.located.name.as_str()
    }

    /// The name of the credential that its server is likely to want.
    fn wanted(&self) -> Option<&'static str> {
        let (format, endpoint) = (self.format?, self.endpoint.as_ref()?);
        format.key_for(endpoint).map(|key| key.name)
    }

    /// The smallest grant, with the credential that its server is likely to want.
    pub(super) fn smallest(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        let named = match &self.credential {
            Credential::None => self.wanted(),
            Credential::Usable(name)
            | Credential::Undefined(name)
            | Credential::Unusable { name, .. } => Some(name.as_str()),
        };
        Some(endpoint.capability(named))
    }

    /// The lines of a policy that hold the smallest grant and its credential.
    pub(super) fn policy(&self) -> Option<String> {
        let capability = self.smallest()?;
        let mut lines = format!("[plugins.{}]\n", self.name());
        lines.push_str(&format!("grants = [{capability:?}]\n"));
        let key = self.format.map(|format| &format.key);
        if let Some(key) = key.filter(|key| self.wanted() == Some(key.name)) {
            lines.push_str(&format!("\n{}", key.policy()));
        }
        Some(lines)
    }

    /// The command that grants its request.
    pub(super) fn grant_command(&self) -> Option<String> {
        Some(format!(
            "tollgate grant add {} {}",
            quoted(self.name()),
            quoted(&self.smallest()?)
        ))
    }

    /// The command that defines a credential.
    pub(super) fn define(&self, name: &str) -> String {
        match self.format.map(|format| &format.key) {
            Some(key) if key.name == name => key.command(),
            _ => format!("tollgate credential add {} --env VARIABLE", quoted(name)),
        }
    }

    /// The command or act that brings it one step nearer to an answer; none if nothing is known to be missing.
    pub(super) fn next(&self) -> Option<String> {
        match (&self.grant, &self.credential) {
            (_, Credential::Undefined(name)) => Some(self.define(name)),
            (_, Credential::Unusable { remedy, .. }) => Some(remedy.clone()),
            (Grant::Missing(denial), _) => self.lift(denial),
            (Grant::Stands(_), Credential::None) if self.wanted().is_some() => self.grant_command(),
            (Grant::Stands(_) | Grant::Asks(_) | Grant::Unknown, _) => None,
        }
    }

    /// The command that lifts a denial. What the gate itself suggests comes first where it knows a credential.
    pub(super) fn lift(&self, denial: &Denial) -> Option<String> {
        let own = denial.command.clone()?;
        if own.contains(" with ") || denial.reason != Reason::NoGrant {
            return Some(own);
        }
        self.grant_command().or(Some(own))
    }

    /// Where the server's address is configured, in words.
    pub(super) fn base_url_place(&self, house: &House, user: PathBuf) -> String {
        let layers = house.catalogue.layers();
        let configured = layers.files.iter().find(|file| {
            let policy = file.plugins.get(self.name());
            policy.is_some_and(|policy| policy.config.contains_key(BASE_URL_KEY))
        });
        let path = configured.map_or(user, |file| file.origin.path.clone());
        format!(
            "`{BASE_URL_KEY}` in the config of [plugins.{}] in {}",
            self.name(),
            path.display()
        )
    }
}

/// What the gate would say to the request.
fn decided(authority: &Authority, endpoint: Option<&Endpoint>) -> (Grant, Credential) {
    let url = endpoint.and_then(|endpoint| RequestUrl::parse_str(&endpoint.url).ok());
    let Some(url) = url else {
        return (Grant::Unknown, Credential::None);
    };
    let effect = Effect::Http {
        method: "POST",
        url: &url,
    };
    match authority.decide(&effect, time::now_us()) {
        Decision::Allowed(allowed) => {
            let credential = match allowed.credential {
                Some(name) => state(authority, name),
                None => Credential::None,
            };
            (Grant::Stands(allowed.grant.to_string()), credential)
        }
        Decision::Asked(asked) => (Grant::Asks(asked.grant.to_string()), Credential::None),
        Decision::Denied(denial) => {
            let named = (denial.reason == Reason::CredentialUnavailable)
                .then(|| named(&denial))
                .flatten();
            let credential = match named {
                Some(name) if authority.credential(&name).is_none() => Credential::Undefined(name),
                _ => Credential::None,
            };
            (Grant::Missing(Box::new(denial)), credential)
        }
    }
}

/// The credential of the grant that came nearest.
fn named(denial: &Denial) -> Option<String> {
    let nearest = denial.nearest.as_ref()?;
    match nearest.capability.parse() {
        Ok(Capability::Http(http)) => http.credential,
        _ => None,
    }
}

fn state(authority: &Authority, name: String) -> Credential {
    let Some(rule) = authority.credential(&name) else {
        return Credential::Undefined(name);
    };
    match secret_fault(&name, rule) {
        None => Credential::Usable(name),
        Some(fault) => Credential::Unusable {
            remedy: secret_remedy(&name, rule),
            fault,
            name,
        },
    }
}

/// The adapter of this name.
pub(super) fn find(house: &House, typed: &str) -> Done<Located> {
    let name = crate::commands::agent::provider(house, Some(typed))?;
    let found = house.catalogue.named(&name).map_err(plugin::failure)?;
    found.ok_or_else(|| crate::errors::Failure::NotFound {
        kind: "provider",
        name,
        remedy: "tollgate provider list".into(),
    })
}
