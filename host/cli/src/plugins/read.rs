//! What a component's file says before anything of it runs, read once per version of the file.

use crate::policy::layers;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_grants::Need;
use tollgate_sandbox::{ComponentSource, InspectError, Inspection, Offers, SourceStamp, inspect};

/// What a component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum World {
    /// Tools.
    Tools,
    /// A provider adapter.
    Provider,
    /// Neither world of the contract: its functions are tools, or it is a command.
    Functions,
}

impl World {
    /// What its exports make of a component.
    pub(crate) fn of(inspection: &Inspection) -> Self {
        match inspection.offers() {
            Offers::Tools => Self::Tools,
            Offers::Provider => Self::Provider,
            Offers::Functions => Self::Functions,
        }
    }

    /// Its word in the contract.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Provider => "provider",
            Self::Functions => "functions",
        }
    }
}

/// A component that was read.
#[derive(Debug)]
pub(crate) struct Component {
    /// `sha256:` and the digest of its bytes.
    pub(crate) digest: String,
    /// How many bytes it has.
    pub(crate) bytes: usize,
    /// What it says of itself.
    pub(crate) inspection: Inspection,
    /// Its needs: as declared, else whatever its imports can ask for.
    pub(crate) needs: Vec<Need>,
    /// What it exports.
    pub(crate) world: World,
}

impl Component {
    /// Whether its needs are its own words; otherwise they are derived from its imports.
    pub(crate) fn declares_needs(&self) -> bool {
        self.inspection.needs.is_some()
    }

    /// Its needs in the grammar of capabilities.
    pub(crate) fn needs_text(&self) -> Vec<String> {
        self.needs.iter().map(ToString::to_string).collect()
    }

    /// Its version, in its own words.
    pub(crate) fn version(&self) -> &str {
        self.inspection
            .meta
            .as_ref()
            .map_or("", |meta| meta.version.as_str())
    }
}

/// A component that cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ReadError {
    /// The file.
    #[error("cannot read {place}: {why}")]
    File {
        /// Where.
        place: ComponentSource,
        /// Why.
        why: String,
    },
    /// What is in it.
    #[error("{place}: {why}")]
    Inspect {
        /// Where.
        place: ComponentSource,
        /// The rule, on one line.
        why: String,
    },
    /// A need is not in the grammar.
    #[error("{place} declares the need {need:?}: {why}")]
    Need {
        /// Where.
        place: ComponentSource,
        /// The need.
        need: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads components and remembers them while their files stay as they are.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    known: Mutex<HashMap<SourceStamp, Arc<Component>>>,
}

/// Characters of a parser's reason.
const REASON_CHARS_MAX: usize = 240;
/// Components that are remembered.
const KNOWN_MAX: usize = 256;

impl Reader {
    /// The component at `place`.
    pub(crate) fn read(&self, place: &ComponentSource) -> Result<Arc<Component>, ReadError> {
        // What is read is remembered under what was there before: a change meanwhile is read again.
        let stamp = place.stamp().map_err(|error| ReadError::File {
            place: place.clone(),
            why: error.to_string(),
        })?;
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(component) = known.get(&stamp) {
                return Ok(Arc::clone(component));
            }
        }
        let component = Arc::new(read(place)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(stamp, Arc::clone(&component));
        Ok(component)
    }
}

fn read(place: &ComponentSource) -> Result<Component, ReadError> {
    let bytes = place.read().map_err(|error| ReadError::File {
        place: place.clone(),
        why: error.to_string(),
    })?;
    let inspection = inspect(&bytes).map_err(|error| ReadError::Inspect {
        place: place.clone(),
        why: one_line(&error),
    })?;
    let parse = |need: &String| {
        need.parse::<Need>().map_err(|error| ReadError::Need {
            place: place.clone(),
            need: need.clone(),
            why: error.to_string(),
        })
    };
    let needs = inspection.effective_needs();
    let needs = needs.iter().map(parse).collect::<Result<_, _>>()?;
    let world = World::of(&inspection);
    Ok(Component {
        digest: layers::digest(&bytes),
        bytes: bytes.len(),
        inspection,
        needs,
        world,
    })
}

/// Parsers quote bytes over many lines.
fn one_line(error: &InspectError) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    crate::printer::escape::cut(&words.join(" "), REASON_CHARS_MAX)
}
