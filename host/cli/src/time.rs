//! Times as people write and read them. Inside, time is microseconds since the Unix epoch, UTC.

use jiff::{Span, SpanRelativeTo, Timestamp, Unit};

/// Microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

/// A moment for people, in UTC to the second.
pub(crate) fn moment(us: i64) -> String {
    match Timestamp::from_microsecond(us) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => us.to_string(),
    }
}

/// The time of day for people, in UTC to the millisecond.
pub(crate) fn clock(us: i64) -> String {
    match Timestamp::from_microsecond(us) {
        Ok(time) => time.strftime("%H:%M:%S%.3f").to_string(),
        Err(_) => us.to_string(),
    }
}

/// A duration for people.
pub(crate) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// How long ago a moment was, in one unit.
pub(crate) fn ago(us: i64, now_us: i64) -> String {
    let seconds = now_us.saturating_sub(us).max(0) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// A time in the future: a duration from `now_us`, or a moment (RFC 3339).
pub(crate) fn after(text: &str, now_us: i64) -> Result<i64, String> {
    let then = parse(text, now_us, 1)?;
    if then <= now_us {
        return Err(format!("{text:?} is in the past"));
    }
    Ok(then)
}

/// A time in the past: a duration before `now_us`, or a moment (RFC 3339).
pub(crate) fn before(text: &str, now_us: i64) -> Result<i64, String> {
    parse(text, now_us, -1)
}

fn parse(text: &str, now_us: i64, sign: i64) -> Result<i64, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_microsecond());
    }
    let wrong = || {
        format!(
            "{text:?} is no time; write a duration such as 90s, 2h or 7d, or 2026-12-24T18:00:00Z"
        )
    };
    let span: Span = text.parse().map_err(|_| wrong())?;
    let us = span
        .total((Unit::Microsecond, SpanRelativeTo::days_are_24_hours()))
        .map_err(|_| wrong())?;
    if us < 0.0 {
        return Err(wrong());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a span has at most 20,000 years"
    )]
    let us = us as i64;
    now_us
        .checked_add(sign.saturating_mul(us))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_durations_or_moments() {
        let now = 1_000_000_000_000_000;
        assert_eq!(after("2h", now), Ok(now + 7_200_000_000));
        assert_eq!(after("7d", now), Ok(now + 7 * 86_400_000_000));
        assert_eq!(before("90s", now), Ok(now - 90_000_000));
        assert_eq!(before("1970-01-01T00:00:01Z", now), Ok(1_000_000));
        for bad in ["", "soon", "-2h", "2"] {
            assert!(after(bad, now).is_err(), "{bad}");
        }
        assert!(after("1970-01-01T00:00:01Z", now).is_err());
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(950), "950 µs");
        assert_eq!(duration(12_345), "12.3 ms");
        assert_eq!(duration(2_500_000), "2.5 s");
        assert_eq!(ago(0, 59_000_000), "59 s ago");
        assert_eq!(ago(0, 7_300_000_000), "2 h ago");
        assert_eq!(ago(5, 0), "0 s ago");
    }
}
