//! Who the operator is: the operating system's user, not a choice.

use rustix::process::{Uid, getuid};
use std::path::Path;

/// Where names of users are (passwd(5)).
const PASSWD: &str = "/etc/passwd";
/// The most bytes of it that are read.
const PASSWD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The operator's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// `os:` and the user's name.
    pub(crate) subject: String,
    /// `local:` and the host's name.
    pub(crate) issuer: String,
}

impl Identity {
    /// The identity of this process.
    pub(crate) fn of_this_process() -> Self {
        let uid = getuid();
        let name = user_name(Path::new(PASSWD), uid).unwrap_or_else(|| uid.as_raw().to_string());
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        Self {
            subject: format!("os:{name}"),
            issuer: format!("local:{host}"),
        }
    }
}

/// The name of `uid`; none for users of a directory service, who go by their number.
fn user_name(passwd: &Path, uid: Uid) -> Option<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(passwd)
        .ok()?
        .take(PASSWD_BYTES_MAX)
        .read_to_string(&mut text)
        .ok()?;
    let wanted = uid.as_raw().to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == wanted && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_of_the_number() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("passwd");
        std::fs::write(
            &file,
            "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n",
        )
        .unwrap();
        assert_eq!(
            user_name(&file, Uid::from_raw(1000)).as_deref(),
            Some("ada")
        );
        assert_eq!(user_name(&file, Uid::from_raw(7)), None);
    }
}
