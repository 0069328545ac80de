//! Receipt ids: UUIDv7 (RFC 9562 section 5.7), in order within a process.
//!
//! The counter stands in `rand_a` (section 6.2, method 1) and carries into the milliseconds, so the
//! order holds even when the clock steps back. Ids are names, not secrets: the tail is drawn from a
//! generator that is seeded once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::{Builder, Uuid};

/// Bits of the counter below the milliseconds.
const COUNTER_BITS: u32 = 12;

/// A new receipt id, greater than every one that this process made before.
pub fn receipt_id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    static SEED: OnceLock<u64> = OnceLock::new();
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    let floor = u64::try_from(now_ms).unwrap_or(0) << COUNTER_BITS;
    let advance = |last: u64| floor.max(last.saturating_add(1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |l| Some(advance(l)));
    let stamp = advance(last.unwrap_or_else(|same| same));
    let seed = SEED.get_or_init(|| Uuid::new_v4().as_u64_pair().1);
    id_of(stamp, mix(seed.wrapping_add(stamp)))
}

fn id_of(stamp: u64, tail: u64) -> String {
    let counter = u16::try_from(stamp & ((1 << COUNTER_BITS) - 1)).unwrap_or(0);
    let [high, low] = counter.to_be_bytes();
    let [a, b, c, d, e, f, g, h] = tail.to_be_bytes();
    Builder::from_unix_timestamp_millis(stamp >> COUNTER_BITS, &[high, low, a, b, c, d, e, f, g, h])
        .into_uuid()
        .to_string()
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuid_7_and_rise() {
        let ids: Vec<String> = (0..20_000).map(|_| receipt_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        let id = Uuid::parse_str(&ids[0]).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn ids_of_several_threads_differ() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..5_000).map(|_| receipt_id()).collect::<Vec<_>>()))
            .collect();
        let all: Vec<String> = threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect();
        let unique: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len());
    }
}
