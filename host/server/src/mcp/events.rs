//! What was sent on the streams of sessions, for clients that lost their connection (`Last-Event-ID`).
//!
//! An event's id is the number of its stream and its number in it. A replay goes on with what the
//! stream still gets, until its request is answered.
//!
//! Invariants: bounded in events per stream, in bytes over all, and in time; what was dropped is not
//! replayed as if nothing were missing: its stream is unknown from then on.

use crate::limits::Limits;
use rmcp::model::JsonRpcMessage;
use rmcp::transport::streamable_http_server::session::{
    EventId, EventStore, EventStoreError, EventStream, ServerSseMessage,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// Events between a replay and its client.
const REPLAY_EVENTS_MAX: usize = 16;

/// The events that are kept.
#[derive(Debug)]
pub(super) struct Events(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    limits: Limits,
    /// By number: the oldest first.
    streams: BTreeMap<u64, Stream>,
    numbers: HashMap<String, u64>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Stream {
    name: String,
    events: VecDeque<(u64, usize, ServerSseMessage)>,
    next: u64,
    /// Its request is answered.
    answered: bool,
    last: Instant,
    news: watch::Sender<u64>,
}

/// What a client asked for is not kept.
#[derive(Debug, thiserror::Error)]
#[error("no event {0:?} is kept")]
struct Unknown(String);

/// The next step of a replay.
enum Step {
    Event(u64, ServerSseMessage),
    Wait(watch::Receiver<u64>),
    End,
}

impl Events {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            limits: *limits,
            streams: BTreeMap::new(),
            numbers: HashMap::new(),
            next: 1,
            bytes: 0,
        })))
    }

    /// Forgets the stream of a session that is over.
    pub(super) fn forget_session(&self, session: &str) {
        let mut kept = lock(&self.0);
        let number = kept.numbers.get(&format!("{session}:common")).copied();
        if let Some(number) = number {
            kept.remove(number);
        }
    }
}

impl Kept {
    fn store(&mut self, name: &str, event: &ServerSseMessage) -> EventId {
        self.expire();
        let number = self.number(name);
        let bytes = size(event);
        let events_max = self.limits.stream_events_max;
        let mut freed = 0;
        let mut id = String::new();
        if let Some(stream) = self.streams.get_mut(&number) {
            let index = stream.next;
            stream.next = index.saturating_add(1);
            id = format!("{number}-{index}");
            let mut event = event.clone();
            event.event_id = Some(id.clone());
            stream.answered |= answers(&event);
            stream.events.push_back((index, bytes, event));
            while stream.events.len() > events_max {
                freed += stream.events.pop_front().map_or(0, |(_, bytes, _)| bytes);
            }
            stream.last = Instant::now();
            stream.news.send_replace(stream.next);
        }
        self.bytes = self.bytes.saturating_add(bytes).saturating_sub(freed);
        while self.bytes > self.limits.events_bytes_max {
            let Some(oldest) = self.streams.keys().next().copied() else {
                break;
            };
            self.remove(oldest);
        }
        id
    }

    fn number(&mut self, name: &str) -> u64 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.next;
        self.next = number.saturating_add(1);
        self.numbers.insert(name.to_owned(), number);
        let stream = Stream {
            name: name.to_owned(),
            events: VecDeque::new(),
            next: 1,
            answered: false,
            last: Instant::now(),
            news: watch::Sender::new(0),
        };
        self.streams.insert(number, stream);
        number
    }

    /// Streams whose request is answered are kept for a while only.
    fn expire(&mut self) {
        let kept = self.limits.events_kept;
        let old: Vec<u64> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.answered && stream.last.elapsed() > kept)
            .map(|(number, _)| *number)
            .collect();
        for number in old {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some(stream) = self.streams.remove(&number) {
            let bytes: usize = stream.events.iter().map(|(_, bytes, _)| bytes).sum();
            self.bytes = self.bytes.saturating_sub(bytes);
            self.numbers.remove(&stream.name);
        }
    }

    /// Whether everything after the event is still there.
    fn has(&self, number: u64, index: u64) -> bool {
        self.streams.get(&number).is_some_and(|stream| {
            let first = stream.events.front().map_or(stream.next, |(i, _, _)| *i);
            index < stream.next && index.saturating_add(1) >= first
        })
    }

    fn after(&self, number: u64, index: u64) -> Step {
        let Some(stream) = self.streams.get(&number) else {
            return Step::End;
        };
        match stream.events.iter().find(|(i, _, _)| *i > index) {
            Some((i, _, event)) => Step::Event(*i, event.clone()),
            None if stream.answered => Step::End,
            None => Step::Wait(stream.news.subscribe()),
        }
    }
}

#[async_trait::async_trait]
impl EventStore for Events {
    async fn store_event(
        &self,
        stream_id: &str,
        event: &ServerSseMessage,
    ) -> Result<EventId, EventStoreError> {
        Ok(lock(&self.0).store(stream_id, event))
    }

    async fn replay_events_after(&self, last: &str) -> Result<EventStream, EventStoreError> {
        let unknown = || Unknown(last.chars().take(64).collect());
        let (number, index) = parse(last).ok_or_else(unknown)?;
        if !lock(&self.0).has(number, index) {
            return Err(unknown().into());
        }
        let (sender, mut receiver) = mpsc::channel(REPLAY_EVENTS_MAX);
        tokio::spawn(replay(Arc::clone(&self.0), number, index, sender));
        Ok(Box::pin(futures::stream::poll_fn(move |context| {
            receiver.poll_recv(context)
        })))
    }
}

async fn replay(
    kept: Arc<Mutex<Kept>>,
    number: u64,
    mut index: u64,
    sender: mpsc::Sender<ServerSseMessage>,
) {
    loop {
        let step = lock(&kept).after(number, index);
        match step {
            Step::Event(at, event) => {
                index = at;
                if sender.send(event).await.is_err() {
                    return;
                }
            }
            Step::Wait(mut news) => {
                // What came between the look and the subscription is found at the next look.
                if !matches!(lock(&kept).after(number, index), Step::Wait(_)) {
                    continue;
                }
                tokio::select! {
                    () = sender.closed() => return,
                    changed = news.changed() => if changed.is_err() { return },
                }
            }
            Step::End => return,
        }
    }
}

fn parse(id: &str) -> Option<(u64, u64)> {
    let (number, index) = id.split_once('-')?;
    Some((number.parse().ok()?, index.parse().ok()?))
}

fn answers(event: &ServerSseMessage) -> bool {
    matches!(
        event.message.as_deref(),
        Some(JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))
    )
}

/// Bytes of an event as it is sent.
fn size(event: &ServerSseMessage) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(64);
    if let Some(message) = &event.message {
        // Counting does not fail.
        let _ = serde_json::to_writer(&mut count, message.as_ref());
    }
    count.0
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use rmcp::model::{NumberOrString, ServerJsonRpcMessage, ServerResult};
    use std::time::Duration;

    fn priming() -> ServerSseMessage {
        ServerSseMessage::retry(Duration::from_secs(1))
    }

    fn answer(id: i64) -> ServerSseMessage {
        ServerSseMessage::from_message(ServerJsonRpcMessage::response(
            ServerResult::empty(()),
            NumberOrString::Number(id),
        ))
    }

    fn limits() -> Limits {
        Limits::default()
    }

    #[tokio::test]
    async fn a_replay_goes_on_until_the_answer() {
        let events = Events::new(&limits());
        let first = events.store_event("a", &priming()).await.unwrap();
        events.store_event("b", &answer(9)).await.unwrap();
        let mut replay = events.replay_events_after(&first).await.unwrap();
        let (next, ()) = tokio::join!(replay.next(), async {
            tokio::task::yield_now().await;
            events.store_event("a", &answer(1)).await.unwrap();
        });
        assert_eq!(next.unwrap().event_id.as_deref(), Some("1-2"));
        assert!(replay.next().await.is_none());
        // And again, now that all is there.
        let again = events.replay_events_after(&first).await.unwrap();
        assert_eq!(again.count().await, 1);
    }

    #[tokio::test]
    async fn what_is_gone_is_unknown() {
        let events = Events::new(&Limits {
            stream_events_max: 2,
            ..limits()
        });
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(events.store_event("a", &priming()).await.unwrap());
        }
        assert!(events.replay_events_after(&ids[0]).await.is_err());
        assert!(events.replay_events_after(&ids[1]).await.is_ok());
        for bad in ["", "0", "1-99", "7-1", "x-y", "1-18446744073709551615"] {
            assert!(events.replay_events_after(bad).await.is_err(), "{bad}");
        }
        events.store_event("s:common", &priming()).await.unwrap();
        events.forget_session("s");
        assert!(events.replay_events_after("2-1").await.is_err());
    }

    #[tokio::test]
    async fn bytes_and_time_are_bounded() {
        let events = Events::new(&Limits {
            events_bytes_max: 1000,
            events_kept: Duration::ZERO,
            ..limits()
        });
        for n in 0..100 {
            events
                .store_event(&format!("s{n}"), &priming())
                .await
                .unwrap();
        }
        assert!(lock(&events.0).bytes <= 1000);
        assert!(lock(&events.0).streams.len() < 20);
        events.store_event("done", &answer(1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        events.store_event("more", &priming()).await.unwrap();
        assert!(!lock(&events.0).numbers.contains_key("done"));
        let kept = lock(&events.0);
        let counted: usize = kept
            .streams
            .values()
            .flat_map(|stream| stream.events.iter().map(|(_, bytes, _)| bytes))
            .sum();
        assert_eq!(kept.bytes, counted);
    }
}
