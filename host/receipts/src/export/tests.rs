use super::*;
use crate::OutcomeResult;
use crate::arbitrary::{chain_of, change, effect, outcome_of};
use crate::log::tests_of_tree::Leaves;
use crate::log::{HeadError, SigningKey, VerifierKey, cover, leaf_hash, root};
use crate::{ChainHead, HASH_BYTES, Record, State};

const ORIGIN: &str = "tollgate-ledger/0123456789abcdef";

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, [byte; 32]).unwrap()
}

/// A log of three sessions whose entries are mixed.
struct Log {
    leaves: Vec<Vec<u8>>,
    key: SigningKey,
}

fn session_records(name: &str, count: usize) -> Vec<Record> {
    let mut records = vec![change("session.launch")];
    for n in 0..count {
        let receipt = format!("{name}-{n}");
        records.push(effect(&receipt, State::Intended));
        records.push(outcome_of(&receipt, State::Settled, OutcomeResult::Ok));
    }
    records.push(effect(&format!("{name}-no"), State::Denied));
    records.push(change("session.stopped"));
    records
}

impl Log {
    fn new() -> Self {
        let mut chains: Vec<_> = [("a", 3), ("b", 4), ("c", 2)]
            .map(|(name, count)| chain_of(name, session_records(name, count)))
            .into_iter()
            .map(Vec::into_iter)
            .collect();
        let mut leaves = Vec::new();
        loop {
            let before = leaves.len();
            for chain in &mut chains {
                leaves.extend(chain.next());
            }
            if leaves.len() == before {
                break;
            }
        }
        Self {
            leaves,
            key: key(1),
        }
    }

    fn nodes(&self) -> Leaves {
        Leaves(self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect())
    }

    fn of(&self, session: &str) -> Vec<(u64, Vec<u8>)> {
        let all = self.leaves.iter().enumerate();
        all.filter(|(_, leaf)| crate::decode(leaf).unwrap().session == session)
            .map(|(index, leaf)| (index as u64, leaf.clone()))
            .collect()
    }

    fn header(&self, scope: Scope, records: &[(u64, Vec<u8>)]) -> Header {
        let mut sessions: Vec<Span> = Vec::new();
        for (_, leaf) in records {
            let entry = crate::decode(leaf).unwrap();
            let chain = self.of(&entry.session).len() as u64;
            match sessions
                .iter_mut()
                .find(|span| span.session == entry.session)
            {
                Some(span) => {
                    span.to = entry.seq;
                    span.last = hex::encode(entry.hash);
                }
                None => sessions.push(Span {
                    chain,
                    from: entry.seq,
                    last: hex::encode(entry.hash),
                    prev: hex::encode(entry.prev),
                    session: entry.session,
                    to: entry.seq,
                }),
            }
        }
        Header {
            created_us: 1_700_000_000_000_000,
            first: None,
            hashes: 0,
            origin: ORIGIN.into(),
            records: 0,
            scope,
            sessions,
            size: self.leaves.len() as u64,
        }
    }

    fn export(&self) -> Vec<u8> {
        let records = self.of("b");
        let header = self.header(Scope::Session("b".into()), &records);
        assemble(header, &records, &self.nodes(), &self.key).unwrap()
    }

    fn export_since(&self, first: u64) -> Vec<u8> {
        let all = self.leaves.iter().enumerate();
        let records: Vec<_> = all
            .map(|(index, leaf)| (index as u64, leaf.clone()))
            .filter(|(index, _)| *index >= first)
            .collect();
        let mut header = self.header(Scope::Since(0), &records);
        header.first = Some(first);
        assemble(header, &records, &self.nodes(), &self.key).unwrap()
    }

    /// An export of other records, made by somebody who has no key: everything but the signature is redone,
    /// and the head is the one that the host signed for the whole export.
    fn forged(&self, records: &[(u64, Vec<u8>)], keep_header: bool) -> Vec<u8> {
        let honest = self.export();
        let honest = Export::read(&honest).unwrap();
        let indexes: Vec<u64> = records.iter().map(|(index, _)| *index).collect();
        let size = self.leaves.len() as u64;
        let hashes = cover(size, &indexes).hashes(&self.nodes()).unwrap();
        let mut header = self.header(Scope::Session("b".into()), records);
        header.records = records.len() as u64;
        header.hashes = hashes.len() as u64;
        let line = match keep_header {
            true => honest.header_line.to_owned(),
            false => header.line().unwrap(),
        };
        Parts {
            header: &line,
            records,
            hashes: &hashes,
            head: honest.head,
        }
        .write()
    }
}

fn verifier() -> VerifierKey {
    key(1).verifier().clone()
}

#[test]
fn an_honest_export_is_complete() {
    let log = Log::new();
    let found = verify(&log.export(), &verifier()).unwrap();
    assert_eq!(found.sessions.len(), 1);
    let session = &found.sessions[0];
    assert_eq!((session.from, session.to, session.chain), (1, 11, 11));
    assert!(session.closed && found.faults.is_empty());
    assert_eq!(found.receipts, 5);
    let denied = |receipt: &&crate::Receipt| receipt.state == State::Denied;
    let read = read_unverified(&log.export()).unwrap();
    assert_eq!(read.receipts.iter().filter(denied).count(), 1);
    assert_eq!(
        (read.receipts.len(), read.entries.len()),
        (5, found.entries)
    );
    let since = verify(&log.export_since(4), &verifier()).unwrap();
    assert_eq!(since.entries, log.leaves.len() - 4);
    assert!(since.faults.is_empty(), "{:?}", since.faults);
    let all = verify(&log.export_since(0), &verifier()).unwrap();
    assert_eq!(all.head.root, root(all.head.size, &log.nodes()).unwrap());
}

#[test]
fn every_byte_counts() {
    let log = Log::new();
    for file in [log.export(), log.export_since(7)] {
        counts_every_byte(&file, &verifier());
    }
}

#[track_caller]
fn counts_every_byte(file: &[u8], key: &VerifierKey) {
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.to_vec();
            changed[at] ^= 1 << bit;
            let found = verify(&changed, key);
            assert!(found.is_err(), "byte {at} bit {bit} of {}", file.len());
        }
    }
}

/// Files that a host of version 1 wrote, with the key that it printed.
#[test]
fn exports_of_version_1_hold_as_they_did() {
    let key = VerifierKey::parse(include_str!("kept/key").trim()).unwrap();
    let since: &[u8] = include_bytes!("kept/1-since.export");
    let session: &[u8] = include_bytes!("kept/1-session.export");
    for (file, entries, receipts, closed) in [(since, 14, 6, 4), (session, 4, 1, 1)] {
        let found = verify(file, &key).unwrap();
        let ended = found.sessions.iter().filter(|session| session.closed);
        assert_eq!(
            (found.entries, found.receipts, ended.count()),
            (entries, receipts, closed)
        );
        assert_eq!(read_unverified(file).unwrap().entries.len(), entries);
        counts_every_byte(file, &key);
        // Nor does it pass for one of this version.
        let mut newer = file.to_vec();
        newer[16] = b'2';
        assert!(verify(&newer, &key).is_err());
    }
}

#[test]
fn a_changed_record_is_named() {
    let log = Log::new();
    let honest = log.export();
    for (place, (index, entry)) in log.of("b").iter().enumerate() {
        let begin = find(&honest, entry);
        for at in 0..entry.len() {
            let mut changed = honest.clone();
            changed[begin + at] ^= 1;
            let error = verify(&changed, &verifier()).unwrap_err().to_string();
            let named = error.contains(&format!("leaf {index}"))
                || error.contains(&format!("entry {},", place + 1))
                || error.contains(&format!("after {place}"))
                || error.contains(&format!("entry {} is missing", place + 1))
                || error.contains(&format!("entry {} was expected", place + 1));
            assert!(
                named,
                "leaf {index}, byte {at} ({}): {error}",
                entry[at] as char
            );
        }
    }
}

fn find(file: &[u8], part: &[u8]) -> usize {
    file.windows(part.len())
        .position(|window| window == part)
        .unwrap()
}

#[test]
fn whatever_is_left_out_or_moved_is_found() {
    let log = Log::new();
    let honest = log.of("b");
    for at in 0..honest.len() {
        let mut dropped = honest.clone();
        dropped.remove(at);
        let mut swapped = honest.clone();
        swapped.swap(at, (at + 1) % honest.len());
        let mut repeated = honest.clone();
        repeated.insert(at, honest[at].clone());
        let mut replaced = honest.clone();
        replaced[at].1 = log.of("a")[0].1.clone();
        for records in [dropped.clone(), swapped, repeated, replaced] {
            for keep_header in [true, false] {
                let found = verify(&log.forged(&records, keep_header), &verifier());
                assert!(found.is_err(), "record {at}");
            }
        }
        // With the header as it was signed and its number of records made up for with one of another session.
        let mut filled = dropped;
        filled.push(log.of("a")[1].clone());
        filled.sort();
        assert!(verify(&log.forged(&filled, true), &verifier()).is_err());
    }
    let mut short = log.export();
    while short.pop().is_some() {
        assert!(verify(&short, &verifier()).is_err());
    }
}

/// Whoever leaves a denial out and works everything out anew that can be worked out without the key.
#[test]
fn a_denial_cannot_be_left_out() {
    let log = Log::new();
    let is_denial = |leaf: &[u8]| String::from_utf8_lossy(leaf).contains("b-no");
    // The entries after it are linked anew and take their places.
    let mut chain = ChainHead::genesis("b");
    let mut records = Vec::new();
    for (index, leaf) in log.of("b") {
        if is_denial(&leaf) {
            continue;
        }
        let entry = crate::decode(&leaf).unwrap();
        let body = body_of(&leaf, &entry.prev);
        let sealed = crate::seal("b", chain.count + 1, &chain.hash, body.as_bytes());
        chain.advance(&sealed).unwrap();
        records.push((index, sealed));
    }
    assert_eq!(records.len(), 10);
    for keep_header in [true, false] {
        let found = verify(&log.forged(&records, keep_header), &verifier());
        assert!(found.is_err(), "{found:?}");
    }
    // Signed with a key of one's own it is of another key.
    let header = log.header(Scope::Session("b".into()), &records);
    let own = assemble(header, &records, &log.nodes(), &key(2)).unwrap();
    let found = verify(&own, &verifier()).unwrap_err().to_string();
    assert!(found.contains("not by the key"), "{found}");
}

/// The record of a sealed entry, without what the writer added.
fn body_of(leaf: &[u8], prev: &[u8; HASH_BYTES]) -> String {
    let text = std::str::from_utf8(leaf).unwrap();
    let prev = hex::encode(prev);
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert!(text.contains(&prev));
    let mut body = value.as_object().unwrap().clone();
    for added in ["schema", "seq", "prev", "session"] {
        body.remove(added);
    }
    serde_json::to_string(&body).unwrap()
}

#[test]
fn another_log_and_another_key_are_told() {
    let log = Log::new();
    let file = log.export();
    let other = verify(&file, key(2).verifier()).unwrap_err();
    assert!(matches!(&other, ExportError::Invalid(why) if why.contains("not by the key")));
    let elsewhere = SigningKey::from_seed("tollgate-ledger/ffff", [1; 32]).unwrap();
    let other = verify(&file, elsewhere.verifier()).unwrap_err();
    assert!(matches!(other, ExportError::Invalid(_)));
    let error = HeadError::Malformed("it is no signed note").to_string();
    assert!(error.contains("signed note"));
}

/// Whoever cuts the end off and says in the header that this is all: the chain is in order, the hashes lead to
/// the root, the digest is right. Only the header is not the one that was signed.
#[test]
fn an_end_cut_off_with_its_header_is_found() {
    let log = Log::new();
    let honest = log.export();
    let honest = Export::read(&honest).unwrap();
    for keep in 1..log.of("b").len() {
        let records = log.of("b")[..keep].to_vec();
        let indexes: Vec<u64> = records.iter().map(|(index, _)| *index).collect();
        let hashes = cover(honest.header.size, &indexes)
            .hashes(&log.nodes())
            .unwrap();
        let mut header = log.header(Scope::Session("b".into()), &records);
        header.sessions[0].chain = keep as u64;
        header.records = keep as u64;
        header.hashes = hashes.len() as u64;
        let file = Parts {
            header: &header.line().unwrap(),
            records: &records,
            hashes: &hashes,
            head: honest.head,
        };
        let error = verify(&file.write(), &verifier()).unwrap_err().to_string();
        assert!(error.contains("header"), "{error}");
    }
}

/// Another hash, with the digest that the file then has.
#[test]
fn a_hash_that_leads_elsewhere_is_found() {
    let log = Log::new();
    let honest = log.export();
    let honest = Export::read(&honest).unwrap();
    let records = log.of("b");
    for at in 0..honest.hashes.len() {
        let mut hashes = honest.hashes.clone();
        hashes[at][31] ^= 1;
        let file = Parts {
            header: honest.header_line,
            records: &records,
            hashes: &hashes,
            head: honest.head,
        };
        let error = verify(&file.write(), &verifier()).unwrap_err().to_string();
        assert!(error.contains("root"), "{error}");
    }
}
