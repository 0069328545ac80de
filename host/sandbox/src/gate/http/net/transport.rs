//! Which socket a request goes to: the real one, or none.

use super::client::Client;
use super::error::NetError;
use super::fixture::FixtureSet;
use super::request::{Inbound, OutboundRequest};

/// The only choice there is: everything but the socket is the same for both.
#[derive(Clone)]
pub enum Transport {
    /// The network.
    Live(Client),
    /// Recorded answers. Nothing is resolved and nothing is connected to, so the address check is not
    /// asked and an answer has no peer.
    Fixture(FixtureSet),
}

impl Transport {
    /// The word for records: `live` or `fixture`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Live(_) => "live",
            Self::Fixture(_) => "fixture",
        }
    }

    /// Sends one request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// As [`Client::send`] and [`FixtureSet::send`].
    pub async fn send(&self, request: OutboundRequest) -> Result<Inbound, NetError> {
        match self {
            Self::Live(client) => client.send(request).await,
            Self::Fixture(fixtures) => fixtures.send(request).await,
        }
    }
}
