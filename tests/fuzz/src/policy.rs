use crate::text;
use tollgate_grants::policy::parse;
use tollgate_grants::{Layer, Origin};

/// A policy file parses or is refused with a line of its own; what parsed has one digest.
pub fn policy(bytes: &[u8]) {
    let text = text(bytes);
    for layer in [Layer::User, Layer::Project] {
        let origin = Origin {
            path: "/p/tollgate.toml".into(),
            layer,
            base_dir: "/p".into(),
        };
        match parse(text, &origin) {
            Ok(file) => assert_eq!(Ok(file), parse(text, &origin)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
