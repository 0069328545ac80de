//! The books of one call: tickets not yet durable, the open read-set, counts, the last refusal.

use super::decision::Allowed;
use super::record;
use super::scope::CallScope;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_contract::{CallEvidence, Denial};
use tollgate_receipts::{
    Collapsed, Draft, LedgerError, Outcome, ReadItem, ReadSet, Record, State, Ticket,
};

/// Denials of one (kind, reason) that are written one by one; the rest is counted.
pub(crate) const DENIALS_WRITTEN_MAX: u64 = 32;
/// A read-set is written when its items are estimated at more bytes than this.
const READ_SET_BYTES_MAX: usize = 6 * 1024;
/// Estimated bytes of an item without its target and command.
const ITEM_BYTES: usize = 420;

/// Where the entry of a buffered effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    set: u64,
    index: usize,
}

/// The books.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) failed: Option<LedgerError>,
    pub(crate) last_denial: Option<Denial>,
    pub(crate) performed_strict: bool,
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
    pub(crate) strict: u64,
    pub(crate) buffered: u64,
    pub(crate) bytes: u64,
    pub(crate) receipts: Vec<String>,
    denials: BTreeMap<(&'static str, &'static str), u64>,
    read_set: Vec<ReadItem>,
    read_set_context: Option<(String, u64)>,
    read_set_bytes: usize,
    sets: u64,
}

impl Book {
    /// Counts a denial; true when it is one too many to be written by itself.
    pub(crate) fn count_denial(&mut self, kind: &'static str, reason: &'static str) -> bool {
        self.denied += 1;
        let count = self.denials.entry((kind, reason)).or_default();
        *count += 1;
        *count > DENIALS_WRITTEN_MAX
    }

    /// Remembers a receipt for the caller.
    pub(crate) fn note(&mut self, receipt: &str) {
        if self.receipts.len() < CallEvidence::RECEIPTS_MAX {
            self.receipts.push(receipt.to_owned());
        }
    }

    pub(crate) fn submit(&mut self, scope: &CallScope, draft: Draft) {
        self.bytes = self
            .bytes
            .saturating_add(record::estimate_bytes(&draft.record));
        match scope.host.ledger.submit(draft) {
            // None is dropped before it is durable; the bound on the bytes of a call's entries bounds
            // them.
            Ok(ticket) => self.tickets.push(ticket),
            Err(error) => self.failed = Some(error),
        }
    }

    pub(crate) fn add_item(
        &mut self,
        scope: &CallScope,
        item: ReadItem,
        context: &Allowed,
    ) -> Place {
        let same = self
            .read_set_context
            .as_ref()
            .is_none_or(|(policy, generation)| {
                *policy == context.policy && *generation == context.basis.generation
            });
        let bytes = ITEM_BYTES
            + item.target.text.len()
            + item.decision.command.as_ref().map_or(0, String::len)
            + item.decision.nearest.as_ref().map_or(0, String::len);
        if !same || self.read_set_bytes + bytes > READ_SET_BYTES_MAX {
            self.flush_read_set(scope);
        }
        self.read_set_context
            .get_or_insert_with(|| (context.policy.clone(), context.basis.generation));
        self.read_set_bytes += bytes;
        self.read_set.push(item);
        Place {
            set: self.sets,
            index: self.read_set.len() - 1,
        }
    }

    /// The item at `place`, if it has not been written yet.
    pub(crate) fn item(&mut self, place: Place) -> Option<&mut ReadItem> {
        (place.set == self.sets)
            .then(|| self.read_set.get_mut(place.index))
            .flatten()
    }

    pub(crate) fn flush_read_set(&mut self, scope: &CallScope) {
        if self.read_set.is_empty() {
            return;
        }
        let (policy, generation) = self.read_set_context.take().unwrap_or_default();
        let items = std::mem::take(&mut self.read_set);
        self.read_set_bytes = 0;
        self.sets += 1;
        let set = ReadSet {
            run: scope.caller.run.clone(),
            call: scope.caller.call.clone(),
            plugin: Arc::clone(&scope.caller.plugin),
            policy,
            generation,
            items,
        };
        match tollgate_receipts::pack(set) {
            Ok(records) => {
                for record in records {
                    let session = scope.caller.session.clone();
                    self.submit(scope, Draft { session, record });
                }
            }
            Err(error) => self.failed = Some(LedgerError::Refused(error.to_string())),
        }
    }

    /// Marks a buffered handle as closed where its entry still waits; otherwise returns false.
    pub(crate) fn close_item(&mut self, place: Place, outcome: &Outcome) -> bool {
        match self.item(place) {
            Some(item) => {
                item.state = State::Closed;
                item.outcome = Some(outcome.clone());
                true
            }
            None => false,
        }
    }

    /// One entry for each group of denials that were only counted.
    pub(crate) fn write_collapsed(&mut self, scope: &CallScope) {
        for ((kind, reason), count) in std::mem::take(&mut self.denials) {
            if count <= DENIALS_WRITTEN_MAX {
                continue;
            }
            let record = Record::Collapsed(Collapsed {
                receipt: record::receipt_id(),
                time_us: record::now_us(),
                run: scope.caller.run.clone(),
                call: scope.caller.call.clone(),
                plugin: Arc::clone(&scope.caller.plugin),
                kind: kind.into(),
                reason: reason.to_owned(),
                count: count - DENIALS_WRITTEN_MAX,
            });
            self.submit(
                scope,
                Draft {
                    session: scope.caller.session.clone(),
                    record,
                },
            );
        }
    }
}
