//! What a session needs before it is idle: a provider plugin, the credential that its auth profile
//! names, and a `describe` that answers.
//!
//! Grants are not asked for here: a provider without one is bound, and its request is refused by the
//! gate, with a receipt.

use crate::plugins::{Catalogue, World};
use crate::policy::Authorities;
use async_trait::async_trait;
use std::sync::Arc;
use tollgate_contract::PluginCaller;
use tollgate_grants::{AuthoritySource, CredentialSource};
use tollgate_sessions::driver::{BindChecks, BindContext, Binding, Unmet, describe_provider};
use tollgate_sessions::status::FaultReason;

/// The checks of this host.
pub(crate) struct Checks {
    pub(crate) caller: Arc<dyn PluginCaller>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) authorities: Arc<Authorities>,
}

#[async_trait]
impl BindChecks for Checks {
    async fn check(&self, context: BindContext<'_>) -> Binding {
        self.authorities
            .set_project(context.session.as_str(), &context.identity.project);
        let missing: Vec<Unmet> = [self.provider(&context), self.credential(&context)]
            .into_iter()
            .flatten()
            .collect();
        if !missing.is_empty() {
            return Binding::Missing(missing);
        }
        match describe_provider(self.caller.as_ref(), context).await {
            Ok(binding) => binding,
            Err(error) => Binding::Fault {
                reason: FaultReason::SandboxFailed,
                detail: error.to_string(),
            },
        }
    }
}

impl Checks {
    fn provider(&self, context: &BindContext<'_>) -> Option<Unmet> {
        let name = &context.identity.provider;
        let help = match self.catalogue.named(name) {
            Ok(Some(located)) if located.component.world == World::Provider => return None,
            Ok(Some(_)) => format!("plugin {name} is no provider; see `tollgate plugin list`"),
            Ok(None) => {
                format!("no plugin is named {name}; add it with `tollgate plugin add FILE`")
            }
            Err(error) => error.to_string(),
        };
        Some(Unmet {
            label: "provider".into(),
            help,
        })
    }

    fn credential(&self, context: &BindContext<'_>) -> Option<Unmet> {
        let profile = context.identity.auth_profile.as_ref()?;
        let unmet = |help: String| {
            Some(Unmet {
                label: "credential".into(),
                help,
            })
        };
        let authority = self
            .authorities
            .authority(&context.identity.provider, context.session.as_str());
        let rule = match &authority {
            Ok(authority) => authority.credential(profile),
            Err(error) => return unmet(error.to_string()),
        };
        match rule.map(|rule| &rule.source) {
            None => unmet(format!(
                "no credential is named {profile:?}; define [credentials.{profile:?}] in your tollgate.toml"
            )),
            Some(CredentialSource::Env(name)) if std::env::var_os(name).is_none() => unmet(
                format!("credential {profile:?} is read from {name}, which is not set"),
            ),
            Some(CredentialSource::File(path)) if !path.is_file() => unmet(format!(
                "credential {profile:?} is read from {}, which is no file",
                path.display()
            )),
            Some(_) => None,
        }
    }
}
