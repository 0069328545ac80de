//! What a server says about trying again.

use super::Headers;
use std::time::{Duration, SystemTime};

/// The longest wait that is believed: one day. A longer one is given as this.
const RETRY_AFTER_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// How long to wait before trying again, in milliseconds, if the server said so.
///
/// Reads `retry-after-ms` (a number of milliseconds), then `retry-after` (RFC 9110, section 10.2.3: a
/// number of seconds, here also a fraction, or an HTTP date). A date in the past is no wait.
pub fn retry_after_ms(headers: &Headers, now: SystemTime) -> Option<u64> {
    let number = |name: &str, scale: f64| {
        let value: f64 = headers.get(name)?.trim().parse().ok()?;
        let wait = Duration::try_from_secs_f64(value * scale).ok()?;
        Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    };
    let date = || {
        let when = httpdate::parse_http_date(headers.get("retry-after")?.trim()).ok()?;
        let wait = when.duration_since(now).unwrap_or_default();
        Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    };
    number("retry-after-ms", 0.001)
        .or_else(|| number("retry-after", 1.0))
        .or_else(date)
        .map(|ms| ms.min(RETRY_AFTER_MS_MAX))
}

/// Whether trying again can help, if the server said so with `x-should-retry`.
pub fn should_retry(headers: &Headers) -> Option<bool> {
    match headers.get("x-should-retry")?.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(fields: &[(&str, &str)]) -> Option<u64> {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        retry_after_ms(&fields.iter().copied().collect(), now)
    }

    #[test]
    fn every_spelling_of_a_wait_is_read() {
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("Retry-After", "3")]), Some(3_000));
        assert_eq!(wait(&[("retry-after", "0.25")]), Some(250));
        assert_eq!(
            wait(&[("retry-after", "3"), ("retry-after-ms", "12.5")]),
            Some(12)
        );
        assert_eq!(
            wait(&[("retry-after", "3"), ("retry-after-ms", "soon")]),
            Some(3_000)
        );
        assert_eq!(
            wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT")]),
            Some(2_000)
        );
        assert_eq!(
            wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]),
            Some(0)
        );
        assert_eq!(
            wait(&[("retry-after", "Sunday, 06-Nov-94 08:49:38 GMT")]),
            Some(1_000)
        );
        assert_eq!(
            wait(&[("retry-after", "Sun Nov  6 08:49:40 1994")]),
            Some(3_000)
        );
    }

    #[test]
    fn nonsense_is_no_wait_and_no_wait_is_endless() {
        for bad in ["-1", "NaN", "inf", "soon", ""] {
            assert_eq!(wait(&[("retry-after", bad)]), None, "{bad}");
        }
        assert_eq!(wait(&[("retry-after", "1e9")]), Some(RETRY_AFTER_MS_MAX));
    }

    #[test]
    fn the_servers_word_on_retrying_is_read() {
        let said = |value: &str| should_retry(&[("X-Should-Retry", value)].into_iter().collect());
        assert_eq!(said("true"), Some(true));
        assert_eq!(said("false"), Some(false));
        assert_eq!(said("perhaps"), None);
    }
}
