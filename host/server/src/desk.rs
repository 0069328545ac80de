//! Where clients are served: the list of tools, and calls.

use crate::answer::{self, Answer};
use crate::card::Card;
use crate::host::{Host, HostError, Offer};
use crate::limits::Limits;
use crate::page;
use crate::seat::Seat;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tollgate_contract::{CallContext, CallId, PluginCaller, ProgressSink, ToolError};
use tollgate_sessions::catalog::ToolCatalog;

/// The desk of one server.
pub struct Desk {
    host: Arc<dyn Host>,
    caller: Arc<dyn PluginCaller>,
    limits: Limits,
    listing: Mutex<Option<Arc<Listing>>>,
    changes: watch::Sender<u64>,
}

/// The tools as they were offered at one time.
#[derive(Debug)]
pub struct Listing {
    stamp: u64,
    catalog: Arc<ToolCatalog>,
    cards: Vec<Card>,
}

impl Listing {
    fn of(offer: Offer) -> Self {
        let specs = offer.catalog.specs();
        let offered = specs
            .iter()
            .filter_map(|spec| offer.catalog.get(&spec.name));
        let mut cards: Vec<Card> = offered.map(Card::of).collect();
        cards.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            stamp: offer.stamp,
            catalog: offer.catalog,
            cards,
        }
    }

    fn card(&self, name: &str) -> Option<&Card> {
        let at = self
            .cards
            .binary_search_by(|card| card.name.as_str().cmp(name));
        at.ok().and_then(|at| self.cards.get(at))
    }
}

/// Why a page of the list could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor.
    #[error(transparent)]
    Page(#[from] page::NoSuchPage),
    /// The host.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Why a call was not begun.
#[derive(Debug, thiserror::Error)]
pub enum CallRefused {
    /// There is no such tool.
    #[error("no tool is named {0:?}; tools/list says which there are")]
    NoSuchTool(String),
    /// The host.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// The most characters of an unknown name that are said back.
const NAME_CHARS_MAX: usize = 80;

impl Desk {
    /// A desk for the plugins that `caller` reaches.
    pub fn new(host: Arc<dyn Host>, caller: Arc<dyn PluginCaller>, limits: Limits) -> Self {
        Self {
            host,
            caller,
            limits,
            listing: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Its host.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Changes whenever the tools do; see [`Desk::watch`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks the host again and again, and says when the tools have changed. Never returns.
    pub async fn watch(&self) {
        loop {
            // Whoever asks for the list or calls a tool is told what is wrong with it.
            if let Ok(listing) = self.listing().await {
                self.changes.send_if_modified(|seen| {
                    // What was there at the start is no change.
                    let changed = *seen != 0 && *seen != listing.stamp;
                    *seen = listing.stamp;
                    changed
                });
            }
            tokio::time::sleep(self.limits.look).await;
        }
    }

    /// One page of the tools, and the cursor of the next.
    ///
    /// # Errors
    ///
    /// [`ListError`] if the cursor is not this server's, or the host cannot say.
    pub async fn list(
        &self,
        cursor: Option<&str>,
    ) -> Result<(Vec<Card>, Option<String>), ListError> {
        let listing = self.listing().await?;
        let items_max = self.limits.page_tools_max;
        let (cards, next) = page::page(&listing.cards, |card| &card.name, cursor, items_max)?;
        Ok((cards.to_vec(), next))
    }

    /// Calls a tool under its offered name; `progress` hears how far it says it is. Dropping the future cancels
    /// the call.
    ///
    /// # Errors
    ///
    /// [`CallRefused`] if nothing was called; whatever a call comes to is an [`Answer`].
    pub async fn call(
        &self,
        seat: &Seat,
        name: &str,
        arguments_json: String,
        progress: Option<Arc<dyn ProgressSink>>,
    ) -> Result<Answer, CallRefused> {
        let listing = self.listing().await?;
        let (Some(offered), Some(card)) = (listing.catalog.get(name), listing.card(name)) else {
            let name = name.chars().take(NAME_CHARS_MAX).collect();
            return Err(CallRefused::NoSuchTool(name));
        };
        let _place = match seat.place().await {
            Ok(place) => place,
            Err(crowded) => return Ok(answer::plain_error(crowded.to_string(), Value::Null)),
        };
        let id = format!("call_{}", uuid::Uuid::now_v7().simple());
        let context = CallContext {
            session: seat.session().clone(),
            run: None,
            call: CallId::new(id).map_err(|error| HostError(error.to_string()))?,
            plugin: offered.plugin.clone(),
            fence: None,
            effects_max: None,
        };
        let called = self
            .caller
            .call_tool_watched(
                context.clone(),
                offered.tool.clone(),
                arguments_json,
                progress,
            )
            .await;
        Ok(match called {
            Ok(reply) => {
                match &reply.value {
                    Err(ToolError::Denied { denial }) => self.host.denied(seat.session(), denial),
                    _ if reply.evidence.denied > 0 => {
                        self.host
                            .refused(seat.session(), &context.plugin, reply.evidence.denied);
                    }
                    _ => {}
                }
                answer::returned(&context, card.output_schema.is_some(), reply)
            }
            Err(fault) => {
                self.host.faulted(seat.session(), &context.plugin, &fault);
                answer::faulted(&context, &fault)
            }
        })
    }

    async fn listing(&self) -> Result<Arc<Listing>, HostError> {
        let offer = self.host.offer().await?;
        let mut kept = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some(listing) if listing.stamp == offer.stamp => Ok(Arc::clone(listing)),
            _ => {
                let listing = Arc::new(Listing::of(offer));
                *kept = Some(Arc::clone(&listing));
                Ok(listing)
            }
        }
    }
}

/// What a client is told that asks for a session's own data.
pub(crate) fn about(seat: &Seat) -> Value {
    json!({ "session": seat.session() })
}
