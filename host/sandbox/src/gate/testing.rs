//! A gate without a store, for tests: a ledger in memory that can stall or fail, grants that can change.

use super::GateHost;
use super::http::net::{Client, ClientOptions, FixtureSet, Resolver, TlsRoots, Transport};
use super::record::Caller;
use super::scope::{Bounds, CallScope};
use crate::services::{
    Amount, Credentials, Environment, KeyValue, KeyValueError, QuotaBook, QuotaKey, SessionKeys,
};
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use tollgate_contract::{LeaseCheck, SessionId};
use tollgate_grants::policy::parse;
use tollgate_grants::{
    Authority, AuthorityError, AuthorityInput, AuthoritySource, CredentialRule, GrantId, Layer,
    Needs, Origin, RuntimeGrant,
};
use tollgate_receipts::{
    Draft, Ledger, LedgerError, OutcomeResult, Plugin, Record, SessionKey, State, Ticket,
};

/// How the ledger behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    Writes,
    Stalls,
    Fails,
}

pub(crate) struct FakeLedger {
    pub(crate) disk: Mutex<Disk>,
    pub(crate) drafts: Mutex<Vec<Draft>>,
}

impl Ledger for FakeLedger {
    fn submit(&self, draft: Draft) -> Result<Ticket, LedgerError> {
        let mut drafts = self.drafts.lock().unwrap();
        drafts.push(draft);
        Ok(Ticket(drafts.len() as u64))
    }

    fn durable<'a>(
        &'a self,
        _: &'a [Ticket],
    ) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>> {
        Box::pin(poll_fn(|context| match *self.disk.lock().unwrap() {
            Disk::Writes => Poll::Ready(Ok(())),
            Disk::Stalls => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Disk::Fails => Poll::Ready(Err(LedgerError::Unavailable("full".into()))),
        }))
    }

    fn hurry(&self, _: &[Ticket]) {}

    fn write_now(&self, _: &[Ticket]) {}

    fn durable_here(&self, _: &[Ticket]) -> Result<(), LedgerError> {
        loop {
            match *self.disk.lock().unwrap() {
                Disk::Writes => return Ok(()),
                Disk::Stalls => {}
                Disk::Fails => return Err(LedgerError::Unavailable("full".into())),
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

impl FakeLedger {
    /// The entries in short: state and outcome of each.
    pub(crate) fn said(&self) -> Vec<String> {
        let outcome = |result: OutcomeResult| match result {
            OutcomeResult::Ok => "ok",
            OutcomeResult::Failed => "failed",
            OutcomeResult::Cancelled => "cancelled",
            _ => "other",
        };
        let drafts = self.drafts.lock().unwrap();
        drafts
            .iter()
            .flat_map(|draft| match &draft.record {
                Record::Effect(effect) => {
                    let reason = effect.decision.reason.as_deref().unwrap_or_default();
                    vec![format!("{} {:?} {reason}", effect.kind, effect.state)]
                }
                Record::Outcome(of) => {
                    vec![format!("{:?} {}", of.state, outcome(of.outcome.result))]
                }
                Record::ReadSet(set) => {
                    let item = |item: &tollgate_receipts::ReadItem| {
                        let came = item.outcome.as_ref().map(|o| outcome(o.result));
                        format!(
                            "{} {:?} {}",
                            item.kind,
                            item.state,
                            came.unwrap_or_default()
                        )
                    };
                    set.items.iter().map(item).collect()
                }
                Record::Call(call) => vec![format!("call {}", call.ended)],
                other => vec![format!("{other:?}")],
            })
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// Receipts that were intended and have no outcome.
    pub(crate) fn open_intents(&self) -> usize {
        let drafts = self.drafts.lock().unwrap();
        let settled = |receipt: &str| {
            drafts
                .iter()
                .any(|draft| matches!(&draft.record, Record::Outcome(of) if of.receipt == receipt))
        };
        drafts
            .iter()
            .filter(|draft| {
                matches!(&draft.record, Record::Effect(effect)
                    if effect.state == State::Intended && !settled(&effect.receipt))
            })
            .count()
    }
}

pub(crate) struct FakeGrants {
    authority: Mutex<Arc<Authority>>,
    pub(crate) readable: Mutex<bool>,
    pub(crate) used: Mutex<Vec<String>>,
}

impl FakeGrants {
    /// Puts other grants in place of those that there are.
    pub(crate) fn set(&self, generation: u64, grants: &[&str], runtime: &[RuntimeGrant]) {
        *self.authority.lock().unwrap() = authority(generation, grants, runtime);
    }
}

fn authority(generation: u64, grants: &[&str], runtime: &[RuntimeGrant]) -> Arc<Authority> {
    let text = format!("version = 1\n[plugins.p]\ncomponent = \"p.wasm\"\ngrants = {grants:?}\n");
    let origin = Origin {
        path: "/etc/tollgate.toml".into(),
        layer: Layer::User,
        base_dir: "/".into(),
    };
    let layers = [parse(&text, &origin).unwrap()];
    let input = AuthorityInput {
        session: "s",
        needs: Needs::Any,
        layers: &layers,
        runtime,
        generation,
        ..AuthorityInput::new("p")
    };
    Arc::new(Authority::new(input).unwrap())
}

impl AuthoritySource for FakeGrants {
    fn authority(&self, _: &str, _: &str) -> Result<Arc<Authority>, AuthorityError> {
        Ok(Arc::clone(&self.authority.lock().unwrap()))
    }

    fn generation(&self) -> Result<u64, AuthorityError> {
        if *self.readable.lock().unwrap() {
            Ok(self.authority.lock().unwrap().generation())
        } else {
            Err(AuthorityError::Unreadable("gone".into()))
        }
    }

    fn consume_use(&self, grant: &GrantId) -> Result<bool, AuthorityError> {
        self.used.lock().unwrap().push(grant.to_string());
        Ok(true)
    }
}

struct Nothing;

impl LeaseCheck for Nothing {
    fn held(&self, _: &SessionId, fence: u64) -> bool {
        fence == 1
    }
}

impl SessionKeys for Nothing {
    fn key(&self, _: &str) -> SessionKey {
        SessionKey::new([7; 32])
    }
}

impl QuotaBook for Nothing {
    fn take(&self, _: &QuotaKey, _: Amount, max: Amount) -> Result<(Amount, Amount), String> {
        Ok((Amount::default(), max))
    }
    fn give_back(&self, _: &QuotaKey, _: Amount) -> Result<(), String> {
        Ok(())
    }
}

impl KeyValue for Nothing {
    fn get(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(None)
    }
    fn set(&self, _: &str, _: &str, _: &[u8]) -> Result<(), KeyValueError> {
        Ok(())
    }
    fn delete(&self, _: &str, _: &str) -> Result<(), KeyValueError> {
        Ok(())
    }
    fn list(&self, _: &str, _: Option<u64>) -> Result<(Vec<String>, Option<u64>), KeyValueError> {
        Ok((Vec::new(), None))
    }
}

impl Credentials for Nothing {
    fn secret(&self, _: &str, _: &CredentialRule) -> Result<secrecy::SecretString, String> {
        Err("none".into())
    }
}

impl Environment for Nothing {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

/// One call of one host. Must be made inside a runtime.
pub(crate) struct World {
    pub(crate) scope: Arc<CallScope>,
    pub(crate) ledger: Arc<FakeLedger>,
    pub(crate) grants: Arc<FakeGrants>,
    pub(crate) home: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(grants: &[&str]) -> Self {
        Self::leased(grants, None)
    }

    /// One with a network, and a resolver of its own.
    pub(crate) fn live(grants: &[&str], resolver: Arc<dyn Resolver>) -> Self {
        let roots = TlsRoots::default();
        let client = Client::new(ClientOptions { roots, resolver }).unwrap();
        Self::with(grants, None, Transport::Live(client))
    }

    pub(crate) fn leased(grants: &[&str], fence: Option<u64>) -> Self {
        let fixture = r#"{"version":1,"exchanges":[]}"#;
        let fixture = FixtureSet::parse(fixture, "test").unwrap();
        Self::with(grants, fence, Transport::Fixture(fixture))
    }

    fn with(grants: &[&str], fence: Option<u64>, transport: Transport) -> Self {
        let home = tempfile::tempdir().unwrap();
        let ledger = Arc::new(FakeLedger {
            disk: Mutex::new(Disk::Writes),
            drafts: Mutex::default(),
        });
        let grants = Arc::new(FakeGrants {
            authority: Mutex::new(authority(1, grants, &[])),
            readable: Mutex::new(true),
            used: Mutex::default(),
        });
        let protected: Vec<PathBuf> = Vec::new();
        let host = GateHost {
            ledger: ledger.clone(),
            authority: grants.clone(),
            lease: Arc::new(Nothing),
            keys: Arc::new(Nothing),
            keyvalue: Arc::new(Nothing),
            quotas: Arc::new(Nothing),
            environment: Arc::new(Nothing),
            credentials: Arc::new(Nothing),
            transport,
            files: super::fs::Files::new(&home.path().join("cache"), &protected, 0).unwrap(),
            sockets: super::sockets::HostRooms::default(),
            io: tokio::runtime::Handle::current(),
        };
        let caller = Caller {
            session: "s".into(),
            run: None,
            call: "c".into(),
            plugin: Arc::new(Plugin {
                name: "p".into(),
                version: "1".into(),
                digest: "sha256:00".into(),
            }),
            fence: fence.map(|fence| (SessionId::new("s").unwrap(), fence)),
            provider: false,
            bare: false,
        };
        Self {
            scope: CallScope::new(
                Arc::new(host),
                caller,
                Bounds {
                    effects: 1000,
                    disk_bytes: 1 << 20,
                    disk_files: 100,
                },
            ),
            ledger,
            grants,
            home,
        }
    }
}
