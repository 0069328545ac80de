//! Names of tools that are exported functions.
//!
//! | exported as | its tool |
//! |---|---|
//! | function `add` of the component | `add` |
//! | function `add` of the interface `acme:calc/ops@1.0.0` | `ops_add` |
//! | method `get` of the resource `counter` of that interface | `ops_counter_get` |
//! | a static function `zero` of that resource | `ops_counter_zero` |
//! | the constructor of that resource | `ops_counter` |
//! | `wasi:cli/run` | `run` |
//!
//! Names of WIT have no `_`, so the parts can be told apart. Packages and versions are left out, because
//! a name must fit 64 characters together with its plugin's; where two functions would get one name, the
//! component is refused.

/// The most characters of a tool's name.
pub(crate) const TOOL_NAME_CHARS_MAX: usize = 64;

/// The name of a tool.
pub(crate) fn tool(interface: Option<&str>, function: &str) -> String {
    let function = match function
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((_kind, name)) => name.replace('.', "_"),
        None => function.to_owned(),
    };
    match interface {
        Some(interface) => format!("{}_{function}", short(interface)),
        None => function,
    }
}

/// `ops` of `acme:calc/ops@1.0.0`.
pub(crate) fn short(interface: &str) -> &str {
    let name = interface
        .rsplit_once('/')
        .map_or(interface, |(_, name)| name);
    name.split_once('@').map_or(name, |(name, _)| name)
}

/// How a function is called where people read it: `acme:calc/ops@1.0.0#add`.
pub(crate) fn full(interface: Option<&str>, function: &str) -> String {
    match interface {
        Some(interface) => format!("{interface}#{function}"),
        None => function.to_owned(),
    }
}

/// Whether it is 1 to 64 of `a-z A-Z 0-9 _ -`.
pub(crate) fn is_plain(name: &str) -> bool {
    (1..=TOOL_NAME_CHARS_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_name_can_be_told_apart() {
        let ops = Some("acme:calc/ops@1.0.0");
        assert_eq!(tool(None, "add-all"), "add-all");
        assert_eq!(tool(ops, "add"), "ops_add");
        assert_eq!(tool(ops, "[method]counter.get"), "ops_counter_get");
        assert_eq!(tool(ops, "[static]counter.zero"), "ops_counter_zero");
        assert_eq!(tool(ops, "[constructor]counter"), "ops_counter");
        assert_eq!(tool(Some("plain"), "f"), "plain_f");
        assert!(is_plain("ops_add-all"));
        for bad in ["", "a.b", "ä", &"x".repeat(65)] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
