//! Small words: ids made short, byte counts, plurals.

/// Characters of an id in a table: its end, which is what differs between ids made at one time.
const SHORT_ID_CHARS: usize = 8;

/// The end of an id.
pub(crate) fn short_id(id: &str) -> String {
    let skip = id.chars().count().saturating_sub(SHORT_ID_CHARS);
    id.chars().skip(skip).collect()
}

/// Whether `typed` names `id`: whole, or its beginning, or its end.
pub(crate) fn names(id: &str, typed: &str) -> bool {
    !typed.is_empty() && (id.starts_with(typed) || id.ends_with(typed))
}

/// `1 receipt`, `2 receipts`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// Bytes for people: binary units, one digit.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut tenths = number.saturating_mul(10) / 1024;
    let mut unit = UNITS.iter();
    let mut name = unit.next();
    while tenths >= 10 * 1024
        && let Some(next) = unit.next()
    {
        tenths /= 1024;
        name = Some(next);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, name.unwrap_or(&"?"))
}

/// The command that lets a session with an indeterminate effect go on, as it can be typed.
pub(crate) fn resolve_command(receipt: &str) -> String {
    format!("tollgate receipt resolve {receipt}")
}

/// A word for a shell: quoted only where it must be.
pub(crate) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| format!("{word:?}"), |quoted| quoted.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_named_by_either_end() {
        let id = "0198c5de-7a3e-7b1c-9f1c-0d7a3d1e2f30";
        assert_eq!(short_id(id), "3d1e2f30");
        assert!(names(id, "3d1e2f30") && names(id, "0198") && names(id, id));
        assert!(!names(id, "") && !names(id, "7a3e"));
    }

    #[test]
    fn bytes_read_well() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(64 * 1024 * 1024), "64.0 MiB");
    }
}
