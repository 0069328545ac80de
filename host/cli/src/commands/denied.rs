//! A refusal of the gate as an error: what, by which rule, and the command that changes it.

use crate::errors::{Failure, Refused};
use crate::render::words::quoted;
use crate::wiring::House;
use tollgate_contract::Denial;
use tollgate_grants::Reason;

/// The error of a refusal; its receipt knows more than the component was told.
pub(crate) fn failure(house: &House, denial: &Denial) -> Failure {
    let receipt = house.store.log().receipt(&denial.receipt).ok().flatten();
    let plugin = receipt
        .as_ref()
        .map(|receipt| receipt.plugin.name.clone())
        .unwrap_or_default();
    let decision = receipt.map(|receipt| receipt.decision);
    let nearest = decision
        .as_ref()
        .and_then(|decision| decision.nearest.clone());
    Failure::Denied(Box::new(Refused {
        kind: denial.kind.clone(),
        target: denial.target.clone(),
        reason: match nearest {
            Some(nearest) => format!("{}; nearest: {nearest}", denial.reason),
            None => denial.reason.clone(),
        },
        receipt: Some(denial.receipt.clone()),
        remedy: decision
            .and_then(|decision| decision.command)
            .or_else(|| mount(&plugin, denial)),
        plugin,
    }))
}

/// For a path outside every mount no command is exact: nobody but the operator knows which directory
/// was meant. This one mounts the working directory where the plugin looked.
fn mount(plugin: &str, denial: &Denial) -> Option<String> {
    if denial.reason != Reason::OutsideMounts.label() {
        return None;
    }
    let top = denial
        .target
        .split('/')
        .find(|segment| !segment.is_empty())?;
    let capability = format!("fs.read . at {}", quoted(&format!("/{top}")));
    Some(format!(
        "tollgate grant add {} {}",
        quoted(plugin),
        quoted(&capability)
    ))
}
