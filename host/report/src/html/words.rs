//! Small words: moments, durations, byte counts, numbers, commands.

use super::STORE;
use jiff::Timestamp;

/// A moment in UTC to the millisecond.
pub(super) fn moment(us: i64) -> String {
    match Timestamp::from_microsecond(us) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => format!("{us} µs"),
    }
}

/// A duration.
pub(super) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{} s", number(us / 1_000_000), us % 1_000_000 / 100_000),
    }
}

/// Bytes in binary units, one digit.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = u128::from(count) * 10;
    let mut units = UNITS.iter();
    let mut name = units.next();
    while tenths >= 10 * 1024
        && let Some(next) = units.next()
    {
        tenths /= 1024;
        name = Some(next);
    }
    let name = name.unwrap_or(&"B");
    match count {
        0..1024 => format!("{count} {name}"),
        _ => format!("{}.{} {name}", tenths / 10, tenths % 10),
    }
}

/// A number, its thousands apart: `1,234,567`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 receipt`, `1,200 receipts`.
pub(super) fn count(many: u64, noun: &str) -> String {
    match many {
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", number(many)),
    }
}

/// `was` of one, `were` of others.
pub(super) fn were(many: u64) -> &'static str {
    if many == 1 { "was" } else { "were" }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The command that lists the receipts of `source`, `filter` being further words of it.
pub(super) fn list_command(source: &str, filter: &str) -> String {
    if source == STORE {
        return format!("tollgate receipt list{filter}");
    }
    format!("tollgate receipt list --from {}{filter}", quoted(source))
}

/// A file name as a shell takes it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+=:,@".contains(c);
    let name = match name.strip_prefix('-') {
        Some(rest) => format!("./-{rest}"),
        None => name.to_owned(),
    };
    if !name.is_empty() && name.chars().all(plain) {
        return name;
    }
    format!("'{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(count(1, "effect"), "1 effect");
        assert_eq!(count(1_200, "effect"), "1,200 effects");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16383.9 PiB");
        assert_eq!(duration(999), "999 µs");
        assert_eq!(duration(12_345), "12.3 ms");
        assert_eq!(duration(2_500_000), "2.5 s");
    }

    #[test]
    fn moments_are_of_milliseconds_and_never_fail() {
        assert_eq!(moment(1_767_225_600_123_456), "2026-01-01 00:00:00.123");
        assert_eq!(moment(i64::MAX), "9223372036854775807 µs");
    }

    #[test]
    fn a_command_can_be_typed() {
        assert_eq!(list_command(STORE, ""), "tollgate receipt list");
        assert_eq!(
            list_command("a b's.json", " --kind fs"),
            r"tollgate receipt list --from 'a b'\''s.json' --kind fs"
        );
        assert_eq!(list_command("-x", ""), "tollgate receipt list --from ./-x");
    }
}
