//! Records for tests: arbitrary ones for properties, small ones for examples.

use crate::chain::digest;
use crate::encode::seal_as;
use crate::log::leaf_hash;
use crate::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{SizeRange, select};
use std::sync::Arc;

fn id() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9][a-zA-Z0-9._:-]{0,20}"
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,200}", ".{0,1500}"]
}

fn plugin() -> impl Strategy<Value = Plugin> {
    (id(), id(), id()).prop_map(|(name, version, digest)| Plugin {
        name,
        version,
        digest,
    })
}

fn target() -> impl Strategy<Value = Target> {
    (text(), any::<[u8; 32]>()).prop_map(|(text, key)| Target::new(&text, &SessionKey::new(key)))
}

fn decided() -> impl Strategy<Value = Decided> {
    let verdict = select(vec![Verdict::Allowed, Verdict::Denied, Verdict::Asked]);
    let short = || option::of(text());
    (verdict, option::of(id()), short(), short(), short()).prop_map(
        |(verdict, grant, reason, nearest, command)| Decided {
            verdict,
            grant,
            reason,
            nearest,
            command,
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let result = select(vec![
        OutcomeResult::Ok,
        OutcomeResult::Failed,
        OutcomeResult::Cancelled,
        OutcomeResult::Indeterminate,
        OutcomeResult::Resolved,
    ]);
    let short = || option::of(text());
    let count = option::of(any::<u64>());
    (
        result,
        short(),
        option::of(any::<u16>()),
        count.clone(),
        count,
        any::<u64>(),
        short(),
        short(),
    )
        .prop_map(
            |(result, error, status, bytes_in, bytes_out, duration_us, address, detail)| Outcome {
                result,
                error,
                status,
                bytes_in,
                bytes_out,
                duration_us,
                address,
                detail,
            },
        )
}

fn state() -> impl Strategy<Value = State> {
    select(vec![
        State::Denied,
        State::Asked,
        State::Intended,
        State::Settled,
        State::Closed,
    ])
}

fn action() -> impl Strategy<Value = Action> {
    select(vec![
        Action::EnvironmentDecision,
        Action::ProviderAction,
        Action::SandboxAction,
        Action::Denial,
    ])
}

/// Few ids, so that entries of one receipt meet.
fn receipt() -> impl Strategy<Value = String> {
    select(vec!["r1", "r2", "r3"]).prop_map(String::from)
}

fn effect_record() -> impl Strategy<Value = EffectRecord> {
    let class = select(vec![Class::Strict, Class::Buffered, Class::Counted]);
    let transport = select(vec![Transport::Live, Transport::Fixture]);
    (
        (receipt(), state(), any::<i64>(), option::of(id()), id()),
        (plugin(), text(), text(), class, action(), target()),
        (decided(), text(), any::<u64>(), transport, any::<u64>()),
        option::of(outcome()),
    )
        .prop_map(|(a, b, c, outcome)| EffectRecord {
            receipt: a.0,
            state: a.1,
            time_us: a.2,
            run: a.3,
            call: a.4,
            plugin: Arc::new(b.0),
            import: b.1.into(),
            kind: b.2.into(),
            class: b.3,
            action: b.4,
            target: b.5,
            decision: c.0,
            policy: c.1,
            generation: c.2,
            transport: c.3,
            budget_left: c.4,
            outcome,
        })
}

pub(crate) fn read_item() -> impl Strategy<Value = ReadItem> {
    (
        (receipt(), state(), any::<i64>(), text(), text()),
        (action(), target(), decided(), option::of(outcome())),
    )
        .prop_map(|(a, b)| ReadItem {
            receipt: a.0,
            state: a.1,
            time_us: a.2,
            import: a.3.into(),
            kind: a.4.into(),
            action: b.0,
            target: b.1,
            decision: b.2,
            outcome: b.3,
        })
}

pub(crate) fn read_set_of(items: Vec<ReadItem>) -> ReadSet {
    ReadSet {
        run: Some("run".into()),
        call: "call".into(),
        plugin: Arc::new(Plugin {
            name: "files".into(),
            version: "0.1.0".into(),
            digest: "sha256:00".into(),
        }),
        policy: "sha256:01".into(),
        generation: 3,
        items,
    }
}

fn call_record() -> impl Strategy<Value = CallRecord> {
    let n = any::<u64>;
    (
        (
            id(),
            any::<i64>(),
            option::of(id()),
            plugin(),
            text(),
            text(),
            option::of(text()),
        ),
        (n(), n(), n(), n(), n(), n(), n()),
    )
        .prop_map(|(a, b)| CallRecord {
            call: a.0,
            time_us: a.1,
            run: a.2,
            plugin: Arc::new(a.3),
            export: a.4,
            ended: a.5,
            detail: a.6,
            allowed: b.0,
            denied: b.1,
            clock: b.2,
            random_bytes: b.3,
            stdio_bytes: b.4,
            duration_us: b.5,
            memory_bytes_peak: b.6,
        })
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let outcome_record = (receipt(), state(), any::<i64>(), id(), outcome()).prop_map(
        |(receipt, state, time_us, call, outcome)| {
            Record::Outcome(OutcomeRecord {
                receipt,
                state,
                time_us,
                call,
                outcome,
            })
        },
    );
    let collapsed = (
        receipt(),
        any::<i64>(),
        option::of(id()),
        id(),
        plugin(),
        text(),
        text(),
        any::<u64>(),
    )
        .prop_map(
            |(receipt, time_us, run, call, plugin, kind, reason, count)| {
                Record::Collapsed(Collapsed {
                    receipt,
                    time_us,
                    run,
                    call,
                    plugin: Arc::new(plugin),
                    kind: kind.into(),
                    reason,
                    count,
                })
            },
        );
    let change = (any::<i64>(), text(), text(), text(), text()).prop_map(
        |(time_us, who, what, object, detail)| {
            Record::Change(ChangeRecord {
                time_us,
                who,
                what,
                object,
                detail,
            })
        },
    );
    prop_oneof![
        3 => effect_record().prop_map(|e| Record::Effect(Box::new(e))),
        3 => outcome_record,
        1 => vec(read_item(), 0..2).prop_map(|items| Record::ReadSet(read_set_of(items))),
        1 => collapsed,
        1 => call_record().prop_map(Record::Call),
        1 => change,
    ]
    // A read-set of two very long items has to be packed first; that is tested by itself.
}

pub(crate) fn records(count: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Record>> {
    vec(record(), count)
}

pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    (id(), record()).prop_map(|(session, record)| Draft { session, record })
}

pub(crate) fn effect(receipt: &str, state: State) -> Record {
    Record::Effect(Box::new(EffectRecord {
        receipt: receipt.into(),
        state,
        time_us: 1,
        run: None,
        call: "call".into(),
        plugin: read_set_of(Vec::new()).plugin,
        import: "wasi:filesystem/types.open-at".into(),
        kind: "fs.open.write".into(),
        class: Class::Strict,
        action: Action::SandboxAction,
        target: Target {
            text: "/out/a".into(),
            hmac: None,
        },
        decision: Decided {
            verdict: Verdict::Allowed,
            grant: Some("g1".into()),
            reason: None,
            nearest: None,
            command: None,
        },
        policy: "sha256:01".into(),
        generation: 1,
        transport: Transport::Live,
        budget_left: 9,
        outcome: None,
    }))
}

/// A record of a type, with every identifier that it can have.
pub(crate) fn one(kind: &str) -> Record {
    let Record::Effect(mut effect) = effect("r1", State::Settled) else {
        unreachable!("an effect")
    };
    effect.run = Some("run".into());
    let item = ReadItem {
        receipt: "r1".into(),
        state: State::Settled,
        time_us: 1,
        import: effect.import.clone(),
        kind: effect.kind.clone(),
        action: effect.action,
        target: effect.target.clone(),
        decision: effect.decision.clone(),
        outcome: None,
    };
    match kind {
        "effect" => Record::Effect(effect),
        "outcome" => outcome_of("r1", State::Settled, OutcomeResult::Ok),
        "read_set" => Record::ReadSet(read_set_of(vec![item])),
        "collapsed" => Record::Collapsed(Collapsed {
            receipt: "r1".into(),
            time_us: 1,
            run: effect.run,
            call: effect.call,
            plugin: effect.plugin,
            kind: effect.kind,
            reason: "no-grant".into(),
            count: 2,
        }),
        _ => Record::Call(CallRecord {
            call: effect.call,
            time_us: 1,
            run: effect.run,
            plugin: effect.plugin,
            export: "tool.call read".into(),
            ended: "returned".into(),
            detail: None,
            allowed: 0,
            denied: 0,
            clock: 0,
            random_bytes: 0,
            stdio_bytes: 0,
            duration_us: 0,
            memory_bytes_peak: 0,
        }),
    }
}

pub(crate) fn outcome_of(receipt: &str, state: State, result: OutcomeResult) -> Record {
    Record::Outcome(OutcomeRecord {
        receipt: receipt.into(),
        state,
        time_us: 2,
        call: "call".into(),
        outcome: Outcome {
            result,
            error: None,
            status: None,
            bytes_in: Some(1),
            bytes_out: None,
            duration_us: 3,
            address: None,
            detail: None,
        },
    })
}

pub(crate) fn change(what: &str) -> Record {
    Record::Change(ChangeRecord {
        time_us: 1,
        who: "os:ada".into(),
        what: what.into(),
        object: "x".into(),
        detail: String::new(),
    })
}

/// A byte that is put, set or taken somewhere.
pub(crate) type Change = (prop::sample::Index, u8, u8);

pub(crate) fn changes(count: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Change>> {
    vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), count)
}

/// Makes `changes` to bytes.
pub(crate) fn damage(bytes: &mut Vec<u8>, changes: Vec<Change>) {
    for (at, byte, how) in changes {
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
    }
}

/// The stored bytes of `records` as one session's chain.
pub(crate) fn chain_of(session: &str, records: Vec<Record>) -> Vec<Vec<u8>> {
    chain_as(session, records, |_| ENTRY_SCHEMA)
}

/// [`chain_of`], with the schema of each place.
pub(crate) fn chain_as(
    session: &str,
    records: Vec<Record>,
    schema: impl Fn(usize) -> &'static str,
) -> Vec<Vec<u8>> {
    let mut last: Option<Vec<u8>> = None;
    records
        .into_iter()
        .enumerate()
        .map(|(at, record)| {
            let draft = Draft {
                session: session.into(),
                record,
            };
            let prev = last
                .as_deref()
                .map_or(GENESIS_HASH, |last| match schema(at) {
                    ENTRY_SCHEMA => leaf_hash(last),
                    _ => digest(last),
                });
            let body = draft.encode().unwrap().body;
            let mut sealed = Vec::new();
            seal_as(
                schema(at),
                &mut sealed,
                session,
                at as u64 + 1,
                &prev,
                &body,
            );
            last = Some(sealed.clone());
            sealed
        })
        .collect()
}

pub(crate) fn entries_of(session: &str, records: Vec<Record>) -> Vec<Entry> {
    chain_of(session, records)
        .iter()
        .map(|sealed| decode(sealed).unwrap())
        .collect()
}
