//! What may go wrong in the middle of a call, at the very attempt that a test names: the grants go, or the
//! ledger can no longer be written.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tollgate_receipts::{Draft, Ledger, LedgerError, Record, State, Ticket};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ill {
    /// Every grant is revoked.
    Revoked,
    /// The ledger cannot be written until the call has ended.
    NoLedger,
}

/// When it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// When the intent of this import and kind has been queued, and before it is durable.
    Intent(String, String),
    /// When an effect of this kind has settled.
    After(String),
    /// When the call has its authority and has attempted nothing.
    Begun,
}

/// Trouble that is in store for one call.
pub(super) struct Trouble {
    ledger: Arc<dyn Ledger>,
    plan: Mutex<Option<(Ill, When)>>,
    awaited: Mutex<Option<String>>,
    struck: AtomicBool,
    /// How often grants went and came back.
    turns: AtomicU64,
}

impl Trouble {
    pub(super) fn over(ledger: Arc<dyn Ledger>) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            plan: Mutex::default(),
            awaited: Mutex::default(),
            struck: AtomicBool::new(false),
            turns: AtomicU64::new(0),
        })
    }

    /// Plans it for the next call.
    pub(super) fn plan(&self, ill: Ill, when: When) {
        *self.plan.lock().unwrap() = Some((ill, when));
    }

    /// How often the grants have changed.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    /// Whether it is there now.
    pub(super) fn is(&self, ill: Ill) -> bool {
        let plan = self.plan.lock().unwrap();
        self.struck.load(Ordering::SeqCst) && plan.as_ref().is_some_and(|(is, _)| *is == ill)
    }

    /// A call was given its authority.
    pub(super) fn begun(&self) {
        let plan = self.plan.lock().unwrap().clone();
        if plan.is_some_and(|(_, when)| when == When::Begun) {
            self.strike();
        }
    }

    fn strike(&self) {
        if !self.struck.swap(true, Ordering::SeqCst) {
            self.turns.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn see(&self, record: &Record) {
        let Some((_, when)) = self.plan.lock().unwrap().clone() else {
            return;
        };
        match (record, when) {
            // The call is over, and with it the trouble.
            (Record::Call(_), _) => {
                *self.plan.lock().unwrap() = None;
                if self.struck.swap(false, Ordering::SeqCst) {
                    self.turns.fetch_add(1, Ordering::SeqCst);
                }
            }
            (Record::Effect(effect), When::Intent(import, kind))
                if effect.import == import && effect.kind == kind =>
            {
                self.strike();
            }
            (Record::Effect(effect), When::After(kind))
                if effect.kind == kind && effect.state == State::Intended =>
            {
                *self.awaited.lock().unwrap() = Some(effect.receipt.clone());
            }
            (Record::Outcome(outcome), When::After(_))
                if self.awaited.lock().unwrap().as_ref() == Some(&outcome.receipt) =>
            {
                self.strike();
            }
            _ => {}
        }
    }

    fn judge(&self, result: Result<(), LedgerError>) -> Result<(), LedgerError> {
        if self.is(Ill::NoLedger) {
            return Err(LedgerError::Unavailable("the disk is gone".into()));
        }
        result
    }
}

impl Ledger for Trouble {
    fn submit(&self, draft: Draft) -> Result<Ticket, LedgerError> {
        self.see(&draft.record);
        self.ledger.submit(draft)
    }

    fn durable<'a>(
        &'a self,
        tickets: &'a [Ticket],
    ) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>> {
        Box::pin(async {
            let result = self.ledger.durable(tickets).await;
            self.judge(result)
        })
    }

    fn hurry(&self, tickets: &[Ticket]) {
        self.ledger.hurry(tickets);
    }

    fn write_now(&self, tickets: &[Ticket]) {
        self.ledger.write_now(tickets);
    }

    fn durable_here(&self, tickets: &[Ticket]) -> Result<(), LedgerError> {
        let result = self.ledger.durable_here(tickets);
        self.judge(result)
    }
}
