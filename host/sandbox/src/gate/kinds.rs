//! Every kind of effect: how a receipt of it is classed, and what its target names.
//!
//! Invariant: a kind is made here and nowhere else, so an attempt cannot be of a kind, or be classed in a
//! way, that the classification table does not know.

use tollgate_receipts::Class;

/// A kind of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectKind {
    /// Its name in a receipt.
    pub name: &'static str,
    /// Whether its intent is durable before it is performed.
    pub class: Class,
    /// What the target of its receipts names.
    pub target: TargetForm,
}

/// What the target of a receipt names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetForm {
    /// The name of a variable of the environment; `*` where none at all may be read.
    Variable,
    /// A path as the guest has it.
    Path,
    /// Two paths, `from -> to`, or the one of them that was refused.
    Paths,
    /// A method and a URL without credentials.
    Url,
    /// A host name and a port, and the address that they led to.
    Endpoint,
    /// A namespace of keys.
    Namespace,
    /// A namespace and a key.
    Key,
    /// A host name.
    HostName,
    /// An IP address and a port.
    Address,
}

impl TargetForm {
    /// Its name in the printed table.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Variable => "variable",
            Self::Path => "path",
            Self::Paths => "two paths",
            Self::Url => "method and URL",
            Self::Endpoint => "host, port and address",
            Self::Namespace => "namespace",
            Self::Key => "namespace and key",
            Self::HostName => "host name",
            Self::Address => "address and port",
        }
    }
}

macro_rules! kinds {
    ($($constant:ident $name:literal $class:ident $target:ident;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub(crate) const $constant: EffectKind = EffectKind {
                name: $name,
                class: Class::$class,
                target: TargetForm::$target,
            };
        )*

        /// All of them.
        #[cfg(test)]
        pub(crate) const ALL: &[EffectKind] = &[$($constant),*];
    };
}

kinds! {
    ENV_READ "env.read" Buffered Variable;
    FS_LIST "fs.list" Buffered Path;
    FS_STAT "fs.stat" Buffered Path;
    FS_READLINK "fs.readlink" Buffered Path;
    FS_OPEN_READ "fs.open.read" Buffered Path;
    FS_OPEN_DIR "fs.open.dir" Buffered Path;
    FS_OPEN_WRITE "fs.open.write" Strict Path;
    FS_CREATE "fs.create" Strict Path;
    FS_MKDIR "fs.mkdir" Strict Path;
    FS_SET_TIMES "fs.set-times" Strict Path;
    FS_DELETE "fs.delete" Strict Path;
    FS_LINK "fs.link" Strict Paths;
    FS_SYMLINK "fs.symlink" Strict Path;
    FS_RENAME "fs.rename" Strict Paths;
    FS_USE "fs.use" Buffered Path;
    HTTP_REQUEST "http.request" Strict Url;
    HTTP_CONNECT "http.connect" Strict Endpoint;
    HTTP_USE "http.use" Buffered Url;
    KV_OPEN "kv.open" Buffered Namespace;
    KV_GET "kv.get" Buffered Key;
    KV_SET "kv.set" Strict Key;
    KV_DELETE "kv.delete" Strict Key;
    KV_LIST "kv.list" Buffered Namespace;
    DNS_RESOLVE "dns.resolve" Buffered HostName;
    TCP_BIND "tcp.bind" Strict Address;
    TCP_CONNECT "tcp.connect" Strict Address;
    TCP_LISTEN "tcp.listen" Strict Address;
    TCP_ACCEPT "tcp.accept" Buffered Address;
    TCP_USE "tcp.use" Buffered Address;
    UDP_BIND "udp.bind" Strict Address;
    UDP_CONNECT "udp.connect" Strict Address;
    UDP_SEND "udp.send" Strict Address;
    UDP_USE "udp.use" Buffered Address;
}
