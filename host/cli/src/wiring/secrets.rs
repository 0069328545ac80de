//! Reading a secret where its credential says it is.
//!
//! Invariant: a secret is only ever in a type that cannot be printed, and no message quotes one.

use crate::render::words::quoted;
use secrecy::{ExposeSecret as _, SecretString};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tollgate_grants::{CredentialRule, CredentialSource};
use tollgate_sandbox::Credentials;
use tollgate_sandbox::net::{Injection, Redactor};
use zeroize::Zeroizing;

/// The most bytes of a secret.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// Permission bits of others than the owner.
const OTHERS: u32 = 0o077;

/// Secrets of the environment, of files and of the keyring.
pub(super) struct Secrets;

impl Credentials for Secrets {
    fn secret(&self, name: &str, rule: &CredentialRule) -> Result<SecretString, String> {
        let secret = match &rule.source {
            CredentialSource::Env(variable) => match std::env::var(variable) {
                Ok(value) => Zeroizing::new(value),
                Err(_) => {
                    return Err(format!(
                        "credential {name}: {variable} is not set, or is not UTF-8"
                    ));
                }
            },
            CredentialSource::File(path) => {
                read(path).map_err(|why| format!("credential {name}: {}: {why}", path.display()))?
            }
            CredentialSource::Keyring(entry) => keyring(entry)
                .map_err(|why| format!("credential {name}: keyring:{entry}: {why}"))?,
        };
        // A file ends with a line end, a header must not.
        let trimmed = secret.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(format!("credential {name} is empty"));
        }
        Ok(SecretString::from(trimmed.to_owned()))
    }
}

/// Why the secret of a credential cannot be used; none if it can.
pub(crate) fn secret_fault(name: &str, rule: &CredentialRule) -> Option<String> {
    let secret = match Secrets.secret(name, rule) {
        Ok(secret) => secret,
        Err(why) => return Some(why),
    };
    Injection::of(&rule.inject, secret)
        .err()
        .map(|why| format!("credential {name}: {why}"))
}

/// Whether the secret of a credential is in these bytes, as it is or encoded. One that cannot be read now was
/// not sent now either.
pub(crate) fn within(name: &str, rule: &CredentialRule, bytes: &[u8]) -> bool {
    Secrets.secret(name, rule).is_ok_and(|secret| {
        Redactor::new(secret.expose_secret().as_bytes())
            .whole(bytes)
            .is_some()
    })
}

/// What makes the secret of a credential usable.
pub(crate) fn remedy(name: &str, rule: &CredentialRule) -> String {
    match &rule.source {
        CredentialSource::Env(variable) => format!("export {variable}=…"),
        CredentialSource::File(path) => {
            let path = quoted(&path.to_string_lossy());
            format!("put the secret into {path}, then run `chmod 600 {path}`")
        }
        CredentialSource::Keyring(_) => format!(
            "tollgate credential add {} --keyring --replace",
            quoted(name)
        ),
    }
}

/// Under which Tollgate keeps its entries in a keyring.
const KEYRING_SERVICE: &str = "tollgate";

fn entry(name: &str) -> Result<keyring::Entry, String> {
    keyring::Entry::new(KEYRING_SERVICE, name).map_err(|error| error.to_string())
}

fn keyring(name: &str) -> Result<Zeroizing<String>, String> {
    let password = entry(name)?.get_password();
    password.map(Zeroizing::new).map_err(|error| match error {
        keyring::Error::NoEntry => {
            "there is no such entry; `tollgate credential add` makes it, and \
            the kernel forgets it when the machine restarts"
                .to_owned()
        }
        other => other.to_string(),
    })
}

/// Keeps a secret in the keyring, in place of one that may be there.
pub(crate) fn keep(name: &str, secret: &str) -> Result<(), String> {
    let kept = entry(name)?.set_password(secret);
    kept.map_err(|error| error.to_string())
}

/// Takes a secret out of the keyring; no error if there is none.
pub(crate) fn forget(name: &str) -> Result<(), String> {
    match entry(name)?.delete_credential() {
        Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let seen = file.metadata().map_err(|error| error.to_string())?;
    if seen.mode() & OTHERS != 0 {
        return Err("others may read it; run `chmod 600` on it".into());
    }
    let mut text = Zeroizing::new(String::new());
    file.take(SECRET_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!("it has more than {SECRET_BYTES_MAX} bytes"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tollgate_grants::Inject;

    #[test]
    fn a_secret_of_a_file_is_its_owners() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("key");
        std::fs::write(&path, "s3cret\n").unwrap();
        let rule = CredentialRule {
            source: CredentialSource::File(path.clone()),
            inject: Inject::Header {
                name: "authorization".into(),
                value: "Bearer {}".into(),
            },
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Secrets.secret("openai", &rule).unwrap_err();
        assert!(
            refused.contains("chmod 600") && !refused.contains("s3cret"),
            "{refused}"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            Secrets.secret("openai", &rule).unwrap().expose_secret(),
            "s3cret"
        );
    }
}
