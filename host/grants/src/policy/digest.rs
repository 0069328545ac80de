//! The policy digest: what was in force when an effect was decided.
//!
//! Over effective plugins, grants, credentials and limits only; comments, order of tables and spelling
//! of paths do not change it. Run-time grants are not in it; they have the generation. Models and prices are
//! not in it either: they decide nothing about an effect.

use super::{CredentialRule, Inject, Limits, PluginPolicy, PolicyFile};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Tag of the hashed form; changes when the form does.
const FORM: &str = "tollgate.policy/1";

#[derive(Serialize)]
struct Form<'p> {
    form: &'static str,
    layers: Vec<LayerForm<'p>>,
}

#[derive(Serialize)]
struct LayerForm<'p> {
    layer: &'static str,
    plugins: BTreeMap<&'p str, PluginForm<'p>>,
    credentials: BTreeMap<&'p str, [String; 3]>,
    limits: LimitsForm,
}

#[derive(Serialize)]
struct PluginForm<'p> {
    component: Option<&'p str>,
    digest: Option<&'p str>,
    grants: Vec<String>,
    limits: LimitsForm,
    config: &'p BTreeMap<String, String>,
}

type LimitsForm = [Option<u64>; 8];

/// `sha256:` and the digest of the policy in force, in hexadecimal. Layers in any order.
pub fn digest(layers: &[PolicyFile]) -> String {
    let mut sorted: Vec<&PolicyFile> = layers.iter().collect();
    sorted.sort_by_key(|file| file.origin.layer);
    let form = Form {
        form: FORM,
        layers: sorted.into_iter().map(layer).collect(),
    };
    // Serialising maps with text keys into memory cannot fail; an empty form would be seen as a change.
    let bytes = serde_json::to_vec(&form).unwrap_or_default();
    sha256(&bytes)
}

/// `sha256:` and the digest of `bytes`, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn layer(file: &PolicyFile) -> LayerForm<'_> {
    LayerForm {
        layer: file.origin.layer.as_str(),
        plugins: file
            .plugins
            .iter()
            .map(|(name, p)| (name.as_str(), plugin(p)))
            .collect(),
        credentials: file
            .credentials
            .iter()
            .map(|(name, c)| (name.as_str(), credential(c)))
            .collect(),
        limits: limits(&file.default_limits),
    }
}

fn plugin(policy: &PluginPolicy) -> PluginForm<'_> {
    let mut grants: Vec<String> = policy
        .grants
        .iter()
        .map(|rule| {
            let again = if rule.retryable { " retryable" } else { "" };
            format!("{} {}{again}", rule.effect.as_str(), rule.capability)
        })
        .collect();
    grants.sort();
    PluginForm {
        component: policy.component.as_deref(),
        digest: policy.digest.as_deref(),
        grants,
        limits: limits(&policy.limits),
        config: &policy.config,
    }
}

fn credential(rule: &CredentialRule) -> [String; 3] {
    // No header's name has a colon.
    let (place, value) = match &rule.inject {
        Inject::Header { name, value } => (name.clone(), value.clone()),
        Inject::Query { name } => (format!("query:{name}"), String::new()),
        Inject::Basic { user } => (format!("basic:{user}"), String::new()),
    };
    [rule.source.to_string(), place, value]
}

fn limits(l: &Limits) -> LimitsForm {
    [
        l.memory_bytes,
        l.wall_us,
        l.cpu_us,
        l.effects,
        l.output_bytes,
        l.http_body_bytes,
        l.disk_bytes,
        l.disk_files,
    ]
}
