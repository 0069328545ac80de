//! What an operator would type to give a component what it needs.

use serde::Serialize;
use tollgate_grants::{Capability, Need};

/// One need, and a command that would meet it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Ask {
    /// The need.
    pub(super) need: String,
    /// The command.
    pub(super) command: String,
    /// Whether the command holds stand-ins for what the need leaves open.
    pub(super) example: bool,
}

/// For each need its command.
pub(super) fn of(plugin: &str, needs: &[Need]) -> Vec<Ask> {
    needs
        .iter()
        .map(|need| {
            let capability = need.capability();
            let whole = capability.grantable().is_ok();
            let words = if whole {
                capability.to_string()
            } else {
                narrowed(capability)
            };
            Ask {
                need: need.to_string(),
                command: format!(
                    "tollgate grant add {plugin} {}",
                    crate::render::words::quoted(&words)
                ),
                example: !whole,
            }
        })
        .collect()
}

/// A capability with a stand-in where the need says `*`: something small that can be granted.
fn narrowed(capability: &Capability) -> String {
    let text = capability.to_string();
    let mut words = shlex::split(&text).unwrap_or_default();
    let stand_ins: &[(usize, &str)] = match capability.kind() {
        "fs" => &[(1, "."), (3, "/project")],
        "http" => &[(1, "GET"), (2, "https://example.com/**")],
        "tcp" | "udp" => &[(2, "127.0.0.1:8080")],
        _ => &[(1, "NAME")],
    };
    for (at, stand_in) in stand_ins {
        if let Some(word) = words.get_mut(*at)
            && word.contains('*')
            && (*word == "*" || capability.kind() != "http")
        {
            *word = (*stand_in).to_owned();
        }
    }
    words
        .iter()
        .map(|word| {
            if word.contains('*') {
                word.clone()
            } else {
                crate::render::words::quoted(word)
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_need_leaves_open_gets_a_stand_in_that_can_be_granted() {
        let needs = [
            "fs.read * at *",
            "fs.create * at /out",
            "http POST https://api.example.org/v1/**",
            "http GET *",
            "env HOME",
            "kv *",
        ];
        let needs: Vec<Need> = needs.iter().map(|need| need.parse().unwrap()).collect();
        let asks = of("a", &needs);
        let shown: Vec<(&str, bool)> = asks
            .iter()
            .map(|ask| (ask.command.as_str(), ask.example))
            .collect();
        assert_eq!(
            shown,
            [
                ("tollgate grant add a 'fs.read . at /project'", true),
                ("tollgate grant add a 'fs.create . at /out'", true),
                (
                    "tollgate grant add a 'http POST https://api.example.org/v1/**'",
                    false
                ),
                (
                    "tollgate grant add a 'http GET https://example.com/**'",
                    true
                ),
                ("tollgate grant add a 'env HOME'", false),
                ("tollgate grant add a 'kv NAME'", true),
            ]
        );
        for ask in asks {
            let typed = shlex::split(&ask.command).unwrap().pop().unwrap();
            typed.parse::<Capability>().unwrap().grantable().unwrap();
        }
    }
}
