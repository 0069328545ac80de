//! What builds plugins: nobody needs it who only runs them.

use super::Check;
use crate::commands::plugin::author_tools;

/// The checks of this file.
pub(super) fn checks() -> Vec<Check> {
    author_tools()
        .into_iter()
        .map(|tool| match tool.found {
            Some(found) => Check::ok(tool.language, found),
            None => Check::absent(
                tool.language,
                format!("no {}; only who builds such plugins needs it", tool.name),
                tool.install,
            ),
        })
        .collect()
}
