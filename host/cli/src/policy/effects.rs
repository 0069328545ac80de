//! An effect as an operator types it: `fs.write /project/NOTES.md`, `http GET https://example.org/`.
//!
//! The same words as a capability's, but a target instead of a pattern.

use tollgate_grants::{Authority, Direction, Effect, FsOp, Protocol, RequestUrl};

/// An effect with its targets owned.
#[derive(Debug, Clone)]
pub(crate) enum Typed {
    /// A path of the guest.
    Fs(FsOp, String),
    /// A request.
    Http(String, Box<RequestUrl>),
    /// A socket.
    Socket(Protocol, Direction, String),
    /// A variable.
    Env(String),
    /// A namespace.
    Kv(String),
    /// A name.
    Dns(String),
}

/// The words of file operations.
const FS_WORDS: [(&str, FsOp); 14] = [
    ("read", FsOp::Read),
    ("list", FsOp::List),
    ("stat", FsOp::Stat),
    ("create", FsOp::Create),
    ("mkdir", FsOp::CreateDir),
    ("write", FsOp::Write),
    ("touch", FsOp::SetTimes),
    ("delete", FsOp::Delete),
    ("rename", FsOp::RenameFrom),
    ("rename-to", FsOp::RenameTo { replaces: false }),
    ("replace", FsOp::RenameTo { replaces: true }),
    ("link", FsOp::LinkFrom),
    ("symlink", FsOp::Symlink),
    ("readlink", FsOp::ReadLink),
];

/// Reads an effect.
pub(crate) fn parse(text: &str) -> Result<Typed, String> {
    let words = shlex::split(text).ok_or_else(|| format!("{text:?} has an open quote"))?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (kind, rest) = words.split_first().ok_or("the effect is empty")?;
    match (*kind, rest) {
        ("http", [method, url]) => {
            let url = RequestUrl::parse_str(url).map_err(|error| error.to_string())?;
            Ok(Typed::Http((*method).to_owned(), Box::new(url)))
        }
        ("http", _) => {
            Err("write `http METHOD URL`, such as `http GET https://example.org/`".into())
        }
        ("tcp" | "udp", [direction, target]) => {
            let protocol = if *kind == "tcp" {
                Protocol::Tcp
            } else {
                Protocol::Udp
            };
            let direction = match *direction {
                "connect" => Direction::Connect,
                "bind" => Direction::Bind,
                other => return Err(format!("{other:?} is no direction; write connect or bind")),
            };
            Ok(Typed::Socket(protocol, direction, (*target).to_owned()))
        }
        ("env", [name]) => Ok(Typed::Env((*name).to_owned())),
        ("kv", [namespace]) => Ok(Typed::Kv((*namespace).to_owned())),
        ("dns", [name]) => Ok(Typed::Dns((*name).to_owned())),
        (kind, [path]) => {
            let word = kind.strip_prefix("fs.").ok_or_else(|| unknown(kind))?;
            let (_, op) = FS_WORDS
                .iter()
                .find(|(name, _)| *name == word)
                .ok_or_else(|| unknown(kind))?;
            if !path.starts_with('/') {
                return Err(format!(
                    "{path:?} is no path of the guest; write it such as /project/NOTES.md"
                ));
            }
            Ok(Typed::Fs(*op, (*path).to_owned()))
        }
        (kind, _) => Err(unknown(kind)),
    }
}

fn unknown(kind: &str) -> String {
    let words: Vec<&str> = FS_WORDS.iter().map(|(name, _)| *name).collect();
    format!(
        "{kind:?} with these words is no effect; write fs.{{{}}} PATH, http METHOD URL, tcp|udp connect|bind HOST:PORT, env NAME, kv NAMESPACE or dns NAME",
        words.join("|")
    )
}

impl Typed {
    /// Hands the effect to `use_it` as the gate would present it under `authority`: a path belongs to
    /// the innermost mount that holds it.
    pub(crate) fn present<T>(
        &self,
        authority: &Authority,
        use_it: impl FnOnce(&Effect<'_>) -> T,
    ) -> T {
        match self {
            Self::Fs(op, path) => {
                let mount = authority
                    .mounts()
                    .iter()
                    .filter_map(|mount| Some((mount.guest.as_str(), below(&mount.guest, path)?)))
                    .max_by_key(|(guest, _)| guest.len());
                match mount {
                    Some((guest_mount, path)) => use_it(&Effect::Fs {
                        op: *op,
                        guest_mount,
                        path,
                    }),
                    None => use_it(&Effect::FsOutside { op: *op, path }),
                }
            }
            Self::Http(method, url) => use_it(&Effect::Http { method, url }),
            Self::Socket(protocol, direction, target) => use_it(&Effect::Socket {
                proto: *protocol,
                direction: *direction,
                target,
            }),
            Self::Env(name) => use_it(&Effect::Env { name }),
            Self::Kv(namespace) => use_it(&Effect::Kv {
                namespace,
                write: true,
            }),
            Self::Dns(name) => use_it(&Effect::Dns { name }),
        }
    }
}

/// The rest of `path` below the directory `mount`.
fn below<'p>(mount: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(mount.trim_end_matches('/'))?;
    if rest.is_empty() {
        return Some("");
    }
    rest.strip_prefix('/')
        .map(|rest| rest.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_read_as_they_are_typed() {
        assert!(parse("fs.write /project/a b").is_err());
        assert!(
            matches!(parse("fs.write '/project/a b'"), Ok(Typed::Fs(FsOp::Write, path)) if path == "/project/a b")
        );
        assert!(matches!(
            parse("http GET https://a.example/x"),
            Ok(Typed::Http(..))
        ));
        assert!(matches!(
            parse("tcp connect 1.2.3.4:80"),
            Ok(Typed::Socket(..))
        ));
        for bad in [
            "",
            "fs.fly /x",
            "fs.read x",
            "http https://a.example",
            "tcp listen 1.2.3.4:80",
            "'",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_is_below_whole_segments_only() {
        assert_eq!(below("/project", "/project/a"), Some("a"));
        assert_eq!(below("/project", "/project"), Some(""));
        assert_eq!(below("/project", "/projects/a"), None);
        assert_eq!(below("/", "/a"), Some("a"));
    }
}
