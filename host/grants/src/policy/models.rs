//! `[models]`: which model is used for which purpose.
//!
//! A project's choice goes before the user's, and the user's before the managed one: a choice is a wish and
//! lets nothing happen, what its provider may do is a matter of grants. Whether a provider has the model is
//! not checked here: it says so itself.

use super::reader::{Reader, Value};
use super::{Layer, MODEL_BYTES_MAX, PolicyError, PolicyFile, check_name};
use crate::fault::excerpt;
use std::collections::BTreeMap;

/// The purpose that is meant where none is named or the named one has no model.
pub const PURPOSE_DEFAULT: &str = "default";
/// The most bytes of a purpose.
const PURPOSE_BYTES_MAX: usize = 64;

/// A model, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoice {
    /// The provider plugin; none where only the model is named.
    pub provider: Option<String>,
    /// The model, as its provider names it.
    pub model: String,
}

/// The model for a purpose, from layers in any order: what any layer says of the purpose, else what any says
/// of [`PURPOSE_DEFAULT`].
pub fn model_for<'l>(layers: &'l [PolicyFile], purpose: Option<&str>) -> Option<&'l ModelChoice> {
    let said = |purpose: &str| {
        [Layer::Project, Layer::User, Layer::Managed]
            .into_iter()
            .flat_map(|layer| layers.iter().filter(move |file| file.origin.layer == layer))
            .find_map(|file| file.models.get(purpose))
    };
    purpose.and_then(said).or_else(|| said(PURPOSE_DEFAULT))
}

pub(super) fn read(
    reader: &Reader<'_>,
    value: &Value<'_>,
) -> Result<BTreeMap<String, ModelChoice>, PolicyError> {
    let mut models = BTreeMap::new();
    for (key, value) in reader.table(value, "[models]")? {
        let purpose = key.get_ref();
        let plain = purpose
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if purpose.is_empty() || purpose.len() > PURPOSE_BYTES_MAX || !plain {
            return Err(reader.error(
                key.span(),
                format!("`{}` cannot name a purpose", excerpt(purpose)),
                format!("use 1 to {PURPOSE_BYTES_MAX} of a-z 0-9 -, such as `coding`"),
            ));
        }
        models.insert(purpose.to_string(), choice(reader, value)?);
    }
    Ok(models)
}

/// `MODEL` or `PROVIDER/MODEL`; the first slash ends the provider's name.
fn choice(reader: &Reader<'_>, value: &Value<'_>) -> Result<ModelChoice, PolicyError> {
    let text = reader.string(value, "\"openai/gpt-5\"")?;
    let (provider, model) = match text.split_once('/') {
        Some((provider, model)) => (Some(provider), model),
        None => (None, text),
    };
    if model.is_empty() || text.len() > MODEL_BYTES_MAX || text.chars().any(crate::fault::disturbs)
    {
        return Err(reader.error(
            value.span(),
            format!("`{}` names no model", excerpt(text)),
            "write \"PROVIDER/MODEL\", or \"MODEL\" for whichever provider is used",
        ));
    }
    if let Some(provider) = provider {
        check_name(reader, provider, value.span(), "plugin")?;
    }
    Ok(ModelChoice {
        provider: provider.map(str::to_owned),
        model: model.to_owned(),
    })
}
