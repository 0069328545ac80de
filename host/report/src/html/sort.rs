//! What a target is: a host, a file that was read or changed, or something else.

use std::borrow::Cow;

/// What sort of thing a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// A host or the address of one.
    Host,
    /// A file or directory that was read.
    Read,
    /// A file or directory that was changed.
    Changed,
    /// Anything else.
    Other,
}

impl Sort {
    /// The sort of target that a kind of effect has. A kind of file effect that is not known counts as a change.
    pub(super) fn of(kind: &str) -> Self {
        match kind {
            "fs.list" | "fs.stat" | "fs.readlink" | "fs.open.read" | "fs.open.dir" | "fs.use" => {
                Self::Read
            }
            "tcp.connect" | "tcp.accept" | "udp.connect" | "udp.send" => Self::Host,
            _ if kind.starts_with("fs.") => Self::Changed,
            _ if kind.starts_with("http.") => Self::Host,
            _ => Self::Other,
        }
    }
}

/// The host, and the port if one is named, of `GET https://host/path`, `host:443 at address` or an address.
pub(super) fn host(target: &str) -> Cow<'_, str> {
    let Some((_, rest)) = target.split_once("://") else {
        return target.split(" at ").next().unwrap_or(target).into();
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_out_of_targets() {
        assert_eq!(host("GET https://api.example.com/a?b"), "api.example.com");
        assert_eq!(host("POST http://u@[::1]:8080?x=y"), "[::1]:8080");
        assert_eq!(host("example.com:443 at 10.0.0.1"), "example.com:443");
        assert_eq!(host("10.0.0.1:53"), "10.0.0.1:53");
        assert_eq!(host(""), "");
    }

    #[test]
    fn an_unknown_file_effect_counts_as_a_change() {
        assert_eq!(Sort::of("fs.open.read"), Sort::Read);
        assert_eq!(Sort::of("fs.rename"), Sort::Changed);
        assert_eq!(Sort::of("fs.brand-new"), Sort::Changed);
        assert_eq!(Sort::of("tcp.listen"), Sort::Other);
        assert_eq!(Sort::of("env.read"), Sort::Other);
    }
}
