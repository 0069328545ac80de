//! Tree heads: a statement of size and root (C2SP tlog-checkpoint), signed with Ed25519 (C2SP signed-note).

use super::tree::Hash;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList, key_id};
use tlog_tiles::{Checkpoint, tlog};
use zeroize::{Zeroize, Zeroizing};

/// What marks an Ed25519 key (C2SP signed-note, "Signatures").
const ALGORITHM_ED25519: u8 = 1;
/// The most bytes of a signed tree head that are read.
const NOTE_BYTES_MAX: usize = 64 * 1024;

/// Why a key or a signed tree head is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The key is no signing key.
    #[error("the signing key cannot be read")]
    SigningKey,
    /// The key is no verifier key.
    #[error(
        "{0:?} is no verifier key: one looks like NAME+8-HEX-DIGITS+BASE64 (C2SP signed-note); \
         `tollgate ledger key` prints that of this machine"
    )]
    VerifierKey(String),
    /// The text is no signed tree head.
    #[error("the tree head cannot be read: {0}")]
    Malformed(&'static str),
    /// No signature is by the key.
    #[error("the tree head is signed by {found}, not by the key {wanted}")]
    OtherKey {
        /// By whom it is signed.
        found: String,
        /// Name and id of the key.
        wanted: String,
    },
    /// The signature is not of this text.
    #[error("the signature of the tree head is not valid: the head was changed")]
    Signature,
    /// The head is of another log.
    #[error("the tree head is of the log {found:?}, the key of {wanted:?}")]
    OtherLog {
        /// The log of the head.
        found: String,
        /// The log of the key.
        wanted: String,
    },
}

/// A statement of a log's size and root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// The name of the log.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
    /// Further lines of the statement, each with its newline.
    pub extension: String,
}

/// The key that signs a ledger's tree heads.
pub struct SigningKey {
    text: Zeroizing<String>,
    verifier: VerifierKey,
}

/// The public part of a key, in the form of C2SP signed-note: `NAME+ID+KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey(String);

impl SigningKey {
    /// The key of 32 random bytes for the log `origin`.
    ///
    /// # Errors
    ///
    /// [`HeadError::SigningKey`] if the name cannot be one.
    pub fn from_seed(origin: &str, mut seed: [u8; 32]) -> Result<Self, HeadError> {
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let mut tagged = vec![ALGORITHM_ED25519];
        tagged.extend(public.as_bytes());
        let id = key_id(origin, &tagged);
        tagged.truncate(1);
        tagged.extend(seed);
        let key = Zeroizing::new(base64(&tagged));
        let text = Zeroizing::new(format!("PRIVATE+KEY+{origin}+{id:08x}+{}", *key));
        tagged.zeroize();
        seed.zeroize();
        Self::parse(&text)
    }

    /// Reads a key as [`SigningKey::text`] gives it.
    ///
    /// # Errors
    ///
    /// [`HeadError::SigningKey`].
    pub fn parse(text: &str) -> Result<Self, HeadError> {
        let text = text.trim_end();
        StandardSigner::new(text).map_err(|_| HeadError::SigningKey)?;
        let mut parts = text.split('+').skip(2);
        let (Some(name), Some(_id), rest) = (parts.next(), parts.next(), parts) else {
            return Err(HeadError::SigningKey);
        };
        let seed = Zeroizing::new(rest.collect::<Vec<_>>().join("+"));
        let seed = Zeroizing::new(unbase64(&seed).ok_or(HeadError::SigningKey)?);
        let seed: Option<&[u8; 32]> = seed.get(1..).and_then(|seed| seed.try_into().ok());
        let seed = seed.ok_or(HeadError::SigningKey)?;
        let public = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key();
        let verifier = VerifierKey(signed_note::new_ed25519_verifier_key(name, &public));
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            verifier,
        })
    }

    /// The key as it is kept. A secret.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its public part.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A signed statement; `beside` is who signs it too.
    ///
    /// # Errors
    ///
    /// [`HeadError::Malformed`] if the statement cannot be one, [`HeadError::SigningKey`].
    pub fn sign(&self, head: &TreeHead, beside: Option<&Self>) -> Result<String, HeadError> {
        let TreeHead {
            origin,
            size,
            root,
            extension,
        } = head;
        let statement = Checkpoint::new(origin, *size, tlog::Hash(*root), extension)
            .map_err(|_| HeadError::Malformed("it has no origin, or an empty line"))?;
        let mut note = Note::new(&statement.to_bytes(), &[])
            .map_err(|_| HeadError::Malformed("it is no note"))?;
        for key in std::iter::once(self).chain(beside) {
            let signer = StandardSigner::new(&key.text).map_err(|_| HeadError::SigningKey)?;
            note.add_sigs(&[&signer])
                .map_err(|_| HeadError::SigningKey)?;
        }
        String::from_utf8(note.to_bytes()).map_err(|_| HeadError::Malformed("it is no text"))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.verifier).finish()
    }
}

impl VerifierKey {
    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`HeadError::VerifierKey`].
    pub fn parse(text: &str) -> Result<Self, HeadError> {
        let text = text.trim();
        match StandardVerifier::new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(HeadError::VerifierKey(crate::clip(text, 200))),
        }
    }

    /// `NAME+ID+KEY`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the log whose heads it verifies.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.0.split('+').next().unwrap_or_default()
    }

    /// Name and id, as a signature names its key.
    #[must_use]
    pub fn id(&self) -> String {
        let parts: Vec<&str> = self.0.split('+').take(2).collect();
        parts.join("+")
    }

    /// Reads a signed tree head and checks that this key signed it.
    ///
    /// # Errors
    ///
    /// [`HeadError`] but for those of keys.
    pub fn verify(&self, signed: &str) -> Result<TreeHead, HeadError> {
        if signed.len() > NOTE_BYTES_MAX {
            return Err(HeadError::Malformed("it is too long"));
        }
        let note = Note::from_bytes(signed.as_bytes())
            .map_err(|_| HeadError::Malformed("it is no signed note"))?;
        let key =
            StandardVerifier::new(&self.0).map_err(|_| HeadError::VerifierKey(self.0.clone()))?;
        let known = VerifierList::new(vec![Box::new(key)]);
        note.verify(&known).map_err(|error| match error {
            signed_note::NoteError::UnverifiedNote => HeadError::OtherKey {
                found: signers(signed),
                wanted: self.id(),
            },
            _ => HeadError::Signature,
        })?;
        let head = TreeHead::read(note.text())?;
        if head.origin != self.origin() {
            return Err(HeadError::OtherLog {
                found: crate::clip(&head.origin, 200),
                wanted: self.origin().to_owned(),
            });
        }
        Ok(head)
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TreeHead {
    /// Reads the statement of a signed tree head and checks no signature.
    ///
    /// # Errors
    ///
    /// [`HeadError::Malformed`].
    pub fn unverified(signed: &str) -> Result<Self, HeadError> {
        let note = Note::from_bytes(signed.as_bytes())
            .map_err(|_| HeadError::Malformed("it is no signed note"))?;
        Self::read(note.text())
    }

    fn read(text: &[u8]) -> Result<Self, HeadError> {
        let read = Checkpoint::from_bytes(text)
            .map_err(|_| HeadError::Malformed("it is no statement of a tree"))?;
        Ok(Self {
            origin: read.origin().to_owned(),
            size: read.size(),
            root: read.hash().0,
            extension: read.extension().to_owned(),
        })
    }
}

/// The names of the keys that signed a note, as far as they can be read.
fn signers(signed: &str) -> String {
    let lines = signed
        .lines()
        .filter_map(|line| line.strip_prefix("\u{2014} "));
    let names: Vec<String> = lines
        .filter_map(|line| line.split(' ').next())
        .take(4)
        .map(|name| crate::clip(name, 128))
        .collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        names => names.join(", "),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> TreeHead {
        TreeHead {
            origin: "tollgate-ledger/0011".into(),
            size: 7,
            root: [9; 32],
            extension: "more of it\n".into(),
        }
    }

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_seed("tollgate-ledger/0011", [byte; 32]).unwrap()
    }

    #[test]
    fn what_one_key_signed_another_does_not_verify() {
        let signed = key(1).sign(&head(), None).unwrap();
        assert_eq!(key(1).verifier().verify(&signed), Ok(head()));
        let other = key(2).verifier().verify(&signed);
        assert!(
            matches!(other, Err(HeadError::OtherKey { .. })),
            "{other:?}"
        );
        let both = key(1).sign(&head(), Some(&key(2))).unwrap();
        assert_eq!(key(1).verifier().verify(&both), Ok(head()));
        assert_eq!(key(2).verifier().verify(&both), Ok(head()));
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let text = key(3).text().to_owned();
        let again = SigningKey::parse(&format!("{text}\n")).unwrap();
        assert_eq!(again.verifier(), key(3).verifier());
        let public = VerifierKey::parse(again.verifier().as_str()).unwrap();
        assert_eq!(public.origin(), "tollgate-ledger/0011");
        assert!(!format!("{again:?}").contains(&text[40..]));
        assert!(VerifierKey::parse("tollgate+00000000+AAAA").is_err());
    }

    #[test]
    fn no_byte_of_a_signed_head_can_be_changed() {
        let signed = key(1).sign(&head(), None).unwrap();
        for at in 0..signed.len() {
            for bit in 0..8 {
                let mut changed = signed.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(changed) else {
                    continue;
                };
                let found = key(1).verifier().verify(&changed);
                assert!(found.is_err(), "byte {at} bit {bit}: {changed:?}");
            }
        }
    }
}
