//! Packs buffered effects into read-sets that fit in entries.

use crate::{BODY_BYTES_MAX, EncodeError, ReadItem, ReadSet, Record};

/// Splits `set` into as few read-sets as fit in entries, in order. A set without items gives none.
pub fn pack(mut set: ReadSet) -> Result<Vec<Record>, EncodeError> {
    let items = std::mem::take(&mut set.items);
    let empty = Record::ReadSet(set.clone());
    let room = BODY_BYTES_MAX.saturating_sub(json_bytes(&empty)?);
    let mut records = Vec::new();
    let mut pending: Vec<ReadItem> = Vec::new();
    let mut used = 0;
    for mut item in items {
        item.fit()?;
        // One more for the comma.
        let bytes = json_bytes(&item)? + 1;
        if used + bytes > room && !pending.is_empty() {
            records.push(with_items(&set, std::mem::take(&mut pending)));
            used = 0;
        }
        used += bytes;
        pending.push(item);
    }
    if !pending.is_empty() {
        records.push(with_items(&set, pending));
    }
    Ok(records)
}

fn with_items(set: &ReadSet, items: Vec<ReadItem>) -> Record {
    Record::ReadSet(ReadSet {
        items,
        ..set.clone()
    })
}

fn json_bytes(value: &impl serde::Serialize) -> Result<usize, EncodeError> {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value)
        .map_err(|error| EncodeError::Json(error.to_string()))?;
    Ok(counter.0)
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Draft;
    use crate::arbitrary::{read_item, read_set_of};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn packed_sets_fit_and_keep_every_item(items in proptest::collection::vec(read_item(), 0..60)) {
            let ids: Vec<String> = items.iter().map(|i| i.receipt.clone()).collect();
            let mut seen = Vec::new();
            for record in pack(read_set_of(items)).unwrap() {
                let encoded = Draft { session: "s".into(), record }.encode().unwrap();
                prop_assert!(!encoded.items.is_empty());
                seen.extend(encoded.items);
            }
            prop_assert_eq!(seen, ids);
        }
    }
}
