//! Needs of a component that declares none: whatever its imports can ask for.
//!
//! Needs only bound what grants can give, so that a component without the section may be granted what it
//! could use at all, and nothing is allowed by this. One that declares needs is bound by its own words.

use crate::inspect::{Form, Inspection};

/// What an import, without its version, can ask for.
const BY_IMPORT: &[(&str, &[&str])] = &[
    ("wasi:filesystem/types", &[FILES]),
    ("wasi:filesystem/preopens", &[FILES]),
    // A request may go to an address of a private range where a grant of the socket says so.
    (
        "wasi:http/outgoing-handler",
        &["http * *", "tcp connect *:*"],
    ),
    ("wasi:cli/environment", &[ENVIRONMENT]),
    ("wasi:keyvalue/store", &["kv *"]),
    ("wasi:sockets/ip-name-lookup", &["dns *"]),
    ("wasi:sockets/tcp", &["tcp connect *:*", "tcp bind *:*"]),
    ("wasi:sockets/udp", &["udp connect *:*", "udp bind *:*"]),
];
/// What a function of WASI 0.1 can ask for, by the beginning of its name.
const BY_FUNCTION: &[(&str, &[&str])] = &[
    ("path_", &[FILES]),
    ("fd_prestat_", &[FILES]),
    ("fd_readdir", &[FILES]),
    ("environ_", &[ENVIRONMENT]),
];
const FILES: &str = "fs.full * at *";
const ENVIRONMENT: &str = "env *";

/// The needs, in the grammar of capabilities, each once.
pub(crate) fn derived(inspection: &Inspection) -> Vec<String> {
    let table = match inspection.form {
        Form::Component => BY_IMPORT,
        Form::Module => BY_FUNCTION,
    };
    let mut needs: Vec<String> = Vec::new();
    for (name, can) in table {
        let asks = |import: &String| match inspection.form {
            Form::Component => import.split('@').next() == Some(name),
            Form::Module => import
                .rsplit('.')
                .next()
                .is_some_and(|f| f.starts_with(name)),
        };
        if inspection.imports.iter().any(asks) {
            for need in *can {
                if !needs.iter().any(|known| known == need) {
                    needs.push((*need).to_owned());
                }
            }
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_grants::Need;

    fn inspection(form: Form, imports: &[&str]) -> Inspection {
        Inspection {
            form,
            imports: imports.iter().map(|&name| name.to_owned()).collect(),
            ..Inspection::default()
        }
    }

    #[test]
    fn imports_say_what_can_be_asked_for() {
        let derived_of = |form, imports: &[&str]| derived(&inspection(form, imports));
        assert!(
            derived_of(
                Form::Component,
                &["wasi:io/streams@0.2.3", "wasi:random/random@0.2.3"]
            )
            .is_empty()
        );
        assert_eq!(
            derived_of(
                Form::Component,
                &[
                    "wasi:filesystem/preopens@0.2.3",
                    "wasi:filesystem/types@0.2.3",
                    "wasi:cli/environment@0.2.0"
                ]
            ),
            [FILES, ENVIRONMENT]
        );
        assert_eq!(
            derived_of(Form::Component, &["wasi:http/outgoing-handler@0.2.0"]),
            ["http * *", "tcp connect *:*"]
        );
        assert_eq!(
            derived_of(
                Form::Module,
                &[
                    "wasi_snapshot_preview1.path_open",
                    "wasi_snapshot_preview1.fd_write"
                ]
            ),
            [FILES]
        );
    }

    #[test]
    fn every_derived_need_is_in_the_grammar() {
        for (_, can) in BY_IMPORT.iter().chain(BY_FUNCTION) {
            for need in *can {
                assert!(need.parse::<Need>().is_ok(), "{need}");
            }
        }
    }
}
