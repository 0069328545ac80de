//! Packs buffered effects into read-sets that fit in entries.

use crate::{BODY_BYTES_MAX, EncodeError, ReadItem, ReadSet, Record, body};

/// Splits `set` into as few read-sets as fit in entries, in order. A set without items gives none.
pub fn pack(mut set: ReadSet) -> Result<Vec<Record>, EncodeError> {
    let items = std::mem::take(&mut set.items);
    let mut written = Vec::new();
    body::write(&Record::ReadSet(set.clone()), &mut written)?;
    let room = BODY_BYTES_MAX.saturating_sub(written.len());
    let mut records = Vec::new();
    let mut pending: Vec<ReadItem> = Vec::new();
    let mut used = 0;
    for item in items {
        written.clear();
        body::object(&mut written, &item)?;
        // One more for the comma.
        let bytes = written.len() + 1;
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
